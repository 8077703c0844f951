package bundle

import (
	"fmt"
	"time"

	"github.com/lienthong/lienthong/hub"
)

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

// report is a report that is being made.
type report struct{ hub.BundleReport }

func newReport(at time.Time) *report {
	r := &report{hub.BundleReport{ValidatedAt: at.UTC(), Receipts: []hub.BundleReceipt{}}}
	for i, name := range stepNames() {
		r.Steps = append(r.Steps, hub.BundleStep{Number: i + 1, Name: name, Outcome: hub.StepSkipped})
	}
	return r
}

// settle raises a step to an outcome; the first finding of the worst one gives the
// sub-indication.
func (r *report) settle(step int, outcome hub.StepOutcome, sub hub.SubReason, format string, args ...any) {
	s := &r.Steps[step-1]
	if outcome.Worse(s.Outcome) {
		s.Outcome, s.Sub = outcome, sub
	}
	s.Findings = append(s.Findings, fmt.Sprintf(format, args...))
}

func (r *report) fail(step int, sub hub.SubReason, format string, args ...any) {
	r.settle(step, hub.StepFailed, sub, format, args...)
}

func (r *report) doubt(step int, sub hub.SubReason, format string, args ...any) {
	r.settle(step, hub.StepIndeterminate, sub, format, args...)
}

// pass says what was found in order, unless something was not.
func (r *report) pass(step int, format string, args ...any) {
	s := &r.Steps[step-1]
	if !s.Outcome.Worse(hub.StepPassed) {
		s.Outcome, s.Detail = hub.StepPassed, fmt.Sprintf(format, args...)
	}
}

// skip says why a step was not taken.
func (r *report) skip(step int, why string) {
	if s := &r.Steps[step-1]; s.Outcome == hub.StepSkipped {
		s.Detail = why
	}
}

// note adds what is worth knowing and changes nothing.
func (r *report) note(step int, format string, args ...any) {
	s := &r.Steps[step-1]
	s.Findings = append(s.Findings, fmt.Sprintf(format, args...))
}

// conclude sets the indication: the worst step decides.
func (r *report) conclude() {
	worst := hub.BundleStep{Outcome: hub.StepPassed}
	for i := range r.Steps {
		if r.Steps[i].Outcome.Worse(worst.Outcome) {
			worst = r.Steps[i]
		}
	}
	r.Sub = worst.Sub
	switch worst.Outcome {
	case hub.StepFailed:
		r.Indication = hub.TotalFailed
	case hub.StepIndeterminate:
		r.Indication = hub.Indeterminate
	default:
		r.Indication = hub.TotalPassed
	}
}
