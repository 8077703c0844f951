// Package intake takes submissions in: it decides who may send, checks every
// field, resolves every addressee, has the signatures verified, and makes
// dispatch, deliveries and evidence durable together before it answers.
//
// A caller MUST have made the parts durable in the blob store before Submit. A
// submission that is refused after its sender was authenticated leaves exactly
// one trace, a sealed SubmissionRejection. A repeated submission leaves none and
// gets the first answer, byte for byte. What is wrong with the submission of a
// stranger is not told and not recorded. Intake never looks into what a document
// says; what a package says of a dossier is another room's to check. What a recipient collects here lies in its box when the sender has its answer;
// what has to be carried further is left to the workers.
//
// The order is fixed: who may send, is it a repetition, is the intake open, every field
// and every addressee at once, then the bytes and their signatures, then one transaction.
package intake

import (
	"context"
	"log/slog"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Options configure a Service. Zero limits take the defaults named beside them.
type Options struct {
	Store     Store
	Uploads   UploadStore
	Blobs     Blobs
	Staging   Staging
	Directory Directory
	Lists     Lists   // of senders, as recipients; nil: there are none
	Routing   Routing // rules of senders; nil: there are none
	Verifier  Verifier
	Changes   Changes  // of what was sent before; nil: a submission changes nothing
	Forwards  Forwards // needed by Forward alone, as are Verdicts
	Verdicts  Verdicts
	Numbers   Numbers              // that senders keep here, for Preview; nil: none
	Tasks     Tasks                // that answers are about; nil: a document answers none
	Dossiers  Dossiers             // that packages of one-stop systems are about; nil: none
	Calendar  func() *hub.Calendar // of working days; default: weekends and fixed holidays
	Steering  []int                // steering types of packages that set a task by their due date
	Notary    Notary
	Queue     Queue
	Bell      Bell // default: nobody waits for arrivals
	Now       func() time.Time
	NewID     func() string
	// Canonical gives the RFC 8785 form of a report: the receipt names it by the SHA-256 of
	// that, and the store keeps it.
	Canonical func(*hub.SignatureReport) ([]byte, error)
	Log       *slog.Logger // default: silent
	// AwaitLog waits before a submission to many recipients, while the log has to catch up with
	// the evidence of others; default: it does not.
	AwaitLog func(ctx context.Context)
	// Closed tells why nothing new is taken for now, as a KindUnavailable error; nil: the
	// intake never closes. What was accepted before is answered all the same. Whoever takes
	// something in comes through here, so that no way in is forgotten.
	Closed func() error

	Rules         Rules               // for signatures, by sender and channel; nil for none
	Undecided     Undecided           // to have verdicts looked at again; nil: they are not
	Policy        hub.SignaturePolicy // where no rule fits; default PolicyRecord
	Deadlines     hub.Deadlines       // of recipients
	UploadLife    time.Duration       // of a registered upload; default 24 hours
	MaxRecipients int                 // of one submission; default 1000
	MaxParts      int                 // of one submission; default 100
	MaxPartSize   int64               // bytes announced for one part of an upload; default 4 GiB
	MaxUploadSize int64               // bytes announced for all parts of an upload; default 8 GiB
}

// Service is the intake. It is safe for concurrent use.
type Service struct {
	Options
	busy locks // uploads that a call works on, by id
}

// New returns a Service with defaults filled in.
func New(o Options) *Service {
	if o.Policy == "" {
		o.Policy = hub.PolicyRecord
	}
	if o.UploadLife == 0 {
		o.UploadLife = 24 * time.Hour
	}
	if o.MaxRecipients == 0 {
		o.MaxRecipients = 1000
	}
	o.MaxRecipients = min(o.MaxRecipients, hub.MaxRecipients)
	if o.MaxParts == 0 {
		o.MaxParts = 100
	}
	if o.MaxPartSize == 0 {
		o.MaxPartSize = 4 << 30
	}
	if o.MaxUploadSize == 0 {
		o.MaxUploadSize = 8 << 30
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.AwaitLog == nil {
		o.AwaitLog = func(context.Context) {}
	}
	if o.Closed == nil {
		o.Closed = func() error { return nil }
	}
	if o.Calendar == nil {
		o.Calendar = func() *hub.Calendar { return &hub.Calendar{} }
	}
	if o.Bell == nil {
		o.Bell = silence{}
	}
	return &Service{Options: o}
}

// silence is a bell that nobody hears.
type silence struct{}

// Ring implements Bell.
func (silence) Ring(hub.AgencyID) {}

// now is the time that dispatches and evidences carry: UTC, milliseconds.
func (s *Service) now() time.Time { return s.Now().UTC().Truncate(time.Millisecond) }
