package amqp

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net/url"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/lienthong/lienthong/hub"
)

// MaxShards is the largest number of work queues. Queues of an earlier, larger number
// of shards are looked for up to here.
const MaxShards = 64

// Options configure a Queue. Zero values take the defaults named beside them.
type Options struct {
	// URL is the address of the broker without a password: amqp://HOST/VHOST, or
	// amqps:// for TLS. A host name with several addresses stands for a cluster.
	URL string
	// Credentials returns user and password; it is asked at every connection. Without
	// it the user comes from the URL, with an empty password.
	Credentials func() (user, password string, err error)
	TLS         *tls.Config // for amqps; default: the authorities of the system
	Name        string      // of the connections in the broker's lists; default "lienthong"
	Log         *slog.Logger
	Now         func() time.Time

	Shards       int           // work queues, 1 to MaxShards; default 16
	Window       int           // messages on the way to their confirms; default 500
	PublishLimit time.Duration // the longest wait for a confirm; default 2 s
	// TraceID names the trace of a context in the header trace_id; nil for none.
	TraceID func(ctx context.Context) string

	Consumers int     // of Consume, each with a connection of its own; default 1
	Prefetch  int     // messages that a consumer holds, about; default 256
	Retry     Backoff // pauses between connections, and after batches that failed
	// Redeliveries is how often a message may come again before it is a dead letter;
	// default 16, at most 19: with the 20th the broker does it, for other reasons.
	Redeliveries int
	// OnDead is called for every new dead letter, on one node, by a Queue that
	// consumes; again if it fails. The letter stays where it is. May be nil.
	OnDead func(ctx context.Context, letter DeadLetter) error
}

// Backoff is how long to wait after failures in a row: First, then twice as long each
// time up to Max; of that a random part, at least half.
type Backoff struct {
	First time.Duration // default 250 ms
	Max   time.Duration // default 30 s
}

const (
	handshakeLimit = 10 * time.Second
	heartbeat      = 5 * time.Second
	// beginLimit is how long a connection may take to declare what it needs. A broker
	// that has just started has other things to do, too.
	beginLimit = time.Minute
	// writeLimit is how long the broker may take nothing from a connection before it
	// counts as lost. It is needed besides heartbeats: the client cannot end a
	// connection while a write is stuck.
	writeLimit = 10 * time.Second
)

func (o Options) withDefaults() (Options, error) {
	u, err := amqp091.ParseURI(o.URL)
	if err != nil {
		// The cause could repeat a password.
		return o, hub.Invalid("broker", "url", "this is not an address of the form amqps://HOST/VHOST")
	}
	if parsed, err := url.Parse(o.URL); err == nil && parsed.User != nil {
		if _, has := parsed.User.Password(); has {
			return o, hub.Invalid("broker", "secret", "a password does not belong into the address of the broker")
		}
	}
	if o.Credentials == nil {
		o.Credentials = func() (string, string, error) { return u.Username, "", nil }
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	setDefault(&o.Name, "lienthong")
	setDefault(&o.Shards, 16)
	setDefault(&o.Window, 500)
	setDefault(&o.PublishLimit, 2*time.Second)
	setDefault(&o.Consumers, 1)
	setDefault(&o.Prefetch, 256)
	setDefault(&o.Retry.First, 250*time.Millisecond)
	setDefault(&o.Retry.Max, 30*time.Second)
	setDefault(&o.Redeliveries, 16)
	return o, o.check()
}

func (o *Options) check() error {
	for _, bound := range []struct {
		field          string
		value, low, up int
	}{
		{"shards", o.Shards, 1, MaxShards},
		{"window", o.Window, 1, 1 << 16},
		{"consumers", o.Consumers, 1, 256},
		{"prefetch", o.Prefetch, 1, 1 << 15},
		{"redeliveries", o.Redeliveries, 1, deliveryLimit - 1},
	} {
		if bound.value < bound.low || bound.value > bound.up {
			return hub.Invalid(bound.field, "range", "%d is not within %d to %d", bound.value, bound.low, bound.up)
		}
	}
	return nil
}

func setDefault[T comparable](value *T, standard T) {
	var zero T
	if *value == zero {
		*value = standard
	}
}
