package sqlite

import (
	"context"
	"database/sql"
	"time"

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
	reads, err := one(ctx, s.reader, "row", scanInt, "SELECT EXISTS (SELECT 1 FROM notice_readers WHERE agency = ?)", string(query.Agency))
	if err == nil && reads == 0 {
		err = s.beginNotices(ctx, &query)
	}
	if err != nil {
		return list, err
	}
	reports, err := collect(ctx, s.reader, scanBody[hub.StatusReport], `SELECT r.body FROM notices n JOIN status_reports r ON r.id = n.report
		WHERE n.agency = ? AND n.report > ? ORDER BY n.report LIMIT ?`, string(query.Agency), sqlkit.Behind(after), query.Page.Limit+1)
	if err != nil {
		return list, err
	}
	found, err := s.notices(ctx, reports)
	list.Items, list.Next = sqlkit.Cut(found, query.Page.Limit, func(n *hub.Notice) string { return sqlkit.Cursor("notices", n.Report.ID) })
	return list, err
}

// beginNotices notes what is there for an agency that reads for the first time. There is
// one writer, so nothing comes between.
func (s *Store) beginNotices(ctx context.Context, query *hub.NoticeQuery) error {
	return s.do(ctx, 2, func(t *tx) error {
		err := t.exec("INSERT OR IGNORE INTO notice_readers (agency, since) VALUES (?, ?)", string(query.Agency), sqlkit.Micros(query.Now))
		if err == nil {
			err = t.exec(`INSERT OR IGNORE INTO notices (agency, report) SELECT d.sender, r.id
				FROM dispatches d JOIN status_reports r ON r.dispatch = d.id
				WHERE d.sender = ? AND r.body ->> '$.reporter' <> d.sender AND r.body ->> '$.recorded_at' >= ?`,
				string(query.Agency), query.Since.UTC().Format(time.RFC3339))
		}
		return failed("begin notices", err)
	})
}

// notices puts reports together with their deliveries, in one read.
func (s *Store) notices(ctx context.Context, reports []hub.StatusReport) ([]hub.Notice, error) {
	ids := make([]hub.DeliveryID, len(reports))
	for i := range reports {
		ids[i] = reports[i].Delivery
	}
	found, err := items(ctx, s.reader, s.reader, "SELECT "+deliveryColumns+" FROM deliveries v WHERE v.id IN (SELECT value FROM json_each(?))", list(ids))
	return sqlkit.Notices(reports, found), err
}

// NoticeAgencies lists agencies for whom reports wait that they read, in the order of ids:
// with one step of the index for each, however many reports wait.
func (s *Store) NoticeAgencies(ctx context.Context, after hub.AgencyID, limit int) ([]hub.AgencyID, error) {
	return collect(ctx, s.reader, func(rows *sql.Rows) (hub.AgencyID, error) {
		id, err := scanText(rows)
		return hub.AgencyID(id), err
	}, `WITH RECURSIVE steps (agency) AS (
		SELECT min(agency) FROM notices WHERE agency > ? UNION ALL SELECT (SELECT min(agency) FROM notices WHERE agency > steps.agency) FROM steps WHERE steps.agency IS NOT NULL)
		SELECT agency FROM steps WHERE agency IS NOT NULL LIMIT ?`, string(after), limit)
}

// Notice returns a status report, waiting or not; KindNotFound when there is none.
func (s *Store) Notice(ctx context.Context, report string) (hub.Notice, error) {
	found, err := one(ctx, s.reader, "status report", scanBody[hub.StatusReport], "SELECT body FROM status_reports WHERE id = ?", report)
	if err != nil {
		return hub.Notice{}, err
	}
	all, err := s.notices(ctx, []hub.StatusReport{found})
	return all[0], err
}

// TakeNotice ends the waiting of a report; a second time changes nothing.
func (s *Store) TakeNotice(ctx context.Context, agency hub.AgencyID, report string) error {
	return s.do(ctx, 1, func(t *tx) error {
		return failed("take a notice", t.exec("DELETE FROM notices WHERE agency = ? AND report = ?", string(agency), report))
	})
}
