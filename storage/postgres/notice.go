package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/sqlkit"
)

// Notices lists the status reports that wait for an agency, oldest first. The first
// time finds those recorded since the given time, from then on none is missed.
func (s *Store) Notices(ctx context.Context, query hub.NoticeQuery) (hub.List[hub.Notice], error) {
	var list hub.List[hub.Notice]
	after, err := sqlkit.ParseCursor("notices", query.Page, 1)
	if err != nil {
		return list, err
	}
	since, err := collect(ctx, s, pgx.RowTo[int64], "SELECT since FROM notice_readers WHERE agency = $1", string(query.Agency))
	if err == nil && len(since) == 0 {
		err = s.exec(ctx, "begin notices", "SELECT begin_notices($1, $2, $3::timestamptz)",
			string(query.Agency), sqlkit.Micros(query.Now), query.Since.UTC().Format(time.RFC3339))
	}
	if err != nil {
		return list, err
	}
	reports, err := collect(ctx, s, scanBody[hub.StatusReport], `SELECT r.body FROM notices n JOIN status_reports r ON r.id = n.report
		WHERE n.agency = $1 AND n.report > $2 ORDER BY n.report LIMIT $3`, string(query.Agency), sqlkit.Behind(after), query.Page.Limit+1)
	if err != nil {
		return list, err
	}
	found, err := s.notices(ctx, reports)
	list.Items, list.Next = sqlkit.Cut(found, query.Page.Limit, func(n *hub.Notice) string { return sqlkit.Cursor("notices", n.Report.ID) })
	return list, err
}

// notices puts reports together with their deliveries, in one read.
func (s *Store) notices(ctx context.Context, reports []hub.StatusReport) ([]hub.Notice, error) {
	if len(reports) == 0 {
		return nil, nil
	}
	ids := make([]string, len(reports))
	for i := range reports {
		ids[i] = string(reports[i].Delivery)
	}
	found, err := s.items(ctx, itemsOf("deliveries v WHERE v.id = ANY ($1)", "id"), ids)
	return sqlkit.Notices(reports, found), err
}

// NoticeAgencies lists agencies for whom reports wait that they read, in the order of ids:
// with one step of the index for each, however many reports wait.
func (s *Store) NoticeAgencies(ctx context.Context, after hub.AgencyID, limit int) ([]hub.AgencyID, error) {
	return collect(ctx, s, pgx.RowTo[hub.AgencyID], `WITH RECURSIVE steps (agency) AS (
		SELECT min(agency) FROM notices WHERE agency > $1 UNION ALL SELECT (SELECT min(agency) FROM notices WHERE agency > steps.agency) FROM steps WHERE steps.agency IS NOT NULL)
		SELECT agency FROM steps WHERE agency IS NOT NULL LIMIT $2`, string(after), limit)
}

// Notice returns a status report, waiting or not; KindNotFound when there is none.
func (s *Store) Notice(ctx context.Context, report string) (hub.Notice, error) {
	found, err := collect(ctx, s, scanBody[hub.StatusReport], "SELECT body FROM status_reports WHERE id = $1", report)
	one, err := first(found, "status report", err)
	if err != nil {
		return hub.Notice{}, err
	}
	all, err := s.notices(ctx, []hub.StatusReport{one})
	if err != nil {
		return hub.Notice{}, err
	}
	return all[0], nil
}

// TakeNotice ends the waiting of a report; a second time changes nothing.
func (s *Store) TakeNotice(ctx context.Context, agency hub.AgencyID, report string) error {
	return s.exec(ctx, "take a notice", "DELETE FROM notices WHERE agency = $1 AND report = $2", string(agency), report)
}
