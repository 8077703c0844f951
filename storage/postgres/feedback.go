package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/sqlkit"
)

const insertFeedback = `INSERT INTO feedback (agency, id, kind, at, score, due, answered, body)
	SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::text[]) ON CONFLICT DO NOTHING`

// feedbackKey names feedback.
type feedbackKey struct {
	agency hub.AgencyID
	id     string
}

// AddFeedback records feedback; see the contract in hub/evaluation.
func (s *Store) AddFeedback(ctx context.Context, list []hub.Feedback) (hub.FeedbackFed, error) {
	list = sqlkit.SortFeedback(list)
	var rows columns
	given := make(map[feedbackKey]*hub.Feedback, len(list))
	for i := range list {
		values, err := sqlkit.FeedbackValues(&list[i])
		if err != nil {
			return hub.FeedbackFed{}, err
		}
		rows.add(values...)
		given[feedbackKey{list[i].Agency, list[i].ID}] = &list[i]
	}
	var fed hub.FeedbackFed
	err := s.act(ctx, "record feedback", func(ctx context.Context, c *pgx.Conn) error {
		return pgx.BeginFunc(ctx, c, func(tx pgx.Tx) error {
			made, err := tx.Exec(ctx, insertFeedback, rows.args...)
			if err != nil {
				return err
			}
			fed = hub.FeedbackFed{New: int(made.RowsAffected())}
			if fed.New < len(list) {
				err = answerFeedback(ctx, tx, &rows, given, &fed)
			}
			return err
		})
	})
	return fed, err
}

// answerFeedback goes through what stands, which may be what was just recorded: that is the
// same, and was counted.
func answerFeedback(ctx context.Context, tx pgx.Tx, rows *columns, given map[feedbackKey]*hub.Feedback, fed *hub.FeedbackFed) error {
	found, err := tx.Query(ctx, `SELECT f.body FROM unnest($1::text[], $2::text[]) k (agency, id) JOIN feedback f ON f.agency = k.agency AND f.id = k.id
		ORDER BY f.agency, f.id FOR UPDATE OF f`, rows.args[0], rows.args[1])
	if err != nil {
		return err
	}
	stands, err := pgx.CollectRows(found, scanBody[hub.Feedback])
	if err != nil {
		return err
	}
	var answers columns
	for i := range stands {
		now := given[feedbackKey{stands[i].Agency, stands[i].ID}]
		answered, err := sqlkit.Answers(&stands[i], now)
		if err != nil {
			return err
		}
		if answered {
			values, err := sqlkit.FeedbackValues(now)
			if err != nil {
				return err
			}
			answers.add(values[0], values[1], values[6], values[7])
			fed.Changed++
		}
	}
	fed.Same = len(stands) - fed.New - fed.Changed
	return runAll(ctx, tx, statement{`UPDATE feedback f SET answered = a.answered, body = a.body
		FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[]) a (agency, id, answered, body) WHERE f.agency = a.agency AND f.id = a.id`, answers.args})
}

// FeedbackSums sums what came in from an instant on and before another, as it stood then.
func (s *Store) FeedbackSums(ctx context.Context, from, look time.Time) ([]hub.FeedbackSum, error) {
	return collect(ctx, s, sqlkit.ScanFeedbackSum[pgx.CollectableRow], sqlkit.FeedbackSumText(place(1), place(2)), sqlkit.Micros(from), sqlkit.Micros(look))
}
