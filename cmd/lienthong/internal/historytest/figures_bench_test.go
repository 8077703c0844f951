package historytest

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/directory"
	"github.com/lienthong/lienthong/hub/figures"
	"github.com/lienthong/lienthong/hub/hubtest"
)

// counted is a store of figures.
type counted interface {
	figures.Store
	figures.Sums
	Counted(ctx context.Context, query hub.CountedQuery) (hub.List[hub.Item], error)
}

// province is a directory of a province with its agencies in a tree.
type province struct{ agencies []hub.Agency }

// LoadAgencies implements directory.Store.
func (p province) LoadAgencies(context.Context) ([]hub.Agency, int64, error) {
	return p.agencies, 1, nil
}

// SaveAgencies implements directory.Store.
func (p province) SaveAgencies(context.Context, int64, []hub.Agency) (int64, error) { return 1, nil }

// AgenciesVersion implements directory.Store.
func (p province) AgenciesVersion(context.Context) (int64, error) { return 1, nil }

// provinceOf has n agencies: the province, 150 under it, all others under these.
func provinceOf(n int) province {
	var p province
	for i := range n {
		a := hub.Agency{
			ID: hub.AgencyID(fmt.Sprint("a", i)), Names: []hub.Dated[string]{{Value: fmt.Sprint("Đơn vị mẫu ", i)}},
			Codes: []hub.Dated[hub.Code]{{Value: hub.Code(fmt.Sprintf("H47.%d", i+1))}}, Levels: []hub.Dated[hub.Level]{{Value: hub.LevelUnit}},
		}
		if up := upOf(a.ID); up != "" {
			a.Parents = []hub.Dated[hub.AgencyID]{{Value: up}}
		}
		p.agencies = append(p.agencies, a)
	}
	return p
}

// upOf is the agency above another in a provinceOf.
func upOf(id hub.AgencyID) hub.AgencyID {
	switch i, _ := strconv.Atoi(string(id[1:])); {
	case i > 150:
		return hub.AgencyID(fmt.Sprint("a", 1+i%150))
	case i > 0:
		return "a0"
	}
	return ""
}

// BenchmarkFigures: what a leader of a province waits for, of the numbers and of the documents
// behind them, at an agency of usual size and at one with a seventh of all. LIENTHONG_BENCH_DELIVERIES says
// over how many deliveries, 3,000 agencies and a year; deploy/figures.md has what was measured.
func BenchmarkFigures(b *testing.B) {
	const agencies = 3000
	n, err := strconv.Atoi(os.Getenv("LIENTHONG_BENCH_DELIVERIES"))
	if err != nil {
		n = 100_000
	}
	for _, engine := range []string{"sqlite", "postgres"} {
		b.Run(engine, func(b *testing.B) {
			store, db := openFigures(b, engine)
			began := time.Now()
			yearOf{n, agencies}.fill(b, db)
			b.Logf("figures of %d deliveries in %s", n, time.Since(began).Round(time.Second))
			yearOf{n, agencies}.fillDocuments(b, db, engine)
			b.Logf("with their documents in %s", time.Since(began).Round(time.Second))
			tree := directory.New(directory.Options{Store: provinceOf(agencies), Now: time.Now, NewID: func() string { return "" }})
			if err := tree.Load(b.Context()); err != nil {
				b.Fatal(err)
			}
			s := figures.New(figures.Options{Store: store, Sums: store, Directory: tree, Tree: tree, Now: func() time.Time { return time.Date(2026, 12, 31, 1, 0, 0, 0, time.UTC) }})
			leader := hubtest.System("a0", "a1", "a200")
			leader.Scopes = hub.Scopes()
			for _, query := range []hub.FiguresQuery{
				{Period: "2026"}, {Period: "2026", Kind: "quyet-dinh"}, {Period: "2026-Q3"}, {Period: "2026-05"}, {Period: "2026-05-04"}, {Period: "2026", Agency: "a1"}, {Period: "2026", Agency: "a200"},
			} {
				b.Run(fmt.Sprintf("%s of %s %s", query.Period, max(query.Agency, "a0"), query.Kind), func(b *testing.B) {
					for b.Loop() {
						if _, err := s.Report(b.Context(), leader, query); err != nil {
							b.Fatal(err)
						}
					}
				})
			}
			for _, of := range []hub.CountedQuery{
				{Agency: "a200", Measure: hub.MeasureDeliveries}, {Agency: "a200", Measure: hub.MeasureRefused}, {Agency: "a200", Measure: hub.MeasureAnsweredLate},
				{Agency: large, Measure: hub.MeasureDeliveries}, {Agency: large, Measure: hub.MeasureExpired}, {Agency: large, Measure: hub.MeasureExpired, Kind: "chi-thi"},
				{Agency: large, Measure: hub.MeasureRefused, Reason: hub.ReasonIncomplete}, {Agency: large, Measure: hub.MeasureAnsweredLate}, // of which there is none
			} {
				for _, of.Side = range []hub.Side{hub.SideSent, hub.SideReceived} {
					of.Period, of.Page.Limit = "2026", 50
					b.Run(fmt.Sprintf("behind %s %s by %s %s%s", of.Measure, of.Side, of.Agency, of.Kind, of.Reason), func(b *testing.B) {
						for b.Loop() {
							list, err := store.Counted(b.Context(), of)
							if err != nil || len(list.Items) == 0 && of.Agency == large && of.Measure != hub.MeasureAnsweredLate {
								b.Fatalf("%d listed, %v", len(list.Items), err)
							}
						}
					})
				}
			}
		})
	}
}
