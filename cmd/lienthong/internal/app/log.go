package app

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/audit"
	"github.com/lienthong/lienthong/signing"
)

// origin is the name of the log that evidence goes to; that of a year follows behind a
// slash.
func (a *App) origin() string { return a.config.Name + logName }

const logName = "/evidence"

// logging wires the log. A node without the key of the log, where another one has it,
// does everything but sign checkpoints.
func (a *App) logging(ctx context.Context) error {
	s := &a.services
	s.proofs = &audit.Reader{Evidence: s.audit, Store: a.store, Rehashes: a.store, Tiles: a.tiles}
	s.sequences = &audit.SequenceReader{Store: a.store}
	s.unproven = audit.Unproven{Store: a.store, Now: a.now}
	s.notes = &audit.Notes{Store: a.store, Now: a.now, NewID: a.newID}
	if err := a.settleOrigin(ctx); err != nil {
		return err
	}
	if err := a.comparingClocks(); err != nil {
		return err
	}
	key, err := a.logKey()
	if err != nil {
		return err
	}
	public := key.Public().(ed25519.PublicKey)
	mine := fmt.Sprintf("%x", public)
	standing, err := a.store.Settle(ctx, "log-key", mine)
	if err != nil {
		return err
	}
	if standing != mine {
		if !a.config.Shared() && !a.config.NoLogGrowth {
			return hub.Errorf(hub.KindConflict, "data-dir", "log_key",
				"the log of this hub is signed with another key (%.16s..., here %.16s...): put the file back, by --log-key-file or as DATA-DIR/key/log.pem; while you look for it, --no-log-growth lets the hub work on",
				standing, mine)
		}
		a.log.WarnContext(ctx, "this node has another key of the log and signs no checkpoints: give all nodes the same file by --log-key-file", "key", mine, "standing", standing)
		return nil
	}
	secret := audit.NewSequenceSecret(key)
	s.sequences.Secret = &secret
	if a.config.NoLogGrowth {
		a.log.WarnContext(ctx, "this node publishes no checkpoints, as --no-log-growth says")
	} else {
		s.log = audit.NewLog(audit.LogOptions{Store: a.store, Numbers: a.store, Tiles: a.tiles, Origin: a.origin(), Key: key, Now: a.now, Log: a.log})
	}
	policy, err := a.writePolicy(ctx, public)
	if err != nil {
		return err
	}
	a.witnessing(policy)
	stamps, err := a.timestamping()
	if err != nil {
		return err
	}
	return a.noteState(ctx, public, stamps)
}

// settleOrigin refuses another name than the hub began with: the name is part of the log,
// and a log under two names is none.
func (a *App) settleOrigin(ctx context.Context) error {
	shards, err := a.store.LogShards(ctx)
	if err != nil {
		return err
	}
	began := a.origin()
	if n := len(shards); n > 0 {
		began = strings.TrimSuffix(shards[n-1].Origin, "/"+audit.ShardName(shards[n-1].Origin))
	}
	standing, err := a.store.Settle(ctx, "log-origin", began)
	if err == nil && standing != a.origin() {
		err = hub.Errorf(hub.KindConflict, "name", "log_origin",
			"the log of this hub is %s, a hub of this name would begin %s: start it with --name %s", standing, a.origin(), strings.TrimSuffix(standing, logName))
	}
	return err
}

// logFault tells why this node does not let the log grow, where it should.
func (a *App) logFault(context.Context) error {
	switch {
	case a.services.log != nil:
		return a.services.log.Fault()
	case a.config.NoLogGrowth:
		return hub.Errorf(hub.KindUnavailable, "", "no_log_growth", "this node publishes no checkpoints, as --no-log-growth says")
	default:
		return hub.Errorf(hub.KindUnavailable, "", "log_key", "this node has another key of the log than the first one and signs no checkpoints")
	}
}

// awaitLog waits until the log has caught up, where this node lets it grow.
func (a *App) awaitLog(ctx context.Context) {
	if log := a.services.log; log != nil {
		log.AwaitCaughtUp(ctx)
	}
}

func (a *App) logKey() (ed25519.PrivateKey, error) {
	if a.config.LogKeyFile != "" {
		return signing.LoadLogKey(a.config.LogKeyFile)
	}
	return signing.LoadOrCreateLogKey(filepath.Join(a.config.DataDir, "key"))
}

// SequenceSecret returns what the keys of the sequences of agencies are derived from; nil
// where the key of the log is not here.
func (c *Config) SequenceSecret() (*audit.SequenceSecret, error) {
	path := cmp.Or(c.LogKeyFile, c.filePlaces()[fileLogKey])
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, nil //nolint:nilnil // there is none, which is no error
	}
	key, err := signing.LoadLogKey(path)
	if err != nil {
		return nil, hub.Invalid("log-key-file", "file", "%v", err)
	}
	secret := audit.NewSequenceSecret(key)
	return &secret, nil
}

// yearsAhead are named in the policy that is written at a start: so long a hub may run
// on.
const yearsAhead = 2

// writePolicy publishes the keys of the log, one line for each year that has one and for
// the coming ones, and who must have seen it.
func (a *App) writePolicy(ctx context.Context, key ed25519.PublicKey) (*audit.Policy, error) {
	witnesses, err := a.config.witnessPolicy()
	if err != nil {
		return nil, err
	}
	shards, err := a.store.LogShards(ctx)
	if err != nil {
		return nil, err
	}
	var policy strings.Builder
	seen := map[string]bool{}
	line := func(origin string) {
		seen[origin] = true
		policy.WriteString("log " + audit.VerifierKey(origin, key) + "\n")
	}
	for i := range shards {
		line(shards[i].Origin)
	}
	for year := a.now().UTC().Year(); len(seen) < len(shards)+yearsAhead+1; year++ {
		if origin := fmt.Sprintf("%s/%d", a.origin(), year); !seen[origin] {
			line(origin)
		}
	}
	if witnesses != nil {
		policy.WriteString(witnesses.WitnessLines())
	} else {
		policy.WriteString("quorum none\n")
	}
	path := a.config.PolicyFile()
	if there, err := os.ReadFile(path); err == nil && string(there) == policy.String() {
		return audit.ParsePolicy(there)
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, hub.Internal("read the policy of the log", err)
	}
	if err := os.WriteFile(path, []byte(policy.String()), 0o644); err != nil { //nolint:gosec // public keys
		return nil, hub.Internal("write the policy of the log", err)
	}
	return audit.ParsePolicy([]byte(policy.String()))
}
