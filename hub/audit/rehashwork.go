package audit

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/lienthong/lienthong/hub"
)

// eachRow hands out the entries of the shard that are covered, from an index on, a page at
// a time.
func (s *shardWork) eachRow(ctx context.Context, from int64, each func(row *hub.LogRow) error) error {
	for at := from; at < s.rehash.Size; {
		page, err := s.Source.LogPage(ctx, s.origin, at, int(min(tileWidth, s.rehash.Size-at)))
		if err != nil {
			return err
		}
		if len(page) == 0 {
			return hub.Errorf(hub.KindInternal, "log", "truncated", "the log %s ends at %d of %d entries", s.origin, at, s.rehash.Size)
		}
		for i := range page {
			if err := ctx.Err(); err != nil {
				return err
			}
			if page[i].Index != at {
				return hub.Errorf(hub.KindInternal, "log", "gap", "the log %s has no entry %d", s.origin, at)
			}
			if err := each(&page[i]); err != nil {
				return err
			}
			at++
		}
	}
	return nil
}

// checkEntries reads the whole shard: every row is what its entry says, and the entries
// lead to the root of every time-stamped checkpoint.
func (s *shardWork) checkEntries(ctx context.Context) error {
	log := s.signedTree()
	return s.eachRow(ctx, 0, func(row *hub.LogRow) error {
		if _, err := s.aboutRow(row); err != nil {
			s.fault("row", "entry %d: %v", row.Index, err)
		}
		log.add(row.Data)
		if log.size%tileWidth == 0 || log.size == s.rehash.Size {
			s.tell("check", log.size)
		}
		return nil
	})
}

// signedTree is the tree of the log while it is read: it must have the root of every
// time-stamped checkpoint.
type signedTree struct {
	edge
	work   *shardWork
	stamps []stampRoot // that are still to come
}

func (s *shardWork) signedTree() *signedTree { return &signedTree{work: s, stamps: s.stamps} }

func (t *signedTree) add(entry []byte) {
	t.addHash(tlog.RecordHash(entry), func(int, int64, []byte) {})
	for ; len(t.stamps) > 0 && t.stamps[0].size == t.size; t.stamps = t.stamps[1:] {
		if tlog.Hash(t.stamps[0].root) != t.root() {
			t.work.fault("root", "its first %d entries do not lead to the root that the time-stamped checkpoint of that size signs", t.size)
		}
	}
}

// aboutRow digests an entry by the new digest, if what the store holds is what it says.
func (s *shardWork) aboutRow(row *hub.LogRow) (RehashLeaf, error) {
	var want []byte
	var err error
	var about, signature []byte
	switch {
	case row.Source == "":
		leaf, err := ParseLeaf(row.Data)
		if err == nil && leaf.Type != leafPrevious {
			err = hub.Invalid("leaf", "source", "it is about nothing that is kept")
		}
		return RehashLeafOf(&s.Digest, row.Data, nil, nil), err
	case row.Canonical != nil:
		about, signature = row.Canonical, []byte(row.JWS)
		want, err = taggedLeaf(row)
	case row.Note != nil:
		var note hub.LogNote
		if err = json.Unmarshal(row.Note, &note); err == nil {
			about = note.Body
			want, err = NoteLeaf(&note)
		}
	default:
		err = hub.Errorf(hub.KindNotFound, "row", "", "what it is about, %s, is not there any more", row.Source)
	}
	if err == nil && !bytes.Equal(want, row.Data) {
		err = hub.Errorf(hub.KindUntrusted, "row", "digest", "what is stored under %s is not what the log holds", row.Source)
	}
	return RehashLeafOf(&s.Digest, row.Data, about, signature), err
}

// taggedLeaf is the leaf of an evidence with the tags of its sequences that the entry has:
// whether these are right, an audit tells.
func taggedLeaf(row *hub.LogRow) ([]byte, error) {
	leaf, err := ParseLeaf(row.Data)
	if err != nil {
		return nil, err
	}
	tags, err := leaf.Seq.Tags()
	if err != nil {
		return nil, err
	}
	return ReceiptLeaf(row.Canonical, row.JWS, tags)
}

// checkTokens checks that each token is over what it must be over: a rehash of what was
// changed would make it look old.
func (s *shardWork) checkTokens(ctx context.Context) error {
	for i := range s.earlier {
		r := hub.LogRehash{Head: s.earlier[i].Head}
		for _, token := range s.earlier[i].Tokens {
			if err := s.Tokens.Intact(token.DER, rehashCovered(&r)); err != nil {
				s.fault("not_intact", "rehash %d: %v", s.earlier[i].Number, err)
			}
			r.Tokens = append(r.Tokens, token)
		}
	}
	return s.eachCovered(ctx, func(stamp *hub.LogStamp, tokens [][]byte) error {
		content := bytes.Clone(stamp.Note)
		for _, token := range tokens {
			if err := s.Tokens.Intact(token, content); err != nil {
				s.fault("not_intact", "a time-stamp over %d entries: %v", stamp.Size, err)
			}
			content = append(content, token...)
		}
		return nil
	})
}

// eachCovered hands out the time-stamps that are covered, with all their tokens.
func (s *shardWork) eachCovered(ctx context.Context, each func(stamp *hub.LogStamp, tokens [][]byte) error) error {
	return eachStamp(ctx, s.Source, s.origin, func(stamp *hub.LogStamp) error {
		if stamp.Size > s.rehash.Size {
			return nil
		}
		renewals, err := s.Source.LogRenewals(ctx, stamp.Origin, stamp.Size, stamp.Time)
		if err != nil {
			return err
		}
		tokens := [][]byte{stamp.Token}
		for i := range renewals {
			tokens = append(tokens, renewals[i].Token)
		}
		return each(stamp, tokens)
	})
}

// hashEntries makes the tree over the entries. What the last run has kept is not believed:
// every entry is read and compared once more, also with the checkpoints, since the tree is
// what will be time-stamped. Content that the last run has read is not read again.
func (s *shardWork) hashEntries(ctx context.Context) (*rehashEdge, error) {
	tree, log, earlier := &rehashEdge{digest: s.Digest, tree: hub.RehashEntries}, s.signedTree(), &keptLeaves{work: s}
	err := s.eachRow(ctx, 0, func(row *hub.LogRow) error {
		log.add(row.Data)
		line, err := s.leafOf(ctx, row, earlier)
		if err != nil {
			return err
		}
		var full []hub.RehashTile
		tree.add(line, func(tile hub.RehashTile) { full = append(full, tile) })
		if len(full) > 0 {
			err = earlier.replace(ctx, full)
			s.tell("hash", tree.size)
		}
		return err
	})
	if err != nil || s.faults > 0 {
		return nil, err
	}
	s.tell("hash", tree.size)
	return tree, s.Store.PutRehashTiles(ctx, s.origin, s.rehash.Number, tree.partial())
}

// leafOf is the leaf of an entry: the one that the last run kept, if it is about what the
// entry is about, or a new one.
func (s *shardWork) leafOf(ctx context.Context, row *hub.LogRow, earlier *keptLeaves) ([]byte, error) {
	leaf, err := s.aboutRow(row)
	if err != nil {
		return nil, err // it was in order a moment ago
	}
	if line, err := earlier.leaf(ctx, row.Index, &leaf); err != nil || line != nil {
		return line, err
	}
	if row.Canonical != nil {
		if leaf.Content, err = s.contentOf(ctx, row.Canonical); err != nil {
			return nil, err
		}
	}
	line, err := encodeRehash(&leaf)
	if err == nil && len(line) > maxRehashProof/2 {
		err = hub.Errorf(hub.KindTooLarge, "rehash", "leaf", "the leaf of entry %d has %d bytes", row.Index, len(line))
	}
	return line, err
}

// keptLeaves are the full tiles of leaves that the last run has kept, one at a time.
type keptLeaves struct {
	work  *shardWork
	lines [][]byte // of the tile that is looked at; no full one: none
	taken int      // of these
}

// leaf returns the line of a leaf, nil unless there is one that is about the same.
func (k *keptLeaves) leaf(ctx context.Context, index int64, want *RehashLeaf) ([]byte, error) {
	n := int(index % tileWidth)
	if n == 0 {
		tile, err := k.tile(ctx, entryLevel, index/tileWidth)
		if err != nil {
			return nil, err
		}
		k.lines, k.taken = bytes.Split(bytes.TrimSuffix(tile, []byte("\n")), []byte("\n")), 0
	}
	if len(k.lines) != tileWidth {
		return nil, nil
	}
	var leaf RehashLeaf
	if err := decodeRehash(k.lines[n], &leaf); err != nil || !leaf.sameBut(want) {
		return nil, nil //nolint:nilerr // it is made anew
	}
	k.taken++
	return k.lines[n], nil
}

// tile reads what is kept of a tile; nil for nothing.
func (k *keptLeaves) tile(ctx context.Context, level int, n int64) ([]byte, error) {
	tile, err := k.work.Store.RehashTile(ctx, k.work.origin, k.work.rehash.Number, hub.RehashEntries, level, n)
	if err != nil && hub.KindOf(err) == hub.KindNotFound {
		return nil, nil
	}
	return tile.Data, err
}

// replace keeps the tiles that are full with the leaves that were looked at, as far as they
// are not what is kept.
func (k *keptLeaves) replace(ctx context.Context, full []hub.RehashTile) error {
	same := k.taken == tileWidth
	for i := 0; i < len(full) && same; i++ {
		kept, err := k.tile(ctx, full[i].Level, full[i].N)
		if err != nil {
			return err
		}
		same = bytes.Equal(kept, full[i].Data)
	}
	if same {
		return nil
	}
	return k.work.Store.PutRehashTiles(ctx, k.work.origin, k.work.rehash.Number, full)
}

// hashStamps makes the tree over earlier rehashes and the time-stamps.
func (s *shardWork) hashStamps(ctx context.Context) (*rehashEdge, error) {
	tree := &rehashEdge{digest: s.Digest, tree: hub.RehashStamps}
	add := func(leaf *RehashStamp, tokens [][]byte) error {
		for _, token := range tokens {
			leaf.Tokens = append(leaf.Tokens, s.Digest.Sum(token))
		}
		line, err := encodeRehash(leaf)
		if err != nil {
			return err
		}
		var full []hub.RehashTile
		if tree.add(line, func(tile hub.RehashTile) { full = append(full, tile) }); len(full) > 0 {
			err = s.Store.PutRehashTiles(ctx, s.origin, s.rehash.Number, full)
		}
		return err
	}
	for i := range s.earlier {
		r := &s.earlier[i]
		if err := add(&RehashStamp{Head: s.Digest.Sum(r.Head), Number: r.Number, Stamped: r.Tokens[0].Time.UTC()}, rehashTokens(r)); err != nil {
			return nil, err
		}
	}
	err := s.eachCovered(ctx, func(stamp *hub.LogStamp, tokens [][]byte) error {
		return add(&RehashStamp{Note: s.Digest.Sum(stamp.Note), Size: stamp.Size, Stamped: stamp.Time.UTC()}, tokens)
	})
	if err != nil {
		return nil, err
	}
	return tree, s.Store.PutRehashTiles(ctx, s.origin, s.rehash.Number, tree.partial())
}

func rehashTokens(r *hub.LogRehash) [][]byte {
	tokens := make([][]byte, len(r.Tokens))
	for i := range r.Tokens {
		tokens[i] = r.Tokens[i].DER
	}
	return tokens
}

// contentOf digests the content that an acceptance names, as far as it is kept. All other
// evidence is tied to its acceptance by the chain.
func (s *shardWork) contentOf(ctx context.Context, canonical []byte) ([]RehashPart, error) {
	about, err := readAbout(canonical)
	if err != nil || about.Event != hub.EventSubmissionAcceptance {
		return nil, err
	}
	var evidence hub.Evidence
	if err := json.Unmarshal(canonical, &evidence); err != nil {
		return nil, hub.Invalid("evidence", "json", "the evidence cannot be read: %v", err)
	}
	if evidence.Content == nil {
		return nil, nil
	}
	var parts []RehashPart
	for i := range evidence.Content.Parts {
		part, err := s.contents.digest(ctx, s.origin, evidence.Dispatch, evidence.Content.Parts[i].SHA256)
		if err != nil {
			return nil, err
		}
		parts = append(parts, part)
	}
	return parts, nil
}

// contentDigests remembers the last files, which often are sent again.
type contentDigests struct {
	run  *rehashing
	last []RehashPart
}

// rememberedContents bounds what is remembered.
const rememberedContents = 256

// digest reads a file and checks that it is what was accepted.
func (c *contentDigests) digest(ctx context.Context, origin string, dispatch hub.DispatchID, sum hub.Digest) (RehashPart, error) {
	if i := slices.IndexFunc(c.last, func(p RehashPart) bool { return p.SHA256 == sum }); i >= 0 {
		return c.last[i], nil
	}
	part := RehashPart{SHA256: sum, State: RehashMissing}
	digest, intact, err := c.read(ctx, sum)
	switch {
	case err != nil && hub.KindOf(err) == hub.KindNotFound:
		return c.absent(ctx, origin, dispatch, part)
	case err != nil && !errors.Is(err, hub.ErrDamaged):
		return part, err // a disk that fails now says nothing of the file, and a leaf says it for ever
	case err != nil || !intact:
		c.run.Missing++
		c.run.found("content_damaged", origin, "the file %s of the dispatch %s is not what was accepted", sum, dispatch)
		return part, nil //nolint:nilerr // said above, and the work goes on
	}
	c.run.Files++
	part.Digest, part.State = digest, RehashKept
	if c.last = append(c.last, part); len(c.last) > rememberedContents {
		c.last = c.last[1:]
	}
	return part, nil
}

// read digests a file, and reports whether it is what was accepted.
func (c *contentDigests) read(ctx context.Context, sum hub.Digest) (Hex, bool, error) {
	blob, err := c.run.Contents.OpenBlob(ctx, sum)
	if err != nil {
		return nil, false, err
	}
	defer blob.Close()
	return digestTwice(ctx, &c.run.Digest, blob, sum)
}

// absent says why a file is not there.
func (c *contentDigests) absent(ctx context.Context, origin string, dispatch hub.DispatchID, part RehashPart) (RehashPart, error) {
	item, err := c.run.Source.DispatchItem(ctx, dispatch)
	switch {
	case err != nil && hub.KindOf(err) != hub.KindNotFound:
		return part, err
	case err == nil && item.Dispatch.Purged != nil:
		c.run.Purged++
		part.State = RehashPurged
	default:
		c.run.Missing++
		c.run.found("content_lost", origin, "the file %s of the dispatch %s is not there, and was not purged", part.SHA256, dispatch)
	}
	return part, nil
}

// digestTwice reads content by both digests, and reports whether it is what was accepted.
func digestTwice(ctx context.Context, d *TreeDigest, content io.ReaderAt, want hub.Digest) (Hex, bool, error) {
	h, old := d.New(), sha256.New()
	both := io.MultiWriter(h, old)
	buffer := make([]byte, 1<<18)
	for at := int64(0); ; {
		if err := ctx.Err(); err != nil {
			return nil, false, err
		}
		n, err := content.ReadAt(buffer, at)
		_, _ = both.Write(buffer[:n]) // digests take everything
		if at += int64(n); errors.Is(err, io.EOF) {
			return h.Sum(nil), hub.Digest(old.Sum(nil)) == want, nil
		} else if err != nil {
			return nil, false, err
		}
	}
}

// heldUntil returns when the last of the rehashes that hold a time-stamp stops proving
// anything; the zero time without one.
func heldUntil(rehashes []hub.LogRehash, tokens Tokens, stamp *hub.LogStamp) time.Time {
	var last time.Time
	for i := range rehashes {
		r := &rehashes[i]
		if !Holds(r, stamp.Size, stamp.Time) {
			continue
		}
		if end, err := tokens.End(r.Tokens[len(r.Tokens)-1].DER); err == nil && end.At.After(last) {
			last = end.At
		}
	}
	return last
}

// Holds reports whether a rehash proves the time-stamp of that size and time as long as it
// proves anything itself.
func Holds(r *hub.LogRehash, size int64, stamped time.Time) bool {
	return r.Finished() && size <= r.Size && !stamped.After(r.Tokens[0].Time)
}
