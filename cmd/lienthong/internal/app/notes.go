package app

import (
	"context"
	"io"
	"strings"
	"time"

	"github.com/lienthong/lienthong/adapters/httpapi"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/audit"
)

// What operators do goes into the log before it is done: an act without its note cannot
// be, a note of an act that then failed can. Who may not do it leaves no note.

// operatorAct is the body of a note.
type operatorAct struct {
	Action string `json:"action"`
	Actor  string `json:"actor,omitempty"`
	About  string `json:"about,omitempty"`
}

// chronicle notes what operators do.
type chronicle struct{ notes *audit.Notes }

func (c chronicle) note(ctx context.Context, actor hub.Actor, action, about string) error {
	if !actor.Has(hub.ScopeOperate) && !actor.Has(hub.ScopeAccounts) {
		return nil // it will be refused
	}
	return c.notes.Note(ctx, hub.LogNoteOperator, operatorAct{Action: action, Actor: actor.Name, About: about})
}

// notedKeys notes who gets and loses a key.
type notedKeys struct {
	httpapi.KeyKeeper
	chronicle
}

// Issue implements httpapi.KeyKeeper.
func (k notedKeys) Issue(ctx context.Context, actor hub.Actor, key hub.APIKey) (hub.APIKey, string, error) {
	if err := k.note(ctx, actor, "key.issue", strings.TrimSpace(key.System+" "+key.Name)); err != nil {
		return hub.APIKey{}, "", err
	}
	return k.KeyKeeper.Issue(ctx, actor, key)
}

// Revoke implements httpapi.KeyKeeper.
func (k notedKeys) Revoke(ctx context.Context, actor hub.Actor, id string, at time.Time) error {
	if err := k.note(ctx, actor, "key.revoke", id); err != nil {
		return err
	}
	return k.KeyKeeper.Revoke(ctx, actor, id, at)
}

// notedRegistry notes changes of the directory.
type notedRegistry struct {
	httpapi.Registry
	chronicle
}

// Import implements httpapi.Registry.
func (r notedRegistry) Import(ctx context.Context, actor hub.Actor, csv io.Reader, dryRun bool) (hub.ImportReport, error) {
	if !dryRun {
		if err := r.note(ctx, actor, "directory.import", ""); err != nil {
			return hub.ImportReport{}, err
		}
	}
	return r.Registry.Import(ctx, actor, csv, dryRun)
}

// notedRetention notes what decides how long content stays.
type notedRetention struct {
	httpapi.Retention
	chronicle
}

// SetClasses implements httpapi.Retention.
func (r notedRetention) SetClasses(ctx context.Context, actor hub.Actor, set hub.RetentionClasses) (hub.RetentionClasses, error) {
	if err := r.note(ctx, actor, "retention.classes", ""); err != nil {
		return hub.RetentionClasses{}, err
	}
	return r.Retention.SetClasses(ctx, actor, set)
}

// PlaceHold implements httpapi.Retention.
func (r notedRetention) PlaceHold(ctx context.Context, actor hub.Actor, hold hub.LegalHold) (hub.LegalHold, error) {
	if err := r.note(ctx, actor, "retention.hold", string(hold.Dispatch)+string(hold.Agency)+hold.Number); err != nil {
		return hold, err
	}
	return r.Retention.PlaceHold(ctx, actor, hold)
}

// ReleaseHold implements httpapi.Retention.
func (r notedRetention) ReleaseHold(ctx context.Context, actor hub.Actor, id, reason string) (hub.LegalHold, error) {
	if err := r.note(ctx, actor, "retention.release", id); err != nil {
		return hub.LegalHold{}, err
	}
	return r.Retention.ReleaseHold(ctx, actor, id, reason)
}

// AskPurge implements httpapi.Retention.
func (r notedRetention) AskPurge(ctx context.Context, actor hub.Actor) (string, error) {
	if err := r.note(ctx, actor, "retention.purge", ""); err != nil {
		return "", err
	}
	return r.Retention.AskPurge(ctx, actor)
}

// notedRules notes which signatures are asked for, and whose certificates they are.
type notedRules struct {
	httpapi.SignatureRules
	chronicle
}

// SetRules implements httpapi.SignatureRules.
func (r notedRules) SetRules(ctx context.Context, actor hub.Actor, set hub.SignatureRules) (hub.SignatureRules, error) {
	if err := r.note(ctx, actor, "signatures.rules", ""); err != nil {
		return hub.SignatureRules{}, err
	}
	return r.SignatureRules.SetRules(ctx, actor, set)
}

// Bind implements httpapi.SignatureRules.
func (r notedRules) Bind(ctx context.Context, actor hub.Actor, b hub.CertificateBinding) (hub.CertificateBinding, error) {
	if err := r.note(ctx, actor, "signatures.bind", string(b.Agency)); err != nil {
		return hub.CertificateBinding{}, err
	}
	return r.SignatureRules.Bind(ctx, actor, b)
}

// Unbind implements httpapi.SignatureRules.
func (r notedRules) Unbind(ctx context.Context, actor hub.Actor, agency hub.AgencyID, id string) (hub.CertificateBinding, error) {
	if err := r.note(ctx, actor, "signatures.unbind", id); err != nil {
		return hub.CertificateBinding{}, err
	}
	return r.SignatureRules.Unbind(ctx, actor, agency, id)
}
