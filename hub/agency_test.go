package hub_test

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lienthong/lienthong/hub"
)

func TestParseCode(t *testing.T) {
	tests := []struct {
		in   string
		want hub.CodeForm // "" for refused
		rule string
	}{
		{"000.00.00.H47", hub.FormQCVN102, ""},
		{"000.00.12.H47", hub.FormQCVN102, ""},
		{"001.00.10.H47", hub.FormQCVN102, ""},
		{"000.90.92.H47", hub.FormQCVN102, ""},
		{"777.77.04.D77", hub.FormQCVN102, ""},
		{" 28.22.H17\n", hub.FormQCVN102, ""}, // three groups, met in real traffic
		{"14.00.W00", hub.FormQCVN102, ""},
		{"H47", hub.FormQD20, ""},
		{"G22", hub.FormQD20, ""},
		{"H47.12", hub.FormQD20, ""},
		{"H47.31.05.01.02", hub.FormQD20, ""},
		{"H37.DN.001", hub.FormQD20, ""},
		{"H37.0101234567", hub.FormQD20, ""},
		{"H37." + strings.Repeat("A", 31), hub.FormQD20, ""},
		{"H37." + strings.Repeat("A", 32), "", "max_length"},
		{"", "", "required"},
		{" ", "", "required"},
		{"h47.12", "", "agency_code"},
		{"H4", "", "agency_code"},
		{"H477", "", "agency_code"},
		{"H47.", "", "agency_code"},
		{".H47", "", "agency_code"},
		{"H47..12", "", "agency_code"},
		{"H47.sở", "", "agency_code"},
		{"00.00.00.H47", "", "agency_code"},
		{"000.0.00.H47", "", "agency_code"},
		{"000.00.00.00.H47", "", "agency_code"},
		{"000.00.00.JB2", "", "agency_code"},
		{"000.00.00.H47 ;", "", "agency_code"},
		{"00A.00.00.H47", "", "agency_code"},
		{"Ｈ47", "", "agency_code"}, // full-width letter
	}
	for _, tt := range tests {
		code, err := hub.ParseCode(tt.in)
		if tt.want == "" {
			if v := hub.ViolationsOf(err); len(v) != 1 || v[0].Kind != hub.KindInvalid || v[0].Rule != tt.rule {
				t.Errorf("ParseCode(%q): %v, want the rule %s", tt.in, err, tt.rule)
			}
			continue
		}
		if err != nil || code.Form() != tt.want || string(code) != strings.TrimSpace(tt.in) {
			t.Errorf("ParseCode(%q) = %q of form %q, %v; want form %q", tt.in, code, code.Form(), err, tt.want)
		}
	}
}

func FuzzParseCode(f *testing.F) {
	f.Add("000.00.12.H47")
	f.Add("H47.12 ")
	f.Fuzz(func(t *testing.T, s string) {
		code, err := hub.ParseCode(s)
		if err != nil {
			if code != "" {
				t.Errorf("a refused code is %q", code)
			}
			return
		}
		if again, err := hub.ParseCode(string(code)); err != nil || again != code || len(code) > hub.MaxCodeLength {
			t.Errorf("%q parses to %q, then to %q, %v", s, code, again, err)
		}
	})
}

func TestTestUnits(t *testing.T) {
	for code, want := range map[hub.Code]bool{"14.00.W00": true, "W00.01": true, "000.00.00.H47": false, "H47.W001": false} {
		if code.IsTestUnit() != want {
			t.Errorf("%s is a test unit: %v", code, !want)
		}
	}
}

func TestLevels(t *testing.T) {
	for _, l := range []hub.Level{"central", "province", "department", "district", "commune", "unit"} {
		if !l.Valid() {
			t.Errorf("%s is not valid", l)
		}
	}
	if hub.Level("Province").Valid() || hub.Level("").Valid() {
		t.Error("an unknown level is valid")
	}
}

func TestAgencyOverTime(t *testing.T) {
	change := time.Date(2025, 6, 30, 17, 0, 0, 0, time.UTC) // 1 July in Vietnam
	a := hub.Agency{
		Codes: []hub.Dated[hub.Code]{{Value: "H47.31", Valid: hub.Interval{To: change}}, {Value: "H17.31", Valid: hub.Interval{From: change}}},
		Names: []hub.Dated[string]{{Value: "UBND thành phố Tam Kỳ", Valid: hub.Interval{To: change}}},
		Valid: hub.Interval{To: change},
	}
	before, after := change.Add(-time.Nanosecond), change
	if a.CodeAt(before) != "H47.31" || a.CodeAt(after) != "H17.31" {
		t.Errorf("codes %s, %s", a.CodeAt(before), a.CodeAt(after))
	}
	if a.NameAt(after) != "UBND thành phố Tam Kỳ" {
		t.Errorf("the last known name is %q", a.NameAt(after))
	}
	if !a.LivesAt(before) || a.LivesAt(after) {
		t.Errorf("lives: %v, %v", a.LivesAt(before), a.LivesAt(after))
	}
	if a.ChannelAt(after) != hub.ChannelPull {
		t.Errorf("channel %s", a.ChannelAt(after))
	}
	empty := hub.Agency{}
	if empty.CodeAt(after) != "" || empty.NameAt(after) != "" {
		t.Error("an agency without properties has some")
	}
}

func drawInterval(t *rapid.T, label string) hub.Interval {
	bound := func(name string) time.Time {
		n := rapid.IntRange(-1, 9).Draw(t, label+name)
		if n < 0 {
			return time.Time{}
		}
		return time.Unix(int64(n), 0)
	}
	i := hub.Interval{From: bound("from"), To: bound("to")}
	if !i.To.IsZero() && !i.From.Before(i.To) {
		i.To = i.From.Add(time.Second)
	}
	return i
}

func TestOverlapIsACommonInstant(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawInterval(t, "a"), drawInterval(t, "b")
		common := false
		for n := int64(-5); n < 20; n++ {
			at := time.Unix(n, 0)
			common = common || a.Contains(at) && b.Contains(at)
		}
		if a.Overlaps(b) != common || b.Overlaps(a) != common {
			t.Fatalf("%v and %v: overlap %v and %v, common instant %v", a, b, a.Overlaps(b), b.Overlaps(a), common)
		}
	})
}
