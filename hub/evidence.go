package hub

import (
	"fmt"
	"slices"
	"time"
)

// Event is the name of an evidence event: the URI of ETSI EN 319 522-3 for the
// standard ones, one of our own namespace for additions.
type Event string

// Namespaces of event names.
const (
	etsiEvent = "http://uri.etsi.org/19522/Event/"
	ownEvent  = "urn:lienthong:event:"
)

// The evidence events (modelled on ETSI EN 319 522-1 and -3).
const (
	EventSubmissionAcceptance      Event = etsiEvent + "SubmissionAcceptance"
	EventSubmissionRejection       Event = etsiEvent + "SubmissionRejection"
	EventRelayAcceptance           Event = etsiEvent + "RelayAcceptance"
	EventRelayRejection            Event = etsiEvent + "RelayRejection"
	EventRelayFailure              Event = etsiEvent + "RelayFailure"
	EventContentConsignment        Event = etsiEvent + "ContentConsignment"
	EventContentConsignmentFailure Event = etsiEvent + "ContentConsignmentFailure"
	EventConsignmentNotification   Event = etsiEvent + "ConsignmentNotification"
	EventNotificationFailure       Event = etsiEvent + "ConsignmentNotificationFailure"
	EventContentHandover           Event = etsiEvent + "ContentHandover"
	EventContentHandoverFailure    Event = etsiEvent + "ContentHandoverFailure"
	EventConsignmentAcceptance     Event = etsiEvent + "ConsignmentAcceptance"
	EventConsignmentRejection      Event = etsiEvent + "ConsignmentRejection"
	EventAcceptanceRejectionExpiry Event = etsiEvent + "AcceptanceRejectionExpiry"
	EventContentAccessTracking     Event = etsiEvent + "ContentAccessTracking"
	EventRelayToNonERDS            Event = etsiEvent + "RelayToNonERDS"
	EventRelayToNonERDSFailure     Event = etsiEvent + "RelayToNonERDSFailure"
	EventReceivedFromNonERDS       Event = etsiEvent + "ReceivedFromNonERDS"
	EventSignatureValidation       Event = ownEvent + "SignatureValidation"
	EventWithdrawal                Event = ownEvent + "Withdrawal"
	EventCorrection                Event = ownEvent + "Correction"
	EventForward                   Event = ownEvent + "Forward"
	EventStatusReport              Event = ownEvent + "StatusReport"
	EventExpiryWarning             Event = ownEvent + "ExpiryWarning"
	EventTask                      Event = ownEvent + "Task"
	EventPostalDelivery            Event = ownEvent + "PostalDelivery"
)

// Name returns the last segment of the URI, for people and file names.
func (e Event) Name() string {
	for i := len(e) - 1; i >= 0; i-- {
		if e[i] == '/' || e[i] == ':' {
			return string(e[i+1:])
		}
	}
	return string(e)
}

// Negative reports whether the event tells of a refusal, failure or expiry;
// such an evidence always carries a reason.
func (e Event) Negative() bool {
	switch e {
	case EventSubmissionRejection, EventRelayRejection, EventRelayFailure,
		EventContentConsignmentFailure, EventNotificationFailure,
		EventContentHandoverFailure, EventConsignmentRejection,
		EventAcceptanceRejectionExpiry, EventRelayToNonERDSFailure:
		return true
	}
	return false
}

// ReasonCode is a machine word for why something was refused or failed (the
// test plan of ETSI TR 103 071 supplies most of them).
type ReasonCode string

// The reason codes.
const (
	ReasonInvalidFormat     ReasonCode = "invalid_format"
	ReasonPolicyViolation   ReasonCode = "policy_violation"
	ReasonStateSecret       ReasonCode = "state_secret"
	ReasonInvalidSignature  ReasonCode = "invalid_signature"
	ReasonUnknownRecipient  ReasonCode = "unknown_recipient"
	ReasonClosedRecipient   ReasonCode = "closed_recipient"
	ReasonSenderNotAllowed  ReasonCode = "sender_not_allowed"
	ReasonDuplicateID       ReasonCode = "duplicate_id"
	ReasonTooLarge          ReasonCode = "too_large"
	ReasonDigestMismatch    ReasonCode = "digest_mismatch"
	ReasonMalware           ReasonCode = "malware"
	ReasonWrongAddressee    ReasonCode = "wrong_addressee"
	ReasonIncomplete        ReasonCode = "incomplete"
	ReasonDuplicateDocument ReasonCode = "duplicate_document"
	ReasonOther             ReasonCode = "other"
	ReasonRetentionExpired  ReasonCode = "retention_expired"
	ReasonAttemptsExhausted ReasonCode = "attempts_exhausted"
	ReasonUnreachable       ReasonCode = "unreachable"
	ReasonNoBox             ReasonCode = "no_box"
	ReasonRecalled          ReasonCode = "recalled"
)

// ReasonCodes is the closed list.
func ReasonCodes() []ReasonCode {
	return []ReasonCode{
		ReasonInvalidFormat, ReasonPolicyViolation, ReasonStateSecret, ReasonInvalidSignature, ReasonUnknownRecipient,
		ReasonClosedRecipient, ReasonSenderNotAllowed, ReasonDuplicateID, ReasonTooLarge, ReasonDigestMismatch,
		ReasonMalware, ReasonWrongAddressee, ReasonIncomplete, ReasonDuplicateDocument, ReasonOther,
		ReasonRetentionExpired, ReasonAttemptsExhausted, ReasonUnreachable, ReasonNoBox, ReasonRecalled,
	}
}

// CheckReasons returns what is wrong with the reasons of an evidence: a negative one has
// at least one, and every code is of the closed list. Empty when they are right.
func (e *Evidence) CheckReasons() string {
	if e.Event.Negative() && len(e.Reasons) == 0 {
		return "a negative event gives a reason"
	}
	for _, r := range e.Reasons {
		if !slices.Contains(ReasonCodes(), r.Code) {
			return fmt.Sprintf("the reason %.40q is not of the closed list", string(r.Code))
		}
	}
	return ""
}

// RefusalReasons lists the codes that a recipient may give when it refuses.
func RefusalReasons() []ReasonCode {
	return []ReasonCode{
		ReasonWrongAddressee, ReasonInvalidSignature, ReasonIncomplete,
		ReasonDuplicateDocument, ReasonInvalidFormat, ReasonOther,
	}
}

// EvidenceProfile names format and policy of the evidences this version issues.
// A verifier that does not know the profile of an evidence stops.
const EvidenceProfile = "urn:lienthong:policy:evidence:1"

// EvidenceVersion is the version of the field set below.
const EvidenceVersion = "1"

// Evidence is one fact about a dispatch or delivery. Its JSON form, made
// canonical by RFC 8785, is what is signed and what the log holds. Field names
// follow the components of ETSI EN 319 522-2. The fields of all types in it stand in the
// order of their names, so that the JSON of them is canonical as it is written: nothing
// else is sorted as often.
type Evidence struct {
	Content        *Content      `json:"content,omitempty"`
	Delegate       *Party        `json:"delegate,omitempty"` // who acted in the place of the recipient, or of the assigner of a task
	DeliveryInfo   *DeliveryInfo `json:"delivery,omitempty"`
	Delivery       DeliveryID    `json:"delivery_id,omitempty"`
	Event          Event         `json:"event"`
	Time           time.Time     `json:"event_time"` // UTC, milliseconds
	ID             EvidenceID    `json:"evidence_id"`
	ExternalID     string        `json:"external_id,omitempty"`
	Issuer         Party         `json:"issuer"`
	Links          []Link        `json:"links,omitempty"` // to other dispatches of the sender, or that it answers or forwards
	Log            LogRef        `json:"log"`
	Dispatch       DispatchID    `json:"message_id,omitempty"` // absent from a rejection: there is no dispatch
	Note           string        `json:"note,omitempty"`
	Operation      Operation     `json:"operation,omitempty"`
	Origin         *Party        `json:"origin,omitempty"`        // author of a document that its sender forwards
	Prev           *EvidenceRef  `json:"prev_evidence,omitempty"` // chain within (dispatch, recipient)
	Profile        string        `json:"profile"`
	Reasons        []Reason      `json:"reasons,omitempty"`
	Recipients     []Party       `json:"recipients,omitempty"` // all of them in an acceptance, else exactly one
	Registration   *Registration `json:"registration,omitempty"`
	Sender         *Party        `json:"sender,omitempty"`
	Status         *StatusFact   `json:"status,omitempty"`
	SubmissionTime time.Time     `json:"submission_time,omitzero"` // UTC, milliseconds
	Tasks          []TaskFact    `json:"tasks,omitempty"`          // all that an acceptance sets, else the one that it is about
	TraceID        string        `json:"trace_id,omitempty"`
	Validation     []Validation  `json:"validation,omitempty"`
	Version        string        `json:"version"`
}

// Party is a sender, recipient or issuer in an evidence.
type Party struct {
	Auth           *AuthFact `json:"auth,omitempty"`
	Code           Code      `json:"code,omitempty"`
	ForInformation bool      `json:"for_information,omitempty"` // recipients only: nothing is asked of it
	ID             AgencyID  `json:"id"`
	Index          *int      `json:"index,omitempty"` // recipients only: place in the dispatch, from 0
	Name           string    `json:"name,omitempty"`
	Note           string    `json:"note,omitempty"`   // successor note
	Rule           *RuleRef  `json:"rule,omitempty"`   // recipients only: the rule of the sender by which it is one
	Scheme         string    `json:"scheme,omitempty"` // grammar of the code
}

// AuthFact tells how a party proved who it is.
type AuthFact struct {
	Actor  string     `json:"actor"`
	Method AuthMethod `json:"method"`
}

// Content lists the digests of the exact bytes that the evidence is about.
type Content struct {
	Parts []PartFact `json:"parts"`
}

// PartFact is a part as evidence names it.
type PartFact struct {
	ID        string   `json:"id"`
	MediaType string   `json:"media_type"`
	Name      string   `json:"name"`
	Role      PartRole `json:"role"`
	SHA256    Digest   `json:"sha256"`
	Size      int64    `json:"size"`
}

// DeliveryInfo tells how a delivery was carried and acknowledged.
type DeliveryInfo struct {
	Ack       *AuthFact `json:"ack,omitempty"` // of the recipient: who acknowledged, acted or read
	Attempt   int       `json:"attempt,omitempty"`
	Channel   Channel   `json:"channel"`
	ExpiresAt time.Time `json:"expires_at,omitzero"` // UTC; of a warning and of an expiry: the end of the term
}

// Validation is the verdict about one signature, or about a part without any: as
// recorded at acceptance in a SubmissionAcceptance, as given again later in a
// SignatureValidation.
type Validation struct {
	Indication Indication `json:"indication"`
	Part       string     `json:"part"`
	Policy     string     `json:"policy,omitempty"`       // name and version of the validation policy
	Report     Digest     `json:"report_sha256,omitzero"` // SHA-256 of the report on the part as RFC 8785 JSON
	Signer     string     `json:"signer,omitempty"`
	Sub        SubReason  `json:"sub_indication,omitempty"`
}

// Validations are what an evidence says of a report with that digest.
func (r *SignatureReport) Validations(digest Digest) []Validation {
	if len(r.Signatures) == 0 {
		return []Validation{{Part: r.Part, Indication: r.Indication, Sub: r.Sub, Policy: r.Policy, Report: digest}}
	}
	list := make([]Validation, len(r.Signatures))
	for i, s := range r.Signatures {
		list[i] = Validation{Part: r.Part, Signer: s.Signer, Indication: s.Indication, Sub: s.Sub, Policy: r.Policy, Report: digest}
	}
	return list
}

// StatusFact is a status report in an evidence.
type StatusFact struct {
	Automatic   bool       `json:"automatic,omitempty"` // made by the hub: no act of the recipient
	Code        StatusCode `json:"code"`
	Description string     `json:"description,omitempty"`
	StatedAt    time.Time  `json:"stated_at,omitzero"`
}

// LogRef names the tamper-evident log that the evidence goes to; the index is
// in the proof, not here.
type LogRef struct {
	Origin string `json:"origin"`
}

// EvidenceRef points to an earlier evidence by id and digest of its canonical bytes.
type EvidenceRef struct {
	ID     EvidenceID `json:"id"`
	SHA256 Digest     `json:"sha256"`
}

// SealedEvidence is an evidence with its signature. A receipt is a sealed
// evidence handed to a party. Nothing in it may change after sealing.
type SealedEvidence struct {
	Evidence  Evidence
	Canonical []byte // RFC 8785 bytes of Evidence
	// JWS is the RFC 7515 compact serialization with detached payload. Where one
	// signature covers a batch, "~" and the place of the evidence in it follow.
	JWS    string
	Digest Digest // SHA-256 of Canonical
}

// Ref returns the pointer that the next evidence of the chain carries.
func (s *SealedEvidence) Ref() EvidenceRef {
	return EvidenceRef{ID: s.Evidence.ID, SHA256: s.Digest}
}

// StateAfter returns the state of a delivery that the event proves; false for one that
// proves none.
func (e *Evidence) StateAfter() (DeliveryState, bool) {
	switch e.Event {
	case EventContentConsignment, EventRelayAcceptance, EventRelayToNonERDS:
		return StateConsigned, true
	case EventContentHandover, EventPostalDelivery:
		return StateHandedOver, true
	case EventConsignmentAcceptance:
		return StateAccepted, true
	case EventConsignmentRejection:
		return StateRefused, true
	case EventAcceptanceRejectionExpiry:
		return StateExpired, true
	case EventWithdrawal:
		return StateWithdrawn, true
	case EventRelayRejection:
		return StateFailed, true
	case EventContentConsignmentFailure, EventContentHandoverFailure, EventRelayFailure, EventRelayToNonERDSFailure:
		expired := func(r Reason) bool { return r.Code == ReasonRetentionExpired }
		if slices.ContainsFunc(e.Reasons, expired) {
			return StateExpired, true
		}
		return StateFailed, true
	}
	return "", false
}

// Follow completes the link to the evidence before, where that is sealed in the same
// step: Prev then has its id and, since it was not known when this one was drafted, no
// digest.
func (e *Evidence) Follow(before []SealedEvidence) error {
	if e.Prev == nil || e.Prev.SHA256 != (Digest{}) {
		return nil
	}
	for i := range before {
		if before[i].Evidence.ID == e.Prev.ID {
			ref := before[i].Ref()
			e.Prev = &ref
			return nil
		}
	}
	return Internal("seal an evidence: the one before it has no digest", nil)
}

// DeliveryEvidence drafts an evidence about one delivery: parties, content and
// the link to the delivery's last evidence. The caller adds what its event needs.
func DeliveryEvidence(event Event, dispatch *Dispatch, delivery *Delivery, at time.Time) Evidence {
	index, prev := delivery.Index, delivery.LastEvidence
	return Evidence{
		Event: event,
		Time:  at,
		Sender: &Party{
			ID: dispatch.Sender, Code: dispatch.SenderCode,
			Scheme: string(dispatch.SenderCode.Form()), Name: dispatch.SenderName,
		},
		Recipients: []Party{{
			ID: delivery.Recipient, Code: delivery.AddressedAs, Scheme: string(delivery.AddressedAs.Form()),
			Name: delivery.Name, Index: &index, Note: delivery.Note, ForInformation: delivery.ForInformation, Rule: delivery.Rule,
		}},
		Dispatch:   dispatch.ID,
		Delivery:   delivery.ID,
		ExternalID: dispatch.ExternalID,
		Operation:  dispatch.Operation,
		Content:    PartFacts(dispatch.Parts),
		Prev:       &prev,
		TraceID:    dispatch.TraceID,
	}
}

// ArrivalEvidence drafts the evidence of a report that the hub makes for a recipient: it
// follows that of the consignment, which the delivery has as its last one.
func ArrivalEvidence(dispatch *Dispatch, delivery *Delivery, r *StatusReport) Evidence {
	e := DeliveryEvidence(EventStatusReport, dispatch, delivery, r.RecordedAt)
	e.Status, e.Note = r.Fact(), "made by the hub for the recipient, as the directory says; no act of the recipient"
	return e
}

// PartFacts lists parts as evidence names them; nil when there are none.
func PartFacts(parts []Part) *Content {
	if len(parts) == 0 {
		return nil
	}
	c := &Content{Parts: make([]PartFact, len(parts))}
	for i, p := range parts {
		c.Parts[i] = PartFact{ID: p.ID, Role: p.Role, Name: p.Name, MediaType: p.MediaType, Size: p.Size, SHA256: p.Digest}
	}
	return c
}
