package trust

import (
	"crypto/x509"
	"encoding/asn1"
	"maps"
	"slices"

	"golang.org/x/crypto/cryptobyte"
	tags "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/lienthong/lienthong/signing/verdict"
)

// Policies are the inputs on certificate policies (RFC 5280, 6.1.1); the zero value
// accepts any policy and leaves it to the authorities to demand one.
type Policies struct {
	Accepted       []string // identifiers, one of which a path must be valid for; nil: any
	Explicit       bool     // the path must be valid for some policy
	InhibitMapping bool
	InhibitAny     bool
}

const (
	anyPolicy      = "2.5.29.32.0"
	maxPolicies    = 128  // of one certificate
	maxPolicyNodes = 2048 // of one tree
)

// policyNode says that a path is valid for a policy down to its depth.
type policyNode struct {
	policy   string
	expected []string // at the next depth
	parent   *policyNode
	children int
}

// policyTree is the valid_policy_tree of RFC 5280, 6.1, by depth; nil when it is
// empty.
type policyTree struct {
	levels [][]*policyNode
	count  int
}

// policyState is the state of the processing.
type policyState struct {
	tree                          *policyTree
	explicit, mapping, inhibitAny int
	accepted                      []string
}

// checkPolicies processes the policies of a path, signer first and anchor last.
func checkPolicies(path []*x509.Certificate, in Policies) *verdict.Problem {
	steps := len(path) - 1 // the anchor is no step
	pick := func(now bool) int {
		if now {
			return 0
		}
		return steps + 1
	}
	s := policyState{
		tree:       &policyTree{levels: [][]*policyNode{{{policy: anyPolicy, expected: []string{anyPolicy}}}}},
		explicit:   pick(in.Explicit),
		mapping:    pick(in.InhibitMapping),
		inhibitAny: pick(in.InhibitAny),
		accepted:   in.Accepted,
	}
	for i := steps - 1; i >= 0; i-- {
		if problem := s.step(path[i], i == 0); problem != nil {
			return problem
		}
	}
	return nil
}

// step processes one certificate (6.1.3 d to f, 6.1.4 a to j, 6.1.5 a, b and g).
func (s *policyState) step(certificate *x509.Certificate, last bool) *verdict.Problem {
	policies, ok := policiesOf(certificate)
	if !ok {
		return badExtension(certificate, "certificate policies")
	}
	if s.tree != nil && policies == nil {
		s.tree = nil
	}
	if s.tree != nil && !s.grow(policies, s.inhibitAny > 0 || !last && selfIssued(certificate)) {
		return badExtension(certificate, "certificate policies")
	}
	if s.explicit == 0 && s.tree == nil {
		return s.unmet(certificate)
	}
	if !last {
		if !s.mapPolicies(certificate) {
			return badExtension(certificate, "policy mappings")
		}
		if !selfIssued(certificate) {
			s.explicit, s.mapping, s.inhibitAny = max(s.explicit-1, 0), max(s.mapping-1, 0), max(s.inhibitAny-1, 0)
		}
	} else {
		s.explicit = max(s.explicit-1, 0)
	}
	if !s.constrain(certificate, last) {
		return badExtension(certificate, "policy constraints")
	}
	if last {
		s.tree.intersect(s.accepted)
		if s.explicit == 0 && s.tree.empty() {
			return s.unmet(certificate)
		}
	}
	return nil
}

func (s *policyState) unmet(certificate *x509.Certificate) *verdict.Problem {
	return verdict.Doubt(verdict.ChainConstraintsFailure, "the path to %s is valid for no certificate policy that is asked for", subjectOf(certificate))
}

// grow adds the next depth of the tree (6.1.3 d).
func (s *policyState) grow(policies []string, anyAllowed bool) bool {
	t := s.tree
	above := t.levels[len(t.levels)-1]
	t.levels = append(t.levels, nil)
	for _, policy := range policies {
		if policy == anyPolicy {
			continue
		}
		matched := false
		for _, parent := range above {
			if slices.Contains(parent.expected, policy) {
				t.add(parent, policy, policy)
				matched = true
			}
		}
		if i := slices.IndexFunc(above, func(n *policyNode) bool { return n.policy == anyPolicy }); !matched && i >= 0 {
			t.add(above[i], policy, policy)
		}
	}
	if slices.Contains(policies, anyPolicy) && anyAllowed {
		t.addAny(above)
	}
	if t.count > maxPolicyNodes {
		return false
	}
	t.prune(len(t.levels) - 2)
	if t.empty() {
		s.tree = nil
	}
	return true
}

// addAny continues every expectation that nothing continues yet.
func (t *policyTree) addAny(above []*policyNode) {
	for _, parent := range above {
		for _, policy := range parent.expected {
			continued := slices.ContainsFunc(t.levels[len(t.levels)-1], func(n *policyNode) bool {
				return n.parent == parent && n.policy == policy
			})
			if !continued {
				t.add(parent, policy, policy)
			}
		}
	}
}

func (t *policyTree) add(parent *policyNode, policy string, expected ...string) {
	if t.count++; t.count > maxPolicyNodes {
		return
	}
	parent.children++
	last := len(t.levels) - 1
	t.levels[last] = append(t.levels[last], &policyNode{policy: policy, expected: expected, parent: parent})
}

// prune removes nodes without children from a depth upwards.
func (t *policyTree) prune(depth int) {
	for ; depth >= 0; depth-- {
		t.levels[depth] = slices.DeleteFunc(t.levels[depth], func(n *policyNode) bool {
			if n.children == 0 && n.parent != nil {
				n.parent.children--
			}
			return n.children == 0
		})
	}
}

// empty reports whether no policy is left; a tree whose root is gone has none.
func (t *policyTree) empty() bool { return t == nil || len(t.levels[0]) == 0 }

// remove deletes nodes of the deepest level and what led only to them.
func (t *policyTree) remove(which func(n *policyNode) bool) {
	last := len(t.levels) - 1
	t.levels[last] = slices.DeleteFunc(t.levels[last], func(n *policyNode) bool {
		gone := which(n)
		if gone && n.parent != nil {
			n.parent.children--
		}
		return gone
	})
	t.prune(last - 1)
}

// mapPolicies applies the policy mappings of an authority (6.1.4 a and b).
func (s *policyState) mapPolicies(certificate *x509.Certificate) bool {
	mappings, ok := mappingsOf(certificate)
	if !ok || s.tree == nil {
		return ok
	}
	t := s.tree
	for _, from := range sortedKeys(mappings) {
		if s.mapping == 0 {
			t.remove(func(n *policyNode) bool { return n.policy == from })
			continue
		}
		matched := false
		level := t.levels[len(t.levels)-1]
		for _, node := range level {
			if node.policy == from {
				node.expected, matched = mappings[from], true
			}
		}
		i := slices.IndexFunc(level, func(n *policyNode) bool { return n.policy == anyPolicy })
		if !matched && i >= 0 && level[i].parent != nil {
			t.add(level[i].parent, from, mappings[from]...)
		}
	}
	if t.empty() {
		s.tree = nil
	}
	return t.count <= maxPolicyNodes
}

// constrain takes over what the certificate demands (6.1.4 i and j, 6.1.5 b).
func (s *policyState) constrain(certificate *x509.Certificate, last bool) bool {
	explicit, mapping, ok := policyConstraintsOf(certificate)
	if !ok {
		return false
	}
	if explicit >= 0 && (explicit < s.explicit && !last || explicit == 0) {
		s.explicit = explicit
	}
	if mapping >= 0 && mapping < s.mapping {
		s.mapping = mapping
	}
	if value, _ := extensionOf(certificate, oidInhibitAnyPolicy); value != nil {
		input, skip := cryptobyte.String(value), 0
		if !input.ReadASN1Integer(&skip) || !input.Empty() || skip < 0 {
			return false
		}
		s.inhibitAny = min(s.inhibitAny, skip)
	}
	return true
}

// intersect keeps what the relying party accepts (6.1.5 g).
func (t *policyTree) intersect(accepted []string) {
	if t.empty() || accepted == nil || slices.Contains(accepted, anyPolicy) {
		return
	}
	var roots []*policyNode // valid_policy_node_set: the parents are any-policy
	for _, level := range t.levels[1:] {
		for _, node := range level {
			if node.parent.policy == anyPolicy && node.policy != anyPolicy {
				roots = append(roots, node)
			}
		}
	}
	last := len(t.levels) - 1
	anyNode := slices.IndexFunc(t.levels[last], func(n *policyNode) bool { return n.policy == anyPolicy })
	if anyNode >= 0 {
		for _, policy := range accepted {
			if !slices.ContainsFunc(roots, func(n *policyNode) bool { return n.policy == policy }) {
				t.add(t.levels[last][anyNode].parent, policy, policy)
			}
		}
	}
	t.remove(func(n *policyNode) bool {
		for ; n.parent != nil; n = n.parent {
			if n.parent.policy == anyPolicy && n.policy != anyPolicy {
				return !slices.Contains(accepted, n.policy)
			}
		}
		return true // any-policy to the end, replaced above
	})
}

func sortedKeys[V any](m map[string][]V) []string { return slices.Sorted(maps.Keys(m)) }

// policiesOf returns the policies of a certificate; nil without the extension.
func policiesOf(certificate *x509.Certificate) ([]string, bool) {
	value, _ := extensionOf(certificate, oidPolicies)
	if value == nil {
		return nil, true
	}
	input := cryptobyte.String(value)
	var list cryptobyte.String
	if !input.ReadASN1(&list, tags.SEQUENCE) || !input.Empty() {
		return nil, false
	}
	out := []string{}
	for !list.Empty() {
		var information cryptobyte.String
		var id asn1.ObjectIdentifier
		if len(out) == maxPolicies || !list.ReadASN1(&information, tags.SEQUENCE) || !information.ReadASN1ObjectIdentifier(&id) {
			return nil, false
		}
		if slices.Contains(out, id.String()) {
			return nil, false
		}
		out = append(out, id.String())
	}
	return out, true
}

// mappingsOf returns the policies of subjects by the policy of the issuer. Any-policy
// must not be mapped.
func mappingsOf(certificate *x509.Certificate) (map[string][]string, bool) {
	value, _ := extensionOf(certificate, oidPolicyMappings)
	if value == nil {
		return nil, true
	}
	input := cryptobyte.String(value)
	var list cryptobyte.String
	if !input.ReadASN1(&list, tags.SEQUENCE) || !input.Empty() {
		return nil, false
	}
	out := map[string][]string{}
	for count := 0; !list.Empty(); count++ {
		var pair cryptobyte.String
		var from, to asn1.ObjectIdentifier
		if count == maxPolicies || !list.ReadASN1(&pair, tags.SEQUENCE) || !pair.ReadASN1ObjectIdentifier(&from) ||
			!pair.ReadASN1ObjectIdentifier(&to) || from.String() == anyPolicy || to.String() == anyPolicy {
			return nil, false
		}
		out[from.String()] = append(out[from.String()], to.String())
	}
	return out, true
}

// policyConstraintsOf returns requireExplicitPolicy and inhibitPolicyMapping; -1 each
// when it is not there.
func policyConstraintsOf(certificate *x509.Certificate) (explicit, mapping int, ok bool) {
	value, _ := extensionOf(certificate, oidPolicyConstraints)
	if value == nil {
		return -1, -1, true
	}
	input := cryptobyte.String(value)
	var sequence cryptobyte.String
	if !input.ReadASN1(&sequence, tags.SEQUENCE) || !input.Empty() {
		return -1, -1, false
	}
	read := func(tag uint8) (int, bool) {
		t := tags.Tag(tag).ContextSpecific()
		number := int64(-1)
		if sequence.PeekASN1Tag(t) && (!sequence.ReadASN1Int64WithTag(&number, t) || number < 0 || number > 1<<20) {
			return -1, false
		}
		return int(number), true
	}
	explicit, first := read(0)
	mapping, second := read(1)
	return explicit, mapping, first && second && sequence.Empty()
}
