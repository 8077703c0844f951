package audit

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/lienthong/lienthong/hub"
)

// Replay reads a whole shard as an auditor does, who believes nothing but the keys of
// the policy: every entry, in order, streaming.
type Replay struct {
	Policy *Policy
	Tiles  Tiles
	Shard  string // name of the shard in the names of tiles, with a slash behind; may be empty
	// Others are checkpoints of the same log that somebody kept.
	Others []Kept
	// Previous is the newest checkpoint of the shard before, which this one must begin
	// with; nil where there is none, or where it is not known.
	Previous []byte
	// Entry is called for every entry in order; its error ends the replay. Nil for
	// nobody.
	Entry func(origin string, index int64, data []byte) error
	// Progress is told after every bundle how many entries were read, of how many.
	Progress func(read, size int64)
	// Found is called for everything that is wrong.
	Found func(rule, format string, args ...any)

	read   edge // what was read so far
	tagged bool // a receipt had tags
}

// Kept is a checkpoint that somebody kept.
type Kept struct {
	Name string // such as that of its file
	Note []byte // signed
}

// Replayed is what a replay read.
type Replayed struct {
	Origin    string     `json:"origin"`
	Size      int64      `json:"size"`
	Root      hub.Digest `json:"root"`
	Witnesses []string   `json:"witnesses"` // who cosigned the newest checkpoint
	Quorum    bool       `json:"quorum"`
	Receipts  int64      `json:"receipts"`
	Notes     int64      `json:"notes"`
	Others    int        `json:"checkpoints_compared"`
}

// Run replays the shard against its newest checkpoint, signed, from where the last Run
// ended. The error tells why it could not be read to the end; what is wrong with what was
// read goes to Found.
func (r *Replay) Run(ctx context.Context, signed []byte) (Replayed, error) {
	head, err := r.Policy.Open(signed)
	if err != nil {
		return Replayed{}, err
	}
	c := head.Checkpoint
	out := Replayed{Origin: c.Origin, Size: c.Size, Root: c.Root, Quorum: head.Quorum}
	for _, s := range head.Cosignatures {
		out.Witnesses = append(out.Witnesses, s.Witness)
	}
	if !head.Quorum && r.read.size == 0 { // of the first checkpoint: later ones are for what waits
		r.Found("quorum", "the newest checkpoint of %s, of size %d, was not seen by enough witnesses", c.Origin, c.Size)
	}
	wanted := r.others(&out, &c)
	for r.read.size < c.Size {
		if err := r.bundle(ctx, &out, wanted); err != nil {
			return out, err
		}
		if r.Progress != nil {
			r.Progress(r.read.size, c.Size)
		}
	}
	switch {
	case r.read.size > c.Size:
		r.Found("truncated", "%s was read up to %d, and is of size %d now: entries were taken away", c.Origin, r.read.size, c.Size)
		return out, nil
	case r.read.root() != tlog.Hash(c.Root):
		r.Found("root", "the entries of %s do not lead to the root that its checkpoint of size %d signs", c.Origin, c.Size)
	}
	return out, r.compare(ctx, r.edgeTiles())
}

// edgeTiles are the tiles of hashes that are not full.
func (r *Replay) edgeTiles() []hub.LogTile {
	var tiles []hub.LogTile
	r.read.partial(func(level int, n int64, width int, data []byte) {
		if level != entryLevel {
			tiles = append(tiles, hub.LogTile{Name: tileName(level, n, width), Data: data})
		}
	})
	return tiles
}

// keptRoot is the root of a checkpoint that somebody kept.
type keptRoot struct {
	root hub.Digest
	name string
}

// others sorts the checkpoints that somebody kept by their size. The tree of every one
// is compared on the way.
func (r *Replay) others(out *Replayed, head *Checkpoint) map[int64][]keptRoot {
	wanted := map[int64][]keptRoot{}
	for _, kept := range r.Others {
		w, err := r.Policy.Open(kept.Note)
		switch {
		case err != nil:
			r.Found("checkpoint", "the checkpoint that was kept as %s: %v", kept.Name, err)
		case w.Checkpoint.Origin != head.Origin: // of another year
		case w.Checkpoint.Size > head.Size:
			r.Found("truncated", "%s was of size %d (%s), and is of %d now: entries were taken away", head.Origin, w.Checkpoint.Size, kept.Name, head.Size)
		default:
			wanted[w.Checkpoint.Size] = append(wanted[w.Checkpoint.Size], keptRoot{w.Checkpoint.Root, kept.Name})
			out.Others++
		}
	}
	return wanted
}

// bundle reads the next bundle of entries and compares it with its tile.
func (r *Replay) bundle(ctx context.Context, out *Replayed, wanted map[int64][]keptRoot) error {
	e := &r.read
	n := e.size / tileWidth
	width := int(min(tileWidth, out.Size-n*tileWidth))
	raw, err := readTile(ctx, r.Tiles, r.Shard, entryLevel, n, width)
	if err != nil {
		return err
	}
	entries, err := splitEntries(raw, width)
	if err != nil { // a full bundle where a partial one was asked for
		if entries, err = splitEntries(raw, tileWidth); err != nil {
			return fmt.Errorf("bundle %d of %s: %w", n, out.Origin, err)
		}
		entries = entries[:width]
	}
	for _, data := range entries[e.size%tileWidth:] {
		if err := r.entry(e.size, data, out); err != nil {
			return err
		}
		var full []hub.LogTile
		e.addHash(tlog.RecordHash(data), func(level int, n int64, data []byte) {
			if level != entryLevel {
				full = append(full, hub.LogTile{Name: tileName(level, n, tileWidth), Data: bytes.Clone(data)})
			}
		})
		if err := r.compare(ctx, full); err != nil {
			return err
		}
		for _, kept := range wanted[e.size] {
			if e.root() != tlog.Hash(kept.root) {
				r.Found("fork", "a checkpoint of %s that was kept (%s), of size %d, has the root %.16s..., the log has %.16s...: two histories were told",
					out.Origin, kept.name, e.size, kept.root, hub.Digest(e.root()))
			}
		}
	}
	return nil
}

// compare compares tiles with those that proofs are made from. Where a partial tile is
// gone there is the full one that begins with it.
func (r *Replay) compare(ctx context.Context, tiles []hub.LogTile) error {
	for i := range tiles {
		name := r.Shard + tiles[i].Name
		there, err := r.Tiles.Tile(ctx, name)
		full, _, partial := strings.Cut(name, ".p/")
		if partial && err != nil && hub.KindOf(err) == hub.KindNotFound {
			there, err = r.Tiles.Tile(ctx, full)
		}
		switch {
		case err != nil && hub.KindOf(err) == hub.KindNotFound:
			r.Found("tile", "%s is not there: nothing below it can be proved", name)
		case err != nil:
			return err
		case !bytes.HasPrefix(there, tiles[i].Data), !partial && len(there) > len(tiles[i].Data):
			r.Found("tile", "%s does not hold the hashes of the entries below it", name)
		}
	}
	return nil
}

func (r *Replay) entry(index int64, data []byte, out *Replayed) error {
	leaf, err := ParseLeaf(data)
	switch {
	case err != nil:
		r.Found("leaf", "entry %d of %s: %v", index, out.Origin, err)
	case leaf.Type == leafReceipt:
		out.Receipts++
		if r.tagged && leaf.Seq == "" {
			r.Found("sequence_form", "entry %d of %s is in no sequence of an agency, and receipts before it are", index, out.Origin)
		}
		r.tagged = r.tagged || leaf.Seq != ""
	case leaf.Type == leafNote:
		out.Notes++
	case leaf.Type == leafPrevious && index == 0:
		if r.Previous != nil && !sameCheckpoint([]byte(leaf.Checkpoint), r.Previous) {
			r.Found("link", "%s does not begin with the last checkpoint of the year before", out.Origin)
		}
	default:
		r.Found("leaf", "entry %d of %s is of an unknown kind %q", index, out.Origin, leaf.Type)
	}
	if index == 0 && r.Previous != nil && (err != nil || leaf.Type != leafPrevious) {
		r.Found("link", "%s does not begin with the last checkpoint of the year before", out.Origin)
	}
	if r.Entry == nil {
		return nil
	}
	return r.Entry(out.Origin, index, data)
}

// sameCheckpoint compares what two notes say, whoever signed them.
func sameCheckpoint(a, b []byte) bool {
	one, err := checkpointOf(a)
	other, otherErr := checkpointOf(b)
	return err == nil && otherErr == nil && one == other
}
