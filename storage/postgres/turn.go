package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/sqlkit"
)

// lockTestTurns lets one at a time count the tests that run.
const lockTestTurns = "SELECT pg_advisory_xact_lock(hashtextextended('lienthong test turns', 0))"

// TakeTestTurn records a turn at a connection test, unless the agency has one or so many
// tests run.
func (s *Store) TakeTestTurn(ctx context.Context, turn hub.TestTurn, now time.Time, atOnce int) (standing *hub.TestTurn, full bool, err error) {
	err = s.act(ctx, "take a test turn", func(ctx context.Context, c *pgx.Conn) error {
		return pgx.BeginFunc(ctx, c, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, lockTestTurns); err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, "DELETE FROM test_turns WHERE free <= $1", sqlkit.Micros(now)); err != nil {
				return err
			}
			turns, err := rows(ctx, c, scanTestTurn, "SELECT agency, ends, free FROM test_turns")
			if err != nil {
				return err
			}
			if standing, full = sqlkit.TestTurnAmong(turns, turn.Agency, now, atOnce); standing != nil || full {
				return nil
			}
			_, err = tx.Exec(ctx, "INSERT INTO test_turns (agency, ends, free) VALUES ($1, $2, $3)",
				string(turn.Agency), sqlkit.Micros(turn.Ends), sqlkit.Micros(turn.Free))
			return err
		})
	})
	return standing, full, err
}

// EndTestTurn sets when a turn that was taken is over.
func (s *Store) EndTestTurn(ctx context.Context, taken, ended hub.TestTurn) error {
	return s.exec(ctx, "end a test turn", "UPDATE test_turns SET ends = $1, free = $2 WHERE agency = $3 AND ends = $4",
		sqlkit.Micros(ended.Ends), sqlkit.Micros(ended.Free), string(taken.Agency), sqlkit.Micros(taken.Ends))
}

func scanTestTurn(row pgx.CollectableRow) (turn hub.TestTurn, err error) {
	var ends, free int64
	err = row.Scan(&turn.Agency, &ends, &free)
	turn.Ends, turn.Free = sqlkit.Time(ends), sqlkit.Time(free)
	return turn, err
}
