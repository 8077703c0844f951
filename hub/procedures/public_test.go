package procedures_test

import (
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// TestPublic: everybody is shown what is in force and nothing else, and the mark changes with
// the minute on which that changes, and with each change.
func TestPublic(t *testing.T) {
	w := newWorld()
	minute := func(s string) time.Time {
		t.Helper()
		m, ok := hub.ParseProcedureMinute(s)
		if !ok {
			t.Fatal(s)
		}
		return m
	}
	public, marks := w.Public(), map[string]bool{}
	shown := func(at time.Time, want ...string) {
		t.Helper()
		w.now = at
		list, err := public.List(t.Context(), "", hub.Page{})
		if err != nil || len(list.Items) != len(want) {
			t.Fatalf("at %s: %+v %v, want %q", at, list.Items, err, want)
		}
		for i, name := range want {
			if list.Items[i].Name != name {
				t.Errorf("at %s: %s, want %s", at, list.Items[i].Name, name)
			}
		}
		one, err := public.Show(t.Context(), "1.1")
		if len(want) == 0 && hub.KindOf(err) != hub.KindNotFound || len(want) > 0 && (err != nil || one.Name != want[0]) {
			t.Errorf("at %s: %+v %v", at, one, err)
		}
		mark, err := public.Mark(t.Context())
		if err != nil || marks[mark] {
			t.Errorf("at %s the mark is %s as before: %v", at, mark, err)
		}
		marks[mark] = true
	}
	w.must(t, hub.ProcedureWish{Decision: "q1", From: minute("2026-03-02T08:10")}, "1.1,Khai sinh,Hộ tịch,xã,d,1 ngày làm việc,4,8.000 đ bản sao,Tờ khai,,2026-03-02T08:20,\n", "1 published, 0 amended, 0 abolished, 0 unchanged")
	shown(minute("2026-03-02T08:10").Add(-time.Nanosecond))
	shown(minute("2026-03-02T08:10"), "Khai sinh")
	one, err := public.Show(t.Context(), "1.1")
	if err != nil || one.Decision != "7/QĐ-UBND" || one.AgencyCode != "d" || len(one.Papers) != 1 || one.Basis == nil || one.Valid.To != minute("2026-03-02T08:20") {
		t.Errorf("%+v %v", one, err)
	}
	shown(minute("2026-03-02T08:20"))
	w.must(t, hub.ProcedureWish{Decision: "q1", From: minute("2026-03-02T08:20")}, "1.1,Đăng ký khai sinh,Hộ tịch,xã,d,1 ngày làm việc,4,,,,,\n", "1 published, 0 amended, 0 abolished, 0 unchanged")
	shown(minute("2026-03-02T08:20"), "Đăng ký khai sinh")
	mark, err := public.Mark(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w.now = w.now.Add(59 * time.Second)
	if again, err := public.Mark(t.Context()); err != nil || again != mark {
		t.Errorf("within a minute the mark is %s and %s: %v", mark, again, err)
	}
}
