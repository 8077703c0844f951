package storagetest

import (
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// report records a status report about a delivery as it is, and returns its id.
func (b *bench) report(d *hub.Delivery, reporter hub.AgencyID, at time.Time) string {
	b.t.Helper()
	id := b.ID()
	now := b.item(d.ID).Delivery
	step := hub.Step{Delivery: now, From: now.State, Version: now.Version, Reports: []hub.StatusReport{{
		ID: id, Dispatch: d.Dispatch, Delivery: d.ID, Reporter: reporter, Code: hub.StatusInProgress, RecordedAt: at,
	}}}
	results, err := b.store.ApplySteps(b.ctx, step)
	b.must(err)
	b.must(results[0])
	return id
}

func (b *bench) waiting(agency hub.AgencyID, limit int) []string {
	b.t.Helper()
	query := hub.NoticeQuery{Agency: agency, Since: b.Clock.Add(-time.Hour), Now: b.Clock, Page: hub.Page{Limit: limit}}
	ids := []string{}
	for {
		list, err := b.store.Notices(b.ctx, query)
		b.must(err)
		for _, n := range list.Items {
			ids = append(ids, n.Report.ID)
			if n.Item.Delivery.ID != n.Report.Delivery || n.Item.Dispatch.ID != n.Report.Dispatch || n.For() != agency {
				b.t.Errorf("the report %s comes with delivery %s of dispatch %s", n.Report.ID, n.Item.Delivery.ID, n.Item.Dispatch.ID)
			}
		}
		if query.Page.After = list.Next; list.Next == "" {
			return ids
		}
	}
}

func testNotices(t *testing.T, back Backend) {
	b := newBench(t, back)
	d := b.consigned("r1")
	b.report(&d, "r1", b.Clock.Add(-2*time.Hour)) // too old for who begins to read
	first := b.report(&d, "r1", b.Clock.Add(-time.Minute))
	same(t, "what is there when the reading begins", b.waiting("s1", 10), []string{first})
	second := b.report(&d, "r1", b.Clock)
	third := b.report(&d, "r1", b.Clock.Add(-3*time.Hour)) // recorded now, whatever it says
	same(t, "in pages", b.waiting("s1", 1), []string{first, second, third})
	same(t, "those of the recipient", b.waiting("r1", 10), []string{})
	asked := b.report(&d, "s1", b.Clock)
	same(t, "what the sender reports", b.waiting("r1", 10), []string{asked})
	same(t, "of another agency", b.waiting("r2", 10), []string{})

	for after, want := range map[hub.AgencyID][]hub.AgencyID{"": {"r1", "s1"}, "r1": {"s1"}, "s1": nil} {
		ids, err := b.store.NoticeAgencies(b.ctx, after, 5)
		b.must(err)
		same(t, "agencies for whom something waits", len(ids), len(want))
		same(t, "agencies for whom something waits", append([]hub.AgencyID(nil), ids...), want)
	}
	ids, err := b.store.NoticeAgencies(b.ctx, "", 1)
	b.must(err)
	same(t, "a page of agencies", ids, []hub.AgencyID{"r1"})

	for range 2 {
		b.must(b.store.TakeNotice(b.ctx, "s1", second))
		b.must(b.store.TakeNotice(b.ctx, "r1", first)) // not its own
	}
	same(t, "after one was taken", b.waiting("s1", 10), []string{first, third})
	taken, err := b.store.Notice(b.ctx, second)
	b.must(err)
	b.must(b.store.TakeNotice(b.ctx, "r1", asked))
	ids, err = b.store.NoticeAgencies(b.ctx, "", 5)
	b.must(err)
	same(t, "after one has taken all", ids, []hub.AgencyID{"s1"})
	if taken.Report.ID != second || taken.Item.Delivery.ID != d.ID {
		t.Errorf("a report that was taken is %+v", taken)
	}
	_, err = b.store.Notice(b.ctx, "none")
	b.wants(hub.KindNotFound, err)
	_, err = b.store.Notices(b.ctx, hub.NoticeQuery{Agency: "s1", Page: hub.Page{}})
	b.wants(hub.KindInvalid, err)
}
