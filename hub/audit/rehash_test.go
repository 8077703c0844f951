package audit

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"syscall"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/lienthong/lienthong/hub"
)

// rootOf is the root of RFC 9162, 2.1.1, as it is defined there.
func rootOf(d *TreeDigest, lines [][]byte) []byte {
	if len(lines) == 1 {
		return d.leaf(lines[0])
	}
	k := int(split2(int64(len(lines))))
	return d.node(rootOf(d, lines[:k]), rootOf(d, lines[k:]))
}

// TestRehashTree: trees of many sizes have the root that is defined, and every leaf is
// proven by the tiles, and by nothing else.
func TestRehashTree(t *testing.T) {
	for _, d := range TreeDigests() {
		for _, size := range []int{1, 2, 3, 255, 256, 257, 513, 700} {
			e := rehashEdge{digest: d}
			tiles := map[[2]int64][]byte{}
			keep := func(tile hub.RehashTile) { tiles[[2]int64{int64(tile.Level), tile.N}] = tile.Data }
			var lines [][]byte
			for i := range size {
				lines = append(lines, fmt.Appendf(nil, "line %d", i))
				e.add(lines[i], keep)
			}
			for _, tile := range e.partial() {
				keep(tile)
			}
			root := e.root()
			if !bytes.Equal(root, rootOf(&d, lines)) {
				t.Fatalf("%s, %d leaves: the root is another one", d.Name, size)
			}
			for _, i := range []int{0, size / 3, size / 2, size - 1} {
				r := rehashReader{digest: d, known: map[[2]int64][]byte{}, tile: func(level int, n int64) ([]byte, error) { return tiles[[2]int64{int64(level), n}], nil }}
				path, err := r.path(int64(i), int64(size))
				if err != nil || !d.leads(lines[i], int64(i), int64(size), path, root) {
					t.Errorf("%s: leaf %d of %d is not proven: %v", d.Name, i, size, err)
				}
				if d.leads([]byte("another"), int64(i), int64(size), path, root) || size > 1 && d.leads(lines[i], int64(i+1)%int64(size), int64(size), path, root) ||
					d.leads(lines[i], int64(i), int64(size), append(path, root), root) {
					t.Errorf("%s: something else is proven by leaf %d of %d", d.Name, i, size)
				}
			}
		}
	}
}

// shard is a store with one log of notes, and an authority that signs nothing.
type rehashShard struct {
	rows   []hub.LogRow
	stamps []hub.LogStamp
	list   []hub.LogRehash
	tiles  map[string]hub.RehashTile
	steps  int // of PutRehashTiles, until one fails; below 0: none
	pages  int
	turn   func(page int, row *hub.LogRow) // changes the first row of a page
}

func (s *rehashShard) LogShards(context.Context) ([]hub.LogShard, error) {
	return []hub.LogShard{{Origin: "o/2026", Size: int64(len(s.rows))}}, nil
}

func (s *rehashShard) LogPage(_ context.Context, _ string, from int64, limit int) ([]hub.LogRow, error) {
	s.pages++
	page := slices.Clone(s.rows[from:min(int(from)+limit, len(s.rows))])
	if s.turn != nil {
		s.turn(s.pages, &page[0])
	}
	return page, nil
}

func (s *rehashShard) LogStamps(_ context.Context, _ string, size int64, _ int) ([]hub.LogStamp, error) {
	return slices.DeleteFunc(slices.Clone(s.stamps), func(p hub.LogStamp) bool { return p.Size < size }), nil
}

func (s *rehashShard) LogRenewals(context.Context, string, int64, time.Time) ([]hub.LogRenewal, error) {
	return nil, nil
}

func (s *rehashShard) DispatchItem(context.Context, hub.DispatchID) (hub.SentItem, error) {
	return hub.SentItem{}, hub.Errorf(hub.KindNotFound, "", "", "none")
}

func (s *rehashShard) LogRehashes(context.Context, string) ([]hub.LogRehash, error) {
	return slices.Clone(s.list), nil
}

func (s *rehashShard) BeginLogRehash(_ context.Context, r hub.LogRehash) error {
	s.list, s.tiles = append(s.list[:r.Number-1], r), map[string]hub.RehashTile{}
	return nil
}

func tileKey(tree hub.RehashTree, level int, n int64) string { return fmt.Sprint(tree, level, n) }

func (s *rehashShard) PutRehashTiles(_ context.Context, _ string, _ int, tiles []hub.RehashTile) error {
	if s.steps--; s.steps == 0 {
		return hub.Errorf(hub.KindUnavailable, "", "", "the power is off")
	}
	for _, t := range tiles {
		s.tiles[tileKey(t.Tree, t.Level, t.N)] = t
	}
	return nil
}

func (s *rehashShard) RehashTile(_ context.Context, _ string, _ int, tree hub.RehashTree, level int, n int64) (hub.RehashTile, error) {
	tile, there := s.tiles[tileKey(tree, level, n)]
	if !there {
		return tile, hub.Errorf(hub.KindNotFound, "", "", "no tile")
	}
	return tile, nil
}

func (s *rehashShard) StampLogRehash(_ context.Context, r hub.LogRehash, _ hub.LogNote) error {
	s.list[r.Number-1] = r
	return nil
}

func (s *rehashShard) OpenBlob(context.Context, hub.Digest) (hub.Blob, error) {
	return nil, hub.Errorf(hub.KindNotFound, "", "", "none")
}

func (s *rehashShard) Stamp(context.Context, crypto.Hash, []byte) (hub.TimeToken, error) {
	return hub.TimeToken{DER: []byte("token"), Time: time.Unix(1e9, 0).UTC()}, nil
}
func (s *rehashShard) Intact(_, _ []byte) error { return nil }
func (s *rehashShard) End([]byte) (hub.TokenEnd, error) {
	return hub.TokenEnd{At: time.Unix(2e9, 0).UTC()}, nil
}

// newRehashShard is a log of so many notes, stamped at its end.
func newRehashShard(t *testing.T, size int) (*rehashShard, *Policy) {
	t.Helper()
	s := &rehashShard{steps: -1}
	tree := edge{}
	for i := range size {
		n := hub.LogNote{ID: fmt.Sprint("n", i), Kind: hub.LogNoteOperator, Time: time.Unix(int64(i), 0).UTC(), Body: json.RawMessage(`{}`)}
		data, err := NoteLeaf(&n)
		body, failed := json.Marshal(n)
		if err != nil || failed != nil {
			t.Fatal(err, failed)
		}
		s.rows = append(s.rows, hub.LogRow{Origin: "o/2026", Index: int64(i), Data: data, Source: n.ID, Note: body})
		tree.addHash(tlog.RecordHash(data), func(int, int64, []byte) {})
	}
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	root := tree.root()
	signed, err := note.Sign(&note.Note{Text: fmt.Sprintf("o/2026\n%d\n%s\n", size, base64.StdEncoding.EncodeToString(root[:]))}, &signer{name: "o/2026", keyType: typeEd25519, key: key})
	if err != nil {
		t.Fatal(err)
	}
	s.stamps = []hub.LogStamp{{Origin: "o/2026", Size: int64(size), Note: signed, Token: []byte("first"), Time: time.Unix(1e8, 0).UTC()}}
	policy, err := ParsePolicy([]byte("log " + VerifierKey("o/2026", key.Public().(ed25519.PublicKey)) + "\nquorum none\n"))
	if err != nil {
		t.Fatal(err)
	}
	return s, policy
}

func (s *rehashShard) run(t *testing.T, policy *Policy, order RehashOrder) (RehashSummary, error) {
	t.Helper()
	r := Rehasher{Store: s, Source: s, Contents: s, Authority: s, Tokens: s, Policy: policy, Now: time.Now, NewID: func() string { return "id" }}
	if order.Digest.Name == "" {
		order.Digest = TreeDigests()[0]
	}
	return r.Rehash(t.Context(), order)
}

// TestRehashIsResumed: a run that is stopped anywhere goes on with the tiles that are kept,
// as far as they are what the log says, and the result is the same as without.
func TestRehashIsResumed(t *testing.T) {
	const size = 5*tileWidth + 17
	whole, policy := newRehashShard(t, size)
	if s, err := whole.run(t, policy, RehashOrder{}); err != nil || s.Rehashed != 1 || s.Entries != size {
		t.Fatalf("%+v, %v", s, err)
	}
	head, err := ParseRehashHead(whole.list[0].Head)
	if err != nil || head.Entries != size || head.Stamps != 1 {
		t.Fatalf("%+v, %v", head, err)
	}
	damage := func(level int, change func([]byte) []byte) func(*rehashShard) int {
		return func(s *rehashShard) int {
			key := tileKey(hub.RehashEntries, level, 0)
			tile := s.tiles[key]
			if tile.Data = change(bytes.Clone(tile.Data)); len(tile.Data) > 0 && s.tiles[key].Data != nil {
				s.tiles[key] = tile
				return 1
			}
			return 0
		}
	}
	for name, between := range map[string]func(*rehashShard) int{
		"as it was":      func(*rehashShard) int { return 0 },
		"another leaf":   damage(entryLevel, func(b []byte) []byte { return bytes.Replace(b, []byte(`"leaf":"`), []byte(`"leaf":"00`), 1) }),
		"a leaf too few": damage(entryLevel, func(b []byte) []byte { return b[bytes.IndexByte(b, '\n')+1:] }),
		"another hash":   damage(0, func(b []byte) []byte { b[0] ^= 1; return b }),
		"hashes too few": damage(0, func(b []byte) []byte { return b[:len(b)-1] }),
		"no leaf at all": damage(entryLevel, func([]byte) []byte { return []byte("\n") }),
	} {
		for stop := 1; stop <= 7; stop++ {
			s, policy := newRehashShard(t, size)
			s.steps = stop
			if _, err := s.run(t, policy, RehashOrder{}); hub.KindOf(err) != hub.KindUnavailable {
				t.Fatalf("stopped at step %d: %v", stop, err)
			}
			if _, err := s.run(t, policy, RehashOrder{Digest: TreeDigests()[1]}); hub.KindOf(err) != hub.KindConflict {
				t.Errorf("another digest instead of what was begun: %v", err)
			}
			again := 0
			if stop > 1 {
				again = between(s)
			}
			s.steps = 0
			if got, err := s.run(t, policy, RehashOrder{}); err != nil || got.Rehashed != 1 {
				t.Fatalf("%s, after step %d: %+v, %v", name, stop, got, err)
			}
			if written := -s.steps; written != 5-min(stop-1, 5)+2+again {
				t.Errorf("%s: after step %d the run wrote %d times", name, stop, written)
			}
			if !bytes.Equal(s.list[0].Head, whole.list[0].Head) || !reflect.DeepEqual(s.tiles, whole.tiles) {
				t.Errorf("%s: after step %d the trees are others", name, stop)
			}
		}
	}
}

// TestRehashComparesTwice: what changes between check and hashing, entry and row alike, is not
// hashed anew.
func TestRehashComparesTwice(t *testing.T) {
	s, policy := newRehashShard(t, 2*tileWidth)
	other, _ := newRehashShard(t, 2*tileWidth+1)
	s.turn = func(page int, row *hub.LogRow) {
		if page == 4 { // two pages to check, two to hash
			index := row.Index
			*row = other.rows[2*tileWidth]
			row.Index = index
		}
	}
	got, err := s.run(t, policy, RehashOrder{})
	if err != nil || got.Rehashed != 0 || len(got.Findings) != 1 || got.Findings[0].Rule != "root" || s.list[0].Finished() {
		t.Errorf("%+v, %v", got, err)
	}
}

// failingContents opens content that cannot be read.
type failingContents struct{ err error }

func (f failingContents) OpenBlob(context.Context, hub.Digest) (hub.Blob, error) { return nil, f.err }

// TestRehashTellsFailureFromDamage: that a file is damaged stands in a leaf for ever; that a
// disk or a store fails ends the run.
func TestRehashTellsFailureFromDamage(t *testing.T) {
	for _, c := range []struct {
		err     error
		missing int64
	}{
		{hub.Internal("read content", hub.ErrDamaged), 1},
		{hub.Internal("read content", syscall.EIO), 0},
		{hub.Errorf(hub.KindUnavailable, "", "", "the object store does not answer"), 0},
	} {
		run := &rehashing{Rehasher: &Rehasher{Contents: failingContents{c.err}}, RehashOrder: RehashOrder{Digest: TreeDigests()[0]}}
		contents := contentDigests{run: run}
		part, err := contents.digest(t.Context(), "o/2026", "d1", hub.Digest{1})
		if run.Missing != c.missing || (err == nil) != (c.missing == 1) || err == nil && part.State != RehashMissing {
			t.Errorf("%v: %d missing, %+v, %v", c.err, run.Missing, part, err)
		}
	}
}

// FuzzRehashFiles: whatever a bundle holds, what is read is what would be written.
func FuzzRehashFiles(f *testing.F) {
	d := TreeDigests()[0]
	head := RehashHead{Origin: "o/2026", Digest: d, Entries: 1, Root: d.Sum(), Stamps: 1, Stamped: d.Sum()}
	proof := RehashProof{Index: 3, Leaf: []byte(`{"leaf":"00"}`), Hashes: [][]byte{d.Sum()}}
	f.Add(head.Text())
	f.Add(proof.Text())
	f.Fuzz(func(t *testing.T, text []byte) {
		if h, err := ParseRehashHead(text); err == nil && !bytes.Equal(h.Text(), text) {
			t.Error("a head with two forms")
		}
		p, err := ParseRehashProof(text)
		if err != nil {
			return
		}
		if !bytes.Equal(p.Text(), text) {
			t.Error("a proof with two forms")
		}
		_, _ = p.HoldsEntry(&head, 0, &RehashLeaf{})
		_, _ = p.HoldsStamp(&head, 0, nil, [][]byte{nil})
	})
}
