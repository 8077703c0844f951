package routing

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/lienthong/lienthong/hub"
)

// The bounds of rules.
const (
	maxRules      = 100
	maxName       = 100 // characters
	maxText       = 100 // characters of a condition
	maxConditions = 100 // of one kind
	maxRecipients = 20
	maxNote       = 1000 // characters
	maxSteps      = 10_000
)

// check looks at a set by itself, and at whom it names.
func (s *Service) check(set *hub.RoutingRules, now time.Time) hub.Violations {
	if len(set.Rules) > maxRules {
		return hub.Violations{hub.Errorf(hub.KindTooLarge, "rules", "max_items", "an agency has at most %d rules", maxRules)}
	}
	var found hub.Violations
	named := map[string]int{}
	for i := range set.Rules {
		r := &set.Rules[i]
		c := &checker{field: fmt.Sprintf("rules[%d].", i)}
		c.rule(r)
		if first, ok := named[hub.Fold(r.Name)]; ok {
			c.fail("name", "unique", "rules[%d] has the same name", first)
		}
		named[hub.Fold(r.Name)] = i
		found = append(found, c.found...)
		if len(c.found) == 0 {
			found = append(found, s.checkAgencies(c.field, set.Agency, r, now)...)
		}
	}
	return found
}

// checker looks at one rule by itself.
type checker struct {
	field string
	found hub.Violations
}

func (c *checker) fail(field, rule, format string, args ...any) {
	c.found = append(c.found, hub.Invalid(c.field+field, rule, format, args...))
}

func (c *checker) rule(r *hub.RoutingRule) {
	c.text("name", r.Name, true, maxName)
	if !slices.Contains(hub.RoutingActions(), r.Action) {
		c.fail("action", "code_list", "an action is copy, require, forward or inspect, not %.20q", string(r.Action))
	}
	c.texts("types", r.Types)
	c.texts("fields", r.Fields)
	c.texts("numbers", r.Numbers)
	c.texts("senders", r.Senders)
	if r.Priority < hub.PriorityNormal || r.Priority > hub.PriorityTimed {
		c.fail("priority", "code_list", "an urgency is a number from 0 to 4")
	}
	switch n := len(r.Recipients); {
	case r.Action == hub.RouteInspect && n > 0:
		c.fail("recipients", "action", "what is inspected goes to nobody else")
	case n == 0 && r.Action != hub.RouteInspect:
		c.fail("recipients", "required", "a rule names at least one recipient")
	case n > maxRecipients:
		c.found = append(c.found, hub.Errorf(hub.KindTooLarge, c.field+"recipients", "max_items", "a rule names at most %d recipients", maxRecipients))
	}
	switch {
	case !r.Action.OfReceived() && len(r.Senders) > 0:
		c.fail("senders", "action", "a rule about what the agency sends has no senders: it is the sender")
	case r.Action != hub.RouteForward && r.Note != "":
		c.fail("note", "action", "only what is forwarded has a note")
	}
	if r.Action != hub.RouteCopy && r.ForInformation {
		c.fail("for_information", "action", "only a copy can be for information")
	}
	if utf8.RuneCountInString(r.Note) > maxNote {
		c.fail("note", "max_length", "a note has at most %d characters", maxNote)
	}
	if strings.ContainsFunc(r.Note, func(x rune) bool { return unicode.IsControl(x) && x != '\n' }) || !utf8.ValidString(r.Note) {
		c.fail("note", "control_character", "a note is plain text")
	}
	c.validity(r)
}

func (c *checker) validity(r *hub.RoutingRule) {
	for field, d := range map[string]hub.Date{"valid_from": r.ValidFrom, "valid_to": r.ValidTo} {
		if d == "" {
			continue
		}
		if _, err := hub.ParseDate(string(d)); err != nil {
			c.fail(field, "date", "%.20q is not a date of the form YYYY-MM-DD that exists", string(d))
		}
	}
	if r.ValidFrom != "" && r.ValidTo != "" && r.ValidTo <= r.ValidFrom {
		c.fail("valid_to", "period", "a rule ends after it begins")
	}
}

func (c *checker) text(field, text string, needed bool, longest int) {
	switch {
	case text == "" && needed:
		c.fail(field, "required", "%s is required", field)
	case !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl):
		c.fail(field, "control_character", "%s is plain text", field)
	case utf8.RuneCountInString(text) > longest:
		c.fail(field, "max_length", "%s has at most %d characters", field, longest)
	}
}

func (c *checker) texts(field string, list []string) {
	if len(list) > maxConditions {
		c.found = append(c.found, hub.Errorf(hub.KindTooLarge, c.field+field, "max_items", "at most %d entries", maxConditions))
		return
	}
	for i, text := range list {
		c.text(fmt.Sprintf("%s[%d]", field, i), text, true, maxText)
	}
}

// checkAgencies looks at whom a rule names: every code means an agency now.
func (s *Service) checkAgencies(field string, owner hub.AgencyID, r *hub.RoutingRule, now time.Time) hub.Violations {
	var found hub.Violations
	from, _ := s.Directory.ByID(owner)
	place := map[hub.AgencyID]int{}
	for i, code := range r.Recipients {
		at := fmt.Sprintf("%srecipients[%d]", field, i)
		to, err := s.Directory.Resolve(code, now)
		if err != nil {
			found = append(found, named(err, at))
			continue
		}
		first, twice := place[to.Agency.ID]
		place[to.Agency.ID] = i
		switch {
		case to.Agency.ID == owner:
			found = append(found, hub.Invalid(at, "self", "%s is the agency itself", code))
		case twice:
			found = append(found, hub.Invalid(at, "unique", "%s is the same agency as recipients[%d]", code, first))
		case r.Action == hub.RouteForward && !s.SameHouse(from, to.Agency, now):
			found = append(found, hub.Invalid(at, "house", "%s is not under the same superior: a document is forwarded inside the house", to.Agency.NameAt(now)))
		}
	}
	for i, code := range r.Senders {
		if _, ok := s.Directory.Holder(code, now); !ok {
			found = append(found, hub.Errorf(hub.KindUnknownAgency, fmt.Sprintf("%ssenders[%d]", field, i), "unknown_agency", "no agency has or had the code %s", code))
		}
	}
	return found
}

func named(err error, field string) *hub.Error {
	var e *hub.Error
	if !errors.As(err, &e) {
		return hub.Internal("resolving a code", err)
	}
	copied := *e
	copied.Field = field
	return &copied
}

// circles refuses forwards by which a document could come back to the agency: on from who
// gets it, by the rules there. Each step narrows what the document can be, and a way whose
// rules no one document fits is none.
func (s *Service) circles(all *snapshot, set *hub.RoutingRules, now time.Time) hub.Violations {
	var found hub.Violations
	w := &walk{Service: s, all: all, owner: set.Agency, now: now, left: maxSteps, passed: map[hub.AgencyID]bool{}}
	for i := range set.Rules {
		r := &set.Rules[i]
		if r.Action != hub.RouteForward {
			continue
		}
		for j, code := range r.Recipients {
			to, err := s.Directory.Resolve(code, now)
			if err == nil && w.comesBack(to.Agency, condition{}.and(s, r, now)) {
				found = append(found, hub.Invalid(fmt.Sprintf("rules[%d].recipients[%d]", i, j), "loop",
					"the rule %q loops: by rules of its own %s forwards the same documents back to this agency", r.Name, to.Agency.NameAt(now)))
			}
		}
	}
	return found
}

// walk follows forwards through the rules of agencies.
type walk struct {
	*Service
	all    *snapshot
	owner  hub.AgencyID
	now    time.Time
	left   int // steps; without any more it is taken for a circle
	passed map[hub.AgencyID]bool
}

func (w *walk) comesBack(a *hub.Agency, c condition) bool {
	w.left--
	switch {
	case c.never:
		return false
	case a.ID == w.owner || w.left < 0:
		return true
	case w.passed[a.ID]:
		return false // a circle of others, which they were refused
	}
	w.passed[a.ID] = true
	defer delete(w.passed, a.ID)
	rules := w.all.rules[a.ID].Rules
	for i := range rules {
		if rules[i].Action != hub.RouteForward {
			continue
		}
		narrowed := c.and(w.Service, &rules[i], w.now)
		for _, code := range rules[i].Recipients {
			to, err := w.Directory.Resolve(code, w.now)
			if err == nil && w.comesBack(to.Agency, narrowed) {
				return true
			}
		}
	}
	return false
}

// condition is what documents can be that fit several rules. Patterns of numbers are not
// compared: two of them may always fit one number.
type condition struct {
	never                  bool
	types, fields, senders []string // folded, or ids; nil: any
	from, to               hub.Date
}

func (c condition) and(s *Service, r *hub.RoutingRule, now time.Time) condition {
	senders := make([]string, 0, len(r.Senders))
	for _, code := range r.Senders {
		if a, ok := s.Directory.Holder(code, now); ok {
			senders = append(senders, string(a.ID))
		}
		if to, err := s.Directory.Resolve(code, now); err == nil {
			senders = append(senders, string(to.Agency.ID))
		}
	}
	c.types = c.common(c.types, folded(r.Types))
	c.fields = c.common(c.fields, folded(r.Fields))
	c.senders = c.common(c.senders, senders)
	c.from = max(c.from, r.ValidFrom)
	if c.to == "" || r.ValidTo != "" && r.ValidTo < c.to {
		c.to = r.ValidTo
	}
	c.never = c.never || c.to != "" && c.to <= c.from
	return c
}

// common are the values that are in both lists; where there are none, nothing fits.
func (c *condition) common(have, wanted []string) []string {
	switch {
	case len(wanted) == 0:
		return have
	case have == nil:
		return wanted
	}
	both := slices.DeleteFunc(slices.Clone(have), func(v string) bool { return !slices.Contains(wanted, v) })
	c.never = c.never || len(both) == 0
	return both
}

func folded(list []string) []string {
	out := make([]string, len(list))
	for i, text := range list {
		out[i] = hub.Fold(text)
	}
	return out
}
