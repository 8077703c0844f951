package engine

import (
	"context"
	"net/url"

	"github.com/lienthong/lienthong/adapters/amqp"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/delivery"
)

// localSize is how many references wait in the process; more wait in the database.
const localSize = 10_000

// OpenQueue opens the queue. It does not wait for the broker.
func OpenQueue(_ context.Context, o Options) (Queue, error) {
	inside := delivery.NewLocalQueue(localSize)
	if o.Broker == "" {
		return local{inside}, nil
	}
	broker, err := amqp.Open(amqp.Options{
		URL: o.Broker, Credentials: o.brokerCredentials(), Name: "lienthong " + o.Name, Log: o.Log,
		Shards: o.BrokerShards, TraceID: o.TraceID,
	})
	if err != nil {
		return nil, err
	}
	return &brokered{
		Failover: &delivery.Failover{First: broker, Second: inside, Log: o.Log, Missed: o.Missed}, broker: broker,
	}, nil
}

// brokerCredentials reads the password anew for every connection.
func (o *Options) brokerCredentials() func() (user, password string, err error) {
	return func() (string, string, error) {
		u, err := url.Parse(o.Broker)
		if err != nil {
			return "", "", err
		}
		secret, err := password(o.BrokerPasswordFile)
		return u.User.Username(), secret, err
	}
}

// brokered is RabbitMQ, with the queue inside the process for when it is away.
type brokered struct {
	*delivery.Failover
	broker *amqp.Queue
}

// Health implements Queue.
func (b *brokered) Health(ctx context.Context) error { return b.broker.Health(ctx) }

// Depths implements Queue.
func (b *brokered) Depths(ctx context.Context) (map[string]int, error) { return b.broker.Depths(ctx) }

// DeadLetters implements Queue.
func (b *brokered) DeadLetters(ctx context.Context, limit int) ([]hub.DeadLetter, error) {
	found, err := b.broker.DeadLetters(ctx, limit)
	letters := make([]hub.DeadLetter, len(found))
	for i, l := range found {
		letters[i] = hub.DeadLetter(l)
	}
	return letters, err
}

// Replay implements Queue.
func (b *brokered) Replay(ctx context.Context, ids ...string) (int, error) {
	return b.broker.Replay(ctx, ids...)
}

// Discard implements Queue.
func (b *brokered) Discard(ctx context.Context, ids ...string) (int, error) {
	return b.broker.Discard(ctx, ids...)
}

// ServeAgencies implements AgencyQueues.
func (b *brokered) ServeAgencies(ctx context.Context, o amqp.DeskOptions) {
	amqp.NewDesk(b.broker, o).Run(ctx)
}

// TestAgency implements AgencyQueues.
func (b *brokered) TestAgency(ctx context.Context, agency *hub.Agency, hops *hub.Hops) {
	b.broker.TestAgency(ctx, agency, hops)
}

// Carriers implements AgencyQueues.
func (b *brokered) Carriers(directory Directory) map[hub.Channel]delivery.Carrier {
	return map[hub.Channel]delivery.Carrier{hub.ChannelAMQP: amqp.NewCarrier(b.broker, directory)}
}

// Close implements io.Closer.
func (b *brokered) Close() error { return b.broker.Close() }

// local is the queue of a hub with one node.
type local struct{ *delivery.LocalQueue }

// Health implements Queue.
func (local) Health(context.Context) error { return nil }

// Depths implements Queue.
func (local) Depths(context.Context) (map[string]int, error) { return nil, nil } //nolint:nilnil // there is no broker

// DeadLetters implements Queue: a queue inside the process keeps none.
func (local) DeadLetters(context.Context, int) ([]hub.DeadLetter, error) { return nil, nil }

// Replay implements Queue.
func (local) Replay(context.Context, ...string) (int, error) { return 0, nil }

// ServeAgencies implements AgencyQueues: nobody comes this way.
func (local) ServeAgencies(ctx context.Context, _ amqp.DeskOptions) { <-ctx.Done() }

// TestAgency implements AgencyQueues.
func (local) TestAgency(_ context.Context, _ *hub.Agency, hops *hub.Hops) {
	hops.Fail(hub.HopConnect, hub.Errorf(hub.KindUnavailable, "", "broker_none", "this hub has no broker: its setting --broker is empty"))
}

// Carriers implements AgencyQueues.
func (local) Carriers(Directory) map[hub.Channel]delivery.Carrier { return nil }

// Discard implements Queue.
func (local) Discard(context.Context, ...string) (int, error) { return 0, nil }

// Close implements io.Closer.
func (local) Close() error { return nil }
