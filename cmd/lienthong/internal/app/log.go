package app

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

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
	s.proofs = &audit.Reader{Evidence: s.audit, Store: a.store, Tiles: a.tiles}
	s.unproven = audit.Unproven{Store: a.store, Now: time.Now}
	s.notes = &audit.Notes{Store: a.store, Now: time.Now, NewID: newID}
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
	if a.config.NoLogGrowth {
		a.log.WarnContext(ctx, "this node publishes no checkpoints, as --no-log-growth says")
	} else {
		s.log = audit.NewLog(audit.LogOptions{Store: a.store, Tiles: a.tiles, Origin: a.origin(), Key: key, Now: time.Now, Log: a.log})
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

func (a *App) logKey() (ed25519.PrivateKey, error) {
	if a.config.LogKeyFile != "" {
		return signing.LoadLogKey(a.config.LogKeyFile)
	}
	return signing.LoadOrCreateLogKey(filepath.Join(a.config.DataDir, "key"))
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
	for year := time.Now().UTC().Year(); len(seen) < len(shards)+yearsAhead+1; year++ {
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

// keyState and policyState are what the log holds of keys and rules: noted at each start where they
// changed.
type keyState struct {
	Log          string    `json:"log"`                  // public key, in hex
	Certificates []string  `json:"certificates"`         // SHA-256 of the chain of the hub key
	Timestamps   []string  `json:"timestamps,omitempty"` // the same of the hub's own time-stamp authority
	Turns        []keyTurn `json:"turns,omitempty"`      // of evidence keys, where there are several
	Listed       bool      `json:"listed,omitempty"`     // evidence keys come from a list, which must be there at each start
}

// keyTurn says from when on a key signs evidence.
type keyTurn struct {
	Certificate string    `json:"certificate"` // SHA-256
	From        time.Time `json:"from"`        // UTC; the zero time for the first one
}

type policyState struct {
	Evidence   string `json:"evidence_profile"`
	Signatures string `json:"signature_policy"`
	Anchors    string `json:"anchors_sha256,omitempty"` // of the file of trust anchors
}

// noteKeys lets the log hold which keys sign evidence, and from when on.
func (a *App) noteKeys(ctx context.Context) error {
	if a.noted.Log == "" {
		return nil // a node with another key of the log notes nothing
	}
	ring := a.ring()
	a.noted.Certificates, a.noted.Turns, a.noted.Listed = fingerprintsOf(ring.certificates), nil, ring.listed
	for i := range ring.keys {
		if len(ring.keys) > 1 {
			a.noted.Turns = append(a.noted.Turns, keyTurn{fingerprintsOf(ring.keys[i].Chain[:1])[0], ring.keys[i].From})
		}
	}
	return a.services.notes.NoteChange(ctx, hub.LogNoteKey, a.noted)
}

func (a *App) noteState(ctx context.Context, key ed25519.PublicKey, stamps []*x509.Certificate) error {
	a.noted = keyState{Log: fmt.Sprintf("%x", key), Timestamps: fingerprintsOf(stamps)}
	if err := a.noteKeys(ctx); err != nil {
		return err
	}
	policy := policyState{Evidence: hub.EvidenceProfile, Signatures: a.config.SignaturePolicy}
	if a.config.Anchors != "" {
		text, err := os.ReadFile(a.config.Anchors)
		if err != nil {
			return hub.Invalid("anchors", "file", "%v", err)
		}
		policy.Anchors = fmt.Sprintf("%x", sha256.Sum256(text))
	}
	return a.services.notes.NoteChange(ctx, hub.LogNotePolicy, policy)
}

func fingerprintsOf(chain []*x509.Certificate) []string {
	var list []string
	for _, c := range chain {
		list = append(list, fmt.Sprintf("%x", sha256.Sum256(c.Raw)))
	}
	return list
}
