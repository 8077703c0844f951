package httpapi

import (
	"context"
	"io"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Authenticator tells who presents a secret; KindUntrusted when nobody.
type Authenticator interface {
	Authenticate(ctx context.Context, secret string) (hub.Actor, error)
}

// Figures counts what agencies send and receive.
type Figures interface {
	Report(ctx context.Context, actor hub.Actor, query hub.FiguresQuery) (hub.FigureReport, error)
	// Whole is Report with all units on one page.
	Whole(ctx context.Context, actor hub.Actor, query hub.FiguresQuery) (hub.FigureReport, error)
	Rebuild(ctx context.Context, actor hub.Actor) error
}

// Counted lists what is behind a number.
type Counted interface {
	Counted(ctx context.Context, actor hub.Actor, query hub.CountedQuery) (hub.List[hub.Item], error)
}

// KeyKeeper issues and revokes API keys.
type KeyKeeper interface {
	Issue(ctx context.Context, actor hub.Actor, key hub.APIKey) (issued hub.APIKey, secret string, err error)
	// Revoke ends a key at an instant; the zero time means now.
	Revoke(ctx context.Context, actor hub.Actor, id string, at time.Time) error
	List(ctx context.Context, actor hub.Actor) ([]hub.APIKey, error)
}

// Directory looks up agencies.
type Directory interface {
	ByID(id hub.AgencyID) (*hub.Agency, bool)
	Resolve(code string, at time.Time) (hub.Resolution, error)
	Search(text string, at time.Time, page hub.Page) hub.List[hub.Agency]
	Children(parent hub.AgencyID, at time.Time) []hub.Agency
	Past
}

// Delegations tell for whom agencies receive at an instant.
type Delegations interface {
	ReceivesFor(receivers []hub.AgencyID, at time.Time) []hub.AgencyID
	// TookOver lists those of them that have closed and were handed over.
	TookOver(by []hub.AgencyID, at time.Time) []hub.AgencyID
}

// Past tells how agencies became what they are.
type Past interface {
	Acts(page hub.Page) hub.List[hub.Reorganisation]
	Changes(ctx context.Context, since string, limit int) (hub.AgencyChanges, error)
	History(id hub.AgencyID) (hub.AgencyHistory, bool)
	// Holder returns who has a code at the instant or had it last, whether closed or not.
	Holder(code string, at time.Time) (*hub.Agency, bool)
}

// Registry changes the directory, and exports it in a form of hub.ImportOptions.
type Registry interface {
	Import(ctx context.Context, actor hub.Actor, list io.Reader, options hub.ImportOptions) (hub.ImportReport, error)
	Export(ctx context.Context, actor hub.Actor, w io.Writer, format string, at time.Time) error
	// Position is that of the last change, for hub.ImportOptions.Since.
	Position() string
	Reorganise(ctx context.Context, actor hub.Actor, change hub.AgencyChange, dryRun bool) (hub.ImportReport, error)
}

// Intake accepts submissions whose parts are durable.
type Intake interface {
	Submit(ctx context.Context, actor hub.Actor, sub hub.Submission) (hub.Accepted, error)
}

// Uploads takes submissions whose bytes come later, in chunks.
type Uploads interface {
	Register(ctx context.Context, actor hub.Actor, sub hub.Submission) (hub.Upload, error)
	UploadStatus(ctx context.Context, actor hub.Actor, id string) (hub.Upload, error)
	Append(ctx context.Context, actor hub.Actor, uploadID, partID string, offset int64, r io.Reader) (int64, error)
	Complete(ctx context.Context, actor hub.Actor, uploadID string) (hub.Accepted, error)
}

// Mailbox shows what came for an agency. Listen returns a channel that is closed
// when something new was put into its box.
type Mailbox interface {
	Mailbox(ctx context.Context, actor hub.Actor, query hub.MailboxQuery) (hub.List[hub.Item], error)
	Item(ctx context.Context, actor hub.Actor, id hub.DeliveryID) (hub.Item, error)
	Listen(agency hub.AgencyID) <-chan struct{}
}

// Leases gives the right to work on deliveries for a while.
type Leases interface {
	Lease(ctx context.Context, actor hub.Actor, request hub.LeaseRequest) ([]hub.Item, error)
	Renew(ctx context.Context, actor hub.Actor, id hub.DeliveryID, fence int64, d time.Duration) (hub.Lease, error)
	Release(ctx context.Context, actor hub.Actor, id hub.DeliveryID, fence int64) error
}

// Recipient records the acts of a recipient.
type Recipient interface {
	Acknowledge(ctx context.Context, actor hub.Actor, id hub.DeliveryID, fence int64, digests map[string]hub.Digest) (hub.SealedEvidence, error)
	Accept(ctx context.Context, actor hub.Actor, id hub.DeliveryID, r hub.Registration) (hub.SealedEvidence, error)
	Refuse(ctx context.Context, actor hub.Actor, id hub.DeliveryID, fence int64, reason hub.Reason) (hub.SealedEvidence, error)
	Report(ctx context.Context, actor hub.Actor, id hub.DeliveryID, r hub.StatusReport) (hub.SealedEvidence, error)
	ReportMessage(ctx context.Context, actor hub.Actor, m hub.StatusMessage) (hub.SealedEvidence, error)
}

// Dispatches shows what was sent and opens its parts.
type Dispatches interface {
	Sent(ctx context.Context, actor hub.Actor, query hub.SentQuery) (hub.List[hub.SentItem], error)
	Dispatch(ctx context.Context, actor hub.Actor, id hub.DispatchID) (hub.SentItem, error)
	Open(ctx context.Context, actor hub.Actor, id hub.DispatchID, partID string) (hub.Part, hub.Blob, error)
	Reports(ctx context.Context, actor hub.Actor, id hub.DispatchID) ([]hub.StatusReport, error)
}

// Evidences shows sealed evidence to those it names.
type Evidences interface {
	Evidences(ctx context.Context, actor hub.Actor, query hub.EvidenceQuery) (hub.List[hub.SealedEvidence], error)
	Evidence(ctx context.Context, actor hub.Actor, id hub.EvidenceID) (hub.SealedEvidence, error)
}

// ValidationArchive shows what the verdicts on a dispatch were made from, and those that
// were given later.
type ValidationArchive interface {
	Archive(ctx context.Context, actor hub.Actor, id hub.DispatchID) (hub.ValidationArchive, error)
	// Verdicts are those recorded at acceptance, and the later looks that gave others.
	Verdicts(ctx context.Context, actor hub.Actor, id hub.DispatchID) ([]hub.SignatureReport, []hub.Recheck, error)
}

// Verifier verifies the signatures in a file on its own, and in the files in it.
type Verifier interface {
	VerifyFile(ctx context.Context, name string, content hub.Blob) (hub.FileReport, error)
}

// Seals puts the seals of agencies on PDF files. MaySeal says what is wrong with an
// order before the file is read; what Seal wrote is given out only when it succeeded.
type Seals interface {
	MaySeal(actor hub.Actor, order hub.SealOrder) error
	Seal(ctx context.Context, actor hub.Actor, order hub.SealOrder, in hub.Blob, out io.Writer) (hub.SealFact, error)
}

// ReportForm is a form of signature reports besides the one of this API.
type ReportForm struct {
	MediaType string // that a client asks for in Accept
	Charset   string // empty for none
	// ContentPolicy is the Content-Security-Policy of the form; empty for that of every
	// answer.
	ContentPolicy string
	// Write writes reports; languages is a list as in Accept-Language.
	Write func(w io.Writer, languages string, files []hub.FileReport) error
}

// Blobs begins new content in the blob store.
type Blobs interface {
	CreateBlob(ctx context.Context) (hub.BlobWriter, error)
}

// Codec reads and writes edXML packages. It is a pair of functions because the
// codec lives in another adapter, which this one must not know.
type Codec struct {
	// Decode streams a package into store; on error nothing uncommitted is left.
	Decode func(ctx context.Context, r io.Reader, store Blobs) (hub.Package, error)
	// Encode writes a dispatch as a package; open yields the content of its parts.
	Encode func(ctx context.Context, w io.Writer, item hub.SentItem, open func(hub.Part) (hub.Blob, error)) error
}

// Stuck shows operators what does not come on, and acts on it. Without ids TryAgain is
// about all that wait for another attempt.
type Stuck interface {
	Stuck(ctx context.Context, actor hub.Actor) (hub.Stuck, error)
	TryAgain(ctx context.Context, actor hub.Actor, ids ...hub.DeliveryID) (hub.StuckOutcome, error)
	GiveUp(ctx context.Context, actor hub.Actor, reason string, ids ...hub.DeliveryID) (hub.StuckOutcome, error)
}

// AgencyQueues gives agencies a queue and an exchange of their own in the broker.
type AgencyQueues interface {
	// Grant makes them, with the user that reaches them and nothing else, and gives that user
	// a new password. KindUnavailable where the hub may not, or the broker is away.
	Grant(ctx context.Context, actor hub.Actor, code hub.Code) (hub.Credential, error)
	// Revoke removes user and names; what is not there is no error.
	Revoke(ctx context.Context, actor hub.Actor, code hub.Code) error
}

// DeadLetters are the messages that the broker between nodes gave up.
type DeadLetters interface {
	DeadLetters(ctx context.Context, limit int) ([]hub.DeadLetter, error)
	// Replay and Discard act on those with the ids, without ids on all.
	Replay(ctx context.Context, actor hub.Actor, ids ...string) (int, error)
	Discard(ctx context.Context, actor hub.Actor, ids ...string) (int, error)
}
