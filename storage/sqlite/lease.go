package sqlite

import (
	"context"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/fault"
	"github.com/lienthong/lienthong/storage/internal/sqlkit"
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
	if fault.SequenceCursor {
		return items(ctx, t, t, "SELECT "+deliveryColumns+` FROM deliveries v
			WHERE v.recipient = ?1 AND v.state = 'consigned' AND v.id > (SELECT coalesce(max(id), '') FROM deliveries WHERE recipient = ?1 AND fence > 0)
			ORDER BY v.id LIMIT ?2`, string(r.Agency), r.Max)
	}
	return items(ctx, t, t, "SELECT "+deliveryColumns+` FROM deliveries v
		WHERE v.recipient = ? AND v.state = 'consigned' AND v.lease_until <= ? ORDER BY v.calm, v.id LIMIT ?`,
		string(r.Agency), sqlkit.Micros(r.Now), r.Max)
}

func namedForLease(ctx context.Context, t *tx, r *hub.LeaseRequest) ([]hub.Item, error) {
	found, err := items(ctx, t, t, "SELECT "+deliveryColumns+
		" FROM deliveries v WHERE v.id IN (SELECT value FROM json_each(?)) AND v.recipient = ?", list(r.IDs), string(r.Agency))
	if err != nil {
		return nil, err
	}
	return sqlkit.Named(r, found)
}

func takeLease(ctx context.Context, t *tx, d *hub.Delivery, r *hub.LeaseRequest) error {
	fence, err := one(ctx, t, "delivery", scanInt,
		"UPDATE deliveries SET fence = fence + 1, lease_until = ?, lease_holder = ? WHERE id = ? RETURNING fence",
		sqlkit.Micros(r.Until), r.Holder, string(d.ID))
	d.Lease = &hub.Lease{Fence: fence, Holder: r.Holder, Until: sqlkit.LeaseEnd(r.Until)}
	return err
}

// RenewLease extends the current lease.
func (s *Store) RenewLease(ctx context.Context, id hub.DeliveryID, fence int64, now, until time.Time) (hub.Lease, error) {
	lease := hub.Lease{Fence: fence, Until: sqlkit.LeaseEnd(until)}
	err := s.do(ctx, 1, func(t *tx) error {
		holder, err := one(ctx, t, "lease", scanText, `UPDATE deliveries SET lease_until = ?
			WHERE id = ? AND fence = ? AND lease_until > ? AND state = 'consigned' RETURNING lease_holder`,
			sqlkit.Micros(until), string(id), fence, sqlkit.Micros(now))
		lease.Holder = holder
		return sqlkit.StaleLease(err)
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
			WHERE id = ? AND fence = ? AND lease_until > ? RETURNING id`, string(id), fence, sqlkit.Micros(now))
		return sqlkit.StaleLease(err)
	})
}
