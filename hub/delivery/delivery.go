// Package delivery brings accepted dispatches to their recipients: it puts each
// delivery into the recipient's box or has a carrier bring it, settles what
// happened with evidence, retries with growing pauses, warns both sides before a
// recipient's time is over, and ends what was not collected or not registered in time.
//
// The database is the truth: a queue only says where to look first, and a
// sweeper finds whatever a queue has lost. An unknown error is temporary; only an
// error of a permanent kind, or the end of all attempts, fails a delivery.
// Attempts are counted in the database before they are made, so that neither a
// restart nor a crash in the middle starts the count anew.
//
// A carry is claimed before it begins: for as long as it may take, no other
// worker of this process or another touches the delivery. A crash between carry
// and settle repeats the carry after that time; the delivery id is the
// idempotency key of the carrier. Each channel has its own workers and each
// recipient its share of them, so that whoever is slow delays nobody else.
package delivery

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Options configure a Service. Zero values take the defaults named beside them.
type Options struct {
	Store    Store
	Notary   Notary
	Queue    Queue
	Bell     Bell
	Carriers map[hub.Channel]Carrier // channels other than ChannelPull
	// Answer is what a counterpart answered to a carry that succeeded, for the note of the
	// evidence; default: nothing worth noting. Of another axis it is empty where that did not
	// take the dispatch over for this recipient.
	Answer func(ctx context.Context, item *hub.Item) string
	// Hold keeps a dispatch from being handed over to another axis until release; KindBusy
	// while it goes there. Default: nothing goes there.
	Hold func(ctx context.Context, item *hub.Item) (release func(), err error)
	// InBox reports whether what is for an agency waits in its box from now on, whatever its
	// channel was when it was sent; default: never. Another axis keeps what is behind it.
	InBox func(recipient hub.AgencyID) bool
	Now   func() time.Time
	NewID func() string
	Log   *slog.Logger // default: silent
	// Jitter returns a random part of a pause, from 0 to d; default uniform.
	Jitter func(d time.Duration) time.Duration

	Deadlines  hub.Deadlines // of recipients
	Retry      Backoff
	Breaker    Breaker
	Batch      int           // deliveries settled in one transaction; default 256
	SweepEvery time.Duration // default 1 s
	// SweepGrace is how long a delivery is left to the queue before the sweeper
	// takes it. Where the queue is a broker between several nodes it saves double
	// work; default none.
	SweepGrace   time.Duration
	CarryLimit   time.Duration // one carry; default 1 min
	StopLimit    time.Duration // carries under way when Run is stopped; default 10 s
	Workers      int           // carries at once for one channel; default 16
	PerRecipient int           // carries at once for one recipient; default 2
}

// Service is the delivery engine. It is safe for concurrent use.
type Service struct {
	Options
	lanes map[hub.Channel]*lane
}

// New returns a Service with defaults filled in.
func New(o Options) *Service {
	o.Retry, o.Breaker = o.Retry.withDefaults(), o.Breaker.withDefaults()
	setDefault(&o.Batch, 256)
	setDefault(&o.SweepEvery, time.Second)
	setDefault(&o.CarryLimit, time.Minute)
	setDefault(&o.StopLimit, 10*time.Second)
	setDefault(&o.Workers, 16)
	setDefault(&o.PerRecipient, 2)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Jitter == nil {
		o.Jitter = func(d time.Duration) time.Duration { return rand.N(d + 1) }
	}
	s := &Service{Options: o, lanes: make(map[hub.Channel]*lane, len(o.Carriers))}
	for channel, carrier := range o.Carriers {
		s.lanes[channel] = newLane(carrier, &o)
	}
	return s
}

func setDefault[T comparable](value *T, standard T) {
	var zero T
	if *value == zero {
		*value = standard
	}
}

// now is the time that transitions and evidences carry: UTC, milliseconds.
func (s *Service) now() time.Time { return s.Now().UTC().Truncate(time.Millisecond) }

// Run works on what the queue names until ctx ends. Then it begins nothing new,
// lets what is under way finish, carries for StopLimit at most, and returns nil.
// Every node runs it.
func (s *Service) Run(ctx context.Context) error { return s.live(ctx, (*run).consume) }

// RunSweeper looks for due and expired deliveries at a steady pace, whatever the
// queue says, and ends as Run does. One node at a time runs it: two would do the
// same work twice, though neither would do harm.
func (s *Service) RunSweeper(ctx context.Context) error { return s.live(ctx, (*run).sweep) }

func (s *Service) live(ctx context.Context, loop func(*run)) error {
	work, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(s.StopLimit, cut) })
	defer stop()
	r := &run{Service: s, ctx: ctx, work: work}
	loop(r)
	r.carries.Wait()
	return nil
}

// run is one life of a loop of the service between start and stop.
type run struct {
	*Service
	ctx     context.Context //nolint:containedctx // ends when Run is stopped
	work    context.Context //nolint:containedctx // ends when the time to finish is over
	carries sync.WaitGroup
}

// consume works on what the queue names. A queue that is away is waited for: the
// sweeper does its work in the meantime.
func (r *run) consume() {
	for {
		err := r.Queue.Consume(r.ctx, func(_ context.Context, dispatches []hub.DispatchID) error {
			_, err := r.round(r.ctx, r.work, &r.carries, 0, dispatches)
			return err
		})
		if r.ctx.Err() != nil {
			return
		}
		r.Log.WarnContext(r.ctx, "the queue is away", "error", err)
		select {
		case <-r.ctx.Done():
			return
		case <-time.After(r.SweepEvery):
		}
	}
}

// sweep ends what has expired before it could be carried.
func (r *run) sweep() {
	tick := time.NewTicker(r.SweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-r.ctx.Done():
			return
		case <-tick.C:
		}
		if _, err := r.expire(r.ctx, r.work); err != nil {
			r.Log.WarnContext(r.ctx, "expiry will be tried again", "error", err)
		}
		if _, err := r.round(r.ctx, r.work, &r.carries, r.SweepGrace, nil); err != nil {
			r.Log.WarnContext(r.ctx, "delivery will be tried again", "error", err)
		}
	}
}
