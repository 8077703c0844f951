package sqlite

import (
	"context"
	"database/sql"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Ping fails while the database cannot be read.
func (s *Store) Ping(ctx context.Context) error {
	_, err := s.AgenciesVersion(ctx)
	return err
}

// Settle records a value under a name unless one stands there, and returns the one
// that stands.
func (s *Store) Settle(ctx context.Context, name, value string) (string, error) {
	var standing string
	err := s.do(ctx, 1, func(t *tx) error {
		err := t.exec("INSERT INTO settled (name, value) VALUES (?, ?) ON CONFLICT DO NOTHING", name, value)
		if err != nil {
			return failed("settle "+name, err)
		}
		standing, err = one(ctx, t, "setting", scanText, "SELECT value FROM settled WHERE name = ?", name)
		return err
	})
	return standing, err
}

// Backlog counts what waits, up to the limit: the index of what is open is walked and
// nothing else.
func (s *Store) Backlog(ctx context.Context, limit int) (hub.Backlog, error) {
	return one(ctx, s.reader, "backlog", scanBacklog, `SELECT
		(SELECT count(*) FROM (SELECT 1 FROM deliveries WHERE state = 'queued' LIMIT ?1)),
		(SELECT count(*) FROM (SELECT 1 FROM deliveries WHERE final = 0 LIMIT ?1)),
		min(coalesce((SELECT min(next_attempt) FROM deliveries WHERE state = 'queued' AND calm = 0), 9e18),
			coalesce((SELECT min(next_attempt) FROM deliveries WHERE state = 'queued' AND calm = 1), 9e18))`, limit)
}

func scanBacklog(rows *sql.Rows) (hub.Backlog, error) {
	var b hub.Backlog
	var due float64
	err := rows.Scan(&b.Queued, &b.Open, &due)
	if b.Queued > 0 {
		b.Due = time.UnixMicro(int64(due)).UTC()
	}
	return b, err
}
