package audit

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/lienthong/lienthong/hub"
)

// WitnessStore remembers what a witness has seen.
type WitnessStore interface {
	// Seen returns the checkpoint of a log that was kept last; KindNotFound before the
	// first.
	Seen(ctx context.Context, origin string) ([]byte, error)
	// Keep replaces it. It MUST be durable when it returns.
	Keep(ctx context.Context, origin string, signed []byte) error
	// KeepFork keeps two checkpoints that do not fit together, durably. A store may keep
	// the first ones only.
	KeepFork(ctx context.Context, fork hub.LogFork) error
	Forks(ctx context.Context, origin string) ([]hub.LogFork, error)
}

// WitnessOptions are what a Witness needs; all fields are required.
type WitnessOptions struct {
	Name  string // of the key
	Key   ed25519.PrivateKey
	Logs  []string // their keys as policies name them, "NAME+ID+KEY"; several of one name may stand side by side
	Store WitnessStore
	Now   func() time.Time
	Log   *slog.Logger
}

// Witness says of logs that they only grew (c2sp.org/tlog-witness): it cosigns a
// checkpoint when it is signed by its log and begins with the tree that it cosigned
// last, and remembers it durably before it answers. Of two requests at once that begin
// with the same tree one wins. It never cosigns two trees of one size, nor one that goes
// back; what a log signed that does not fit is kept with what it had signed before. It is
// safe for concurrent use; its store must be its own alone.
type Witness struct {
	signer *signer
	logs   map[string]*witnessedLog // by origin
	WitnessOptions
}

// witnessedLog is one log. The mutex is held from the look at what was seen to the end
// of keeping what is seen now.
type witnessedLog struct {
	mu   sync.Mutex
	keys []note.Verifier
}

// NewWitness returns a witness.
func NewWitness(o WitnessOptions) (*Witness, error) {
	if o.Name == "" || strings.ContainsAny(o.Name, "+ \t\n") {
		return nil, hub.Invalid("name", "key_name", "%q is no name of a key: it has no spaces and no plus sign", o.Name)
	}
	w := &Witness{
		signer: &signer{name: o.Name, keyType: typeCosignature, key: o.Key, now: o.Now},
		logs:   map[string]*witnessedLog{}, WitnessOptions: o,
	}
	for _, vkey := range o.Logs {
		v, err := parseVerifierKey(vkey)
		if err != nil {
			return nil, err
		}
		if v.keyType != typeEd25519 {
			return nil, hub.Invalid("log", "vkey", "%.80q is not the key of a log", vkey)
		}
		known := w.logs[v.name]
		if known == nil {
			known = &witnessedLog{}
			w.logs[v.name] = known
		}
		if !slices.ContainsFunc(known.keys, func(k note.Verifier) bool { return k.KeyHash() == v.KeyHash() }) {
			known.keys = append(known.keys, v)
		}
	}
	return w, nil
}

// VerifierKey is the key of the witness as policies name it.
func (w *Witness) VerifierKey() string { return WitnessKey(w.Name, w.signer.public()) }

// AddCheckpoint answers a log with the line of a cosignature. The rules of its errors
// are those of the protocol: "origin" (KindNotFound), "signature" (KindUntrusted), "size"
// (KindInvalid: the old size is above the new one), "old_size" (a StaleSize), "fork"
// (KindConflict: another tree of the size that was seen), "consistency" (KindUntrusted).
func (w *Witness) AddCheckpoint(ctx context.Context, update hub.CheckpointUpdate) ([]byte, error) {
	origin, _, _ := strings.Cut(string(update.Note), "\n")
	log := w.logs[origin]
	if log == nil {
		return nil, hub.Errorf(hub.KindNotFound, "checkpoint", "origin", "this witness does not know the log %.80q", origin)
	}
	n, err := openNote(update.Note, log.keys)
	if err != nil {
		return nil, err
	}
	c, err := parseCheckpoint(n.Text)
	if err != nil {
		return nil, err
	}
	if update.Old > c.Size {
		return nil, hub.Invalid("old", "size", "the old size %d is above that of the checkpoint, %d", update.Old, c.Size)
	}
	log.mu.Lock()
	defer log.mu.Unlock()
	return w.advance(ctx, n, &c, &update)
}

// advance moves a log on from what was seen.
func (w *Witness) advance(ctx context.Context, n *note.Note, c *Checkpoint, update *hub.CheckpointUpdate) ([]byte, error) {
	seen, signed, err := w.seen(ctx, c.Origin)
	if err != nil {
		return nil, err
	}
	switch {
	case c.Size == seen.Size && c.Root != seen.Root:
		err = hub.Errorf(hub.KindConflict, "checkpoint", "fork",
			"the log signed two trees of size %d: %s and %s", c.Size, seen.Root, c.Root)
		return nil, &hub.StaleSize{Size: seen.Size, Err: w.refuse(ctx, err, signed, update, true)}
	case update.Old != seen.Size:
		return nil, &hub.StaleSize{Size: seen.Size, Err: hub.Errorf(hub.KindConflict, "old", "old_size", "this witness has seen the tree of size %d", seen.Size)}
	}
	if err := CheckConsistency(&seen, c, update.Proof); err != nil {
		return nil, w.refuse(ctx, err, signed, update, provesFork(&seen, c, update.Proof))
	}
	cosigned, err := note.Sign(&note.Note{Text: n.Text, Sigs: n.Sigs}, w.signer)
	if err != nil {
		return nil, hub.Internal("cosign a checkpoint", err)
	}
	if err := w.Store.Keep(ctx, c.Origin, cosigned); err != nil {
		return nil, err
	}
	lines := bytes.SplitAfter(bytes.TrimSuffix(cosigned, []byte("\n")), []byte("\n"))
	return append(slices.Clone(lines[len(lines)-1]), '\n'), nil
}

// seen returns what was cosigned last, as this witness cosigned it.
func (w *Witness) seen(ctx context.Context, origin string) (Checkpoint, []byte, error) {
	signed, err := w.Store.Seen(ctx, origin)
	if err != nil && hub.KindOf(err) == hub.KindNotFound {
		empty, _ := tlog.TreeHash(0, nil) // of the empty tree, without reading
		return Checkpoint{Origin: origin, Root: hub.Digest(empty)}, nil, nil
	}
	if err != nil {
		return Checkpoint{}, nil, err
	}
	n, err := openNote(signed, []note.Verifier{&verifier{name: w.Name, keyType: typeCosignature, key: w.signer.public()}})
	if err != nil {
		return Checkpoint{}, nil, damaged("what was seen of %s is not cosigned by this witness", origin)
	}
	c, err := parseCheckpoint(n.Text)
	if err == nil && c.Origin != origin {
		err = damaged("what was seen of %s is a checkpoint of %s", origin, c.Origin)
	}
	return c, signed, err
}

// refuse keeps a checkpoint that does not fit, beside the one that was seen.
func (w *Witness) refuse(ctx context.Context, why error, seen []byte, update *hub.CheckpointUpdate, proven bool) *hub.Error {
	origin, _, _ := strings.Cut(string(update.Note), "\n")
	w.Log.ErrorContext(ctx, "a log shows what does not fit to what was seen", "origin", origin, "proven", proven, "error", why)
	fork := hub.LogFork{
		Origin: origin, Seen: seen, Refused: update.Note, Old: update.Old, Proof: update.Proof, Proven: proven,
		At: w.Now().UTC().Truncate(time.Millisecond),
	}
	if err := w.Store.KeepFork(ctx, fork); err != nil {
		w.Log.ErrorContext(ctx, "the proof of that could not be kept", "origin", origin, "error", err)
	}
	return hub.ViolationsOf(why)[0]
}

// provesFork reports whether the hashes that came with a checkpoint lead to its root and
// to another root of the older tree: its log has two histories, whoever sent them.
func provesFork(older, newer *Checkpoint, hashes []hub.Digest) bool {
	if older.Size == 0 || older.Size >= newer.Size {
		return false
	}
	was, is, ok := foldConsistency(hashes, 0, newer.Size, older.Size, tlog.Hash(older.Root))
	return ok && is == tlog.Hash(newer.Root) && was != tlog.Hash(older.Root)
}

// foldConsistency computes both roots that a consistency proof leads to, as RFC 6962,
// 2.1.2 builds it, for the part of the tree from low to high.
func foldConsistency(hashes []hub.Digest, low, high, size int64, old tlog.Hash) (was, is tlog.Hash, ok bool) {
	if size == high {
		switch {
		case low == 0 && len(hashes) == 0:
			return old, old, true
		case low > 0 && len(hashes) == 1:
			return tlog.Hash(hashes[0]), tlog.Hash(hashes[0]), true
		}
		return was, is, false
	}
	if len(hashes) == 0 {
		return was, is, false
	}
	half := int64(1)
	for 2*half < high-low {
		half *= 2
	}
	last, rest := tlog.Hash(hashes[len(hashes)-1]), hashes[:len(hashes)-1]
	if size <= low+half {
		was, is, ok = foldConsistency(rest, low, low+half, size, old)
		return was, tlog.NodeHash(is, last), ok
	}
	was, is, ok = foldConsistency(rest, low+half, high, size, old)
	return tlog.NodeHash(last, was), tlog.NodeHash(last, is), ok
}

// Views lists the logs of the witness by origin.
func (w *Witness) Views(ctx context.Context) ([]hub.WitnessedLog, error) {
	views := []hub.WitnessedLog{}
	for origin := range w.logs {
		c, signed, err := w.seen(ctx, origin)
		if err != nil {
			return nil, err
		}
		forks, err := w.Store.Forks(ctx, origin)
		if err != nil {
			return nil, err
		}
		v := hub.WitnessedLog{Origin: origin, Size: c.Size, Root: c.Root, Checkpoint: string(signed), Forks: forks}
		if len(signed) > 0 {
			own := &verifier{name: w.Name, keyType: typeCosignature, key: w.signer.public()}
			if n, err := openNote(signed, []note.Verifier{own}); err == nil {
				v.Time = cosignatureOf(&n.Sigs[0]).Time
			}
		}
		views = append(views, v)
	}
	slices.SortFunc(views, func(a, b hub.WitnessedLog) int { return strings.Compare(a.Origin, b.Origin) })
	return views, nil
}
