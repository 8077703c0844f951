package tracking

import (
	"context"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Store reads mailboxes and sent lists and records the acts of recipients.
type Store interface {
	Mailbox(ctx context.Context, query hub.MailboxQuery) (hub.List[hub.Item], error)
	Sent(ctx context.Context, query hub.SentQuery) (hub.List[hub.SentItem], error)
	// Item and DispatchItem answer KindNotFound when there is none.
	Item(ctx context.Context, delivery hub.DeliveryID) (hub.Item, error)
	DispatchItem(ctx context.Context, dispatch hub.DispatchID) (hub.SentItem, error)
	// ApplySteps: see delivery.Store.
	ApplySteps(ctx context.Context, steps ...hub.Step) ([]error, error)
}

// LeaseStore grants leases. Times come from the caller. Leases do not change
// Delivery.Version: they are a right, not a transition.
type LeaseStore interface {
	// TakeLeases gives leases on consigned deliveries of the agency that are
	// free at Now, each with a fence above all earlier ones of that delivery, and
	// returns the items with their leases. With IDs set, a delivery of another
	// agency or none is KindNotFound, one under a running lease of another
	// holder, or no longer consigned, is KindConflict, and nothing is leased.
	TakeLeases(ctx context.Context, request hub.LeaseRequest) ([]hub.Item, error)
	// RenewLease and ReleaseLease answer KindConflict when the fence is not the
	// delivery's current one or the lease has run out.
	RenewLease(ctx context.Context, delivery hub.DeliveryID, fence int64, now, until time.Time) (hub.Lease, error)
	ReleaseLease(ctx context.Context, delivery hub.DeliveryID, fence int64, now time.Time) error
}

// ReportStore keeps status reports, and finds what they are about.
type ReportStore interface {
	// DispatchShare returns a dispatch with its deliveries to these recipients alone,
	// in as much time as these take, however many others there are. KindNotFound when
	// there is no such dispatch; without a delivery to them it comes without any.
	DispatchShare(ctx context.Context, dispatch hub.DispatchID, recipients []hub.AgencyID) (hub.SentItem, error)
	StatusReports(ctx context.Context, dispatch hub.DispatchID) ([]hub.StatusReport, error)
	// SignatureReports returns the verdicts recorded at acceptance, in part order.
	SignatureReports(ctx context.Context, dispatch hub.DispatchID) ([]hub.SignatureReport, error)
	// MatchDelivery finds the delivery to recipient of a document by the sender's
	// external id or, failing that, by its printed number and date; KindNotFound
	// when there is none. With several, the newest.
	MatchDelivery(ctx context.Context, sender, recipient hub.AgencyID, ref hub.Reference) (hub.Item, error)
}

// LinkStore finds the way back from a dispatch to later ones, and from what was forwarded to
// what had been received.
type LinkStore interface {
	// DispatchShares returns dispatches as ReportStore.DispatchShare does, in one question;
	// those that are not there are left out.
	DispatchShares(ctx context.Context, dispatches []hub.DispatchID, recipients []hub.AgencyID) ([]hub.SentItem, error)
	// Items returns deliveries with their dispatches, by id, in one question; those that are
	// not there are left out.
	Items(ctx context.Context, deliveries []hub.DeliveryID) ([]hub.Item, error)
	// LinksTo lists the later dispatches that point to one, oldest first; the kind is
	// what they are to it.
	LinksTo(ctx context.Context, dispatch hub.DispatchID, limit int) ([]hub.Link, error)
}

// Bell wakes those who wait for something to arrive for an agency.
type Bell interface {
	Ring(agency hub.AgencyID)
}

// NoticeStore keeps which status reports wait for whom.
type NoticeStore interface {
	Notices(ctx context.Context, query hub.NoticeQuery) (hub.List[hub.Notice], error)
	// NoticeAgencies lists agencies for whom reports wait that they read, by id.
	NoticeAgencies(ctx context.Context, after hub.AgencyID, limit int) ([]hub.AgencyID, error)
	// Notice returns a status report, waiting or not; KindNotFound when there is none.
	Notice(ctx context.Context, report string) (hub.Notice, error)
	// TakeNotice MUST be durable when it returns; a second time is no error.
	TakeNotice(ctx context.Context, agency hub.AgencyID, report string) error
}

// Blobs opens content by digest; KindNotFound when it is absent.
type Blobs interface {
	OpenBlob(ctx context.Context, digest hub.Digest) (hub.Blob, error)
}

// Directory resolves codes and ids.
type Directory interface {
	Resolve(code string, at time.Time) (hub.Resolution, error)
	ByID(id hub.AgencyID) (*hub.Agency, bool)
	// TookOver lists the closed agencies for which others act.
	TookOver(by []hub.AgencyID, at time.Time) []hub.AgencyID
}

// Notary completes and seals evidences.
type Notary interface {
	Seal(ctx context.Context, evidence ...hub.Evidence) ([]hub.SealedEvidence, error)
}

// EvidenceStore reads stored evidences, oldest first, to answer a repeated act
// with the first answer.
type EvidenceStore interface {
	Evidences(ctx context.Context, query hub.EvidenceQuery) (hub.List[hub.SealedEvidence], error)
}
