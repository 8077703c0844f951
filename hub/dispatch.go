package hub

import "time"

// DispatchID identifies a dispatch: a UUIDv7 in canonical text form, as the ids of
// all things that the hub creates.
type DispatchID string

// DeliveryID identifies a delivery.
type DeliveryID string

// EvidenceID identifies an evidence.
type EvidenceID string

// Dispatch is the accepted unit: one document, one sender, n recipients. It is
// unique on (Sender, ExternalID, Operation) and never changes after acceptance, but
// that its content may be purged.
type Dispatch struct {
	ID          DispatchID `json:"id"`
	Sender      AgencyID   `json:"sender"`
	SenderCode  Code       `json:"sender_code"` // as written
	SenderName  string     `json:"sender_name"`
	ExternalID  string     `json:"external_id"`
	Operation   Operation  `json:"operation"`
	Key         string     `json:"key,omitempty"`
	Fingerprint Digest     `json:"fingerprint"`
	Format      Format     `json:"format"`
	Document    Document   `json:"document"`
	Parts       []Part     `json:"parts"` // originals, attachments and, last, the envelope if any
	AcceptedAt  time.Time  `json:"accepted_at"`
	SignedAt    time.Time  `json:"signed_at,omitzero"` // by the last signature of its parts, proven or else claimed; zero where none says it, or it came before the hub kept this
	TraceID     string     `json:"trace_id,omitempty"`
	Links       []Link     `json:"links,omitempty"`  // to earlier dispatches that it recalls, updates, replaces, answers or forwards
	Tasks       []Task     `json:"tasks,omitempty"`  // that it sets
	Origin      *Origin    `json:"origin,omitempty"` // what it forwards; nil for a document of the sender itself
	// Routing is what rules of the sender did with it; for the sender alone.
	Routing []RuleTrace `json:"routing,omitempty"`
	Purged  *Purge      `json:"purged,omitempty"` // set when its content was removed; must be the last field
}

// PartByID returns the part with the id, or nil.
func (d *Dispatch) PartByID(id string) *Part {
	for i := range d.Parts {
		if d.Parts[i].ID == id {
			return &d.Parts[i]
		}
	}
	return nil
}

// Delivery is one dispatch on its way to one recipient.
type Delivery struct {
	ID          DeliveryID `json:"id"`
	Dispatch    DispatchID `json:"dispatch"`
	Index       int        `json:"index"` // place among the recipients, from 0
	Recipient   AgencyID   `json:"recipient"`
	AddressedAs Code       `json:"addressed_as"` // code as the sender wrote it
	Name        string     `json:"name"`         // recipient's name when accepted
	Note        string     `json:"note,omitempty"`
	Channel     Channel    `json:"channel"`
	Registers   bool       `json:"registers"` // the recipient registers: hand-over is not the end
	// ReportsArrival: with the consignment the hub reports 01 for the recipient.
	ReportsArrival bool `json:"reports_arrival,omitempty"`

	Urgent bool `json:"urgent,omitempty"`
	// ForInformation: nothing is asked of the recipient, and silence is not warned of.
	ForInformation bool `json:"for_information,omitempty"`
	// Rule is the routing rule of the sender by which the document goes to this recipient;
	// nil where the sender named it.
	Rule         *RuleRef      `json:"rule,omitempty"`
	State        DeliveryState `json:"state"`
	Version      int64         `json:"version"`                 // grows by one with every transition
	UpdatedAt    time.Time     `json:"updated_at"`              // of that transition and its evidence; never goes back
	ExpiresAt    time.Time     `json:"expires_at"`              // of the term that runs: to collect or, after that, to register
	WarnAt       time.Time     `json:"warn_at,omitzero"`        // both sides are to be warned; zero when they were
	WarnedAt     time.Time     `json:"warned_at,omitzero"`      // both sides were warned that the term ends
	ConsignedAt  time.Time     `json:"consigned_at,omitzero"`   // of its evidence; zero for what was never in a box, or was before the hub kept this
	RegisteredAt time.Time     `json:"registered_at,omitzero"`  // of the evidence that the recipient registered it; zero as above
	RefusedAt    time.Time     `json:"refused_at,omitzero"`     // of the evidence that the recipient refused it; zero as above
	HandedOverAt time.Time     `json:"handed_over_at,omitzero"` // of its evidence; zero for what was handed over before the hub kept this
	OpenedAt     time.Time     `json:"opened_at,omitzero"`      // the recipient first opened content, where that is tracked
	RemindedAt   time.Time     `json:"reminded_at,omitzero"`    // the sender last reminded the recipient
	UntoldAt     time.Time     `json:"untold_at,omitzero"`      // a subscription of the recipient that should tell of it failed for good

	Attempts    int       `json:"attempts"`
	NextAttempt time.Time `json:"next_attempt,omitzero"`
	LastError   string    `json:"last_error,omitempty"` // in English
	LastSaid    *Sentence `json:"last_said,omitempty"`  // it, for readers of other languages

	Lease        *Lease        `json:"lease,omitempty"`
	Registration *Registration `json:"registration,omitempty"`
	// Register is the agency in whose register the number stands, where the recipient had
	// been handed over to it; empty for the recipient's own.
	Register AgencyID   `json:"register,omitempty"`
	Reason   *Reason    `json:"reason,omitempty"` // why it was refused, failed or expired
	Progress StatusCode `json:"progress,omitempty"`
	// Request is what the sender asked last about the document after its hand-over.
	Request      *ChangeRequest `json:"request,omitempty"`
	Destroyed    *Destruction   `json:"destroyed,omitempty"` // set when the recipient gave it back
	Tasks        []Assignment   `json:"tasks,omitempty"`     // that the document sets the recipient
	LastEvidence EvidenceRef    `json:"last_evidence"`       // head of the delivery's evidence chain
}

// Lease is the right of one collector to work on a delivery for a while. Fence
// grows with every lease of the delivery; an act with an older fence is refused.
type Lease struct {
	Fence  int64     `json:"fence"`
	Holder string    `json:"holder"` // Actor.Name of the collector
	Until  time.Time `json:"until"`  // UTC
}

// Registration is what the recipient wrote into its register of incoming documents.
type Registration struct {
	Number string `json:"number"`         // số đến
	Date   Date   `json:"date"`           // ngày đến
	Unit   string `json:"unit,omitempty"` // unit or person in charge
}

// Reason says why something was refused or failed: a code of the closed list in
// evidence.go and a sentence.
type Reason struct {
	Code   ReasonCode `json:"code"`
	Detail string     `json:"detail,omitempty"`
}

// DeliveryState is the transport state of a delivery.
type DeliveryState string

// The delivery states, in the order of the way.
const (
	StateQueued     DeliveryState = "queued"      // accepted, not yet in the recipient's box
	StateConsigned  DeliveryState = "consigned"   // in the recipient's box
	StateHandedOver DeliveryState = "handed_over" // the recipient acknowledged the digests
	StateAccepted   DeliveryState = "accepted"    // the recipient registered it
	StateRefused    DeliveryState = "refused"     // the recipient refused it, with a reason
	StateFailed     DeliveryState = "failed"      // it cannot be delivered
	StateExpired    DeliveryState = "expired"     // its time to live ended
	StateWithdrawn  DeliveryState = "withdrawn"   // the sender recalled it before hand-over
)

// DeliveryStates lists all states in the order of the way.
func DeliveryStates() []DeliveryState {
	return []DeliveryState{
		StateQueued, StateConsigned, StateHandedOver, StateAccepted,
		StateRefused, StateFailed, StateExpired, StateWithdrawn,
	}
}

// Next is the one transition table: the states that may follow s. It returns
// nil for a terminal state.
func (s DeliveryState) Next() []DeliveryState {
	switch s {
	case StateQueued:
		return []DeliveryState{StateConsigned, StateHandedOver, StateFailed, StateExpired, StateWithdrawn}
	case StateConsigned:
		return []DeliveryState{StateHandedOver, StateRefused, StateFailed, StateExpired, StateWithdrawn}
	case StateHandedOver:
		return []DeliveryState{StateAccepted, StateRefused, StateExpired}
	}
	return nil
}

// MayBecome reports whether the table allows the step from s to next.
func (s DeliveryState) MayBecome(next DeliveryState) bool {
	for _, n := range s.Next() {
		if n == next {
			return true
		}
	}
	return false
}

// Moment is the time that a transition and its evidence carry: now, but never before the
// last one. Where a clock was set back, or that of another node is ahead, the evidence of a
// delivery stays in order all the same.
func (d *Delivery) Moment(now time.Time) time.Time {
	if d.UpdatedAt.After(now) {
		return d.UpdatedAt
	}
	return now
}

// Final reports whether the delivery has ended. A hand-over ends a delivery
// whose recipient does not register, or gave the document back before it did.
func (d *Delivery) Final() bool {
	return len(d.State.Next()) == 0 || d.State == StateHandedOver && (!d.Registers || d.Destroyed != nil)
}

// Relayed reports whether the delivery lies with another axis or the post, which took it over
// and has not said that the recipient has it. It is consigned, but not in a box of this hub:
// the hub cannot take it back by itself.
func (d *Delivery) Relayed() bool {
	return (d.Channel == ChannelAxis || d.Channel == ChannelPaper) && d.State == StateConsigned
}

// Deadline is when the passing of time does something to an open delivery: a warning
// comes due or, after that, its end.
func (d *Delivery) Deadline() time.Time {
	if d.WarnAt.IsZero() {
		return d.ExpiresAt
	}
	return d.WarnAt
}

// Step is one transition of one delivery with the evidence that proves it: a
// business act that a store records in one transaction, or not at all. Delivery
// carries the new values; From and Version are what the store MUST find, else
// it answers KindConflict and changes nothing.
type Step struct {
	Delivery Delivery // new values; Delivery.Version is From's version plus one
	From     DeliveryState
	Version  int64            // version read before the step
	Evidence []SealedEvidence // what the step is proved by; may be empty for a retry
	Reports  []StatusReport   // status reports that the step records; may be empty
}

// Prove adds the evidence of the step, which is the newest of the delivery's chain.
func (s *Step) Prove(e SealedEvidence) {
	s.Evidence = append(s.Evidence, e)
	s.Delivery.LastEvidence = e.Ref()
}

// Acceptance is everything that SubmissionAcceptance makes durable together.
type Acceptance struct {
	Dispatch   Dispatch
	Deliveries []Delivery
	Evidence   []SealedEvidence // the SubmissionAcceptance first
	Reports    []SignatureReport
	// ReportTexts are Reports as JSON, where the evidence needed them so; none: the store
	// makes it.
	ReportTexts [][]byte
	Arrivals    []StatusReport // those that the hub makes for recipients who have it by this
	// Changes are what the dispatch does to earlier deliveries of its sender. They take
	// effect with it or not at all: where one does not fit, the store answers
	// KindConflict with the rule RuleChanged and records nothing.
	Changes []Step
}

// RuleChanged is the rule of the conflict that an earlier delivery changed while a
// submission was to change it.
const RuleChanged = "changed"

// Accepted is the answer to a submission: the dispatch and the sealed
// SubmissionAcceptance. Duplicate tells that an earlier submission made it.
type Accepted struct {
	Dispatch   Dispatch       `json:"dispatch"`
	Deliveries []Delivery     `json:"deliveries"`
	Receipt    SealedEvidence `json:"receipt"`
	Duplicate  bool           `json:"duplicate"`
}

// RegisterNumber is a number that an agency gave in its register of incoming documents
// (số đến), which begins anew every year (Nghị định 30/2020/NĐ-CP, article 22). It
// belongs to one delivery.
type RegisterNumber struct {
	Agency   AgencyID   `json:"agency"`
	Year     int        `json:"year"` // of the date of registration
	Number   string     `json:"number"`
	Delivery DeliveryID `json:"delivery"`
}

// Position is the number as a number, for the proposal of the next; 0 where it is none.
func (r *RegisterNumber) Position() int64 {
	var n int64
	for _, c := range r.Number {
		if c < '0' || c > '9' || n > 1<<40 {
			return 0
		}
		n = n*10 + int64(c-'0')
	}
	return n
}
