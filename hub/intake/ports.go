package intake

import (
	"context"
	"io"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Store records acceptances and rejections.
type Store interface {
	// FindAccepted returns the acceptance that the sender's key, or (external id,
	// operation), already led to; KindNotFound when there is none.
	FindAccepted(ctx context.Context, sender hub.AgencyID, key, externalID string, op hub.Operation) (hub.Accepted, error)
	// Accept records dispatch, deliveries, evidence and reports in one
	// transaction and MUST NOT return before it is durable. When (sender, key) or
	// (sender, external id, operation) exists already, nothing changes: with the
	// same fingerprint the first acceptance comes back with Duplicate set, with
	// another one the error is KindConflict. Changes of earlier deliveries take
	// effect in the same transaction, all or nothing: KindConflict with the rule
	// hub.RuleChanged when one does not fit. What forwards a dispatch whose content was
	// purged is KindNotFound with the rule "purged"; a purge at the same moment comes before
	// it or leaves its content.
	Accept(ctx context.Context, acceptance hub.Acceptance) (hub.Accepted, error)
	// Reject records the evidence of a refused submission.
	Reject(ctx context.Context, sender hub.AgencyID, evidence hub.SealedEvidence) error
}

// UploadStore keeps registered uploads until they complete or expire.
type UploadStore interface {
	SaveUpload(ctx context.Context, upload hub.Upload) error // insert or replace by id
	Upload(ctx context.Context, id string) (hub.Upload, error)
	DeleteUpload(ctx context.Context, id string) error
	ExpiredUploads(ctx context.Context, now time.Time, limit int) ([]hub.Upload, error)
}

// Blobs opens content that is already durable; KindNotFound when it is absent.
type Blobs interface {
	OpenBlob(ctx context.Context, digest hub.Digest) (hub.Blob, error)
}

// Staging holds the bytes of uploads that are not complete. AppendStaged MUST
// have made the bytes durable when it returns the new offset, also when it
// returns an error after some of them. An offset that is not the current end is
// KindConflict.
type Staging interface {
	AppendStaged(ctx context.Context, id string, offset int64, r io.Reader) (newOffset int64, err error)
	StagedSize(ctx context.Context, id string) (int64, error) // 0 when absent
	// CommitStaged moves the staged bytes into the blob store.
	CommitStaged(ctx context.Context, id string) (hub.Digest, int64, error)
	DiscardStaged(ctx context.Context, id string) error
}

// Directory resolves codes.
type Directory interface {
	// Resolve returns what a code means at an instant; KindUnknownAgency when
	// nothing, KindConflict when it closed with several successors.
	Resolve(code string, at time.Time) (hub.Resolution, error)
	// ResolveSender resolves without following successors: a closed agency
	// cannot send (KindDenied).
	ResolveSender(code string, at time.Time) (*hub.Agency, error)
	// Holder returns who has a code or had it last, closed or not.
	Holder(code string, at time.Time) (*hub.Agency, bool)
	ByID(id hub.AgencyID) (*hub.Agency, bool)
}

// Lists knows the distribution lists of senders.
type Lists interface {
	// Members returns the recipients of a list as they are written; KindNotFound when
	// the sender has none of that name.
	Members(ctx context.Context, sender hub.AgencyID, name string) ([]string, error)
}

// Verifier gives the verdict on one part. An error means that no verdict could
// be made (an I/O failure), never that a signature is bad.
type Verifier interface {
	VerifyPart(ctx context.Context, part hub.Part, content hub.Blob) (hub.SignatureReport, error)
}

// Rules tells what is asked of the signatures of a sender, without a query.
type Rules interface {
	Demands(sender hub.AgencyID, channel hub.Format) hub.SignatureDemands
}

// Undecided remembers dispatches with verdicts that may change. Watch MUST be durable
// before it returns; the dispatch is recorded behind it, or never.
type Undecided interface {
	Watch(ctx context.Context, dispatch hub.DispatchID, at time.Time) error
}

// Changes finds and changes what was sent before: the rules of recall, update and
// replacement live in another room.
type Changes interface {
	// Earlier finds what a submission recalls, updates, replaces or answers; errors of
	// the submission are hub.Violations of KindInvalid.
	Earlier(ctx context.Context, sender hub.AgencyID, sub *hub.Submission, recipients []hub.AgencyID) (hub.Earlier, error)
	// Change seals what aims do to deliveries as they are, as steps for Store.Accept.
	Change(ctx context.Context, actor hub.Actor, aims []hub.Aim) ([]hub.Step, error)
	// Refresh reads the deliveries of aims anew.
	Refresh(ctx context.Context, aims []hub.Aim) error
}

// Tasks lets a document answer what earlier ones asked of its sender.
type Tasks interface {
	// Answered seals what an acceptance does to tasks of its sender, as steps for
	// Store.Accept; none where it answers no task.
	Answered(ctx context.Context, actor hub.Actor, acceptance *hub.Acceptance) ([]hub.Step, error)
}

// Dossiers takes what packages of one-stop systems say of dossiers; of other submissions all
// of it does nothing.
type Dossiers interface {
	// CheckPackage says what is wrong with it, as hub.Violations; other errors are failures
	// of the hub. Nothing is recorded.
	CheckPackage(ctx context.Context, actor hub.Actor, sender hub.AgencyID, sub *hub.Submission, recipients []hub.AgencyID) error
	// AwaitPackage MUST be durable before it returns; the dispatch is recorded behind it, or
	// never.
	AwaitPackage(ctx context.Context, actor hub.Actor, dispatch *hub.Dispatch) error
	// TakePackage puts it into its dossier, now or later.
	TakePackage(ctx context.Context, dispatch *hub.Dispatch)
}

// Notary completes evidences (version, profile, id, issuer, log) and seals them. One may
// follow another of the same call: its Prev has the id and no digest.
type Notary interface {
	Seal(ctx context.Context, evidence ...hub.Evidence) ([]hub.SealedEvidence, error)
}

// Bell is rung for an agency when something was put into its box.
type Bell interface {
	Ring(agency hub.AgencyID)
}

// Queue is told of dispatches with something to carry after they are durable. Publish
// never blocks the sender for long and may fail: the sweeper finds what it missed.
type Queue interface {
	Publish(ctx context.Context, dispatch hub.DispatchID, urgent bool) error
}
