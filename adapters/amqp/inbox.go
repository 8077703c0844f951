package amqp

import (
	"encoding/json"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/lienthong/lienthong/hub"
)

// inbox is what one channel holds for a consumer, in the order of delivery tags over
// all queues that it reads: so that one acknowledgement covers a batch.
type inbox struct {
	channel *amqp091.Channel
	arrived chan amqp091.Delivery // holds all that the broker may send, so nothing waits before it
	early   map[uint64]amqp091.Delivery
	ready   []amqp091.Delivery
	next    uint64
}

func newInbox(c *connection, room int) (*inbox, error) {
	ch, err := c.Channel()
	if err != nil {
		return nil, err
	}
	return &inbox{
		channel: ch, arrived: make(chan amqp091.Delivery, room), early: map[uint64]amqp091.Delivery{},
		next: 1,
	}, nil
}

// read begins to read a queue. When that ends, lost is told.
func (i *inbox) read(queue string, lost chan<- string) error {
	messages, err := i.channel.Consume(queue, queue, false, false, false, false, nil)
	if err != nil {
		return err
	}
	go func() {
		for d := range messages {
			i.arrived <- d
		}
		select {
		case lost <- queue:
		default: // another one was told
		}
	}()
	return nil
}

// fetch takes up to n messages from a queue that is not read.
func (i *inbox) fetch(queue string, n int) error {
	for range n {
		d, ok, err := i.channel.Get(queue, false)
		if err != nil || !ok {
			return err
		}
		d.ConsumerTag = queue // as if it were read
		i.accept(d)
	}
	return nil
}

// accept puts a message into its place. Queues race for the channel on the last
// metres, so one may be a little early.
func (i *inbox) accept(d amqp091.Delivery) {
	i.early[d.DeliveryTag] = d
	for {
		d, ok := i.early[i.next]
		if !ok {
			return
		}
		delete(i.early, i.next)
		i.ready = append(i.ready, d)
		i.next++
	}
}

// collect takes what has arrived and does not wait.
func (i *inbox) collect() {
	for {
		select {
		case d := <-i.arrived:
			i.accept(d)
		default:
			return
		}
	}
}

// idle reports whether the consumer holds nothing of this channel.
func (i *inbox) idle() bool { return len(i.arrived)+len(i.early)+len(i.ready) == 0 }

// A batch is what is handled and acknowledged together.
const maxBatch = 128

// aloneFrom is the number of redeliveries from which on a message is handled alone: it
// may be what made the others fail.
const aloneFrom = 3

// cut takes the next batch: ordinary messages, or one that wants a closer look.
func (i *inbox) cut() []amqp091.Delivery {
	n := 1
	if ordinary(&i.ready[0]) {
		for n < min(maxBatch, len(i.ready)) && ordinary(&i.ready[n]) {
			n++
		}
	}
	batch := i.ready[:n:n]
	i.ready = i.ready[n:]
	return batch
}

func ordinary(d *amqp091.Delivery) bool {
	_, readable := dispatchOf(d.Body)
	return readable && redeliveries(d) < aloneFrom
}

// maxBody bounds a reference, in bytes.
const maxBody = 1 << 10

// dispatchOf reads a message.
func dispatchOf(body []byte) (hub.DispatchID, bool) {
	var r reference
	if len(body) > maxBody || json.Unmarshal(body, &r) != nil {
		return "", false
	}
	return r.Dispatch, r.Dispatch != "" && len(r.Dispatch) <= 64
}

// redeliveries is how often the message came before. From version 4.3 on the broker
// counts what was given back with nack apart.
func redeliveries(d *amqp091.Delivery) int {
	failed, _ := d.Headers["x-delivery-count"].(int64) // neither is there at the first time
	acquired, _ := d.Headers["x-acquired-count"].(int64)
	return int(max(failed, acquired))
}
