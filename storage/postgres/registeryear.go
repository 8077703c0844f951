package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/sqlkit"
)

// Who enters something into the register of a year holds the lock of that year with others
// until the entry is committed; who closes it waits for them and holds it alone. The look
// whether it is closed comes in a later statement, which sees what was committed before.
const (
	lockYear      = "SELECT pg_advisory_xact_lock(hashtextextended('lienthong register year ' || $2::bigint || ' ' || $1::text, 0))"
	lockYearShare = `SELECT pg_advisory_xact_lock_shared(k) FROM (SELECT DISTINCT hashtextextended('lienthong register year ' || b.year || ' ' || b.book, 0) AS k
		FROM unnest($1::text[], $2::bigint[]) AS b (book, year) WHERE b.year <> 0 ORDER BY 1) AS keys`
)

// CloseYear closes the registers of an agency in a year and returns how they were closed,
// which is the first closing.
func (s *Store) CloseYear(ctx context.Context, y hub.RegisterYear) (hub.RegisterYear, error) {
	body, err := sqlkit.Encode(&y)
	if err != nil {
		return y, err
	}
	err = s.act(ctx, "close a register", func(ctx context.Context, c *pgx.Conn) error {
		return pgx.BeginFunc(ctx, c, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, lockYear, string(y.Agency), y.Year); err != nil {
				return err
			}
			_, err := tx.Exec(ctx, "INSERT INTO register_years (agency, year, body) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING", string(y.Agency), y.Year, body)
			return err
		})
	})
	if err != nil {
		return y, err
	}
	found, err := s.closedYear(ctx, y.Agency, y.Year)
	return first(found, "year", err)
}

// CompleteYear records what stands in closed registers; KindNotFound where they are not
// closed.
func (s *Store) CompleteYear(ctx context.Context, y hub.RegisterYear) error {
	body, err := sqlkit.Encode(&y)
	if err != nil {
		return err
	}
	found, err := change(ctx, s, "complete a closed register", pgx.RowTo[int64],
		"UPDATE register_years SET body = $3 WHERE agency = $1 AND year = $2 RETURNING year", string(y.Agency), y.Year, body)
	_, err = first(found, "year", err)
	return err
}

// ClosedYears lists the closed years of an agency, the newest first.
func (s *Store) ClosedYears(ctx context.Context, agency hub.AgencyID) ([]hub.RegisterYear, error) {
	return collect(ctx, s, scanBody[hub.RegisterYear], "SELECT body FROM register_years WHERE agency = $1 ORDER BY year DESC", string(agency))
}

func (s *Store) closedYear(ctx context.Context, book hub.AgencyID, year int) ([]hub.RegisterYear, error) {
	return collect(ctx, s, scanBody[hub.RegisterYear], "SELECT body FROM register_years WHERE agency = $1 AND year = $2", string(book), year)
}

// yearOpen is nil while something can be entered into the register of a year.
func (s *Store) yearOpen(ctx context.Context, book hub.AgencyID, year int) error {
	if year == 0 {
		return nil
	}
	closed, err := s.closedYear(ctx, book, year)
	if err == nil && len(closed) > 0 {
		err = hub.YearClosed(year)
	}
	return err
}
