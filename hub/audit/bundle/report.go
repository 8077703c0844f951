package bundle

import (
	"fmt"
	"slices"
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
type report struct {
	hub.BundleReport
	sentences map[string]string
}

func newReport(at time.Time) *report {
	r := &report{hub.BundleReport{ValidatedAt: at.UTC(), Receipts: []hub.BundleReceipt{}}, sentences()}
	for i, name := range stepNames() {
		r.Steps = append(r.Steps, hub.BundleStep{Number: i + 1, Name: name, Outcome: hub.StepSkipped})
	}
	return r
}

// english is a reason that is said in English alone.
type english string

// sentence says what was found by its code. What is said in English alone is no value of
// it: the sub-indication stands for that.
func (r *report) sentence(sub hub.SubReason, code string, args []any) (text string, coded hub.Sentence) {
	coded.Code = code
	for _, arg := range args {
		switch arg := arg.(type) {
		case error:
		case english:
			coded.Sub = sub
		case hub.SubReason:
			coded.Sub = arg
		default:
			coded.Values = append(coded.Values, fmt.Sprint(arg))
		}
	}
	return fmt.Sprintf(r.sentences[code], args...), coded
}

// settle raises a step to an outcome; the first finding of the worst one gives the
// sub-indication.
func (r *report) settle(step int, outcome hub.StepOutcome, sub hub.SubReason, code string, args []any) {
	s := &r.Steps[step-1]
	if outcome.Worse(s.Outcome) {
		s.Outcome, s.Sub = outcome, sub
	}
	r.find(s, sub, code, args)
}

func (r *report) find(s *hub.BundleStep, sub hub.SubReason, code string, args []any) {
	text, coded := r.sentence(sub, code, args)
	s.Findings, s.Said = append(s.Findings, text), append(s.Said, coded)
}

func (r *report) fail(step int, sub hub.SubReason, code string, args ...any) {
	r.settle(step, hub.StepFailed, sub, code, args)
}

func (r *report) doubt(step int, sub hub.SubReason, code string, args ...any) {
	r.settle(step, hub.StepIndeterminate, sub, code, args)
}

// pass says what was found in order, unless something was not.
func (r *report) pass(step int, code string, args ...any) {
	if s := &r.Steps[step-1]; !s.Outcome.Worse(hub.StepPassed) {
		s.Outcome = hub.StepPassed
		r.explain(s, code, args)
	}
}

// skip says why a step was not taken.
func (r *report) skip(step int, code string) {
	if s := &r.Steps[step-1]; s.Outcome == hub.StepSkipped {
		r.explain(s, code, nil)
	}
}

// explain sets the detail of a step, in the place of an earlier one.
func (r *report) explain(s *hub.BundleStep, code string, args []any) {
	if s.Detail != "" {
		s.Said = s.Said[1:]
	}
	text, coded := r.sentence("", code, args)
	s.Detail, s.Said = text, slices.Insert(s.Said, 0, coded)
}

// note adds what is worth knowing and changes nothing.
func (r *report) note(step int, code string, args ...any) {
	r.find(&r.Steps[step-1], "", code, args)
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
