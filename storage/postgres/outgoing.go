package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/sqlkit"
)

const (
	// lockOutgoing lets one at a time give or use numbers of an agency in a year.
	lockOutgoing = "SELECT pg_advisory_xact_lock(hashtextextended('lienthong numbers ' || $2::bigint || ' ' || $1::text, 0))"
	// lockOutgoingKey lets a key take one number at a time, in whatever year.
	lockOutgoingKey = "SELECT pg_advisory_xact_lock(hashtextextended('lienthong number key ' || $1::text || ' ' || $2::text, 0)) WHERE $2::text <> ''"
	outgoingByKey   = "SELECT body FROM outgoing_numbers WHERE agency = $1 AND take = $2 AND take <> ''"
	outgoingHeld    = "SELECT body FROM outgoing_numbers WHERE agency = $1 AND year = $2 AND number = $3 AND notation = $4"
	outgoingLast    = "SELECT coalesce(max(number), 0) FROM outgoing_numbers WHERE agency = $1 AND year = $2 AND series = $3"
	insertOutgoing  = "INSERT INTO outgoing_numbers (agency, year, series, number, notation, take, body) VALUES ($1, $2, $3, $4, $5, $6, $7)"
	updateOutgoing  = "UPDATE outgoing_numbers SET body = $5 WHERE agency = $1 AND year = $2 AND number = $3 AND notation = $4"
	yearIsClosed    = "SELECT year FROM register_years WHERE agency = $1 AND year = $2"
)

// lockNumbers holds the numbers of an agency in a year until the transaction ends: alone
// among those who give or use them, and with others who enter something into the year.
func lockNumbers(ctx context.Context, c *pgx.Conn, agency hub.AgencyID, year int) error {
	_, err := c.Exec(ctx, lockOutgoing, string(agency), year)
	if err == nil {
		_, err = c.Exec(ctx, lockYearShare, []string{string(agency)}, []int64{int64(year)})
	}
	return err
}

// numbering runs an act on the numbers of an agency in a year, one at a time.
func (s *Store) numbering(ctx context.Context, agency hub.AgencyID, year int, act func(ctx context.Context, c *pgx.Conn) error) error {
	return s.act(ctx, "change numbers", func(ctx context.Context, c *pgx.Conn) error {
		return pgx.BeginFunc(ctx, c, func(pgx.Tx) error {
			if err := lockNumbers(ctx, c, agency, year); err != nil {
				return err
			}
			return act(ctx, c)
		})
	})
}

// TakeOutgoing gives a number; see the contract in hub/numbering.
func (s *Store) TakeOutgoing(ctx context.Context, n hub.OutgoingNumber) (taken hub.OutgoingNumber, err error) {
	err = s.numbering(ctx, n.Agency, n.Year, func(ctx context.Context, c *pgx.Conn) error {
		if _, err := c.Exec(ctx, lockOutgoingKey, string(n.Agency), n.Key); err != nil {
			return err
		}
		before, err := rows(ctx, c, scanBody[hub.OutgoingNumber], outgoingByKey, string(n.Agency), n.Key)
		if err != nil {
			return err
		}
		if len(before) > 0 {
			taken, err = sqlkit.TakenBefore(&n, &before[0])
			return err
		}
		if err := openYear(ctx, c, n.Agency, n.Year); err != nil {
			return err
		}
		last, err := rows(ctx, c, pgx.RowTo[int64], outgoingLast, string(n.Agency), n.Year, hub.SeriesOf(n.Kind))
		if err != nil {
			return err
		}
		if taken, err = sqlkit.NextOutgoing(n, last[0]); err != nil {
			return err
		}
		held, err := rows(ctx, c, scanBody[hub.OutgoingNumber], outgoingHeld, string(n.Agency), n.Year, taken.Number, n.Notation)
		if err == nil && len(held) > 0 {
			err = sqlkit.OutgoingTaken(&held[0])
		}
		if err != nil {
			return err
		}
		return putOutgoing(ctx, c, &taken)
	})
	return taken, err
}

// openYear is nil while the registers of a year are open.
func openYear(ctx context.Context, c *pgx.Conn, agency hub.AgencyID, year int) error {
	closed, err := rows(ctx, c, pgx.RowTo[int64], yearIsClosed, string(agency), year)
	if err == nil && len(closed) > 0 {
		err = hub.YearClosed(year)
	}
	return err
}

func putOutgoing(ctx context.Context, c *pgx.Conn, n *hub.OutgoingNumber) error {
	body, err := sqlkit.Encode(n)
	if err == nil {
		_, err = c.Exec(ctx, insertOutgoing, string(n.Agency), n.Year, hub.SeriesOf(n.Kind), n.Number, n.Notation, n.Key, body)
	}
	return err
}

func changeOutgoing(ctx context.Context, c *pgx.Conn, n *hub.OutgoingNumber) error {
	body, err := sqlkit.Encode(n)
	if err == nil {
		_, err = c.Exec(ctx, updateOutgoing, string(n.Agency), n.Year, n.Number, n.Notation, body)
	}
	return err
}

// CancelOutgoing gives a number up for good; see the contract in hub/numbering.
func (s *Store) CancelOutgoing(ctx context.Context, n hub.OutgoingNumber) (cancelled hub.OutgoingNumber, err error) {
	err = s.numbering(ctx, n.Agency, n.Year, func(ctx context.Context, c *pgx.Conn) error {
		found, err := rows(ctx, c, scanBody[hub.OutgoingNumber], outgoingHeld, string(n.Agency), n.Year, n.Number, n.Notation)
		held, err := first(found, "number", err)
		if err != nil {
			return err
		}
		var changes bool
		if cancelled, changes, err = sqlkit.Cancelled(held, &n); err != nil || !changes {
			return err
		}
		if err := openYear(ctx, c, n.Agency, n.Year); err != nil {
			return err
		}
		return changeOutgoing(ctx, c, &cancelled)
	})
	return cancelled, err
}

// NextOutgoing is the number behind the highest of a series.
func (s *Store) NextOutgoing(ctx context.Context, agency hub.AgencyID, year int, kind string) (int64, error) {
	found, err := collect(ctx, s, pgx.RowTo[int64], outgoingLast, string(agency), year, hub.SeriesOf(kind))
	last, err := first(found, "number", err)
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
	c.add("agency = %s AND year = %s", string(query.Agency), query.Year)
	if query.State != "" {
		c.add("body::jsonb ->> 'state' = %s", string(query.State))
	}
	if after != nil {
		c.add("(series, number) > (%s, %s)", after[0], number)
	}
	limit := c.arg(query.Page.Limit + 1)
	found, err := collect(ctx, s, scanBody[hub.OutgoingNumber], "SELECT body FROM outgoing_numbers"+c.where()+" ORDER BY series, number LIMIT "+limit, c.args...)
	list.Items, list.Next = sqlkit.Cut(found, query.Page.Limit, sqlkit.OutgoingCursor)
	return list, err
}

// CheckOutgoing tells what a dispatch could not be accepted for because of its number.
func (s *Store) CheckOutgoing(ctx context.Context, d *hub.Dispatch) error {
	return s.read(ctx, "read numbers", func(ctx context.Context, c *pgx.Conn) error {
		_, _, _, err := settleOutgoing(ctx, c, d)
		return err
	})
}

// settleOutgoing decides about the number of a dispatch: what is to be recorded, whether
// anything, and whether the number was taken before.
func settleOutgoing(ctx context.Context, c *pgx.Conn, d *hub.Dispatch) (n hub.OutgoingNumber, records, taken bool, err error) {
	claim, ok := d.Claims()
	if !ok {
		return n, false, false, nil
	}
	found, err := rows(ctx, c, scanBody[hub.OutgoingNumber], outgoingHeld, string(claim.Agency), claim.Year, claim.Number, claim.Notation)
	if err != nil {
		return n, false, false, err
	}
	last, err := rows(ctx, c, pgx.RowTo[int64], outgoingLast, string(claim.Agency), claim.Year, hub.SeriesOf(claim.Kind))
	if err != nil {
		return n, false, false, err
	}
	var held *hub.OutgoingNumber
	if len(found) > 0 {
		held = &found[0]
	}
	if n, records, err = claim.Settle(held, last[0], d); err == nil && records {
		err = openYear(ctx, c, claim.Agency, claim.Year)
	}
	return n, records, held != nil, err
}

// claimOutgoing records the number of a dispatch that was just inserted, in its transaction.
func claimOutgoing(ctx context.Context, c *pgx.Conn, d *hub.Dispatch) error {
	claim, ok := d.Claims()
	if !ok {
		return nil
	}
	if err := lockNumbers(ctx, c, claim.Agency, claim.Year); err != nil {
		return err
	}
	n, records, taken, err := settleOutgoing(ctx, c, d)
	switch {
	case err != nil || !records:
		return err
	case taken:
		return changeOutgoing(ctx, c, &n)
	}
	return putOutgoing(ctx, c, &n)
}

// claimedYear is the year in which a dispatch claims a number; 0 for none.
func claimedYear(d *hub.Dispatch) int {
	claim, _ := d.Claims()
	return claim.Year
}
