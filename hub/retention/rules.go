package retention

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/lienthong/lienthong/hub"
)

// rules are what decides at one instant.
type rules struct {
	version int64 // of the store, classes and holds together
	classes hub.RetentionClasses
	holds   []hub.LegalHold // those in force
}

// rules reads what is in force. The version is read first: should the rules change
// meanwhile, it is too old and the store refuses what was decided by them.
func (s *Service) rules(ctx context.Context, now time.Time) (*rules, error) {
	version, err := s.Notes.RulesVersion(ctx)
	if err != nil {
		return nil, err
	}
	classes, err := s.classes(ctx)
	if err != nil {
		return nil, err
	}
	holds, err := all[hub.LegalHold](ctx, s, holdPrefix)
	if err != nil {
		return nil, err
	}
	holds = slices.DeleteFunc(holds, func(h hub.LegalHold) bool { return !h.Active(now) })
	return &rules{version, classes, holds}, nil
}

func (s *Service) classes(ctx context.Context) (hub.RetentionClasses, error) {
	newest, err := list[hub.RetentionClasses](ctx, s, hub.NotesQuery{Prefix: classesPrefix, Backwards: true}, hub.Page{Limit: 1})
	if err != nil || len(newest.Items) == 0 {
		return hub.RetentionClasses{Classes: []hub.RetentionClass{}}, err
	}
	return newest.Items[0], nil
}

// held reports whether a legal hold is about a dispatch.
func (r *rules) held(d *hub.Completed) bool {
	return slices.ContainsFunc(r.holds, func(h hub.LegalHold) bool { return h.Holds(d) })
}

// heldDossier reports whether a legal hold is about a dossier.
func (r *rules) heldDossier(d *hub.Dossier) bool {
	return slices.ContainsFunc(r.holds, func(h hub.LegalHold) bool { return h.HoldsDossier(d) })
}

// due returns the class that ends the time of a dispatch; nil while its time goes on.
func (r *rules) due(d *hub.Completed, now time.Time) *hub.RetentionClass {
	class := r.classes.Decide(d)
	if class == nil || class.Keep.IsZero() || d.At.After(class.Keep.Before(now)) {
		return nil
	}
	return class
}

// Classes returns the set in force to an operator or an auditor.
func (s *Service) Classes(ctx context.Context, actor hub.Actor) (hub.RetentionClasses, error) {
	if err := actor.Oversees(); err != nil {
		return hub.RetentionClasses{}, err
	}
	return s.classes(ctx)
}

// SetClasses puts a whole set of classes into force and returns it; each set that was
// in force stays in the store. A version in the set must be that of the set which it
// replaces (KindConflict). It needs ScopeOperate.
func (s *Service) SetClasses(ctx context.Context, actor hub.Actor, set hub.RetentionClasses) (hub.RetentionClasses, error) {
	if err := actor.Require(hub.ScopeOperate); err != nil {
		return set, err
	}
	if err := checkClasses(set.Classes); err != nil {
		return set, err
	}
	version, err := s.Notes.RulesVersion(ctx)
	if err != nil {
		return set, err
	}
	before, err := s.classes(ctx)
	if err != nil {
		return set, err
	}
	if set.Version != 0 && set.Version != before.Version {
		return set, hub.Errorf(hub.KindConflict, "version", "version", "the classes in force are of version %d, these were made from %d", before.Version, set.Version)
	}
	set.Version, set.SetBy, set.SetAt = before.Version+1, actor.Name, s.now()
	n, err := note(classesName(set.Version), set)
	if err != nil {
		return set, err
	}
	if err := s.Notes.ChangeRules(ctx, version, n); err != nil {
		return set, err
	}
	s.Log.WarnContext(ctx, "classes of retention are in force", "version", set.Version, "classes", len(set.Classes), "actor", actor.Name)
	return set, nil
}

// ForecastClasses tells what a set would purge if it came into force now, and changes
// nothing. It needs ScopeOperate.
func (s *Service) ForecastClasses(ctx context.Context, actor hub.Actor, set hub.RetentionClasses) (hub.RetentionForecast, error) {
	f := hub.RetentionForecast{ByClass: map[string]int{}}
	if err := actor.Require(hub.ScopeOperate); err != nil {
		return f, err
	}
	if err := checkClasses(set.Classes); err != nil {
		return f, err
	}
	now := s.now()
	r, err := s.rules(ctx, now)
	if err != nil {
		return f, err
	}
	r.classes = set
	for query := (hub.CompletedQuery{Until: now, Limit: s.Batch}); ; {
		found, err := s.Store.Completed(ctx, query)
		if err != nil {
			return f, err
		}
		for i := range found {
			f.Examined++
			switch class := r.due(&found[i], now); {
			case class == nil:
			case r.held(&found[i]):
				f.Held++
			default:
				f.Purged++
				f.ByClass[class.ID]++
			}
		}
		if f.Complete = len(found) < query.Limit; f.Complete || f.Examined >= s.Forecast {
			return f, nil
		}
		last := &found[len(found)-1]
		query.After, query.AfterDispatch = last.At, last.Dispatch.ID
	}
}

// Bounds of what operators write down.
const (
	maxClasses = 1000
	maxTerms   = 10_000 // types or agencies of one class
	maxText    = 500    // characters
)

// classIDs are words that can stand in an address.
var classIDs = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,63}$`)

func checkClasses(classes []hub.RetentionClass) error {
	var found hub.Violations
	if len(classes) > maxClasses {
		return hub.Errorf(hub.KindTooLarge, "classes", "max_items", "there are at most %d classes", maxClasses)
	}
	seen := map[string]bool{}
	for i := range classes {
		c, field := &classes[i], fmt.Sprintf("classes[%d]", i)
		if !classIDs.MatchString(c.ID) {
			found = append(found, hub.Invalid(field+".id", "class_id", "an id has 1 to 64 small letters, digits and hyphens"))
		}
		if seen[c.ID] {
			found = append(found, hub.Invalid(field+".id", "duplicate", "the id occurs twice"))
		}
		seen[c.ID] = true
		found = checkText(found, field+".name", c.Name, true)
		// Whatever ends a life needs a reason that can be shown.
		found = checkText(found, field+".legal_basis", c.LegalBasis, !c.Keep.IsZero())
		found = append(found, checkTerms(field, c)...)
	}
	return found.AsError()
}

func checkTerms(field string, c *hub.RetentionClass) hub.Violations {
	var found hub.Violations
	if len(c.Types) > maxTerms || len(c.Agencies) > maxTerms {
		found = append(found, hub.Errorf(hub.KindTooLarge, field, "max_items", "a class names at most %d types and agencies", maxTerms))
	}
	if slices.ContainsFunc(c.Types, func(t int) bool { return t <= 0 }) {
		found = append(found, hub.Invalid(field+".types", "range", "codes of document types are above 0"))
	}
	if c.Dossiers && len(c.Types) > 0 {
		found = append(found, hub.Invalid(field+".types", "exclusive", "dossiers have no types of documents"))
	}
	if slices.Contains(c.Agencies, "") {
		found = append(found, hub.Invalid(field+".agencies", "required", "an agency has an id"))
	}
	return found
}

func checkText(found hub.Violations, field, text string, required bool) hub.Violations {
	switch {
	case required && strings.TrimSpace(text) == "":
		return append(found, hub.Invalid(field, "required", "this is required"))
	case utf8.RuneCountInString(text) > maxText:
		return append(found, hub.Invalid(field, "max_length", "this has at most %d characters", maxText))
	}
	return found
}
