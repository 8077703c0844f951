package audit

import (
	"context"
	"sync"
	"time"
)

// maxAwaited is how long AwaitCaughtUp waits: a log that is slow never stops the exchange.
const maxAwaited = 3 * time.Second

// backlog tells whether more is recorded than one step of the log takes.
type backlog struct {
	mu   sync.Mutex
	gone chan struct{} // closed when there is none any more; nil while there is none
}

func (b *backlog) set(there bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case there && b.gone == nil:
		b.gone = make(chan struct{})
	case !there && b.gone != nil:
		close(b.gone)
		b.gone = nil
	}
}

// AwaitCaughtUp waits while more is recorded than the log takes in one step, for a few seconds at
// most. It is for who is about to record very much: where the log and those who fill it
// share a machine, it would fall further behind with each of them. At a node that does not
// let the log grow, and while the log stands, nobody waits.
func (l *Log) AwaitCaughtUp(ctx context.Context) {
	l.backlog.mu.Lock()
	gone := l.backlog.gone
	l.backlog.mu.Unlock()
	if gone == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, maxAwaited)
	defer cancel()
	select {
	case <-gone:
	case <-ctx.Done():
	}
}
