package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/lienthong/lienthong/hub"
)

// Ping fails while the database does not answer, or takes no writes.
func (s *Store) Ping(ctx context.Context) error {
	standby, err := collect(ctx, s, pgx.RowTo[bool], "SELECT pg_is_in_recovery()")
	if err == nil && standby[0] {
		return hub.Errorf(hub.KindUnavailable, "", "read_only", "the database takes no writes")
	}
	return err
}

// Settle records a value under a name unless one stands there, and returns the one
// that stands.
func (s *Store) Settle(ctx context.Context, name, value string) (string, error) {
	// The update changes nothing and makes the row that stands come back, also when
	// another node wrote it a moment ago.
	values, err := change(ctx, s, "settle "+name, pgx.RowTo[string], `INSERT INTO settled (name, value) VALUES ($1, $2)
		ON CONFLICT (name) DO UPDATE SET value = settled.value RETURNING value`, name, value)
	return first(values, "setting", err)
}

// Backlog counts what waits, up to the limit: the index of what is open is walked and
// nothing else.
func (s *Store) Backlog(ctx context.Context, limit int) (hub.Backlog, error) {
	found, err := collect(ctx, s, scanBacklog, `SELECT
		(SELECT count(*) FROM (SELECT FROM deliveries WHERE state = 'queued' ORDER BY calm, next_attempt, id LIMIT $1) q),
		(SELECT count(*) FROM (SELECT FROM deliveries WHERE NOT final ORDER BY expires_at, id LIMIT $1) o),
		least((SELECT next_attempt FROM deliveries WHERE state = 'queued' AND calm = 0 ORDER BY next_attempt LIMIT 1),
			(SELECT next_attempt FROM deliveries WHERE state = 'queued' AND calm = 1 ORDER BY next_attempt LIMIT 1))`, limit)
	return first(found, "backlog", err)
}

func scanBacklog(row pgx.CollectableRow) (hub.Backlog, error) {
	var b hub.Backlog
	var due *int64
	err := row.Scan(&b.Queued, &b.Open, &due)
	if due != nil {
		b.Due = time.UnixMicro(*due).UTC()
	}
	return b, err
}
