package postgres

import (
	"context"
	"strconv"

	"github.com/jackc/pgx/v5"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/sqlkit"
)

// logRowSources read what sqlkit.ScanLogRow takes: the log in its order with what it is
// about, then what has no entry.
func logRowSources() []string {
	return []string{
		`SELECT coalesce(s.origin, '?'), l.idx, l.data, coalesce(l.source, ''), e.canonical, coalesce(e.jws, ''), coalesce(e.dispatch, ''), coalesce(e.delivery, ''), n.body
			FROM log_entries l LEFT JOIN log_shards s ON s.number = l.shard LEFT JOIN evidences e ON e.id = l.source LEFT JOIN log_notes n ON n.id = l.source
			ORDER BY l.shard, l.idx`,
		`SELECT '', 0::bigint, ''::bytea, e.id, e.canonical, e.jws, e.dispatch, e.delivery, NULL::text
			FROM evidences e WHERE NOT EXISTS (SELECT 1 FROM log_entries l WHERE l.source = e.id) ORDER BY e.era, e.xid, e.position`,
		`SELECT '', 0::bigint, ''::bytea, n.id, NULL::bytea, '', '', '', n.body
			FROM log_notes n WHERE NOT EXISTS (SELECT 1 FROM log_entries l WHERE l.source = n.id) ORDER BY n.position`,
	}
}

// LogRows hands out the log of one instant: every entry in its order, with the evidence
// or note that the database holds for it; then every evidence and note without an entry.
// An error of emit ends it and is in the tree of its error.
func (s *Store) LogRows(ctx context.Context, emit func(hub.LogRow) error) error {
	return s.snapshot(ctx, func(tx pgx.Tx) error {
		for i, text := range logRowSources() {
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
