package signrules

import (
	"context"
	"fmt"

	"github.com/lienthong/lienthong/hub"
)

// maxRules bounds a set: more rules than there are agencies make no sense.
const maxRules = 20_000

// Rules returns the set in force to an operator or an auditor.
func (s *Service) Rules(ctx context.Context, actor hub.Actor) (hub.SignatureRules, error) {
	if err := actor.Oversees(); err != nil {
		return hub.SignatureRules{}, err
	}
	return s.newest(ctx)
}

// SetRules puts a whole set into force and returns it; each set that was in force stays
// in the store. A version in the set must be that of the set which it replaces
// (KindConflict). It needs ScopeOperate.
func (s *Service) SetRules(ctx context.Context, actor hub.Actor, set hub.SignatureRules) (hub.SignatureRules, error) {
	if err := actor.Require(hub.ScopeOperate); err != nil {
		return set, err
	}
	if err := checkRules(set.Rules); err != nil {
		return set, err
	}
	made := set.Version
	err := s.change(ctx, func() ([]hub.RetentionNote, error) {
		before, err := s.newest(ctx)
		if err != nil {
			return nil, err
		}
		if made != 0 && made != before.Version {
			return nil, hub.Errorf(hub.KindConflict, "version", "version", "the rules in force are of version %d, these were made from %d", before.Version, made)
		}
		set.Version, set.SetBy, set.SetAt = before.Version+1, actor.Name, s.now()
		n, err := encode(versionName(set.Version), set)
		return []hub.RetentionNote{n}, err
	})
	if err != nil {
		return set, err
	}
	s.Log.WarnContext(ctx, "rules for signatures are in force", "version", set.Version, "rules", len(set.Rules), "actor", actor.Name)
	return set, nil
}

func checkRules(rules []hub.SignatureRule) error {
	if len(rules) > maxRules {
		return hub.Errorf(hub.KindTooLarge, "rules", "max_items", "a set has at most %d rules", maxRules)
	}
	type place struct {
		sender  hub.AgencyID
		channel hub.Format
	}
	var found hub.Violations
	seen := map[place]int{}
	for i, r := range rules {
		field := fmt.Sprintf("rules[%d].", i)
		if !r.Verdict.Valid() {
			found = append(found, hub.Invalid(field+"verdict", "code_list", "verdict is record, enforce or strict"))
		}
		if !r.TwoSignatures.Valid() {
			found = append(found, hub.Invalid(field+"two_signatures", "code_list", "two_signatures is off, note or enforce"))
		}
		if !r.Binding.Valid() {
			found = append(found, hub.Invalid(field+"binding", "code_list", "binding is off, note or enforce"))
		}
		if r.Channel != "" && r.Channel != hub.FormatREST && r.Channel != hub.FormatEdXML {
			found = append(found, hub.Invalid(field+"channel", "code_list", "channel is rest or edxml, or absent for both"))
		}
		at := place{r.Sender, r.Channel}
		if first, ok := seen[at]; ok {
			found = append(found, hub.Invalid(field+"sender", "unique", "rules[%d] is for the same sender and channel", first))
			continue
		}
		seen[at] = i
	}
	return found.AsError()
}
