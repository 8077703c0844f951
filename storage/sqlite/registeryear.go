package sqlite

import (
	"context"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/sqlkit"
)

// CloseYear closes the registers of an agency in a year and returns how they were closed,
// which is the first closing.
func (s *Store) CloseYear(ctx context.Context, y hub.RegisterYear) (hub.RegisterYear, error) {
	body, err := sqlkit.Encode(&y)
	if err != nil {
		return y, err
	}
	err = s.do(ctx, 1, func(t *tx) error {
		if err := t.exec("INSERT INTO register_years (agency, year, body) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", string(y.Agency), y.Year, body); err != nil {
			return failed("close a register", err)
		}
		y, err = one(ctx, t, "year", scanBody[hub.RegisterYear], "SELECT body FROM register_years WHERE agency = ? AND year = ?", string(y.Agency), y.Year)
		return err
	})
	return y, err
}

// CompleteYear records what stands in closed registers; KindNotFound where they are not
// closed.
func (s *Store) CompleteYear(ctx context.Context, y hub.RegisterYear) error {
	body, err := sqlkit.Encode(&y)
	if err != nil {
		return err
	}
	return s.do(ctx, 1, func(t *tx) error {
		n, err := t.change("UPDATE register_years SET body = ? WHERE agency = ? AND year = ?", body, string(y.Agency), y.Year)
		if err == nil && n == 0 {
			return sqlkit.NotFound("year")
		}
		return failed("complete a closed register", err)
	})
}

// ClosedYears lists the closed years of an agency, the newest first.
func (s *Store) ClosedYears(ctx context.Context, agency hub.AgencyID) ([]hub.RegisterYear, error) {
	return collect(ctx, s.reader, scanBody[hub.RegisterYear], "SELECT body FROM register_years WHERE agency = ? ORDER BY year DESC", string(agency))
}

// yearOpen is nil while something can be entered into the register of a year.
func yearOpen(ctx context.Context, q queryer, book hub.AgencyID, year int) error {
	if year == 0 {
		return nil
	}
	closed, err := collect(ctx, q, scanBody[hub.RegisterYear], "SELECT body FROM register_years WHERE agency = ? AND year = ?", string(book), year)
	if err == nil && len(closed) > 0 {
		err = hub.YearClosed(year)
	}
	return err
}
