package postgres

import (
	"context"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/sqlkit"
)

// LogNumbers returns the last number of each of the agencies in a shard.
func (s *Store) LogNumbers(ctx context.Context, origin string, agencies []hub.AgencyID) (map[hub.AgencyID]int64, error) {
	found, err := collect(ctx, s, sqlkit.ScanAgencyNumber, `SELECT a.agency, l.number FROM log_shards s, unnest($2::text[]) AS a (agency),
		LATERAL (SELECT number FROM log_numbers n WHERE n.shard = s.number AND n.agency = a.agency ORDER BY number DESC LIMIT 1) l WHERE s.origin = $1`, origin, agencies)
	return sqlkit.NumbersOf(found), err
}

// LogSequence lists what names an agency in a shard, behind a number.
func (s *Store) LogSequence(ctx context.Context, origin string, agency hub.AgencyID, after int64, limit int) ([]hub.SequenceEntry, error) {
	return collect(ctx, s, sqlkit.ScanSequenceEntry, `SELECT n.number, n.idx, coalesce(e.source, ''), e.data FROM log_numbers n JOIN log_entries e ON e.shard = n.shard AND e.idx = n.idx
		WHERE n.shard = (SELECT number FROM log_shards WHERE origin = $1) AND n.agency = $2 AND n.number > $3 ORDER BY n.number LIMIT $4`, origin, string(agency), after, limit)
}

// LogNumberRows hands out the numbers of agencies, by shard, agency and number. An error
// of emit ends it and is in the tree of its error.
func (s *Store) LogNumberRows(ctx context.Context, emit func(hub.LogNumberRecord) error) error {
	return handOut(ctx, s, "log_numbers", sqlkit.ScanNumber, emit, sqlkit.LogNumberText)
}

// LogNumberRows is Store.LogNumberRows of an archive.
func (a *Archive) LogNumberRows(ctx context.Context, emit func(hub.LogNumberRecord) error) error {
	return a.s.LogNumberRows(ctx, emit)
}
