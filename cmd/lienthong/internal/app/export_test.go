package app

import (
	"context"
	"crypto/sha256"
	"io"
	"time"

	"github.com/lienthong/lienthong/adapters/edxml"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/intake"
)

// JudgeAgain does what the node that holds the schedule does, without waiting for others.
func (a *App) JudgeAgain(ctx context.Context) error { return a.newRechecker(0).Run(ctx) }

// Admit lets a system in with a secret that is known beforehand, as recorded requests
// were signed with one.
func (a *App) Admit(ctx context.Context, system, secret string, agencies ...hub.AgencyID) error {
	key := hub.APIKey{
		ID: "secret of " + system, Hash: sha256.Sum256([]byte(system + secret)), Name: system, Kind: hub.ActorSystem, System: system,
		Agencies: agencies, Scopes: []hub.Scope{hub.ScopeSubmit, hub.ScopeCollect, hub.ScopeRead}, Created: time.Now().UTC(),
	}
	var err error
	key.Sealed, err = a.config.vault(a.store).Seal(ctx, []byte(secret), "system "+key.System+" secret "+key.ID)
	if err != nil {
		return err
	}
	return a.store.SaveKey(ctx, key)
}

// SubmitAs submits a package whose dispatch and deliveries get the given ids.
func (a *App) SubmitAs(ctx context.Context, pkg io.Reader, sender hub.AgencyID, ids ...string) (hub.Accepted, error) {
	decoded, err := edxml.New(edxml.Options{}).Decode(ctx, pkg, a.blobs)
	if err != nil {
		return hub.Accepted{}, err
	}
	o := a.services.intake.Options
	next := 0
	o.NewID = func() string {
		if next++; next > len(ids) {
			return newID()
		}
		return ids[next-1]
	}
	actor := hub.Actor{Name: "test", Kind: hub.ActorSystem, Agencies: []hub.AgencyID{sender}, Scopes: hub.Scopes(), Auth: hub.AuthAPIKey}
	return intake.New(o).Submit(ctx, actor, *decoded.Submission)
}

// RefreshKeys does what a running hub does every few seconds.
func (a *App) RefreshKeys(ctx context.Context) error { return a.refreshKeys(ctx) }
