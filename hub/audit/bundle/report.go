package bundle

import (
	"fmt"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Outcome is how one step of a verification ended.
type Outcome string

// The outcomes, from best to worst.
const (
	Skipped       Outcome = "skipped" // nothing was there to be checked, or nobody asked
	Passed        Outcome = "passed"
	Indeterminate Outcome = "indeterminate"
	Failed        Outcome = "failed"
)

func (o Outcome) rank() int {
	switch o {
	case Passed:
		return 1
	case Indeterminate:
		return 2
	case Failed:
		return 3
	}
	return 0
}

// Step is one step of a verification.
type Step struct {
	Number   int           `json:"number"`
	Name     string        `json:"name"`
	Outcome  Outcome       `json:"outcome"`
	Sub      hub.SubReason `json:"sub_indication,omitempty"` // of the first finding that decided
	Detail   string        `json:"detail,omitempty"`         // what was found in order
	Findings []string      `json:"findings,omitempty"`       // what was not, or is worth knowing
}

// The steps, by their numbers.
const (
	stepContainer = iota + 1
	stepCanonical
	stepSignatures
	stepLeaf
	stepInclusion
	stepCheckpoint
	stepTimestamp
	stepSigningTime
	stepContent
	stepChain
	stepConsistency
	stepRenewal
)

func stepNames() []string {
	return []string{
		"container", "canonical form", "signatures", "leaf of the log", "inclusion in the log", "checkpoint and witnesses",
		"time-stamp", "time of signing", "content", "chain of evidence", "consistency of the log", "renewals",
	}
}

// ReceiptFact is what was found out about one receipt.
type ReceiptFact struct {
	ID    hub.EvidenceID `json:"id"`
	Event hub.Event      `json:"event"`
	Time  time.Time      `json:"event_time"` // as the hub says
	// NotAfter is the time-stamp over the checkpoint that holds it; zero without one
	// that counts.
	NotAfter time.Time `json:"not_after,omitzero"`
	Origin   string    `json:"origin,omitempty"` // of the log
	Index    int64     `json:"index"`
	Size     int64     `json:"size"` // of the tree
}

// Report is the result of a verification. The same inputs give the same report.
type Report struct {
	Indication  hub.Indication `json:"indication"`
	Sub         hub.SubReason  `json:"sub_indication,omitempty"`
	ValidatedAt time.Time      `json:"validated_at"` // UTC; the time that was verified for
	Dispatch    hub.DispatchID `json:"dispatch,omitempty"`
	Delivery    hub.DeliveryID `json:"delivery,omitempty"`
	Sender      *hub.Party     `json:"sender,omitempty"`
	Recipient   *hub.Party     `json:"recipient,omitempty"`
	// State is what the receipts say became of the delivery. It is proven only when
	// the indication is TOTAL-PASSED.
	State    hub.DeliveryState `json:"state,omitempty"`
	Steps    []Step            `json:"steps"`
	Receipts []ReceiptFact     `json:"receipts"`
}

func newReport(at time.Time) *Report {
	r := &Report{ValidatedAt: at.UTC(), Receipts: []ReceiptFact{}}
	for i, name := range stepNames() {
		r.Steps = append(r.Steps, Step{Number: i + 1, Name: name, Outcome: Skipped})
	}
	return r
}

// settle raises a step to an outcome; the first finding of the worst one gives the
// sub-indication.
func (r *Report) settle(step int, outcome Outcome, sub hub.SubReason, format string, args ...any) {
	s := &r.Steps[step-1]
	if outcome.rank() > s.Outcome.rank() {
		s.Outcome, s.Sub = outcome, sub
	}
	s.Findings = append(s.Findings, fmt.Sprintf(format, args...))
}

func (r *Report) fail(step int, sub hub.SubReason, format string, args ...any) {
	r.settle(step, Failed, sub, format, args...)
}

func (r *Report) doubt(step int, sub hub.SubReason, format string, args ...any) {
	r.settle(step, Indeterminate, sub, format, args...)
}

// pass says what was found in order, unless something was not.
func (r *Report) pass(step int, format string, args ...any) {
	s := &r.Steps[step-1]
	if s.Outcome.rank() <= Passed.rank() {
		s.Outcome, s.Detail = Passed, fmt.Sprintf(format, args...)
	}
}

// skip says why a step was not taken.
func (r *Report) skip(step int, why string) {
	if s := &r.Steps[step-1]; s.Outcome == Skipped {
		s.Detail = why
	}
}

// note adds what is worth knowing and changes nothing.
func (r *Report) note(step int, format string, args ...any) {
	s := &r.Steps[step-1]
	s.Findings = append(s.Findings, fmt.Sprintf(format, args...))
}

// Findings says in a line each what was wrong or missing, with the step.
func (r *Report) Findings() []string {
	var list []string
	for i := range r.Steps {
		s := &r.Steps[i]
		if s.Outcome.rank() <= Passed.rank() {
			continue
		}
		for _, finding := range s.Findings {
			list = append(list, fmt.Sprintf("%d %s, %s: %s", s.Number, s.Name, s.Outcome, finding))
		}
	}
	return list
}

// conclude sets the indication: the worst step decides.
func (r *Report) conclude() {
	worst := Step{Outcome: Passed}
	for i := range r.Steps {
		if r.Steps[i].Outcome.rank() > worst.Outcome.rank() {
			worst = r.Steps[i]
		}
	}
	r.Sub = worst.Sub
	switch worst.Outcome {
	case Failed:
		r.Indication = hub.TotalFailed
	case Indeterminate:
		r.Indication = hub.Indeterminate
	default:
		r.Indication = hub.TotalPassed
	}
}
