package delivery

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Failover is a queue with a second one behind it: a broker, and the queue inside
// this process for the time when the broker is away. What the first one refuses goes
// into the second one at once, so that nothing waits for the sweeper.
type Failover struct {
	First, Second Queue
	Log           *slog.Logger
	// Missed is called with every reference that the first queue refused; may be nil.
	Missed func(error)
}

// failoverPause is how long a queue that is away is left alone.
const failoverPause = time.Second

// Publish implements Queue. The error is that of the second queue.
func (q *Failover) Publish(ctx context.Context, dispatch hub.DispatchID, urgent bool) error {
	err := q.First.Publish(ctx, dispatch, urgent)
	if err == nil {
		return nil
	}
	if q.Missed != nil {
		q.Missed(err)
	}
	return q.Second.Publish(ctx, dispatch, urgent)
}

// Consume implements Queue: it takes from both, and from one while the other is away.
func (q *Failover) Consume(ctx context.Context, handle func(ctx context.Context, dispatches []hub.DispatchID) error) error {
	var both sync.WaitGroup
	for name, queue := range map[string]Queue{"first": q.First, "second": q.Second} {
		both.Go(func() { q.follow(ctx, name, queue, handle) })
	}
	both.Wait()
	return ctx.Err()
}

func (q *Failover) follow(ctx context.Context, name string, queue Queue, handle func(context.Context, []hub.DispatchID) error) {
	for ctx.Err() == nil {
		err := queue.Consume(ctx, handle)
		if ctx.Err() != nil {
			return
		}
		q.Log.WarnContext(ctx, "a queue is away", "queue", name, "error", err)
		select {
		case <-ctx.Done():
		case <-time.After(failoverPause):
		}
	}
}
