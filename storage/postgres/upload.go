package postgres

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
	return s.exec(ctx, "save upload "+u.ID, `INSERT INTO uploads (id, expires, body) VALUES ($1, $2, $3)
		ON CONFLICT (id) DO UPDATE SET expires = excluded.expires, body = excluded.body`, u.ID, sqlkit.Micros(u.Expires), body)
}

// Upload returns an upload; KindNotFound when there is none.
func (s *Store) Upload(ctx context.Context, id string) (hub.Upload, error) {
	found, err := collect(ctx, s, scanBody[hub.Upload], "SELECT body FROM uploads WHERE id = $1", id)
	return first(found, "upload", err)
}

// DeleteUpload removes an upload; none is no error.
func (s *Store) DeleteUpload(ctx context.Context, id string) error {
	return s.exec(ctx, "delete upload "+id, "DELETE FROM uploads WHERE id = $1", id)
}

// ExpiredUploads lists uploads whose time has passed, oldest first.
func (s *Store) ExpiredUploads(ctx context.Context, now time.Time, limit int) ([]hub.Upload, error) {
	return collect(ctx, s, scanBody[hub.Upload],
		"SELECT body FROM uploads WHERE expires <= $1 ORDER BY expires, id LIMIT $2", sqlkit.Micros(now), limit)
}
