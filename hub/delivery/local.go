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

// Consume implements Queue. A batch whose handling fails is dropped here, too:
// it stays in the database, where the sweeper finds it.
func (q *LocalQueue) Consume(ctx context.Context, handle func(ctx context.Context, dispatches []hub.DispatchID) error) error {
	for {
		batch, err := q.next(ctx)
		if err != nil {
			return err
		}
		_ = handle(ctx, batch) // see above
	}
}

// next waits for one reference and takes what else is there, urgent ones first.
func (q *LocalQueue) next(ctx context.Context) ([]hub.DispatchID, error) {
	var batch []hub.DispatchID
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case d := <-q.urgent:
		batch = append(batch, d)
	case d := <-q.normal:
		batch = append(batch, d)
	}
	for len(batch) < localBatch {
		select {
		case d := <-q.urgent:
			batch = append(batch, d)
			continue
		default:
		}
		select {
		case d := <-q.normal:
			batch = append(batch, d)
		default:
			return batch, nil
		}
	}
	return batch, nil
}
