package hub

import (
	"crypto/sha256"
	"encoding/json"
	"time"
)

// MaxRecipients is the most recipients that one submission can be allowed to have: the
// leaf of its acceptance holds a tag for each and must fit into the log.
const MaxRecipients = 3000

// Submission is what a sender hands in and the hub has not yet accepted. Its
// parts are already durable in the blob store; nothing else is.
type Submission struct {
	Sender     string   `json:"sender"`     // agency code as written
	Recipients []string `json:"recipients"` // agency codes as written, in order
	// ForInformation names those of the recipients who get it for information alone (nơi
	// nhận để biết); packages cannot say that.
	ForInformation []string   `json:"for_information,omitempty"`
	ExternalID     string     `json:"external_id"` // the sender's own id (edXML DocumentId), opaque
	Operation      Operation  `json:"operation"`
	Document       Document   `json:"document"`
	Tasks          []TaskWish `json:"tasks,omitempty"` // that the document sets
	Parts          []Part     `json:"parts"`           // originals and attachments, in order
	Envelope       *Part      `json:"envelope"`        // the package as received; nil for REST
	Trace          []Hop      `json:"trace"`           // stations that relayed the package before us
	Format         Format     `json:"format"`
	Key            string     `json:"-"` // idempotency key of the sender; may be empty
	ReceivedAt     time.Time  `json:"-"` // when the first byte arrived, UTC
	TraceID        string     `json:"-"` // correlation id of the request
	XMLSigned      bool       `json:"-"` // the envelope carries a signature block
}

// Format names the form in which a submission came in.
type Format string

// The formats.
const (
	FormatREST  Format = "rest"
	FormatEdXML Format = "edxml"
)

// Hop is a station on the way of a package (edXML TraceHeader). Time is as
// written by the station, read as Vietnam time.
type Hop struct {
	Agency string    `json:"agency"`
	Time   time.Time `json:"time,omitzero"`
}

// Fingerprint returns the SHA-256 over everything the sender said, part digests
// included. Two submissions with the same key are the same act exactly when
// their fingerprints are equal.
func (s *Submission) Fingerprint() Digest {
	if s.Envelope != nil {
		// A package says everything; addressing may still come from the call.
		body, _ := json.Marshal(struct { //nolint:errchkjson // strings and a digest cannot fail
			Package    Digest
			Recipients []string
		}{s.Envelope.Digest, s.Recipients})
		return sha256.Sum256(body)
	}
	body, _ := json.Marshal(s) //nolint:errchkjson // plain data cannot fail
	return sha256.Sum256(body)
}

// IDMark stands in the external id of a dispatch between the id that its sender gave to
// several documents and what tells them apart on this hub.
const IDMark = "~"

// AllParts returns the parts and, last, the envelope if there is one.
func (s *Submission) AllParts() []Part {
	if s.Envelope == nil {
		return s.Parts
	}
	return append(append([]Part(nil), s.Parts...), *s.Envelope)
}

// Rejection is the error of a submission that was well-formed but refused. It
// carries the reasons for the sender's screen and the sealed SubmissionRejection,
// which is durable when the sender sees it. It unwraps to its Violations.
type Rejection struct {
	Violations Violations
	Receipt    SealedEvidence
}

// Error implements error.
func (r *Rejection) Error() string { return "submission rejected: " + r.Violations.Error() }

// Unwrap returns the violations.
func (r *Rejection) Unwrap() error { return r.Violations }

// Preview is what would become of a submission that was not made yet.
type Preview struct {
	Accepted   DispatchID           // what the same submission became before; else empty
	Recipients []Resolution         // in the order of the submission
	Informed   map[AgencyID]bool    // those of them who get it for information
	Rules      map[AgencyID]RuleRef // of the sender, by which they are recipients
	Routing    []RuleTrace          // all that rules of the sender would do
	Reports    []SignatureReport    // on its parts
	Earlier    Earlier              // what it does to documents that were sent before
}

// PackageKind tells the two kinds of edXML packages apart.
type PackageKind string

// The package kinds (messagetype).
const (
	PackageDocument PackageKind = "edoc"
	PackageStatus   PackageKind = "status"
)

// Package is a decoded edXML package: a document or a status message.
type Package struct {
	Kind       PackageKind
	Submission *Submission    // set when Kind is PackageDocument
	Status     *StatusMessage // set when Kind is PackageStatus
}
