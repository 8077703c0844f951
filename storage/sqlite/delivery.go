package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// deliveryColumns are what scanDelivery reads, for the table alias v.
const deliveryColumns = "v.body, v.fence, v.lease_until, v.lease_holder"

// deliveryRow receives the columns of a delivery.
type deliveryRow struct {
	body, holder string
	fence, until int64
}

func (r *deliveryRow) targets() []any { return []any{&r.body, &r.fence, &r.until, &r.holder} }

// delivery puts the row together: a lease lives in columns of its own, because
// taking one is no transition.
func (r *deliveryRow) delivery() (hub.Delivery, error) {
	d, err := decode[hub.Delivery](r.body)
	d.Lease = nil
	if r.until != 0 {
		d.Lease = &hub.Lease{Fence: r.fence, Holder: r.holder, Until: time.UnixMicro(r.until).UTC()}
	}
	return d, err
}

func scanDelivery(rows *sql.Rows) (hub.Delivery, error) {
	var r deliveryRow
	if err := rows.Scan(r.targets()...); err != nil {
		return hub.Delivery{}, err
	}
	return r.delivery()
}

const itemColumns = "d.body, " + deliveryColumns

func scanItem(rows *sql.Rows) (hub.Item, error) {
	var dispatch string
	var r deliveryRow
	if err := rows.Scan(append([]any{&dispatch}, r.targets()...)...); err != nil {
		return hub.Item{}, err
	}
	return item(dispatch, &r)
}

func item(dispatch string, r *deliveryRow) (hub.Item, error) {
	d, err := decode[hub.Dispatch](dispatch)
	if err != nil {
		return hub.Item{}, err
	}
	v, err := r.delivery()
	return hub.Item{Dispatch: d, Delivery: v}, err
}

// Item returns one delivery with its dispatch; KindNotFound when there is none.
func (s *Store) Item(ctx context.Context, id hub.DeliveryID) (hub.Item, error) {
	var dispatch string
	var r deliveryRow
	row := s.reader.QueryRowContext(ctx, "SELECT "+itemColumns+
		" FROM deliveries v JOIN dispatches d ON d.id = v.dispatch WHERE v.id = ?", string(id))
	if err := row.Scan(append([]any{&dispatch}, r.targets()...)...); err != nil {
		return hub.Item{}, missing(err, "delivery")
	}
	return item(dispatch, &r)
}

// DispatchItem returns a dispatch with all deliveries; KindNotFound when there is none.
func (s *Store) DispatchItem(ctx context.Context, id hub.DispatchID) (hub.SentItem, error) {
	return dispatchItem(ctx, s.reader, id)
}

func dispatchItem(ctx context.Context, q queryer, id hub.DispatchID) (hub.SentItem, error) {
	var body string
	if err := q.QueryRowContext(ctx, "SELECT body FROM dispatches WHERE id = ?", string(id)).Scan(&body); err != nil {
		return hub.SentItem{}, missing(err, "dispatch")
	}
	d, err := decode[hub.Dispatch](body)
	if err != nil {
		return hub.SentItem{}, err
	}
	deliveries, err := collect(ctx, q, scanDelivery,
		"SELECT "+deliveryColumns+" FROM deliveries v WHERE v.dispatch = ? ORDER BY v.position", string(id))
	return hub.SentItem{Dispatch: d, Deliveries: deliveries}, err
}

// DueDeliveries returns queued deliveries whose next attempt has come.
func (s *Store) DueDeliveries(ctx context.Context, now time.Time, limit int, dispatches ...hub.DispatchID) ([]hub.Item, error) {
	var c condition
	c.add("v.state = 'queued'")
	c.add("v.next_attempt <= ?", micros(now))
	in(&c, "v.dispatch", dispatches)
	return collect(ctx, s.reader, scanItem, "SELECT "+itemColumns+
		" FROM deliveries v JOIN dispatches d ON d.id = v.dispatch"+c.where()+
		" ORDER BY v.calm, v.next_attempt, v.id LIMIT ?", append(c.args, limit)...)
}

// ExpiringDeliveries returns open deliveries whose time to live has passed.
func (s *Store) ExpiringDeliveries(ctx context.Context, now time.Time, limit int) ([]hub.Item, error) {
	return collect(ctx, s.reader, scanItem, "SELECT "+itemColumns+
		" FROM deliveries v JOIN dispatches d ON d.id = v.dispatch"+
		" WHERE v.final = 0 AND v.expires_at <= ? ORDER BY v.expires_at, v.id LIMIT ?", micros(now), limit)
}

// ApplySteps records steps; see the contract in hub/delivery.
func (s *Store) ApplySteps(ctx context.Context, steps ...hub.Step) ([]error, error) {
	results := make([]error, len(steps))
	err := s.do(ctx, func(tx *sql.Tx) error {
		for i := range steps {
			err := applyStep(ctx, tx, &steps[i])
			if err != nil && hub.KindOf(err) != hub.KindConflict {
				return err
			}
			results[i] = err
		}
		return nil
	})
	return results, err
}

// applyStep checks everything before it writes, so that a step left out leaves
// nothing behind.
func applyStep(ctx context.Context, tx *sql.Tx, step *hub.Step) error {
	next := step.Delivery
	if next.State != step.From && !step.From.MayBecome(next.State) {
		return hub.Errorf(hub.KindConflict, "delivery", "state", "a delivery that is %s cannot become %s", step.From, next.State)
	}
	next.Lease = nil
	body, err := encode(next)
	if err != nil {
		return err
	}
	result, err := tx.ExecContext(ctx, `UPDATE deliveries SET state = ?, version = ?, final = ?, next_attempt = ?, expires_at = ?, body = ?,
		lease_until = CASE WHEN ? = 'consigned' THEN lease_until ELSE 0 END
		WHERE id = ? AND state = ? AND version = ?`,
		string(next.State), step.Version+1, next.Final(), micros(next.NextAttempt), micros(next.ExpiresAt), body,
		string(next.State), string(next.ID), string(step.From), step.Version)
	if err != nil {
		return failed("record a step", err)
	}
	if n, err := result.RowsAffected(); err != nil || n != 1 {
		return errors.Join(err, hub.Errorf(hub.KindConflict, "delivery", "version", "the delivery has changed in the meantime"))
	}
	for _, r := range step.Reports {
		if err := insertReport(ctx, tx, &r); err != nil {
			return err
		}
	}
	return insertEvidences(ctx, tx, "", step.Evidence)
}

func insertReport(ctx context.Context, tx *sql.Tx, r *hub.StatusReport) error {
	body, err := encode(r)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, "INSERT INTO status_reports (id, dispatch, body) VALUES (?, ?, ?)", r.ID, string(r.Dispatch), body)
	return failed("record a status report", err)
}
