package tracking

import (
	"context"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// maxLeases bounds one call.
const maxLeases = 100

// Lease gives the actor the right to work on deliveries of an agency for a
// while: those named, or the next that are free.
func (s *Service) Lease(ctx context.Context, actor hub.Actor, request hub.LeaseRequest) ([]hub.Item, error) {
	if err := actor.Receives(request.Agency); err != nil {
		return nil, err
	}
	if len(request.IDs) > maxLeases {
		return nil, hub.Invalid("deliveries", "max_items", "at most %d deliveries can be leased at once", maxLeases)
	}
	request.Max = min(max(request.Max, 1), maxLeases)
	now := s.Now().UTC() // to the full, so that the longest lease is never a little too long
	wish := s.DefaultLease
	if !request.Until.IsZero() {
		wish = request.Until.Sub(now)
	}
	length, err := s.leaseLength(wish)
	if err != nil {
		return nil, err
	}
	request.Holder, request.Now, request.Until = actor.Name, now, now.Add(length)
	items, err := s.Leases.TakeLeases(ctx, request)
	for i := range items {
		items[i] = s.clocked(recipientsItem(items[i]))
	}
	return items, err
}

func (s *Service) leaseLength(wish time.Duration) (time.Duration, error) {
	switch {
	case wish == 0:
		return s.DefaultLease, nil
	case wish < 0 || wish > s.MaxLease:
		return 0, hub.Invalid("seconds", "range", "a lease lasts from 1 to %d seconds", int(s.MaxLease.Seconds()))
	}
	return wish, nil
}

// Renew extends a lease by d from now, so that long work is not done twice.
func (s *Service) Renew(ctx context.Context, actor hub.Actor, id hub.DeliveryID, fence int64, d time.Duration) (hub.Lease, error) {
	if _, err := s.own(ctx, actor, id); err != nil {
		return hub.Lease{}, err
	}
	length, err := s.leaseLength(d)
	if err != nil {
		return hub.Lease{}, err
	}
	now := s.now()
	return s.Leases.RenewLease(ctx, id, fence, now, now.Add(length))
}

// Release gives a lease back: the delivery is free for the next collector.
func (s *Service) Release(ctx context.Context, actor hub.Actor, id hub.DeliveryID, fence int64) error {
	item, err := s.own(ctx, actor, id)
	if err != nil {
		return err
	}
	if err := s.Leases.ReleaseLease(ctx, id, fence, s.now()); err != nil {
		return err
	}
	s.Bell.Ring(item.Delivery.Recipient)
	return nil
}

// own returns a delivery to the actor's agency; others do not exist for it.
func (s *Service) own(ctx context.Context, actor hub.Actor, id hub.DeliveryID) (hub.Item, error) {
	if err := actor.Require(hub.ScopeCollect); err != nil {
		return hub.Item{}, err
	}
	item, err := s.Store.Item(ctx, id)
	if err != nil {
		return hub.Item{}, err
	}
	if actor.Receives(item.Delivery.Recipient) != nil {
		return hub.Item{}, noDelivery()
	}
	return item, nil
}

// checkFence makes sure that nobody has taken the delivery over since the actor
// got it: the fence must be the latest. A lease that ran out still counts as long
// as nobody took another. Fence 0 stands for "I hold none" and serves while no
// lease is running.
func checkFence(d *hub.Delivery, fence int64, now time.Time) error {
	running := d.Lease != nil && now.Before(d.Lease.Until)
	switch {
	case d.Lease != nil && d.Lease.Fence == fence, fence == 0 && !running:
		return nil
	case fence == 0:
		return hub.Errorf(hub.KindConflict, "fence", "lease", "another collector works on this delivery until %s", d.Lease.Until.Format(time.RFC3339))
	}
	return hub.Errorf(hub.KindConflict, "fence", "lease", "the lease with fence %d was given back or taken over; lease the delivery again", fence)
}
