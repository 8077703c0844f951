package amqp

import (
	"context"
	"fmt"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"
)

// leftovers are the work queues of an earlier, larger number of shards, with the times
// that each was found empty in a row.
//
// As long as nodes with that number run, they read the queues and nobody else touches
// them. Then the way into them is closed, what is in them is handled with the rest,
// and after a while without a message they are removed. That while is for batches
// that another node holds: the broker does not tell of those, and quorum queues can't
// be deleted on condition that they are empty.
type leftovers struct {
	empty map[int]int
	next  time.Time // of the next look
}

const (
	lookEvery = 500 * time.Millisecond
	// emptyLooks in a row make a queue superfluous.
	emptyLooks = 6
	// fetchedAtOnce bounds what a look takes, and so the time that it takes.
	fetchedAtOnce = 64
)

func (o *Options) findLeftovers(c *connection) (leftovers, error) {
	l := leftovers{empty: map[int]int{}}
	for shard := o.Shards; shard < MaxShards; shard++ {
		there, _, err := inspect(c, workQueue(shard))
		if err != nil {
			return l, err
		}
		if there {
			l.empty[shard] = 0
		}
	}
	return l, nil
}

// alarm tells when the next look is due; never, when nothing is left over.
func (l *leftovers) alarm() (<-chan time.Time, func() bool) {
	if len(l.empty) == 0 {
		return nil, func() bool { return true }
	}
	timer := time.NewTimer(time.Until(l.next))
	return timer.C, timer.Stop
}

// lookAfter takes the leftovers one step on, when it is time.
func (l *leftovers) lookAfter(ctx context.Context, k *consumer) error {
	if len(l.empty) == 0 || time.Now().Before(l.next) {
		return nil
	}
	l.next = time.Now().Add(lookEvery)
	for shard := range l.empty {
		if k.sick.has(workQueue(shard)) {
			continue
		}
		there, q, err := inspect(k.connection, workQueue(shard))
		switch {
		case err != nil:
		case !there:
			delete(l.empty, shard)
		case q.Consumers > 0:
			l.empty[shard] = 0
		default:
			err = l.step(ctx, k, shard, q.Messages)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// step empties a queue that nobody reads, or removes it.
func (l *leftovers) step(ctx context.Context, k *consumer, shard, messages int) error {
	queue, ch := workQueue(shard), k.normal.channel
	if err := ch.QueueUnbind(queue, workKey(shard), workExchange, nil); err != nil {
		return err
	}
	switch {
	case messages > 0:
		l.empty[shard] = 0
		l.next = time.Time{} // at once, after these
		return k.asking(ctx, k.connection, queue, func() error { return k.normal.fetch(queue, fetchedAtOnce) })
	case !k.normal.idle():
		l.empty[shard] = 0
	case l.empty[shard] < emptyLooks:
		l.empty[shard]++
	default:
		return l.remove(k, ch, shard)
	}
	return nil
}

func (l *leftovers) remove(k *consumer, ch *amqp091.Channel, shard int) error {
	if _, err := ch.QueueDelete(workQueue(shard), false, false, false); err != nil {
		return fmt.Errorf("remove %s: %w", workQueue(shard), err)
	}
	delete(l.empty, shard)
	k.Log.Info("the queue of an earlier shard is empty and was removed", "queue", workQueue(shard))
	return nil
}
