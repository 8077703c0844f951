package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/sqlkit"
)

const insertLinks = `INSERT INTO dispatch_links (earlier, later, kind)
	SELECT * FROM unnest($1::text[], $2::text[], $3::text[]) ON CONFLICT DO NOTHING`

// acceptWithChanges records an acceptance that points to earlier dispatches, changes
// their deliveries, sets tasks or brings reports of arrivals, in one transaction: all of it or nothing. It reports false, and has
// done nothing, when an earlier acceptance stands in the way.
func (s *Store) acceptWithChanges(ctx context.Context, a *hub.Acceptance, args []any, claim bool) (recorded bool, err error) {
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
			if claim {
				if err := claimOutgoing(ctx, c, &a.Dispatch); err != nil {
					return err
				}
			}
			if err := checkOrigin(ctx, tx, &a.Dispatch); err != nil {
				return err
			}
			if err := reportArrivals(ctx, tx, a.Arrivals); err != nil {
				return err
			}
			if err := setTasks(ctx, tx, a); err != nil {
				return err
			}
			if err := changeAll(ctx, c, a.Changes, statements); err != nil {
				return err
			}
			return linkEarlier(ctx, tx, &a.Dispatch)
		})
	})
	return recorded, err
}

// changeAll applies steps within the transaction of what they belong to, all of them or none.
func changeAll(ctx context.Context, c *pgx.Conn, steps []hub.Step, statements [][]any) error {
	if len(statements) == 0 {
		return nil
	}
	applied, err := sendSteps(ctx, c, statements, steps)
	if err != nil {
		return err
	}
	if len(applied) == len(steps) {
		return nil
	}
	did := make(map[int64]bool, len(applied))
	for _, n := range applied {
		did[n] = true
	}
	for i := range steps {
		if !did[int64(i)] {
			return sqlkit.Changed(&steps[i])
		}
	}
	return hub.Internal("a step took effect twice", nil)
}

// checkOrigin holds the content of what a dispatch forwards until it names that itself: a
// purge at the same moment comes before it or after it.
func checkOrigin(ctx context.Context, tx pgx.Tx, d *hub.Dispatch) error {
	if d.Origin == nil {
		return nil
	}
	purged := true
	err := tx.QueryRow(ctx, "SELECT body::json -> 'purged' IS NOT NULL FROM dispatches WHERE id = $1 FOR SHARE", string(d.Origin.Dispatch)).Scan(&purged)
	if err == nil && purged || errors.Is(err, pgx.ErrNoRows) {
		return sqlkit.OriginPurged(d)
	}
	return err
}

// reportArrivals stands behind the deliveries that it is about, for the trigger that notes
// who reads of them.
func reportArrivals(ctx context.Context, tx pgx.Tx, arrivals []hub.StatusReport) error {
	if len(arrivals) == 0 {
		return nil
	}
	var ids, dispatches, bodies []string
	for i := range arrivals {
		body, err := sqlkit.Encode(&arrivals[i])
		if err != nil {
			return err
		}
		ids, dispatches, bodies = append(ids, arrivals[i].ID), append(dispatches, string(arrivals[i].Dispatch)), append(bodies, body)
	}
	_, err := tx.Exec(ctx, `INSERT INTO status_reports (id, dispatch, body)
		SELECT r.id, r.dispatch, r.body FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS r (id, dispatch, body, n) ORDER BY r.n`,
		ids, dispatches, bodies)
	return err
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
