package app

import (
	"context"
	"crypto/rand"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/lienthong/lienthong/adapters/httpapi"
	"github.com/lienthong/lienthong/adapters/web"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/engine"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/examine"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/accounts"
	"github.com/lienthong/lienthong/hub/audit"
	"github.com/lienthong/lienthong/hub/audit/bundle"
	"github.com/lienthong/lienthong/hub/directory"
	"github.com/lienthong/lienthong/hub/intake"
	"github.com/lienthong/lienthong/hub/tracking"
	"github.com/lienthong/lienthong/hub/validation"
	"github.com/lienthong/lienthong/signing/report"
)

var (
	_ accounts.Store        = engine.State(nil)
	_ accounts.SessionStore = engine.State(nil)
	_ accounts.Directory    = (*directory.Directory)(nil)
	_ web.Persons           = (*accounts.Service)(nil)
	_ web.Keeper            = (*accounts.Service)(nil)
	_ httpapi.Accounts      = (*accounts.Service)(nil)
	_ web.Directory         = (*directory.Directory)(nil)
	_ web.Boxes             = (*tracking.Service)(nil)
	_ web.Documents         = readings{}
	_ web.Recipient         = (*tracking.Service)(nil)
	_ web.Evidences         = (*audit.Service)(nil)
	_ web.Bundles           = (*bundle.Builder)(nil)
	_ web.Verdicts          = (*validation.Service)(nil)
	_ web.Verifier          = (*examine.Examiner)(nil)
	_ web.VerdictWords      = report.Words{}
	_ web.Intake            = desk{}
	_ web.Content           = engine.Content(nil)
)

func (a *App) openAccounts(context.Context) error {
	var err error
	a.services.accounts, err = accounts.New(accounts.Options{
		Store: a.store, Sessions: a.store, Directory: a.services.directory, Now: time.Now, Random: rand.Reader,
	})
	return err
}

// withPages puts the pages for people beside the API.
func (a *App) withPages(api http.Handler) (http.Handler, error) {
	if a.config.NoPages {
		return api, nil
	}
	s := &a.services
	pages, err := web.New(web.Options{
		Persons: s.accounts, Keeper: notedAccounts{s.accounts, chronicle{s.notes}}, Directory: s.directory,
		Boxes: s.tracking, Documents: readings{s.tracking, s.notes}, Recipient: s.tracking,
		Intake: desk{a.watch.Intake(s.intake), s.intake}, Content: a.blobs,
		Evidences: s.audit, Bundles: s.bundles, Verdicts: s.archive, Verifier: &examine.Examiner{Signatures: s.verifier}, Words: s.pages.Words(),
		Ready: a.health.readiness, Backlog: a.health.lastBacklog,
		Now: time.Now, NewID: newID, Log: a.log, Name: a.config.Name, Version: a.version,
		Secure: !a.config.plain() || a.config.BehindProxy,
	})
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

// notedAccounts notes who gets, resets and locks an account.
type notedAccounts struct {
	httpapi.Accounts
	chronicle
}

// Create implements httpapi.Accounts.
func (n notedAccounts) Create(ctx context.Context, actor hub.Actor, account hub.Account) (hub.Account, string, error) {
	if err := n.note(ctx, actor, "account.create", account.Name); err != nil {
		return hub.Account{}, "", err
	}
	return n.Accounts.Create(ctx, actor, account)
}

// Reset implements httpapi.Accounts.
func (n notedAccounts) Reset(ctx context.Context, actor hub.Actor, name string) (hub.Account, string, error) {
	if err := n.note(ctx, actor, "account.reset", name); err != nil {
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
	if err := n.note(ctx, actor, action, name); err != nil {
		return hub.Account{}, err
	}
	return n.Accounts.Lock(ctx, actor, name, locked)
}
