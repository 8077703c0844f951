// Package web is the page of a hub for people: clerks who receive, register and send
// documents, auditors who verify files, operators who look after the hub and its
// accounts.
//
// It promises that nothing is shown to somebody who is not signed in but the form for
// that; that every address asks for a scope and every act goes to a service, which
// decides by hub.Actor; that what another agency has is not there; that reading a
// document is recorded before it is shown. The pages are written on the server, work
// without a script, need nothing from any other host and allow none (Content-Security-
// Policy). Requests that change something are taken from the hub's own pages alone.
//
// All texts are in the catalogues under messages; nothing here decides what the domain
// decides.
package web

import (
	"cmp"
	"context"
	"embed"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Persons signs people in and out.
type Persons interface {
	SignIn(ctx context.Context, name, password, mark string) (token, nextMark string, err error)
	Visit(ctx context.Context, token string) (hub.Visit, error)
	WorkIn(ctx context.Context, visit hub.Visit, office hub.AgencyID) error
	SignOut(ctx context.Context, token string) error
	ChangePassword(ctx context.Context, visit hub.Visit, current, password string) (token, mark string, err error)
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
}

// Recipient records the acts of a recipient.
type Recipient interface {
	NextNumber(ctx context.Context, actor hub.Actor, agency hub.AgencyID) (hub.Registration, error)
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
}

// Options are what the pages need; all fields are required, but where it says otherwise.
type Options struct {
	Persons   Persons
	Keeper    Keeper
	Directory Directory
	Boxes     Boxes
	Documents Documents
	Recipient Recipient
	Evidences Evidences
	Bundles   Bundles
	Verdicts  Verdicts
	Verifier  Verifier
	Words     VerdictWords
	Intake    Intake
	Content   Content
	// Ready and Backlog say how the hub is.
	Ready   func(ctx context.Context) hub.Readiness
	Backlog func(ctx context.Context) (hub.Backlog, error)

	Now     func() time.Time
	NewID   func() string
	Log     *slog.Logger
	Name    string // of the hub
	Version string // of the software
	// Secure says that people come over HTTPS, also where a proxy ends it: cookies then
	// are for HTTPS alone.
	Secure  bool
	TempDir string // holds files while they are verified; empty: the system's
	MaxFile int64  // bytes of a file to verify or to send; default 512 MiB
}

//go:embed static
var static embed.FS

// site is the state behind the handlers.
type site struct {
	Options
	texts     catalogues
	pages     pages
	verifying chan struct{} // bounds files that are verified side by side
	receiving chan struct{} // bounds files to send that come in side by side
}

// verifiedAtOnce bounds the files that are verified side by side for people.
const verifiedAtOnce = 4

// receivedAtOnce bounds the files to send that come in side by side from people.
const receivedAtOnce = 32

// New returns the handler of the pages.
func New(o Options) (http.Handler, error) {
	o.MaxFile = cmp.Or(o.MaxFile, 512<<20)
	s := &site{Options: o, verifying: make(chan struct{}, verifiedAtOnce), receiving: make(chan struct{}, receivedAtOnce)}
	var err error
	if s.texts, err = readCatalogues(); err != nil {
		return nil, err
	}
	if s.pages, err = readPages(); err != nil {
		return nil, err
	}
	files, err := fs.Sub(static, "static")
	if err != nil {
		return nil, hub.Internal("read the files of the pages", err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /static/", s.guarded(http.StripPrefix("/static/", cached(http.FileServerFS(files)))))
	for _, rt := range routes() {
		mux.Handle(rt.method+" "+rt.pattern, s.guarded(s.endpoint(rt)))
	}
	mux.Handle("/", s.guarded(s.endpoint(route{public: true, handle: (*exchange).nothing})))
	return mux, nil
}

func cached(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-cache")
		next.ServeHTTP(w, r)
	})
}

// contentPolicy allows what the pages are made of: own style, pictures and files, own forms.
const contentPolicy = "default-src 'none'; style-src 'self'; img-src 'self'; object-src 'self'; frame-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'self'"

// guarded sets what every answer carries and refuses requests of other sites.
func (s *site) guarded(next http.Handler) http.Handler {
	origin := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", contentPolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("X-Frame-Options", "SAMEORIGIN")
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
