package storagetest

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/lienthong/lienthong/hub"
)

// LogRehashes keeps shards of the log that were hashed anew.
type LogRehashes interface {
	LogPage(ctx context.Context, origin string, from int64, limit int) ([]hub.LogRow, error)
	RehashTiles
	LogRehashes(ctx context.Context, origin string) ([]hub.LogRehash, error)
	BeginLogRehash(ctx context.Context, rehash hub.LogRehash) error
	StampLogRehash(ctx context.Context, rehash hub.LogRehash, note hub.LogNote) error
}

// RehashTiles keeps the trees of rehashes.
type RehashTiles interface {
	PutRehashTiles(ctx context.Context, origin string, number int, tiles []hub.RehashTile) error
	RehashTile(ctx context.Context, origin string, number int, tree hub.RehashTree, level int, n int64) (hub.RehashTile, error)
}

// rehash is the n-th of the shard, and stamped the same with one more token.
func rehash(n int) hub.LogRehash {
	return hub.LogRehash{Origin: "o/2026", Number: n, Size: 3, Hash: "SHA-384"}
}

func (b *bench) stamped(r hub.LogRehash) (hub.LogRehash, hub.LogNote) {
	r.Head = []byte("head <&>\n")
	r.Tokens = append(slices.Clip(r.Tokens), hub.RehashToken{DER: []byte{3, byte(len(r.Tokens))}, Time: b.Clock})
	return r, hub.LogNote{ID: b.ID(), Kind: hub.LogNoteRehash, Time: b.Clock, Body: json.RawMessage(`{}`)}
}

// rehashHistory leaves a rehash that is finished and one that is not.
func (b *bench) rehashHistory() {
	b.t.Helper()
	first := rehash(1)
	b.must(b.store.BeginLogRehash(b.ctx, first))
	b.must(b.store.PutRehashTiles(b.ctx, first.Origin, 1, []hub.RehashTile{{Level: -1, Data: []byte("{}\n")}, {Data: []byte{1, 2}}, {Tree: hub.RehashStamps, Data: []byte{0, 255}}}))
	for range 2 {
		var note hub.LogNote
		first, note = b.stamped(first)
		b.must(b.store.StampLogRehash(b.ctx, first, note))
	}
	b.must(b.store.BeginLogRehash(b.ctx, rehash(2)))
	b.must(b.store.PutRehashTiles(b.ctx, first.Origin, 2, []hub.RehashTile{{N: 7, Level: 1, Data: []byte{9}}}))
}

func (b *bench) rehashAnswers(keep func(name string, value any, err error)) {
	b.t.Helper()
	rehashes, err := b.store.LogRehashes(b.ctx, "o/2026")
	keep("rehashes", rehashes, err)
	for name, at := range map[string]hub.RehashTile{"leaves": {Level: -1}, "entries": {}, "stamps": {Tree: hub.RehashStamps}} {
		tile, err := b.store.RehashTile(b.ctx, "o/2026", 1, at.Tree, at.Level, at.N)
		keep("tile of "+name, tile, err)
	}
	page, err := b.store.LogPage(b.ctx, "o/2026", 0, 10)
	keep("page of the log", page, err)
}

// testLogRehashes: an unfinished rehash may be begun again, a finished one stays, a token
// and its note are there both or not at all, and each is the next one once.
func testLogRehashes(t *testing.T, back Backend) {
	b := newBench(t, back)
	dispatch := b.accept("r1")
	b.note(hub.LogNoteKey)
	intake, ids := b.unsequenced("", 9)
	b.must(b.store.AppendLog(b.ctx, 0, batchOf("o/2026", 1, 0, intake.Mark, ids...)))
	pending, _ := b.unsequenced("", 9)
	same(t, "what waits", len(pending.Sources), 0)

	page, err := b.store.LogPage(b.ctx, "o/2026", 1, 9)
	b.must(err)
	whole, err := b.store.LogPage(b.ctx, "o/2026", 0, len(ids))
	b.must(err)
	same(t, "a page from the second on", page, whole[1:])
	for i := range whole {
		if whole[i].Index != int64(i) || whole[i].Source != ids[i] || whole[i].Note == nil && (whole[i].Canonical == nil || whole[i].JWS == "" || whole[i].Dispatch != dispatch.Dispatch.ID) {
			t.Errorf("entry %d of the page: %+v", i, whole[i])
		}
	}

	conflicts := func(what string, err error) {
		t.Helper()
		if hub.KindOf(err) != hub.KindConflict || err == nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	conflicts("the second before the first", b.store.BeginLogRehash(b.ctx, rehash(2)))
	tiles := []hub.RehashTile{{Level: -1, Data: []byte("a\n")}, {Data: []byte{1}}}
	conflicts("tiles of none", b.store.PutRehashTiles(b.ctx, "o/2026", 1, tiles))
	b.must(b.store.BeginLogRehash(b.ctx, rehash(1)))
	b.must(b.store.PutRehashTiles(b.ctx, "o/2026", 1, tiles))
	tiles[1].Data = []byte{2}
	b.must(b.store.PutRehashTiles(b.ctx, "o/2026", 1, tiles))
	tile, err := b.store.RehashTile(b.ctx, "o/2026", 1, hub.RehashEntries, 0, 0)
	b.must(err)
	same(t, "a tile", tile, tiles[1])
	other := rehash(1)
	other.Hash = "SHA-512"
	b.must(b.store.BeginLogRehash(b.ctx, other))
	if _, err := b.store.RehashTile(b.ctx, "o/2026", 1, hub.RehashEntries, 0, 0); hub.KindOf(err) != hub.KindNotFound {
		t.Errorf("a tile of what was begun again: %v", err)
	}
	b.must(b.store.PutRehashTiles(b.ctx, "o/2026", 1, tiles))

	finished, _ := b.stamped(other)
	var won atomic.Int64
	var racing sync.WaitGroup
	for range 4 {
		_, note := b.stamped(other)
		racing.Go(func() {
			switch err := b.store.StampLogRehash(b.ctx, finished, note); {
			case err == nil:
				won.Add(1)
			case hub.KindOf(err) != hub.KindConflict:
				t.Error(err)
			}
		})
	}
	racing.Wait()
	same(t, "runs that finished it", won.Load(), int64(1))
	conflicts("tiles of what is finished", b.store.PutRehashTiles(b.ctx, "o/2026", 1, tiles))
	conflicts("a finished one begun again", b.store.BeginLogRehash(b.ctx, rehash(1)))
	renewed, note := b.stamped(finished)
	b.must(b.store.StampLogRehash(b.ctx, renewed, note))
	b.must(b.store.BeginLogRehash(b.ctx, rehash(2)))

	b.store = back.Reopen(t, b.store)
	rehashes, err := b.store.LogRehashes(b.ctx, "o/2026")
	b.must(err)
	same(t, "rehashes", rehashes, []hub.LogRehash{renewed, rehash(2)})
	notes, err := b.store.LogNotes(b.ctx, hub.LogNoteRehash, 9)
	b.must(err)
	same(t, "notes", len(notes), 2)
}
