package calendar_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/calendar"
	"github.com/lienthong/lienthong/hub/hubtest"
)

var (
	operator = hub.Actor{Name: "op", Kind: hub.ActorOperator, Scopes: []hub.Scope{hub.ScopeOperate}}
	system   = hub.Actor{Name: "sy", Kind: hub.ActorSystem, Scopes: []hub.Scope{hub.ScopeSubmit}, Agencies: []hub.AgencyID{"a"}}
)

func node(t *testing.T, w *hubtest.World) *calendar.Service {
	t.Helper()
	s, err := calendar.New(calendar.Options{Notes: w, Now: w.Clock.Now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestShipped: the years that come with the program are sound, say where they are from, and
// count Tết and swapped days.
func TestShipped(t *testing.T) {
	w := hubtest.NewWorld()
	c := node(t, w).Calendar()
	for _, y := range c.Years() {
		if y.Source == "" || y.Version != 0 {
			t.Errorf("%d: %+v", y.Year, y)
		}
		if _, err := node(t, hubtest.NewWorld()).Import(t.Context(), operator, y.Source, y.Days, true); err != nil {
			t.Errorf("%d: %v", y.Year, err)
		}
	}
	for _, tt := range []struct {
		from hub.Date
		n    int
		want hub.Date
	}{
		{"2020-01-22", 1, "2020-01-30"}, // over Tết
		{"2020-02-28", 1, "2020-03-02"}, // over a weekend
		{"2020-02-28", 0, "2020-02-28"},
		{"2026-01-09", 1, "2026-01-10"}, // a Saturday that is worked
		{"2021-02-09", 1, "2021-02-17"}, // over Tết
		{"2018-12-28", 1, "2019-01-02"}, // over a swapped day and New Year
		{"2019-01-04", 1, "2019-01-05"}, // the Saturday worked for it
		{"2023-09-01", 1, "2023-09-05"}, // 2 September on a Saturday
		{"2026-12-31", 1, "2027-01-04"},
		{"2031-12-31", 1, "2032-01-02"}, // a year without a list: New Year is off all the same
		{"no date", 3, "no date"},
	} {
		if got := c.After(tt.from, tt.n); got != tt.want {
			t.Errorf("%d working days after %s: %s, want %s", tt.n, tt.from, got, tt.want)
		}
	}
}

// TestImport: a dry run tells and changes nothing, an import is in force here at once and
// on another node after its refresh, and the days it leaves out are no holidays any more.
func TestImport(t *testing.T) {
	w := hubtest.NewWorld()
	here, there := node(t, w), node(t, w)
	days, err := calendar.ReadDays(strings.NewReader("\ufeffdate,kind,name\n2038-02-05,off,Tết Nguyên đán\n2038-02-13,working,Làm bù\n"), true)
	if err != nil {
		t.Fatal(err)
	}
	dry, err := here.Import(t.Context(), operator, "TB 1", days, true)
	if err != nil || !dry.DryRun || len(dry.Changes) != 2 || !here.Calendar().Working("2038-02-05") {
		t.Fatalf("%+v %v", dry, err)
	}
	if _, err := here.Import(t.Context(), operator, "TB 1", days, false); err != nil {
		t.Fatal(err)
	}
	if c := here.Calendar(); c.Working("2038-02-05") || !c.Working("2038-02-13") || !c.Working("2038-01-01") {
		t.Error("the import is not in force, or holidays are mixed into it")
	}
	if !there.Calendar().Working("2038-02-05") {
		t.Error("another node knows before it refreshed")
	}
	if err := there.Refresh(t.Context()); err != nil || there.Calendar().Working("2038-02-05") {
		t.Errorf("another node does not know: %v", err)
	}
	again, err := there.Import(t.Context(), operator, "TB 2", days[:1], false)
	if err != nil || !slices.Equal(again.Changes, []hub.CalendarChange{{Date: "2038-02-13", Was: hub.DayWorking, Name: "Làm bù"}}) {
		t.Errorf("%+v %v", again, err)
	}
	if y, _ := there.Calendar().Year(2038); y.Version != 2 || y.Source != "TB 2" || y.SetBy != "op" {
		t.Errorf("%+v", y)
	}
	if same, err := there.Import(t.Context(), operator, "TB 2", days[:1], false); err != nil || len(same.Changes) != 0 {
		t.Errorf("%+v %v", same, err)
	}
	if y, _ := there.Calendar().Year(2038); y.Version != 2 {
		t.Errorf("the same again is version %d", y.Version)
	}
}

func TestImportRefuses(t *testing.T) {
	s := node(t, hubtest.NewWorld())
	if _, err := s.Import(t.Context(), system, "TB", []hub.CalendarDay{{Date: "2027-01-01", Kind: hub.DayOff}}, false); hub.KindOf(err) != hub.KindDenied {
		t.Errorf("a system changes the calendar: %v", err)
	}
	for _, tt := range []struct {
		source string
		days   []hub.CalendarDay
		field  string
		rule   string
	}{
		{"", []hub.CalendarDay{{Date: "2027-01-01", Kind: hub.DayOff}}, "source", "required"},
		{"TB", nil, "days", "required"},
		{"TB", make([]hub.CalendarDay, 3001), "days", "max_items"},
		{"TB", []hub.CalendarDay{{Date: "2027-02-30", Kind: hub.DayOff}}, "days[0].date", "date"},
		{"TB", []hub.CalendarDay{{Date: "2027-01-01", Kind: hub.DayOff}, {Date: "2027-01-01", Kind: hub.DayOff}}, "days[1].date", "unique"},
		{"TB", []hub.CalendarDay{{Date: "2027-01-01", Kind: "half"}}, "days[0].kind", "code_list"},
		{"TB", []hub.CalendarDay{{Date: "2027-01-01", Kind: hub.DayWorking}}, "days[0].kind", "weekend"},
		{"TB", []hub.CalendarDay{{Date: "2027-01-01", Kind: hub.DayOff, Name: "a\x00"}}, "days[0].name", "control_character"},
	} {
		_, err := s.Import(t.Context(), operator, tt.source, tt.days, false)
		if v := hub.ViolationsOf(err); err == nil || v[0].Field != tt.field || v[0].Rule != tt.rule {
			t.Errorf("%s %s: %v", tt.field, tt.rule, err)
		}
	}
	for text, field := range map[string]string{
		"":                                     "days",
		"day,kind\n":                           "days",
		"date,kind,name\n2027-01-01,off\n":     "days[0]",
		"date,kind,name\n2027-01-01,off,\"a\n": "days[0]",
	} {
		if _, err := calendar.ReadDays(strings.NewReader(text), true); err == nil || hub.ViolationsOf(err)[0].Field != field {
			t.Errorf("%q: %v", text, err)
		}
	}
	for text, field := range map[string]string{
		"": "days", "{}": "days", "null": "days", "[] []": "days", `[{"date":"2027-01-01","kind":"off","hour":1}]`: "days[0]", `[{},null]`: "days[1]",
		`[{},{"date":1}]`: "days[1].date", "[" + strings.Repeat("{},", 3000) + "{}]": "days",
	} {
		if _, err := calendar.ReadDays(strings.NewReader(text), false); err == nil || hub.ViolationsOf(err)[0].Field != field {
			t.Errorf("%.80q: %v", text, err)
		}
	}
}

// FuzzReadDays: no file brings more days than an import has; what is refused, by the reader
// or by the import, names the day of the file it is about, the field and the rule it breaks;
// what is taken is read the same from JSON.
func FuzzReadDays(f *testing.F) {
	f.Add("\ufeffdate,kind,name\n2038-02-05,off,Tết Nguyên đán\n2038-02-13,working,Làm bù\n", true)
	f.Add("date,kind,name\n2027-01-01,off\n2027-01-01,off,\"a\n", true)
	f.Add(`[{"date":"2038-02-05","kind":"off","name":"Tết"}]`, false)
	f.Add(`[{"date":1},null]`, false)
	f.Add(`[] []`, false)
	f.Fuzz(func(t *testing.T, file string, isCSV bool) {
		days, err := calendar.ReadDays(strings.NewReader(file), isCSV)
		if len(days) > 3000 {
			t.Errorf("%d days", len(days))
		}
		if err == nil {
			_, err = node(t, hubtest.NewWorld()).Import(t.Context(), operator, "TB 1", days, true)
		}
		if err != nil {
			for _, v := range hub.ViolationsOf(err) {
				if v.Kind != hub.KindInvalid && v.Kind != hub.KindTooLarge || v.Rule == "" || !named.MatchString(v.Field) {
					t.Errorf("%s %q [%s]: %v", v.Kind, v.Field, v.Rule, v)
				}
			}
			return
		}
		raw, err := json.Marshal(days)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := calendar.ReadDays(bytes.NewReader(raw), false); err != nil || !slices.Equal(back, days) {
			t.Errorf("%+v become %+v: %v", days, back, err)
		}
	})
}

// named are the fields by which a refusal says where it is about.
var named = regexp.MustCompile(`^days(\[\d+\](\.[a-z]+)?)?$`)
