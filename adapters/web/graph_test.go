package web

import (
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// TestGraphs: bars and lines stay inside their picture and stand for the figures; an hour
// without hand-overs breaks the lines of time.
func TestGraphs(t *testing.T) {
	all, err := readCatalogues()
	if err != nil {
		t.Fatal(err)
	}
	x := &exchange{site: &site{texts: all}, lang: vietnamese}
	hours := make([]hub.TrafficHour, 24)
	for i := range hours {
		hours[i] = hub.TrafficHour{Hour: time.Date(2026, 3, 2, i, 0, 0, 0, time.UTC), Accepted: int64(i * 10), Handed: int64(i), P50: time.Duration(i) * time.Second, P95: time.Duration(i) * time.Hour}
	}
	hours[12].Handed = 0
	graphs := x.graphs(hours)
	counts, times := graphs[0], graphs[1]
	if len(counts.Bars) != 23 || counts.Rungs[2].Text != "500" {
		t.Errorf("%d bars, scale %+v", len(counts.Bars), counts.Rungs)
	}
	last := counts.Bars[22]
	if whole := counts.Bottom - counts.Rungs[2].Y; last.High < whole*0.459 || last.High > whole*0.461 { // 230 of 500
		t.Errorf("the bar of 230 is %g high, that of 500 would be %g", last.High, whole)
	}
	for _, b := range counts.Bars {
		if b.X < counts.Left || b.X+b.Wide > counts.Wide || b.Y < 0 || b.Y+b.High > counts.Bottom+0.1 {
			t.Errorf("%+v is outside", b)
		}
	}
	for _, l := range times.Lines {
		if strings.Count(l.Path, "M") != 2 || len(l.Dots) != 22 { // nothing at 0 and at 12
			t.Errorf("%s: %s", l.Class, l.Path)
		}
		for _, d := range l.Dots {
			if d.Y < graphTop || d.Y > graphBottom || d.X < graphLeft || d.X > graphWide {
				t.Errorf("%+v is outside", d)
			}
		}
	}
	if first, last := times.Rungs[0].Text, times.Rungs[len(times.Rungs)-1].Text; first != "1 giây" || last != "4 ngày" {
		t.Errorf("the scale goes from %s to %s", first, last)
	}
	if slow := x.graphs([]hub.TrafficHour{{Handed: 1, P50: 90 * 24 * time.Hour, P95: 90 * 24 * time.Hour}})[1]; slow.Lines[0].Dots[0].Y != graphTop {
		t.Errorf("beyond the scale: %+v", slow.Lines)
	}
	for took, want := range map[time.Duration]string{time.Millisecond: "1 ms", 1500 * time.Millisecond: "1,5 giây", 90 * time.Minute: "1,5 giờ", 36 * time.Minute: "36 phút", 48 * time.Hour: "2 ngày"} {
		if got := x.took(took); got != want {
			t.Errorf("%s is %s, want %s", took, got, want)
		}
	}
}

// TestDecimal: a comma in Vietnamese, a point in English.
func TestDecimal(t *testing.T) {
	for language, want := range map[string]string{vietnamese: "97,50", english: "97.50"} {
		if got := (&view{x: &exchange{lang: language}}).Decimal("97.50"); got != want {
			t.Errorf("%s: %s", language, got)
		}
	}
}
