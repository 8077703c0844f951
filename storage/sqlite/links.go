package sqlite

import (
	"context"
	"database/sql"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/sqlkit"
)

// insertLinks records which earlier dispatches a new one points to.
func insertLinks(t *tx, d *hub.Dispatch) error {
	for _, l := range d.Links {
		err := t.exec("INSERT INTO dispatch_links (earlier, later, kind) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
			string(l.Dispatch), string(d.ID), string(l.Kind))
		if err != nil {
			return failed("record a link", err)
		}
	}
	return nil
}

// checkOrigin refuses to forward what was purged meanwhile: nothing holds its content.
func checkOrigin(ctx context.Context, t *tx, d *hub.Dispatch) error {
	if d.Origin == nil {
		return nil
	}
	kept, err := collect(ctx, t, scanInt, "SELECT 1 FROM dispatches WHERE id = ? AND body -> '$.purged' IS NULL", string(d.Origin.Dispatch))
	if err == nil && len(kept) == 0 {
		err = sqlkit.OriginPurged(d)
	}
	return err
}

func scanLink(rows *sql.Rows) (hub.Link, error) {
	var l hub.Link
	err := rows.Scan(&l.Kind, &l.Dispatch)
	return l, err
}

// LinksTo lists the later dispatches that point to one, oldest first; the kind is what
// they are to it.
func (s *Store) LinksTo(ctx context.Context, id hub.DispatchID, limit int) ([]hub.Link, error) {
	return collect(ctx, s.reader, scanLink, "SELECT kind, later FROM dispatch_links WHERE earlier = ? ORDER BY later, kind LIMIT ?", string(id), limit)
}
