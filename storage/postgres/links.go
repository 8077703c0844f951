package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/sqlkit"
)

const insertLinks = `INSERT INTO dispatch_links (earlier, later, kind)
	SELECT * FROM unnest($1::text[], $2::text[], $3::text[]) ON CONFLICT DO NOTHING`

// acceptWithChanges records an acceptance that points to earlier dispatches, or changes
// their deliveries, in one transaction: all of it or nothing. It reports false, and has
// done nothing, when an earlier acceptance stands in the way.
func (s *Store) acceptWithChanges(ctx context.Context, a *hub.Acceptance, args []any) (recorded bool, err error) {
	for i := range a.Changes {
		if !sqlkit.LegalStep(&a.Changes[i]) {
			return false, sqlkit.Changed(&a.Changes[i])
		}
	}
	statements, err := s.stepStatements(a.Changes)
	if err != nil {
		return false, err
	}
	err = s.act(ctx, "record the dispatch", func(ctx context.Context, c *pgx.Conn) error {
		recorded = false
		return pgx.BeginFunc(ctx, c, func(tx pgx.Tx) error {
			found, err := rows(ctx, c, pgx.RowTo[string], acceptText, args...)
			if err != nil || len(found) == 0 {
				return err
			}
			recorded = true
			if err := s.changeEarlier(ctx, c, a, statements); err != nil {
				return err
			}
			return linkEarlier(ctx, tx, &a.Dispatch)
		})
	})
	return recorded, err
}

// changeEarlier applies the steps of an acceptance within its transaction.
func (s *Store) changeEarlier(ctx context.Context, c *pgx.Conn, a *hub.Acceptance, statements [][]any) error {
	if len(statements) == 0 {
		return nil
	}
	applied, err := sendSteps(ctx, c, statements)
	if err != nil {
		return err
	}
	if len(applied) == len(a.Changes) {
		return nil
	}
	did := make(map[int64]bool, len(applied))
	for _, n := range applied {
		did[n] = true
	}
	for i := range a.Changes {
		if !did[int64(i)] {
			return sqlkit.Changed(&a.Changes[i])
		}
	}
	return hub.Internal("a step took effect twice", nil)
}

func linkEarlier(ctx context.Context, tx pgx.Tx, d *hub.Dispatch) error {
	if len(d.Links) == 0 {
		return nil
	}
	var earlier, later, kinds []string
	for _, l := range d.Links {
		earlier, later, kinds = append(earlier, string(l.Dispatch)), append(later, string(d.ID)), append(kinds, string(l.Kind))
	}
	_, err := tx.Exec(ctx, insertLinks, earlier, later, kinds)
	return err
}

func scanLink(row pgx.CollectableRow) (hub.Link, error) {
	var l hub.Link
	err := row.Scan(&l.Kind, &l.Dispatch)
	return l, err
}

// LinksTo lists the later dispatches that point to one, oldest first; the kind is what
// they are to it.
func (s *Store) LinksTo(ctx context.Context, id hub.DispatchID, limit int) ([]hub.Link, error) {
	return collect(ctx, s, scanLink, "SELECT kind, later FROM dispatch_links WHERE earlier = $1 ORDER BY later, kind LIMIT $2", string(id), limit)
}
