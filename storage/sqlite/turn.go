package sqlite

import (
	"context"
	"database/sql"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/sqlkit"
)

// TakeTestTurn records a turn at a connection test, unless the agency has one or so many
// tests run.
func (s *Store) TakeTestTurn(ctx context.Context, turn hub.TestTurn, now time.Time, atOnce int) (standing *hub.TestTurn, full bool, err error) {
	err = s.do(ctx, 2, func(t *tx) error {
		if err := t.exec("DELETE FROM test_turns WHERE free <= ?", sqlkit.Micros(now)); err != nil {
			return failed("remove old test turns", err)
		}
		turns, err := collect(ctx, t, scanTestTurn, "SELECT agency, ends, free FROM test_turns")
		if err != nil {
			return failed("read test turns", err)
		}
		if standing, full = sqlkit.TestTurnAmong(turns, turn.Agency, now, atOnce); standing != nil || full {
			return nil
		}
		err = t.exec("INSERT INTO test_turns (agency, ends, free) VALUES (?, ?, ?)", string(turn.Agency), sqlkit.Micros(turn.Ends), sqlkit.Micros(turn.Free))
		return failed("take a test turn", err)
	})
	return standing, full, err
}

// EndTestTurn sets when a turn that was taken is over.
func (s *Store) EndTestTurn(ctx context.Context, taken, ended hub.TestTurn) error {
	return s.do(ctx, 1, func(t *tx) error {
		return failed("end a test turn", t.exec("UPDATE test_turns SET ends = ?, free = ? WHERE agency = ? AND ends = ?",
			sqlkit.Micros(ended.Ends), sqlkit.Micros(ended.Free), string(taken.Agency), sqlkit.Micros(taken.Ends)))
	})
}

func scanTestTurn(rows *sql.Rows) (turn hub.TestTurn, err error) {
	var ends, free int64
	err = rows.Scan(&turn.Agency, &ends, &free)
	turn.Ends, turn.Free = sqlkit.Time(ends), sqlkit.Time(free)
	return turn, err
}
