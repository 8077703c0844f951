package hubtest

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/lienthong/lienthong/hub"
)

// noticeKey is a status report that an agency has read.
type noticeKey struct {
	agency hub.AgencyID
	report string
}

// Notices lists the status reports that an agency has not taken, oldest first.
func (m *Memory) Notices(_ context.Context, query hub.NoticeQuery) (hub.List[hub.Notice], error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	begun, reads := m.readers[query.Agency]
	if !reads {
		begun = query.Since
		m.readers[query.Agency] = begun
	}
	var rows []hub.Notice
	for _, r := range m.reports {
		n := m.notice(r)
		if n.For() == query.Agency && !r.RecordedAt.Before(begun) && !m.taken[noticeKey{query.Agency, r.ID}] {
			rows = append(rows, n)
		}
	}
	slices.SortFunc(rows, func(a, b hub.Notice) int { return strings.Compare(a.Report.ID, b.Report.ID) })
	page, next, err := listing[hub.Notice]{name: "notices", rows: rows, key: func(n hub.Notice) string { return n.Report.ID }}.cut(query.Page)
	return hub.List[hub.Notice]{Items: page, Next: next}, err
}

// NoticeAgencies lists agencies for whom reports wait that they read.
func (m *Memory) NoticeAgencies(ctx context.Context, after hub.AgencyID, limit int) ([]hub.AgencyID, error) {
	m.mu.Lock()
	readers := slices.Sorted(maps.Keys(m.readers))
	m.mu.Unlock()
	var list []hub.AgencyID
	for _, agency := range readers {
		waiting, err := m.Notices(ctx, hub.NoticeQuery{Agency: agency, Page: hub.Page{Limit: 1}})
		if err != nil {
			return nil, err
		}
		if len(waiting.Items) > 0 && agency > after && len(list) < limit {
			list = append(list, agency)
		}
	}
	return list, nil
}

func (m *Memory) notice(r hub.StatusReport) hub.Notice {
	return hub.Notice{Report: clone(r), Item: m.item(m.deliveries[r.Delivery])}
}

// Notice returns a status report.
func (m *Memory) Notice(_ context.Context, report string) (hub.Notice, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.reports {
		if r.ID == report {
			return m.notice(r), nil
		}
	}
	return hub.Notice{}, notFound("status report")
}

// TakeNotice ends the waiting of a report.
func (m *Memory) TakeNotice(ctx context.Context, agency hub.AgencyID, report string) error {
	if err := m.change(ctx, "TakeNotice"); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.taken[noticeKey{agency, report}] = true
	return nil
}
