package amqp

import (
	"errors"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// answer is what the hub has to say to a message.
type answer struct {
	kind string
	body any
}

// acceptedOf tells a sender, or who forwards, what became of its document.
func acceptedOf(a *hub.Accepted) answer {
	return answer{typeAccepted, acceptedAnswer{
		Dispatch: a.Dispatch.ID, Duplicate: a.Duplicate, Deliveries: statesOf(a.Deliveries), Receipt: a.Receipt,
	}}
}

// acceptedAnswer tells the sender what became of its document.
type acceptedAnswer struct {
	Dispatch   hub.DispatchID     `json:"dispatch"`
	Duplicate  bool               `json:"duplicate"` // the same message made it before
	Deliveries []position         `json:"deliveries"`
	Receipt    hub.SealedEvidence `json:"receipt"` // SubmissionAcceptance
}

// position is where a dispatch is on its way to one recipient.
type position struct {
	Delivery     hub.DeliveryID    `json:"delivery"`
	Recipient    hub.Code          `json:"recipient"` // as addressed
	Name         string            `json:"name"`
	Note         string            `json:"note,omitempty"`
	State        hub.DeliveryState `json:"state"`
	Progress     hub.StatusCode    `json:"progress,omitempty"`
	Registration *hub.Registration `json:"registration,omitempty"`
	Reason       *hub.Reason       `json:"reason,omitempty"`
	Evidence     hub.EvidenceRef   `json:"last_evidence"`
}

func statesOf(deliveries []hub.Delivery) []position {
	list := make([]position, len(deliveries))
	for i := range deliveries {
		d := &deliveries[i]
		list[i] = position{
			Delivery: d.ID, Recipient: d.AddressedAs, Name: d.Name, Note: d.Note, State: d.State,
			Progress: d.Progress, Registration: d.Registration, Reason: d.Reason, Evidence: d.LastEvidence,
		}
	}
	return list
}

// collectedAnswer is a delivery with its content.
type collectedAnswer struct {
	Delivery   hub.DeliveryID  `json:"delivery"`
	Fence      int64           `json:"fence"` // to be named in acknowledge and refuse
	Until      time.Time       `json:"until"` // end of the lease, UTC
	Dispatch   hub.DispatchID  `json:"dispatch"`
	Sender     hub.Code        `json:"sender"`
	SenderName string          `json:"sender_name"`
	ExternalID string          `json:"external_id"`
	Operation  hub.Operation   `json:"operation"`
	Document   hub.Document    `json:"document"`
	Origin     *hub.Origin     `json:"origin,omitempty"` // whose document the sender forwards
	Parts      []collectedPart `json:"parts"`

	ForInformation bool `json:"for_information,omitempty"`
}

// collectedPart is a part. One that does not fit into the message has a path in the REST
// interface instead of content; so has the package as received.
type collectedPart struct {
	hub.Part
	Content content `json:"content,omitempty"`
	Path    string  `json:"path,omitempty"`
}

// receiptAnswer is the evidence of an act.
type receiptAnswer struct {
	Receipt hub.SealedEvidence `json:"receipt"`
}

// trackedAnswer is where a dispatch is.
type trackedAnswer struct {
	Dispatch   hub.DispatchID `json:"dispatch"`
	Deliveries []position     `json:"deliveries"`
}

// problemAnswer says why something was not done: all broken rules at once.
type problemAnswer struct {
	Kind    hub.ErrorKind       `json:"kind"`
	Detail  string              `json:"detail"`
	Errors  []fault             `json:"errors"`
	Receipt *hub.SealedEvidence `json:"receipt,omitempty"` // SubmissionRejection, of a submission that was refused
}

type fault struct {
	Kind    hub.ErrorKind `json:"kind"`
	Field   string        `json:"field"`
	Rule    string        `json:"rule"`
	Message string        `json:"message"`
}

// problemOf tells an error to the agency. Of an internal failure it tells nothing but
// that it happened.
func problemOf(err error) answer {
	violations := hub.ViolationsOf(err)
	p := problemAnswer{Kind: violations[0].Kind, Detail: short(violations[0].Message), Errors: []fault{}}
	if p.Kind == hub.KindInternal {
		p.Detail = "The hub failed again and again on this message. Its operator finds the cause under the message id."
		return answer{typeProblem, p}
	}
	for _, v := range violations {
		if v.Kind != hub.KindInternal {
			p.Errors = append(p.Errors, fault{v.Kind, short(v.Field), v.Rule, short(v.Message)})
		}
	}
	var rejection *hub.Rejection
	if errors.As(err, &rejection) {
		p.Receipt = &rejection.Receipt
	}
	return answer{typeProblem, p}
}

// passing reports whether an error is one that goes away by itself.
func passing(err error) bool {
	kind := hub.KindOf(err)
	return kind == hub.KindUnavailable || kind == hub.KindBusy || kind == hub.KindInternal
}

// statusMessage is a status report about a document that the agency sent or received.
type statusMessage struct {
	Report   hub.StatusReport  `json:"report"`
	Dispatch hub.DispatchID    `json:"dispatch"`
	Delivery hub.DeliveryID    `json:"delivery"`
	State    hub.DeliveryState `json:"state"`
	Number   string            `json:"number"` // số/ký hiệu of the document
}
