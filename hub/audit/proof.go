package audit

import (
	"context"
	"encoding/base64"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/lienthong/lienthong/hub"
)

const (
	proofHeader = "c2sp.org/tlog-proof@v1"
	maxProof    = 64 // hashes; no tree of up to 2^63 entries needs more
)

// Proof shows that a log holds an entry (c2sp.org/tlog-proof): its index, the hashes
// that lead from it to the root, and the signed checkpoint with that root.
type Proof struct {
	// Extra is what an entry says beside the evidence: the tags of sequences, in the form
	// that its leaf has in base64. None for entries of before there were any.
	Extra  []byte
	Index  int64
	Hashes []hub.Digest
	Note   []byte // signed checkpoint
}

// Text returns the proof as a file.
func (p *Proof) Text() []byte {
	var b strings.Builder
	b.WriteString(proofHeader + "\n")
	if len(p.Extra) > 0 {
		b.WriteString("extra " + base64.StdEncoding.EncodeToString(p.Extra) + "\n")
	}
	b.WriteString("index " + strconv.FormatInt(p.Index, 10) + "\n")
	writeHashes(&b, p.Hashes)
	b.WriteByte('\n')
	b.Write(p.Note)
	return []byte(b.String())
}

// Checkpoint reads the checkpoint of the proof, whoever signed it.
func (p *Proof) Checkpoint() (Checkpoint, error) { return checkpointOf(p.Note) }

// WriteConsistency writes what Consistency returns as a file: a hash a line.
func WriteConsistency(hashes []hub.Digest) []byte {
	var b strings.Builder
	writeHashes(&b, hashes)
	return []byte(b.String())
}

// ReadConsistency reads what WriteConsistency writes. Errors are of KindInvalid.
func ReadConsistency(text []byte) ([]hub.Digest, error) {
	lines, whole := strings.CutSuffix(string(text), "\n")
	if !whole || len(text) > 2*maxNote {
		return nil, hub.Invalid("proof", "consistency", "a proof of consistency has a hash in each line")
	}
	return readHashes(strings.Split(lines, "\n"))
}

func writeHashes(b *strings.Builder, hashes []hub.Digest) {
	for i := range hashes {
		b.WriteString(base64.StdEncoding.EncodeToString(hashes[i][:]) + "\n")
	}
}

// ParseProof reads what Text writes, and nothing else: one proof has one form.
func ParseProof(text []byte) (Proof, error) {
	bad := func(rule, why string) (Proof, error) { return Proof{}, hub.Invalid("proof", rule, "%s", why) }
	if len(text) > 2*maxNote {
		return bad("size", "a proof has at most 64 KiB")
	}
	head, signed, ok := strings.Cut(string(text), "\n\n")
	lines := strings.Split(head, "\n")
	if !ok || lines[0] != proofHeader || len(lines) < 2 {
		return bad("header", "a proof begins with "+proofHeader)
	}
	p, lines := Proof{Note: []byte(signed)}, lines[1:]
	if encoded, is := strings.CutPrefix(lines[0], "extra "); is && len(lines) > 1 {
		extra, err := base64.StdEncoding.Strict().DecodeString(encoded)
		if err != nil || len(extra) == 0 || len(encoded) != base64.StdEncoding.EncodedLen(len(extra)) {
			return bad("extra", "the extra data is not base64")
		}
		p.Extra, lines = extra, lines[1:]
	}
	number, is := strings.CutPrefix(lines[0], "index ")
	index, err := strconv.ParseInt(number, 10, 64)
	if !is || err != nil || index < 0 || strconv.FormatInt(index, 10) != number {
		return bad("index", "the index of the entry is missing or no number")
	}
	if p.Index, p.Hashes, err = index, nil, nil; len(lines) > 1 {
		p.Hashes, err = readHashes(lines[1:])
	}
	return p, err
}

func readHashes(lines []string) ([]hub.Digest, error) {
	if len(lines) > maxProof {
		return nil, hub.Invalid("proof", "hashes", "a proof has at most %d hashes", maxProof)
	}
	hashes := make([]hub.Digest, len(lines))
	for i, line := range lines {
		raw, err := base64.StdEncoding.Strict().DecodeString(line)
		if err != nil || len(raw) != tlog.HashSize || len(line) != base64.StdEncoding.EncodedLen(len(raw)) {
			return nil, hub.Invalid("proof", "hashes", "line %d of the hashes is not 32 bytes in base64", i+1)
		}
		hashes[i] = hub.Digest(raw)
	}
	return hashes, nil
}

// Check checks that the tree of a checkpoint holds an entry at the index of the proof.
// The checkpoint must be the one of Note, verified.
func (p *Proof) Check(c *Checkpoint, entry []byte) error {
	if p.Index >= c.Size {
		return hub.Errorf(hub.KindUntrusted, "proof", "index", "entry %d is not in a tree of %d", p.Index, c.Size)
	}
	hashes := make(tlog.RecordProof, len(p.Hashes))
	for i := range hashes {
		hashes[i] = tlog.Hash(p.Hashes[i])
	}
	if err := tlog.CheckRecord(hashes, c.Size, tlog.Hash(c.Root), p.Index, tlog.RecordHash(entry)); err != nil {
		return hub.Errorf(hub.KindUntrusted, "proof", "inclusion", "the hashes do not lead from the entry to the root of the checkpoint")
	}
	return nil
}

// Tiles reads the tiles of one shard.
type Tiles interface {
	// Tile reads a tile by its name; KindNotFound when there is none.
	Tile(ctx context.Context, name string) ([]byte, error)
}

// tileReader lends tiles of one shard to package tlog, which checks them against a
// root that is trusted.
type tileReader struct {
	ctx   context.Context //nolint:containedctx // of the one call that the reader lives for
	tiles Tiles
	shard string // "" or ends with a slash
}

// Height implements tlog.TileReader.
func (*tileReader) Height() int { return tileHeight }

// SaveTiles implements tlog.TileReader: nothing is kept.
func (*tileReader) SaveTiles([]tlog.Tile, [][]byte) {}

// ReadTiles implements tlog.TileReader. Where a partial tile is gone there is the full
// one that begins with it.
func (r *tileReader) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	all := make([][]byte, len(tiles))
	for i, t := range tiles {
		data, err := readTile(r.ctx, r.tiles, r.shard, t.L, t.N, t.W)
		if err != nil {
			return nil, err
		}
		if len(data) < t.W*tlog.HashSize {
			return nil, damaged("a tile of %d hashes has %d bytes", t.W, len(data))
		}
		all[i] = data[:t.W*tlog.HashSize]
	}
	return all, nil
}

// readTile reads a tile that has at least width members.
func readTile(ctx context.Context, tiles Tiles, shard string, level int, n int64, width int) ([]byte, error) {
	data, err := tiles.Tile(ctx, shard+tileName(level, n, width))
	if width < tileWidth && err != nil && hub.KindOf(err) == hub.KindNotFound {
		return tiles.Tile(ctx, shard+tileName(level, n, tileWidth))
	}
	return data, err
}

func hashReader(ctx context.Context, tiles Tiles, shard string, c *Checkpoint) tlog.HashReader {
	return tlog.TileHashReader(c.tree(), &tileReader{ctx, tiles, shard})
}

// Inclusion returns the hashes that lead from an entry to the root of a checkpoint.
// It reads about one tile for eight of them.
func Inclusion(ctx context.Context, tiles Tiles, shard string, c *Checkpoint, index int64) ([]hub.Digest, error) {
	hashes, err := tlog.ProveRecord(c.Size, index, hashReader(ctx, tiles, shard, c))
	return digests(hashes), wrap("prove that an entry is in the log", err)
}

// Consistency returns the hashes that show that a tree of an older size is the
// beginning of that of a checkpoint (RFC 6962, 2.1.2); none for the empty tree.
func Consistency(ctx context.Context, tiles Tiles, shard string, older int64, c *Checkpoint) ([]hub.Digest, error) {
	if older == 0 || older == c.Size {
		return nil, nil
	}
	hashes, err := tlog.ProveTree(c.Size, older, hashReader(ctx, tiles, shard, c))
	return digests(hashes), wrap("prove that the log only grew", err)
}

// CheckConsistency checks what Consistency returns. Two checkpoints of one size must
// have one root.
func CheckConsistency(older, newer *Checkpoint, hashes []hub.Digest) error {
	proof := make(tlog.TreeProof, len(hashes))
	for i := range proof {
		proof[i] = tlog.Hash(hashes[i])
	}
	var err error
	switch {
	case older.Size > newer.Size:
		err = hub.Invalid("checkpoint", "size", "the older checkpoint is the larger one")
	case older.Size == newer.Size && older.Root != newer.Root, older.Size == newer.Size && len(proof) > 0, older.Size == 0 && len(proof) > 0:
		err = inconsistent(older, newer)
	case older.Size == newer.Size, older.Size == 0:
	case tlog.CheckTree(proof, newer.Size, tlog.Hash(newer.Root), older.Size, tlog.Hash(older.Root)) != nil:
		err = inconsistent(older, newer)
	}
	return err
}

func inconsistent(older, newer *Checkpoint) error {
	return hub.Errorf(hub.KindUntrusted, "checkpoint", "consistency",
		"the log is not one history: its tree of size %d (root %.16s...) is not the beginning of that of size %d (root %.16s...)",
		older.Size, older.Root, newer.Size, newer.Root)
}

func digests(hashes []tlog.Hash) []hub.Digest {
	out := make([]hub.Digest, len(hashes))
	for i := range hashes {
		out[i] = hub.Digest(hashes[i])
	}
	return out
}

// wrap leaves our own errors as they are.
func wrap(doing string, err error) error {
	if err == nil || hub.KindOf(err) != hub.KindInternal {
		return err
	}
	return hub.Internal(doing, err)
}

// checkpointOf reads a checkpoint whose signature was checked where it came from.
func checkpointOf(signed []byte) (Checkpoint, error) {
	text, _, _ := strings.Cut(string(signed), "\n\n")
	return parseCheckpoint(text + "\n")
}
