// Package delivery brings accepted dispatches to their recipients: it puts each
// delivery into the recipient's box or has a carrier bring it, settles what
// happened in batches, retries with growing pauses, and ends what was not
// collected in time with signed evidence.
//
// The database is the truth: a queue only says where to look first, and a
// sweeper finds whatever a queue has lost. An unknown error is temporary; only an
// error of a permanent kind, or the end of all attempts, fails a delivery. A
// crash between carry and settle repeats the carry under the same delivery id.
package delivery

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Backoff says how long to wait between attempts: First, then twice as long each
// time up to Max, each with jitter, and after Attempts attempts not at all.
type Backoff struct {
	First    time.Duration // default 30 s
	Max      time.Duration // default 1 h
	Attempts int           // default 50
}

// after returns the pause that follows the given number of attempts, with up to
// a quarter of jitter so that recipients that failed together do not return together.
func (b Backoff) after(attempts int) time.Duration {
	pause := b.Max
	if shift := attempts - 1; shift < 30 && b.First<<shift < b.Max {
		pause = b.First << shift
	}
	return pause + rand.N(pause/4+1)
}

// Options configure a Service. Zero values take the defaults named beside them.
type Options struct {
	Store      Store
	Notary     Notary
	Queue      Queue
	Bell       Bell
	Carriers   map[hub.Channel]Carrier // channels other than ChannelPull
	Now        func() time.Time
	Log        *slog.Logger
	Retry      Backoff
	Batch      int           // deliveries settled together; default 256
	SweepEvery time.Duration // default 1 s
	CarryLimit time.Duration // one carry; default 1 min
}

// Service is the delivery engine. It is safe for concurrent use.
type Service struct{ Options }

// New returns a Service with defaults filled in.
func New(o Options) *Service {
	if o.Retry.First == 0 {
		o.Retry.First = 30 * time.Second
	}
	if o.Retry.Max == 0 {
		o.Retry.Max = time.Hour
	}
	if o.Retry.Attempts == 0 {
		o.Retry.Attempts = 50
	}
	if o.Batch == 0 {
		o.Batch = 256
	}
	if o.SweepEvery == 0 {
		o.SweepEvery = time.Second
	}
	if o.CarryLimit == 0 {
		o.CarryLimit = time.Minute
	}
	return &Service{o}
}

// Run works until ctx ends and then finishes the batch under way. It returns nil
// after a stop and an error only when it cannot go on.
func (s *Service) Run(ctx context.Context) error {
	var group sync.WaitGroup
	var consumeErr error
	group.Go(func() {
		consumeErr = s.Queue.Consume(ctx, func(ctx context.Context, dispatches []hub.DispatchID) error {
			_, err := s.Work(context.WithoutCancel(ctx), dispatches...)
			return err
		})
	})
	s.sweep(ctx)
	group.Wait()
	if consumeErr != nil && !errors.Is(consumeErr, context.Canceled) {
		return consumeErr
	}
	return nil
}

// sweep looks for due and expired deliveries at a steady pace, whatever the
// queue says, until ctx ends.
func (s *Service) sweep(ctx context.Context) {
	tick := time.NewTicker(s.SweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		work := context.WithoutCancel(ctx)
		if _, err := s.Work(work); err != nil {
			s.Log.WarnContext(ctx, "delivery will be tried again", "error", err)
		}
		if _, err := s.Expire(work); err != nil {
			s.Log.WarnContext(ctx, "expiry will be tried again", "error", err)
		}
	}
}

// Work settles one batch of due deliveries, those of the given dispatches or any,
// and returns how many it settled. Deliveries that another worker was faster
// with do not count.
func (s *Service) Work(ctx context.Context, dispatches ...hub.DispatchID) (int, error) {
	total := 0
	for {
		items, err := s.Store.DueDeliveries(ctx, s.Now().UTC(), s.Batch, dispatches...)
		if err != nil || len(items) == 0 {
			return total, err
		}
		settled, err := s.settle(ctx, items)
		total += settled
		if err != nil || settled == 0 || len(items) < s.Batch {
			return total, err
		}
	}
}

// settle works on each item and records all outcomes in one transaction.
func (s *Service) settle(ctx context.Context, items []hub.Item) (int, error) {
	steps := make([]hub.Step, len(items))
	for i, outcome := range s.carryAll(ctx, items) {
		steps[i] = s.step(&items[i], outcome)
	}
	return s.apply(ctx, items, steps)
}

// carryAll brings pushed deliveries towards their recipients, at once, so that a
// slow one delays nobody else; each has its own time limit.
func (s *Service) carryAll(ctx context.Context, items []hub.Item) []error {
	outcomes := make([]error, len(items))
	var group sync.WaitGroup
	for i := range items {
		if items[i].Delivery.Channel == hub.ChannelPull {
			continue
		}
		carrier, ok := s.Carriers[items[i].Delivery.Channel]
		if !ok {
			outcomes[i] = hub.Errorf(hub.KindUnsupported, "channel", "", "no carrier for the channel %q", items[i].Delivery.Channel)
			continue
		}
		group.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, s.CarryLimit)
			defer cancel()
			outcomes[i] = carrier.Carry(ctx, items[i])
		})
	}
	group.Wait()
	return outcomes
}

// step turns an outcome into the transition that it means.
func (s *Service) step(item *hub.Item, outcome error) hub.Step {
	next := item.Delivery
	next.Attempts++
	next.LastError = ""
	switch {
	case outcome == nil && next.Channel == hub.ChannelPull:
		next.State = hub.StateConsigned
	case outcome == nil:
		next.State = hub.StateHandedOver
	case permanent(outcome):
		fail(&next, hub.ReasonUnreachable, outcome)
	case next.Attempts >= s.Retry.Attempts:
		fail(&next, hub.ReasonAttemptsExhausted, outcome)
	default:
		next.LastError = outcome.Error()
		next.NextAttempt = s.Now().UTC().Add(s.Retry.after(next.Attempts))
	}
	return s.transition(&item.Delivery, next)
}

func fail(d *hub.Delivery, reason hub.ReasonCode, cause error) {
	d.State, d.LastError = hub.StateFailed, cause.Error()
	d.Reason = &hub.Reason{Code: reason, Detail: "the delivery could not be made"}
}

// permanent reports whether trying again cannot help.
func permanent(err error) bool {
	var e *hub.Error
	if !errors.As(err, &e) {
		return false
	}
	switch e.Kind {
	case hub.KindInvalid, hub.KindUnsupported, hub.KindUnknownAgency, hub.KindNotFound:
		return true
	}
	return false
}

func (s *Service) transition(from *hub.Delivery, next hub.Delivery) hub.Step {
	next.Version = from.Version + 1
	next.UpdatedAt = s.Now().UTC()
	return hub.Step{Delivery: next, From: from.State, Version: from.Version}
}

// apply seals the evidences of the steps together, records everything in one
// transaction and rings for what arrived.
func (s *Service) apply(ctx context.Context, items []hub.Item, steps []hub.Step) (int, error) {
	if err := s.seal(ctx, items, steps); err != nil {
		return 0, err
	}
	results, err := s.Store.ApplySteps(ctx, steps...)
	if err != nil {
		return 0, err
	}
	settled := 0
	for i, stepErr := range results {
		switch {
		case stepErr == nil:
			settled++
			if steps[i].Delivery.State == hub.StateConsigned {
				s.Bell.Ring(steps[i].Delivery.Recipient)
			}
		case hub.KindOf(stepErr) != hub.KindConflict:
			s.Log.ErrorContext(ctx, "a delivery could not be settled", "delivery", steps[i].Delivery.ID, "error", stepErr)
		}
	}
	return settled, nil
}

func (s *Service) seal(ctx context.Context, items []hub.Item, steps []hub.Step) error {
	var drafts []hub.Evidence
	var owners []int
	for i := range steps {
		if event, ok := eventOf(&steps[i]); ok {
			drafts = append(drafts, evidence(event, &items[i], &steps[i]))
			owners = append(owners, i)
		}
	}
	if len(drafts) == 0 {
		return nil
	}
	sealed, err := s.Notary.Seal(ctx, drafts...)
	if err != nil {
		return err
	}
	for n, i := range owners {
		steps[i].Evidence = []hub.SealedEvidence{sealed[n]}
		steps[i].Delivery.LastEvidence = sealed[n].Ref()
	}
	return nil
}

// eventOf names the evidence that a step needs; a retry needs none.
func eventOf(step *hub.Step) (hub.Event, bool) {
	switch step.Delivery.State {
	case hub.StateConsigned:
		return hub.EventContentConsignment, true
	case hub.StateHandedOver:
		return hub.EventContentHandover, true
	case hub.StateFailed:
		if step.From == hub.StateQueued {
			return hub.EventContentConsignmentFailure, true
		}
		return hub.EventContentHandoverFailure, true
	case hub.StateExpired:
		if step.From == hub.StateHandedOver {
			return hub.EventAcceptanceRejectionExpiry, true
		}
		return hub.EventContentHandoverFailure, true
	}
	return "", false
}

func evidence(event hub.Event, item *hub.Item, step *hub.Step) hub.Evidence {
	e := hub.DeliveryEvidence(event, &item.Dispatch, &item.Delivery, step.Delivery.UpdatedAt)
	e.DeliveryInfo = &hub.DeliveryInfo{Attempt: step.Delivery.Attempts, Channel: step.Delivery.Channel}
	if step.Delivery.Reason != nil && event.Negative() {
		e.Reasons = []hub.Reason{*step.Delivery.Reason}
	}
	return e
}

// Expire ends deliveries whose time to live has passed, with evidence: what was
// never collected as a failed hand-over, what was collected but neither
// registered nor refused as expired acceptance.
func (s *Service) Expire(ctx context.Context) (int, error) {
	items, err := s.Store.ExpiringDeliveries(ctx, s.Now().UTC(), s.Batch)
	if err != nil || len(items) == 0 {
		return 0, err
	}
	steps := make([]hub.Step, len(items))
	for i := range items {
		next := items[i].Delivery
		next.State = hub.StateExpired
		next.Reason = &hub.Reason{Code: hub.ReasonRetentionExpired, Detail: "the time to live of the delivery has ended"}
		steps[i] = s.transition(&items[i].Delivery, next)
	}
	return s.apply(ctx, items, steps)
}
