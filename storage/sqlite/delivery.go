package sqlite

import (
	"context"
	"database/sql"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/sqlkit"
)

// deliveryColumns are what scanDelivery reads, for the table alias v.
const deliveryColumns = "v.body, v.fence, v.lease_until, v.lease_holder"

// scanDelivery puts a delivery together: the lease lives in columns of its own.
func scanDelivery(rows *sql.Rows) (hub.Delivery, error) {
	var body sql.RawBytes
	var fence, until int64
	var holder string
	if err := rows.Scan(&body, &fence, &until, &holder); err != nil {
		return hub.Delivery{}, err
	}
	return sqlkit.DecodeDelivery(body, fence, until, holder)
}

// items reads deliveries, selected by deliveryColumns, with their dispatches; a
// dispatch that several of them belong to is read once. Both reads agree, because
// a dispatch is there before its deliveries and never changes.
func items(ctx context.Context, q, dispatches queryer, text string, args ...any) ([]hub.Item, error) {
	deliveries, err := collect(ctx, q, scanDelivery, text, args...)
	if err != nil || len(deliveries) == 0 {
		return nil, err
	}
	var ids []hub.DispatchID
	byID := make(map[hub.DispatchID]hub.Dispatch)
	for i := range deliveries {
		if _, ok := byID[deliveries[i].Dispatch]; !ok {
			ids = append(ids, deliveries[i].Dispatch)
			byID[deliveries[i].Dispatch] = hub.Dispatch{}
		}
	}
	found, err := collect(ctx, dispatches, scanBody[hub.Dispatch],
		"SELECT body FROM dispatches WHERE id IN (SELECT value FROM json_each(?))", list(ids))
	if err != nil {
		return nil, err
	}
	for i := range found {
		byID[found[i].ID] = found[i]
	}
	items := make([]hub.Item, len(deliveries))
	for i := range deliveries {
		items[i] = hub.Item{Dispatch: byID[deliveries[i].Dispatch], Delivery: deliveries[i]}
	}
	return items, nil
}

// Item returns one delivery with its dispatch; KindNotFound when there is none.
func (s *Store) Item(ctx context.Context, id hub.DeliveryID) (hub.Item, error) {
	found, err := items(ctx, s.reader, s.reader, "SELECT "+deliveryColumns+" FROM deliveries v WHERE v.id = ?", string(id))
	if err == nil && len(found) == 0 {
		err = sqlkit.NotFound("delivery")
	}
	if err != nil {
		return hub.Item{}, err
	}
	return found[0], nil
}

// Items returns deliveries with their dispatches, by id; those that are not there are left
// out.
func (s *Store) Items(ctx context.Context, ids []hub.DeliveryID) ([]hub.Item, error) {
	return items(ctx, s.reader, s.reader, "SELECT "+deliveryColumns+" FROM deliveries v WHERE v.id IN (SELECT value FROM json_each(?)) ORDER BY v.id", list(ids))
}

// DispatchItem returns a dispatch with all deliveries; KindNotFound when there is none.
func (s *Store) DispatchItem(ctx context.Context, id hub.DispatchID) (hub.SentItem, error) {
	return dispatchItem(ctx, s.reader, id)
}

func dispatchItem(ctx context.Context, q queryer, id hub.DispatchID) (hub.SentItem, error) {
	d, err := one(ctx, q, "dispatch", scanBody[hub.Dispatch], "SELECT body FROM dispatches WHERE id = ?", string(id))
	if err != nil {
		return hub.SentItem{}, err
	}
	deliveries, err := collect(ctx, q, scanDelivery,
		"SELECT "+deliveryColumns+" FROM deliveries v WHERE v.dispatch = ? ORDER BY +v.position", string(id))
	return hub.SentItem{Dispatch: d, Deliveries: deliveries}, err
}

// shareText sorts what it finds: to take the order from the index would mean to read the
// deliveries of all recipients.
const shareText = "SELECT " + deliveryColumns + ` FROM deliveries v
	WHERE v.dispatch = ? AND v.recipient IN (SELECT value FROM json_each(?)) ORDER BY +v.position`

// DispatchShare returns a dispatch with its deliveries to these recipients;
// KindNotFound when there is none.
func (s *Store) DispatchShare(ctx context.Context, id hub.DispatchID, recipients []hub.AgencyID) (hub.SentItem, error) {
	d, err := one(ctx, s.reader, "dispatch", scanBody[hub.Dispatch], "SELECT body FROM dispatches WHERE id = ?", string(id))
	if err != nil {
		return hub.SentItem{}, err
	}
	deliveries, err := collect(ctx, s.reader, scanDelivery, shareText, string(id), list(recipients))
	return hub.SentItem{Dispatch: d, Deliveries: deliveries}, err
}

// DispatchShares returns dispatches with their deliveries to these recipients, by id; those
// that are not there are left out.
func (s *Store) DispatchShares(ctx context.Context, ids []hub.DispatchID, recipients []hub.AgencyID) ([]hub.SentItem, error) {
	dispatches, err := collect(ctx, s.reader, scanBody[hub.Dispatch], "SELECT body FROM dispatches WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id", list(ids))
	if err != nil {
		return nil, err
	}
	return s.withSome(ctx, dispatches, ` FROM json_each(?) w CROSS JOIN deliveries v
		WHERE v.dispatch = w.value AND v.recipient IN (SELECT value FROM json_each(?)) ORDER BY v.dispatch, v.position`, list(recipients))
}

// DueDeliveries returns queued deliveries whose next attempt has come.
func (s *Store) DueDeliveries(ctx context.Context, now time.Time, limit int, dispatches ...hub.DispatchID) ([]hub.Item, error) {
	if len(dispatches) > 0 {
		return items(ctx, s.reader, s.reader, "SELECT "+deliveryColumns+` FROM deliveries v
			WHERE v.dispatch IN (SELECT value FROM json_each(?)) AND v.state = 'queued' AND v.next_attempt <= ?
			ORDER BY v.calm, v.next_attempt, v.id LIMIT ?`, list(dispatches), sqlkit.Micros(now), limit)
	}
	// One half for each value of calm: neither walks over what waits for a later attempt.
	half := "SELECT " + deliveryColumns + ", v.calm, v.next_attempt, v.id FROM deliveries v WHERE v.state = 'queued' AND v.next_attempt <= ?1 AND v.calm = "
	return items(ctx, s.reader, s.reader, "SELECT body, fence, lease_until, lease_holder FROM ("+
		half+"0 UNION ALL "+half+"1 ORDER BY 5, 6, 7 LIMIT ?2)", sqlkit.Micros(now), limit)
}

// ExpiringDeliveries returns open deliveries whose deadline has come. The column
// expires_at holds the deadline: the time of a warning, then that of the end.
func (s *Store) ExpiringDeliveries(ctx context.Context, now time.Time, limit int) ([]hub.Item, error) {
	return items(ctx, s.reader, s.reader, "SELECT "+deliveryColumns+
		" FROM deliveries v WHERE v.final = 0 AND v.expires_at <= ? ORDER BY v.expires_at, v.id LIMIT ?", sqlkit.Micros(now), limit)
}

// FailingDeliveries returns, of each recipient to whom the last attempt of a delivery
// failed, the oldest such delivery; of so many recipients at most, by their ids. It goes
// from one recipient to the next and reads no other deliveries.
func (s *Store) FailingDeliveries(ctx context.Context, limit int) ([]hub.Item, error) {
	const failing = "state = 'queued' AND json_extract(body, '$.last_error') <> ''"
	return items(ctx, s.reader, s.reader, `WITH RECURSIVE failing (recipient) AS (
			SELECT min(recipient) FROM deliveries WHERE `+failing+`
			UNION ALL SELECT (SELECT min(recipient) FROM deliveries WHERE `+failing+` AND recipient > f.recipient) FROM failing f WHERE f.recipient IS NOT NULL LIMIT ?)
		SELECT `+deliveryColumns+` FROM failing f CROSS JOIN deliveries v
			ON v.id = (SELECT min(id) FROM deliveries WHERE `+failing+` AND recipient = f.recipient)`, limit)
}

func encodeDelivery(d *hub.Delivery) ([]any, error) {
	body, err := sqlkit.EncodeDelivery(d)
	return deliveryRow(d, body), err
}

// deliveryRow is a delivery as insertDeliveries takes it.
func deliveryRow(d *hub.Delivery, body string) []any {
	return []any{
		string(d.ID), string(d.Dispatch), d.Index, string(d.Recipient), string(d.State), d.Version,
		d.Final(), !d.Urgent, sqlkit.Micros(d.NextAttempt), sqlkit.Micros(d.Deadline()), d.Request.Open(), body,
		int(d.AwaitsNow()), sqlkit.Arrived(d), string(d.FirstDue()),
	}
}

const insertDelivery = `INSERT INTO deliveries
	(id, dispatch, position, recipient, state, version, final, calm, next_attempt, expires_at, asked, body, awaits, arrived, due) VALUES`

func insertDeliveries(t *tx, rows [][]any) error {
	return failed("record deliveries", t.insert(insertDelivery, rows))
}
