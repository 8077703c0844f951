package app

import (
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/lienthong/lienthong/hub"
)

// TestClockBehind: a hub whose clock stands behind names its things by that clock, and what
// it makes when the clock has moved on sorts behind.
func TestClockBehind(t *testing.T) {
	t.Parallel()
	var behind atomic.Int64
	a := &App{log: slog.New(slog.DiscardHandler), config: Config{Behind: func() time.Duration { return time.Duration(behind.Load()) }}}
	last := ""
	for _, days := range []int64{50, 30, 1, 0} {
		behind.Store(days * int64(24*time.Hour))
		for range 100 {
			before := a.now()
			id := a.newID()
			after := a.now()
			if id <= last {
				t.Fatalf("%s does not sort behind %s", id, last)
			}
			// The clock counts milliseconds, which are cut off.
			if id < hub.IDAt(before.Add(-time.Millisecond)) || id > hub.IDAt(after.Add(2*time.Millisecond)) {
				t.Fatalf("%s is not of %s", id, before)
			}
			if parsed, err := uuid.Parse(id); err != nil || parsed.Version() != 7 {
				t.Fatalf("%s: %v", id, err)
			}
			last = id
		}
		if off := time.Since(a.now()) - a.config.Behind(); off.Abs() > time.Minute {
			t.Errorf("the clock is off by %s", off)
		}
	}
}
