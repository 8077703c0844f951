package push

import (
	"context"
	"sync"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// How often the outbox is pruned, and how many rows at once.
const (
	pruneEvery = time.Hour
	pruneBatch = 1000
)

// Run tells subscriptions until ctx ends, and waits for the calls under way, which end
// with it. One node at a time runs it: two would tell the same twice.
func (s *Service) Run(ctx context.Context) error {
	d := &desk{Service: s, seats: map[string]*seat{}, free: make(chan struct{}, s.Workers), version: -1}
	defer d.calls.Wait()
	tick := time.NewTicker(s.Every)
	defer tick.Stop()
	for {
		if err := d.round(ctx); err != nil && ctx.Err() == nil {
			s.Log.WarnContext(ctx, "telling subscriptions will be tried again", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Work does once what Run does all the time: it reads the log, and tells each
// subscription what is due.
func (s *Service) Work(ctx context.Context) error {
	subs, err := s.Subscriptions.Subscriptions(ctx)
	if err == nil {
		_, err = s.feed(ctx, s.Subscriptions.Subscriptions)
	}
	for i := 0; i < len(subs) && err == nil; i++ {
		_, err = s.serve(ctx, subs[i].ID)
	}
	if err == nil {
		err = s.prune(ctx)
	}
	return err
}

// prune removes pushes that are too old for a replay.
func (s *Service) prune(ctx context.Context) error {
	for ctx.Err() == nil {
		n, err := s.Outbox.PrunePushes(ctx, s.now().Add(-s.Keep), pruneBatch)
		if err != nil || n < pruneBatch {
			return err
		}
	}
	return ctx.Err()
}

// desk is one life of Run: it knows when which subscription is to be served.
type desk struct {
	*Service
	version int64 // of the subscriptions below
	subs    []hub.Subscription
	pruned  time.Time
	calls   sync.WaitGroup
	free    chan struct{} // a token for each worker that works

	mu    sync.Mutex
	seats map[string]*seat
}

// seat is one subscription at the desk.
type seat struct {
	busy    bool
	fresh   bool      // something changed since it was last served
	wake    time.Time // zero: when something changes
	version int64     // of the subscription
}

func (d *desk) round(ctx context.Context) error {
	if _, err := d.current(ctx); err != nil {
		return err
	}
	fresh, err := d.feed(ctx, d.current)
	d.ring(ctx, fresh)
	if err != nil || d.now().Sub(d.pruned) < pruneEvery {
		return err
	}
	d.pruned = d.now()
	return d.prune(ctx)
}

// current returns the subscriptions as they are now.
func (d *desk) current(ctx context.Context) ([]hub.Subscription, error) {
	version, err := d.Subscriptions.SubscriptionsVersion(ctx)
	if err != nil || version == d.version {
		return d.subs, err
	}
	subs, err := d.Subscriptions.Subscriptions(ctx)
	if err != nil {
		return nil, err
	}
	d.subs, d.version = subs, version
	d.reseat()
	return d.subs, nil
}

// reseat gives every subscription a seat; each that has changed is looked at.
func (d *desk) reseat() {
	d.mu.Lock()
	defer d.mu.Unlock()
	there := map[string]bool{}
	for i := range d.subs {
		id := d.subs[i].ID
		there[id] = true
		if d.seats[id] == nil {
			d.seats[id] = &seat{}
		}
		seat := d.seats[id]
		seat.fresh, seat.version = seat.fresh || seat.version != d.subs[i].Version, d.subs[i].Version
	}
	for id, seat := range d.seats {
		if !there[id] && !seat.busy {
			delete(d.seats, id)
		}
	}
}

// ring serves those who have something new, and those whose time has come.
func (d *desk) ring(ctx context.Context, fresh map[string]bool) {
	now := d.now()
	d.mu.Lock()
	defer d.mu.Unlock()
	for id, seat := range d.seats {
		seat.fresh = seat.fresh || fresh[id]
		if seat.busy || !seat.fresh && (seat.wake.IsZero() || seat.wake.After(now)) {
			continue
		}
		select {
		case d.free <- struct{}{}:
		default:
			return // the others in the next round
		}
		seat.busy, seat.fresh, seat.wake = true, false, time.Time{}
		d.calls.Go(func() { d.attend(ctx, id, seat) })
	}
}

func (d *desk) attend(ctx context.Context, id string, seat *seat) {
	wake, err := d.serve(ctx, id)
	if err != nil && ctx.Err() == nil {
		d.Log.WarnContext(ctx, "a subscription will be served again", "subscription", id, "error", err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	seat.busy, seat.wake = false, wake
	<-d.free
}
