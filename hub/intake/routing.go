package intake

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// RuleRouting is the rule of a violation that a routing rule of the sender requires a
// recipient.
const RuleRouting = "routing_rule"

// Routing tells which rules of a sender mean a document that it sends, without a query.
type Routing interface {
	Sending(sender hub.AgencyID, document *hub.Document, at time.Time) []hub.ActingRule
}

// routed is to whom a submission goes by the word of its sender and by the sender's rules.
type routed struct {
	recipients []hub.Resolution
	informed   map[hub.AgencyID]bool
	rules      map[hub.AgencyID]hub.RuleRef // by which they are recipients
	trace      []hub.RuleTrace
	missing    hub.Violations // recipients that rules require
}

// route lets the rules of a sender act on a submission whose recipients are resolved: copies
// are added, and what is required and absent is named. A recipient that a rule names and
// that can't be found or added stops no document: the trace says so.
//
// A recall goes to those who have the document, whatever the rules are by now: see reach.
func (s *Service) route(sender *hub.Agency, sub *hub.Submission, r *routed, now time.Time) {
	if s.Routing == nil || sub.Operation == hub.OperationRecall {
		return
	}
	rules := s.Routing.Sending(sender.ID, &sub.Document, now)
	for i := range rules {
		rule := &rules[i]
		for _, code := range rule.Recipients {
			trace := hub.RuleTrace{Rule: rule.Ref(), Action: rule.Action, Recipient: code, Outcome: hub.RuleFailed}
			to, err := s.Directory.Resolve(code, now)
			switch {
			case err != nil:
				trace.Problem, trace.Said = problem(hub.ViolationsOf(err)[0])
			case to.Agency.ID == sender.ID:
				trace.Problem, trace.Said = problem(hub.Invalid("recipient", "sender", "this is the sender itself"))
			case r.has(to.Agency.ID):
				trace.Outcome = hub.RulePresent
			case rule.Action == hub.RouteRequire && sub.Operation != hub.OperationUpdate:
				r.missing = append(r.missing, required(rule, to, now))
				continue
			case rule.Action != hub.RouteCopy || s.removes(sub, to.Agency.ID, now):
				continue
			case len(r.recipients) >= s.MaxRecipients:
				trace.Problem, trace.Said = problem(hub.Errorf(hub.KindTooLarge, "recipients", "max_recipients", "a submission has at most %d recipients", s.MaxRecipients))
			default:
				trace.Outcome = hub.RuleAdded
				r.add(to, rule.Ref(), rule.ForInformation)
			}
			r.trace = append(r.trace, trace)
		}
	}
}

// problem says why a rule did not bring a document to a recipient.
func problem(why *hub.Error) (string, *hub.Sentence) { return why.Message, hub.SaidOf(why) }

// reach adds those to whom rules brought the documents that a submission recalls, updates
// or replaces: the sender itself need not know of them.
func (s *Service) reach(earlier *hub.Earlier, r *routed, now time.Time) (added bool) {
	for i := range earlier.Routed {
		d := &earlier.Routed[i]
		a, ok := s.Directory.ByID(d.Recipient)
		if !ok || d.Rule == nil || r.has(a.ID) || len(r.recipients) >= s.MaxRecipients {
			continue
		}
		to := hub.Resolution{Agency: a, Code: d.AddressedAs}
		if !a.LivesAt(now) {
			heir, err := s.Directory.Resolve(string(d.AddressedAs), now)
			if err != nil || r.has(heir.Agency.ID) {
				continue
			}
			to = heir
		}
		r.add(to, *d.Rule, d.ForInformation)
		r.trace = append(r.trace, hub.RuleTrace{Rule: *d.Rule, Action: hub.RouteCopy, Recipient: string(d.AddressedAs), Outcome: hub.RuleAdded})
		added = true
	}
	return added
}

func (r *routed) has(id hub.AgencyID) bool {
	return slices.ContainsFunc(r.recipients, func(have hub.Resolution) bool { return have.Agency.ID == id })
}

func (r *routed) add(to hub.Resolution, by hub.RuleRef, informed bool) {
	if r.rules == nil {
		r.rules = map[hub.AgencyID]hub.RuleRef{}
	}
	if informed && r.informed == nil {
		r.informed = map[hub.AgencyID]bool{}
	}
	r.recipients = append(r.recipients, to)
	r.rules[to.Agency.ID] = by
	if informed {
		r.informed[to.Agency.ID] = true
	}
}

// rule is by which an agency is a recipient; nil where the sender named it.
func (r *routed) rule(id hub.AgencyID) *hub.RuleRef {
	if ref, ok := r.rules[id]; ok {
		return &ref
	}
	return nil
}

// note says for the evidence what rules could not do.
func (r *routed) note(before string) string {
	lines := []string{}
	if before != "" {
		lines = append(lines, before)
	}
	for i := range r.trace {
		if t := &r.trace[i]; t.Outcome == hub.RuleFailed {
			lines = append(lines, fmt.Sprintf("The rule %q of the sender did not reach %s: %s.", t.Rule.Name, t.Recipient, t.Problem))
		}
	}
	return strings.Join(lines, " ")
}

func required(rule *hub.ActingRule, to hub.Resolution, now time.Time) *hub.Error {
	name := to.Agency.NameAt(now)
	return hub.Invalid("recipients", RuleRouting, "quy tắc “%s” của cơ quan gửi yêu cầu có nơi nhận %s (%s) / the rule %q of the sender requires %s among the recipients",
		rule.Name, name, to.Code, rule.Name, to.Code)
}

// removes reports whether an update takes a document from an agency in so many words.
func (s *Service) removes(sub *hub.Submission, id hub.AgencyID, now time.Time) bool {
	return sub.Operation == hub.OperationUpdate && slices.ContainsFunc(sub.Document.Business.Receivers, func(c hub.ReceiverChange) bool {
		to, err := s.Directory.Resolve(c.Agency, now)
		return err == nil && !c.Added && to.Agency.ID == id
	})
}
