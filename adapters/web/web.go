// Package web is the page of a hub for people: clerks who receive, register and send
// documents, auditors who verify files, operators who look after the hub and its
// accounts.
//
// It promises that nothing is shown to somebody who is not signed in but the form for
// that, and the form that takes the code of an enrolment; that every address asks for a
// scope and every act goes to a service, which decides by hub.Actor; that what another
// agency has is not there; that reading a document is recorded before it is shown. The pages are written on the server, work
// without a script (those of the hub only add to them), need nothing from any other host
// and allow none (Content-Security-Policy). Requests that change something are taken from
// the hub's own pages alone.
//
// All texts are in the catalogues under messages; nothing here decides what the domain
// decides.
package web

import (
	"cmp"
	"context"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Persons signs people in and out.
type Persons interface {
	SignIn(ctx context.Context, name, password, code, mark string) (token, nextMark string, err error)
	Visit(ctx context.Context, token string) (hub.Visit, error)
	WorkIn(ctx context.Context, visit hub.Visit, office hub.AgencyID) error
	SignOut(ctx context.Context, token string) error
	ChangePassword(ctx context.Context, visit hub.Visit, current, password string) (token, mark string, err error)
}

// Seconds keeps the second factors of people.
type Seconds interface {
	BeginSecondFactor(ctx context.Context, visit hub.Visit) (secret []byte, err error)
	ConfirmSecondFactor(ctx context.Context, visit hub.Visit, code string) error
	EndSecondFactor(ctx context.Context, visit hub.Visit, password string) error
}

// Keeper keeps accounts.
type Keeper interface {
	Create(ctx context.Context, actor hub.Actor, account hub.Account) (hub.Account, string, error)
	List(ctx context.Context, actor hub.Actor) ([]hub.Account, error)
	Reset(ctx context.Context, actor hub.Actor, name string) (hub.Account, string, error)
	Lock(ctx context.Context, actor hub.Actor, name string, locked bool) (hub.Account, error)
}

// Directory knows the agencies.
type Directory interface {
	ByID(id hub.AgencyID) (*hub.Agency, bool)
	Resolve(code string, at time.Time) (hub.Resolution, error)
	Search(text string, at time.Time, page hub.Page) hub.List[hub.Agency]
	Under(parents []hub.AgencyID, at time.Time) map[hub.AgencyID][]hub.Agency
	Past
}

// Registry changes the directory.
type Registry interface {
	Reorganise(ctx context.Context, actor hub.Actor, change hub.AgencyChange, dryRun bool) (hub.ImportReport, error)
}

// Past tells how agencies became what they are.
type Past interface {
	// Tops are those under nobody at an instant.
	Tops(at time.Time) []hub.Agency
	History(id hub.AgencyID) (hub.AgencyHistory, bool)
	Acts(page hub.Page) hub.List[hub.Reorganisation]
}

// Boxes shows what came and what was sent.
type Boxes interface {
	Mailbox(ctx context.Context, actor hub.Actor, query hub.MailboxQuery) (hub.List[hub.Item], error)
	Sent(ctx context.Context, actor hub.Actor, query hub.SentQuery) (hub.List[hub.SentItem], error)
}

// Documents shows one document. Implementations record who read what before they answer.
type Documents interface {
	Item(ctx context.Context, actor hub.Actor, id hub.DeliveryID) (hub.Item, error)
	Dispatch(ctx context.Context, actor hub.Actor, id hub.DispatchID) (hub.SentItem, error)
	Open(ctx context.Context, actor hub.Actor, id hub.DispatchID, partID string) (hub.Part, hub.Blob, error)
	Reports(ctx context.Context, actor hub.Actor, id hub.DispatchID) ([]hub.StatusReport, error)
	// Related lists what belongs together, in both directions, and is no reading of it.
	Related(ctx context.Context, actor hub.Actor, id hub.DispatchID) ([]hub.Related, error)
}

// Changes takes back what was sent, and says what a sender asks of a recipient.
type Changes interface {
	Recall(ctx context.Context, actor hub.Actor, id hub.DispatchID, recipients []string, reason string) ([]hub.RecallOutcome, error)
	Remind(ctx context.Context, actor hub.Actor, id hub.DispatchID) (int, error)
	// Question returns the delivery about which a recipient has yet to answer, and whether
	// there is one: the one that is named, or an earlier one about which that asks.
	Question(ctx context.Context, actor hub.Actor, id hub.DeliveryID) (hub.Delivery, bool, error)
}

// Recipient records the acts of a recipient.
type Recipient interface {
	NextNumber(ctx context.Context, actor hub.Actor, agency hub.AgencyID, delivery hub.DeliveryID) (hub.Registration, error)
	// RegisterNext is Register with the next number and the date of today.
	RegisterNext(ctx context.Context, actor hub.Actor, id hub.DeliveryID, digests map[string]hub.Digest) (hub.Registration, error)
	Register(ctx context.Context, actor hub.Actor, id hub.DeliveryID, digests map[string]hub.Digest, r hub.Registration) (hub.SealedEvidence, error)
	Refuse(ctx context.Context, actor hub.Actor, id hub.DeliveryID, fence int64, reason hub.Reason) (hub.SealedEvidence, error)
	Report(ctx context.Context, actor hub.Actor, id hub.DeliveryID, r hub.StatusReport) (hub.SealedEvidence, error)
}

// Evidences shows sealed evidence to those it names.
type Evidences interface {
	Evidences(ctx context.Context, actor hub.Actor, query hub.EvidenceQuery) (hub.List[hub.SealedEvidence], error)
	Evidence(ctx context.Context, actor hub.Actor, id hub.EvidenceID) (hub.SealedEvidence, error)
}

// Bundles makes evidence bundles for those who may see the evidence. It wrote nothing when
// it fails for who asks or for what was asked.
type Bundles interface {
	Write(ctx context.Context, actor hub.Actor, order hub.BundleOrder, w io.Writer) error
}

// Verdicts shows the verdicts on the signatures of a dispatch: those recorded at
// acceptance, and those given later.
type Verdicts interface {
	Verdicts(ctx context.Context, actor hub.Actor, id hub.DispatchID) ([]hub.SignatureReport, []hub.Recheck, error)
	// VerdictsNow is for a whole page of an inbox; what was taken back is left out.
	VerdictsNow(ctx context.Context, actor hub.Actor, agency hub.AgencyID, deliveries []hub.DeliveryID) (map[hub.DeliveryID][]hub.SignatureReport, error)
}

// Intake takes documents in.
type Intake interface {
	// Preview makes every check of Submit and leaves nothing behind.
	Preview(ctx context.Context, actor hub.Actor, sub hub.Submission) (hub.Preview, error)
	Submit(ctx context.Context, actor hub.Actor, sub hub.Submission) (hub.Accepted, error)
}

// Content takes files in. One that no document comes to name is swept later.
type Content interface {
	CreateBlob(ctx context.Context) (hub.BlobWriter, error)
	OpenBlob(ctx context.Context, digest hub.Digest) (hub.Blob, error)
}

// Pieces takes a file in piece by piece: what has come stays when the line breaks.
type Pieces interface {
	Announce(ctx context.Context, actor hub.Actor, sender hub.AgencyID, size int64) (hub.Upload, error)
	UploadStatus(ctx context.Context, actor hub.Actor, id string) (hub.Upload, error)
	AppendFile(ctx context.Context, actor hub.Actor, id string, offset int64, r io.Reader) (int64, error)
	Finish(ctx context.Context, actor hub.Actor, id string) (hub.Part, error)
}

// Drafts keeps what a person has begun to write, under the name of the person's account.
type Drafts interface {
	SaveDraft(ctx context.Context, draft hub.Draft) error
	Draft(ctx context.Context, account, id string) (hub.Draft, error)
	Drafts(ctx context.Context, account string) ([]hub.Draft, error)
	DeleteDraft(ctx context.Context, account, id string) error
}

// Verifier verifies the signatures in a file.
type Verifier interface {
	VerifyFile(ctx context.Context, name string, content hub.Blob) (hub.FileReport, error)
}

// VerdictWords says in a language ("vi", "en") what verdicts mean.
type VerdictWords interface {
	Indication(language string, i hub.Indication) (word, meaning string)
	Reason(language string, s hub.SubReason) string
	Check(language, name string) string
	// Finding is false where a finding has no text in the language.
	Finding(language, finding string) (string, bool)
	// Change says what a later revision of a signed file did.
	Change(language, change string) string
}

// Stuck shows operators what does not come on, and acts on it. Without ids TryAgain is
// about all that wait for another attempt.
type Stuck interface {
	Stuck(ctx context.Context, actor hub.Actor) (hub.Stuck, error)
	TryAgain(ctx context.Context, actor hub.Actor, ids ...hub.DeliveryID) (hub.StuckOutcome, error)
	GiveUp(ctx context.Context, actor hub.Actor, reason string, ids ...hub.DeliveryID) (hub.StuckOutcome, error)
}

// Options are what the pages need; all fields are required, but where it says otherwise.
type Options struct {
	Persons       Persons
	Seconds       Seconds
	Keeper        Keeper
	Outside       Outside
	Links         Links
	Directory     Directory
	Boxes         Boxes
	Documents     Documents
	Live          Live
	Recipient     Recipient
	Changes       Changes
	Forwards      Forwards
	Lists         Lists
	Registry      Registry
	Keys          Keys
	Evidences     Evidences
	Bundles       Bundles
	Verdicts      Verdicts
	Trail         Trail
	Verifier      Verifier
	Words         VerdictWords
	Intake        Intake
	Content       Content
	Enrolments    Enrolments
	Registers     Registers
	RegisterYears RegisterYears
	Numbers       Numbers
	Procedures    Procedures
	Dossiers      Dossiers
	Evaluations   Evaluations
	Inspections   Inspections
	Post          Post
	Reports       Reports
	Pieces        Pieces
	Drafts        Drafts
	Filters       Filters
	Stuck         Stuck
	Figures       Figures
	Counted       Counted
	Alerts        Alerts
	Traffic       Traffic

	Subscriptions Subscriptions
	Telling       Telling

	RoutingRules RoutingRules
	HandOvers    HandOvers
	Tasks        Tasks
	// Calendar is that of working days now.
	Calendar func() *hub.Calendar
	// NormativeRule is a rule to begin with, without recipients; nil for none.
	NormativeRule func() (hub.RoutingRule, error)

	// Provider is where people may sign in instead of here; nil for nowhere. ProviderName
	// is what they call it.
	Provider     Provider
	ProviderName string

	// Connections tests how agencies are connected.
	Connections Connections
	// Encrypted asks a reader of PDFs whether one is encrypted; an error says that it
	// cannot read the file.
	Encrypted func(content io.ReaderAt, size int64) (bool, error)
	// ReadDocument reads what a document prints of itself: number, notation, type, subject,
	// place, date and signer. What it does not find is empty; an error says that it cannot
	// read the file.
	ReadDocument func(content io.ReaderAt, size int64) (hub.Document, error)
	// Ready and Backlog say how the hub is.
	Ready func(ctx context.Context) hub.Readiness
	// Overloaded returns an error while files to send would only fill the disk or make a
	// backlog worse; nil means never.
	Overloaded func() error
	Backlog    func(ctx context.Context) (hub.Backlog, error)
	Vitals     func(ctx context.Context) (Vitals, error)
	// Settings are those that are in force, by name.
	Settings []Setting

	// Stopping is closed when the hub stops: open pages are let go then.
	Stopping <-chan struct{}

	Now     func() time.Time
	NewID   func() string
	Log     *slog.Logger
	Name    string // of the hub
	Version string // of the software
	// Secure says that people come over HTTPS, also where a proxy ends it: cookies then
	// are for HTTPS alone.
	Secure      bool
	Delegations Delegations // open the boxes of those for whom an office receives
	TempDir     string      // holds files while they are verified; empty: the system's
	MaxFile     int64       // bytes of a file to verify or to send; default 512 MiB
}

// site is the state behind the handlers.
type site struct {
	Options
	texts     catalogues
	details   []string // names of texts, see catalogues.details
	pages     pages
	fields    fieldKinds
	verifying chan struct{} // bounds files that are verified side by side
	receiving chan struct{} // bounds files to send that come in side by side
	printing  chan struct{} // bounds registers that are printed side by side
	streams   streams
	statics   statics
}

// verifiedAtOnce bounds the files that are verified side by side for people.
const verifiedAtOnce = 4

// receivedAtOnce bounds the files to send that come in side by side from people.
const receivedAtOnce = 32

// New returns the handler of the pages.
func New(o Options) (http.Handler, error) {
	o.MaxFile = cmp.Or(o.MaxFile, 512<<20)
	s := &site{Options: o, verifying: make(chan struct{}, verifiedAtOnce), receiving: make(chan struct{}, receivedAtOnce), printing: make(chan struct{}, printedAtOnce)}
	if s.Overloaded == nil {
		s.Overloaded = func() error { return nil }
	}
	s.streams.open = map[hub.Digest][]*listener{}
	var err error
	if s.texts, err = readCatalogues(); err != nil {
		return nil, err
	}
	s.details = s.texts.details()
	if s.pages, err = readPages(); err != nil {
		return nil, err
	}
	s.fields = readFields()
	if s.statics, err = readStatics(); err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /static/{mark}/{name...}", s.guarded(&s.statics))
	for _, rt := range routes() {
		mux.Handle(rt.method+" "+rt.pattern, s.guarded(s.endpoint(rt)))
	}
	mux.Handle("/", s.guarded(s.endpoint(route{public: true, handle: (*exchange).nothing})))
	return mux, nil
}

// contentPolicy allows what the pages are made of: own style, script, pictures and forms;
// nothing that stands in a page itself, and no script made from text (which is what an
// error in the reader of PDFs would need).
const contentPolicy = "default-src 'none'; style-src 'self'; script-src 'self'; worker-src 'self'; connect-src 'self'; img-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// guarded sets what every answer carries and refuses requests of other sites.
func (s *site) guarded(next http.Handler) http.Handler {
	origin := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", contentPolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		if s.Secure {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		if err := origin.Check(r); err != nil {
			x := &exchange{site: s, w: w, r: r, lang: s.language(r)}
			x.fail(hub.Errorf(hub.KindDenied, "", "cross_origin", "this request comes from another site"))
			return
		}
		next.ServeHTTP(w, r)
	})
}
