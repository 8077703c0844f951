package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"slices"
	"strings"
	"sync"

	"modernc.org/sqlite"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/sqlkit"
)

// register teaches SQLite what migrations and imports need: spaced is sqlkit.Spaced, and
// indexed adds to such words their pairs. A driver learns a function once and refuses it
// after that, when another store was opened in the program: then it is there.
func register() {
	for name, do := range map[string]func(string) string{
		"spaced":  sqlkit.Spaced,
		"indexed": func(text string) string { return text + strings.Join(sqlkit.Pairs(text), " ") },
	} {
		_ = sqlite.RegisterDeterministicScalarFunction(name, 1, func(_ *sqlite.FunctionContext, args []driver.Value) (driver.Value, error) {
			text, _ := args[0].(string)
			return do(text), nil
		})
	}
}

// insertWords lets a dispatch be found by its words and agencies.
func insertWords(t *tx, words string, dispatch hub.DispatchID) error {
	return failed("index the words of a dispatch", t.exec("INSERT INTO dispatch_words (dispatch, words) VALUES (?, ?)", string(dispatch), words))
}

// matches are what the index of words has for a search.
type matches struct {
	asked      *sqlkit.Asked // of which the index was asked
	dispatches []string
	all        bool // or there are more than MaxMatches
}

// match looks for the dispatches that have all words and that of an agency, or of one of
// its lanes. Each word costs a walk through the documents that have it, so that a few are
// tried first.
func (s *Store) match(ctx context.Context, asked *sqlkit.Asked, agency ...string) (matches, error) {
	if len(asked.Words) == 0 {
		return matches{asked: asked, all: true}, nil
	}
	if few, fewer := asked.Few(); fewer {
		if m, err := s.matchAll(ctx, &few, agency); err != nil || m.all {
			return m, err
		}
	}
	return s.matchAll(ctx, asked, agency)
}

func (s *Store) matchAll(ctx context.Context, asked *sqlkit.Asked, agency []string) (matches, error) {
	match := `"` + strings.Join(asked.Words, `" AND "`) + `" AND ("` + strings.Join(agency, `" OR "`) + `")`
	found, err := collect(ctx, s.reader, scanText, "SELECT dispatch FROM dispatch_words WHERE dispatch_words MATCH ? LIMIT ?", match, sqlkit.MaxMatches+1)
	return matches{asked, found, len(found) <= sqlkit.MaxMatches}, err
}

func (s *Store) searchMailbox(ctx context.Context, query *hub.MailboxQuery, asked *sqlkit.Asked) (hub.List[hub.Item], error) {
	if len(sqlkit.States(query)) == 0 {
		return hub.List[hub.Item]{}, nil
	}
	urgentWord, calmWord := sqlkit.UrgentWord(query.Agency), sqlkit.CalmWord(query.Agency)
	ofBothLanes := sync.OnceValues(func() (matches, error) { return s.match(ctx, asked, urgentWord, calmWord) })
	ofLane := func(calm int) (matches, error) {
		m, err := ofBothLanes()
		if err == nil && !m.all && calm == 0 { // the urgent ones are few
			return s.match(ctx, asked, urgentWord)
		}
		return m, err
	}
	return sqlkit.SearchLanes(query, func(calm int) sqlkit.Search[hub.Item] {
		lane := mailboxLane{query, asked, calm}
		return sqlkit.Search[hub.Item]{
			Cursor: sqlkit.MailboxCursor,
			Walk: func(stretch, rows int) ([]hub.Item, error) {
				text, args, err := lane.walk(stretch, rows)
				if err != nil {
					return nil, err
				}
				return items(ctx, free{s.reader.db}, s.reader, text, args...)
			},
			Look: func(rows int) ([]hub.Item, bool, error) {
				m, err := ofLane(calm)
				if err != nil || !m.all {
					return nil, false, err
				}
				text, args, err := lane.look(m, rows)
				if err != nil {
					return nil, false, err
				}
				found, err := items(ctx, free{s.reader.db}, s.reader, text, args...)
				return found, true, err
			},
			End: func() (string, error) {
				text, args, err := lane.end()
				if err != nil {
					return "", err
				}
				ends, err := collect(ctx, free{s.reader.db}, func(r *sql.Rows) (string, error) {
					var dispatch, calm, id string
					err := r.Scan(&dispatch, &calm, &id)
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

func (l *mailboxLane) condition() (*condition, error) {
	c, err := mailboxCondition(l.query)
	if err == nil {
		c.add("v.calm = ?", l.calm)
	}
	return c, err
}

func (l *mailboxLane) rows() (string, []any, error) {
	c, err := l.condition()
	if err != nil {
		return "", nil, err
	}
	return c.mailboxRows(l.query, "v.dispatch")
}

// walk looks at the next rows, dispatch by dispatch.
func (l *mailboxLane) walk(stretch, rows int) (string, []any, error) {
	from, args, err := l.rows()
	var c condition
	c.matching(l.asked)
	args = append(append(args, stretch), c.args...)
	return "SELECT " + deliveryColumns + " FROM (" + from + " LIMIT ?) w CROSS JOIN dispatches d ON d.id = w.dispatch CROSS JOIN deliveries v ON v.id = w.id" +
		c.where() + " ORDER BY w.calm, w.id LIMIT ?", append(args, rows), err
}

// look looks for those of what the index has.
func (l *mailboxLane) look(m matches, rows int) (string, []any, error) {
	c, err := l.condition()
	if err != nil {
		return "", nil, err
	}
	from := " FROM json_each(?) w CROSS JOIN deliveries v INDEXED BY deliveries_by_share ON v.dispatch = w.value"
	if m.asked.Exactly {
		from += " CROSS JOIN dispatches d ON d.id = v.dispatch"
		c.matching(m.asked)
	}
	if !l.query.Asked {
		c.add("v.state IN (SELECT value FROM json_each(?))", list(sqlkit.States(l.query)))
	}
	return "SELECT " + deliveryColumns + from + c.where() + " ORDER BY v.calm, v.id LIMIT ?",
		append(append([]any{list(m.dispatches)}, c.args...), rows), nil
}

// end is the last of the next rows.
func (l *mailboxLane) end() (string, []any, error) {
	from, args, err := l.rows()
	return from + " LIMIT 1 OFFSET ?", append(args, sqlkit.Stretch-1), err
}

func (s *Store) searchSent(ctx context.Context, query *hub.SentQuery, asked *sqlkit.Asked) (hub.List[hub.SentItem], error) {
	c, order, err := sentCondition(query)
	if err != nil {
		return hub.List[hub.SentItem]{}, err
	}
	rows := " FROM dispatches d" + c.where() + order
	return sqlkit.Search[hub.SentItem]{
		Cursor: sqlkit.SentCursor,
		Walk: func(stretch, most int) ([]hub.SentItem, error) {
			text, args := walkSent(rows, c.args, query, asked, stretch, most)
			return s.sent(ctx, text, args...)
		},
		Look: func(most int) ([]hub.SentItem, bool, error) {
			m, err := s.match(ctx, asked, sqlkit.SenderWord(query.Agency))
			if err != nil || !m.all {
				return nil, false, err
			}
			text, args, err := lookSent(m, query, most)
			if err != nil {
				return nil, false, err
			}
			found, err := s.sent(ctx, text, args...)
			return found, true, err
		},
		End: func() (string, error) {
			ends, err := collect(ctx, free{s.reader.db}, scanText, "SELECT d.id"+rows+" LIMIT 1 OFFSET ?", append(slices.Clone(c.args), sqlkit.Stretch-1)...)
			if err != nil || len(ends) == 0 {
				return "", err
			}
			return sqlkit.Cursor("sent", ends[0]), nil
		},
	}.List(query.Page.Limit)
}

// walkSent looks at the next dispatches of a sender.
func walkSent(rows string, args []any, query *hub.SentQuery, asked *sqlkit.Asked, stretch, most int) (string, []any) {
	var c condition
	c.matching(asked)
	c.states(query)
	args = append(append(slices.Clone(args), stretch), c.args...)
	return "SELECT (SELECT body FROM dispatches WHERE id = d.id) FROM (SELECT d.id, d.search" + rows + " LIMIT ?) d" + c.where() + " ORDER BY d.id DESC LIMIT ?",
		append(args, most)
}

// lookSent looks for those that a sender has sent, of what the index has.
func lookSent(m matches, query *hub.SentQuery, most int) (string, []any, error) {
	c, _, err := sentCondition(query)
	if err != nil {
		return "", nil, err
	}
	if m.asked.Exactly {
		c.matching(m.asked)
	}
	c.states(query)
	return "SELECT d.body FROM json_each(?) w CROSS JOIN dispatches d ON d.id = w.value" + c.where() + " ORDER BY d.id DESC LIMIT ?",
		append(append([]any{list(m.dispatches)}, c.args...), most), nil
}
