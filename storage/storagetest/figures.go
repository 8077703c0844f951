package storagetest

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Figures keeps what was counted.
type Figures interface {
	FigureProgress(ctx context.Context) (progress hub.FigureProgress, end int64, err error)
	FigureEntries(ctx context.Context, place int64, limit int) ([]hub.PlacedEvidence, error)
	FigureSources(ctx context.Context, ids []hub.DispatchID) ([]hub.FigureSource, error)
	FigureFacts(ctx context.Context, keys []hub.FactsKey) ([]hub.DeliveryFacts, error)
	FigureFactsDue(ctx context.Context, before hub.Date, limit int) ([]hub.DeliveryFacts, error)
	SaveFigures(ctx context.Context, step hub.FigureStep) error
	ForgetFigures(ctx context.Context) error
	TrafficHours(ctx context.Context, since time.Time) ([]hub.HourCount, error)
	Sums
}

// Sums reads figures.
type Sums interface {
	FiguresByUnit(ctx context.Context, query hub.FigureQuery) ([]hub.FigureRow, error)
	FiguresByPeriod(ctx context.Context, query hub.FigureQuery) ([]hub.FigureRow, error)
	Refusals(ctx context.Context, query hub.FigureQuery) ([]hub.RefusalRow, error)
}

// factsOf are facts of each delivery of an acceptance, as they begin.
func factsOf(a *hub.Accepted, kind string, due hub.Date) []hub.DeliveryFacts {
	facts := make([]hub.DeliveryFacts, len(a.Deliveries))
	for i := range facts {
		facts[i] = hub.DeliveryFacts{
			Dispatch: a.Dispatch.ID, Position: i, Delivery: a.Deliveries[i].ID, Sender: a.Dispatch.Sender, Recipient: a.Deliveries[i].Recipient,
			Kind: kind, Leads: i == 0, SentAt: a.Dispatch.AcceptedAt, Signing: -1, Due: due, State: hub.StateQueued,
		}
	}
	return facts
}

func figureRow(agency hub.AgencyID, period hub.Period, side hub.Side, kind string, unit hub.AgencyID, numbers ...int64) hub.FigureRow {
	r := hub.FigureRow{Agency: agency, Kind: kind, Period: period, Side: side, Unit: unit, Level: hub.LevelUnit}
	copy(r.Tally[:], numbers)
	r.Tally[len(r.Tally)-1] = 7
	return r
}

// testFigures: a step is recorded whole and once, sums are those of the rows that a query
// names, and all of it stays.
func testFigures(t *testing.T, back Backend) {
	b := newBench(t, back)
	accepted := b.accept("r1", "r2", "r1")
	facts := factsOf(&accepted, "cong-van", "2026-03-20")
	step := hub.FigureStep{
		Next: hub.FigureProgress{Place: 5, Day: "2026-03-02", At: b.Clock}, Facts: facts,
		Rows: []hub.FigureRow{
			figureRow("s1", "2026-03", hub.SideSent, "", "s1", 1, 2), figureRow("s1", "2026-03", hub.SideReceived, "", "u1", 3), figureRow("s1", "2026-04", hub.SideSent, "", "s1", 10),
			figureRow("s1", "2026-03", hub.SideSent, "cong-van", "s1", 100), figureRow("s2", "2026-03", hub.SideSent, "", "s1", 1000), figureRow("s1", "2026-03", hub.SideSent, "", "u1", 0, 50),
		},
		Reasons: []hub.RefusalRow{
			{Period: "2026-03", Side: hub.SideReceived, Agency: "r1", Reason: hub.ReasonOther, Count: 2, Own: 2},
			{Period: "2026-04", Side: hub.SideReceived, Agency: "r2", Reason: hub.ReasonOther, Count: 4, Own: 1},
			{Period: "2026-03", Side: hub.SideReceived, Agency: "r2", Reason: hub.ReasonOther, Count: 3, Own: 2},
			{Period: "2026-03", Side: hub.SideReceived, Agency: "r2", Reason: hub.ReasonMalware, Count: 1},
			{Period: "2026-03", Side: hub.SideReceived, Kind: "cong-van", Agency: "r2", Reason: hub.ReasonMalware, Count: 1},
		},
	}
	b.must(b.store.SaveFigures(b.ctx, step))
	b.wants(hub.KindConflict, b.store.SaveFigures(b.ctx, step)) // of another node, from the same beginning

	more := hub.FigureStep{Version: 1, Next: hub.FigureProgress{Place: 9, Day: "2026-03-21", At: b.Clock.Add(time.Hour)}}
	changed := facts[0]
	changed.Look("2026-03-21")
	more.Facts = []hub.DeliveryFacts{changed}
	more.Rows = []hub.FigureRow{figureRow("s1", "2026-03", hub.SideSent, "", "s1", -1, 5)}
	more.Reasons = []hub.RefusalRow{{Period: "2026-03", Side: hub.SideReceived, Agency: "r2", Reason: hub.ReasonMalware, Count: -1}}
	b.must(b.store.SaveFigures(b.ctx, more))
	b.store = back.Reopen(t, b.store)

	progress, _, err := b.store.FigureProgress(b.ctx)
	b.must(err)
	want := more.Next
	want.Version = 2
	same(t, "the progress", progress, want)
	found, err := b.store.FigureFacts(b.ctx, []hub.FactsKey{{Dispatch: accepted.Dispatch.ID, Position: -1, Recipient: "r1"}, {Dispatch: accepted.Dispatch.ID, Position: 1}, {Dispatch: "x"}})
	b.must(err)
	slices.SortFunc(found, func(a, c hub.DeliveryFacts) int { return a.Position - c.Position })
	same(t, "facts by keys", found, []hub.DeliveryFacts{changed, facts[1], facts[2]})
	due, err := b.store.FigureFactsDue(b.ctx, "2026-03-21", 10) // the one that is overdue is not open any more
	b.must(err)
	if len(due) != 2 || due[0].Position == 0 || due[1].Position == 0 {
		t.Errorf("open before 21 March: %+v", due)
	}
	if due, err = b.store.FigureFactsDue(b.ctx, "2026-03-20", 10); err != nil || len(due) != 0 {
		t.Errorf("open before 20 March: %+v, %v", due, err)
	}

	query := hub.FigureQuery{Periods: []hub.Period{"2026-03", "2026-04", "2026-05"}, Agency: "s1"}
	sums := func(rows []hub.FigureRow, err error) map[string][3]int64 {
		t.Helper()
		b.must(err)
		got := map[string][3]int64{}
		for _, r := range rows {
			got[string(r.Side)+" "+string(r.Unit)+string(r.Level)+string(r.Period)] = [3]int64{r.Tally[0], r.Tally[1], r.Tally[len(r.Tally)-1]}
		}
		return got
	}
	same(t, "by unit", sums(b.store.FiguresByUnit(b.ctx, query)), map[string][3]int64{"sent s1unit": {10, 7, 21}, "sent u1unit": {0, 50, 7}, "received u1unit": {3, 0, 7}})
	same(t, "by period", sums(b.store.FiguresByPeriod(b.ctx, query)), map[string][3]int64{"sent 2026-03": {0, 57, 21}, "sent 2026-04": {10, 0, 7}, "received 2026-03": {3, 0, 7}})
	query.Kind = "cong-van"
	same(t, "of a kind", sums(b.store.FiguresByUnit(b.ctx, query)), map[string][3]int64{"sent s1unit": {100, 0, 7}})

	reasons, err := b.store.Refusals(b.ctx, hub.FigureQuery{Periods: query.Periods, Agency: "r2"})
	b.must(err)
	same(t, "refusals", reasons, []hub.RefusalRow{{Side: hub.SideReceived, Reason: hub.ReasonOther, Count: 7, Own: 3}})

	sources, err := b.store.FigureSources(b.ctx, []hub.DispatchID{accepted.Dispatch.ID, "x"})
	b.must(err)
	if len(sources) != 1 || len(sources[0].Deliveries) != 3 || !sources[0].SignedAt.IsZero() {
		t.Fatalf("sources: %+v", sources)
	}
	signed := b.Acceptance("r1")
	signed.Reports[0].Signatures = []hub.SignatureVerdict{{ClaimedAt: b.Clock.Add(-time.Hour), ProvenAt: b.Clock.Add(-3 * time.Hour)}, {ClaimedAt: b.Clock.Add(-2 * time.Hour)}}
	b.acceptThis(signed)
	sources, err = b.store.FigureSources(b.ctx, []hub.DispatchID{signed.Dispatch.ID})
	b.must(err)
	if at := sources[0].SignedAt; !at.Equal(b.Clock.Add(-2 * time.Hour)) {
		t.Errorf("signed at %s, want the last time that is proven or claimed where nothing is", at)
	}
}

// testFiguresAnew: what is forgotten is gone, and who was counting from before is refused.
func testFiguresAnew(t *testing.T, back Backend) {
	b := newBench(t, back)
	accepted := b.accept("r1")
	b.must(b.store.SaveFigures(b.ctx, hub.FigureStep{
		Next: hub.FigureProgress{Place: 5, Day: "2026-03-02", At: b.Clock, Traffic: 7, TrafficAt: b.Clock}, Facts: factsOf(&accepted, "khac", ""),
		Hours:   []hub.HourCount{{Hour: b.Clock, Class: 3, Count: 4}},
		Rows:    []hub.FigureRow{figureRow("s1", "2026-03", hub.SideSent, "", "s1", 1)},
		Reasons: []hub.RefusalRow{{Period: "2026-03", Side: hub.SideSent, Agency: "s1", Reason: hub.ReasonOther, Count: 2}},
	}))
	b.must(b.store.ForgetFigures(b.ctx))
	b.wants(hub.KindConflict, b.store.SaveFigures(b.ctx, hub.FigureStep{Version: 1, Next: hub.FigureProgress{Place: 6}}))
	progress, _, err := b.store.FigureProgress(b.ctx)
	b.must(err)
	same(t, "the progress", progress, hub.FigureProgress{Version: 2, Traffic: 7, TrafficAt: b.Clock})
	query := hub.FigureQuery{Periods: []hub.Period{"2026-03"}, Agency: "s1"}
	rows, err := b.store.FiguresByUnit(b.ctx, query)
	b.must(err)
	reasons, err := b.store.Refusals(b.ctx, query)
	b.must(err)
	facts, err := b.store.FigureFacts(b.ctx, []hub.FactsKey{{Dispatch: accepted.Dispatch.ID}})
	b.must(err)
	if len(rows)+len(reasons)+len(facts) != 0 {
		t.Errorf("left: %v %v %v", rows, reasons, facts)
	}
	hours, err := b.store.TrafficHours(b.ctx, time.Time{})
	b.must(err)
	same(t, "the traffic, which stays", hours, []hub.HourCount{{Hour: b.Clock, Class: 3, Count: 4}})
}

// testTraffic: what a step adds to hours is added once, and hours that are too old go.
func testTraffic(t *testing.T, back Backend) {
	b := newBench(t, back)
	progress, _, err := b.store.FigureProgress(b.ctx)
	b.must(err)
	same(t, "the progress of a new hub", progress, hub.FigureProgress{Traffic: -1})
	hour := b.Clock.Truncate(time.Hour)
	at := func(hours, class int, count int64) hub.HourCount {
		return hub.HourCount{Hour: hour.Add(time.Duration(hours) * time.Hour), Class: class, Count: count}
	}
	step := hub.FigureStep{Next: hub.FigureProgress{Traffic: 5, TrafficAt: b.Clock}, Hours: []hub.HourCount{at(0, hub.ClassAccepted, 2), at(0, 80, 1), at(1, 80, 3)}}
	b.must(b.store.SaveFigures(b.ctx, step))
	b.wants(hub.KindConflict, b.store.SaveFigures(b.ctx, step))
	step = hub.FigureStep{Version: 1, Next: hub.FigureProgress{Traffic: 6}, Hours: []hub.HourCount{at(1, 80, 4), at(2, hub.ClassAccepted, 1)}, Since: hour.Add(time.Hour)}
	b.must(b.store.SaveFigures(b.ctx, step))
	step.Since = hour.Add(9 * time.Hour)
	b.wants(hub.KindConflict, b.store.SaveFigures(b.ctx, step)) // forgets nothing
	for since, want := range map[int][]hub.HourCount{0: {at(1, 80, 7), at(2, hub.ClassAccepted, 1)}, 2: {at(2, hub.ClassAccepted, 1)}, 3: {}} {
		hours, err := b.store.TrafficHours(b.ctx, hour.Add(time.Duration(since)*time.Hour))
		b.must(err)
		slices.SortFunc(hours, func(a, c hub.HourCount) int { return a.Hour.Compare(c.Hour) })
		same(t, "hours", append([]hub.HourCount{}, hours...), want)
	}
}

// testCounted: behind a number are the deliveries of that agency, side, period and kind
// that it counts, in order, whatever the pages.
func testCounted(t *testing.T, back Backend) {
	b := newBench(t, back)
	var all []hub.DeliveryFacts
	for i, to := range []hub.AgencyID{"r1", "r2", "r1", "r1", "r1"} {
		a := b.Acceptance(to, "r3")
		if i == 4 {
			a.Dispatch.AcceptedAt = b.Clock.AddDate(0, 1, 0)
		}
		accepted := b.acceptThis(a)
		kind := "cong-van"
		if i == 2 {
			kind = "quyet-dinh"
		}
		all = append(all, factsOf(&accepted, kind, "")...)
	}
	all[4].State, all[4].Reason = hub.StateRefused, hub.ReasonOther // the third to r1
	all[6].State, all[6].Reason = hub.StateRefused, hub.ReasonMalware
	all[8].State, all[8].Reason = hub.StateRefused, hub.ReasonOther
	for i, arrived := range map[int]time.Time{1: b.Clock, 3: {}, 5: b.Clock} { // the second is with another axis
		all[i].State, all[i].ArrivedAt, all[i].Tasks = hub.StateConsigned, arrived, []hub.CountedTask{{ID: "t", State: hub.TaskNotStarted}}
	}
	b.must(b.store.SaveFigures(b.ctx, hub.FigureStep{Next: hub.FigureProgress{Place: 1}, Facts: all}))
	for name, test := range map[string]struct {
		query hub.CountedQuery
		want  []int
	}{
		"received":         {hub.CountedQuery{Agency: "r1", Side: hub.SideReceived, Measure: hub.MeasureDeliveries, Period: "2026-03"}, []int{0, 4, 6}},
		"received by day":  {hub.CountedQuery{Agency: "r1", Side: hub.SideReceived, Measure: hub.MeasureDeliveries, Period: "2026-03-02"}, []int{0, 4, 6}},
		"of another day":   {hub.CountedQuery{Agency: "r1", Side: hub.SideReceived, Measure: hub.MeasureDeliveries, Period: "2026-03-03"}, nil},
		"of two months":    {hub.CountedQuery{Agency: "r1", Side: hub.SideReceived, Measure: hub.MeasureDeliveries, Period: "2026"}, []int{0, 4, 6, 8}},
		"of a kind":        {hub.CountedQuery{Agency: "r1", Side: hub.SideReceived, Measure: hub.MeasureDeliveries, Period: "2026-03", Kind: "cong-van"}, []int{0, 6}},
		"refused":          {hub.CountedQuery{Agency: "r1", Side: hub.SideReceived, Measure: hub.MeasureRefused, Period: "2026-03"}, []int{4, 6}},
		"for a reason":     {hub.CountedQuery{Agency: "r1", Side: hub.SideReceived, Measure: hub.MeasureRefused, Reason: hub.ReasonOther, Period: "2026"}, []int{4, 8}},
		"for another":      {hub.CountedQuery{Agency: "s1", Side: hub.SideSent, Measure: hub.MeasureRefused, Reason: hub.ReasonMalware, Period: "2026"}, []int{6}},
		"of a kind, for":   {hub.CountedQuery{Agency: "s1", Side: hub.SideSent, Measure: hub.MeasureRefused, Reason: hub.ReasonOther, Period: "2026", Kind: "cong-van"}, []int{8}},
		"for none such":    {hub.CountedQuery{Agency: "s1", Side: hub.SideSent, Measure: hub.MeasureRefused, Reason: hub.ReasonTooLarge, Period: "2026"}, nil},
		"sent, waiting":    {hub.CountedQuery{Agency: "s1", Side: hub.SideSent, Measure: hub.MeasureWaiting, Period: "2026-03"}, []int{0, 1, 2, 3, 5, 7}},
		"documents sent":   {hub.CountedQuery{Agency: "s1", Side: hub.SideSent, Measure: hub.MeasureDocuments, Period: "2026-03"}, []int{0, 2, 4, 6}},
		"documents to r3":  {hub.CountedQuery{Agency: "r3", Side: hub.SideReceived, Measure: hub.MeasureDocuments, Period: "2026-03"}, []int{1, 3, 5, 7}},
		"tasks set":        {hub.CountedQuery{Agency: "s1", Side: hub.SideSent, Measure: hub.MeasureTasksOpen, Period: "2026-03"}, []int{1, 3, 5}},
		"tasks that came":  {hub.CountedQuery{Agency: "r3", Side: hub.SideReceived, Measure: hub.MeasureTasksOpen, Period: "2026-03"}, []int{1, 5}},
		"sent by nobody":   {hub.CountedQuery{Agency: "r1", Side: hub.SideSent, Measure: hub.MeasureDeliveries, Period: "2026-03"}, nil},
		"received by none": {hub.CountedQuery{Agency: "s1", Side: hub.SideReceived, Measure: hub.MeasureDeliveries, Period: "2026-03"}, nil},
	} {
		for _, limit := range []int{1, 3, 100} {
			items := allPages(b.t, limit, func(page hub.Page) (hub.List[hub.Item], error) {
				test.query.Page = page
				return b.store.Counted(b.ctx, test.query)
			})
			var got, want []hub.DeliveryID
			for i := range items {
				got = append(got, items[i].Delivery.ID)
				if items[i].Dispatch.ID != items[i].Delivery.Dispatch {
					t.Errorf("%s: a delivery of %s comes with %s", name, items[i].Delivery.Dispatch, items[i].Dispatch.ID)
				}
			}
			for _, n := range test.want {
				want = append(want, all[n].Delivery)
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s, %d a page: %v, want %v", name, limit, got, want)
			}
		}
	}
	_, err := b.store.Counted(b.ctx, hub.CountedQuery{Agency: "r1", Period: "2026", Page: hub.Page{Limit: 1, After: "x"}})
	b.wants(hub.KindInvalid, err)
}
