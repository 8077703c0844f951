package intake

import (
	"context"
	"sync"
)

// locks lets one call at a time work on each upload of this process. The zero
// value is ready.
type locks struct {
	mu   sync.Mutex
	held map[string]chan struct{} // closed when given back
}

// lock waits for its turn on id. The error is ctx's.
func (l *locks) lock(ctx context.Context, id string) (unlock func(), err error) {
	for {
		turn, mine := l.take(id)
		if mine {
			return func() { l.giveBack(id) }, nil
		}
		select {
		case <-turn:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (l *locks) take(id string) (turn chan struct{}, mine bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if turn, ok := l.held[id]; ok {
		return turn, false
	}
	if l.held == nil {
		l.held = map[string]chan struct{}{}
	}
	l.held[id] = make(chan struct{})
	return l.held[id], true
}

func (l *locks) giveBack(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.held[id])
	delete(l.held, id)
}
