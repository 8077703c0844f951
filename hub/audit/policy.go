package audit

import (
	"bytes"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/lienthong/lienthong/hub"
)

// Policy says which logs are trusted and which witnesses must have seen a checkpoint
// (c2sp.org/tlog-policy). It is the auditor's: a verifier never takes the one that comes
// with what it verifies.
type Policy struct {
	logs      []*verifier
	witnesses []witnessLine
	groups    map[string]group
	quorum    string
	lines     []string // of witnesses, groups and the quorum, as they were written
}

type witnessLine struct {
	name string
	key  *verifier
	url  string
}

// group is a number of members that must have seen a checkpoint.
type group struct {
	least   int
	members []string
}

// noQuorum is the predefined name of a quorum without witnesses.
const noQuorum = "none"

// maxPolicy bounds a policy, in bytes and in lines of a kind.
const (
	maxPolicy      = 256 << 10
	maxPolicyLines = 256
)

// ParsePolicy reads a policy. Errors name the line.
func ParsePolicy(text []byte) (*Policy, error) {
	if len(text) > maxPolicy {
		return nil, hub.Errorf(hub.KindTooLarge, "policy", "size", "a policy has at most %d bytes", maxPolicy)
	}
	p := &Policy{groups: map[string]group{}}
	if i := bytes.IndexFunc(text, func(r rune) bool { return r < ' ' && r != '\t' && r != '\n' || r == 0x7f }); i >= 0 {
		return nil, hub.Invalid("policy", "charset", "a policy holds no control characters but tabs and ends of lines")
	}
	used := map[string]bool{} // names that are members of a group
	for i, line := range strings.Split(string(text), "\n") {
		words := strings.FieldsFunc(line, func(r rune) bool { return r == ' ' || r == '\t' })
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		if err := p.line(words, used); err != nil {
			return nil, hub.Invalid(fmt.Sprintf("policy line %d", i+1), "syntax", "%v", err)
		}
		if words[0] != "log" {
			p.lines = append(p.lines, strings.Join(words, " ")+"\n")
		}
	}
	if p.quorum == "" {
		return nil, hub.Invalid("policy", "quorum", "a policy has a line with its quorum")
	}
	return p, nil
}

func (p *Policy) line(words []string, used map[string]bool) error {
	switch {
	case words[0] == "log" && (len(words) == 2 || len(words) == 3):
		return p.addLog(words[1])
	case words[0] == "witness" && (len(words) == 3 || len(words) == 4):
		return p.addWitness(words[1:])
	case words[0] == "group" && len(words) >= 4:
		return p.addGroup(words[1], words[2], words[3:], used)
	case words[0] == "quorum" && len(words) == 2:
		if p.quorum != "" || words[1] != noQuorum && !p.has(words[1]) {
			return fmt.Errorf("the quorum is one witness or group of a line before, or none")
		}
		p.quorum = words[1]
		return nil
	}
	return fmt.Errorf("a line is a log, a witness, a group or the quorum")
}

func (p *Policy) has(name string) bool {
	_, is := p.groups[name]
	return is || slices.ContainsFunc(p.witnesses, func(w witnessLine) bool { return w.name == name })
}

func (p *Policy) addLog(vkey string) error {
	v, err := parseVerifierKey(vkey)
	switch {
	case err != nil:
		return err
	case v.keyType != typeEd25519:
		return fmt.Errorf("this is not the key of a log")
	case slices.ContainsFunc(p.logs, func(o *verifier) bool { return o.name == v.name && bytes.Equal(o.key, v.key) }) || len(p.logs) == maxPolicyLines:
		return fmt.Errorf("the log stands there twice, or there are too many")
	}
	p.logs = append(p.logs, v)
	return nil
}

func (p *Policy) addWitness(words []string) error {
	v, err := parseVerifierKey(words[1])
	switch {
	case err != nil:
		return err
	case v.keyType != typeCosignature:
		return fmt.Errorf("this is not the key of a witness")
	case words[0] == noQuorum || p.has(words[0]):
		return fmt.Errorf("the name %q is taken", words[0])
	case slices.ContainsFunc(p.witnesses, func(o witnessLine) bool { return bytes.Equal(o.key.key, v.key) }) || len(p.witnesses) == maxPolicyLines:
		return fmt.Errorf("the witness stands there twice, or there are too many")
	}
	w := witnessLine{name: words[0], key: v}
	if len(words) == 3 {
		w.url = words[2]
	}
	p.witnesses = append(p.witnesses, w)
	return nil
}

func (p *Policy) addGroup(name, least string, members []string, used map[string]bool) error {
	if name == noQuorum || p.has(name) || len(p.groups) == maxPolicyLines {
		return fmt.Errorf("the name %q is taken, or there are too many groups", name)
	}
	g := group{members: members}
	for _, m := range members {
		if !p.has(m) || used[m] {
			return fmt.Errorf("%q is not there, or in a group already", m)
		}
		used[m] = true
	}
	switch least {
	case "all":
		g.least = len(members)
	case "any":
		g.least = 1
	default:
		n, err := strconv.Atoi(least)
		if err != nil || n < 1 || n > len(members) {
			return fmt.Errorf("%q is not a number from 1 to %d", least, len(members))
		}
		g.least = n
	}
	p.groups[name] = g
	return nil
}

// WantsWitnesses reports whether a checkpoint needs cosignatures.
func (p *Policy) WantsWitnesses() bool { return p.quorum != noQuorum }

// WitnessLines returns the lines of witnesses, groups and the quorum: a policy without
// its logs.
func (p *Policy) WitnessLines() string { return strings.Join(p.lines, "") }

// CheckReachable refuses a policy whose quorum cannot be asked for: its witnesses have
// addresses, http or https, and those that have one are enough.
func (p *Policy) CheckReachable() error {
	reachable := map[string]bool{}
	for i := range p.witnesses {
		w := &p.witnesses[i]
		if w.url == "" {
			continue
		}
		u, err := url.Parse(w.url)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
			return hub.Invalid("policy", "url", "the address of the witness %s is not one of the form https://HOST/PREFIX", w.name)
		}
		reachable[w.name] = true
	}
	if !p.met(p.quorum, reachable) {
		return hub.Invalid("policy", "quorum", "the witnesses that have an address are not enough for the quorum")
	}
	return nil
}

// met reports whether those who have seen a checkpoint are enough.
func (p *Policy) met(name string, seen map[string]bool) bool {
	g, is := p.groups[name]
	if !is {
		return name == noQuorum || seen[name]
	}
	n := 0
	for _, m := range g.members {
		if p.met(m, seen) {
			n++
		}
	}
	return n >= g.least
}

// Witnessed is a checkpoint that a policy was asked about.
type Witnessed struct {
	Checkpoint   Checkpoint
	Cosignatures []Cosignature // of witnesses that the policy knows
	Quorum       bool
}

// Open reads a signed checkpoint. It MUST be signed by a log of the policy, under the
// origin of which it speaks; a wrong signature of a known key is KindUntrusted, as is a
// log that the policy does not know. Whether the quorum is met is told and is no error.
func (p *Policy) Open(signed []byte) (Witnessed, error) {
	var w Witnessed
	var known []note.Verifier
	for _, v := range p.logs {
		known = append(known, v)
	}
	for i := range p.witnesses {
		known = append(known, p.witnesses[i].key)
	}
	n, err := openNote(signed, known)
	if err != nil {
		return w, err
	}
	if w.Checkpoint, err = parseCheckpoint(n.Text); err != nil {
		return w, err
	}
	byLog, seen := false, map[string]bool{}
	for i := range n.Sigs {
		s := &n.Sigs[i]
		byLog = byLog || slices.ContainsFunc(p.logs, func(v *verifier) bool {
			return v.name == w.Checkpoint.Origin && v.name == s.Name && v.KeyHash() == s.Hash
		})
		for j := range p.witnesses {
			if key := p.witnesses[j].key; key.name == s.Name && key.KeyHash() == s.Hash {
				seen[p.witnesses[j].name] = true
				w.Cosignatures = append(w.Cosignatures, cosignatureOf(s))
			}
		}
	}
	if !byLog {
		return w, hub.Errorf(hub.KindUntrusted, "checkpoint", "log", "the checkpoint of %.80q is not signed by that log", w.Checkpoint.Origin)
	}
	w.Quorum = p.met(p.quorum, seen)
	return w, nil
}
