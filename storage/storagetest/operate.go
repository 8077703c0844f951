package storagetest

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// testSettle: of many who settle at once one wins, for all and for ever.
func testSettle(t *testing.T, back Backend) {
	b := newBench(t, back)
	b.must(b.store.Ping(b.ctx))
	answers := make([]string, 16)
	var all sync.WaitGroup
	for i := range answers {
		all.Go(func() {
			var err error
			if answers[i], err = b.store.Settle(b.ctx, "key", fmt.Sprint("node ", i)); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	b.store = back.Reopen(t, b.store)
	for _, value := range slices.Concat(answers, []string{"late"}) {
		got, err := b.store.Settle(b.ctx, "key", value)
		b.must(err)
		if got != answers[0] || value != "late" && value != got {
			t.Errorf("settled are %q and %q", got, answers)
		}
	}
	if other, err := b.store.Settle(b.ctx, "other", "x"); other != "x" || err != nil {
		t.Errorf("another name has %q, %v", other, err)
	}
}

// testBacklog: it counts what is open and what is queued, tells the oldest due time,
// and stops counting at the limit.
func testBacklog(t *testing.T, back Backend) {
	b := newBench(t, back)
	want := func(limit int, want hub.Backlog) {
		t.Helper()
		got, err := b.store.Backlog(b.ctx, limit)
		b.must(err)
		same(t, "the backlog", got, want)
	}
	want(10, hub.Backlog{})
	first := b.accept("r1", "r2", "r3")
	begun := b.Clock
	b.Clock = b.Clock.Add(time.Hour)
	urgent := b.Acceptance("r1")
	urgent.Deliveries[0].Urgent = true
	b.acceptThis(urgent)
	want(10, hub.Backlog{Queued: 4, Open: 4, Due: begun})
	want(2, hub.Backlog{Queued: 2, Open: 2, Due: begun})
	for _, d := range first.Deliveries {
		b.must(b.apply(b.Step(d, hub.StateConsigned)))
	}
	want(10, hub.Backlog{Queued: 1, Open: 4, Due: b.Clock})
	b.must(b.apply(b.Step(urgent.Deliveries[0], hub.StateFailed)))
	want(10, hub.Backlog{Open: 3})
}
