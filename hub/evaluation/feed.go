package evaluation

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/lienthong/lienthong/hub"
)

// The bounds of feeds.
const (
	maxFed      = 500     // ratings and complaints at once
	maxFedID    = 100     // characters
	maxValue    = 1 << 40 // of an input
	maxSource   = 500     // characters
	firstYear   = 1990
	clockLeeway = 5 * time.Minute // by which the clock of another system may be ahead
	inputPlace  = "evaluation-input/"
)

// Feed records ratings and complaints, all or none: of the agency of the actor, or of one
// under it. It needs the scope "submit". An id that comes again changes nothing; of a
// complaint it may bring the answer.
func (s *Service) Feed(ctx context.Context, actor hub.Actor, list []hub.Feedback) (hub.FeedbackFed, error) {
	if err := actor.Require(hub.ScopeSubmit); err != nil {
		return hub.FeedbackFed{}, err
	}
	if len(list) == 0 || len(list) > maxFed {
		return hub.FeedbackFed{}, hub.Invalid("items", "max_items", "a feed has 1 to %d items", maxFed)
	}
	var found hub.Violations
	seen := map[string]bool{}
	for i := range list {
		at := fmt.Sprintf("items[%d].", i)
		f := &list[i]
		if !s.feeds(&actor, f.Agency) {
			return hub.FeedbackFed{}, hub.Errorf(hub.KindDenied, at+"agency", "agency", "this credential may not feed what is said of that agency")
		}
		key := string(f.Agency) + "/" + f.ID
		if seen[key] {
			found = append(found, hub.Invalid(at+"id", "unique", "the id stands there twice"))
		}
		seen[key] = true
		found = append(found, s.check(at, f)...)
	}
	if err := found.AsError(); err != nil {
		return hub.FeedbackFed{}, err
	}
	return s.Feedbacks.AddFeedback(ctx, list)
}

// feeds reports whether the actor acts for an agency, or for one that is above it now.
func (s *Service) feeds(actor *hub.Actor, agency hub.AgencyID) bool {
	if _, ok := s.Directory.ByID(agency); !ok {
		return false
	}
	if actor.SpeaksFor(agency, hub.ScopeSubmit) == nil {
		return true
	}
	now := s.Now()
	return slices.ContainsFunc(s.Desk.Places(agency), func(p hub.AgencyPlace) bool {
		return p.During.Contains(now) && slices.ContainsFunc(p.Above, func(up hub.AgencyID) bool { return slices.Contains(actor.Agencies, up) })
	})
}

func (s *Service) check(at string, f *hub.Feedback) hub.Violations {
	var found hub.Violations
	add := func(field, rule, format string, args ...any) {
		found = append(found, hub.Invalid(at+field, rule, format, args...))
	}
	if f.ID == "" || len(f.ID) > maxFedID || strings.ContainsFunc(f.ID, func(r rune) bool { return r <= ' ' || r > '~' }) {
		add("id", "name", "an id has 1 to %d signs from ! to ~", maxFedID)
	}
	latest := s.now().Add(clockLeeway)
	f.At, f.Due, f.Answered = f.At.UTC().Truncate(time.Millisecond), f.Due.UTC().Truncate(time.Millisecond), f.Answered.UTC().Truncate(time.Millisecond)
	if f.At.Year() < firstYear || f.At.After(latest) {
		add("at", "range", "it came in between the year %d and now", firstYear)
	}
	switch f.Kind {
	case hub.FeedbackRating:
		if f.Score < 1 || f.Score > 5 {
			add("score", "range", "a rating has a score from 1 to 5")
		}
		if !f.Due.IsZero() || !f.Answered.IsZero() {
			add("due_at", "exclusive", "only a complaint is answered")
		}
	case hub.FeedbackComplaint:
		if f.Score != 0 {
			add("score", "exclusive", "a complaint has no score")
		}
		if f.Due.Before(f.At) || f.Due.After(f.At.AddDate(maxDueYears, 0, 0)) {
			add("due_at", "range", "a complaint has a last day for its answer, behind the day on which it came in")
		}
		if !f.Answered.IsZero() && (f.Answered.Before(f.At) || f.Answered.After(latest)) {
			add("answered_at", "range", "it is answered between its receipt and now")
		}
	default:
		add("kind", "code_list", "it is a rating or a complaint")
	}
	return found
}

const maxDueYears = 10

// fed is the body of a note of inputs.
type fed struct {
	Agency hub.AgencyID     `json:"agency"`
	Period hub.Period       `json:"period"`
	Values map[string]int64 `json:"values"`
	Source string           `json:"source"`
	By     string           `json:"by"`
	At     time.Time        `json:"at"`
}

func inputPrefix(period hub.Period) string { return inputPlace + string(period) + "/" }

// Input feeds facts of an agency in a period that the hub does not have: those given are all
// that there are for both. Its rights are those of Start.
func (s *Service) Input(ctx context.Context, actor hub.Actor, in hub.EvaluationInput) (hub.EvaluationInput, error) {
	if err := s.mayEvaluate(&actor, in.Agency, in.Period); err != nil {
		return in, err
	}
	if _, err := s.Desk.Look(in.Agency, in.Period); err != nil {
		return in, err
	}
	tables, err := s.Tables(ctx)
	if err != nil {
		return in, err
	}
	var found hub.Violations
	for _, name := range slices.Sorted(maps.Keys(in.Values)) {
		known := func(t hub.ScoreTable) bool {
			return slices.ContainsFunc(t.Inputs, func(i hub.ScoreInput) bool { return i.Name == name })
		}
		if !slices.ContainsFunc(tables, known) {
			found = append(found, hub.Invalid("values", "unknown_fact", "no table has an input %.40q", name))
		}
		if n := in.Values[name]; n < 0 || n > maxValue {
			found = append(found, hub.Invalid("values", "range", "%.40s is a number from 0 to %d", name, int64(maxValue)))
		}
	}
	switch {
	case strings.TrimSpace(in.Source) == "":
		found = append(found, hub.Invalid("source", "required", "say where the numbers come from"))
	case !utf8.ValidString(in.Source) || strings.ContainsFunc(in.Source, unicode.IsControl) || utf8.RuneCountInString(in.Source) > maxSource:
		found = append(found, hub.Invalid("source", "max_length", "the source is plain text of at most %d characters", maxSource))
	}
	if err := found.AsError(); err != nil {
		return in, err
	}
	in.By, in.At = actor.Name, s.now()
	body, err := json.Marshal(fed{in.Agency, in.Period, in.Values, in.Source, in.By, in.At})
	if err != nil {
		return in, hub.Internal("encode inputs", err)
	}
	return in, s.Notes.SaveNotes(ctx, hub.RetentionNote{Name: inputPrefix(in.Period) + string(in.Agency), Body: body})
}
