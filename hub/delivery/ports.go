package delivery

import (
	"context"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Store yields deliveries that want work and records what became of them.
type Store interface {
	// DueDeliveries returns queued deliveries whose NextAttempt has come, urgent
	// ones first, then oldest first. With dispatches given, only theirs.
	DueDeliveries(ctx context.Context, now time.Time, limit int, dispatches ...hub.DispatchID) ([]hub.Item, error)
	// ExpiringDeliveries returns deliveries that are not final and whose Deadline
	// has come, oldest first.
	ExpiringDeliveries(ctx context.Context, now time.Time, limit int) ([]hub.Item, error)
	// Item returns one delivery with its dispatch; KindNotFound when there is none.
	Item(ctx context.Context, id hub.DeliveryID) (hub.Item, error)
	// ApplySteps records all steps in one transaction. A step whose delivery is
	// not in the expected state and version is left out and its error (by index)
	// is KindConflict; the others are recorded. The second result is a failure
	// of the whole transaction. It MUST NOT return before it is durable.
	ApplySteps(ctx context.Context, steps ...hub.Step) ([]error, error)
}

// Notary completes and seals evidences.
type Notary interface {
	Seal(ctx context.Context, evidence ...hub.Evidence) ([]hub.SealedEvidence, error)
}

// Carrier brings one delivery towards its recipient. Carry may run again after a
// crash between carry and settle; Item.Delivery.ID is the idempotency key. An
// error of KindInvalid, KindUnsupported, KindUnknownAgency or KindNotFound is
// permanent; every other error is temporary.
type Carrier interface {
	Carry(ctx context.Context, item hub.Item) error
}

// Queue brings references of accepted dispatches to the workers.
type Queue interface {
	Publish(ctx context.Context, dispatch hub.DispatchID, urgent bool) error
	// Consume calls handle with batches until ctx ends. A batch whose handle
	// fails comes again.
	Consume(ctx context.Context, handle func(ctx context.Context, dispatches []hub.DispatchID) error) error
}

// Bell is rung for an agency when something was put into its box.
type Bell interface {
	Ring(agency hub.AgencyID)
}
