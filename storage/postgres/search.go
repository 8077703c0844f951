package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/sqlkit"
)

// wordsOf returns the dispatches that have all words and that of an agency, at most
// MaxMatches, and whether these are all.
func (s *Store) wordsOf(ctx context.Context, words []string, agency string) ([]string, bool, error) {
	if len(words) == 0 {
		return nil, true, nil
	}
	found, err := collect(ctx, s, pgx.RowTo[string], "SELECT * FROM dispatches_with($1, $2)",
		append(slices.Clone(words), agency), sqlkit.MaxMatches+1)
	return found, len(found) <= sqlkit.MaxMatches, err
}

func (s *Store) searchMailbox(ctx context.Context, query *hub.MailboxQuery, asked *sqlkit.Asked) (hub.List[hub.Item], error) {
	agency := []string{sqlkit.UrgentWord(query.Agency), sqlkit.CalmWord(query.Agency)}
	return sqlkit.SearchLanes(query, func(calm int) sqlkit.Search[hub.Item] {
		lane := mailboxLane{query, asked, calm}
		return sqlkit.Search[hub.Item]{
			Cursor: sqlkit.MailboxCursor,
			Walk: func(stretch, rows int) ([]hub.Item, error) {
				text, args, err := lane.walk(stretch, rows)
				if err != nil {
					return nil, err
				}
				return s.items(ctx, text, args...)
			},
			Look: func(rows int) ([]hub.Item, bool, error) {
				dispatches, all, err := s.wordsOf(ctx, asked.Words, agency[calm])
				if err != nil || !all {
					return nil, false, err
				}
				text, args, err := lane.look(dispatches, rows)
				if err != nil {
					return nil, false, err
				}
				found, err := s.items(ctx, text, args...)
				return found, true, err
			},
			End: func() (string, error) {
				text, args, err := lane.end()
				if err != nil {
					return "", err
				}
				ends, err := collect(ctx, s, func(row pgx.CollectableRow) (string, error) {
					var calm, id string
					err := row.Scan(&calm, &id)
					return sqlkit.Cursor("mailbox", calm, id), err
				}, text, args...)
				return strings.Join(ends, ""), err
			},
		}
	})
}

// mailboxLane is a search among the urgent deliveries to an agency, or among the others.
type mailboxLane struct {
	query *hub.MailboxQuery
	asked *sqlkit.Asked
	calm  int
}

// walk looks at the next rows, dispatch by dispatch.
func (l *mailboxLane) walk(stretch, rows int) (string, []any, error) {
	var c condition
	c.add("v.calm = %s", l.calm)
	from, err := c.mailboxRows(l.query, "v.calm, v.id, v.dispatch", stretch)
	found := fmt.Sprintf(`(SELECT v.* FROM (SELECT w.calm, w.id FROM (%s) w CROSS JOIN LATERAL (
			SELECT FROM dispatches d WHERE d.id = w.dispatch AND d.search LIKE ALL (%s) LIMIT 1) d ORDER BY w.calm, w.id LIMIT %s) w
		CROSS JOIN LATERAL (SELECT * FROM deliveries WHERE id = w.id LIMIT 1) v) v`, from, c.arg(l.asked.Patterns), c.arg(rows))
	return itemsOf(found, "calm, id"), c.args, err
}

// look looks for those of dispatches.
func (l *mailboxLane) look(dispatches []string, rows int) (string, []any, error) {
	var c condition
	of := c.arg(dispatches)
	c.add("v.calm = %s", l.calm)
	err := c.inMailbox(l.query)
	if !l.query.Asked {
		c.add("v.state = ANY (%s)", texts(sqlkit.States(l.query)))
	}
	found := fmt.Sprintf(`(SELECT v.* FROM unnest(%s::text[]) AS w (dispatch)
		CROSS JOIN LATERAL (SELECT first_delivery, last_delivery FROM dispatches d WHERE d.id = w.dispatch%s LIMIT 1) d
		CROSS JOIN LATERAL (SELECT v.* FROM deliveries v%s AND v.dispatch = w.dispatch AND v.id BETWEEN d.first_delivery AND d.last_delivery LIMIT 1) v
		ORDER BY v.calm, v.id LIMIT %s) v`, of, c.exactly(l.asked), c.where(), c.arg(rows))
	return itemsOf(found, "calm, id"), c.args, err
}

// end is the last of the next rows.
func (l *mailboxLane) end() (string, []any, error) {
	var c condition
	c.add("v.calm = %s", l.calm)
	rows, err := c.mailboxRows(l.query, "v.calm, v.id", sqlkit.Stretch)
	return fmt.Sprintf("SELECT calm::text, id FROM (%s) v ORDER BY v.calm, v.id OFFSET %d", rows, sqlkit.Stretch-1), c.args, err
}

// exactly returns the condition on dispatches of which the words alone do not decide.
func (c *condition) exactly(asked *sqlkit.Asked) string {
	if !asked.Exactly {
		return ""
	}
	return " AND d.search LIKE ALL (" + c.arg(asked.Patterns) + ")"
}

func (s *Store) searchSent(ctx context.Context, query *hub.SentQuery, asked *sqlkit.Asked) (hub.List[hub.SentItem], error) {
	return sqlkit.Search[hub.SentItem]{
		Cursor: sqlkit.SentCursor,
		Walk: func(stretch, rows int) ([]hub.SentItem, error) {
			text, args, err := walkSent(query, asked, stretch, rows)
			if err != nil {
				return nil, err
			}
			return s.sent(ctx, text, args...)
		},
		Look: func(rows int) ([]hub.SentItem, bool, error) {
			dispatches, all, err := s.wordsOf(ctx, asked.Words, sqlkit.SenderWord(query.Agency))
			if err != nil || !all {
				return nil, false, err
			}
			text, args, err := lookSent(dispatches, query, asked, rows)
			if err != nil {
				return nil, false, err
			}
			found, err := s.sent(ctx, text, args...)
			return found, true, err
		},
		End: func() (string, error) {
			var c condition
			from, err := c.sentFrom(query)
			if err != nil {
				return "", err
			}
			ends, err := collect(ctx, s, pgx.RowTo[string], fmt.Sprintf("SELECT d.id FROM %s%s ORDER BY d.id DESC LIMIT 1 OFFSET %d", from, c.where(), sqlkit.Stretch-1), c.args...)
			if err != nil || len(ends) == 0 {
				return "", err
			}
			return sqlkit.Cursor("sent", ends[0]), nil
		},
	}.List(query.Page.Limit)
}

// walkSent looks at the next dispatches of a sender.
func walkSent(query *hub.SentQuery, asked *sqlkit.Asked, stretch, rows int) (string, []any, error) {
	var c condition
	from, err := c.sentFrom(query)
	found := fmt.Sprintf(`(SELECT d.* FROM (SELECT d.id FROM (
			SELECT d.id, d.search, d.first_delivery, d.last_delivery FROM %s%s ORDER BY d.id DESC LIMIT %d) d%s
			WHERE d.search LIKE ALL (%s) ORDER BY d.id DESC LIMIT %s) w
		CROSS JOIN LATERAL (SELECT * FROM dispatches WHERE id = w.id LIMIT 1) d) d`,
		from, c.where(), stretch, c.withStates(query), c.arg(asked.Patterns), c.arg(rows))
	return sentOf(found, "d.id DESC"), c.args, err
}

// lookSent looks for those of dispatches that a sender has sent.
func lookSent(dispatches []string, query *hub.SentQuery, asked *sqlkit.Asked, rows int) (string, []any, error) {
	var c condition
	of := c.arg(dispatches)
	from, err := c.sentFrom(query)
	terms := c.where()
	found := fmt.Sprintf(`(SELECT d.* FROM (SELECT d.id FROM unnest(%s::text[]) AS w (dispatch)
			CROSS JOIN LATERAL (SELECT d.* FROM %s%s AND d.id = w.dispatch%s LIMIT 1) d%s ORDER BY d.id DESC LIMIT %s) w
		CROSS JOIN LATERAL (SELECT * FROM dispatches WHERE id = w.id LIMIT 1) d) d`,
		of, from, terms, c.exactly(asked), c.withStates(query), c.arg(rows))
	return sentOf(found, "d.id DESC"), c.args, err
}
