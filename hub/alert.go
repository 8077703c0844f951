package hub

import (
	"strings"
	"time"
)

// AlertKind is what is watched for operators.
type AlertKind string

// The kinds of causes.
const (
	AlertPart             AlertKind = "part"              // a part of the hub is not sound, as Readiness has it
	AlertDiskLow          AlertKind = "disk_low"          // the disk is filling, and nothing is refused yet
	AlertBacklog          AlertKind = "backlog"           // more deliveries wait, or longer, than the operator thinks right
	AlertRecipient        AlertKind = "recipient"         // a recipient takes nothing
	AlertCertificateEnds  AlertKind = "certificate_ends"  // a certificate of the hub ends soon
	AlertCertificateEnded AlertKind = "certificate_ended" // and now it has ended
	AlertListEnds         AlertKind = "crl_ends"          // a revocation list is to be replaced soon
	AlertListEnded        AlertKind = "crl_ended"         // and now it is too old
)

// AlertKinds lists all kinds.
func AlertKinds() []AlertKind {
	return []AlertKind{AlertPart, AlertDiskLow, AlertBacklog, AlertRecipient, AlertCertificateEnds, AlertCertificateEnded, AlertListEnds, AlertListEnded}
}

// Finding is a cause for an alert as one look found it.
type Finding struct {
	Kind   AlertKind `json:"kind"`
	About  string    `json:"about,omitempty"` // name of the part, certificate or list; id of the agency
	Name   string    `json:"name,omitempty"`  // of what it is about, for people
	Node   string    `json:"node,omitempty"`  // that it is of; empty where it is of the hub as a whole
	Urgent bool      `json:"urgent,omitempty"`
	At     time.Time `json:"at,omitzero"`      // when it ends or ended; since when a recipient takes nothing; UTC
	Count  int64     `json:"count,omitempty"`  // deliveries that wait; MiB that are free
	Detail string    `json:"detail,omitempty"` // in English; tells no secret and no person
	Said   *Sentence `json:"said,omitempty"`   // the detail, for readers of other languages
}

// Cause is the name of what was found: the same at each look and on each node.
func (f *Finding) Cause() string {
	return strings.Join([]string{string(f.Kind), f.Node, f.About}, "/")
}

// Alert is one time that a cause was there, from the first to the last look that found it.
// All times are UTC.
type Alert struct {
	ID string `json:"id"`
	Finding
	First  time.Time  `json:"first"`           // when it was found first
	Last   time.Time  `json:"last"`            // and last
	Opened time.Time  `json:"opened,omitzero"` // since when it counts: it has stayed long enough
	Told   time.Time  `json:"told,omitzero"`   // when the mail about it was written
	Ended  time.Time  `json:"ended,omitzero"`  // zero while it is there
	Over   time.Time  `json:"over,omitzero"`   // when the mail about its end was written
	Again  int        `json:"again,omitempty"` // how often the cause had come back, each time within a day
	Seen   *AlertNote `json:"seen,omitempty"`  // an operator looks after it
	Muted  *AlertMute `json:"muted,omitempty"` // no mail is written about the cause
}

// AlertNote is what an operator says of an alert.
type AlertNote struct {
	By     string    `json:"by"` // name of the account or key
	At     time.Time `json:"at"` // UTC
	Reason string    `json:"reason"`
}

// AlertMute is why, and until when, no mail is written about a cause.
type AlertMute struct {
	AlertNote
	Until time.Time `json:"until"` // UTC
}

// AlertBoard is what an operator sees of alerts.
type AlertBoard struct {
	Open []Alert `json:"open"` // urgent ones first, then the longest first
	// Muted are those about whose cause no mail is written, as they were when that was said.
	Muted []Alert `json:"muted"`
	// Recipients is how many addresses are told; 0 where nobody is.
	Recipients int `json:"recipients"`
	// Waiting is how many mails could not be sent yet, Problem why the last attempt failed.
	Waiting int       `json:"waiting"`
	Problem string    `json:"problem,omitempty"` // in English
	Said    *Sentence `json:"said,omitempty"`    // the problem, for readers of other languages
	Tried   time.Time `json:"tried,omitzero"`    // the attempt that failed, UTC
}

// AlertMail is one mail to operators: all that came together.
type AlertMail struct {
	ID    string    `json:"id"` // the same at each attempt to send it
	At    time.Time `json:"at"` // when it was written, UTC
	Begun []Alert   `json:"begun,omitempty"`
	Ended []Alert   `json:"ended,omitempty"`
	More  int       `json:"more,omitempty"` // alerts that it does not name
}

// Urgent reports whether the mail tells of something urgent that has begun.
func (m *AlertMail) Urgent() bool {
	for i := range m.Begun {
		if m.Begun[i].Urgent && m.Begun[i].Ended.IsZero() {
			return true
		}
	}
	return false
}
