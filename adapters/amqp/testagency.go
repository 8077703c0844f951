package amqp

import (
	"context"
	"strconv"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/lienthong/lienthong/hub"
)

// testLife is how long the message of a test waits to be read: then the broker drops it.
const testLife = time.Minute

// TestAgency walks to the queue of an agency for a connection test: the broker is there,
// the queue is, somebody reads it, and a message of the type test, which announces
// nothing, is taken over. Where nobody reads, none is left.
func (q *Queue) TestAgency(ctx context.Context, agency *hub.Agency, hops *hub.Hops) {
	code, err := hub.ParseCode(string(agency.CodeAt(q.Now())))
	if err == nil {
		connected, _, reason := q.State()
		if !connected {
			err = hub.Errorf(hub.KindUnavailable, "", "broker_fault", "the broker does not serve: %s", reason)
		}
	}
	if err != nil {
		hops.Fail(hub.HopConnect, err)
		return
	}
	hops.Pass(hub.HopConnect, "")
	var there amqp091.Queue
	_ = hops.Count(hub.HopQueue, func() (int, error) {
		there, err = q.look(ctx, AgencyUser(code))
		return there.Messages, err
	}) && hops.Count(hub.HopConsumer, func() (int, error) {
		if there.Consumers == 0 {
			return 0, hub.Errorf(hub.KindUnavailable, "", "queue_unread", "nobody reads the queue %s now", AgencyUser(code))
		}
		return there.Consumers, nil
	}) && hops.Do(hub.HopMessage, func() (string, error) { return "", q.publishTest(ctx, agency, code) })
}

// look asks for the queue of an agency.
func (q *Queue) look(ctx context.Context, name string) (there amqp091.Queue, err error) {
	err = q.control(ctx, func(ch *amqp091.Channel) error {
		there, err = ch.QueueDeclarePassive(name, true, false, false, false, nil)
		if notThere(err) {
			return hub.Errorf(hub.KindNotFound, "", "queue_none", "the broker has no queue %s: give the agency its names by enrolment or lienthong queue grant", name)
		}
		return err
	})
	return there, err
}

func (q *Queue) publishTest(ctx context.Context, agency *hub.Agency, code hub.Code) error {
	now := q.Now()
	m := q.message(ctx, "test-"+strconv.FormatInt(now.UnixNano(), 36), []byte(`{}`))
	m.Type, m.Expiration = typeTest, strconv.FormatInt(testLife.Milliseconds(), 10)
	return q.publish(ctx, q.agencyLane(code), eventsExchange, agencyKey(agency, code, now, false), m)
}
