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
	EventEvidenceRenewal           Event = ownEvent + "EvidenceRenewal"
	EventExpiryWarning             Event = ownEvent + "ExpiryWarning"
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
// follow the components of ETSI EN 319 522-2.
type Evidence struct {
	Version        string        `json:"version"`
	Profile        string        `json:"profile"`
	ID             EvidenceID    `json:"evidence_id"`
	Event          Event         `json:"event"`
	Time           time.Time     `json:"event_time"` // UTC, milliseconds
	Reasons        []Reason      `json:"reasons,omitempty"`
	Issuer         Party         `json:"issuer"`
	Sender         *Party        `json:"sender,omitempty"`
	Recipients     []Party       `json:"recipients,omitempty"` // all of them in an acceptance, else exactly one
	Dispatch       DispatchID    `json:"message_id,omitempty"` // absent from a rejection: there is no dispatch
	Delivery       DeliveryID    `json:"delivery_id,omitempty"`
	ExternalID     string        `json:"external_id,omitempty"`
	Operation      Operation     `json:"operation,omitempty"`
	SubmissionTime time.Time     `json:"submission_time,omitzero"` // UTC, milliseconds
	Content        *Content      `json:"content,omitempty"`
	Prev           *EvidenceRef  `json:"prev_evidence,omitempty"` // chain within (dispatch, recipient)
	DeliveryInfo   *DeliveryInfo `json:"delivery,omitempty"`
	Registration   *Registration `json:"registration,omitempty"`
	Validation     []Validation  `json:"validation,omitempty"`
	Status         *StatusFact   `json:"status,omitempty"`
	Links          []Link        `json:"links,omitempty"` // to other dispatches of the sender, or that it answers
	Note           string        `json:"note,omitempty"`
	TraceID        string        `json:"trace_id,omitempty"`
	Log            LogRef        `json:"log"`
}

// Party is a sender, recipient or issuer in an evidence.
type Party struct {
	ID     AgencyID  `json:"id"`
	Code   Code      `json:"code,omitempty"`
	Scheme string    `json:"scheme,omitempty"` // grammar of the code
	Name   string    `json:"name,omitempty"`
	Index  *int      `json:"index,omitempty"` // recipients only: place in the dispatch, from 0
	Note   string    `json:"note,omitempty"`  // successor note
	Auth   *AuthFact `json:"auth,omitempty"`
}

// AuthFact tells how a party proved who it is.
type AuthFact struct {
	Method AuthMethod `json:"method"`
	Actor  string     `json:"actor"`
}

// Content lists the digests of the exact bytes that the evidence is about.
type Content struct {
	Parts []PartFact `json:"parts"`
}

// PartFact is a part as evidence names it.
type PartFact struct {
	ID        string   `json:"id"`
	Role      PartRole `json:"role"`
	Name      string   `json:"name"`
	MediaType string   `json:"media_type"`
	Size      int64    `json:"size"`
	SHA256    Digest   `json:"sha256"`
}

// DeliveryInfo tells how a delivery was carried and acknowledged.
type DeliveryInfo struct {
	Attempt   int       `json:"attempt,omitempty"`
	Channel   Channel   `json:"channel"`
	Ack       *AuthFact `json:"ack,omitempty"`       // of the recipient: who acknowledged, acted or read
	ExpiresAt time.Time `json:"expires_at,omitzero"` // UTC; of a warning and of an expiry: the end of the term
}

// Validation is the verdict about one signature, or about a part without any: as
// recorded at acceptance in a SubmissionAcceptance, as given again later in a
// SignatureValidation.
type Validation struct {
	Part       string     `json:"part"`
	Signer     string     `json:"signer,omitempty"`
	Indication Indication `json:"indication"`
	Sub        SubReason  `json:"sub_indication,omitempty"`
	Policy     string     `json:"policy,omitempty"`       // name and version of the validation policy
	Report     Digest     `json:"report_sha256,omitzero"` // SHA-256 of the report on the part as RFC 8785 JSON
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
			Name: delivery.Name, Index: &index, Note: delivery.Note,
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
