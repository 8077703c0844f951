package traffic_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/hubtest"
	"github.com/lienthong/lienthong/hub/traffic"
)

// book is a log in memory.
type book []hub.Evidence

func (b book) FigureEntries(_ context.Context, place int64, limit int) (page []hub.PlacedEvidence, err error) {
	for i := place; i < int64(len(b)) && len(page) < limit; i++ {
		page = append(page, hub.PlacedEvidence{Place: i, Evidence: hub.SealedEvidence{Evidence: b[i]}})
	}
	return page, nil
}

// counted keeps counts in memory.
type counted struct {
	hours map[time.Time]map[int]int64
	last  time.Time
}

func (c *counted) FigureProgress(context.Context) (hub.FigureProgress, int64, error) {
	return hub.FigureProgress{TrafficAt: c.last}, 0, nil
}

func (c *counted) TrafficHours(_ context.Context, since time.Time) (list []hub.HourCount, err error) {
	for hour, classes := range c.hours {
		for class, n := range classes {
			if !hour.Before(since) {
				list = append(list, hub.HourCount{Hour: hour, Class: class, Count: n})
			}
		}
	}
	return list, nil
}

// count adds a log in pieces, as steps of counting do.
func (c *counted) count(s *traffic.Service, log book) {
	for place := 0; place < len(log); place += 700 {
		entries, _ := log.FigureEntries(context.Background(), int64(place), 700)
		hours, last, _ := s.Count(entries)
		for _, h := range hours {
			if c.hours[h.Hour] == nil {
				c.hours[h.Hour] = map[int]int64{}
			}
			c.hours[h.Hour][h.Class] += h.Count
		}
		if last.After(c.last) {
			c.last = last
		}
	}
}

var operator = hub.Actor{Name: "van.hanh", Scopes: []hub.Scope{hub.ScopeOperate}}

func madeAt(at time.Time, n int) hub.DispatchID {
	ms := at.UnixMilli()
	return hub.DispatchID(fmt.Sprintf("%08x-%04x-7000-8000-%012x", ms>>16, ms&0xffff, n))
}

// TestTraffic: the counts of each hour are those of the log, and the shares are within a
// tenth of the true ones.
func TestTraffic(t *testing.T) {
	clock, store := hubtest.NewClock(), &counted{hours: map[time.Time]map[int]int64{}}
	begin := clock.Now().Truncate(time.Hour)
	random := rand.New(rand.NewPCG(1, 2))
	var log book
	accepted, took := map[time.Time]int64{}, map[time.Time][]time.Duration{}
	for i := range 23_000 {
		at := begin.Add(-time.Duration(random.IntN(30)) * time.Hour).Add(time.Duration(random.IntN(3600)) * time.Second)
		passed := time.Duration(float64(time.Millisecond) * (5 + random.ExpFloat64()*40_000))
		id := madeAt(at, i)
		log = append(log, hub.Evidence{Event: hub.EventSubmissionAcceptance, Dispatch: id, Time: at},
			hub.Evidence{Event: hub.EventContentConsignment, Dispatch: id, Time: at},
			hub.Evidence{Event: hub.EventContentHandover, Dispatch: id, Time: at.Add(passed)}, hub.Evidence{})
		accepted[at.Truncate(time.Hour)]++
		handed := at.Add(passed).Truncate(time.Hour)
		took[handed] = append(took[handed], passed)
	}
	s := traffic.Service{Store: store, Now: clock.Now}
	clock.Advance(2 * time.Hour)
	store.count(&s, log)
	got, err := s.Traffic(t.Context(), operator, 48)
	if err != nil || len(got.Hours) != 48 || got.Until.IsZero() {
		t.Fatalf("%d hours until %s, %v", len(got.Hours), got.Until, err)
	}
	all := int64(0)
	for i, h := range got.Hours {
		if i > 0 && h.Hour.Sub(got.Hours[i-1].Hour) != time.Hour {
			t.Errorf("%s follows %s", h.Hour, got.Hours[i-1].Hour)
		}
		want := took[h.Hour]
		slices.Sort(want)
		if h.Accepted != accepted[h.Hour] || h.Handed != int64(len(want)) {
			t.Errorf("%s: %d and %d, want %d and %d", h.Hour, h.Accepted, h.Handed, accepted[h.Hour], len(want))
		}
		all += h.Accepted
		if len(want) == 0 {
			continue
		}
		for share, is := range map[int]time.Duration{50: h.P50, 95: h.P95} {
			exact := want[(len(want)*share+99)/100-1]
			if is < exact || is > exact*110/100 {
				t.Errorf("%s: p%d is %s, want %s", h.Hour, share, is, exact)
			}
		}
	}
	if all != 23_000 {
		t.Errorf("%d were counted", all)
	}
}

// TestTrafficIsForOperators: nobody else sees it, and no more hours than are kept.
func TestTrafficIsForOperators(t *testing.T) {
	s := traffic.Service{Store: &counted{}, Now: hubtest.NewClock().Now}
	if _, err := s.Traffic(t.Context(), hub.Actor{Name: "x", Scopes: []hub.Scope{hub.ScopeAudit}}, 24); hub.KindOf(err) != hub.KindDenied {
		t.Error(err)
	}
	if _, err := s.Traffic(t.Context(), operator, 193); hub.KindOf(err) != hub.KindInvalid {
		t.Error(err)
	}
	got, err := s.Traffic(t.Context(), operator, 24)
	if err != nil || len(got.Hours) != 24 || !got.Until.IsZero() || got.Hours[23].Accepted != 0 {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestBegin: traffic of a log that is old begins where all before it is older than what is
// kept, and not much earlier, whatever lies between and however few entries it has.
func TestBegin(t *testing.T) {
	clock := hubtest.NewClock()
	day := 24 * time.Hour
	for name, test := range map[string]struct {
		ages        []time.Duration // of entries, 100 of each
		most, least int64
	}{
		"nothing":   {nil, 0, 0},
		"all young": {[]time.Duration{5 * day, 3 * day, day}, 0, 0},
		"all old":   {[]time.Duration{500 * day, 300 * day, 10 * day}, 300, 300},
		"a part":    {[]time.Duration{500 * day, 300 * day, 7 * day, 0}, 200, 200},
		"a year":    {[]time.Duration{365 * day, 100 * day, 50 * day, 20 * day, 9*day + time.Hour, 8*day + 12*time.Hour, 8 * day, day}, 500, 400},
	} {
		var log book
		for _, age := range test.ages {
			for i := range 100 {
				e := hub.Evidence{Event: hub.EventContentHandover, Time: clock.Now().Add(-age).Add(time.Duration(i) * time.Second)}
				if i%9 == 4 {
					e = hub.Evidence{} // something else
				}
				log = append(log, e)
			}
		}
		s := traffic.Service{Log: log, Now: clock.Now}
		got, err := s.Begin(t.Context(), int64(len(log)))
		if err != nil || got > test.most || got < test.least-probe {
			t.Errorf("%s: from %d on, want %d to %d, %v", name, got, test.least, test.most, err)
		}
	}
}

// probe is how many entries more than needed may be read.
const probe = 50

// BenchmarkTraffic reads the counts of a full week, which is the same at any number of
// deliveries.
func BenchmarkTraffic(b *testing.B) {
	clock, store := hubtest.NewClock(), &counted{hours: map[time.Time]map[int]int64{}}
	random := rand.New(rand.NewPCG(1, 2))
	var log book
	for i := range 200_000 {
		at := clock.Now().Add(-time.Duration(random.IntN(190*3600)) * time.Second)
		log = append(log, hub.Evidence{Event: hub.EventContentHandover, Dispatch: madeAt(at, i), Time: at.Add(time.Duration(random.ExpFloat64() * float64(time.Hour)))})
	}
	clock.Advance(time.Hour)
	s := traffic.Service{Store: store, Now: clock.Now}
	store.count(&s, log)
	for b.Loop() {
		if _, err := s.Traffic(b.Context(), operator, 168); err != nil {
			b.Fatal(err)
		}
	}
}
