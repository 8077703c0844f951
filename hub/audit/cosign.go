package audit

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/lienthong/lienthong/hub"
)

// CosignStore keeps the newest checkpoint with a quorum of each shard.
type CosignStore interface {
	LogShards(ctx context.Context) ([]hub.LogShard, error)
	// WitnessLog is durable when it returns. It MUST refuse (KindConflict) a checkpoint
	// that is not published, and one that is smaller than the last.
	WitnessLog(ctx context.Context, head hub.LogHead) error
}

// WitnessAsker asks witnesses.
type WitnessAsker interface {
	// AddCheckpoint asks the witness at an address and returns its answer, unverified. A
	// witness that stands elsewhere is a hub.StaleSize, one that has seen another history
	// KindUntrusted; all else may pass.
	AddCheckpoint(ctx context.Context, address string, update hub.CheckpointUpdate) ([]byte, error)
}

// CosignerOptions are what a Cosigner needs; all fields but Asked are required.
type CosignerOptions struct {
	Store  CosignStore
	Tiles  Tiles
	Asker  WitnessAsker
	Policy *Policy // with the keys of the log, and a quorum
	Now    func() time.Time
	Log    *slog.Logger
	Asked  func(witness string, err error) // each answer, for who counts; may be nil
}

// How a Cosigner goes about its work.
const (
	cosignPace    = time.Second            // between two checkpoints
	askLimit      = 5 * time.Second        // of one round
	lateLimit     = 300 * time.Millisecond // that the others have once there is a quorum
	longestAbsent = time.Minute            // between two questions to a witness that fails
)

// Cosigner asks witnesses, side by side, to cosign the newest checkpoint of each shard, at
// most once a second, and publishes it with their lines when a quorum of the policy
// has seen it. A witness that is away is asked less often and keeps nobody waiting;
// without a quorum the log goes on and the fault says since when it is seen by too few.
// One node at a time runs it.
type Cosigner struct {
	CosignerOptions
	witnesses []*askedWitness

	mu    sync.Mutex // guards fault
	fault error
}

// askedWitness is a witness as the log knows it.
type askedWitness struct {
	witnessLine
	seen map[string]int64 // size of the tree that it has seen last, by origin, as far as known

	pause time.Duration
	next  time.Time // when to ask again after it failed
	err   error
}

// NewCosigner returns a cosigner. It does nothing before Run.
func NewCosigner(o CosignerOptions) *Cosigner {
	c := &Cosigner{CosignerOptions: o}
	for _, w := range o.Policy.witnesses {
		if w.url != "" {
			c.witnesses = append(c.witnesses, &askedWitness{witnessLine: w, seen: map[string]int64{}})
		}
	}
	return c
}

// Run asks until ctx ends.
func (c *Cosigner) Run(ctx context.Context) {
	defer c.setFault(nil) // from here on it is another's
	tick := time.NewTicker(cosignPace)
	defer tick.Stop()
	told := ""
	for {
		err := c.Step(ctx)
		if ctx.Err() != nil {
			return
		}
		c.setFault(err)
		if text := textOf(err); text != told {
			told = text
			if err != nil {
				c.Log.WarnContext(ctx, "the log is not seen by enough witnesses; they will be asked again", "error", err)
			} else {
				c.Log.InfoContext(ctx, "the log is seen by enough witnesses")
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// textOf is what is logged when it changes.
func textOf(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// Fault returns why the newest checkpoint lacks its quorum, nil while it has one.
func (c *Cosigner) Fault() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.fault
}

func (c *Cosigner) setFault(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fault = err
}

// Step asks for the newest checkpoint of each shard that has no quorum yet.
func (c *Cosigner) Step(ctx context.Context) error {
	shards, err := c.Store.LogShards(ctx)
	if err != nil {
		return err
	}
	for i := range shards {
		if shards[i].Head.Size > shards[i].Witnessed.Size {
			err = errors.Join(err, c.cosign(ctx, &shards[i]))
		}
	}
	return err
}

// cosigning is one checkpoint on its way to a quorum.
type cosigning struct {
	Checkpoint
	text   string // of the note
	signed []byte
	guess  int64 // size that a witness has seen about which nothing is known
}

// cosign asks all witnesses about one checkpoint and publishes it if enough have seen it.
func (c *Cosigner) cosign(ctx context.Context, shard *hub.LogShard) error {
	head := shard.Head
	text, _, _ := strings.Cut(string(head.Note), "\n\n")
	checkpoint, err := checkpointOf(head.Note)
	if err != nil {
		return err
	}
	lines := c.gather(ctx, &cosigning{checkpoint, text + "\n", head.Note, shard.Witnessed.Size})
	if err := ctx.Err(); err != nil {
		return err
	}
	cosigned := slices.Concat(append([][]byte{head.Note}, lines...)...)
	w, err := c.Policy.Open(cosigned)
	if err != nil {
		return err
	}
	if !w.Quorum {
		return c.missing(&head)
	}
	head.Note = cosigned
	return c.Store.WitnessLog(ctx, head)
}

// missing says why there is no quorum. A witness that has seen another history comes
// first: that is no matter of waiting.
func (c *Cosigner) missing(head *hub.LogHead) error {
	var why []string
	kind, rule := hub.KindUnavailable, "quorum"
	for _, w := range c.witnesses {
		if w.err == nil {
			continue
		}
		e := hub.ViolationsOf(w.err)[0]
		text := w.name + ": " + e.Message
		if e.Rule == "consistency" {
			kind, rule = hub.KindConflict, "fork"
			why = append([]string{text}, why...)
			continue
		}
		why = append(why, text)
	}
	return hub.Errorf(kind, "witnesses", rule, "the checkpoint of %s (%d entries) is not seen by enough witnesses: %s",
		head.Origin, head.Size, strings.Join(why, "; "))
}

// answered is what one witness said.
type answered struct {
	witness *askedWitness
	line    []byte
}

// gather asks the witnesses that are due, side by side, and returns the lines that
// verify. When there is a quorum the others get a moment more.
func (c *Cosigner) gather(ctx context.Context, about *cosigning) [][]byte {
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	answers := make(chan answered, len(c.witnesses))
	asked := 0
	for _, w := range c.witnesses {
		if c.Now().Before(w.next) {
			continue
		}
		asked++
		go func() {
			line, err := c.ask(ctx, w, about)
			c.note(ctx, w, err)
			answers <- answered{w, line}
		}()
	}
	var lines [][]byte
	seen := map[string]bool{}
	for range asked {
		a := <-answers // each ends with ctx at the latest
		if a.line == nil {
			continue
		}
		lines, seen[a.witness.name] = append(lines, a.line), true
		if c.Policy.met(c.Policy.quorum, seen) {
			time.AfterFunc(lateLimit, cancel)
		}
	}
	return lines
}

// note remembers whether a witness answered. Only its own question touches it.
func (c *Cosigner) note(ctx context.Context, w *askedWitness, err error) {
	if errors.Is(context.Cause(ctx), context.Canceled) && err != nil {
		return // it was late, or the node stops
	}
	if c.Asked != nil {
		c.Asked(w.name, err)
	}
	if w.err = err; err == nil {
		w.pause, w.next = 0, time.Time{}
		return
	}
	if hub.ViolationsOf(err)[0].Rule == "consistency" {
		c.Log.ErrorContext(ctx, "a witness has seen another history of this log", "witness", w.name, "error", err)
	}
	w.pause = min(max(2*w.pause, cosignPace), longestAbsent)
	w.next = c.Now().Add(w.pause)
}

// ask asks one witness, a second time when it stands elsewhere than was thought.
func (c *Cosigner) ask(ctx context.Context, w *askedWitness, about *cosigning) ([]byte, error) {
	old, known := w.seen[about.Origin]
	if !known {
		old = about.guess
	}
	for try := 0; ; try++ {
		line, err := c.askFrom(ctx, w, about, old)
		var stale *hub.StaleSize
		switch {
		case err == nil:
			w.seen[about.Origin] = about.Size
			return line, nil
		case !errors.As(err, &stale):
			return nil, err
		case stale.Size > about.Size:
			return nil, hub.Errorf(hub.KindConflict, "witness", "consistency",
				"it has seen %d entries, this log has %d: it was brought back from before, or another hub signs with its key", stale.Size, about.Size)
		case stale.Size == about.Size && old == stale.Size:
			return nil, hub.Errorf(hub.KindConflict, "witness", "consistency", "it has seen another tree of %d entries", stale.Size)
		case try > 0:
			return nil, hub.Errorf(hub.KindUnavailable, "witness", "old_size", "it moved on while it was asked")
		}
		old, w.seen[about.Origin] = stale.Size, stale.Size
	}
}

// askFrom asks with the proof from one size, and takes only a line that verifies.
func (c *Cosigner) askFrom(ctx context.Context, w *askedWitness, about *cosigning, old int64) ([]byte, error) {
	old = min(old, about.Size)
	hashes, err := Consistency(ctx, c.Tiles, ShardName(about.Origin)+"/", old, &about.Checkpoint)
	if err != nil {
		return nil, err
	}
	answer, err := c.Asker.AddCheckpoint(ctx, w.url, hub.CheckpointUpdate{Old: old, Proof: hashes, Note: about.signed})
	if err != nil {
		return nil, err
	}
	open, err := openNote([]byte(about.text+"\n"+string(answer)), []note.Verifier{w.key})
	if err != nil || open.Text != about.text {
		return nil, hub.Errorf(hub.KindUnavailable, "witness", "cosignature", "its answer is not signed with its key")
	}
	return []byte("— " + open.Sigs[0].Name + " " + open.Sigs[0].Base64 + "\n"), nil
}
