package amqp

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/lienthong/lienthong/hub"
)

const (
	// gatherLimit is how long a batch waits for company.
	gatherLimit = 5 * time.Millisecond
	// urgentInARow is after how many urgent batches an ordinary one has its turn.
	urgentInARow = 8
)

// Handler handles a batch of dispatches. A batch that fails comes again.
type Handler = func(ctx context.Context, dispatches []hub.DispatchID) error

// Consume calls handle with batches of up to 128 dispatches, one call at a time for
// each of the Consumers, urgent ones before others, until ctx ends; it returns ctx's
// error. A call that runs when ctx ends may come to its end and is acknowledged; what
// else is held goes back to the broker. A connection that is lost is made again.
func (q *Queue) Consume(ctx context.Context, handle func(ctx context.Context, dispatches []hub.DispatchID) error) error {
	var all sync.WaitGroup
	for n := range q.Consumers {
		name := fmt.Sprintf("consumer %d", n+1)
		all.Go(func() {
			q.keep(ctx, name, newState(&q.Options, name), func(ctx context.Context, c *connection, sound func()) error {
				return q.consuming(ctx, c, sound, handle)
			})
		})
	}
	if q.OnDead != nil {
		all.Go(func() { q.keep(ctx, "notices", newState(&q.Options, "notices"), q.noticing) })
	}
	all.Wait()
	return ctx.Err()
}

// consumer is one connection that handles messages.
type consumer struct {
	*Queue
	connection     *connection
	urgent, normal *inbox
	handle         Handler
	lost           chan string // a queue that is read no more
	healed         <-chan struct{}
	old            leftovers
	failures       pauses
	inARow         int // urgent batches
}

func (q *Queue) consuming(ctx context.Context, c *connection, sound func(), handle Handler) error {
	k := &consumer{
		Queue: q, connection: c, handle: handle, lost: make(chan string, 1),
		failures: pauses{Backoff: q.Retry}, healed: q.sick.recovery(),
	}
	if err := k.begin(ctx); err != nil {
		return err
	}
	sound()
	for {
		box, err := k.wait(ctx)
		if err != nil {
			return err
		}
		k.gather(ctx, box)
		if err := k.settle(ctx, box, box.cut()); err != nil {
			return err
		}
	}
}

// begin reads all queues that answer: the urgent one with a prefetch of its own.
func (k *consumer) begin(ctx context.Context) error {
	ch, err := k.connection.Channel()
	if err != nil {
		return err
	}
	if err := k.declare(ch); err != nil {
		return err
	}
	if k.old, err = k.findLeftovers(k.connection); err != nil {
		return err
	}
	queues := make([]string, k.Shards)
	for shard := range queues {
		queues[shard] = workQueue(shard)
	}
	if k.normal, err = k.read(ctx, queues); err != nil {
		return err
	}
	k.urgent, err = k.read(ctx, []string{urgentQueue})
	return err
}

func (k *consumer) read(ctx context.Context, queues []string) (*inbox, error) {
	each := max(1, k.Prefetch/len(queues))
	box, err := newInbox(k.connection, each*len(queues))
	if err != nil {
		return nil, err
	}
	if err := box.channel.Qos(each, 0, false); err != nil {
		return nil, err
	}
	for _, queue := range queues {
		if k.sick.has(queue) {
			continue
		}
		if err := k.asking(ctx, k.connection, queue, func() error { return box.read(queue, k.lost) }); err != nil {
			return nil, err
		}
	}
	return box, nil
}

// wait returns the inbox whose turn it is, once there is one with messages.
func (k *consumer) wait(ctx context.Context) (*inbox, error) {
	for {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err := k.old.lookAfter(ctx, k); err != nil {
			return nil, err
		}
		k.urgent.collect()
		k.normal.collect()
		if box := k.turn(); box != nil {
			return box, nil
		}
		if err := k.await(ctx); err != nil {
			return nil, err
		}
	}
}

// await waits until something happens.
func (k *consumer) await(ctx context.Context) error {
	look, stop := k.old.alarm()
	defer stop()
	select {
	case <-ctx.Done():
	case <-look:
	case <-k.healed:
		return errHealed
	case d := <-k.urgent.arrived:
		k.urgent.accept(d)
	case d := <-k.normal.arrived:
		k.normal.accept(d)
	case queue := <-k.lost:
		return k.why(queue)
	case e := <-k.connection.lost:
		return lostError(e)
	}
	return nil
}

// errHealed ends a consumer, so that the next one reads more.
var errHealed = errors.New("a queue that did not answer is read again")

// why tells what ended the reading of a queue.
func (k *consumer) why(queue string) error {
	select {
	case e := <-k.connection.lost:
		return lostError(e)
	default:
		return fmt.Errorf("the broker ended the reading of %s", queue)
	}
}

func (k *consumer) turn() *inbox {
	urgent, normal := len(k.urgent.ready) > 0, len(k.normal.ready) > 0
	switch {
	case urgent && (k.inARow < urgentInARow || !normal):
		k.inARow++
		return k.urgent
	case normal:
		k.inARow = 0
		return k.normal
	}
	return nil
}

// gather gives a batch a moment to grow.
func (k *consumer) gather(ctx context.Context, box *inbox) {
	limit := time.NewTimer(gatherLimit)
	defer limit.Stop()
	for len(box.ready) < maxBatch {
		select {
		case d := <-box.arrived:
			box.accept(d)
		case <-limit.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// settle handles a batch and acknowledges it, or gives it back. Its error ends the
// connection.
func (k *consumer) settle(ctx context.Context, box *inbox, batch []amqp091.Delivery) error {
	last := batch[len(batch)-1].DeliveryTag
	failure := k.treat(ctx, batch)
	if failure == nil {
		k.failures.reset()
		k.count.consumed.Add(int64(len(batch)))
		return box.channel.Ack(last, true)
	}
	k.Log.WarnContext(ctx, "a batch comes again", "messages", len(batch), "error", failure)
	// Not reject: later brokers count those towards the limit, but not nacks.
	err := box.channel.Nack(last, true, true)
	k.failures.wait(ctx)
	return err
}

// treat hands a batch on. What cannot be read, or came too often, is a dead letter.
func (k *consumer) treat(ctx context.Context, batch []amqp091.Delivery) error {
	dispatches := make([]hub.DispatchID, 0, len(batch))
	for i := range batch {
		d := &batch[i]
		if d.Redelivered {
			k.count.redelivered.Add(1)
		}
		dispatch, readable := dispatchOf(d.Body)
		switch { // both come alone
		case !readable:
			return k.bury(ctx, d, reasonUnreadable)
		case redeliveries(d) > k.Redeliveries:
			return k.bury(ctx, d, reasonRedelivered)
		}
		dispatches = append(dispatches, dispatch)
	}
	return k.handled(context.WithoutCancel(ctx), dispatches)
}

// handled calls the handler; a panic is a failure like others.
func (k *consumer) handled(ctx context.Context, dispatches []hub.DispatchID) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = hub.Internal("handle a batch", fmt.Errorf("panic: %v", p))
		}
	}()
	return k.handle(ctx, dispatches)
}
