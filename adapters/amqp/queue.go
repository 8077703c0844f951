package amqp

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/lienthong/lienthong/hub"
)

// Queue brings references of dispatches from node to node through RabbitMQ. It is
// safe for concurrent use.
type Queue struct {
	Options
	state     *state
	count     counters
	publisher atomic.Pointer[publisher] // nil while there is no connection
	repairs   chan struct{}
	sick      *sick
	stop      context.CancelFunc
	running   sync.WaitGroup
}

// Open returns a Queue that connects by itself: the broker need not be there. Its
// errors are those of the options, KindInvalid.
func Open(o Options) (*Queue, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	q := &Queue{Options: o, state: newState(&o, "publisher"), repairs: make(chan struct{}, 1), sick: newSick(), stop: stop}
	q.running.Go(func() { q.keep(ctx, "publisher", q.state, q.publishing) })
	q.running.Go(func() { q.repairing(ctx) })
	q.running.Go(func() { q.healing(ctx) })
	return q, nil
}

// Close ends what publishes. Consumers end with their contexts.
func (q *Queue) Close() error {
	q.stop()
	q.running.Wait()
	return nil
}

// reference is the body of a message of work.
type reference struct {
	Dispatch hub.DispatchID `json:"dispatch"`
}

// Headers of messages.
const (
	headerTrace  = "trace_id"
	headerReason = "x-lienthong-reason" // why it is a dead letter
	headerQueue  = "x-lienthong-queue"  // where it was one of the living
	headerTimes  = "x-lienthong-times"  // how often it was seen
	headerBuried = "x-lienthong-time"   // when it became a dead letter
	headerUser   = "x-lienthong-user"   // who sent what an agency was refused
)

// Publish brings a dispatch to the consumers of any node, urgent ones apart. It
// returns nil when the broker has it durably in a queue. Every error is of
// KindUnavailable and means that it may not have it: what then happens to the
// dispatch is up to the database. It takes PublishLimit at most.
func (q *Queue) Publish(ctx context.Context, dispatch hub.DispatchID, urgent bool) error {
	body, err := json.Marshal(reference{dispatch})
	if err != nil {
		return hub.Internal("write a reference", err)
	}
	m := q.message(ctx, string(dispatch), body)
	if urgent {
		return q.publish(ctx, q.Shards+urgentLane, workExchange, urgentKey, m)
	}
	first := shardOf(dispatch, q.Shards)
	for n := range q.Shards {
		shard := (first + n) % q.Shards
		err = q.publish(ctx, shard, workExchange, workKey(shard), m)
		if err != errStalled { //nolint:errorlint // ours, never wrapped
			break // else the queue is known not to confirm, and nobody waited for it
		}
	}
	return err
}

func (q *Queue) message(ctx context.Context, id string, body []byte) amqp091.Publishing {
	m := amqp091.Publishing{
		MessageId: id, Timestamp: q.Now().UTC(), DeliveryMode: amqp091.Persistent,
		ContentType: amqp091.MimeApplicationJSON, Body: body, Headers: amqp091.Table{},
	}
	if q.TraceID != nil {
		if trace := q.TraceID(ctx); trace != "" {
			m.Headers[headerTrace] = trace
		}
	}
	return m
}

// State tells whether the broker takes messages, since when (UTC), and if not, why.
func (q *Queue) State() (connected bool, since time.Time, reason string) {
	connected, since, reason = q.state.get()
	return connected, since.UTC(), reason
}

// Health fails while the broker does not take messages, or while consumers have found
// that one of its queues does not answer. It asks nobody.
func (q *Queue) Health(context.Context) error {
	if connected, _, reason := q.State(); !connected {
		return hub.Errorf(hub.KindUnavailable, "", "broker_fault", "the broker does not serve: %s", reason)
	}
	if list := q.sick.list(); len(list) > 0 {
		return hub.Errorf(hub.KindUnavailable, "", "broker_queues", "queues of the broker do not answer: %s", strings.Join(list, ", "))
	}
	return nil
}

// Ping asks the broker, on a connection of its own.
func (q *Queue) Ping(ctx context.Context) error {
	return q.control(ctx, func(ch *amqp091.Channel) error {
		_, err := ch.QueueDeclarePassive(urgentQueue, true, false, false, false, nil)
		return err
	})
}

// Stats returns the counters.
func (q *Queue) Stats() Stats { return q.count.stats() }

// Depths counts the messages that wait in each queue; those on their way to a
// consumer's acknowledgement do not count.
func (q *Queue) Depths(ctx context.Context) (map[string]int, error) {
	depths := map[string]int{}
	err := q.control(ctx, func(ch *amqp091.Channel) error {
		for _, b := range q.topology() {
			there, err := ch.QueueDeclarePassive(b.queue, true, false, false, false, nil)
			if err != nil {
				return err
			}
			depths[b.queue] = there.Messages
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return depths, nil
}

// repair has the topology declared again, soon: somebody removed a part of it.
func (q *Queue) repair() {
	select {
	case q.repairs <- struct{}{}:
	default: // it is asked for already
	}
}

func (q *Queue) repairing(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-q.repairs:
		}
		q.Log.WarnContext(ctx, "a queue was missing; the topology is declared again")
		if err := q.control(ctx, q.declare); err != nil && ctx.Err() == nil {
			q.Log.WarnContext(ctx, "the topology could not be declared", "error", err)
		}
		between := pauses{Backoff: q.Retry}
		between.wait(ctx) // whatever comes in the meantime is one more repair
	}
}
