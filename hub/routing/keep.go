package routing

import (
	"context"
	_ "embed"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"

	"github.com/lienthong/lienthong/hub"
)

//go:embed examples/normative.json
var normative string

// Normative returns the rule that ships as an example: copies of normative documents (văn
// bản quy phạm pháp luật) go to who inspects them. Such a document is told from an
// administrative one of the same kind by the year in its number, "04/2026/QĐ-UBND" (Luật
// ban hành văn bản quy phạm pháp luật); kinds and form are data, for an agency to change.
func Normative(recipient string) ([]hub.RoutingRule, error) {
	var set hub.RoutingRules
	if err := json.Unmarshal([]byte(normative), &set); err != nil {
		return nil, hub.Internal("read the example of rules", err)
	}
	for i := range set.Rules {
		set.Rules[i].Recipients = []string{recipient}
	}
	return set.Rules, nil
}

// mayRead lets in who works for the agency, and who oversees the hub.
func mayRead(actor *hub.Actor, agency hub.AgencyID) error {
	for _, scope := range []hub.Scope{hub.ScopeAccounts, hub.ScopeSubmit, hub.ScopeCollect} {
		if actor.SpeaksFor(agency, scope) == nil {
			return nil
		}
	}
	if actor.Oversees() == nil {
		return nil
	}
	return hub.Errorf(hub.KindDenied, "agency", "agency", "the routing rules of an agency are its own")
}

// Rules returns the rules of an agency, those in force or, with a version, those that were,
// to who works for it and to operators and auditors. KindNotFound for a version that there
// never was.
func (s *Service) Rules(ctx context.Context, actor hub.Actor, agency hub.AgencyID, version int64) (hub.RoutingRules, error) {
	if err := mayRead(&actor, agency); err != nil {
		return hub.RoutingRules{}, err
	}
	if version == 0 {
		return s.newest(ctx, agency)
	}
	n, err := s.Notes.Note(ctx, historyName(agency, version))
	if err != nil {
		if hub.KindOf(err) == hub.KindNotFound {
			err = hub.Errorf(hub.KindNotFound, "version", "version", "the rules of this agency never had the version %d", version)
		}
		return hub.RoutingRules{}, err
	}
	return decode[hub.RoutingRules](&n)
}

func (s *Service) newest(ctx context.Context, agency hub.AgencyID) (hub.RoutingRules, error) {
	n, err := s.Notes.Note(ctx, noteName(agency))
	switch {
	case err == nil:
		return decode[hub.RoutingRules](&n)
	case hub.KindOf(err) == hub.KindNotFound:
		return hub.RoutingRules{Agency: agency, Rules: []hub.RoutingRule{}}, nil
	}
	return hub.RoutingRules{}, err
}

// SetRules puts a whole set into the place of the one before and returns it, which needs
// ScopeAccounts in the agency. A version in the set must be that of the set which it
// replaces (KindConflict); the same rules again change nothing. Errors name field and rule,
// such as "rules[2].recipients[0] loop", and then nothing has changed.
func (s *Service) SetRules(ctx context.Context, actor hub.Actor, set hub.RoutingRules) (hub.RoutingRules, error) {
	if err := actor.SpeaksFor(set.Agency, hub.ScopeAccounts); err != nil {
		return set, err
	}
	now := s.now()
	if a, ok := s.Directory.ByID(set.Agency); !ok || !a.LivesAt(now) {
		return set, hub.Errorf(hub.KindDenied, "agency", "closed", "the agency is closed: its rules stay as they are")
	}
	set.Rules = slices.Clone(set.Rules)
	if set.Rules == nil {
		set.Rules = []hub.RoutingRule{}
	}
	for i := range set.Rules {
		tidy(&set.Rules[i])
	}
	if err := s.check(&set, now).AsError(); err != nil {
		return set, err
	}
	saved, changed, err := s.save(ctx, &actor, set, now)
	if err == nil && changed {
		s.Log.InfoContext(ctx, "routing rules are in force", "agency", saved.Agency, "version", saved.Version, "rules", len(saved.Rules), "actor", actor.Name)
	}
	return saved, err
}

func (s *Service) save(ctx context.Context, actor *hub.Actor, set hub.RoutingRules, now time.Time) (_ hub.RoutingRules, changed bool, _ error) {
	wanted := set.Version
	for try := 0; ; try++ {
		// Rules of all agencies as they are: what is checked for circles is what is changed.
		if err := s.Refresh(ctx); err != nil {
			return set, false, err
		}
		all := s.current.Load()
		before := all.rules[set.Agency]
		keepSince(set.Rules, before.Rules, now)
		if before.Version > 0 && reflect.DeepEqual(set.Rules, before.Rules) {
			return before, false, nil
		}
		if wanted != 0 && wanted != before.Version {
			return set, false, hub.Errorf(hub.KindConflict, "version", "version", "the rules in force are of version %d, these were made from %d", before.Version, wanted)
		}
		if err := s.circles(all, &set, now).AsError(); err != nil {
			return set, false, err
		}
		set.Version, set.SetBy, set.SetAt = before.Version+1, actor.Name, now
		inForce, err := encode(noteName(set.Agency), set)
		if err != nil {
			return set, false, err
		}
		err = s.Notes.ChangeRules(ctx, all.version, inForce, hub.RetentionNote{Name: historyName(set.Agency, set.Version), Body: inForce.Body})
		if err == nil {
			return set, true, s.Refresh(ctx)
		}
		if hub.KindOf(err) != hub.KindConflict || try == changeRetries {
			return set, false, err
		}
	}
}

// keepSince says of each rule since when it is there: by its name and action.
func keepSince(rules, before []hub.RoutingRule, now time.Time) {
	for i := range rules {
		r := &rules[i]
		r.Since = now
		at := slices.IndexFunc(before, func(b hub.RoutingRule) bool { return b.Name == r.Name && b.Action == r.Action })
		if at >= 0 {
			r.Since = before[at].Since
		}
	}
}

// tidy brings a rule into the one form in which it is kept and compared.
func tidy(r *hub.RoutingRule) {
	r.Name = norm.NFC.String(strings.Join(strings.Fields(r.Name), " "))
	r.Note = norm.NFC.String(strings.TrimSpace(r.Note))
	for _, list := range []*[]string{&r.Types, &r.Fields, &r.Numbers, &r.Senders, &r.Recipients} {
		tidied := make([]string, 0, len(*list))
		for _, text := range *list {
			tidied = append(tidied, norm.NFC.String(strings.TrimSpace(text)))
		}
		*list = slices.Clip(tidied)
		if len(tidied) == 0 {
			*list = nil
		}
	}
	if r.Recipients == nil {
		r.Recipients = []string{} // as it is read
	}
	r.Since = time.Time{}
}
