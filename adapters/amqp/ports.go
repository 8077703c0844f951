package amqp

import (
	"context"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Members tells which agencies are reached by a channel at an instant.
type Members interface {
	ByChannel(channel hub.Channel, at time.Time) []*hub.Agency
}

// Intake accepts submissions whose parts are durable.
type Intake interface {
	Submit(ctx context.Context, actor hub.Actor, sub hub.Submission) (hub.Accepted, error)
}

// Forwards hands documents that were received on to others in the same house. The same
// order again gives the first answer.
type Forwards interface {
	Forward(ctx context.Context, actor hub.Actor, order hub.ForwardOrder) (hub.Accepted, error)
}

// Box gives deliveries and their content out.
type Box interface {
	Lease(ctx context.Context, actor hub.Actor, request hub.LeaseRequest) ([]hub.Item, error)
	Dispatch(ctx context.Context, actor hub.Actor, id hub.DispatchID) (hub.SentItem, error)
	// Open opens a part; the caller closes it.
	Open(ctx context.Context, actor hub.Actor, id hub.DispatchID, partID string) (hub.Part, hub.Blob, error)
}

// Recipient records the acts of a recipient. The same act again gives the first evidence.
type Recipient interface {
	Acknowledge(ctx context.Context, actor hub.Actor, id hub.DeliveryID, fence int64, digests map[string]hub.Digest) (hub.SealedEvidence, error)
	Accept(ctx context.Context, actor hub.Actor, id hub.DeliveryID, r hub.Registration) (hub.SealedEvidence, error)
	Refuse(ctx context.Context, actor hub.Actor, id hub.DeliveryID, fence int64, reason hub.Reason) (hub.SealedEvidence, error)
	Report(ctx context.Context, actor hub.Actor, id hub.DeliveryID, r hub.StatusReport) (hub.SealedEvidence, error)
}

// Reports are the status reports that wait for an agency until it has them.
type Reports interface {
	Notices(ctx context.Context, actor hub.Actor, agency hub.AgencyID, page hub.Page) (hub.List[hub.Notice], error)
	TakeNotice(ctx context.Context, actor hub.Actor, report string) error
	// Listen returns a channel that is closed when something new came for the agency.
	Listen(agency hub.AgencyID) <-chan struct{}
}

// Blobs begins new content in the blob store.
type Blobs interface {
	CreateBlob(ctx context.Context) (hub.BlobWriter, error)
}
