package storagetest

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// testTestTurns: one turn of an agency at a time, and few of all, however many nodes ask
// at once; the turn of a node that died ends by itself, and is not ended by another's.
func testTestTurns(t *testing.T, back Backend) {
	b := newBench(t, back)
	turn := func(agency string, after time.Duration) hub.TestTurn {
		return hub.TestTurn{Agency: hub.AgencyID(agency), Ends: b.Clock.Add(after + 25*time.Second), Free: b.Clock.Add(after + 40*time.Second)}
	}
	take := func(agency string, after time.Duration, want string) {
		t.Helper()
		standing, full, err := b.store.TakeTestTurn(b.ctx, turn(agency, after), b.Clock.Add(after), 2)
		b.must(err)
		got := "taken"
		switch {
		case standing != nil:
			got = "free after " + standing.Free.Sub(b.Clock).String()
		case full:
			got = "full"
		}
		if got != want {
			t.Errorf("%s after %s: %s, want %s", agency, after, got, want)
		}
	}
	var taken atomic.Int32
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			standing, full, err := b.store.TakeTestTurn(b.ctx, turn(fmt.Sprint("a", i%8), 0), b.Clock, 2)
			if err != nil {
				t.Error(err)
			}
			if standing == nil && !full {
				taken.Add(1)
			}
		})
	}
	all.Wait()
	if taken.Load() != 2 {
		t.Errorf("%d turns at once, want 2", taken.Load())
	}
	b.store = back.Reopen(t, b.store)
	take("x", 24*time.Second, "full")
	take("x", 26*time.Second, "taken") // those of nodes that died are over
	take("x", 27*time.Second, "free after 1m6s")
	b.must(b.store.EndTestTurn(b.ctx, turn("x", 0), hub.TestTurn{Ends: b.Clock, Free: b.Clock})) // by one that is not its own
	take("x", 27*time.Second, "free after 1m6s")
	b.must(b.store.EndTestTurn(b.ctx, turn("x", 26*time.Second), hub.TestTurn{Ends: b.Clock.Add(28 * time.Second), Free: b.Clock.Add(43 * time.Second)}))
	take("x", 28*time.Second, "free after 43s")
	take("y", 28*time.Second, "taken")
	take("z", 28*time.Second, "taken")
	take("x", 43*time.Second, "full") // free, and two others run
	take("x", 54*time.Second, "taken")
}
