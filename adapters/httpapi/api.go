package httpapi

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/lienthong/lienthong/hub"
)

// Options are what the API needs. All services are required, but where it says otherwise.
type Options struct {
	Authenticator  Authenticator
	KeyKeeper      KeyKeeper
	Accounts       Accounts
	Enrolments     Enrolments
	Directory      Directory
	Registry       Registry
	Intake         Intake
	Uploads        Uploads
	Mailbox        Mailbox
	Leases         Leases
	Recipient      Recipient
	Dispatches     Dispatches
	Changes        Changes
	Delegations    Delegations
	Forwards       Forwards
	Evidences      Evidences
	ReceiptXML     func(ctx context.Context, sealed hub.SealedEvidence) ([]byte, error) // its signed XML form; nil: there is none
	Verifier       Verifier
	SignatureRules SignatureRules
	Validation     ValidationArchive
	Seals          Seals
	ReportForms    []ReportForm // besides JSON; may be none
	Blobs          Blobs
	Codec          Codec
	DeadLetters    DeadLetters
	AgencyQueues   AgencyQueues
	Stuck          Stuck
	Figures        Figures
	Counted        Counted
	Alerts         Alerts
	Subscriptions  Subscriptions
	Telling        Telling
	Lists          Lists
	WorkingDays    WorkingDays
	Law            Law
	RegisterYears  RegisterYears
	Numbers        Numbers
	Procedures     Procedures
	Dossiers       Dossiers
	Evaluations    Evaluations
	Inspections    Inspections
	Post           Post
	Reports        Reports
	RoutingRules   RoutingRules
	HandOvers      HandOvers
	Tasks          Tasks
	Connections    Connections
	Axis           Axis // the membership in another axis; nil for none
	Passages       Passages
	// Sequences shows the sequences of agencies in the log.
	Sequences Sequences
	// Proofs shows the log.
	Proofs Log
	// Bundles makes evidence bundles; without it their address does not exist.
	Bundles Bundles

	Now   func() time.Time
	NewID func() string // request ids
	Log   *slog.Logger
	// Version is the version of the software, as GET /v1/version tells it.
	Version string
	// Retention ends the time of content; without it its addresses do not exist.
	Retention Retention
	// Ready tells whether this node wants requests; nil means always.
	Ready func(ctx context.Context) hub.Readiness
	// Overloaded returns a KindBusy error while new submissions would only make a
	// backlog worse; nil means never. What is in the hub already is served anyway.
	Overloaded func() error
	// Metrics answers a Prometheus server; nil for no metrics.
	Metrics http.Handler
	// Observe is told of every request when it is over; nil for nobody.
	Observe func(ctx context.Context, o Observation)
	// Stopping is closed when the server begins to shut down; nil means never.
	Stopping <-chan struct{}
	// TempDir holds files while they are verified or sealed; empty means
	// the system's. A file has no name there and is gone when the answer is.
	TempDir string
	Limits  Limits
}

// Observation is a request that is over.
type Observation struct {
	Method, Route string // the pattern of the route, never the address asked for
	Status        int
	In, Out       int64 // bytes of the bodies
	Took          time.Duration
}

// Limits bound what one request and all requests together may take. Zero means
// the default named beside the field.
type Limits struct {
	JSON       int64 // bytes of a JSON body; default 1 MiB
	CSV        int64 // bytes of an import; default 128 MiB
	Package    int64 // bytes of an edXML package, decompressed; default 2 GiB
	Form       int64 // bytes of a multipart submission, decompressed; default 4 GiB
	Chunk      int64 // bytes of one PATCH of an upload; default 4 GiB
	Verify     int64 // bytes of a file to verify; default 512 MiB
	Seal       int64 // bytes of a file to seal; default 512 MiB
	Parts      int   // files of a submission; default 100
	Requests   int   // requests under way; default 512
	PerActor   int   // requests under way of one key; default 128
	Waits      int   // long polls and event streams; default 8192
	ActorWaits int   // of one key; default 32
	Rate       int   // requests of one key in a second, twice as many at once; default 2000
	// Bytes bounds the sum of the bodies under way; a body of unknown length
	// counts as 16 MiB, and one that is larger than all of it comes in alone.
	// Default 8 GiB.
	Bytes      int64
	ActorBytes int64 // the same of one key; default a quarter of Bytes
	// Stall is how long a peer may keep the hub waiting for the next 4 KiB;
	// default 30 s.
	Stall time.Duration
	// Stream is the longest life of an event stream; default 1 h.
	Stream time.Duration
	// Heartbeat is the pause between signs of life on an event stream; default 15 s.
	Heartbeat time.Duration
}

func (l Limits) withDefaults() Limits {
	l.JSON = cmp.Or(l.JSON, 1<<20)
	l.CSV = cmp.Or(l.CSV, 128<<20)
	l.Package = cmp.Or(l.Package, 2<<30)
	l.Form = cmp.Or(l.Form, 4<<30)
	l.Chunk = cmp.Or(l.Chunk, 4<<30)
	l.Verify = cmp.Or(l.Verify, 512<<20)
	l.Seal = cmp.Or(l.Seal, 512<<20)
	l.Parts = cmp.Or(l.Parts, 100)
	l.Requests = cmp.Or(l.Requests, 512)
	l.PerActor = cmp.Or(l.PerActor, 128)
	l.Waits = cmp.Or(l.Waits, 8192)
	l.ActorWaits = cmp.Or(l.ActorWaits, 32)
	l.Rate = cmp.Or(l.Rate, 2000)
	l.Bytes = cmp.Or(l.Bytes, 8<<30)
	l.ActorBytes = cmp.Or(l.ActorBytes, l.Bytes/4)
	l.Stall = cmp.Or(l.Stall, 30*time.Second)
	l.Stream = cmp.Or(l.Stream, time.Hour)
	l.Heartbeat = min(cmp.Or(l.Heartbeat, 15*time.Second), l.Stall/2) // a stream that is silent for longer would be cut off
	return l
}

// api is the state behind the handlers.
type api struct {
	Options
	gate    *gate
	docs    func() (*docsPage, error)
	router  chi.Router
	buffers sync.Pool // of *formBuffers
}

// New returns the handler of the API.
func New(o Options) http.Handler {
	o.Limits = o.Limits.withDefaults()
	a := &api{Options: o, gate: newGate(o.Limits, o.Now), docs: sync.OnceValues(renderDocs), router: chi.NewRouter()}
	for _, rt := range routes() {
		a.router.Method(rt.method, cmp.Or(rt.served, rt.pattern), a.endpoint(rt))
		if rt.method == http.MethodGet && !rt.stream {
			a.router.Method(http.MethodHead, cmp.Or(rt.served, rt.pattern), a.endpoint(rt))
		}
	}
	a.router.NotFound(a.endpoint(route{pattern: "(none)", public: true, handle: (*api).noRoute}))
	a.router.MethodNotAllowed(a.endpoint(route{pattern: "(none)", public: true, handle: (*api).noMethod}))
	return a.router
}

func (a *api) noRoute(*exchange) error {
	return hub.Errorf(hub.KindNotFound, "", "route", "there is no such address in this API; GET /v1/docs lists them")
}

func (a *api) noMethod(x *exchange) error {
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		if a.router.Match(chi.NewRouteContext(), method, x.r.URL.Path) {
			x.w.Header().Add("Allow", method)
		}
	}
	return hub.Errorf(hub.KindUnsupported, "", "method", "the method %s is not offered here", x.r.Method)
}
