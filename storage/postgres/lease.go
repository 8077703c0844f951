package postgres

import (
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/sqlkit"
)

// freeText passes over deliveries that another collector is just leasing, so that
// collectors neither wait for each other nor get the same.
func freeText() string {
	return `WITH free AS (SELECT id FROM deliveries WHERE recipient = $1 AND state = 'consigned' AND lease_until <= $2
			ORDER BY calm, id LIMIT $3 FOR UPDATE SKIP LOCKED),
		taken AS (UPDATE deliveries v SET fence = v.fence + 1, lease_until = $4, lease_holder = $5 FROM free WHERE v.id = free.id
			RETURNING v.*) ` + itemsOf("taken v", "calm, id")
}

// namedText leases the named deliveries if all of them can be leased, and returns
// them as they were before but for the fence, which is 0 if they were not leased. It
// waits for who is just leasing them. What can be leased is what sqlkit.Named says.
func namedText() string {
	return `WITH named AS (SELECT v.* FROM unnest($1::text[]) AS w (id) JOIN deliveries v ON v.id = w.id AND v.recipient = $2
			ORDER BY v.id FOR UPDATE OF v),
		taken AS (UPDATE deliveries v SET fence = v.fence + 1, lease_until = $4, lease_holder = $5 FROM named WHERE v.id = named.id
			AND (SELECT count(*) = cardinality($1) AND bool_and(state = 'consigned' AND (lease_until <= $3 OR lease_holder = $5)) FROM named)
			RETURNING v.id, v.fence) ` +
		itemsOf(`(SELECT n.id, n.dispatch, n.body, coalesce(t.fence, 0) AS fence, n.lease_until, n.lease_holder
			FROM named n LEFT JOIN taken t ON t.id = n.id) v`, "id")
}

// TakeLeases leases deliveries; see the contract in hub/tracking.
func (s *Store) TakeLeases(ctx context.Context, r hub.LeaseRequest) ([]hub.Item, error) {
	var found []itemRow
	var err error
	if len(r.IDs) > 0 {
		ids := slices.Compact(slices.Sorted(slices.Values(texts(r.IDs)))) // each once
		found, err = change(ctx, s, "lease deliveries", scanItem, namedText(),
			ids, string(r.Agency), sqlkit.Micros(r.Now), sqlkit.Micros(r.Until), r.Holder)
	} else {
		found, err = change(ctx, s, "lease deliveries", scanItem, freeText(),
			string(r.Agency), sqlkit.Micros(r.Now), r.Max, sqlkit.Micros(r.Until), r.Holder)
	}
	items, err := itemsFrom(found, err)
	if err == nil && len(r.IDs) > 0 {
		items, err = sqlkit.Named(&r, items)
	}
	if err != nil {
		return nil, err
	}
	return leased(&r, items, found)
}

// leased puts the new leases into the items.
func leased(r *hub.LeaseRequest, items []hub.Item, found []itemRow) ([]hub.Item, error) {
	fences := make(map[hub.DeliveryID]int64, len(found))
	for i := range found {
		fences[found[i].delivery.ID] = found[i].fence
	}
	for i := range items {
		d := &items[i].Delivery
		d.Lease = &hub.Lease{Fence: fences[d.ID], Holder: r.Holder, Until: sqlkit.LeaseEnd(r.Until)}
		if d.Lease.Fence == 0 {
			return nil, hub.Internal("delivery "+string(d.ID)+" can be leased and was not", nil)
		}
	}
	return items, nil
}

// RenewLease extends the current lease.
func (s *Store) RenewLease(ctx context.Context, id hub.DeliveryID, fence int64, now, until time.Time) (hub.Lease, error) {
	holders, err := change(ctx, s, "renew a lease", pgx.RowTo[string], `UPDATE deliveries SET lease_until = $4
		WHERE id = $1 AND fence = $2 AND lease_until > $3 AND state = 'consigned' RETURNING lease_holder`,
		string(id), fence, sqlkit.Micros(now), sqlkit.Micros(until))
	holder, err := first(holders, "lease", err)
	if err != nil {
		return hub.Lease{}, sqlkit.StaleLease(err)
	}
	return hub.Lease{Fence: fence, Holder: holder, Until: sqlkit.LeaseEnd(until)}, nil
}

// ReleaseLease ends the current lease.
func (s *Store) ReleaseLease(ctx context.Context, id hub.DeliveryID, fence int64, now time.Time) error {
	ended, err := change(ctx, s, "release a lease", pgx.RowTo[string],
		"UPDATE deliveries SET lease_until = 0 WHERE id = $1 AND fence = $2 AND lease_until > $3 RETURNING id",
		string(id), fence, sqlkit.Micros(now))
	_, err = first(ended, "lease", err)
	return sqlkit.StaleLease(err)
}
