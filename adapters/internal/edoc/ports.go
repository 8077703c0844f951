package edoc

import (
	"context"
	"io"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Directory looks up agencies.
type Directory interface {
	ByID(id hub.AgencyID) (*hub.Agency, bool)
	Resolve(code string, at time.Time) (hub.Resolution, error)
	Search(text string, at time.Time, page hub.Page) hub.List[hub.Agency]
	// Changes lists agencies in the order in which they last changed, closed ones too.
	Changes(ctx context.Context, since string, limit int) (hub.AgencyChanges, error)
}

// Intake accepts submissions whose parts are durable.
type Intake interface {
	Submit(ctx context.Context, actor hub.Actor, sub hub.Submission) (hub.Accepted, error)
}

// Mailbox shows what came for an agency and gives the right to work on it.
type Mailbox interface {
	Mailbox(ctx context.Context, actor hub.Actor, query hub.MailboxQuery) (hub.List[hub.Item], error)
	Item(ctx context.Context, actor hub.Actor, id hub.DeliveryID) (hub.Item, error)
	Lease(ctx context.Context, actor hub.Actor, request hub.LeaseRequest) ([]hub.Item, error)
}

// Recipient records what a recipient does.
type Recipient interface {
	Acknowledge(ctx context.Context, actor hub.Actor, id hub.DeliveryID, fence int64, digests map[string]hub.Digest) (hub.SealedEvidence, error)
	Refuse(ctx context.Context, actor hub.Actor, id hub.DeliveryID, fence int64, reason hub.Reason) (hub.SealedEvidence, error)
	Report(ctx context.Context, actor hub.Actor, id hub.DeliveryID, r hub.StatusReport) (hub.SealedEvidence, error)
	ReportMessage(ctx context.Context, actor hub.Actor, m hub.StatusMessage) (hub.SealedEvidence, error)
}

// Dispatches shows what was sent and opens its parts.
type Dispatches interface {
	Sent(ctx context.Context, actor hub.Actor, query hub.SentQuery) (hub.List[hub.SentItem], error)
	Dispatch(ctx context.Context, actor hub.Actor, id hub.DispatchID) (hub.SentItem, error)
	Open(ctx context.Context, actor hub.Actor, id hub.DispatchID, partID string) (hub.Part, hub.Blob, error)
}

// Notices are the status reports that wait for an agency.
type Notices interface {
	Notices(ctx context.Context, actor hub.Actor, agency hub.AgencyID, page hub.Page) (hub.List[hub.Notice], error)
	Notice(ctx context.Context, actor hub.Actor, report string) (hub.Notice, error)
	TakeNotice(ctx context.Context, actor hub.Actor, report string) error
}

// Strays are status messages about documents of the time before a system passed through
// this hub to its axis.
type Strays interface {
	// PassOn takes one for the axis; KindNotFound where its sender does not pass through.
	PassOn(ctx context.Context, actor hub.Actor, m hub.StatusMessage) (id string, err error)
	Strays(ctx context.Context, actor hub.Actor, agency hub.AgencyID) ([]hub.Stray, error)
	Stray(ctx context.Context, actor hub.Actor, id string) (hub.Stray, error)
	TakeStray(ctx context.Context, actor hub.Actor, id string) error
}

// Applications keeps what systems ask of the operator, durably.
type Applications interface {
	Apply(ctx context.Context, actor hub.Actor, a Application) error
}

// Application is a change of the directory that a system asks for.
type Application struct {
	Action string `json:"action"` // "register" or "delete"
	System string `json:"system"`
	Code   string `json:"code"`
	Parent string `json:"parent,omitempty"`
	Name   string `json:"name,omitempty"`
	Mail   string `json:"mail,omitempty"`
	Mobile string `json:"mobile,omitempty"`
	Fax    string `json:"fax,omitempty"`
}

// Blobs takes content in and opens it.
type Blobs interface {
	CreateBlob(ctx context.Context) (hub.BlobWriter, error)
	OpenBlob(ctx context.Context, digest hub.Digest) (hub.Blob, error)
}

// Codec reads and writes edXML packages. It is made of functions because the codec
// lives in another adapter, which this one must not know.
type Codec struct {
	// Decode streams a package into store; on error nothing uncommitted is left. It
	// reads to the end, so that an error at the end of r refuses the package.
	Decode func(ctx context.Context, r io.Reader, store Blobs) (hub.Package, error)
	// Encode writes a dispatch as a package; open yields the content of its parts.
	Encode func(ctx context.Context, w io.Writer, item hub.SentItem, open func(hub.Part) (hub.Blob, error)) error
	// EncodeStatus writes a status package.
	EncodeStatus func(w io.Writer, m hub.StatusMessage) error
}
