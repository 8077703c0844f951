package amqp

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/lienthong/lienthong/hub"
)

// Reasons of dead letters, besides those of the broker ("delivery_limit").
const (
	reasonUnreadable  = "unreadable"
	reasonRedelivered = "redelivered_too_often"
)

// noticesAtOnce is how many dead letters one node holds for OnDead.
const noticesAtOnce = 16

// errEnough ends a walk through the dead letters.
var errEnough = errors.New("enough")

// DeadLetter is a message that was given up. Its dispatch is not lost: the database
// knows it, and the delivery engine goes on with it.
type DeadLetter struct {
	ID       string         `json:"id"` // of the message: of the dispatch, if it could be read
	Dispatch hub.DispatchID `json:"dispatch,omitempty"`
	Urgent   bool           `json:"urgent,omitempty"`
	Reason   string         `json:"reason"` // unreadable, redelivered_too_often, delivery_limit
	Queue    string         `json:"queue"`  // where it lay before
	Count    int            `json:"count"`  // how often it was given up, or seen before that
	First    time.Time      `json:"first"`  // when it was published, UTC
	Last     time.Time      `json:"last"`   // when it was given up, UTC
}

// bury publishes a message to the dead letters, durably, before it is acknowledged.
func (k *consumer) bury(ctx context.Context, d *amqp091.Delivery, reason string) error {
	m := amqp091.Publishing{
		MessageId: d.MessageId, Timestamp: d.Timestamp, DeliveryMode: amqp091.Persistent,
		ContentType: d.ContentType, Body: d.Body, Headers: amqp091.Table{
			headerReason: reason, headerQueue: d.ConsumerTag, headerTimes: int64(redeliveries(d) + 1),
			headerBuried: k.Now().UTC().Truncate(time.Second),
		},
	}
	if trace, ok := d.Headers[headerTrace].(string); ok {
		m.Headers[headerTrace] = trace
	}
	if err := k.publish(context.WithoutCancel(ctx), k.Shards+deadLane, deadExchange, d.RoutingKey, m); err != nil {
		return err
	}
	k.count.dead.Add(1)
	k.Log.WarnContext(ctx, "a message is a dead letter", "message", idOf(d), "reason", reason, "queue", d.ConsumerTag)
	return nil
}

// idOf names a message; one that came without a name by its content.
func idOf(d *amqp091.Delivery) string {
	if d.MessageId != "" {
		return d.MessageId
	}
	sum := sha256.Sum256(d.Body)
	return "sha256:" + hex.EncodeToString(sum[:16])
}

// letterOf reads a dead letter, whoever made it one.
func letterOf(d *amqp091.Delivery) DeadLetter {
	l := DeadLetter{ID: idOf(d), First: d.Timestamp.UTC(), Count: 1, Urgent: d.RoutingKey != "" && isUrgent(d.RoutingKey)}
	if dispatch, ok := dispatchOf(d.Body); ok {
		l.Dispatch = dispatch
	}
	if deaths, _ := d.Headers["x-death"].([]any); len(deaths) > 0 { // the latest first
		if death, ok := deaths[0].(amqp091.Table); ok {
			l.Reason, _ = death["reason"].(string)
			l.Queue, _ = death["queue"].(string)
			l.Last, _ = death["time"].(time.Time)
			if n, ok := death["count"].(int64); ok {
				l.Count = int(n)
			}
		}
	}
	if reason, ok := d.Headers[headerReason].(string); ok {
		l.Reason = reason
		l.Queue, _ = d.Headers[headerQueue].(string)
		l.Last, _ = d.Headers[headerBuried].(time.Time)
		if n, ok := d.Headers[headerTimes].(int64); ok {
			l.Count = int(n)
		}
	}
	l.Last = l.Last.UTC()
	return l
}

func isUrgent(key string) bool { return len(key) > 12 && key[:12] == "work.urgent." }

// DeadLetters returns up to limit dead letters, oldest first, and leaves them where
// they are. Meanwhile nobody else sees those.
func (q *Queue) DeadLetters(ctx context.Context, limit int) ([]DeadLetter, error) {
	var letters []DeadLetter
	err := q.eachDead(ctx, func(d *amqp091.Delivery) (bool, error) {
		if len(letters) == limit {
			return false, errEnough
		}
		letters = append(letters, letterOf(d))
		return false, nil
	})
	return letters, err
}

// Replay gives dead letters back to the consumers, those with the ids or, without
// ids, all; it returns how many. Each is in a work queue before it leaves the dead
// letters, so that one may be in both but none in neither. Letters that cannot be
// read stay.
func (q *Queue) Replay(ctx context.Context, ids ...string) (int, error) {
	replayed := 0
	err := q.eachDead(ctx, func(d *amqp091.Delivery) (bool, error) {
		letter := letterOf(d)
		if letter.Dispatch == "" || len(ids) > 0 && !slices.Contains(ids, letter.ID) {
			return false, nil
		}
		if err := q.Publish(ctx, letter.Dispatch, letter.Urgent); err != nil {
			return false, err
		}
		replayed++
		return true, nil
	})
	return replayed, err
}

// Discard removes dead letters, those with the ids or, without ids, all; it returns how
// many.
func (q *Queue) Discard(ctx context.Context, ids ...string) (int, error) {
	discarded := 0
	err := q.eachDead(ctx, func(d *amqp091.Delivery) (bool, error) {
		found := len(ids) == 0 || slices.Contains(ids, idOf(d))
		if found {
			discarded++
		}
		return found, nil
	})
	return discarded, err
}

// eachDead shows visit every dead letter that is there now, oldest first, and removes
// those for which it returns true. The others go back when the channel ends, and are
// there again when eachDead returns.
func (q *Queue) eachDead(ctx context.Context, visit func(d *amqp091.Delivery) (remove bool, err error)) error {
	left := 0
	err := q.control(ctx, func(ch *amqp091.Channel) error {
		there, err := ch.QueueDeclarePassive(deadQueue, true, false, false, false, nil)
		if err != nil {
			return err
		}
		left = there.Messages
		for range there.Messages {
			d, ok, err := ch.Get(deadQueue, false)
			if err != nil || !ok {
				return err
			}
			remove, err := visit(&d)
			if err == nil && remove {
				left--
				err = d.Ack(false)
			}
			if err == errEnough { //nolint:errorlint // ours, never wrapped
				break
			}
			if err != nil {
				return err
			}
		}
		return ch.Close() // after all acknowledgements
	})
	if err != nil {
		return err
	}
	return q.awaitReturn(ctx, left)
}

// returnLimit is how long a quorum queue may take to show what a channel gave back:
// until then the next walk would not find it.
const returnLimit = 5 * time.Second

func (q *Queue) awaitReturn(ctx context.Context, letters int) error {
	ctx, cancel := context.WithTimeout(ctx, returnLimit)
	defer cancel()
	return q.control(ctx, func(ch *amqp091.Channel) error {
		for {
			there, err := ch.QueueDeclarePassive(deadQueue, true, false, false, false, nil)
			if err != nil || there.Messages >= letters {
				return err
			}
			select {
			case <-ctx.Done(): // another node is looking at them
				return nil
			case <-time.After(20 * time.Millisecond):
			}
		}
	})
}

// noticing shows new dead letters to OnDead.
func (q *Queue) noticing(ctx context.Context, c *connection, sound func()) error {
	ch, err := c.Channel()
	if err != nil {
		return err
	}
	if err := q.declare(ch); err != nil {
		return err
	}
	if err := ch.Qos(noticesAtOnce, 0, false); err != nil {
		return err
	}
	letters, err := ch.Consume(noticesQueue, noticesQueue, false, false, false, false, nil)
	if err != nil {
		return err
	}
	sound()
	failures := pauses{Backoff: q.Retry}
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case d, ok := <-letters:
			if !ok {
				return fmt.Errorf("the broker ended the reading of %s", noticesQueue)
			}
			if err := q.OnDead(context.WithoutCancel(ctx), letterOf(&d)); err != nil {
				q.Log.WarnContext(ctx, "a dead letter could not be recorded and comes again", "error", err)
				if err := d.Nack(false, true); err != nil {
					return err
				}
				failures.wait(ctx)
				continue
			}
			failures.reset()
			if err := d.Ack(false); err != nil {
				return err
			}
		}
	}
}
