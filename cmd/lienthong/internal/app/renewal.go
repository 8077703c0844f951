package app

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"time"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/engine"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/audit"
	"github.com/lienthong/lienthong/signing"
)

var (
	_ audit.RenewalAuthority = (*signing.Timestamps)(nil)
	_ audit.Tokens           = signing.Tokens{}
	_ audit.Contents         = engine.Content(nil)
)

// Renewal renews the time-stamps of a hub, and hashes its log anew, beside it where its
// database is shared.
type Renewal struct {
	audit.Renewer
	config Config
	log    *slog.Logger
	store  engine.State
	lock   *os.File // nil where the database is shared
}

// OpenRenewal opens the store of a hub and names the time-stamp authorities of its
// settings. A database file belongs to one process: a hub that runs on it is
// KindConflict.
func OpenRenewal(ctx context.Context, config Config, log *slog.Logger) (*Renewal, error) {
	if err := config.Check(); err != nil {
		return nil, err
	}
	if config.authorities()[0] == tsaNone {
		return nil, hub.Invalid("tsa", "required", "name the address of a time-stamp authority (--tsa), and the certificates that its tokens lead to (--tsa-anchors)")
	}
	r := &Renewal{config: config, log: log}
	if err := r.open(ctx, &config); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

func (r *Renewal) open(ctx context.Context, config *Config) error {
	var err error
	if !config.Shared() {
		if r.lock, err = lockFolder(config.DataDir); err != nil {
			return err
		}
	}
	authority, _, err := config.timeAuthority()
	if err != nil {
		return err
	}
	if r.store, err = engine.OpenState(ctx, r.options()); err != nil {
		return err
	}
	r.Renewer = audit.Renewer{Store: r.store, Rehashes: r.store, Authority: authority, Tokens: signing.NewTokens(), Now: time.Now, NewID: newID}
	return nil
}

// Rehash hashes the log anew. One process does so at a time: another one waits.
func (r *Renewal) Rehash(ctx context.Context, order audit.RehashOrder) (summary audit.RehashSummary, err error) {
	text, err := readIfThere(r.config.PolicyFile())
	if err != nil {
		return summary, err
	}
	if text == nil {
		return summary, hub.Invalid("data-dir", "policy", "there is no file %s with the keys of the log: run it with the data folder of a node that signs checkpoints", r.config.PolicyFile())
	}
	policy, err := audit.ParsePolicy(text)
	if err != nil {
		return summary, err
	}
	content, err := engine.OpenContent(ctx, r.options())
	if err != nil {
		return summary, err
	}
	defer content.Close()
	rehasher := audit.Rehasher{
		Store: r.store, Source: r.store, Contents: content, Authority: r.Authority, Tokens: r.Tokens, Policy: policy, Now: r.Now, NewID: r.NewID,
	}
	leading, end := context.WithCancel(ctx)
	defer end()
	failed := r.store.Lead(leading, "rehash", func(ctx context.Context, _ int64) error {
		defer end()
		summary, err = rehasher.Rehash(ctx, order)
		return nil
	})
	if err == nil && ctx.Err() != nil {
		err = ctx.Err()
	}
	if err == nil && leading.Err() == nil {
		err = failed
	}
	return summary, err
}

func (r *Renewal) options() engine.Options {
	o := r.config.engineOptions(r.log)
	o.Fatal = func(err error) { panic(err) } // nobody knows what the disk holds: the next run finds out
	return o
}

// Close closes the store and gives the data folder back.
func (r *Renewal) Close() error {
	var err error
	if r.store != nil {
		err = r.store.Close()
	}
	if r.lock != nil {
		err = errors.Join(err, r.lock.Close())
	}
	return err
}
