package push

import (
	"context"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// SubscriptionStore keeps subscriptions.
type SubscriptionStore interface {
	// SubscriptionsVersion grows with every change, on whichever node.
	SubscriptionsVersion(ctx context.Context) (int64, error)
	Subscriptions(ctx context.Context) ([]hub.Subscription, error)
	// Subscription answers KindNotFound when there is none.
	Subscription(ctx context.Context, id string) (hub.Subscription, error)
	// SaveSubscription inserts a subscription of version 1, or replaces the one of the
	// version before; KindConflict when another stands there.
	SaveSubscription(ctx context.Context, s hub.Subscription) error
	// RemoveSubscription removes it with its pushes.
	RemoveSubscription(ctx context.Context, id string) error
}

// Feed reads the log.
type Feed interface {
	// PushPosition tells how far the log was read for pushes, and where it ends.
	PushPosition(ctx context.Context) (position, end int64, err error)
	// LogFrom reads entries in their order, from a place on. What is neither evidence nor
	// the note of an event of a dossier comes with its place alone.
	LogFrom(ctx context.Context, place int64, limit int) ([]hub.PlacedEvidence, error)
	// AddPushes MUST record pushes together with the new position, or, with KindConflict,
	// nothing when the position is not where it was read from.
	AddPushes(ctx context.Context, from, next int64, pushes []hub.Push) error
}

// Outbox keeps pushes.
type Outbox interface {
	// DuePushes lists waiting pushes whose time has come, by place; without any it tells
	// when the first will be due, the zero time for never.
	DuePushes(ctx context.Context, subscription string, now time.Time, limit int) ([]hub.Push, time.Time, error)
	// SavePushes records what became of pushes that wait or are unknown, and returns of how
	// many. One that becomes unknown without an attempt MUST wait until then: of two nodes
	// that are about to tell it, one alone marks it.
	SavePushes(ctx context.Context, pushes ...hub.Push) (int, error)
	Pushes(ctx context.Context, query hub.PushQuery) (hub.List[hub.Push], error)
	ReplayPushes(ctx context.Context, subscription string, which hub.Replay, now time.Time) (int, error)
	PrunePushes(ctx context.Context, before time.Time, limit int) (int, error)
}

// Items shows what pushes are about.
type Items interface {
	Item(ctx context.Context, id hub.DeliveryID) (hub.Item, error)
	Evidence(ctx context.Context, id hub.EvidenceID) (hub.SealedEvidence, error)
}

// Noted shows the notes of events of dossiers.
type Noted interface {
	// LogNote answers KindNotFound when there is none.
	LogNote(ctx context.Context, id string) (hub.LogNote, error)
}

// Steps records what subscriptions could not tell.
type Steps interface {
	// ApplySteps MUST record each step with its evidence in one transaction, or answer
	// KindConflict in its place where the delivery is not what the step was made from.
	ApplySteps(ctx context.Context, steps ...hub.Step) ([]error, error)
}

// Notary completes and seals evidence, in order.
type Notary interface {
	Seal(ctx context.Context, drafts ...hub.Evidence) ([]hub.SealedEvidence, error)
}

// Contents opens the files of a dispatch for whom they are.
type Contents interface {
	Open(ctx context.Context, actor hub.Actor, id hub.DispatchID, partID string) (hub.Part, hub.Blob, error)
}

// Directory finds agencies.
type Directory interface {
	ByID(id hub.AgencyID) (*hub.Agency, bool)
}

// Vault encrypts secrets that must be read back.
type Vault interface {
	Seal(ctx context.Context, secret []byte, about string) ([]byte, error)
	Open(sealed []byte, about string) ([]byte, error)
}

// Notes records facts about the hub itself.
type Notes interface {
	Note(ctx context.Context, kind hub.LogNoteKind, fact any) error
}

// Teller tells one subscription. Errors: KindNotFound when the target is gone for good;
// KindInvalid when it refuses this message, not others; hub.ErrUncertain in the tree when
// nobody knows whether it was told; every other error is of the target and temporary,
// with RetryAfter where the target asks for a pause.
type Teller interface {
	// CheckTarget says what is wrong with a target, without asking it.
	CheckTarget(target string) error
	Tell(ctx context.Context, call hub.PushCall) error
}
