package sqlite

import (
	"context"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// TakeLeases leases deliveries; see the contract in hub/tracking.
func (s *Store) TakeLeases(ctx context.Context, r hub.LeaseRequest) ([]hub.Item, error) {
	var taken []hub.Item
	err := s.do(ctx, max(r.Max, len(r.IDs)), func(t *tx) error {
		var err error
		if len(r.IDs) > 0 {
			taken, err = namedForLease(ctx, t, &r)
		} else {
			taken, err = freeForLease(ctx, t, &r)
		}
		for i := 0; err == nil && i < len(taken); i++ {
			err = takeLease(ctx, t, &taken[i].Delivery, &r)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return taken, nil
}

func freeForLease(ctx context.Context, t *tx, r *hub.LeaseRequest) ([]hub.Item, error) {
	return items(ctx, t, t, "SELECT "+deliveryColumns+` FROM deliveries v
		WHERE v.recipient = ? AND v.state = 'consigned' AND v.lease_until <= ? ORDER BY v.calm, v.id LIMIT ?`,
		string(r.Agency), micros(r.Now), r.Max)
}

func namedForLease(ctx context.Context, t *tx, r *hub.LeaseRequest) ([]hub.Item, error) {
	found, err := items(ctx, t, t, "SELECT "+deliveryColumns+
		" FROM deliveries v WHERE v.id IN (SELECT value FROM json_each(?)) AND v.recipient = ?", list(r.IDs), string(r.Agency))
	if err != nil {
		return nil, err
	}
	byID := make(map[hub.DeliveryID]hub.Item, len(found))
	for _, it := range found {
		byID[it.Delivery.ID] = it
	}
	named := make([]hub.Item, 0, len(found)) // in the order of the request, each once
	for _, id := range r.IDs {
		it, ok := byID[id]
		if !ok {
			return nil, hub.Errorf(hub.KindNotFound, "deliveries", "", "there is no delivery %s in this mailbox", id)
		}
		if it.Delivery.ID == "" {
			continue // named before
		}
		if err := leasable(&it.Delivery, r); err != nil {
			return nil, err
		}
		named = append(named, it)
		byID[id] = hub.Item{}
	}
	return named, nil
}

func leasable(d *hub.Delivery, r *hub.LeaseRequest) error {
	if d.State != hub.StateConsigned {
		return hub.Errorf(hub.KindConflict, "deliveries", "state", "delivery %s is %s and cannot be leased", d.ID, d.State)
	}
	if d.Lease != nil && r.Now.Before(d.Lease.Until) && d.Lease.Holder != r.Holder {
		return hub.Errorf(hub.KindConflict, "deliveries", "lease", "delivery %s is leased until %s", d.ID, d.Lease.Until.Format(time.RFC3339))
	}
	return nil
}

func takeLease(ctx context.Context, t *tx, d *hub.Delivery, r *hub.LeaseRequest) error {
	fence, err := one(ctx, t, "delivery", scanInt,
		"UPDATE deliveries SET fence = fence + 1, lease_until = ?, lease_holder = ? WHERE id = ? RETURNING fence",
		micros(r.Until), r.Holder, string(d.ID))
	d.Lease = &hub.Lease{Fence: fence, Holder: r.Holder, Until: r.Until.UTC().Truncate(time.Microsecond)}
	return err
}

// RenewLease extends the current lease.
func (s *Store) RenewLease(ctx context.Context, id hub.DeliveryID, fence int64, now, until time.Time) (hub.Lease, error) {
	lease := hub.Lease{Fence: fence, Until: until.UTC().Truncate(time.Microsecond)}
	err := s.do(ctx, 1, func(t *tx) error {
		holder, err := one(ctx, t, "lease", scanText, `UPDATE deliveries SET lease_until = ?
			WHERE id = ? AND fence = ? AND lease_until > ? AND state = 'consigned' RETURNING lease_holder`,
			micros(until), string(id), fence, micros(now))
		lease.Holder = holder
		return staleLease(err)
	})
	if err != nil {
		return hub.Lease{}, err
	}
	return lease, nil
}

// ReleaseLease ends the current lease.
func (s *Store) ReleaseLease(ctx context.Context, id hub.DeliveryID, fence int64, now time.Time) error {
	return s.do(ctx, 1, func(t *tx) error {
		_, err := one(ctx, t, "lease", scanText, `UPDATE deliveries SET lease_until = 0
			WHERE id = ? AND fence = ? AND lease_until > ? RETURNING id`, string(id), fence, micros(now))
		return staleLease(err)
	})
}

func staleLease(err error) error {
	if err != nil && hub.KindOf(err) == hub.KindNotFound {
		return hub.Errorf(hub.KindConflict, "fence", "lease", "the lease has run out or was taken over")
	}
	return err
}
