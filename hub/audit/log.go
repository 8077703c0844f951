package audit

import (
	"context"
	"crypto/ed25519"
	"errors"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/lienthong/lienthong/hub"
)

// LogStore keeps the order of the log. What was given an index keeps it for ever.
type LogStore interface {
	// TakeLog takes the log for an epoch, from which on nothing of a smaller one
	// changes it, and lists the shards, oldest first. It MUST refuse (KindConflict) an
	// epoch smaller than was seen.
	TakeLog(ctx context.Context, epoch int64) ([]hub.LogShard, error)
	// Unsequenced returns what is recorded and has no index: by that state, not by
	// a number, so that nothing recorded late is passed over. The mark only saves
	// reading again what all has an index.
	Unsequenced(ctx context.Context, mark hub.LogMark, limit int) (hub.LogIntake, error)
	// AppendLog gives entries the indexes from first on, in one durable step. It
	// MUST refuse (KindConflict) a batch that leaves a gap, one from an epoch
	// smaller than was seen, a source that has an index, and a number of an agency
	// that was given. A shard begins with its first batch.
	AppendLog(ctx context.Context, first int64, batch hub.LogBatch) error
	// LogEntries reads entries of a shard in order, from an index on, without numbers.
	LogEntries(ctx context.Context, origin string, from int64, limit int) ([]hub.LogEntry, error)
	// PublishLog records the newest checkpoint. It MUST refuse (KindConflict) one of
	// an older epoch and one that is not greater than the last.
	PublishLog(ctx context.Context, head hub.LogHead) error
}

// TileStore keeps tiles, which never change, and the newest checkpoint of each shard.
type TileStore interface {
	// PutTiles stores tiles durably before it returns. One that is there with other
	// bytes is KindConflict.
	PutTiles(ctx context.Context, tiles []hub.LogTile) error
	// Tile reads a tile; KindNotFound when there is none.
	Tile(ctx context.Context, name string) ([]byte, error)
	// PutHead replaces a file that changes, such as the checkpoint: readers see the
	// old or the new one.
	PutHead(ctx context.Context, head hub.LogTile) error
	// DropPartial removes the partial tiles of a tile that is full now. They may
	// stay.
	DropPartial(ctx context.Context, name string) error
}

// LogOptions are what a Log needs; all fields are required.
type LogOptions struct {
	Store   LogStore
	Numbers NumberStore // the same store
	Tiles   TileStore
	Origin  string // of all shards; that of a year follows behind a slash
	Key     ed25519.PrivateKey
	Now     func() time.Time
	Log     *slog.Logger
}

// How the log grows.
const (
	maxBatch = 4096                   // entries that are given indexes in one step
	logPace  = 400 * time.Millisecond // from one look at what was recorded to the next
	logRest  = 50 * time.Millisecond  // at least, after a step that took as long
	logPause = time.Second            // before a log that failed is opened again

	lastLimit = 10 * time.Second // of the last step before a stop
)

// Log numbers what was recorded, without gaps, and publishes signed checkpoints over
// it: the Merkle log of c2sp.org/tlog-tiles, one shard for each year (UTC), linked by
// the last checkpoint of a year as the first leaf of the next.
//
// The order of durability is: index in the store, tiles, checkpoint in the store,
// checkpoint for readers. After a crash between any two of them the next Run goes on
// from the store and makes the same tiles again. One node at a time runs it; the store
// refuses a node that was thought dead. A checkpoint never takes back what an earlier
// one says: where stored tiles or entries do not lead to the last checkpoint, or readers
// were shown a greater one than the store knows, the log stops with KindInternal and
// rule "damaged".
type Log struct {
	LogOptions

	backlog backlog

	mu    sync.Mutex // guards fault
	fault error      // why the last step failed; nil while all is well
}

// NewLog returns a log. It does nothing before Run.
func NewLog(o LogOptions) *Log { return &Log{LogOptions: o} }

// Run lets the log grow until ctx ends. When a step fails it says why and begins again
// after a pause. The epoch is that of the right to be the only one.
func (l *Log) Run(ctx context.Context, epoch int64) {
	defer l.setFault(nil) // from here on it is another's
	for {
		if err := l.attempt(ctx, epoch); ctx.Err() == nil {
			l.setFault(err)
			l.LogOptions.Log.ErrorContext(ctx, "the log does not grow", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(logPause):
		}
	}
}

// attempt lets the log grow until a step fails or ctx ends.
func (l *Log) attempt(ctx context.Context, epoch int64) error {
	g, err := l.open(ctx, epoch)
	if err != nil {
		return err
	}
	defer l.backlog.set(false)
	for {
		begun := time.Now()
		more, err := g.step(ctx)
		if err != nil {
			if ctx.Err() != nil { // cut off: how far it came shows when the log is opened again
				l.last(ctx, epoch, nil)
			}
			return err
		}
		l.setFault(nil)
		l.backlog.set(more)
		if more {
			continue
		}
		select {
		case <-ctx.Done():
			l.last(ctx, epoch, g)
			return nil
		case <-time.After(max(logPace-time.Since(begun), logRest)):
		}
	}
}

// last publishes what was recorded before a stop, unless the right to do so was lost
// and not handed back. It opens the log again where it was not left in order (nil).
func (l *Log) last(ctx context.Context, epoch int64, g *growing) {
	if !errors.Is(context.Cause(ctx), context.Canceled) {
		return
	}
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastLimit)
	defer cancel()
	var err error
	if g == nil {
		g, err = l.open(limited, epoch)
	}
	if err == nil {
		_, err = g.step(limited)
	}
	if err != nil {
		l.Log.WarnContext(ctx, "the last checkpoint before the stop was not made; the next start makes it", "error", err)
	}
}

// Fault returns why the log does not grow at this node, nil while it does.
func (l *Log) Fault() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.fault
}

func (l *Log) setFault(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fault = err
}

// growing is a log that one holder of the right lets grow.
type growing struct {
	LogOptions
	epoch int64
	shard hub.LogShard // the newest; without an origin before the first
	edge  edge         // of the published tree
	mark  hub.LogMark
	// numbers is of the shard that was appended to last; nil before the first batch.
	numbers *numbering

	filled []string // tiles whose partial ones go once no checkpoint needs them
}

// open takes the log from whoever had it before, brings all shards to what was
// published, and finds the newest and the edge of its tree.
func (l *Log) open(ctx context.Context, epoch int64) (*growing, error) {
	g := &growing{LogOptions: l.LogOptions, epoch: epoch}
	shards, err := l.Store.TakeLog(ctx, epoch)
	if err != nil {
		return nil, err
	}
	for i := range shards {
		g.shard, g.edge = shards[i], edge{}
		if err := g.restore(ctx); err != nil {
			return nil, err
		}
	}
	g.mark = g.shard.Mark
	return g, nil
}

// step gives indexes to what was recorded and publishes what has one. It reports
// whether more is waiting.
func (g *growing) step(ctx context.Context) (bool, error) {
	if err := g.publish(ctx); err != nil { // what a crash left behind
		return false, err
	}
	intake, err := g.Store.Unsequenced(ctx, g.mark, maxBatch)
	if err != nil {
		return false, err
	}
	if len(intake.Sources) == 0 {
		g.mark = intake.Mark
		return false, nil
	}
	if err := g.sequence(ctx, &intake); err != nil {
		return false, err
	}
	return len(intake.Sources) == maxBatch, g.publish(ctx)
}

// sequence appends a batch to the shard of this year.
func (g *growing) sequence(ctx context.Context, intake *hub.LogIntake) error {
	batch := hub.LogBatch{Origin: g.shard.Origin, Epoch: g.epoch, Mark: intake.Mark}
	first := g.shard.Size
	if origin := g.originNow(); origin != g.shard.Origin {
		if err := g.refuseFork(ctx, origin, &Checkpoint{}); err != nil {
			return err
		}
		batch.Origin, first = origin, 0
		if g.shard.Origin != "" {
			link, err := encodeLeaf(&Leaf{Type: leafPrevious, Checkpoint: string(g.shard.Head.Note)})
			if err != nil {
				return err
			}
			batch.Entries = append(batch.Entries, hub.LogEntry{Data: link})
		}
	}
	entries, err := g.leaves(ctx, batch.Origin, intake.Sources)
	if err != nil {
		return err
	}
	batch.Entries = append(batch.Entries, entries...)
	for i := range batch.Entries {
		batch.Entries[i].Index = first + int64(i)
	}
	if err := g.Store.AppendLog(ctx, first, batch); err != nil {
		return err
	}
	if batch.Origin != g.shard.Origin {
		g.shard, g.edge = hub.LogShard{Origin: batch.Origin}, edge{}
	}
	g.shard.Size, g.mark = first+int64(len(batch.Entries)), intake.Mark
	return g.grow(ctx, batch.Entries) // as the store has them now
}

// leaves makes the entries of what was recorded, and numbers receipts in the sequences of
// the agencies that they name.
func (g *growing) leaves(ctx context.Context, origin string, sources []hub.LogSource) ([]hub.LogEntry, error) {
	about, named := make([]aboutReceipt, len(sources)), make([][]hub.AgencyID, len(sources))
	for i := range sources {
		if sources[i].Note != nil {
			continue
		}
		var err error
		if about[i], err = readAbout(sources[i].Canonical); err != nil {
			return nil, damaged("%s cannot go into the log: %v", sources[i].ID, err)
		}
		named[i] = about[i].Parties
	}
	if g.numbers == nil || g.numbers.origin != origin {
		g.numbers = newNumbering(g.Numbers, NewSequenceSecret(g.Key), origin)
	}
	if err := g.numbers.learn(ctx, named); err != nil {
		return nil, err
	}
	entries := make([]hub.LogEntry, len(sources))
	for i := range sources {
		s, e := &sources[i], &entries[i]
		e.Source = s.ID
		var err error
		if s.Note != nil {
			e.Data, err = NoteLeaf(s.Note)
		} else {
			var tags []Tag
			e.Numbers, tags = g.numbers.next(named[i])
			e.Data, err = receiptLeaf(&about[i], s.Canonical, s.JWS, tags)
		}
		if err != nil {
			return nil, damaged("%s cannot go into the log: %v", s.ID, err)
		}
	}
	return entries, nil
}

// originNow is the shard of this year. A clock that went back never opens an old one
// again.
func (g *growing) originNow() string {
	year := g.Now().UTC().Year()
	if last, err := strconv.Atoi(ShardName(g.shard.Origin)); err == nil {
		year = max(year, last)
	}
	return g.Origin + "/" + strconv.Itoa(year)
}

// ShardName is the last part of the origin of a shard: its year, and its place among
// the others.
func ShardName(origin string) string { return origin[strings.LastIndexByte(origin, '/')+1:] }

// publish makes tiles and a checkpoint over all that has an index.
func (g *growing) publish(ctx context.Context) error {
	for g.edge.size < g.shard.Size {
		entries, err := g.Store.LogEntries(ctx, g.shard.Origin, g.edge.size, maxBatch)
		if err != nil {
			return err
		}
		if err := g.grow(ctx, entries); err != nil {
			return err
		}
	}
	if g.shard.Head.Size == g.shard.Size {
		return nil
	}
	root := g.edge.root()
	signed, err := g.sign(&Checkpoint{Origin: g.shard.Origin, Size: g.edge.size, Root: hub.Digest(root)})
	if err != nil {
		return err
	}
	head := hub.LogHead{Origin: g.shard.Origin, Epoch: g.epoch, Size: g.edge.size, Note: signed, At: g.Now().UTC().Truncate(time.Microsecond)}
	if err := g.Store.PublishLog(ctx, head); err != nil {
		return err
	}
	g.shard.Head = head
	return g.show(ctx)
}

// show lets readers see the checkpoint of the store, and then drops the partial tiles
// that only older ones needed.
func (g *growing) show(ctx context.Context) error {
	if err := g.Tiles.PutHead(ctx, hub.LogTile{Name: checkpointFile(g.shard.Origin), Data: g.shard.Head.Note}); err != nil {
		return err
	}
	for _, name := range g.filled {
		if err := g.Tiles.DropPartial(ctx, name); err != nil {
			g.Log.WarnContext(ctx, "partial tiles stay", "tile", name, "error", err)
		}
	}
	g.filled = nil
	return nil
}

// checkpointFile is where readers find the newest checkpoint of a shard.
func checkpointFile(origin string) string { return ShardName(origin) + "/checkpoint" }

func (g *growing) sign(c *Checkpoint) ([]byte, error) {
	signed, err := note.Sign(&note.Note{Text: c.text()}, &signer{name: c.Origin, keyType: typeEd25519, key: g.Key, now: g.Now})
	if err != nil {
		return nil, hub.Internal("sign a checkpoint", err)
	}
	return signed, nil
}

// grow adds entries to the edge and stores the tiles that they fill, durably, with
// the partial ones behind them.
func (g *growing) grow(ctx context.Context, entries []hub.LogEntry) error {
	if len(entries) == 0 {
		return damaged("entry %d of %s is missing", g.edge.size, g.shard.Origin)
	}
	var tiles []hub.LogTile
	var filled []string
	next := g.edge.clone() // a step that fails is done again from where it began
	for i := range entries {
		if entries[i].Index != next.size {
			return damaged("entry %d of %s is missing", next.size, g.shard.Origin)
		}
		next.add(entries[i].Data, func(level int, n int64, data []byte) {
			name := g.tile(level, n, tileWidth)
			tiles = append(tiles, hub.LogTile{Name: name, Data: data})
			if first := n << (tileHeight * (max(level, 0) + 1)); first < g.edge.size {
				filled = append(filled, name) // it was partial before
			}
		})
	}
	next.partial(func(level int, n int64, width int, data []byte) {
		tiles = append(tiles, hub.LogTile{Name: g.tile(level, n, width), Data: data})
	})
	if err := g.Tiles.PutTiles(ctx, tiles); err != nil {
		return err
	}
	g.edge, g.filled = next, append(g.filled, filled...)
	return nil
}

func (g *growing) tile(level int, n int64, width int) string {
	return ShardName(g.shard.Origin) + "/" + tileName(level, n, width)
}

// restore brings the edge to the last checkpoint: from the tiles, or from the entries
// where tiles are missing, which writes them again.
func (g *growing) restore(ctx context.Context) error {
	if g.shard.Head.Size == 0 {
		return g.refuseFork(ctx, g.shard.Origin, &Checkpoint{})
	}
	published, err := openOwn(g.shard.Head.Note, g.shard.Origin, g.Key.Public().(ed25519.PublicKey))
	if err != nil {
		return err
	}
	if published.Size != g.shard.Head.Size || g.shard.Size < published.Size {
		return damaged("the last checkpoint of %s is of size %d, the store says %d of %d", g.shard.Origin, published.Size, g.shard.Head.Size, g.shard.Size)
	}
	if err := g.refuseFork(ctx, g.shard.Origin, &published); err != nil {
		return err
	}
	err = g.restoreFromTiles(ctx, published.Size)
	switch {
	case err == nil && g.edge.root() == tlog.Hash(published.Root):
	case err == nil || hub.KindOf(err) == hub.KindNotFound || hub.KindOf(err) == hub.KindInternal:
		err = g.rebuild(ctx, &published)
	}
	if err != nil {
		return err
	}
	return g.show(ctx)
}

// refuseFork stops a log whose store knows less than readers were shown, or something
// else: the store was restored from before, and to go on would be a second history.
// What this hub did not sign shows nothing.
func (g *growing) refuseFork(ctx context.Context, origin string, known *Checkpoint) error {
	signed, err := g.Tiles.Tile(ctx, checkpointFile(origin))
	if err != nil {
		if hub.KindOf(err) == hub.KindNotFound {
			return nil
		}
		return err
	}
	shown, err := openOwn(signed, origin, g.Key.Public().(ed25519.PublicKey))
	switch {
	case err != nil:
		g.Log.WarnContext(ctx, "the file of the checkpoint is not of this hub and is replaced", "shard", origin, "error", err)
		return nil
	case shown.Size > known.Size:
		return damaged("%s was published up to %d, the store knows %d: it is older than the log", origin, shown.Size, known.Size)
	case shown.Size == known.Size && shown.Root != known.Root:
		return damaged("%s was published with another tree of %d entries than the store knows", origin, shown.Size)
	}
	return nil
}

// rebuild makes the tiles of the published tree again, from the entries.
func (g *growing) rebuild(ctx context.Context, published *Checkpoint) error {
	g.Log.WarnContext(ctx, "the tiles of the log are built again", "shard", g.shard.Origin, "size", published.Size)
	g.edge = edge{}
	for g.edge.size < published.Size {
		entries, err := g.Store.LogEntries(ctx, g.shard.Origin, g.edge.size, int(min(maxBatch, published.Size-g.edge.size)))
		if err != nil {
			return err
		}
		if err := g.grow(ctx, entries); err != nil {
			return err
		}
	}
	if g.edge.root() != tlog.Hash(published.Root) {
		return damaged("the entries of %s do not lead to its last checkpoint, of size %d", g.shard.Origin, published.Size)
	}
	return nil
}

// restoreFromTiles reads the partial tiles of a size.
func (g *growing) restoreFromTiles(ctx context.Context, size int64) error {
	g.edge = edge{size: size}
	for level := 0; size>>(tileHeight*level) > 0; level++ {
		at := size >> (tileHeight * level)
		width := int(at % tileWidth)
		hashes := []tlog.Hash{}
		if width > 0 {
			data, err := g.Tiles.Tile(ctx, g.tile(level, at/tileWidth, width))
			if err != nil {
				return err
			}
			if hashes, err = split(data, width); err != nil {
				return err
			}
		}
		g.edge.levels = append(g.edge.levels, hashes)
	}
	if width := int(size % tileWidth); width > 0 {
		bundle, err := g.Tiles.Tile(ctx, g.tile(entryLevel, size/tileWidth, width))
		if err != nil {
			return err
		}
		g.edge.bundle = bundle
		return g.checkBundle(width)
	}
	return nil
}

// checkBundle checks the entries of the bundle against their hashes.
func (g *growing) checkBundle(width int) error {
	entries, err := splitEntries(g.edge.bundle, width)
	if err != nil {
		return err
	}
	for i, data := range entries {
		if tlog.RecordHash(data) != g.edge.levels[0][i] {
			return damaged("entry %d of the last bundle of %s is not what its hash says", i, g.shard.Origin)
		}
	}
	return nil
}

// openOwn reads a checkpoint that this hub signed.
func openOwn(signed []byte, origin string, key ed25519.PublicKey) (Checkpoint, error) {
	n, err := openNote(signed, []note.Verifier{&verifier{name: origin, keyType: typeEd25519, key: key}})
	if err != nil {
		return Checkpoint{}, damaged("the last checkpoint of %s: %v", origin, err)
	}
	c, err := parseCheckpoint(n.Text)
	if err == nil && c.Origin != origin {
		err = damaged("the last checkpoint of %s is one of %.80q", origin, c.Origin)
	}
	return c, err
}
