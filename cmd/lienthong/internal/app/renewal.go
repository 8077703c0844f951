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
)

// Renewal renews the time-stamps of a hub, beside it where its database is shared.
type Renewal struct {
	audit.Renewer
	store engine.State
	lock  *os.File // nil where the database is shared
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
	r := &Renewal{}
	if err := r.open(ctx, &config, log); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

func (r *Renewal) open(ctx context.Context, config *Config, log *slog.Logger) error {
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
	o := config.engineOptions(log)
	o.Fatal = func(err error) { panic(err) } // nobody knows what the disk holds: the next run finds out
	if r.store, err = engine.OpenState(ctx, o); err != nil {
		return err
	}
	r.Renewer = audit.Renewer{Store: r.store, Authority: authority, Tokens: signing.NewTokens(), Now: time.Now, NewID: newID}
	return nil
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
