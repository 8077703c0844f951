package sqlite

import (
	"context"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/sqlkit"
)

// SaveUpload inserts or replaces an upload.
func (s *Store) SaveUpload(ctx context.Context, u hub.Upload) error {
	body, err := sqlkit.Encode(u)
	if err != nil {
		return err
	}
	return s.do(ctx, 1, func(t *tx) error {
		return failed("save upload "+u.ID, t.exec(`INSERT INTO uploads (id, expires, body) VALUES (?, ?, ?)
			ON CONFLICT (id) DO UPDATE SET expires = excluded.expires, body = excluded.body`, u.ID, sqlkit.Micros(u.Expires), body))
	})
}

// Upload returns an upload; KindNotFound when there is none.
func (s *Store) Upload(ctx context.Context, id string) (hub.Upload, error) {
	return one(ctx, s.reader, "upload", scanBody[hub.Upload], "SELECT body FROM uploads WHERE id = ?", id)
}

// DeleteUpload removes an upload; none is no error.
func (s *Store) DeleteUpload(ctx context.Context, id string) error {
	return s.do(ctx, 1, func(t *tx) error {
		return failed("delete upload "+id, t.exec("DELETE FROM uploads WHERE id = ?", id))
	})
}

// ExpiredUploads lists uploads whose time has passed, oldest first.
func (s *Store) ExpiredUploads(ctx context.Context, now time.Time, limit int) ([]hub.Upload, error) {
	return collect(ctx, s.reader, scanBody[hub.Upload],
		"SELECT body FROM uploads WHERE expires <= ? ORDER BY expires, id LIMIT ?", sqlkit.Micros(now), limit)
}
