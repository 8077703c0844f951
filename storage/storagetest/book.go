package storagetest

import (
	"fmt"
	"slices"
	"testing"

	"github.com/lienthong/lienthong/hub"
)

// registered puts an entry into the register of an agency.
func (b *bench) registered(agency hub.AgencyID, number string, day hub.Date) hub.Delivery {
	b.t.Helper()
	step := b.Step(b.to(b.consigned(agency), hub.StateHandedOver), hub.StateAccepted)
	step.Delivery.Registration = &hub.Registration{Number: number, Date: day}
	b.must(b.apply(step))
	return step.Delivery
}

// testBooks: what registers are printed from comes in their order, whatever the pages,
// with the numbers of the agency's own answers, and with nothing of others.
func testBooks(t *testing.T, back Backend) {
	b := newBench(t, back)
	var want []string
	days := map[hub.Date][]string{"2026-01-31": {"9"}, "2026-02-01": {"010", "11", "100"}, "2026-02-28": {"101", "12a", "10b7"}, "2026-03-01": {"102"}}
	byNumber := map[string]hub.Delivery{}
	for _, day := range []hub.Date{"2026-03-01", "2026-02-28", "2026-02-01", "2026-01-31"} {
		for _, number := range slices.Backward(days[day]) {
			byNumber[number] = b.registered("r1", number, day)
		}
	}
	want = append(append(want, days["2026-02-01"]...), days["2026-02-28"]...)
	b.registered("r2", "10", "2026-02-01")
	b.to(b.consigned("r1"), hub.StateHandedOver) // has no number yet

	answered := byNumber["11"]
	for i, sender := range []hub.AgencyID{"r1", "r2", "r1"} {
		a := b.Acceptance("s1")
		a.Dispatch.Sender, a.Dispatch.Document.CodeNumber = sender, fmt.Sprint(i)
		a.Dispatch.Links = []hub.Link{{Kind: hub.LinkAnswers, Dispatch: answered.Dispatch}}
		b.acceptThis(a)
	}
	query := hub.RegisterQuery{Agency: "r1", From: "2026-02-01", To: "2026-02-28"}
	for _, limit := range []int{1, 2, 4, 100} {
		entries := allPages(b.t, limit, func(page hub.Page) (hub.List[hub.RegisterEntry], error) {
			query.Page = page
			return b.store.RegisteredBetween(b.ctx, query)
		})
		var got []string
		for i := range entries {
			e := &entries[i]
			got = append(got, e.Delivery.Registration.Number)
			if answers := []string{"0/UBND-KSTTHC", "2/UBND-KSTTHC"}; (e.Delivery.ID == answered.ID) != slices.Equal(e.Answers, answers) || e.Dispatch.ID != e.Delivery.Dispatch {
				t.Errorf("entry %s: answers %v", e.Delivery.Registration.Number, e.Answers)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%d a page: %v, want %v", limit, got, want)
		}
	}
	_, err := b.store.RegisteredBetween(b.ctx, hub.RegisterQuery{Agency: "r1", Page: hub.Page{Limit: 1, After: "x"}})
	b.wants(hub.KindInvalid, err)
}

// testSentBetween: dispatches of one sender between two ids, oldest first, each with all
// its deliveries.
func testSentBetween(t *testing.T, back Backend) {
	b := newBench(t, back)
	var ids []hub.DispatchID
	for range 7 {
		ids = append(ids, b.accept("r1", "r2").Dispatch.ID)
		other := b.Acceptance("r1")
		other.Dispatch.Sender = "s2"
		b.acceptThis(other)
	}
	for _, limit := range []int{1, 2, 100} {
		span := hub.SentSpan{Sender: "s1", First: ids[1], End: ids[5]}
		items := allPages(b.t, limit, func(page hub.Page) (hub.List[hub.SentItem], error) {
			span.Page = page
			return b.store.SentBetween(b.ctx, span)
		})
		if got := dispatchIDs(items); !slices.Equal(got, ids[1:5]) {
			t.Errorf("%d a page: %v, want %v", limit, got, ids[1:5])
		}
		for i := range items {
			if len(items[i].Deliveries) != 2 {
				t.Errorf("%d deliveries", len(items[i].Deliveries))
			}
		}
	}
}
