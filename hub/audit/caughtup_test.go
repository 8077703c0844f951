package audit

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// TestAwaitCaughtUp: who makes very much waits while more than a step is recorded, not for
// ever, and not for a log that stands.
func TestAwaitCaughtUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		l := newTestLog(m, at(2026))
		waited := func(ctx context.Context) time.Duration {
			begun := time.Now()
			l.AwaitCaughtUp(ctx)
			return time.Since(begun)
		}
		if took := waited(t.Context()); took != 0 {
			t.Errorf("waited %v for a log that does not grow here", took)
		}
		l.backlog.set(true)
		l.backlog.set(true)
		if took := waited(t.Context()); took != maxAwaited {
			t.Errorf("waited %v for a log that does not catch up", took)
		}
		gone, leave := context.WithTimeout(t.Context(), time.Millisecond)
		defer leave()
		if took := waited(gone); took != time.Millisecond {
			t.Errorf("waited %v when nobody did any more", took)
		}
		time.AfterFunc(time.Second, func() { l.backlog.set(false) })
		if took := waited(t.Context()); took != time.Second {
			t.Errorf("waited %v for a log that caught up after a second", took)
		}
	})
}

// TestBacklogOfSteps: there is a backlog behind a step that was full, until one is not, and
// none that anybody waits for once the log stands.
func TestBacklogOfSteps(t *testing.T) {
	m := newMemory()
	l := newTestLog(m, at(2026))
	m.record(2*maxBatch + 1)
	seen := map[int64]bool{} // by size of the checkpoint that was about to be published
	m.published = func(size int64) {
		_, again := seen[size]
		seen[size] = l.backlog.gone != nil
		if size == 2*maxBatch && !again {
			m.fuse = 0
		}
	}
	if err := l.attempt(t.Context(), 1); !errors.Is(err, errDied) {
		t.Fatal(err)
	}
	if l.backlog.gone != nil {
		t.Error("a log that stands has a backlog")
	}
	if seen[maxBatch] || !seen[2*maxBatch] {
		t.Errorf("before it stood: %v", seen)
	}
	m.fuse = -1
	ctx, stop := context.WithCancelCause(t.Context())
	m.idle = func() { stop(context.Canceled) }
	m.record(maxBatch)
	if err := l.attempt(ctx, 1); err != nil {
		t.Fatal(err)
	}
	if behind, ok := seen[3*maxBatch+1]; !ok || !behind || l.backlog.gone != nil {
		t.Errorf("at last: %v, and there is a backlog: %t", seen, l.backlog.gone != nil)
	}
}
