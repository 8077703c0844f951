package postgres

import (
	"context"
	"math/bits"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/sqlkit"
)

// itemsOf makes a statement that reads deliveries with their dispatches in one go. A
// dispatch that several of them belong to comes once, with the first. from yields
// the rows of deliveries under the name v; order names columns of v.
func itemsOf(from, order string) string {
	return "SELECT v.body, v.fence, v.lease_until, v.lease_holder, d.body FROM (SELECT v.*, row_number() OVER (PARTITION BY v.dispatch ORDER BY " +
		order + ") AS nth FROM " + from + ") v LEFT JOIN LATERAL (SELECT body FROM dispatches WHERE v.nth = 1 AND id = v.dispatch LIMIT 1) d ON true ORDER BY " + order
}

// itemRow is a row of itemsOf.
type itemRow struct {
	delivery hub.Delivery
	fence    int64
	dispatch *hub.Dispatch // nil where it came before
}

func scanItem(row pgx.CollectableRow) (itemRow, error) {
	var delivery, dispatch []byte
	var fence, until int64
	var holder string
	if err := row.Scan(&delivery, &fence, &until, &holder, &dispatch); err != nil {
		return itemRow{}, err
	}
	v, err := sqlkit.DecodeDelivery(delivery, fence, until, holder)
	if err != nil || dispatch == nil {
		return itemRow{delivery: v, fence: fence}, err
	}
	d, err := sqlkit.Decode[hub.Dispatch](dispatch)
	return itemRow{v, fence, &d}, err
}

// itemsFrom joins the rows of itemsOf.
func itemsFrom(found []itemRow, err error) ([]hub.Item, error) {
	if err != nil || len(found) == 0 {
		return nil, err
	}
	byID := make(map[hub.DispatchID]*hub.Dispatch)
	for _, r := range found {
		if r.dispatch != nil {
			byID[r.dispatch.ID] = r.dispatch
		}
	}
	items := make([]hub.Item, len(found))
	for i, r := range found {
		d, ok := byID[r.delivery.Dispatch]
		if !ok {
			return nil, hub.Internal("delivery "+string(r.delivery.ID)+" has no dispatch", nil)
		}
		items[i] = hub.Item{Dispatch: *d, Delivery: r.delivery}
	}
	return items, nil
}

// items reads deliveries with a statement of itemsOf.
func (s *Store) items(ctx context.Context, text string, args ...any) ([]hub.Item, error) {
	return itemsFrom(collect(ctx, s, scanItem, text, args...))
}

// Item returns one delivery with its dispatch; KindNotFound when there is none.
func (s *Store) Item(ctx context.Context, id hub.DeliveryID) (hub.Item, error) {
	found, err := s.items(ctx, itemsOf("deliveries v WHERE v.id = $1", "id"), string(id))
	return first(found, "delivery", err)
}

// Items returns deliveries with their dispatches, by id; those that are not there are left
// out.
func (s *Store) Items(ctx context.Context, ids []hub.DeliveryID) ([]hub.Item, error) {
	return s.items(ctx, itemsOf(`(SELECT v.* FROM (SELECT DISTINCT id FROM unnest($1::text[]) AS w (id)) w
		CROSS JOIN LATERAL (SELECT * FROM deliveries WHERE id = w.id LIMIT 1) v) v`, "id"), texts(ids))
}

// sentOf makes a statement that reads dispatches with all their deliveries in one go.
// from yields the rows of dispatches under the name d; order names columns of d. The
// range of ids spares looking into other months.
func sentOf(from, order string) string { return sentTo(from, "", order) }

// sentTo is sentOf with a condition on the deliveries.
func sentTo(from, only, order string) string {
	return `SELECT CASE WHEN coalesce(v.nth, 1) = 1 THEN d.body END, v.body, v.fence, v.lease_until, v.lease_holder
		FROM ` + from + ` LEFT JOIN LATERAL (SELECT v.*, row_number() OVER (ORDER BY v.position) AS nth FROM deliveries v
			WHERE v.dispatch = d.id AND v.id BETWEEN d.first_delivery AND d.last_delivery ` + only + `) v ON true
		ORDER BY ` + order + ", v.position"
}

// sentRow is a row of sentOf.
type sentRow struct {
	dispatch *hub.Dispatch // nil but in the first row of a dispatch
	delivery *hub.Delivery // nil where a dispatch has none any more
}

func scanSent(row pgx.CollectableRow) (sentRow, error) {
	var r sentRow
	var dispatch, delivery []byte
	var fence, until *int64
	var holder *string
	if err := row.Scan(&dispatch, &delivery, &fence, &until, &holder); err != nil {
		return r, err
	}
	if dispatch != nil {
		d, err := sqlkit.Decode[hub.Dispatch](dispatch)
		if err != nil {
			return r, err
		}
		r.dispatch = &d
	}
	if delivery == nil {
		return r, nil
	}
	v, err := sqlkit.DecodeDelivery(delivery, *fence, *until, *holder)
	r.delivery = &v
	return r, err
}

// sent reads dispatches with a statement of sentOf.
func (s *Store) sent(ctx context.Context, text string, args ...any) ([]hub.SentItem, error) {
	found, err := collect(ctx, s, scanSent, text, args...)
	if err != nil {
		return nil, err
	}
	var items []hub.SentItem
	for _, r := range found {
		if r.dispatch != nil {
			items = append(items, hub.SentItem{Dispatch: *r.dispatch})
		}
		if last := len(items) - 1; r.delivery != nil {
			items[last].Deliveries = append(items[last].Deliveries, *r.delivery)
		}
	}
	return items, nil
}

// DispatchItem returns a dispatch with all deliveries; KindNotFound when there is
// none. A dispatch whose deliveries were detached comes without them.
func (s *Store) DispatchItem(ctx context.Context, id hub.DispatchID) (hub.SentItem, error) {
	found, err := s.sent(ctx, sentOf("(SELECT * FROM dispatches WHERE id = $1) d", "d.id"), string(id))
	return first(found, "dispatch", err)
}

// DispatchShare returns a dispatch with its deliveries to these recipients;
// KindNotFound when there is none.
func (s *Store) DispatchShare(ctx context.Context, id hub.DispatchID, recipients []hub.AgencyID) (hub.SentItem, error) {
	found, err := s.sent(ctx, sentTo("(SELECT * FROM dispatches WHERE id = $1) d", "AND v.recipient = ANY ($2::text[])", "d.id"), string(id), texts(recipients))
	return first(found, "dispatch", err)
}

// DispatchShares returns dispatches with their deliveries to these recipients, by id; those
// that are not there are left out.
func (s *Store) DispatchShares(ctx context.Context, ids []hub.DispatchID, recipients []hub.AgencyID) ([]hub.SentItem, error) {
	return s.sent(ctx, sentTo("(SELECT * FROM dispatches WHERE id = ANY ($1)) d", "AND v.recipient = ANY ($2::text[])", "d.id"), texts(ids), texts(recipients))
}

// DueDeliveries returns queued deliveries whose next attempt has come.
func (s *Store) DueDeliveries(ctx context.Context, now time.Time, limit int, dispatches ...hub.DispatchID) ([]hub.Item, error) {
	if len(dispatches) > 0 {
		return s.items(ctx, itemsOf(`(SELECT v.* FROM unnest($1::text[]) AS w (id)
			CROSS JOIN LATERAL (SELECT * FROM dispatches WHERE id = w.id LIMIT 1) d
			CROSS JOIN LATERAL (SELECT * FROM deliveries v WHERE v.dispatch = d.id AND v.id BETWEEN d.first_delivery AND d.last_delivery OFFSET 0) v
			WHERE v.state = 'queued' AND v.next_attempt <= $2 ORDER BY v.calm, v.next_attempt, v.id LIMIT $3) v`, "calm, next_attempt, id"),
			texts(dispatches), sqlkit.Micros(now), limit)
	}
	// One half for each value of calm: neither walks over what waits for a later attempt.
	return s.items(ctx, itemsOf(`(SELECT v.* FROM (VALUES (0::smallint), (1)) AS h (calm) CROSS JOIN LATERAL (
			SELECT * FROM deliveries v WHERE v.state = 'queued' AND v.calm = h.calm AND v.next_attempt <= $1
			ORDER BY v.next_attempt, v.id `+atMost(limit)+`) v
		ORDER BY v.calm, v.next_attempt, v.id LIMIT $2) v`, "calm, next_attempt, id"), sqlkit.Micros(now), limit)
}

// ExpiringDeliveries returns open deliveries whose deadline has come. The column
// expires_at holds the deadline: the time of a warning, then that of the end.
func (s *Store) ExpiringDeliveries(ctx context.Context, now time.Time, limit int) ([]hub.Item, error) {
	return s.items(ctx, itemsOf(`(SELECT * FROM (SELECT * FROM deliveries v WHERE NOT v.final AND v.expires_at <= $1
		ORDER BY v.expires_at, v.id `+atMost(limit)+`) v LIMIT $2) v`, "expires_at, id"), sqlkit.Micros(now), limit)
}

// FailingDeliveries returns, of each recipient to whom the last attempt of a delivery
// failed, the oldest such delivery; of so many recipients at most, by their ids. It goes
// from one recipient to the next and reads no other deliveries.
func (s *Store) FailingDeliveries(ctx context.Context, limit int) ([]hub.Item, error) {
	const failing = "state = 'queued' AND body::jsonb ->> 'last_error' <> ''"
	return s.items(ctx, itemsOf(`(WITH RECURSIVE failing (recipient) AS (
			(SELECT recipient FROM deliveries WHERE `+failing+` ORDER BY recipient LIMIT 1)
			UNION ALL SELECT (SELECT recipient FROM deliveries WHERE `+failing+` AND recipient > f.recipient ORDER BY recipient LIMIT 1)
				FROM failing f WHERE f.recipient IS NOT NULL)
		SELECT v.* FROM (SELECT recipient FROM failing WHERE recipient IS NOT NULL LIMIT $1) f CROSS JOIN LATERAL (
			SELECT * FROM deliveries WHERE `+failing+` AND recipient = f.recipient ORDER BY id LIMIT 1) v) v`, "recipient"), limit)
}

// atMost makes the LIMIT that the planner is to reckon with: the next power of two.
// Of a LIMIT that is a parameter it would believe that it means a tenth of all rows,
// and walk through tables; one for every number would be a new plan for each. The
// number itself limits the rows of the whole statement.
func atMost(limit int) string {
	return "LIMIT " + strconv.Itoa(1<<bits.Len(uint(max(limit, 1)-1)))
}

// texts is the form in which a statement takes any number of ids.
func texts[T ~string](ids []T) []string {
	list := make([]string, len(ids))
	for i, id := range ids {
		list[i] = string(id)
	}
	return list
}
