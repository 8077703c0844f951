// Package app puts a hub together and runs it. It is the one place that knows
// every room: which store, which queue, which adapters, with which limits. Tests
// that want a whole hub start one here, on port 0.
//
// New opens everything and listens, Run serves until its context ends, Close
// gives everything back. A stop takes two steps: no new connections and no new
// work, then, after what was promised is finished or the limit has passed, the
// end.
package app

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/blank"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/crashpoint"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/engine"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/telemetry"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/accounts"
	"github.com/lienthong/lienthong/hub/alerts"
	"github.com/lienthong/lienthong/hub/audit"
	"github.com/lienthong/lienthong/hub/audit/bundle"
	"github.com/lienthong/lienthong/hub/calendar"
	"github.com/lienthong/lienthong/hub/connection"
	"github.com/lienthong/lienthong/hub/delivery"
	"github.com/lienthong/lienthong/hub/directory"
	"github.com/lienthong/lienthong/hub/enrolment"
	"github.com/lienthong/lienthong/hub/figures"
	"github.com/lienthong/lienthong/hub/inspection"
	"github.com/lienthong/lienthong/hub/intake"
	"github.com/lienthong/lienthong/hub/law"
	"github.com/lienthong/lienthong/hub/lists"
	"github.com/lienthong/lienthong/hub/numbering"
	"github.com/lienthong/lienthong/hub/push"
	"github.com/lienthong/lienthong/hub/relay"
	"github.com/lienthong/lienthong/hub/reports"
	"github.com/lienthong/lienthong/hub/routing"
	"github.com/lienthong/lienthong/hub/sealing"
	"github.com/lienthong/lienthong/hub/signrules"
	"github.com/lienthong/lienthong/hub/tasks"
	"github.com/lienthong/lienthong/hub/tracking"
	"github.com/lienthong/lienthong/hub/traffic"
	"github.com/lienthong/lienthong/hub/validation"
	"github.com/lienthong/lienthong/signing"
	"github.com/lienthong/lienthong/signing/report"
	"github.com/lienthong/lienthong/signing/trust"
)

// App is one hub.
type App struct {
	config   Config
	log      *slog.Logger
	version  string
	lock     *os.File
	store    engine.State
	blobs    engine.Content
	tiles    audit.TileStore
	queue    engine.Queue
	services services
	watch    *telemetry.Telemetry
	health   *health
	bells    *bells
	listener net.Listener
	server   *http.Server
	side     *sideServer     // for operators; nil without one
	portal   *portalServer   // for everybody; nil without one
	sealer   *signing.Sealer // of evidence
	rings    []*hubKeyring   // evidence keys, those in use last; only refreshKeys adds one
	keysSeen string          // state of their list
	// keysRefused is why a list in refusedState is not tried again; nil for none.
	keysRefused  error
	refusedState string
	noted        keyState                              // what the log holds of keys; without a log key nothing
	trusted      trusted                               // whom the verifier trusts; only refreshTrust changes it
	atHand       atomic.Pointer[string]                // digest of all that verdicts are made from besides documents
	turns        atomic.Pointer[[]signing.EvidenceKey] // evidence keys in use, oldest turn first
	mirror       atomic.Pointer[trust.Mirror]          // of revocation lists; nil without one
	tlsLeaf      *x509.Certificate                     // of the listener; nil for plain HTTP
	stopping     chan struct{}                         // closed when open waits must end
}

// services are the rooms of the domain, wired.
type services struct {
	desks
	directory *directory.Directory
	keys      *directory.Keys
	accounts  *accounts.Service
	enrolment *enrolment.Service
	audit     *audit.Service
	log       *audit.Log      // nil where this node cannot sign checkpoints
	stamper   *audit.Stamper  // nil without a time-stamp authority
	cosigner  *audit.Cosigner // nil without witnesses
	clock     *audit.Clock    // nil without a time-stamp authority outside
	unproven  audit.Unproven  // asked by the looks of health alone
	proofs    *audit.Reader
	sequences *audit.SequenceReader
	notes     *audit.Notes
	intake    *intake.Service
	delivery  *delivery.Service
	tracking  *tracking.Service
	verifier  *signing.Verifier
	pages     *report.Pages
	rules     *signrules.Service
	lists     *lists.Service
	calendar  *calendar.Service
	law       *law.Service
	numbers   *numbering.Service
	inspected *inspection.Service
	reports   *reports.Service
	routing   *routing.Service
	alerts    *alerts.Service
	tasks     *tasks.Service
	traffic   *traffic.Service
	archive   *validation.Service
	sealing   *sealing.Service
	bundles   *bundle.Builder
	push      *push.Service
	figures   *figures.Service
	vault     *vault
	relay     *relay.Service // nil where this hub is a member of no axis
	passages  *relay.Passages
	connected *connection.Service
	seals     *signing.AgencySeals // nil before they were opened
}

// Version names the running program.
type Version string

// New opens the data folder, which no other process may use, and listens.
func New(ctx context.Context, config Config, version Version, log *slog.Logger) (*App, error) {
	if err := config.Check(); err != nil {
		return nil, err
	}
	a := &App{config: config, log: log, version: string(version), stopping: make(chan struct{})}
	if err := a.open(ctx); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	return a, nil
}

func (a *App) open(ctx context.Context) error {
	for _, step := range []func(context.Context) error{a.lockData, a.openStores, a.wire, a.openAccounts, a.openEnrolment, a.bootstrap, a.openSocket, a.alerting, a.listen, a.listenAside, a.openPortal} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (a *App) openStores(ctx context.Context) error {
	var err error
	a.watch, err = telemetry.New(ctx, telemetry.Options{
		Endpoint: a.config.Traces, Ratio: a.config.TraceRatio, Name: a.config.Name, Version: a.version,
	})
	if err != nil {
		return hub.Invalid("traces", "url", "%v", err)
	}
	o := engine.Options{
		Settings: a.config.Settings, DataDir: a.config.DataDir, Name: a.config.Name, Log: a.log, Fatal: a.fatal,
		TraceID: telemetry.TraceID, Missed: a.watch.Missed,
	}
	state, err := engine.OpenState(ctx, o)
	if err != nil {
		return err
	}
	a.store = a.watch.State(crashpoint.State(state))
	content, err := engine.OpenContent(ctx, o)
	if err != nil {
		return err
	}
	a.blobs = a.watch.Content(crashpoint.Content(content))
	tiles, err := content.Tiles()
	if err != nil {
		return err
	}
	a.tiles = crashpoint.Tiles(tiles)
	queue, err := engine.OpenQueue(ctx, o)
	if err != nil {
		return err
	}
	a.queue, a.health = a.watch.Queue(crashpoint.Queue(queue)), &health{app: a, looked: make(chan struct{})}
	return nil
}

// fatal ends the process: after a write to the disk failed nobody knows what the
// disk holds, and the next start finds out.
func (a *App) fatal(err error) {
	a.log.Error("a write to the disk failed; ending at once", "error", err)
	panic(err)
}

func (a *App) wire(ctx context.Context) error {
	err := a.useKeys(ctx)
	if err != nil {
		return err
	}
	s := &a.services
	if s.verifier, err = a.newVerifier(signing.VerifierOptions{Now: a.now}); err != nil {
		return err
	}
	if s.pages, err = report.NewPages(); err != nil {
		return err
	}
	s.audit = a.auditing()
	if err := a.logging(ctx); err != nil {
		return err
	}
	s.directory = directory.New(directory.Options{Store: a.store, Now: a.now, NewID: a.newID})
	if err := s.directory.Load(ctx); err != nil {
		return err
	}
	s.vault = a.config.vault(a.store)
	if err := s.vault.ready(a.log); err != nil {
		return err
	}
	s.keys = directory.NewKeys(directory.KeyOptions{Store: a.store, Directory: s.directory, Now: a.now, Random: rand.Reader, Vault: s.vault, Uses: a.store})
	s.tracking = tracking.New(tracking.Options{
		Store: a.store, Leases: a.store, Reports: a.store, Links: a.store, Notices: a.store, Evidences: a.store, Registers: a.store, Books: a.store, Years: a.store, Chronicle: yearChronicle{chronicle{s.notes}}, Blobs: a.blobs,
		Directory: s.directory, Notary: s.audit, Now: a.now, NewID: a.newID, Log: a.log, Bell: lateBell{a},
		Deadlines: a.config.deadlines(), TrackAccess: a.config.TrackAccess,
	})
	a.bells = newBells(s.tracking, a.store, a.log)
	s.delivery = delivery.New(delivery.Options{
		Store: a.store, Notary: s.audit, Queue: a.queue, Bell: a.bells, Now: a.now, NewID: a.newID, Log: a.log, SweepGrace: a.sweepGrace(), Deadlines: a.config.deadlines(),
		Carriers: a.carriers(), Answer: a.answer, Hold: a.hold, InBox: a.inBox, Retry: delivery.Backoff{First: a.config.RetryFirst}, CarryLimit: a.config.CarryLimit,
	})
	s.archive = validation.New(a.store, s.tracking, a.store)
	a.bundling()
	s.rules = signrules.New(signrules.Options{Notes: a.store, Now: a.now, NewID: a.newID, Log: a.log})
	if err := s.rules.Refresh(ctx); err != nil {
		return err
	}
	if s.calendar, err = calendar.New(calendar.Options{Notes: a.store, Now: a.now, Log: a.log}); err != nil {
		return err
	}
	if err := s.calendar.Refresh(ctx); err != nil {
		return err
	}
	if err := a.openLaw(ctx); err != nil {
		return err
	}
	s.traffic = &traffic.Service{Store: a.store, Log: a.store, Now: a.now}
	s.lists = lists.New(lists.Options{Notes: a.store, Directory: s.directory, Now: a.now})
	s.routing = routing.New(routing.Options{
		Notes: a.store, Directory: s.directory, Past: a.store, Now: a.now, Log: a.log,
		SameHouse: func(from, to *hub.Agency, at time.Time) bool { return s.intake.SameHouse(from, to, at) },
	})
	if err := s.routing.Refresh(ctx); err != nil {
		return err
	}
	s.numbers = numbering.New(numbering.Options{Store: a.store, Now: a.now})
	if err := a.openDesks(); err != nil {
		return err
	}
	a.openInspections()
	s.tasks = tasks.New(tasks.Options{
		Store: a.store, Directory: s.directory, Notary: s.audit, Bell: a.bells, Calendar: s.calendar.Calendar, Now: a.now, Log: a.log,
	})
	s.intake = intake.New(intake.Options{
		Store: a.store, Uploads: a.store, Numbers: a.store, Blobs: a.blobs, Staging: a.blobs, Directory: s.directory, Lists: s.lists, Routing: s.routing,
		Verifier: &archiving{s.verifier, s.archive}, Changes: s.tracking, Forwards: s.tracking, Verdicts: s.archive, Notary: s.audit, Queue: a.queue, Bell: a.bells, Now: a.now, NewID: a.newID, Log: a.log,
		Rules: s.rules, Undecided: s.archive, Policy: hub.SignaturePolicy(a.config.SignaturePolicy), Deadlines: a.config.deadlines(), Canonical: blank.Canonical(signing.CanonicalReport),
		MaxRecipients: a.config.MaxRecipients, AwaitLog: a.awaitLog, Closed: a.health.closed, Tasks: s.tasks, Dossiers: s.dossiers, Calendar: s.calendar.Calendar, Steering: a.config.TaskSteering,
	})
	if err := a.joinAxis(ctx); err != nil {
		return err
	}
	if s.push, err = a.pushing(); err != nil {
		return err
	}
	s.figures = figures.New(figures.Options{
		Store: a.store, Sums: a.store, Log: a.store, Traffic: s.traffic, Directory: s.directory, Tree: s.directory, Now: a.now, Logger: a.log,
	})
	a.openReports()
	s.connected = a.connecting()
	return a.openSeals()
}

func (a *App) auditing() *audit.Service {
	return audit.New(audit.Options{
		Store: a.store, Sealer: blank.Sealer(a.sealer),
		Issuer: hub.Party{ID: hub.AgencyID(a.config.Name), Scheme: "hub", Name: a.ring().certificates[0].Subject.CommonName},
		Origin: a.origin(), Now: a.now, NewID: a.newID,
	})
}

// writeCertificates publishes the hub's certificates beside its data, so that an
// operator can hand them to those who verify receipts.
func writeCertificates(path string, chain []*x509.Certificate) error {
	var out []byte
	for _, c := range chain {
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})...)
	}
	if err := replaceFile(path, string(out), 0o644); err != nil { // certificates are public
		return hub.Internal("write the hub's certificate", err)
	}
	return nil
}

// bootstrap gives the operator a key when there is no file with one: whoever can
// write to the data folder operates the hub anyway. Of several nodes only the first
// one does.
func (a *App) bootstrap(ctx context.Context) error {
	path := a.config.OperatorKeyFile()
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	if has, err := a.hasOperator(ctx); err != nil || has {
		return err
	}
	return issueOperator(ctx, notedKeys{a.services.keys, chronicle{a.services.notes}}, path, a.log)
}

// RecoverOperator writes a new key for the operator of a hub of several nodes, where
// the file of the first one is lost: whoever has the password of the database operates
// the hub anyway. It returns the path of the file.
func RecoverOperator(ctx context.Context, config Config, log *slog.Logger) (string, error) {
	if err := config.Check(); err != nil {
		return "", err
	}
	if !config.Shared() {
		return "", hub.Invalid("database", "required", "without --database, remove DATA-DIR/operator.key and start the hub: it writes a new one")
	}
	if err := os.MkdirAll(config.DataDir, 0o700); err != nil {
		return "", hub.Invalid("data-dir", "folder", "%v", err)
	}
	store, err := engine.OpenState(ctx, engine.Options{Settings: config.Settings, DataDir: config.DataDir, Name: config.Name, Log: log})
	if err != nil {
		return "", err
	}
	defer store.Close()
	agencies := directory.New(directory.Options{Store: store, Now: time.Now, NewID: newID})
	keys := directory.NewKeys(directory.KeyOptions{Store: store, Directory: agencies, Now: time.Now, Random: rand.Reader})
	acts := chronicle{&audit.Notes{Store: store, Now: time.Now, NewID: newID}}
	path := config.OperatorKeyFile()
	return path, issueOperator(ctx, notedKeys{keys, acts}, path, log)
}

// localOperator is who runs a command beside the hub, with its files and its database.
func localOperator() hub.Actor {
	return hub.Actor{Name: "local", Kind: hub.ActorOperator, Scopes: []hub.Scope{hub.ScopeOperate}, Auth: hub.AuthLocal}
}

func issueOperator(ctx context.Context, keys notedKeys, path string, log *slog.Logger) error {
	_, secret, err := keys.Issue(ctx, localOperator(), hub.APIKey{
		Name: "operator, written at start", Kind: hub.ActorOperator,
		Scopes: []hub.Scope{hub.ScopeOperate, hub.ScopeVerify},
	})
	if err != nil {
		return err
	}
	if err := writeSecret(path, secret+"\n"); err != nil {
		return hub.Internal("write the operator's key", err)
	}
	log.Info("operator key written", "file", path)
	return nil
}

// hasOperator reports whether another node has given the operator a key.
func (a *App) hasOperator(ctx context.Context) (bool, error) {
	if !a.config.Shared() {
		return false, nil
	}
	keys, err := a.store.Keys(ctx)
	return slices.ContainsFunc(keys, func(k hub.APIKey) bool {
		return k.Kind == hub.ActorOperator && k.Revoked.IsZero()
	}), err
}

// writeSecret puts a secret into a file that only the owner can read, durably and
// never half.
func writeSecret(path, secret string) error { return replaceFile(path, secret, 0o600) }

// replaceFile writes a file durably and never half.
func replaceFile(path, text string, mode os.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".secret-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	folder, err := os.Open(filepath.Dir(path)) // the new entry must survive a power cut, too
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// openSocket opens the socket. The first answer comes from Run.
func (a *App) openSocket(ctx context.Context) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", a.config.Listen)
	if err != nil {
		return hub.Invalid("listen", "address", "%v", err)
	}
	a.listener = listener
	return nil
}

// listen prepares what is answered at the socket.
func (a *App) listen(context.Context) error {
	handler, err := a.handler()
	if err != nil {
		return err
	}
	a.server = &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    256 << 10, // the axis repeats all parameters in the header that is signed
		ErrorLog:          slog.NewLogLogger(a.log.Handler(), slog.LevelDebug),
	}
	if a.config.plain() {
		return nil
	}
	a.server.TLSConfig, err = a.tlsConfig()
	return err
}

func (a *App) tlsConfig() (*tls.Config, error) {
	var certificate tls.Certificate
	var err error
	if a.config.TLSCert != "" {
		certificate, err = a.config.certificate()
	} else if certificate, err = loadOrCreateTLS(a.config.DataDir, a.config.Name); err != nil {
		err = hub.Errorf(hub.KindInvalid, "data-dir", "tls.pem", "the self-made certificate cannot be used; remove it for a new one: %v", err)
	}
	if err != nil {
		return nil, err
	}
	a.tlsLeaf = certificate.Leaf
	return &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}}, nil
}

// URL is the address under which this machine reaches the hub.
func (a *App) URL() string { return localURL(a.listener, !a.config.plain()) }

// Run serves until ctx ends and stops in order. It returns nil after a stop.
func (a *App) Run(ctx context.Context) error {
	work, stopWork := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWork()
	parts := []func() error{
		a.serve,
		func() error { return a.services.delivery.Run(work) },
		func() error { return a.store.Lead(work, "schedule", a.schedule) },
		func() error { return a.store.Lead(work, "push", a.tellSubscriptions) },
		func() error { return a.store.Lead(work, "figures", a.count) },
		func() error { return a.store.Lead(work, "axis", a.pollAxis) },
		func() error { return a.refresh(work) },
		func() error { return a.health.run(work) },
		func() error { return a.bells.run(work) },
		func() error { return a.watchOwn(work) },
		func() error { return a.serveAgencies(work) },
		func() error { return a.checkClock(work) },
	}
	if a.services.log != nil {
		parts = append(parts, func() error { return a.store.Lead(work, "log", a.growLog) })
	}
	if a.side != nil {
		parts = append(parts, a.side.serve)
	}
	if a.portal != nil {
		parts = append(parts, a.portal.serve)
	}
	failed := make(chan error, len(parts))
	for _, part := range parts {
		go func() { failed <- part() }()
	}
	running := len(parts)
	var first error
	select {
	case <-ctx.Done():
		a.drain(failed)
	case first = <-failed:
		running--
	}
	a.log.Info("stopping")
	stopped := a.stopServer()
	stopWork()
	for range running {
		first = errors.Join(first, <-failed)
	}
	return errors.Join(first, stopped)
}

// drain goes on serving while the load balancer finds out that this node is leaving.
// A part that fails meanwhile ends the wait.
func (a *App) drain(failed chan error) {
	a.health.stop()
	if a.config.DrainFor == 0 {
		return
	}
	a.log.Info("draining", "for", a.config.DrainFor)
	select {
	case <-time.After(a.config.DrainFor):
	case err := <-failed:
		failed <- err // there is room: it was just taken out
	}
}

func (a *App) serve() error {
	var err error
	if a.server.TLSConfig != nil {
		err = a.server.ServeTLS(a.listener, "", "")
	} else {
		err = a.server.Serve(a.listener)
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return hub.Internal("serve", err)
}

// stopServer refuses new connections and lets open requests finish.
func (a *App) stopServer() error {
	close(a.stopping)
	limit, cancel := context.WithTimeout(context.Background(), a.config.StopLimit)
	defer cancel()
	if a.side != nil {
		defer func() { _ = a.side.Close() }() // what it answered last is of no weight
	}
	if a.portal != nil {
		defer func() { _ = errors.Join(a.portal.Shutdown(limit), a.portal.Close()) }() // who is cut off asks again
	}
	if err := a.server.Shutdown(limit); err != nil {
		a.log.Warn("requests were cut off at the stop", "error", err)
		return a.server.Close()
	}
	return nil
}

// Close gives back what New took. It is safe after a failed New.
func (a *App) Close() error {
	var errs []error
	if a.listener != nil {
		errs = append(errs, ignoreClosed(a.listener.Close()))
	}
	if a.side != nil {
		errs = append(errs, ignoreClosed(a.side.Close()))
	}
	if a.portal != nil {
		errs = append(errs, ignoreClosed(a.portal.listener.Close()))
	}
	for _, c := range []io.Closer{a.queue, a.blobs, a.store} {
		if c != nil {
			errs = append(errs, c.Close())
		}
	}
	if a.services.seals != nil {
		errs = append(errs, a.services.seals.Close())
	}
	for _, ring := range a.rings {
		errs = append(errs, ring.Close())
	}
	if a.watch != nil {
		limit, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := a.watch.Close(limit); err != nil {
			a.log.Warn("the last traces were lost", "error", err)
		}
	}
	if a.lock != nil {
		errs = append(errs, a.lock.Close())
	}
	return errors.Join(slices.DeleteFunc(errs, func(err error) bool { return err == nil })...)
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}
