package storagetest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Log keeps the order of the log.
type Log interface {
	TakeLog(ctx context.Context, epoch int64) ([]hub.LogShard, error)
	LogShards(ctx context.Context) ([]hub.LogShard, error)
	Unsequenced(ctx context.Context, mark hub.LogMark, limit int) (hub.LogIntake, error)
	AppendLog(ctx context.Context, first int64, batch hub.LogBatch) error
	LogEntries(ctx context.Context, origin string, from int64, limit int) ([]hub.LogEntry, error)
	PublishLog(ctx context.Context, head hub.LogHead) error
}

// LogRecords keeps what belongs to the log beside its order.
type LogRecords interface {
	LogRows(ctx context.Context, emit func(hub.LogRow) error) error
	WitnessLog(ctx context.Context, head hub.LogHead) error
	LogPlace(ctx context.Context, source string) (hub.LogPlace, error)
	AddLogNote(ctx context.Context, note hub.LogNote) error
	LogNotes(ctx context.Context, kind hub.LogNoteKind, limit int) ([]hub.LogNote, error)
	LogNote(ctx context.Context, id string) (hub.LogNote, error)
	LogStamps
	LogSequences
}

// LogSequences keeps the sequences of agencies.
type LogSequences interface {
	LogNumbers(ctx context.Context, origin string, agencies []hub.AgencyID) (map[hub.AgencyID]int64, error)
	LogSequence(ctx context.Context, origin string, agency hub.AgencyID, after int64, limit int) ([]hub.SequenceEntry, error)
	LogNumberRows(ctx context.Context, emit func(hub.LogNumberRecord) error) error
}

// LogStamps keeps time-stamped checkpoints.
type LogStamps interface {
	AddLogStamp(ctx context.Context, stamp hub.LogStamp) error
	LogStamps(ctx context.Context, origin string, size int64, limit int) ([]hub.LogStamp, error)
	LogRenewals(ctx context.Context, origin string, size int64, stamped time.Time) ([]hub.LogRenewal, error)
	AddLogRenewal(ctx context.Context, renewal hub.LogRenewal, note hub.LogNote) error
	LogRehashes
}

func (b *bench) unsequenced(mark hub.LogMark, limit int) (hub.LogIntake, []string) {
	b.t.Helper()
	intake, err := b.store.Unsequenced(b.ctx, mark, limit)
	b.must(err)
	ids := []string{}
	for i := range intake.Sources {
		ids = append(ids, intake.Sources[i].ID)
	}
	return intake, ids
}

func batchOf(origin string, epoch, first int64, mark hub.LogMark, ids ...string) hub.LogBatch {
	b := hub.LogBatch{Origin: origin, Epoch: epoch, Mark: mark}
	for i, id := range ids {
		b.Entries = append(b.Entries, hub.LogEntry{Index: first + int64(i), Source: id, Data: []byte("leaf of " + id)})
	}
	return b
}

func (b *bench) newNote(kind hub.LogNoteKind) hub.LogNote {
	return hub.LogNote{ID: b.ID(), Kind: kind, Time: b.Clock, Body: json.RawMessage(`{"action":"thử"}`)}
}

func (b *bench) note(kind hub.LogNoteKind) hub.LogNote {
	b.t.Helper()
	n := b.newNote(kind)
	b.must(b.store.AddLogNote(b.ctx, n))
	return n
}

// testLog: what is recorded waits until it has an index, and then stays in its place.
func testLog(t *testing.T, back Backend) {
	b := newBench(t, back)
	first, second := b.accept("r1"), b.accept("r1")
	one, two := string(first.Receipt.Evidence.ID), string(second.Receipt.Evidence.ID)
	note := b.note(hub.LogNoteKey)
	_, ids := b.unsequenced("", 10)
	same(t, "what waits", ids, []string{note.ID, one, two})
	intake, ids := b.unsequenced("", 2)
	same(t, "a part of it", ids, []string{note.ID, one})
	same(t, "the note", *intake.Sources[0].Note, note)
	if s := intake.Sources[1]; string(s.Canonical) != string(first.Receipt.Canonical) || s.JWS != first.Receipt.JWS {
		t.Errorf("the evidence is %s %s", s.Canonical, s.JWS)
	}
	b.must(b.store.AppendLog(b.ctx, 0, batchOf("o/2026", 1, 0, intake.Mark, ids...)))
	third := string(b.accept("r1").Receipt.Evidence.ID)
	_, ids = b.unsequenced(intake.Mark, 10)
	same(t, "what is left", ids, []string{two, third})
	_, ids = b.unsequenced("", 10)
	same(t, "what is left, searched from the beginning", ids, []string{two, third})
	b.must(b.store.AppendLog(b.ctx, 2, batchOf("o/2026", 1, 2, intake.Mark, two, third)))
	if _, ids = b.unsequenced(intake.Mark, 10); len(ids) > 0 {
		t.Errorf("%v have an index", ids)
	}

	entries, err := b.store.LogEntries(b.ctx, "o/2026", 1, 2)
	b.must(err)
	same(t, "entries", entries, batchOf("", 0, 1, "", one, two).Entries)
	entries, err = b.store.LogEntries(b.ctx, "o/2030", 0, 2)
	b.must(err)
	same(t, "entries of no shard", len(entries), 0)
	place, err := b.store.LogPlace(b.ctx, third)
	b.must(err)
	same(t, "place", place, hub.LogPlace{Origin: "o/2026", Index: 3, Data: []byte("leaf of " + third)})
	_, err = b.store.LogPlace(b.ctx, "none")
	b.wants(hub.KindNotFound, err)
	b.note(hub.LogNoteOperator)
	notes, err := b.store.LogNotes(b.ctx, hub.LogNoteKey, 5)
	b.must(err)
	same(t, "notes of a kind", notes, []hub.LogNote{note})
	notes, err = b.store.LogNotes(b.ctx, "", 1)
	b.must(err)
	same(t, "the newest note", notes[0].Kind, hub.LogNoteOperator)
}

// testLogNotesFirst: a batch of nothing but notes passes over no evidence.
func testLogNotesFirst(t *testing.T, back Backend) {
	b := newBench(t, back)
	evidence := string(b.accept("r1").Receipt.Evidence.ID)
	note := b.note(hub.LogNoteKey)
	intake, ids := b.unsequenced("", 1)
	same(t, "a full batch", ids, []string{note.ID})
	b.must(b.store.AppendLog(b.ctx, 0, batchOf("o/2026", 1, 0, intake.Mark, ids...)))
	intake, ids = b.unsequenced(intake.Mark, 1)
	same(t, "what comes next", ids, []string{evidence})
	b.must(b.store.AppendLog(b.ctx, 1, batchOf("o/2026", 1, 1, intake.Mark, ids...)))
	_, ids = b.unsequenced(intake.Mark, 1)
	same(t, "what is left", ids, []string{})
}

// testLogOrder: no gap, no index twice, no source twice, no step of a sequencer that
// was overtaken, and no checkpoint that goes back.
func testLogOrder(t *testing.T, back Backend) {
	b := newBench(t, back)
	head := func(origin string, epoch, size int64) hub.LogHead {
		return hub.LogHead{Origin: origin, Epoch: epoch, Size: size, Note: []byte(fmt.Sprint("note ", size)), At: b.Clock}
	}
	refused := func(first int64, batch hub.LogBatch) {
		t.Helper()
		b.wants(hub.KindConflict, b.store.AppendLog(b.ctx, first, batch))
	}
	take := func(epoch int64, want int) error {
		t.Helper()
		shards, err := b.store.TakeLog(b.ctx, epoch)
		if err == nil {
			same(t, "shards", len(shards), want)
		}
		return err
	}
	b.must(take(1, 0))
	refused(1, batchOf("o/2026", 1, 1, "", "a")) // a shard begins at 0
	b.must(b.store.AppendLog(b.ctx, 0, batchOf("o/2026", 2, 0, "", "a", "b")))
	refused(0, batchOf("o/2026", 2, 0, "", "c"))
	refused(3, batchOf("o/2026", 2, 3, "", "c"))
	refused(2, batchOf("o/2026", 1, 2, "", "c")) // an older epoch
	refused(2, batchOf("o/2026", 2, 2, "", "c", "a"))
	b.wants(hub.KindConflict, b.store.PublishLog(b.ctx, head("o/2026", 1, 2)))
	b.wants(hub.KindConflict, b.store.PublishLog(b.ctx, head("o/2026", 2, 3)))
	b.must(b.store.PublishLog(b.ctx, head("o/2026", 3, 1)))
	b.wants(hub.KindConflict, b.store.PublishLog(b.ctx, head("o/2026", 3, 1)))
	refused(2, batchOf("o/2026", 2, 2, "", "c"))
	refused(0, batchOf("o/2027", 3, 0, "", "c")) // the shard before is not published to its end
	b.must(b.store.PublishLog(b.ctx, head("o/2026", 3, 2)))
	refused(0, batchOf("o/2027", 2, 0, "", "c"))
	b.must(b.store.AppendLog(b.ctx, 0, batchOf("o/2027", 3, 0, "m", "", "c")))
	refused(2, batchOf("o/2026", 3, 2, "", "d")) // no longer the newest
	b.wants(hub.KindConflict, take(2, 2))
	b.must(take(3, 2))
	b.must(take(4, 2))
	refused(2, batchOf("o/2027", 3, 2, "", "d")) // overtaken, although nothing was written since
	b.wants(hub.KindConflict, b.store.PublishLog(b.ctx, head("o/2027", 3, 2)))
	b.wants(hub.KindConflict, b.store.WitnessLog(b.ctx, head("o/2026", 3, 3)))
	b.must(b.store.WitnessLog(b.ctx, head("o/2026", 3, 2)))
	b.wants(hub.KindConflict, b.store.WitnessLog(b.ctx, head("o/2026", 3, 1)))

	b.store = back.Reopen(t, b.store)
	shards, err := b.store.LogShards(b.ctx)
	b.must(err)
	if len(shards) != 2 || shards[0].Origin != "o/2026" || shards[0].Size != 2 || shards[0].Head.Size != 2 || shards[0].Witnessed.Size != 2 ||
		shards[1].Origin != "o/2027" || shards[1].Size != 2 || shards[1].Head.Size != 0 || shards[1].Epoch != 4 || shards[1].Mark != "m" {
		t.Errorf("shards %+v", shards)
	}
	same(t, "checkpoint", string(shards[0].Head.Note), "note 2")
	stamp := func(size int64, second int) hub.LogStamp {
		return hub.LogStamp{Origin: "o/2026", Size: size, Note: []byte("n"), Token: []byte{1, byte(second)}, Time: b.Clock.Add(time.Duration(second) * time.Second)}
	}
	for _, s := range []hub.LogStamp{stamp(2, 2), stamp(1, 0), stamp(2, 1), stamp(2, 1)} {
		b.must(b.store.AddLogStamp(b.ctx, s))
	}
	stamps, err := b.store.LogStamps(b.ctx, "o/2026", 2, 5)
	b.must(err)
	same(t, "stamps", stamps, []hub.LogStamp{stamp(2, 1), stamp(2, 2)})
}

// renewal is the n-th of a time-stamp, with the note of it.
func (b *bench) renewal(stamp *hub.LogStamp, n int) (hub.LogRenewal, hub.LogNote) {
	at := b.Clock.Add(time.Duration(n) * time.Hour)
	return hub.LogRenewal{Origin: stamp.Origin, Size: stamp.Size, Stamped: stamp.Time, Number: n, Token: []byte{2, byte(n)}, Time: at},
		hub.LogNote{ID: b.ID(), Kind: hub.LogNoteRenewal, Time: at, Body: json.RawMessage(`{"number":` + strconv.Itoa(n) + `}`)}
}

// testLogRenewals: a renewal and its note are there both or not at all, and each number
// is given once, also when several renew at once.
func testLogRenewals(t *testing.T, back Backend) {
	b := newBench(t, back)
	b.must(b.store.AppendLog(b.ctx, 0, batchOf("o/2026", 1, 0, "", "a")))
	stamp := hub.LogStamp{Origin: "o/2026", Size: 1, Note: []byte("n\n"), Token: []byte{1}, Time: b.Clock}
	other := stamp
	other.Time = stamp.Time.Add(time.Second)
	b.must(b.store.AddLogStamp(b.ctx, stamp))
	b.must(b.store.AddLogStamp(b.ctx, other))

	refused := func(r hub.LogRenewal, note hub.LogNote) {
		t.Helper()
		b.wants(hub.KindConflict, b.store.AddLogRenewal(b.ctx, r, note))
	}
	first, firstNote := b.renewal(&stamp, 1)
	second, secondNote := b.renewal(&stamp, 2)
	refused(second, secondNote)
	absent := first
	absent.Stamped = b.Clock.Add(time.Minute)
	refused(absent, firstNote)
	b.must(b.store.AddLogRenewal(b.ctx, first, firstNote))
	refused(first, secondNote)

	var won atomic.Int64
	var racing sync.WaitGroup
	for range 4 {
		note := secondNote
		note.ID = b.ID()
		racing.Go(func() {
			switch err := b.store.AddLogRenewal(b.ctx, second, note); {
			case err == nil:
				won.Add(1)
			case hub.KindOf(err) != hub.KindConflict:
				t.Error(err)
			}
		})
	}
	racing.Wait()
	same(t, "renewals that got one number", won.Load(), int64(1))

	b.store = back.Reopen(t, b.store)
	renewals, err := b.store.LogRenewals(b.ctx, "o/2026", 1, stamp.Time)
	b.must(err)
	same(t, "renewals", renewals, []hub.LogRenewal{first, second})
	renewals, err = b.store.LogRenewals(b.ctx, "o/2026", 1, other.Time)
	b.must(err)
	same(t, "renewals of another stamp", len(renewals), 0)
	notes, err := b.store.LogNotes(b.ctx, hub.LogNoteRenewal, 9)
	b.must(err)
	same(t, "notes", len(notes), 2)
	same(t, "the first note", notes[1], firstNote)
	intake, _ := b.unsequenced("", 9)
	same(t, "notes that the log will hold", len(intake.Sources), 2)
}

// testLogInParallel: while many record and two sequencers fight, every evidence gets
// exactly one index, and there is no gap.
func testLogInParallel(t *testing.T, back Backend) {
	b := newBench(t, back)
	const writers, each = 4, 15
	var writing, sequencing sync.WaitGroup
	for range writers {
		writing.Go(func() {
			for range each {
				if _, err := b.store.Accept(b.ctx, b.Acceptance("r1")); err != nil {
					t.Error(err)
				}
			}
		})
	}
	done := make(chan struct{})
	for range 2 {
		sequencing.Go(func() {
			var mark hub.LogMark
			for ended := false; ; {
				intake, err := b.store.Unsequenced(b.ctx, mark, 7)
				if err != nil {
					t.Error(err)
					return
				}
				if len(intake.Sources) == 0 {
					if ended {
						return
					}
					select {
					case <-done:
						ended = true
					default:
					}
					continue
				}
				shards, err := b.store.LogShards(b.ctx)
				if err != nil {
					t.Error(err)
					return
				}
				var first int64
				if len(shards) > 0 {
					first = shards[0].Size
				}
				var ids []string
				for i := range intake.Sources {
					ids = append(ids, intake.Sources[i].ID)
				}
				switch err := b.store.AppendLog(b.ctx, first, batchOf("o/2026", 1, first, intake.Mark, ids...)); {
				case err == nil:
					mark = intake.Mark
				case hub.KindOf(err) != hub.KindConflict:
					t.Error(err)
					return
				}
			}
		})
	}
	writing.Wait()
	close(done)
	sequencing.Wait()
	entries, err := b.store.LogEntries(b.ctx, "o/2026", 0, 1000)
	b.must(err)
	var sources []string
	for i := range entries {
		if entries[i].Index != int64(i) {
			t.Fatalf("entry %d has the index %d", i, entries[i].Index)
		}
		sources = append(sources, entries[i].Source)
	}
	slices.Sort(sources)
	if len(slices.Compact(sources)) != writers*each {
		t.Errorf("%d of %d evidences are in the log", len(slices.Compact(sources)), writers*each)
	}
}

// logHistory fills the tables of the log.
func (b *bench) logHistory() {
	b.t.Helper()
	b.note(hub.LogNoteKey)
	intake, ids := b.unsequenced("", 3)
	first := batchOf("o/2026", 1, 0, intake.Mark, ids...)
	first.Entries[1].Numbers = []hub.AgencyNumber{{Agency: "b", Number: 1}, {Agency: "a", Number: 1}}
	first.Entries[2].Numbers = []hub.AgencyNumber{{Agency: "a", Number: 2}}
	b.must(b.store.AppendLog(b.ctx, 0, first))
	head := hub.LogHead{Origin: "o/2026", Epoch: 1, Size: 3, Note: []byte("n\n"), At: b.Clock}
	b.must(b.store.PublishLog(b.ctx, head))
	b.must(b.store.WitnessLog(b.ctx, head))
	stamp := hub.LogStamp{Origin: "o/2026", Size: 3, Note: []byte("n\n"), Token: []byte{1}, Time: b.Clock}
	b.must(b.store.AddLogStamp(b.ctx, stamp))
	for n := range 2 {
		renewal, note := b.renewal(&stamp, n+1)
		b.must(b.store.AddLogRenewal(b.ctx, renewal, note))
	}
	b.rehashHistory()
	b.must(b.store.AppendLog(b.ctx, 0, hub.LogBatch{Origin: "o/2027", Epoch: 1, Entries: []hub.LogEntry{{Data: []byte("link")}}}))
	b.note(hub.LogNotePolicy)
}

// logAnswers is what a store says about its log.
func (b *bench) logAnswers(keep func(name string, value any, err error)) {
	b.t.Helper()
	shards, err := b.store.LogShards(b.ctx)
	for i := range shards { // these belong to the store
		shards[i].Epoch, shards[i].Head.Epoch, shards[i].Mark = 0, 0, ""
	}
	keep("shards", shards, err)
	entries, err := b.store.LogEntries(b.ctx, "o/2026", 0, 10)
	keep("entries", entries, err)
	notes, err := b.store.LogNotes(b.ctx, "", 10)
	keep("log notes", notes, err)
	stamps, err := b.store.LogStamps(b.ctx, "o/2026", 0, 10)
	keep("stamps", stamps, err)
	renewals, err := b.store.LogRenewals(b.ctx, "o/2026", 3, b.Clock)
	keep("renewals", renewals, err)
	numbers, err := b.store.LogNumbers(b.ctx, "o/2026", []hub.AgencyID{"a", "b", "c"})
	keep("numbers", numbers, err)
	sequence, err := b.store.LogSequence(b.ctx, "o/2026", "a", 0, 10)
	keep("a sequence", sequence, err)
	b.rehashAnswers(keep)
	intake, err := b.store.Unsequenced(b.ctx, "", 100)
	keep("what waits for the log", intake.Sources, err)
}
