package delivery

import (
	"context"

	"github.com/lienthong/lienthong/hub"
)

// LocalQueue is the queue inside one process, fed beside the database. It holds
// references only, urgent ones apart and first. When it is full it drops: the
// sweeper finds the delivery in the database.
type LocalQueue struct {
	urgent, normal chan hub.DispatchID
}

// localBatch is how many references are handed on together at most.
const localBatch = 128

// NewLocalQueue returns a queue that holds up to size references of each lane.
func NewLocalQueue(size int) *LocalQueue {
	return &LocalQueue{urgent: make(chan hub.DispatchID, size), normal: make(chan hub.DispatchID, size)}
}

// Publish implements Queue and never blocks.
func (q *LocalQueue) Publish(_ context.Context, dispatch hub.DispatchID, urgent bool) error {
	lane := q.normal
	if urgent {
		lane = q.urgent
	}
	select {
	case lane <- dispatch:
	default:
	}
	return nil
}

// Consume implements Queue; it ends with ctx's error. A batch whose handling
// fails is not handed on again: it stays in the database, where the sweeper finds
// it.
func (q *LocalQueue) Consume(ctx context.Context, handle func(ctx context.Context, dispatches []hub.DispatchID) error) error {
	for {
		first, err := q.wait(ctx)
		if err != nil {
			return err
		}
		_ = handle(ctx, q.fill([]hub.DispatchID{first})) // see above
	}
}

// wait waits for one reference.
func (q *LocalQueue) wait(ctx context.Context) (hub.DispatchID, error) {
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	if d, ok := take(q.urgent); ok {
		return d, nil
	}
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case d := <-q.urgent:
		return d, nil
	case d := <-q.normal:
		return d, nil
	}
}

// fill adds what else is there, urgent ones first.
func (q *LocalQueue) fill(batch []hub.DispatchID) []hub.DispatchID {
	for len(batch) < localBatch {
		d, ok := take(q.urgent)
		if !ok {
			d, ok = take(q.normal)
		}
		if !ok {
			return batch
		}
		batch = append(batch, d)
	}
	return batch
}

func take(lane <-chan hub.DispatchID) (hub.DispatchID, bool) {
	select {
	case d := <-lane:
		return d, true
	default:
		return "", false
	}
}
