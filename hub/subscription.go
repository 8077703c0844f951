package hub

import (
	"context"
	"errors"
	"slices"
	"time"
)

// SubscriptionKind says how a subscription tells.
type SubscriptionKind string

// The kinds of subscriptions.
const (
	SubscriptionWebhook SubscriptionKind = "webhook" // an HTTPS request for each event
	SubscriptionMail    SubscriptionKind = "mail"    // a mail for what came together
)

// Topic is what a subscription tells of.
type Topic string

// The topics.
const (
	TopicWaiting  Topic = "delivery.waiting"  // something waits in the box of the agency, its sender reminds of it, or it will soon be over
	TopicStatus   Topic = "status.reported"   // the other side reported progress, asked for a document back, or answered
	TopicTask     Topic = "task.changed"      // the other side did something about a task, or a deadline is near or over
	TopicDossier  Topic = "dossier.changed"   // another agency did something about a dossier, or it is about to be late
	TopicEvidence Topic = "evidence.recorded" // any evidence about what the agency sent or received
	TopicTest     Topic = "test"              // somebody tries the subscription; never subscribed to
)

// Topics lists what can be subscribed to.
func Topics() []Topic {
	return []Topic{TopicWaiting, TopicStatus, TopicTask, TopicDossier, TopicEvidence}
}

// Subscription says that an agency wants to be told, and where. What it is told of waits
// in the box of the agency or stands in its lists anyway: a subscription that fails loses
// nothing.
type Subscription struct {
	ID     string           `json:"id"` // UUIDv7
	Agency AgencyID         `json:"agency"`
	Kind   SubscriptionKind `json:"kind"`
	Target string           `json:"target"` // an https URL, or a mail address
	Topics []Topic          `json:"topics"`
	// Content lets the request carry the files of what waits, up to a bound.
	Content bool `json:"content,omitempty"`
	// Details lets a mail name number, subject and sender of what waits.
	Details bool `json:"details,omitempty"`
	// Gather is how many seconds a mail waits for more that goes into the same one; 0 for
	// the setting of the hub.
	Gather int `json:"gather_seconds,omitempty"`
	// Digest lets what a mail tells of tasks wait for the mail of the morning: one for each
	// day on which there is something to tell.
	Digest  bool      `json:"digest,omitempty"`
	Created time.Time `json:"created"` // UTC; what happened before is not told
	By      string    `json:"by"`      // Actor.Name
	Version int64     `json:"version"` // grows with every change
	Paused  *Pause    `json:"paused,omitempty"`
	Health  Reach     `json:"health"`
	// Secrets sign requests, the newest last; none of a mail. They never leave the hub.
	Secrets []SubscriptionSecret `json:"-"`
}

// Wants reports whether the subscription tells of a topic.
func (s *Subscription) Wants(t Topic) bool { return slices.Contains(s.Topics, t) }

// SubscriptionSecret is a key of an HMAC, sealed by the vault of the hub.
type SubscriptionSecret struct {
	Sealed  []byte    `json:"sealed"`
	Created time.Time `json:"created"`       // UTC
	Ends    time.Time `json:"ends,omitzero"` // it signs until then; zero for no end
}

// PauseReason says why a subscription tells nothing.
type PauseReason string

// The reasons of a pause.
const (
	PauseAsked       PauseReason = "asked"       // somebody who may asked for it
	PauseGone        PauseReason = "gone"        // the endpoint answered 410, or the mail address does not exist
	PauseUnreachable PauseReason = "unreachable" // it failed without a success for too long
)

// Pause says since when and why a subscription tells nothing. What it would tell waits.
type Pause struct {
	Reason PauseReason `json:"reason"`
	At     time.Time   `json:"at"`               // UTC
	By     string      `json:"by,omitempty"`     // Actor.Name; empty for the hub itself
	Detail string      `json:"detail,omitempty"` // in English
	Said   *Sentence   `json:"said,omitempty"`   // the detail, for readers of other languages
	// Untold is the place in the log up to which, this one not included, deliveries that
	// wait have it on record that this subscription did not tell of them.
	Untold int64 `json:"untold,omitempty"`
}

// Reach is how a subscription fares: its circuit is open while Next lies ahead.
type Reach struct {
	Failures     int       `json:"failures"` // in a row
	FailingSince time.Time `json:"failing_since,omitzero"`
	Next         time.Time `json:"next,omitzero"`        // nothing is tried before
	LastError    string    `json:"last_error,omitempty"` // in English
	LastSaid     *Sentence `json:"last_said,omitempty"`  // it, for readers of other languages
	LastSuccess  time.Time `json:"last_success,omitzero"`
}

// Fresh is the reach of what may be tried at once, with what was the last of each kind.
func (r *Reach) Fresh() Reach {
	return Reach{LastSuccess: r.LastSuccess, LastError: r.LastError, LastSaid: r.LastSaid}
}

// PushState is the state of a push.
type PushState string

// The states of a push.
const (
	PushWaiting  PushState = "waiting"
	PushTold     PushState = "told"      // the endpoint took it
	PushMoot     PushState = "moot"      // nothing waits there any more; nobody was told
	PushUnknown  PushState = "unknown"   // a mail that may have gone out before a crash; it is not sent twice
	PushSetAside PushState = "set_aside" // refused for good; it waits for a replay
)

// PushStates lists the states.
func PushStates() []PushState {
	return []PushState{PushWaiting, PushTold, PushMoot, PushUnknown, PushSetAside}
}

// Push is one evidence, or note of an event of a dossier, on its way to one subscription.
// There is at most one for each of them and subscription.
type Push struct {
	Subscription string     `json:"subscription"`
	Evidence     EvidenceID `json:"evidence"` // or the id of the note: of the message, the same at every attempt
	Place        int64      `json:"place"`    // of the evidence in the log: pushes are told in this order
	Topic        Topic      `json:"topic"`
	Dispatch     DispatchID `json:"dispatch,omitempty"`
	Delivery     DeliveryID `json:"delivery,omitempty"`
	At           time.Time  `json:"at"` // of the evidence
	State        PushState  `json:"state"`
	Due          time.Time  `json:"due"` // not tried before
	Attempts     int        `json:"attempts"`
	Tried        time.Time  `json:"tried,omitzero"` // last time
	LastError    string     `json:"last_error,omitempty"`
}

// PlacedEvidence is an evidence as the log has it, or the note of an event of a dossier.
type PlacedEvidence struct {
	Place    int64
	Evidence SealedEvidence
	Note     *LogNote // of LogNoteDossier; nil of evidence
}

// PushQuery lists pushes of a subscription, by place.
type PushQuery struct {
	Subscription string
	State        PushState // empty for all
	From         int64     // none before this place
	Page         Page
}

// Replay says which pushes of a subscription are to be told again.
type Replay struct {
	Since    time.Time  `json:"since,omitzero"`     // all of evidence from then on
	Evidence EvidenceID `json:"evidence,omitempty"` // this one
	SetAside bool       `json:"set_aside,omitempty"`
}

// ErrUncertain says that a call ended so that it may have been heard.
var ErrUncertain = errors.New("nobody knows whether it was told")

// PushCall is what a subscription is told at once.
type PushCall struct {
	Subscription Subscription
	Agency       *Agency
	Secrets      [][]byte    // in force, the newest first
	At           time.Time   // UTC
	Events       []PushEvent // one at least
	Hops         *Hops       // of a connection test, told of each that is made; else nil
}

// PushEvent is one thing that is told.
type PushEvent struct {
	ID       string // the same at every attempt
	Topic    Topic
	At       time.Time      // UTC
	Evidence SealedEvidence // empty of a test, and of a dossier
	Dossier  *DossierFact   // of TopicDossier
	Item     *Item          // nil when it is about no single delivery
	// Open opens a file of the document; nil where the subscription carries no content.
	Open func(ctx context.Context, partID string) (Blob, error)
}
