package sqlite

import (
	"context"
	"database/sql"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/sqlkit"
)

const insertFeedback = "INSERT INTO feedback (agency, id, kind, at, score, due, answered, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"

// AddFeedback records feedback; see the contract in hub/evaluation.
func (s *Store) AddFeedback(ctx context.Context, list []hub.Feedback) (hub.FeedbackFed, error) {
	var fed hub.FeedbackFed
	err := s.do(ctx, len(list), func(t *tx) error {
		fed = hub.FeedbackFed{}
		for _, f := range sqlkit.SortFeedback(list) {
			values, err := sqlkit.FeedbackValues(&f)
			if err != nil {
				return err
			}
			found, err := collect(ctx, t, scanBody[hub.Feedback], "SELECT body FROM feedback WHERE agency = ? AND id = ?", values[0], values[1])
			if err != nil {
				return err
			}
			if len(found) == 0 {
				if err := t.exec(insertFeedback, values...); err != nil {
					return failed("record feedback", err)
				}
				fed.New++
				continue
			}
			answered, err := sqlkit.Answers(&found[0], &f)
			if err != nil {
				return err
			}
			if !answered {
				fed.Same++
				continue
			}
			if err := t.exec("UPDATE feedback SET answered = ?, body = ? WHERE agency = ? AND id = ?", values[6], values[7], values[0], values[1]); err != nil {
				return failed("record feedback", err)
			}
			fed.Changed++
		}
		return nil
	})
	return fed, err
}

// FeedbackSums sums what came in from an instant on and before another, as it stood then.
func (s *Store) FeedbackSums(ctx context.Context, from, look time.Time) ([]hub.FeedbackSum, error) {
	return collect(ctx, s.reader, sqlkit.ScanFeedbackSum[*sql.Rows], sqlkit.FeedbackSumText(place(1), place(2)), sqlkit.Micros(from), sqlkit.Micros(look))
}
