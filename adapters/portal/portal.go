// Package portal is the page of a hub for everybody (cổng dịch vụ công): which procedures are
// in force, and how the dossier of somebody stands who has its number and its secret.
//
// It promises that nobody has to sign in and nobody can: it knows no sessions, no keys and no
// agencies, and what it can ask of the hub is what its three ports say, which hold nothing but
// what is public, what the owner of a dossier may see, and what somebody hands in. A wrong number and a wrong secret
// get the same answer for the same work, and both are counted, for each address and for each
// number. Secrets come in the body of a request and are never in an address or a log. What is
// in force may be kept by caches, which must ask before each use. The pages are written on
// the server, work without a script and on a phone, and need nothing from any other host.
//
// It is served at a listener of its own, in bounds of its own: what floods it leaves the rest
// of the hub alone.
package portal

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Procedures shows what is in force now.
type Procedures interface {
	// Mark is another one whenever what is in force may be.
	Mark(ctx context.Context) (string, error)
	List(ctx context.Context, text string, page hub.Page) (hub.List[hub.PublicProcedure], error)
	// Show answers KindNotFound where none with the code is in force.
	Show(ctx context.Context, code string) (hub.PublicProcedure, error)
}

// Dossiers shows a dossier to who has its number and its secret. KindNotFound is the answer
// to all others, and MUST take as long whichever of both is wrong.
type Dossiers interface {
	Progress(ctx context.Context, number, secret string) (hub.DossierProgress, error)
	File(ctx context.Context, number, secret string, event int64) (hub.Part, hub.Blob, error)
}

// Options are what the portal needs.
type Options struct {
	Procedures Procedures
	Dossiers   Dossiers
	Filings    Filings
	Random     io.Reader // cryptographically secure
	// Proxies may say for whom they ask (X-Forwarded-For); nobody else is believed.
	Proxies []netip.Prefix
	Secure  bool // people come over HTTPS, also where a proxy ends it
	Now     func() time.Time
	Log     *slog.Logger
	Name    string // of the hub
	// Observe is told of every request when it is over; nil for nobody.
	Observe func(Observation)
	Limits  Limits
}

// Observation is a request that is over.
type Observation struct {
	Route   string // the pattern of the route, never the address asked for
	Status  int
	Guessed bool // a wrong number or secret
	Took    time.Duration
}

// site is the state behind the handlers.
type site struct {
	Options
	texts   catalogues
	pages   pages
	statics statics
	cache   cache
	asking  *buckets      // requests, by address
	tries   *buckets      // wrong numbers and secrets, by address
	aimed   *buckets      // the same, by number
	working chan struct{} // bounds requests that are worked on
	sending chan struct{} // bounds downloads under way

	filers    *buckets      // forms with files, by address
	filed     *buckets      // dossiers, by procedure
	receiving chan struct{} // bounds forms with files that are coming in
	uploads   shares        // bounds those of one address
	claims    [32]byte      // proves which files came with a form
	// fetching bounds those of one address.
	fetching shares
}

// route is an address of the portal.
type route struct {
	method, pattern string
	api             bool // for programs: JSON, and no language
	handle          func(x *exchange) error
	receive         func(x *exchange) error // takes the body in; nil for a short one
}

func routes() []route {
	return []route{
		{http.MethodGet, "/{$}", false, (*exchange).home, nil},
		{http.MethodGet, "/procedures", false, (*exchange).procedures, nil},
		{http.MethodGet, "/procedures/{code}", false, (*exchange).procedure, nil},
		{http.MethodGet, "/procedures/{code}/file", false, (*exchange).apply, nil},
		{http.MethodPost, "/procedures/{code}/file", false, (*exchange).submit, (*exchange).takeForm},
		{http.MethodGet, "/dossiers", false, (*exchange).ask, nil},
		{http.MethodPost, "/dossiers", false, (*exchange).progress, nil},
		{http.MethodPost, "/dossiers/file", false, (*exchange).file, nil},
		{http.MethodGet, "/api/procedures", true, (*exchange).listProcedures, nil},
		{http.MethodGet, "/api/procedures/{code}", true, (*exchange).showProcedure, nil},
		{http.MethodPost, "/api/progress", true, (*exchange).showProgress, nil},
		{http.MethodPost, "/api/file", true, (*exchange).sendFile, nil},
		{http.MethodGet, "/api/openapi.yaml", true, (*exchange).description, nil},
	}
}

// New returns the handler of the portal.
func New(o Options) (http.Handler, error) {
	o.Limits = o.Limits.withDefaults()
	if o.Observe == nil {
		o.Observe = func(Observation) {}
	}
	l := o.Limits
	s := &site{
		Options: o, asking: newBuckets(l.Rate, l.Burst, l.Addresses, o.Now), tries: newBuckets(l.TryRate, l.Tries, l.Addresses, o.Now), aimed: newBuckets(l.TryRate, l.Tries, l.Addresses, o.Now),
		filers: newBuckets(l.FileRate, l.Filings, l.Addresses, o.Now), filed: newBuckets(l.DossierRate, l.Dossiers, l.Addresses, o.Now),
		receiving: make(chan struct{}, l.Uploads), uploads: shares{most: l.Sends, held: map[string]int{}},
		working: make(chan struct{}, l.Requests), sending: make(chan struct{}, l.Downloads), fetching: shares{most: l.Fetches, held: map[string]int{}},
	}
	if _, err := io.ReadFull(o.Random, s.claims[:]); err != nil {
		return nil, hub.Internal("make the key of claims", err)
	}
	var err error
	if s.texts, err = readCatalogues(); err != nil {
		return nil, err
	}
	if s.pages, err = readPages(); err != nil {
		return nil, err
	}
	if s.statics, err = readStatics(); err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /static/{mark}/{name}", s.guarded(&s.statics))
	for _, rt := range routes() {
		if rt.api {
			mux.Handle(rt.method+" "+rt.pattern, s.guarded(s.endpoint(rt, vietnamese)))
			continue
		}
		for _, language := range languages() {
			mux.Handle(rt.method+" "+prefix(language)+rt.pattern, s.guarded(s.endpoint(rt, language)))
		}
	}
	mux.Handle("/en/", s.guarded(s.endpoint(route{pattern: "(none)", handle: (*exchange).nothing}, english)))
	mux.Handle("/", s.guarded(s.endpoint(route{pattern: "(none)", handle: (*exchange).nothing}, vietnamese)))
	return mux, nil
}

// contentPolicy allows what the pages are made of and nothing that stands in a page itself.
const contentPolicy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// guarded sets what every answer carries.
func (s *site) guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", contentPolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		if s.Secure {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		next.ServeHTTP(w, r)
	})
}
