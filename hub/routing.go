package hub

import (
	"slices"
	"strings"
	"time"
)

// RoutingAction is what a routing rule does.
type RoutingAction string

// The actions of routing rules.
const (
	RouteCopy    RoutingAction = "copy"    // what the agency sends goes to further recipients, too
	RouteRequire RoutingAction = "require" // what the agency sends is refused without these recipients
	RouteForward RoutingAction = "forward" // what the agency received is forwarded inside its house
	RouteInspect RoutingAction = "inspect" // what the agency received is inspected by it
)

// RoutingActions lists all actions.
func RoutingActions() []RoutingAction {
	return []RoutingAction{RouteCopy, RouteRequire, RouteForward, RouteInspect}
}

// OfReceived reports whether the action is about what the agency received.
func (a RoutingAction) OfReceived() bool { return a == RouteForward || a == RouteInspect }

// RoutingRule is a rule of an agency about documents that it sends or receives. A document
// is meant when it fits every condition; one that is empty fits all.
type RoutingRule struct {
	Name   string        `json:"name"` // tells it from the other rules of the agency
	Action RoutingAction `json:"action"`
	// Types are kinds of documents (tên loại), compared without diacritics and case.
	Types []string `json:"types,omitempty"`
	// Fields are abbreviations of the field or drafting unit: see Document.Field.
	Fields []string `json:"fields,omitempty"`
	// Numbers are patterns of the full number and notation, "*/20??/*": * stands for any
	// characters, ? for one.
	Numbers []string `json:"numbers,omitempty"`
	// Senders are codes of authors; of what was received alone.
	Senders []string `json:"senders,omitempty"`
	// Priority is the least urgency.
	Priority Priority `json:"priority,omitempty"`
	// Recipients are codes; what they mean is decided whenever the rule acts. What is
	// inspected goes to nobody.
	Recipients []string `json:"recipients"`
	// ForInformation: of a copy: nothing is asked of who gets it.
	ForInformation bool   `json:"for_information,omitempty"`
	Note           string `json:"note,omitempty"` // of a forward: for its recipients
	// ValidFrom is the first day in Vietnam on which the rule acts, ValidTo the first on
	// which it does so no more; empty for no bound.
	ValidFrom Date `json:"valid_from,omitempty"`
	ValidTo   Date `json:"valid_to,omitempty"`
	// Since is when the rule came among those of the agency, by the clock of the hub (UTC):
	// what was received before is not forwarded.
	Since time.Time `json:"since,omitzero"`
}

// RoutingRules are all rules of an agency. Each version that was in force is kept.
type RoutingRules struct {
	Agency  AgencyID      `json:"agency"`
	Version int64         `json:"version"` // from 1; 0: there never were any
	Rules   []RoutingRule `json:"rules"`
	SetBy   string        `json:"set_by,omitempty"`
	SetAt   time.Time     `json:"set_at,omitzero"` // UTC
}

// RuleRef names a routing rule as it was when it acted.
type RuleRef struct {
	Name    string `json:"name"`
	Version int64  `json:"version"` // of the rules of its agency
}

// ActingRule is a rule that means a document.
type ActingRule struct {
	RoutingRule
	Version int64
}

// Ref names the rule.
func (r *ActingRule) Ref() RuleRef { return RuleRef{Name: r.Name, Version: r.Version} }

// RuleOutcome is what came of a rule for one recipient that it names.
type RuleOutcome string

// The outcomes.
const (
	RuleAdded   RuleOutcome = "added"   // the document goes there by the rule
	RulePresent RuleOutcome = "present" // the sender named the recipient itself
	RuleFailed  RuleOutcome = "failed"  // it could not: see the problem; the document went its way
)

// RuleTrace is what a rule of the sender did with a dispatch; for the sender alone.
type RuleTrace struct {
	Rule      RuleRef       `json:"rule"`
	Action    RoutingAction `json:"action"`
	Recipient string        `json:"recipient"` // code as the rule has it
	Outcome   RuleOutcome   `json:"outcome"`
	Problem   string        `json:"problem,omitempty"` // in English
	Said      *Sentence     `json:"said,omitempty"`    // the problem, for readers of other languages
}

// MaxRuleSteps is how often a document is forwarded by rules one after the other.
const MaxRuleSteps = 8

// RoutingFailure is a forward that a rule could not make. It is tried again until it
// succeeds or ends.
type RoutingFailure struct {
	Agency    AgencyID   `json:"agency"`
	Rule      RuleRef    `json:"rule"`
	Recipient string     `json:"recipient"`
	Delivery  DeliveryID `json:"delivery"`
	Number    string     `json:"number"` // of the document
	Attempts  int        `json:"attempts"`
	Since     time.Time  `json:"since"`          // UTC
	Next      time.Time  `json:"next,omitzero"`  // UTC; zero when it ended
	Ended     time.Time  `json:"ended,omitzero"` // UTC; nothing is tried any more
	Problem   string     `json:"problem"`        // in English
	Said      *Sentence  `json:"said,omitempty"` // the problem, for readers of other languages
}

// RoutingTrial asks what rules would have done with past traffic of an agency.
type RoutingTrial struct {
	Agency AgencyID
	Rules  []RoutingRule // nil: those in force
	Days   int           // so many, up to now
	After  string        // where the part before ended; empty: from the beginning
}

// RoutingTrialPart is the result for a part of the traffic.
type RoutingTrialPart struct {
	Looked  int            `json:"looked"` // dispatches and deliveries looked at
	Touched []RoutingTouch `json:"touched"`
	Next    string         `json:"next,omitempty"` // empty: the end
}

// RoutingTouch is a dispatch that a rule would have touched, at one recipient.
type RoutingTouch struct {
	Dispatch  DispatchID    `json:"dispatch"`
	Number    string        `json:"number"`
	TypeName  string        `json:"type_name,omitempty"`
	At        time.Time     `json:"at"` // of its acceptance, UTC
	Rule      string        `json:"rule"`
	Action    RoutingAction `json:"action"`
	Recipient string        `json:"recipient"`
	Outcome   RuleOutcome   `json:"outcome"` // of a require, failed: it would have been refused
	Problem   string        `json:"problem,omitempty"`
}

// Field is the abbreviation of the field or of the drafting unit that ends the notation
// of a document, "KSTTHC" of "UBND-KSTTHC" (Nghị định 30/2020/NĐ-CP, annex I); empty where
// the notation has one part.
func (d *Document) Field() string {
	i := strings.LastIndexByte(d.CodeNotation, '-')
	if i < 0 {
		return ""
	}
	return strings.TrimSpace(d.CodeNotation[i+1:])
}

// Means reports whether the rule is about a document on a day in Vietnam, whoever wrote it.
func (r *RoutingRule) Means(d *Document, on Date) bool {
	return r.InForce(on) && d.Priority >= r.Priority &&
		fits(r.Types, d.TypeName, sameFolded) && fits(r.Fields, d.Field(), sameFolded) && fits(r.Numbers, d.Number(), MatchPattern)
}

// InForce reports whether the rule acts on a day.
func (r *RoutingRule) InForce(on Date) bool {
	return (r.ValidFrom == "" || r.ValidFrom <= on) && (r.ValidTo == "" || on < r.ValidTo)
}

func fits(wanted []string, value string, same func(wanted, value string) bool) bool {
	return len(wanted) == 0 || slices.ContainsFunc(wanted, func(w string) bool { return same(w, value) })
}

func sameFolded(a, b string) bool { return Fold(a) == Fold(b) }

// MatchPattern reports whether a text fits a pattern in which * stands for any characters
// and ? for one. Letters of both cases are the same.
func MatchPattern(pattern, text string) bool {
	p, t := []rune(strings.ToLower(pattern)), []rune(strings.ToLower(text))
	i, star, mark := 0, -1, 0
	for j := 0; j < len(t); {
		switch {
		case i < len(p) && p[i] == '*':
			star, mark = i, j
			i++
		case i < len(p) && (p[i] == '?' || p[i] == t[j]):
			i++
			j++
		case star >= 0:
			mark++
			i, j = star+1, mark
		default:
			return false
		}
	}
	for i < len(p) && p[i] == '*' {
		i++
	}
	return i == len(p)
}
