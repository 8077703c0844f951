package postgres

import (
	"context"
	"strconv"

	"github.com/jackc/pgx/v5"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/sqlkit"
)

// LogRows hands out the log of one instant: every entry in its order, with the evidence
// or note that the database holds for it; then every evidence and note without an entry.
// An error of emit ends it and is in the tree of its error.
func (s *Store) LogRows(ctx context.Context, emit func(hub.LogRow) error) error {
	return s.snapshot(ctx, func(tx pgx.Tx) error {
		for i, text := range sqlkit.LogRowTexts("e.era, e.xid, e.position") {
			for row, err := range each(ctx, tx, "log_rows_"+strconv.Itoa(i), sqlkit.ScanLogRow, text) {
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

// LogRows is Store.LogRows of an archive.
func (a *Archive) LogRows(ctx context.Context, emit func(hub.LogRow) error) error {
	return a.s.LogRows(ctx, emit)
}
