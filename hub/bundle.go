package hub

import (
	"fmt"
	"time"
)

// BundleOrder asks for an evidence bundle: all receipts on the way of a document to one
// recipient, with what they are verified by.
type BundleOrder struct {
	Dispatch DispatchID
	// Delivery is the recipient's; it may be empty where the actor sees one alone.
	Delivery DeliveryID
	Content  bool // with the document itself: for its parties, never for auditors
	XML      bool // with the XML form of each receipt, for systems that read XML only
}

// StepOutcome is how one step of the verification of a bundle ended.
type StepOutcome string

// The outcomes, from best to worst.
const (
	StepSkipped       StepOutcome = "skipped" // nothing was there to be checked, or nobody asked
	StepPassed        StepOutcome = "passed"
	StepIndeterminate StepOutcome = "indeterminate"
	StepFailed        StepOutcome = "failed"
)

// Worse reports whether an outcome outweighs another one.
func (o StepOutcome) Worse(other StepOutcome) bool { return o.rank() > other.rank() }

func (o StepOutcome) rank() int {
	switch o {
	case StepPassed:
		return 1
	case StepIndeterminate:
		return 2
	case StepFailed:
		return 3
	}
	return 0
}

// BundleStep is one of the twelve steps of a verification.
type BundleStep struct {
	Number   int         `json:"number"`
	Name     string      `json:"name"`
	Outcome  StepOutcome `json:"outcome"`
	Sub      SubReason   `json:"sub_indication,omitempty"` // of the first finding that decided
	Detail   string      `json:"detail,omitempty"`         // what was found in order
	Findings []string    `json:"findings,omitempty"`       // what was not, or is worth knowing
	// Said is the same for readers of other languages: that of Detail first, where there is
	// one, then that of each finding.
	Said []Sentence `json:"said,omitempty"`
}

// BundleReceipt is what was found out about one receipt of a bundle.
type BundleReceipt struct {
	ID    EvidenceID `json:"id"`
	Event Event      `json:"event"`
	Time  time.Time  `json:"event_time"` // as the hub says
	// NotAfter is the time-stamp over the checkpoint that holds it; zero without one
	// that counts.
	NotAfter time.Time `json:"not_after,omitzero"`
	Origin   string    `json:"origin,omitempty"` // of the log
	Index    int64     `json:"index"`
	Size     int64     `json:"size"` // of the tree
}

// BundleReport is the result of the verification of a bundle. The same inputs give the
// same report.
type BundleReport struct {
	Indication  Indication `json:"indication"`
	Sub         SubReason  `json:"sub_indication,omitempty"`
	ValidatedAt time.Time  `json:"validated_at"` // UTC; the time that was verified for
	Dispatch    DispatchID `json:"dispatch,omitempty"`
	Delivery    DeliveryID `json:"delivery,omitempty"`
	Sender      *Party     `json:"sender,omitempty"`
	Recipient   *Party     `json:"recipient,omitempty"`
	// State is what the receipts say became of the delivery. It is proven only when
	// the indication is TOTAL-PASSED.
	State    DeliveryState   `json:"state,omitempty"`
	Steps    []BundleStep    `json:"steps"`
	Receipts []BundleReceipt `json:"receipts"`
}

// Wrong says in a line each what was wrong or missing, with the step.
func (r *BundleReport) Wrong() []string {
	var list []string
	for i := range r.Steps {
		s := &r.Steps[i]
		if !s.Outcome.Worse(StepPassed) {
			continue
		}
		for _, finding := range s.Findings {
			list = append(list, fmt.Sprintf("%d %s, %s: %s", s.Number, s.Name, s.Outcome, finding))
		}
	}
	return list
}
