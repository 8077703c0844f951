package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/lienthong/lienthong/hub"
)

// preparedMonths is how many coming months Open prepares: a daily job has that long to
// be repaired before rows go into the default partitions.
const preparedMonths = 3

// EnsurePartitions makes the partitions of the month of now and of the months ahead
// that are not there. A month of which the default partition already holds rows
// stays there. It is to be called once a day; any number of nodes may.
func (s *Store) EnsurePartitions(ctx context.Context, now time.Time, monthsAhead int) error {
	month := time.Date(now.UTC().Year(), now.UTC().Month(), 1, 0, 0, 0, 0, time.UTC)
	made, err := change(ctx, s, "prepare partitions", pgx.RowTo[string],
		"SELECT ensure_partitions($1::date, $2::date)", month, month.AddDate(0, monthsAhead, 0))
	if len(made) > 0 {
		s.log.InfoContext(ctx, "partitions prepared", "partitions", made)
	}
	return err
}

// DetachPartitions takes the months of deliveries and status reports that end by the
// given instant, and of which nothing is open any more, out of daily work, and
// returns the names of their tables: they are whole and readable in the schema
// archive, for an operator to keep or to drop. Their dispatches and evidences stay.
func (s *Store) DetachPartitions(ctx context.Context, before time.Time) ([]string, error) {
	if before.After(time.Now()) {
		return nil, hub.Invalid("before", "range", "only what is past can be detached")
	}
	return change(ctx, s, "detach partitions", pgx.RowTo[string], "SELECT detach_partitions($1::date)", before.UTC())
}
