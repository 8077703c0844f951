package app

import (
	"context"
	"crypto/rand"
	"net/http"
	"slices"
	"strings"

	"github.com/lienthong/lienthong/adapters/httpapi"
	"github.com/lienthong/lienthong/adapters/web"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/engine"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/accounts"
	"github.com/lienthong/lienthong/hub/audit"
	"github.com/lienthong/lienthong/hub/audit/bundle"
	"github.com/lienthong/lienthong/hub/connection"
	"github.com/lienthong/lienthong/hub/directory"
	"github.com/lienthong/lienthong/hub/intake"
	"github.com/lienthong/lienthong/hub/push"
	"github.com/lienthong/lienthong/hub/tasks"
	"github.com/lienthong/lienthong/hub/tracking"
	"github.com/lienthong/lienthong/hub/validation"
	"github.com/lienthong/lienthong/signing/pdfsig"
	"github.com/lienthong/lienthong/signing/report"
)

var (
	_ accounts.Store        = engine.State(nil)
	_ accounts.SessionStore = engine.State(nil)
	_ accounts.Directory    = (*directory.Directory)(nil)
	_ web.Keeper            = (*accounts.Service)(nil)
	_ web.Filters           = (*accounts.Service)(nil)
	_ web.Keys              = (*directory.Keys)(nil)
	_ httpapi.Accounts      = (*accounts.Service)(nil)
	_ web.Directory         = (*directory.Directory)(nil)
	_ web.Boxes             = (*tracking.Service)(nil)
	_ web.Registers         = (*tracking.Service)(nil)
	_ web.Documents         = readings{}
	_ web.Pieces            = (*intake.Service)(nil)
	_ web.Forwards          = (*intake.Service)(nil)
	_ web.Delegations       = (*directory.Directory)(nil)
	_ web.Drafts            = engine.State(nil)
	_ web.Live              = watching{}
	_ web.Recipient         = (*tracking.Service)(nil)
	_ web.Changes           = (*tracking.Service)(nil)
	_ web.Evidences         = (*audit.Service)(nil)
	_ web.Bundles           = (*bundle.Builder)(nil)
	_ web.Verdicts          = (*validation.Service)(nil)
	_ web.Verifier          = examining{}
	_ web.Trail             = (*audit.Browser)(nil)
	_ web.VerdictWords      = report.Words{}
	_ web.Intake            = desk{}
	_ web.Content           = engine.Content(nil)
	_ web.Subscriptions     = (*push.Service)(nil)
	_ web.Telling           = (*push.Service)(nil)
	_ web.Connections       = (*connection.Service)(nil)
	_ web.RoutingRules      = notedRouting{}
	_ web.Tasks             = (*tasks.Service)(nil)
)

func (a *App) openAccounts(context.Context) error {
	var err error
	a.services.accounts, err = accounts.New(accounts.Options{
		Store: a.store, Sessions: a.store, Directory: a.services.directory, Vault: a.config.vault(a.store), Now: a.now, Random: rand.Reader, Logins: a.config.logins(),
		Cost: a.config.PasswordCost,
	})
	return err
}

// withPages puts the pages for people beside the API.
func (a *App) withPages(api http.Handler) (http.Handler, error) {
	if a.config.NoPages {
		return api, nil
	}
	types, err := typesOfDocuments()
	if err != nil {
		return nil, err
	}
	s := &a.services
	keeper := notedAccounts{s.accounts, chronicle{s.notes}}
	people := sessions{s.accounts, a.store, s.notes, a.log}
	options := web.Options{
		Persons: people, Seconds: s.accounts, Filters: s.accounts, Keeper: keeper, Outside: people, Links: keeper, Directory: s.directory,
		Boxes: s.tracking, Documents: readings{s.tracking, s.notes}, Live: watching{s.tracking, s.accounts}, Stopping: a.stopping, Recipient: s.tracking, Changes: s.tracking,
		Intake: desk{a.watch.Intake(s.intake), s.intake}, Content: a.blobs, Pieces: s.intake, Forwards: s.intake, Drafts: a.store, Stuck: notedStuck{s.delivery, chronicle{s.notes}}, Enrolments: s.enrolment, Connections: s.connected, Registers: registers{s.tracking, s.notes}, RegisterYears: s.tracking, Numbers: s.numbers, Procedures: s.catalogue, Dossiers: s.dossiers, Evaluations: s.evaluated, Inspections: s.inspected, Reports: s.reports, Post: s.post, Figures: s.figures, Counted: s.tracking,
		Lists:        s.lists,
		RoutingRules: notedRouting{s.routing, chronicle{s.notes}}, NormativeRule: normativeRule,
		Traffic: s.traffic, Vitals: a.vitals,
		HandOvers: a.handOvers(),
		Tasks:     s.tasks, Calendar: s.calendar.Calendar,
		Alerts:    notedAlerts{s.alerts, chronicle{s.notes}},
		Registry:  notedRegistry{s.directory, chronicle{s.notes}},
		Keys:      notedKeys{s.keys, chronicle{s.notes}},
		Evidences: s.audit, Bundles: s.bundles, Verdicts: s.archive, Trail: a.browsing(), Verifier: a.examining(), Words: s.pages.Words(),
		Encrypted: pdfsig.Encrypted, ReadDocument: readingOf(types),
		Overloaded: a.health.overloaded, Ready: a.health.readiness, Backlog: a.health.lastBacklog,
		Settings:      a.config.Shown,
		Subscriptions: s.push, Telling: s.push,
		Now: a.now, NewID: a.newID, Log: a.log, Name: a.config.Name, Version: a.version, Delegations: s.directory,
		Secure: !a.config.plain() || a.config.BehindProxy,
	}
	if err := a.providing(&options); err != nil {
		return nil, err
	}
	pages, err := web.New(options)
	if err != nil {
		return nil, err
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if forPrograms(r.URL.Path) {
			api.ServeHTTP(w, r)
			return
		}
		pages.ServeHTTP(w, r)
	}), nil
}

// forPrograms reports whether an address belongs to the API or to the files of the log.
func forPrograms(path string) bool {
	first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return slices.Contains([]string{"v1", "log", "healthz", "readyz", "metrics"}, first)
}

// desk is the intake for people: what they send is counted as that of systems.
type desk struct {
	httpapi.Intake
	service *intake.Service
}

// Preview implements web.Intake.
func (d desk) Preview(ctx context.Context, actor hub.Actor, sub hub.Submission) (hub.Preview, error) {
	return d.service.Preview(ctx, actor, sub)
}

// watching serves pages that are open.
type watching struct {
	*tracking.Service
	accounts *accounts.Service
}

// Look implements web.Live.
func (w watching) Look(ctx context.Context, token string) (hub.Visit, error) {
	return w.accounts.Look(ctx, token)
}

// readings notes in the log which document a person reads, before it is shown: what
// cannot be noted is not read.
type readings struct {
	*tracking.Service
	notes *audit.Notes
}

// reading is the body of a note.
type reading struct {
	Actor    string         `json:"actor"`
	Agencies []hub.AgencyID `json:"agencies"`
	Dispatch hub.DispatchID `json:"dispatch"`
	Part     string         `json:"part,omitempty"` // empty: the data of the document, no content
}

func (r readings) note(ctx context.Context, actor hub.Actor, id hub.DispatchID, part string) error {
	return r.notes.Note(ctx, hub.LogNoteReading, reading{Actor: actor.Name, Agencies: actor.Agencies, Dispatch: id, Part: part})
}

// Item implements web.Documents.
func (r readings) Item(ctx context.Context, actor hub.Actor, id hub.DeliveryID) (hub.Item, error) {
	item, err := r.Service.Item(ctx, actor, id)
	if err == nil {
		err = r.note(ctx, actor, item.Dispatch.ID, "")
	}
	return item, err
}

// Dispatch implements web.Documents.
func (r readings) Dispatch(ctx context.Context, actor hub.Actor, id hub.DispatchID) (hub.SentItem, error) {
	item, err := r.Service.Dispatch(ctx, actor, id)
	if err == nil {
		err = r.note(ctx, actor, id, "")
	}
	return item, err
}

// Open implements web.Documents.
func (r readings) Open(ctx context.Context, actor hub.Actor, id hub.DispatchID, partID string) (hub.Part, hub.Blob, error) {
	part, blob, err := r.Service.Open(ctx, actor, id, partID)
	if err != nil {
		return part, nil, err
	}
	if err := r.note(ctx, actor, id, partID); err != nil {
		_ = blob.Close() // the first error says more
		return part, nil, err
	}
	return part, blob, nil
}

// registers notes in the log which register a person prints, before its first row: it
// tells of many documents at once.
type registers struct {
	*tracking.Service
	notes *audit.Notes
}

// printing is the body of a note.
type printing struct {
	Actor    string       `json:"actor"`
	Register string       `json:"register"` // outgoing or incoming
	Agency   hub.AgencyID `json:"agency"`
	From     hub.Date     `json:"from"`
	To       hub.Date     `json:"to"`
}

func (r registers) note(ctx context.Context, actor hub.Actor, register string, query hub.RegisterQuery) error {
	if query.Page.After != "" {
		return nil // the rest of what is noted
	}
	return r.notes.Note(ctx, hub.LogNoteReading, printing{actor.Name, register, query.Agency, query.From, query.To})
}

// Outgoing implements web.Registers.
func (r registers) Outgoing(ctx context.Context, actor hub.Actor, query hub.RegisterQuery) (hub.List[hub.SentItem], error) {
	list, err := r.Service.Outgoing(ctx, actor, query)
	if err == nil {
		err = r.note(ctx, actor, "outgoing", query)
	}
	return list, err
}

// Incoming implements web.Registers.
func (r registers) Incoming(ctx context.Context, actor hub.Actor, query hub.RegisterQuery) (hub.List[hub.RegisterEntry], error) {
	list, err := r.Service.Incoming(ctx, actor, query)
	if err == nil {
		err = r.note(ctx, actor, "incoming", query)
	}
	return list, err
}

// notedAccounts notes who gets, resets and locks an account.
type notedAccounts struct {
	httpapi.Accounts
	chronicle
}

// accountWanted is what the note of a new account says of it.
type accountWanted struct {
	Memberships []hub.Membership `json:"memberships"`
	Login       *hub.Login       `json:"login,omitempty"`
}

// Create implements httpapi.Accounts.
func (n notedAccounts) Create(ctx context.Context, actor hub.Actor, account hub.Account) (hub.Account, string, error) {
	if err := n.note(ctx, actor, "account.create", account.Name, accountWanted{account.Memberships, account.Login}); err != nil {
		return hub.Account{}, "", err
	}
	return n.Accounts.Create(ctx, actor, account)
}

// Link implements httpapi.Accounts and web.Links.
func (n notedAccounts) Link(ctx context.Context, actor hub.Actor, name, login string) (hub.Account, error) {
	if err := n.note(ctx, actor, "account.link", name, login); err != nil {
		return hub.Account{}, err
	}
	return n.Accounts.Link(ctx, actor, name, login)
}

// Reset implements httpapi.Accounts.
func (n notedAccounts) Reset(ctx context.Context, actor hub.Actor, name string) (hub.Account, string, error) {
	if err := n.note(ctx, actor, "account.reset", name, nil); err != nil {
		return hub.Account{}, "", err
	}
	return n.Accounts.Reset(ctx, actor, name)
}

// Lock implements httpapi.Accounts.
func (n notedAccounts) Lock(ctx context.Context, actor hub.Actor, name string, locked bool) (hub.Account, error) {
	action := "account.unlock"
	if locked {
		action = "account.lock"
	}
	if err := n.note(ctx, actor, action, name, nil); err != nil {
		return hub.Account{}, err
	}
	return n.Accounts.Lock(ctx, actor, name, locked)
}
