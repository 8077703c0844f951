package relay

import (
	"context"
	"io"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Axis is the axis as a member sees it. Errors of the kinds KindInvalid, KindUnsupported
// and KindUnknownAgency are answers that no repetition changes; all others are temporary. A call in which the
// axis stands still ends by itself, with RuleStalled; what the axis itself said has
// RuleAnswer.
type Axis interface {
	// Send hands a package over and returns its id on the axis. It may run again after a
	// crash, with the same bytes.
	Send(ctx context.Context, p hub.AxisPackage) (id string, err error)
	// Waiting lists what waits of a kind for agencies of the member and was not
	// acknowledged.
	Waiting(ctx context.Context, kind hub.PackageKind) ([]hub.AxisRow, error)
	// Fetch writes a package as it was sent. What was written counts only without error.
	Fetch(ctx context.Context, id string, w io.Writer) error
	Acknowledger
}

// Acknowledger tells the axis what became of what was fetched, and asks what became of
// what was sent.
type Acknowledger interface {
	Acknowledge(ctx context.Context, id string) error
	SendBack(ctx context.Context, id, reason string) error
	Outcomes(ctx context.Context, id string) ([]hub.AxisOutcome, error)
	// Sent lists what the member sent last, as far as the axis tells.
	Sent(ctx context.Context) ([]hub.AxisSent, error)
}

// Register is the register of agencies of the axis.
type Register interface {
	Units(ctx context.Context) ([]hub.AxisUnit, error)
	Register(ctx context.Context, u hub.AxisUnit) error
}

// Codec reads and writes packages. It is made of functions because the codec lives in an
// adapter.
type Codec struct {
	// Decode streams a package into the blob store; on error nothing uncommitted is left.
	Decode func(ctx context.Context, r io.Reader) (hub.Package, error)
	// Encode writes a dispatch as a package for some of its recipients; open yields the
	// content of its parts.
	Encode       func(ctx context.Context, w io.Writer, item hub.SentItem, open func(hub.Part) (hub.Blob, error)) error
	EncodeStatus func(w io.Writer, m hub.StatusMessage) error
}

// Blobs takes content in and opens it.
type Blobs interface {
	CreateBlob(ctx context.Context) (hub.BlobWriter, error)
	OpenBlob(ctx context.Context, digest hub.Digest) (hub.Blob, error)
}

// Store reads dispatches and deliveries as they are.
type Store interface {
	DispatchItem(ctx context.Context, dispatch hub.DispatchID) (hub.SentItem, error)
	Item(ctx context.Context, delivery hub.DeliveryID) (hub.Item, error)
	Sent(ctx context.Context, query hub.SentQuery) (hub.List[hub.SentItem], error)
	MatchDelivery(ctx context.Context, sender, recipient hub.AgencyID, ref hub.Reference) (hub.Item, error)
	NoticeAgencies(ctx context.Context, after hub.AgencyID, limit int) ([]hub.AgencyID, error)
}

// Notes keeps what the membership must remember. All of it is durable when a call
// returns.
type Notes interface {
	SaveNotes(ctx context.Context, notes ...hub.RetentionNote) error
	// SwapNote saves a note in the place of the one that was read; KindConflict where
	// another stands there.
	SwapNote(ctx context.Context, was, now hub.RetentionNote) error
	Note(ctx context.Context, name string) (hub.RetentionNote, error)
	Notes(ctx context.Context, query hub.NotesQuery) ([]hub.RetentionNote, error)
}

// Intake accepts submissions whose parts are durable.
type Intake interface {
	Submit(ctx context.Context, actor hub.Actor, sub hub.Submission) (hub.Accepted, error)
}

// Recipient records what recipients behind the axis do, and what senders ask of
// recipients here.
type Recipient interface {
	Acknowledge(ctx context.Context, actor hub.Actor, id hub.DeliveryID, fence int64, digests map[string]hub.Digest) (hub.SealedEvidence, error)
	Refuse(ctx context.Context, actor hub.Actor, id hub.DeliveryID, fence int64, reason hub.Reason) (hub.SealedEvidence, error)
	WithdrawRelayed(ctx context.Context, actor hub.Actor, id hub.DeliveryID) (hub.SealedEvidence, error)
	ReportMessage(ctx context.Context, actor hub.Actor, m hub.StatusMessage) (hub.SealedEvidence, error)
}

// Notices are the status reports that wait for agencies behind the axis.
type Notices interface {
	Notices(ctx context.Context, actor hub.Actor, agency hub.AgencyID, page hub.Page) (hub.List[hub.Notice], error)
	TakeNotice(ctx context.Context, actor hub.Actor, report string) error
}

// Directory knows the agencies and who of them lives behind the axis.
type Directory interface {
	ByID(id hub.AgencyID) (*hub.Agency, bool)
	Resolve(code string, at time.Time) (hub.Resolution, error)
	Search(text string, at time.Time, page hub.Page) hub.List[hub.Agency]
}
