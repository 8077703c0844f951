package app

import (
	"context"
	"crypto/sha256"
	"io"
	"time"

	"github.com/lienthong/lienthong/adapters/edxml"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/engine"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/intake"
	"github.com/lienthong/lienthong/hub/push"
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
	key.Sealed, err = a.services.vault.Seal(ctx, []byte(secret), "system "+key.System+" secret "+key.ID)
	if err != nil {
		return err
	}
	return a.store.AddKey(ctx, key)
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

// GrantFor gives a client an access token for any time.
func (a *App) GrantFor(ctx context.Context, client, secret string, life time.Duration) (string, error) {
	token, _, err := a.services.keys.Grant(ctx, client, secret, life)
	return token, err
}

// NewVault is the vault of one node.
func NewVault(c *Config, nodes engine.Settler) push.Vault { return c.vault(nodes) }

// Overloaded is what health says of new documents when the store counts b, or fails.
func (a *App) Overloaded(ctx context.Context, b hub.Backlog, failure error) error {
	h := &health{looked: make(chan struct{}), app: &App{config: a.config, log: a.log, store: counted{a.store, b, failure}}}
	if err := h.queueAge(ctx); err != nil {
		reason, _ := reasonOf(err)
		h.note([]hub.HealthCheck{{Name: "queue", State: hub.HealthDegraded, Reason: reason}})
	}
	return h.overloaded()
}

// counted is a store that says of its queue what it is told to.
type counted struct {
	engine.State
	backlog hub.Backlog
	failure error
}

func (c counted) Backlog(context.Context, int) (hub.Backlog, error) { return c.backlog, c.failure }
