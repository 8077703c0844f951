package directory_test

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/directory"
)

// nation makes a tree of provinces, departments and communes. It is a store that
// keeps the agencies in memory as they are.
type nation struct{ agencies []hub.Agency }

func (n nation) LoadAgencies(context.Context) ([]hub.Agency, int64, error)        { return n.agencies, 1, nil }
func (n nation) AgenciesVersion(context.Context) (int64, error)                   { return 1, nil }
func (n nation) SaveAgencies(context.Context, int64, []hub.Agency) (int64, error) { return 1, nil }

func makeNation(size int) nation {
	closed := day("2025-07-01")
	names := []string{"Sở Nội vụ", "Sở Tài chính", "UBND phường Bàn Thạch", "UBND xã Duy Nghĩa", "Chi cục Kiểm lâm", "Trung tâm Hành chính công"}
	var n nation
	for i := range size {
		province := i % 63
		id := hub.AgencyID(fmt.Sprintf("a%06d", i))
		a := hub.Agency{
			ID:     id,
			Codes:  []hub.Dated[hub.Code]{{Value: hub.Code(fmt.Sprintf("H%02d.%02d.%d", province, i/63%100, i))}, {Value: hub.Code(fmt.Sprintf("%03d.%02d.%02d.H%02d", i/6300%1000, i/630000, i/63%100, province))}},
			Names:  []hub.Dated[string]{{Value: fmt.Sprintf("%s số %d tỉnh %d (hư cấu)", names[i%len(names)], i, province)}},
			Levels: []hub.Dated[hub.Level]{{Value: hub.LevelUnit}},
		}
		if i >= 63 {
			a.Parents = []hub.Dated[hub.AgencyID]{{Value: hub.AgencyID(fmt.Sprintf("a%06d", i/20))}}
		}
		if i%10 == 9 {
			a.Valid.To = closed
			a.Successors = []hub.AgencyID{hub.AgencyID(fmt.Sprintf("a%06d", i-1))}
		}
		n.agencies = append(n.agencies, a)
	}
	return n
}

func loadNation(t testing.TB, size int) *directory.Directory {
	t.Helper()
	d := directory.New(directory.Options{Store: makeNation(size), Now: time.Now, NewID: func() string { return "" }})
	if err := d.Load(context.Background()); err != nil {
		t.Fatal(err)
	}
	return d
}

// lookUps are the questions that the hub asks all day, among them the worst ones.
func lookUps(d *directory.Directory) map[string]func() bool {
	at := day("2025-07-01")
	search := func(text string, found bool) func() bool {
		return func() bool { return len(d.Search(text, at, hub.Page{Limit: 50}).Items) > 0 == found }
	}
	resolve := func(code string) func() bool {
		return func() bool { _, err := d.Resolve(code, at); return err == nil }
	}
	return map[string]func() bool{
		"by id":                func() bool { _, ok := d.ByID("a010000"); return ok },
		"open code":            resolve("H00.00.6300"),
		"closed code":          resolve("H09.00.9"),
		"children":             func() bool { return len(d.Children("a000100", at)) > 0 },
		"search a name":        search("noi vu", true),
		"search one":           search("6298", true),
		"search everything":    search("", true),
		"search common words":  search("u t h 0 h0 1 2 b", true),
		"search nothing found": search("so nghia 77777", false),
	}
}

// TestLookUpsDoNotGrow: what the hub asks all day has the right answer in a directory of the
// size of the whole country, and takes hardly more memory there than in a hundredth of it:
// what folds every name or copies a list takes far more. How long a question takes is told
// by BenchmarkLookUp; 5 ms would be too long.
func TestLookUpsDoNotGrow(t *testing.T) {
	if testing.Short() {
		t.Skip("loads a whole nation")
	}
	small, large := lookUps(loadNation(t, nationSize/100)), lookUps(loadNation(t, nationSize))
	for name, ask := range large {
		if !ask() {
			t.Errorf("%s: wrong answer", name)
		}
		// Pages are of the same length in both, but other words may stand behind a search.
		most := 2*testing.AllocsPerRun(1, func() { small[name]() }) + 20
		if n := testing.AllocsPerRun(1, func() { ask() }); n > most {
			t.Errorf("%s allocates %v times, %v at most is what a hundredth takes", name, n, most)
		}
		// One bit for each agency and word is what a search may take.
		if n, most := bytesOf(ask), int64(9*nationSize/8+128<<10); n > most {
			t.Errorf("%s allocates %d bytes, want %d at most", name, n, most)
		}
	}
}

// bytesOf is what a question allocates.
func bytesOf(ask func() bool) int64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	ask()
	runtime.ReadMemStats(&after)
	return int64(after.TotalAlloc - before.TotalAlloc)
}

func BenchmarkLookUp(b *testing.B) {
	d := loadNation(b, nationSize)
	for name, ask := range lookUps(d) {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				ask()
			}
		})
	}
}

func BenchmarkLoad(b *testing.B) {
	store := makeNation(nationSize)
	d := directory.New(directory.Options{Store: store, Now: time.Now, NewID: func() string { return "" }})
	for b.Loop() {
		if err := d.Load(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
}
