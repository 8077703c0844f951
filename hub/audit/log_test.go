package audit

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"

	"github.com/lienthong/lienthong/hub"
)

// memory is a store and a place for files that can fail at a chosen call, before or
// after it took effect, as a process dies.
type memory struct {
	mu        sync.Mutex // where a log runs beside its test
	shards    []hub.LogShard
	entries   map[string][]hub.LogEntry
	sources   []hub.LogSource
	placed    map[string]bool
	tiles     map[string][]byte
	epoch     int64
	numbers   map[sequenceID][]hub.LogNumberRecord
	published func(size int64) // called with each checkpoint, if set
	idle      func()           // called when nothing waits, if set
	dropped   []string         // tiles whose partial ones were to go
	fuse      int              // calls until the next failure; -1: never
}

func newMemory() *memory {
	return &memory{entries: map[string][]hub.LogEntry{}, placed: map[string]bool{}, tiles: map[string][]byte{}, numbers: map[sequenceID][]hub.LogNumberRecord{}, fuse: -1}
}

var errDied = errors.New("died")

// step runs a change of the store; when the fuse has burnt down it fails, before or
// after the change.
func (m *memory) step(change func() error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fuse == 0 {
		return errDied
	}
	if m.fuse > 0 {
		m.fuse--
	}
	err := change()
	if m.fuse == 0 {
		return errDied
	}
	if m.fuse > 0 {
		m.fuse--
	}
	return err
}

func (m *memory) TakeLog(_ context.Context, epoch int64) ([]hub.LogShard, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if epoch < m.epoch {
		return nil, hub.Errorf(hub.KindConflict, "log", "order", "overtaken")
	}
	m.epoch = epoch
	return append([]hub.LogShard(nil), m.shards...), nil
}

func (m *memory) Unsequenced(_ context.Context, mark hub.LogMark, limit int) (hub.LogIntake, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	intake := hub.LogIntake{Mark: mark}
	for _, s := range m.sources {
		if !m.placed[s.ID] && len(intake.Sources) < limit {
			intake.Sources = append(intake.Sources, s)
		}
	}
	if m.idle != nil && len(intake.Sources) == 0 {
		m.idle()
	}
	return intake, nil
}

func (m *memory) AppendLog(_ context.Context, first int64, b hub.LogBatch) error {
	return m.step(func() error {
		if len(m.shards) == 0 || m.shards[len(m.shards)-1].Origin != b.Origin {
			m.shards = append(m.shards, hub.LogShard{Origin: b.Origin})
		}
		s := &m.shards[len(m.shards)-1]
		if s.Size != first {
			return hub.Errorf(hub.KindConflict, "log", "order", "gap")
		}
		for _, e := range b.Entries {
			m.placed[e.Source] = true
			for _, n := range e.Numbers {
				id := sequenceID{b.Origin, n.Agency}
				if n.Number != int64(len(m.numbers[id])+1) {
					return hub.Errorf(hub.KindConflict, "log", "order", "number")
				}
				m.numbers[id] = append(m.numbers[id], hub.LogNumberRecord{Shard: int64(len(m.shards) - 1), Index: e.Index, AgencyNumber: n})
			}
		}
		m.entries[b.Origin] = append(m.entries[b.Origin], b.Entries...)
		s.Size, s.Epoch = s.Size+int64(len(b.Entries)), b.Epoch
		return nil
	})
}

func (m *memory) LogNumbers(_ context.Context, origin string, agencies []hub.AgencyID) (map[hub.AgencyID]int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	last := map[hub.AgencyID]int64{}
	for _, id := range agencies {
		if n := len(m.numbers[sequenceID{origin, id}]); n > 0 {
			last[id] = int64(n)
		}
	}
	return last, nil
}

func (m *memory) LogEntries(_ context.Context, origin string, from int64, limit int) ([]hub.LogEntry, error) {
	all := m.entries[origin]
	return all[min(from, int64(len(all))):min(from+int64(limit), int64(len(all)))], nil
}

func (m *memory) PublishLog(_ context.Context, head hub.LogHead) error {
	if m.published != nil {
		m.published(head.Size)
	}
	return m.step(func() error {
		for i := range m.shards {
			if m.shards[i].Origin == head.Origin && m.shards[i].Head.Size < head.Size {
				m.shards[i].Head = head
				return nil
			}
		}
		return hub.Errorf(hub.KindConflict, "log", "order", "an old checkpoint")
	})
}

func (m *memory) PutTiles(_ context.Context, tiles []hub.LogTile) error {
	return m.step(func() error {
		for _, t := range tiles {
			if there, ok := m.tiles[t.Name]; ok && !bytes.Equal(there, t.Data) {
				return hub.Errorf(hub.KindConflict, "tile", "differs", "%s", t.Name)
			}
			m.tiles[t.Name] = bytes.Clone(t.Data)
		}
		return nil
	})
}

func (m *memory) Tile(_ context.Context, name string) ([]byte, error) {
	data, ok := m.tiles[name]
	if !ok {
		return nil, hub.Errorf(hub.KindNotFound, "tile", "", "no %s", name)
	}
	return data, nil
}

func (m *memory) PutHead(_ context.Context, head hub.LogTile) error {
	return m.step(func() error { m.tiles[head.Name] = head.Data; return nil })
}

func (m *memory) DropPartial(_ context.Context, name string) error {
	m.dropped = append(m.dropped, name)
	for n := range m.tiles {
		if len(n) > len(name) && n[:len(name)+3] == name+".p/" {
			delete(m.tiles, n)
		}
	}
	return nil
}

// record adds evidences: all of one sender, each to one of three recipients.
func (m *memory) record(n int) {
	for range n {
		id := fmt.Sprint("e", len(m.sources))
		m.sources = append(m.sources, hub.LogSource{
			ID: id, JWS: "sig " + id,
			Canonical: fmt.Appendf(nil, `{"event":%q,"event_time":"2026-11-23T10:15:31.204Z","evidence_id":%q,"recipients":[{"id":"R%d"}],"sender":{"id":"S"}}`, hub.EventContentHandover, id, len(m.sources)%3),
		})
	}
}

func testKey(seed byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))
}

func newTestLog(m *memory, now *time.Time) *Log {
	return NewLog(LogOptions{
		Store: m, Numbers: m, Tiles: m, Origin: "hub/evidence", Key: testKey(1), Log: slog.New(slog.DiscardHandler),
		Now: func() time.Time { return *now },
	})
}

// grow runs the log until nothing waits.
func grow(l *Log) error {
	g, err := l.open(context.Background(), 1)
	for more := true; err == nil && more; {
		more, err = g.step(context.Background())
	}
	return err
}

func at(year int) *time.Time {
	t := time.Date(year, 6, 1, 0, 0, 0, 0, time.UTC)
	return &t
}

// head returns the checkpoint of a shard, verified.
func (m *memory) head(t interface{ Fatal(args ...any) }, origin string) Checkpoint {
	for i := range m.shards {
		if m.shards[i].Origin == origin {
			c, err := openOwn(m.shards[i].Head.Note, origin, testKey(1).Public().(ed25519.PublicKey))
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
	}
	t.Fatal("no shard " + origin)
	return Checkpoint{}
}

// TestEdge: roots and tiles are those of package tlog, whatever the size.
func TestEdge(t *testing.T) {
	var e edge
	var hashes []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(indexes))
		for i, x := range indexes {
			out[i] = hashes[x]
		}
		return out, nil
	})
	tiles := map[string][]byte{}
	for n := int64(0); n < 70_000; n++ {
		if n < 700 || n%4999 == 0 || n == 65_536 || n == 65_537 {
			want, err := tlog.TreeHash(n, reader)
			if err != nil || e.root() != want {
				t.Fatalf("the root of %d entries differs: %v", n, err)
			}
		}
		data := fmt.Appendf(nil, "entry %d", n)
		more, err := tlog.StoredHashes(n, data, reader)
		if err != nil {
			t.Fatal(err)
		}
		hashes = append(hashes, more...)
		e.add(data, func(level int, n int64, data []byte) { tiles[tileName(level, n, tileWidth)] = bytes.Clone(data) })
	}
	e.partial(func(level int, n int64, width int, data []byte) { tiles[tileName(level, n, width)] = bytes.Clone(data) })
	// The example of c2sp.org/tlog-tiles: a tree of 70,000.
	if len(tiles) != 2*273+1+1+3 {
		t.Errorf("%d tiles", len(tiles))
	}
	for _, tile := range tlog.NewTiles(tileHeight, 0, 70_000) {
		want, err := tlog.ReadTileData(tile, reader)
		if err != nil || !bytes.Equal(tiles[tileName(tile.L, tile.N, tile.W)], want) {
			t.Errorf("tile %s differs: %v", tileName(tile.L, tile.N, tile.W), err)
		}
	}
	bundle, err := splitEntries(tiles["tile/entries/273.p/112"], 112)
	if err != nil || string(bundle[111]) != "entry 69999" {
		t.Errorf("the last bundle: %v", err)
	}
}

// TestPartialTilesGo: only tiles that were partial are asked for what was partial of them, so
// that a large step asks for a few, and none of it stays.
func TestPartialTilesGo(t *testing.T) {
	m, now := newMemory(), at(2026)
	for _, n := range []int{300, 3000} {
		m.record(n)
		if err := grow(newTestLog(m, now)); err != nil {
			t.Fatal(err)
		}
	}
	if want := []string{"2026/tile/entries/001", "2026/tile/0/001"}; !slices.Equal(m.dropped, want) {
		t.Errorf("%q, want %q", m.dropped, want)
	}
	for name := range m.tiles {
		if tile, width, partial := strings.Cut(name, ".p/"); partial && width != "228" && tile != "2026/tile/1/000" {
			t.Errorf("%s stays", name)
		}
	}
}

func TestTileNames(t *testing.T) {
	for _, c := range []struct {
		level int
		n     int64
		width int
		want  string
	}{
		{0, 1234067, 256, "tile/0/x001/x234/067"}, {entryLevel, 5, 256, "tile/entries/005"}, {63, 1000, 255, "tile/63/x001/000.p/255"}, {1, 999, 1, "tile/1/999.p/1"},
	} {
		if got := tileName(c.level, c.n, c.width); got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
}

// TestLeafIsCanonical: members in order, no personal data, and nothing else is read.
func TestLeafIsCanonical(t *testing.T) {
	leaf, err := ReceiptLeaf([]byte(`{"event":"http://uri.etsi.org/19522/Event/ContentHandover","event_time":"2026-11-23T10:15:31.204Z","sender":{"id":"A","name":"Nguyễn Văn A (hư cấu)"}}`), "a..b", []Tag{{1, 2, 255}})
	want := fmt.Sprintf(`{"event":"http://uri.etsi.org/19522/Event/ContentHandover","seq":"AQEC/wAAAAAAAAAAAAAAAAA=","sha256":"%s","sig_sha256":"%x","t":"receipt","time":"2026-11-23T10:15:31.204Z"}`,
		"7a5b", sha256.Sum256([]byte("a..b")))
	var l Leaf
	if err == nil {
		l, err = ParseLeaf(leaf)
	}
	if err != nil || string(leaf) != string(bytes.Replace([]byte(want), []byte("7a5b"), []byte(l.SHA256.String()), 1)) {
		t.Errorf("the leaf is %s, %v", leaf, err)
	}
	for _, bad := range []string{"", "{}x", `{"t":"receipt" }`, `{"t":"receipt","more":1}`, `{"time":"2026-11-23T10:15:31Z","t":"note"}`} {
		if _, err := ParseLeaf([]byte(bad)); err == nil {
			t.Errorf("%q is read as a leaf", bad)
		}
	}
}

// TestEveryCrash lets the log die before and after every call that changes something.
// What comes out is one history: the same as without a crash.
func TestEveryCrash(t *testing.T) {
	now := at(2026)
	whole := newMemory()
	whole.record(700)
	if err := grow(newTestLog(whole, now)); err != nil {
		t.Fatal(err)
	}
	want := whole.head(t, "hub/evidence/2026")
	for fuse := 0; fuse < 40; fuse++ {
		m := newMemory()
		m.record(300)
		if err := grow(newTestLog(m, now)); err != nil {
			t.Fatal(err)
		}
		earlier := m.head(t, "hub/evidence/2026")
		m.record(400)
		m.fuse = fuse
		err := grow(newTestLog(m, now))
		m.fuse = -1
		if err == nil && fuse < 7 {
			t.Fatalf("nothing died at %d", fuse)
		}
		shown := m.head(t, "hub/evidence/2026") // readers can still check what was published
		if _, err := Inclusion(t.Context(), m, "2026/", &shown, shown.Size-1); err != nil {
			t.Fatalf("after a crash at %d the checkpoint of %d has no tiles: %v", fuse, shown.Size, err)
		}
		if err := grow(newTestLog(m, now)); err != nil {
			t.Fatalf("after a crash at %d: %v", fuse, err)
		}
		got := m.head(t, "hub/evidence/2026")
		if got != want {
			t.Fatalf("after a crash at %d the tree is %+v, want %+v", fuse, got, want)
		}
		proof, err := Consistency(t.Context(), m, "2026/", earlier.Size, &got)
		if err == nil {
			err = CheckConsistency(&earlier, &got, proof)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestProofs: every entry of a log has a proof that its text form carries, against
// every checkpoint that was ever published, and no other entry has it.
func TestProofs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m, l := newMemory(), newTestLog(newMemory(), at(2026))
		l.Store, l.Numbers, l.Tiles = m, m, m
		var heads []Checkpoint
		for range rapid.IntRange(1, 4).Draw(t, "rounds") {
			m.record(rapid.IntRange(1, 400).Draw(t, "recorded"))
			if err := grow(l); err != nil {
				t.Fatal(err)
			}
			heads = append(heads, m.head(t, "hub/evidence/2026"))
		}
		newest := heads[len(heads)-1]
		for _, older := range heads {
			proof, err := Consistency(t.Context(), m, "2026/", older.Size, &newest)
			if err != nil || CheckConsistency(&older, &newest, proof) != nil {
				t.Fatalf("%d and %d are not one history: %v", older.Size, newest.Size, err)
			}
			forked := older
			forked.Root[0] ^= 1
			if CheckConsistency(&forked, &newest, proof) == nil {
				t.Fatalf("a forked tree of %d passes", older.Size)
			}
			index := rapid.Int64Range(0, older.Size-1).Draw(t, "index")
			hashes, err := Inclusion(t.Context(), m, "2026/", &older, index)
			if err != nil {
				t.Fatal(err)
			}
			p := Proof{Index: index, Hashes: hashes, Note: []byte(older.text() + "\n— x y\n")}
			again, err := ParseProof(p.Text())
			if err != nil || !bytes.Equal(again.Text(), p.Text()) {
				t.Fatalf("the text of a proof: %v", err)
			}
			entries := m.entries["hub/evidence/2026"]
			if err := again.Check(&older, entries[index].Data); err != nil {
				t.Fatal(err)
			}
			if other := (index + 1) % older.Size; other != index && again.Check(&older, entries[other].Data) == nil {
				t.Fatalf("the proof of %d proves %d", index, other)
			}
		}
	})
}

// TestYears: the last checkpoint of a year is the first leaf of the next, whatever a
// clock that goes back says.
func TestYears(t *testing.T) {
	m := newMemory()
	m.record(3)
	for _, year := range []int{2026, 2027, 2026, 2028} {
		m.record(2)
		if err := grow(newTestLog(m, at(year))); err != nil {
			t.Fatal(err)
		}
	}
	if len(m.shards) != 3 || m.shards[1].Size != 1+2+2 {
		t.Fatalf("shards %+v", m.shards)
	}
	for i, s := range m.shards[1:] {
		l, err := ParseLeaf(m.entries[s.Origin][0].Data)
		if err != nil || l.Checkpoint != string(m.shards[i].Head.Note) {
			t.Errorf("leaf 0 of %s is %+v, %v", s.Origin, l, err)
		}
	}
}

// TestTilesAreBuiltAgain: what is lost of the files comes back from the store, and a log
// whose store was changed does not go on.
func TestTilesAreBuiltAgain(t *testing.T) {
	m, now := newMemory(), at(2026)
	m.record(1000)
	if err := grow(newTestLog(m, now)); err != nil {
		t.Fatal(err)
	}
	want := m.tiles
	m.tiles = map[string][]byte{}
	if err := grow(newTestLog(m, now)); err != nil {
		t.Fatal(err)
	}
	for name := range want {
		if !bytes.Equal(m.tiles[name], want[name]) {
			t.Errorf("%s was not built again", name)
		}
	}
	damagedBy := func(name string, damage func(m *memory)) {
		t.Helper()
		c := newMemory()
		c.record(1000)
		if err := grow(newTestLog(c, now)); err != nil {
			t.Fatal(err)
		}
		damage(c)
		c.record(1)
		if err := grow(newTestLog(c, now)); err == nil {
			t.Errorf("%s: the log goes on", name)
		}
	}
	damagedBy("an entry changed, the tiles are gone", func(m *memory) {
		m.tiles = map[string][]byte{}
		m.entries["hub/evidence/2026"][5].Data = []byte("forged")
	})
	damagedBy("the end is missing", func(m *memory) { m.shards[0].Size = 900 })
	damagedBy("a checkpoint of somebody else", func(m *memory) { m.shards[0].Head.Note = []byte("x\n1\nAAAA\n\n— x AAAA\n") })
}

// TestOldTilesAreBuiltAgain: the tiles of earlier years come back, too.
func TestOldTilesAreBuiltAgain(t *testing.T) {
	m := newMemory()
	for _, year := range []int{2026, 2027, 2028} {
		m.record(300)
		if err := grow(newTestLog(m, at(year))); err != nil {
			t.Fatal(err)
		}
	}
	want := m.tiles
	m.tiles = map[string][]byte{}
	if err := grow(newTestLog(m, at(2028))); err != nil {
		t.Fatal(err)
	}
	for name := range want {
		if !bytes.Equal(m.tiles[name], want[name]) {
			t.Errorf("%s was not built again", name)
		}
	}
}

// TestNoSecondHistory: a store that knows less than readers were shown, or something
// else, does not go on; a file that this hub did not sign hinders nobody.
func TestNoSecondHistory(t *testing.T) {
	now := at(2026)
	grown := func(records int) *memory {
		m := newMemory()
		m.record(records)
		if err := grow(newTestLog(m, now)); err != nil {
			t.Fatal(err)
		}
		return m
	}
	shown := grown(20).tiles
	other := grown(10)
	other.sources[0].JWS = "another"
	forked := newMemory()
	forked.sources = other.sources
	if err := grow(newTestLog(forked, now)); err != nil {
		t.Fatal(err)
	}
	unpublished := grown(10)
	unpublished.shards[0].Head = hub.LogHead{}
	empty := newMemory()
	empty.record(1)
	for name, c := range map[string]struct {
		store *memory
		tiles map[string][]byte
	}{
		"a store from before": {grown(10), shown}, "a store from before its first checkpoint": {unpublished, shown},
		"an empty store": {empty, shown}, "another history": {forked, grown(10).tiles},
	} {
		before := bytes.Clone(c.tiles["2026/checkpoint"])
		c.store.tiles = c.tiles
		err := grow(newTestLog(c.store, now))
		if v := hub.ViolationsOf(err); len(v) != 1 || v[0].Rule != "damaged" {
			t.Errorf("%s: got %v", name, err)
		}
		if !bytes.Equal(c.tiles["2026/checkpoint"], before) {
			t.Errorf("%s: the checkpoint was replaced", name)
		}
	}
	m := grown(10)
	m.tiles["2026/checkpoint"] = []byte("x\n99\nAAAA\n\n— x AAAA\n")
	if err := grow(newTestLog(m, now)); err != nil || !bytes.Equal(m.tiles["2026/checkpoint"], m.shards[0].Head.Note) {
		t.Errorf("the file of somebody else stays: %v", err)
	}
}

// TestRunGoesOn: a step that fails is tried again after a pause, and what was recorded
// last is published at a stop, but not once the right to do so was lost.
func TestRunGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		m.record(1)
		m.fuse = 0
		l := newTestLog(m, at(2026))
		beside := func(change func()) {
			m.mu.Lock()
			defer m.mu.Unlock()
			change()
		}
		run := func() (end context.CancelCauseFunc, wait func()) {
			ctx, end := context.WithCancelCause(t.Context())
			done := make(chan struct{})
			go func() { defer close(done); l.Run(ctx, 1) }()
			synctest.Wait()
			return end, func() { <-done }
		}
		end, wait := run()
		if l.Fault() == nil || len(m.shards) > 0 {
			t.Fatalf("the fault is %v", l.Fault())
		}
		beside(func() { m.fuse = -1 })
		time.Sleep(logPause)
		synctest.Wait()
		if l.Fault() != nil || m.shards[0].Head.Size != 1 {
			t.Fatalf("the log did not go on: %v", l.Fault())
		}
		beside(func() { m.record(1) })
		end(nil)
		wait()
		if m.shards[0].Head.Size != 2 {
			t.Errorf("at the stop %d entries are published", m.shards[0].Head.Size)
		}
		end, wait = run()
		beside(func() { m.record(1) })
		end(errDied)
		wait()
		if m.shards[0].Head.Size != 2 {
			t.Error("a node that lost its right went on")
		}
		m.epoch = 2
		end, wait = run()
		if hub.KindOf(l.Fault()) != hub.KindConflict {
			t.Errorf("a node that was overtaken has the fault %v", l.Fault())
		}
		end(nil)
		wait()
	})
}

// FuzzProof: no text makes the reader of proofs panic, and one proof has one text.
func FuzzProof(f *testing.F) {
	p := Proof{Extra: []byte("x"), Index: 5, Hashes: make([]hub.Digest, 2), Note: []byte("o\n9\nAAAA\n\n— x y\n")}
	f.Add(p.Text())
	f.Fuzz(func(t *testing.T, text []byte) {
		if p, err := ParseProof(text); err == nil && !bytes.Equal(p.Text(), text) {
			t.Errorf("%q was read, and is written %q", text, p.Text())
		}
	})
}

// FuzzLeaf: what is read as a leaf is written the same, byte for byte.
func FuzzLeaf(f *testing.F) {
	leaf, err := ReceiptLeaf([]byte(`{"event":"http://uri.etsi.org/19522/Event/ContentHandover","event_time":"2026-11-23T10:15:31.204Z"}`), "a..b", []Tag{})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(leaf)
	f.Add(bytes.Replace(leaf, []byte(`"seq":"AQ=="`), []byte(`"seq":""`), 1))
	f.Add(bytes.Replace(leaf, []byte(`"seq":"AQ==",`), nil, 1))
	f.Add([]byte(`{"kind":"key","t":"note"}`))
	f.Add([]byte(`{"seq":"AQ==","t":"receipt"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := ParseLeaf(data)
		if err != nil {
			return
		}
		if l.Type != leafPrevious && l.SHA256 == nil || l.Type == leafReceipt && l.SigSHA256 == nil {
			t.Errorf("%q was read, and is about nothing", data)
		}
		if _, err := l.Seq.Tags(); err != nil && hub.KindOf(err) != hub.KindInvalid {
			t.Errorf("the tags of %q: %v", data, err)
		}
		if again, err := encodeLeaf(&l); err != nil || !bytes.Equal(again, data) {
			t.Errorf("%q was read, and is written %q: %v", data, again, err)
		}
	})
}

// BenchmarkGrow measures one entry on its way into the tree.
func BenchmarkGrow(b *testing.B) {
	var e edge
	leaf, _ := ReceiptLeaf([]byte(`{"event":"http://uri.etsi.org/19522/Event/ContentHandover","event_time":"2026-11-23T10:15:31.204Z"}`), "a..b", []Tag{})
	for b.Loop() {
		e.add(leaf, func(int, int64, []byte) {})
	}
}
