package sqlite

import (
	"context"
	"database/sql"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/sqlkit"
)

// LogRows hands out the log of one instant: every entry in its order, with the evidence
// or note that the database holds for it; then every evidence and note without an entry.
// An error of emit ends it and is returned as it is.
func (a *Archive) LogRows(ctx context.Context, emit func(hub.LogRow) error) error {
	return a.snapshot(ctx, func(c *sql.Conn) error {
		for _, text := range sqlkit.LogRowTexts("e.position") {
			for row, err := range each(ctx, c, sqlkit.ScanLogRow[*sql.Rows], text) {
				if err != nil {
					return err
				}
				if err := emit(row); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// LogRows is Archive.LogRows of an open store.
func (s *Store) LogRows(ctx context.Context, emit func(hub.LogRow) error) error {
	return (&Archive{s.reader.db}).LogRows(ctx, emit)
}
