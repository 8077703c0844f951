package floor

import (
	"context"
	"errors"
	"net/url"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// broker carries references through RabbitMQ: published with confirm, taken in
// batches that share an acknowledgement. Answers do not wait for the confirm, since
// the rows are the truth; as many as unconfirmed are under way.
type broker struct {
	floor     *Floor
	conn      *amqp.Connection
	out, in   *amqp.Channel
	confirms  chan struct{} // room for messages without confirm
	consuming chan struct{} // closed when the consumer has ended
}

const (
	floorQueue  = "lienthong-floor"
	unconfirmed = 1000
	prefetch    = 256
)

func openBroker(f *Floor, address, password string) (*broker, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	if password != "" {
		u.User = url.UserPassword(u.User.Username(), password)
	}
	conn, err := amqp.DialConfig(u.String(), amqp.Config{Heartbeat: 10 * time.Second, Locale: "en_US"})
	if err != nil {
		return nil, err
	}
	b := &broker{floor: f, conn: conn, confirms: make(chan struct{}, unconfirmed), consuming: make(chan struct{})}
	references, err := b.declare()
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	go b.consume(references)
	return b, nil
}

func (b *broker) declare() (<-chan amqp.Delivery, error) {
	var err error
	if b.out, err = b.conn.Channel(); err != nil {
		return nil, err
	}
	if b.in, err = b.conn.Channel(); err != nil {
		return nil, err
	}
	if _, err = b.in.QueueDeclare(floorQueue, true, false, false, false, amqp.Table{"x-queue-type": "quorum"}); err != nil {
		return nil, err
	}
	if err = errors.Join(b.out.Confirm(false), b.in.Qos(prefetch, 0, false)); err != nil {
		return nil, err
	}
	return b.in.Consume(floorQueue, "", false, false, false, false, nil)
}

// publish does not wait for the confirm. What is not confirmed is delivered without
// the broker, as a sweeper would.
func (b *broker) publish(ctx context.Context, dispatch string) error {
	b.confirms <- struct{}{}
	confirm, err := b.out.PublishWithDeferredConfirmWithContext(ctx, "", floorQueue, true, false,
		amqp.Publishing{DeliveryMode: amqp.Persistent, Body: []byte(dispatch)})
	if err != nil {
		<-b.confirms
		return err
	}
	go func() {
		if !confirm.Wait() {
			b.floor.deliver(dispatch)
		}
		<-b.confirms
	}()
	return nil
}

// consume delivers what comes, and acknowledges everything that has come together.
func (b *broker) consume(references <-chan amqp.Delivery) {
	defer close(b.consuming)
	for r := range references {
		b.floor.deliver(string(r.Body))
		for waiting := len(references); waiting > 0; waiting-- {
			r = <-references
			b.floor.deliver(string(r.Body))
		}
		if err := r.Ack(true); err != nil {
			return // the connection is gone; so is the floor
		}
	}
}

// Close implements queue.
func (b *broker) Close() error {
	err := b.conn.Close()
	<-b.consuming
	return err
}
