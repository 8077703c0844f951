package sqlite

import (
	"context"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/sqlkit"
)

const (
	outgoingByKey  = "SELECT body FROM outgoing_numbers WHERE agency = ? AND take = ? AND take <> ''"
	outgoingHeld   = "SELECT body FROM outgoing_numbers WHERE agency = ? AND year = ? AND number = ? AND notation = ?"
	outgoingLast   = "SELECT coalesce(max(number), 0) FROM outgoing_numbers WHERE agency = ? AND year = ? AND series = ?"
	outgoingKept   = "SELECT 1 FROM outgoing_numbers WHERE agency = ? AND year = ? LIMIT 1"
	insertOutgoing = "INSERT INTO outgoing_numbers (agency, year, series, number, notation, take, body) VALUES (?, ?, ?, ?, ?, ?, ?)"
)

// TakeOutgoing gives a number; see the contract in hub/numbering.
func (s *Store) TakeOutgoing(ctx context.Context, n hub.OutgoingNumber) (taken hub.OutgoingNumber, err error) {
	err = s.do(ctx, 1, func(t *tx) error {
		before, err := collect(ctx, t, scanBody[hub.OutgoingNumber], outgoingByKey, string(n.Agency), n.Key)
		if err != nil || len(before) > 0 {
			if err == nil {
				taken, err = sqlkit.TakenBefore(&n, &before[0])
			}
			return err
		}
		if err := yearOpen(ctx, t, n.Agency, n.Year); err != nil {
			return err
		}
		last, err := one(ctx, t, "number", scanInt, outgoingLast, string(n.Agency), n.Year, hub.SeriesOf(n.Kind))
		if err != nil {
			return err
		}
		taken, err = sqlkit.NextOutgoing(n, last)
		if err != nil {
			return err
		}
		held, err := collect(ctx, t, scanBody[hub.OutgoingNumber], outgoingHeld, string(n.Agency), n.Year, taken.Number, n.Notation)
		if err == nil && len(held) > 0 {
			err = sqlkit.OutgoingTaken(&held[0])
		}
		if err != nil {
			return err
		}
		return putOutgoing(t, &taken)
	})
	return taken, err
}

func putOutgoing(t *tx, n *hub.OutgoingNumber) error {
	body, err := sqlkit.Encode(n)
	if err != nil {
		return err
	}
	return failed("take a number", t.exec(insertOutgoing, string(n.Agency), n.Year, hub.SeriesOf(n.Kind), n.Number, n.Notation, n.Key, body))
}

func changeOutgoing(t *tx, n *hub.OutgoingNumber) error {
	body, err := sqlkit.Encode(n)
	if err != nil {
		return err
	}
	return failed("change a number", t.exec("UPDATE outgoing_numbers SET body = ? WHERE agency = ? AND year = ? AND number = ? AND notation = ?",
		body, string(n.Agency), n.Year, n.Number, n.Notation))
}

// CancelOutgoing gives a number up for good; see the contract in hub/numbering.
func (s *Store) CancelOutgoing(ctx context.Context, n hub.OutgoingNumber) (cancelled hub.OutgoingNumber, err error) {
	err = s.do(ctx, 1, func(t *tx) error {
		held, err := one(ctx, t, "number", scanBody[hub.OutgoingNumber], outgoingHeld, string(n.Agency), n.Year, n.Number, n.Notation)
		if err != nil {
			return err
		}
		var changes bool
		if cancelled, changes, err = sqlkit.Cancelled(held, &n); err != nil || !changes {
			return err
		}
		if err := yearOpen(ctx, t, n.Agency, n.Year); err != nil {
			return err
		}
		return changeOutgoing(t, &cancelled)
	})
	return cancelled, err
}

// NextOutgoing is the number behind the highest of a series.
func (s *Store) NextOutgoing(ctx context.Context, agency hub.AgencyID, year int, kind string) (int64, error) {
	last, err := one(ctx, s.reader, "number", scanInt, outgoingLast, string(agency), year, hub.SeriesOf(kind))
	return last + 1, err
}

// OutgoingNumbers lists numbers of an agency in a year, by series and number.
func (s *Store) OutgoingNumbers(ctx context.Context, query hub.OutgoingQuery) (hub.List[hub.OutgoingNumber], error) {
	var list hub.List[hub.OutgoingNumber]
	after, number, err := sqlkit.ParseOutgoingCursor(query.Page)
	if err != nil {
		return list, err
	}
	var c condition
	c.add("agency = ? AND year = ?", string(query.Agency), query.Year)
	if query.State != "" {
		c.add("body ->> '$.state' = ?", string(query.State))
	}
	if after != nil {
		c.add("(series, number) > (?, ?)", after[0], number)
	}
	found, err := collect(ctx, s.reader, scanBody[hub.OutgoingNumber], "SELECT body FROM outgoing_numbers"+c.where()+" ORDER BY series, number LIMIT ?", append(c.args, query.Page.Limit+1)...)
	list.Items, list.Next = sqlkit.Cut(found, query.Page.Limit, sqlkit.OutgoingCursor)
	return list, err
}

// CheckOutgoing tells what a dispatch could not be accepted for because of its number.
func (s *Store) CheckOutgoing(ctx context.Context, d *hub.Dispatch) error {
	_, _, _, err := settleOutgoing(ctx, s.reader, d)
	return err
}

// settleOutgoing decides about the number of a dispatch: what is to be recorded, whether
// anything, and whether the number was taken before.
func settleOutgoing(ctx context.Context, q queryer, d *hub.Dispatch) (n hub.OutgoingNumber, records, taken bool, err error) {
	claim, ok := d.Claims()
	if !ok {
		return n, false, false, nil
	}
	kept, err := collect(ctx, q, scanInt, outgoingKept, string(claim.Agency), claim.Year)
	if err != nil || len(kept) == 0 {
		return n, false, false, err
	}
	found, err := collect(ctx, q, scanBody[hub.OutgoingNumber], outgoingHeld, string(claim.Agency), claim.Year, claim.Number, claim.Notation)
	if err != nil {
		return n, false, false, err
	}
	last, err := one(ctx, q, "number", scanInt, outgoingLast, string(claim.Agency), claim.Year, hub.SeriesOf(claim.Kind))
	if err != nil {
		return n, false, false, err
	}
	var held *hub.OutgoingNumber
	if len(found) > 0 {
		held = &found[0]
	}
	if n, records, err = claim.Settle(held, last, d); err == nil && records {
		err = yearOpen(ctx, q, claim.Agency, claim.Year)
	}
	return n, records, held != nil, err
}

// claimOutgoing records the number of a dispatch that was just inserted.
func claimOutgoing(ctx context.Context, t *tx, d *hub.Dispatch) error {
	n, records, taken, err := settleOutgoing(ctx, t, d)
	switch {
	case err != nil || !records:
		return err
	case taken:
		return changeOutgoing(t, &n)
	}
	return putOutgoing(t, &n)
}
