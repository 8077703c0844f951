package sqlite

import (
	"context"
	"database/sql"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Mailbox lists deliveries to an agency by state: urgent ones first, then oldest
// first.
func (s *Store) Mailbox(ctx context.Context, query hub.MailboxQuery) (hub.List[hub.Item], error) {
	var list hub.List[hub.Item]
	var c condition
	c.add("v.recipient = ?", string(query.Agency))
	states := query.States
	if len(states) == 0 {
		states = []hub.DeliveryState{hub.StateConsigned}
	}
	in(&c, "v.state", states)
	if query.Free {
		c.add("v.lease_until <= ?", micros(query.Now))
	}
	c.words("d.search", query.Text)
	after, err := parseCursor(query.Page.After, 2)
	if err != nil {
		return list, err
	}
	if after != nil {
		c.add("(v.calm, v.id) > (CAST(? AS INTEGER), ?)", after[0], after[1])
	}
	list.Items, err = collect(ctx, s.reader, scanItem, "SELECT "+itemColumns+
		" FROM deliveries v JOIN dispatches d ON d.id = v.dispatch"+c.where()+
		" ORDER BY v.calm, v.id LIMIT ?", append(c.args, query.Page.Limit+1)...)
	if err == nil && len(list.Items) > query.Page.Limit {
		list.Items = list.Items[:query.Page.Limit]
		last := &list.Items[query.Page.Limit-1].Delivery
		list.Next = cursor(calm(last), string(last.ID))
	}
	return list, err
}

func calm(d *hub.Delivery) string {
	if d.Urgent {
		return "0"
	}
	return "1"
}

// Sent lists dispatches of a sender, newest first, with all their deliveries.
func (s *Store) Sent(ctx context.Context, query hub.SentQuery) (hub.List[hub.SentItem], error) {
	var list hub.List[hub.SentItem]
	var c condition
	c.add("d.sender = ?", string(query.Agency))
	if query.ExternalID != "" {
		c.add("d.external_id = ?", query.ExternalID)
	}
	if query.Number != "" {
		c.add("d.number = ?", query.Number)
	}
	c.words("d.search", query.Text)
	if len(query.States) > 0 {
		var open condition
		in(&open, "v.state", query.States)
		c.add("EXISTS (SELECT 1 FROM deliveries v WHERE v.dispatch = d.id AND "+open.terms[0]+")", open.args...)
	}
	after, err := parseCursor(query.Page.After, 1)
	if err != nil {
		return list, err
	}
	if after != nil {
		c.add("d.id < ?", after[0])
	}
	dispatches, err := collect(ctx, s.reader, bodies[hub.Dispatch],
		"SELECT d.body FROM dispatches d"+c.where()+" ORDER BY d.id DESC LIMIT ?", append(c.args, query.Page.Limit+1)...)
	if err != nil {
		return list, err
	}
	if len(dispatches) > query.Page.Limit {
		dispatches = dispatches[:query.Page.Limit]
		list.Next = cursor(string(dispatches[len(dispatches)-1].ID))
	}
	list.Items, err = s.withDeliveries(ctx, dispatches)
	return list, err
}

// withDeliveries loads the deliveries of a whole page in one query.
func (s *Store) withDeliveries(ctx context.Context, dispatches []hub.Dispatch) ([]hub.SentItem, error) {
	if len(dispatches) == 0 {
		return nil, nil
	}
	ids := make([]hub.DispatchID, len(dispatches))
	items := make([]hub.SentItem, len(dispatches))
	place := make(map[hub.DispatchID]int, len(dispatches))
	for i, d := range dispatches {
		ids[i], items[i].Dispatch, place[d.ID] = d.ID, d, i
	}
	var c condition
	in(&c, "v.dispatch", ids)
	deliveries, err := collect(ctx, s.reader, scanDelivery,
		"SELECT "+deliveryColumns+" FROM deliveries v"+c.where()+" ORDER BY v.dispatch, v.position", c.args...)
	for _, d := range deliveries {
		i := place[d.Dispatch]
		items[i].Deliveries = append(items[i].Deliveries, d)
	}
	return items, err
}

// TakeLeases leases deliveries; see the contract in hub/tracking.
func (s *Store) TakeLeases(ctx context.Context, r hub.LeaseRequest) ([]hub.Item, error) {
	var items []hub.Item
	err := s.do(ctx, func(tx *sql.Tx) error {
		var err error
		if len(r.IDs) > 0 {
			items, err = namedForLease(ctx, tx, &r)
		} else {
			items, err = freeForLease(ctx, tx, &r)
		}
		if err != nil {
			return err
		}
		for i := range items {
			if err := takeLease(ctx, tx, &items[i].Delivery, &r); err != nil {
				return err
			}
		}
		return nil
	})
	return items, err
}

func freeForLease(ctx context.Context, tx *sql.Tx, r *hub.LeaseRequest) ([]hub.Item, error) {
	return collect(ctx, tx, scanItem, "SELECT "+itemColumns+
		" FROM deliveries v JOIN dispatches d ON d.id = v.dispatch"+
		" WHERE v.recipient = ? AND v.state = 'consigned' AND v.lease_until <= ? ORDER BY v.calm, v.id LIMIT ?",
		string(r.Agency), micros(r.Now), r.Max)
}

func namedForLease(ctx context.Context, tx *sql.Tx, r *hub.LeaseRequest) ([]hub.Item, error) {
	var c condition
	c.add("v.recipient = ?", string(r.Agency))
	in(&c, "v.id", r.IDs)
	found, err := collect(ctx, tx, scanItem, "SELECT "+itemColumns+
		" FROM deliveries v JOIN dispatches d ON d.id = v.dispatch"+c.where(), c.args...)
	if err != nil {
		return nil, err
	}
	byID := make(map[hub.DeliveryID]hub.Item, len(found))
	for _, it := range found {
		byID[it.Delivery.ID] = it
	}
	items := make([]hub.Item, 0, len(r.IDs))
	for _, id := range r.IDs {
		it, ok := byID[id]
		if !ok {
			return nil, hub.Errorf(hub.KindNotFound, "deliveries", "", "there is no delivery %s in this mailbox", id)
		}
		if err := leasable(&it.Delivery, r); err != nil {
			return nil, err
		}
		delete(byID, id)
		items = append(items, it)
	}
	return items, nil
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

func takeLease(ctx context.Context, tx *sql.Tx, d *hub.Delivery, r *hub.LeaseRequest) error {
	lease := hub.Lease{Holder: r.Holder, Until: r.Until}
	row := tx.QueryRowContext(ctx, `UPDATE deliveries SET fence = fence + 1, lease_until = ?, lease_holder = ?
		WHERE id = ? RETURNING fence`, micros(r.Until), r.Holder, string(d.ID))
	if err := row.Scan(&lease.Fence); err != nil {
		return failed("take a lease", err)
	}
	d.Lease = &lease
	return nil
}

// RenewLease extends the current lease.
func (s *Store) RenewLease(ctx context.Context, id hub.DeliveryID, fence int64, now, until time.Time) (hub.Lease, error) {
	lease := hub.Lease{Fence: fence, Until: until}
	err := s.do(ctx, func(tx *sql.Tx) error {
		row := tx.QueryRowContext(ctx, `UPDATE deliveries SET lease_until = ?
			WHERE id = ? AND fence = ? AND lease_until > ? AND state = 'consigned' RETURNING lease_holder`,
			micros(until), string(id), fence, micros(now))
		return staleLease(row.Scan(&lease.Holder))
	})
	return lease, err
}

// ReleaseLease ends the current lease.
func (s *Store) ReleaseLease(ctx context.Context, id hub.DeliveryID, fence int64, now time.Time) error {
	return s.do(ctx, func(tx *sql.Tx) error {
		var found string
		row := tx.QueryRowContext(ctx, `UPDATE deliveries SET lease_until = 0
			WHERE id = ? AND fence = ? AND lease_until > ? RETURNING id`, string(id), fence, micros(now))
		return staleLease(row.Scan(&found))
	})
}

func staleLease(err error) error {
	if err != nil && hub.KindOf(missing(err, "lease")) == hub.KindNotFound {
		return hub.Errorf(hub.KindConflict, "fence", "lease", "the lease has run out or was taken over")
	}
	return failed("change a lease", err)
}

// StatusReports lists the reports about a dispatch in the order of recording.
func (s *Store) StatusReports(ctx context.Context, id hub.DispatchID) ([]hub.StatusReport, error) {
	return collect(ctx, s.reader, bodies[hub.StatusReport], "SELECT body FROM status_reports WHERE dispatch = ? ORDER BY id", string(id))
}

// SignatureReports returns the verdicts recorded at acceptance.
func (s *Store) SignatureReports(ctx context.Context, id hub.DispatchID) ([]hub.SignatureReport, error) {
	var body string
	if err := s.reader.QueryRowContext(ctx, "SELECT reports FROM dispatches WHERE id = ?", string(id)).Scan(&body); err != nil {
		return nil, missing(err, "dispatch")
	}
	return decode[[]hub.SignatureReport](body)
}

// MatchDelivery finds a delivery by what a status message says of its document.
func (s *Store) MatchDelivery(ctx context.Context, sender, recipient hub.AgencyID, ref hub.Reference) (hub.Item, error) {
	tries := []struct{ column, value string }{{"external_id", ref.ExternalID}, {"number", ref.Number}}
	for _, try := range tries {
		if try.value == "" {
			continue
		}
		found, err := collect(ctx, s.reader, scanItem, "SELECT "+itemColumns+
			" FROM dispatches d JOIN deliveries v ON v.dispatch = d.id WHERE d.sender = ? AND v.recipient = ? AND d."+try.column+" = ?"+
			" ORDER BY d.id DESC LIMIT 20", string(sender), string(recipient), try.value)
		if err != nil {
			return hub.Item{}, err
		}
		for _, it := range found {
			if try.column == "external_id" || ref.Promulgated == "" || it.Dispatch.Document.Promulgated == ref.Promulgated {
				return it, nil
			}
		}
	}
	return hub.Item{}, hub.Errorf(hub.KindNotFound, "response_for", "", "no delivery to this agency is known of that document")
}
