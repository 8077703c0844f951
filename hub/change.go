package hub

import "time"

// LinkKind says what one dispatch is to another.
type LinkKind string

// The kinds of links, from the later dispatch to the earlier one and back.
const (
	LinkRecalls    LinkKind = "recalls"
	LinkUpdates    LinkKind = "updates"
	LinkReplaces   LinkKind = "replaces"
	LinkAnswers    LinkKind = "answers"  // the later document responds to the earlier one
	LinkForwards   LinkKind = "forwards" // its sender received the earlier one, and hands it on
	LinkRecalledBy LinkKind = "recalled_by"
	LinkUpdatedBy  LinkKind = "updated_by"
	LinkReplacedBy LinkKind = "replaced_by"
	LinkAnsweredBy LinkKind = "answered_by"

	LinkForwardedBy LinkKind = "forwarded_by"
)

// Inverse returns the kind as it is seen from the other end; "" for an unknown one.
func (k LinkKind) Inverse() LinkKind {
	pairs := [][2]LinkKind{
		{LinkRecalls, LinkRecalledBy}, {LinkUpdates, LinkUpdatedBy},
		{LinkReplaces, LinkReplacedBy}, {LinkAnswers, LinkAnsweredBy}, {LinkForwards, LinkForwardedBy},
	}
	for _, p := range pairs {
		switch k {
		case p[0]:
			return p[1]
		case p[1]:
			return p[0]
		}
	}
	return ""
}

// LinkOf returns what a dispatch with this operation is to an earlier document; "" for
// OperationNew.
func LinkOf(o Operation) LinkKind {
	switch o {
	case OperationRecall:
		return LinkRecalls
	case OperationUpdate:
		return LinkUpdates
	case OperationReplace:
		return LinkReplaces
	}
	return ""
}

// Link points from one dispatch to another.
type Link struct {
	Kind     LinkKind   `json:"kind"`
	Dispatch DispatchID `json:"dispatch"`
}

// Related is the other end of a link, as far as a party of both dispatches needs to
// know it.
type Related struct {
	Link
	Operation  Operation `json:"operation"`
	Sender     AgencyID  `json:"sender"`
	SenderCode Code      `json:"sender_code"`
	SenderName string    `json:"sender_name"`
	ExternalID string    `json:"external_id"`
	Number     string    `json:"number"`
	Subject    string    `json:"subject,omitempty"` // empty for a recipient of what was taken back
	AcceptedAt time.Time `json:"accepted_at"`
	// Delivery is the first one that is the party's own, where it got the document.
	Delivery DeliveryID `json:"delivery,omitempty"`
}

// ChangeRequest is what a sender asks of a recipient who has its document already: to
// give it back (status 13), or to take another one in its place. The recipient answers
// with 15 or 16 (QCVN 102:2016; NĐ 30/2020/NĐ-CP, annex VI, part III.8).
type ChangeRequest struct {
	Operation Operation  `json:"operation"`    // recall, update or replace
	By        DispatchID `json:"by,omitempty"` // the dispatch that asks; empty for a bare request
	Reason    string     `json:"reason,omitempty"`
	AskedAt   time.Time  `json:"asked_at"` // UTC, milliseconds

	Answer       StatusCode `json:"answer,omitempty"` // 15 or 16; empty while it is open
	AnswerReason string     `json:"answer_reason,omitempty"`
	AnsweredAt   time.Time  `json:"answered_at,omitzero"` // UTC, milliseconds
}

// Open reports whether the recipient has yet to answer.
func (r *ChangeRequest) Open() bool { return r != nil && r.Answer == "" }

// Destruction tells that a recipient gave a document back: its copy on the hub is gone
// for it, while the sender's copy and the record of the act stay.
type Destruction struct {
	At       time.Time  `json:"at"`       // UTC, milliseconds
	Evidence EvidenceID `json:"evidence"` // the ContentPurge
}

// TakenBack reports whether the document is no longer the recipient's: withdrawn before
// the hand-over, or given back after it.
func (d *Delivery) TakenBack() bool { return d.State == StateWithdrawn || d.Destroyed != nil }

// Reached reports whether the document came to its recipient, who acknowledged or refused
// it, whether or not it then let the time to register it end.
func (d *Delivery) Reached() bool {
	switch d.State {
	case StateHandedOver, StateAccepted, StateRefused:
		return true
	case StateExpired:
		return !d.HandedOverAt.IsZero()
	}
	return false
}

// Recalled reports whether the sender took the document back, or asks for it and was not
// refused. What it sent is frozen then: it can be replaced and not updated.
func (d *Delivery) Recalled() bool {
	asked := d.Request != nil && d.Request.Operation == OperationRecall && d.Request.Answer != StatusChangeRefused
	return d.TakenBack() || asked
}

// remindEvery is the least time between two reminders of one recipient: what comes every
// minute is not read.
const remindEvery = 24 * time.Hour

// Remindable reports whether the sender may remind the recipient: the document waits in
// its box for more than information, and the last reminder is a day old.
func (d *Delivery) Remindable(now time.Time) bool {
	return d.State == StateConsigned && !d.ForInformation && now.Sub(d.RemindedAt) >= remindEvery
}

// Stub returns what stays with a recipient of a document that was taken back: whose it
// was and what it was called, so that the record of the act can be read, and nothing of
// what it said.
func (i Item) Stub() Item {
	d := &i.Dispatch
	i.Dispatch = Dispatch{
		ID: d.ID, Sender: d.Sender, SenderCode: d.SenderCode, SenderName: d.SenderName, ExternalID: d.ExternalID,
		Operation: d.Operation, Format: d.Format, AcceptedAt: d.AcceptedAt, TraceID: d.TraceID, Links: d.Links,
		Origin:   d.Origin.stub(),
		Document: Document{CodeNumber: d.Document.CodeNumber, CodeNotation: d.Document.CodeNotation, Promulgated: d.Document.Promulgated},
		Parts:    []Part{},
	}
	return i
}

// Earlier is what a submission does to documents that were sent before.
type Earlier struct {
	Links []Link
	Aims  []Aim
	Note  string // what it names and this hub does not know; for the evidence
	// Routed are deliveries of those documents to recipients by rules, whom a change of the
	// document must reach, too, and whom it does not name.
	Routed []Delivery
}

// Aim is one earlier delivery and what its sender wants of it.
type Aim struct {
	Item      Item
	Operation Operation  // recall, update or replace
	By        DispatchID // the dispatch that asks; empty for a bare request
	Reason    string
	Message   *StatusMessage // the package that asks, where it is one; nil for none
}

// RecallOutcome tells what a recall came to at one recipient.
type RecallOutcome struct {
	Delivery  DeliveryID      `json:"delivery"`
	Recipient AgencyID        `json:"recipient"`
	Name      string          `json:"name"`
	Outcome   RecallResult    `json:"outcome"`
	Receipt   *SealedEvidence `json:"receipt,omitempty"` // of the act; none where nothing was to take back
}

// RecallResult is what a recall came to.
type RecallResult string

// The results of a recall.
const (
	RecallWithdrawn RecallResult = "withdrawn" // before the hand-over: it is taken back
	RecallAsked     RecallResult = "asked"     // after it: the recipient decides
	RecallAgreed    RecallResult = "agreed"    // the recipient gave it back
	RecallRefused   RecallResult = "refused"   // the recipient keeps it
	RecallEnded     RecallResult = "ended"     // it never came there: nothing to take back
)

// ResultOf returns what a recall of the delivery came to so far.
func ResultOf(d *Delivery) RecallResult {
	switch {
	case d.State == StateWithdrawn:
		return RecallWithdrawn
	case d.Destroyed != nil:
		return RecallAgreed
	case d.Request.Open():
		return RecallAsked
	case d.Request != nil && d.Request.Answer == StatusChangeRefused:
		return RecallRefused
	}
	return RecallEnded
}
