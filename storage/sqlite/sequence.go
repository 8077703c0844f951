package sqlite

import (
	"context"
	"database/sql"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/sqlkit"
)

// LogNumbers returns the last number of each of the agencies in a shard.
func (s *Store) LogNumbers(ctx context.Context, origin string, agencies []hub.AgencyID) (map[hub.AgencyID]int64, error) {
	wanted, err := sqlkit.Encode(agencies)
	if err != nil {
		return nil, err
	}
	found, err := collect(ctx, s.reader, sqlkit.ScanAgencyNumber[*sql.Rows], `SELECT a.value, (SELECT max(number) FROM log_numbers n WHERE n.shard = s.number AND n.agency = a.value) AS last
		FROM log_shards s, json_each(?2) a WHERE s.origin = ?1 AND last IS NOT NULL`, origin, wanted)
	return sqlkit.NumbersOf(found), err
}

// LogSequence lists what names an agency in a shard, behind a number.
func (s *Store) LogSequence(ctx context.Context, origin string, agency hub.AgencyID, after int64, limit int) ([]hub.SequenceEntry, error) {
	return collect(ctx, s.reader, sqlkit.ScanSequenceEntry[*sql.Rows], `SELECT n.number, n.idx, coalesce(e.source, ''), e.data FROM log_numbers n JOIN log_entries e ON e.shard = n.shard AND e.idx = n.idx
		WHERE n.shard = (SELECT number FROM log_shards WHERE origin = ?) AND n.agency = ? AND n.number > ? ORDER BY n.number LIMIT ?`, origin, string(agency), after, limit)
}

// LogNumberRows hands out the numbers of agencies, by shard, agency and number. An error
// of emit ends it and is returned as it is.
func (a *Archive) LogNumberRows(ctx context.Context, emit func(hub.LogNumberRecord) error) error {
	return handOut(ctx, a, sqlkit.ScanNumber[*sql.Rows], emit, sqlkit.LogNumberText)
}

// LogNumberRows is Archive.LogNumberRows of an open store.
func (s *Store) LogNumberRows(ctx context.Context, emit func(hub.LogNumberRecord) error) error {
	return (&Archive{s.reader.db}).LogNumberRows(ctx, emit)
}
