package storagetest

import (
	"testing"

	"github.com/lienthong/lienthong/hub"
)

// testLogSequences: numbers of agencies are kept with their entries or not at all, each
// once, and every year has its own.
func testLogSequences(t *testing.T, back Backend) {
	b := newBench(t, back)
	numbered := func(origin string, epoch, first int64, id string, numbers ...hub.AgencyNumber) hub.LogBatch {
		batch := batchOf(origin, epoch, first, "", id)
		batch.Entries[0].Numbers = numbers
		return batch
	}
	b.must(b.store.AppendLog(b.ctx, 0, numbered("o/2026", 1, 0, "e0", hub.AgencyNumber{Agency: "a", Number: 1}, hub.AgencyNumber{Agency: "b", Number: 1})))
	b.must(b.store.AppendLog(b.ctx, 1, numbered("o/2026", 1, 1, "e1", hub.AgencyNumber{Agency: "a", Number: 2})))
	b.wants(hub.KindConflict, b.store.AppendLog(b.ctx, 2, numbered("o/2026", 1, 2, "e2", hub.AgencyNumber{Agency: "c", Number: 1}, hub.AgencyNumber{Agency: "a", Number: 2})))
	b.wants(hub.KindConflict, b.store.AppendLog(b.ctx, 2, numbered("o/2026", 0, 2, "e2", hub.AgencyNumber{Agency: "c", Number: 1})))
	b.must(b.store.PublishLog(b.ctx, hub.LogHead{Origin: "o/2026", Epoch: 1, Size: 2, Note: []byte("n"), At: b.Clock}))
	b.must(b.store.AppendLog(b.ctx, 0, numbered("o/2027", 1, 0, "e3", hub.AgencyNumber{Agency: "a", Number: 1})))

	b.store = back.Reopen(t, b.store)
	for origin, want := range map[string]map[hub.AgencyID]int64{"o/2026": {"a": 2, "b": 1}, "o/2027": {"a": 1}, "o/2028": {}} {
		numbers, err := b.store.LogNumbers(b.ctx, origin, []hub.AgencyID{"a", "b", "c"})
		b.must(err)
		same(t, "numbers of "+origin, numbers, want)
	}
	list, err := b.store.LogSequence(b.ctx, "o/2026", "a", 0, 10)
	b.must(err)
	want := []hub.SequenceEntry{{Number: 1, Index: 0, Evidence: "e0", Data: []byte("leaf of e0")}, {Number: 2, Index: 1, Evidence: "e1", Data: []byte("leaf of e1")}}
	same(t, "a sequence", list, want)
	list, err = b.store.LogSequence(b.ctx, "o/2026", "a", 0, 1)
	b.must(err)
	same(t, "a part of it", list, want[:1])
	list, err = b.store.LogSequence(b.ctx, "o/2026", "a", 1, 10)
	b.must(err)
	same(t, "the rest of it", list, want[1:])
	var all []hub.LogNumberRecord
	b.must(b.store.LogNumberRows(b.ctx, func(n hub.LogNumberRecord) error {
		all = append(all, n)
		return nil
	}))
	same(t, "all numbers", all, []hub.LogNumberRecord{
		{Shard: 0, Index: 0, AgencyNumber: hub.AgencyNumber{Agency: "a", Number: 1}},
		{Shard: 0, Index: 1, AgencyNumber: hub.AgencyNumber{Agency: "a", Number: 2}},
		{Shard: 0, Index: 0, AgencyNumber: hub.AgencyNumber{Agency: "b", Number: 1}},
		{Shard: 1, Index: 0, AgencyNumber: hub.AgencyNumber{Agency: "a", Number: 1}},
	})
}
