package hubtest

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// DueDeliveries returns queued deliveries whose next attempt has come.
func (m *Memory) DueDeliveries(_ context.Context, now time.Time, limit int, dispatches ...hub.DispatchID) ([]hub.Item, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	rows := m.choose(func(r *deliveryRow) bool {
		d := &r.delivery
		return d.State == hub.StateQueued && !d.NextAttempt.After(now) &&
			(len(dispatches) == 0 || slices.Contains(dispatches, d.Dispatch))
	})
	slices.SortStableFunc(rows, func(a, b *deliveryRow) int {
		return cmp.Or(cmp.Compare(a.urgency()[:1], b.urgency()[:1]), a.delivery.NextAttempt.Compare(b.delivery.NextAttempt))
	})
	return m.items(rows, limit), nil
}

// ExpiringDeliveries returns open deliveries whose deadline has come.
func (m *Memory) ExpiringDeliveries(_ context.Context, now time.Time, limit int) ([]hub.Item, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	rows := m.choose(func(r *deliveryRow) bool { return !r.delivery.Final() && !r.delivery.Deadline().After(now) })
	slices.SortStableFunc(rows, func(a, b *deliveryRow) int { return a.delivery.Deadline().Compare(b.delivery.Deadline()) })
	return m.items(rows, limit), nil
}

func (m *Memory) items(rows []*deliveryRow, limit int) []hub.Item {
	var items []hub.Item
	for _, r := range rows[:min(limit, len(rows))] {
		items = append(items, m.item(r))
	}
	return items
}

// ApplySteps records steps: all that fit, in one transaction. A step needs the
// state and version that it names, a legal transition, a delivery that has not
// ended unless the state stays, and that nobody took a lease in between.
func (m *Memory) ApplySteps(ctx context.Context, steps ...hub.Step) ([]error, error) {
	if err := m.change(ctx, "ApplySteps"); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	commit, results := m.prepare(steps)
	if err := commit(); err != nil {
		return nil, err
	}
	return results, nil
}

// prepare tells what becomes of each step, and returns what records those that fit,
// behind other evidence.
func (m *Memory) prepare(steps []hub.Step, evidence ...hub.SealedEvidence) (commit func() error, results []error) {
	changed := map[hub.DeliveryID]*deliveryRow{}
	results = make([]error, len(steps))
	evidence = slices.Clone(evidence)
	var reports []hub.StatusReport
	for i := range steps {
		row, ok := changed[steps[i].Delivery.ID]
		if !ok {
			row = m.deliveries[steps[i].Delivery.ID]
		}
		if !fits(row, &steps[i]) {
			results[i] = hub.Errorf(hub.KindConflict, "delivery", "version", "the delivery has changed, ended or been leased in the meantime")
			continue
		}
		changed[row.delivery.ID] = stepped(row, &steps[i])
		evidence = append(evidence, steps[i].Evidence...)
		reports = append(reports, clone(steps[i].Reports)...)
	}
	return func() error {
		if err := m.addEvidence("", evidence); err != nil {
			return err
		}
		for id, row := range changed {
			m.deliveries[id] = row
		}
		m.reports = append(m.reports, reports...)
		return nil
	}, results
}

func fits(row *deliveryRow, step *hub.Step) bool {
	if row == nil || row.delivery.State != step.From || row.delivery.Version != step.Version {
		return false
	}
	fence, next := int64(0), step.Delivery.State
	if step.Delivery.Lease != nil {
		fence = step.Delivery.Lease.Fence
	}
	stays := next == step.From
	return (stays || step.From.MayBecome(next)) && (stays || !row.delivery.Final()) && (row.until.IsZero() || row.fence == fence)
}

func stepped(row *deliveryRow, step *hub.Step) *deliveryRow {
	next := *row
	next.delivery = clone(step.Next())
	next.delivery.Lease = nil
	if next.delivery.State != hub.StateConsigned {
		next.until = time.Time{}
	}
	if next.delivery.Final() && !row.delivery.Final() {
		next.ended = next.delivery.UpdatedAt.UTC()
	}
	return &next
}

// TakeLeases leases deliveries that are free, or those that are named.
func (m *Memory) TakeLeases(ctx context.Context, r hub.LeaseRequest) ([]hub.Item, error) {
	if err := m.change(ctx, "TakeLeases"); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	rows, err := m.named(&r)
	if err != nil {
		return nil, err
	}
	if len(r.IDs) == 0 {
		rows = m.choose(func(row *deliveryRow) bool {
			return row.delivery.Recipient == r.Agency && row.delivery.State == hub.StateConsigned && !row.until.After(r.Now)
		})
		slices.SortFunc(rows, func(a, b *deliveryRow) int { return cmp.Compare(a.urgency(), b.urgency()) })
		rows = rows[:min(r.Max, len(rows))]
	}
	for _, row := range rows {
		row.fence++
		row.holder, row.until = r.Holder, r.Until.UTC()
	}
	return m.items(rows, len(rows)), nil
}

func (m *Memory) named(r *hub.LeaseRequest) ([]*deliveryRow, error) {
	var rows []*deliveryRow
	for _, id := range r.IDs {
		row, ok := m.deliveries[id]
		switch {
		case !ok || row.delivery.Recipient != r.Agency:
			return nil, notFound("deliveries")
		case row.delivery.State != hub.StateConsigned:
			return nil, hub.Errorf(hub.KindConflict, "deliveries", "state", "delivery %s is %s", id, row.delivery.State)
		case row.until.After(r.Now) && row.holder != r.Holder:
			return nil, hub.Errorf(hub.KindConflict, "deliveries", "lease", "delivery %s is leased", id)
		case !slices.Contains(rows, row):
			rows = append(rows, row)
		}
	}
	return rows, nil
}

// RenewLease extends the current lease.
func (m *Memory) RenewLease(ctx context.Context, id hub.DeliveryID, fence int64, now, until time.Time) (hub.Lease, error) {
	if err := m.change(ctx, "RenewLease"); err != nil {
		return hub.Lease{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	row := m.deliveries[id]
	if !current(row, fence, now) {
		return hub.Lease{}, staleLease()
	}
	row.until = until.UTC()
	return *row.view().Lease, nil
}

// ReleaseLease ends the current lease.
func (m *Memory) ReleaseLease(ctx context.Context, id hub.DeliveryID, fence int64, now time.Time) error {
	if err := m.change(ctx, "ReleaseLease"); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	row := m.deliveries[id]
	if !current(row, fence, now) {
		return staleLease()
	}
	row.until = time.Time{}
	return nil
}

func current(row *deliveryRow, fence int64, now time.Time) bool {
	return row != nil && row.delivery.State == hub.StateConsigned && row.fence == fence && row.until.After(now)
}

func staleLease() error {
	return hub.Errorf(hub.KindConflict, "fence", "lease", "the lease has run out or was taken over")
}
