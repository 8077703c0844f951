package text_test

import (
	"strings"
	"testing"
	"time"

	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/text"
)

func TestCount(t *testing.T) {
	for n, want := range map[int]string{0: "0 rules", 1: "1 rule", 2: "2 rules"} {
		if got := text.Count(n, "rule"); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestWidth(t *testing.T) {
	for s, want := range map[string]int{
		"":                           0,
		"So":                         2,
		"Sở Nội vụ":                  9,
		norm.NFD.String("Sở Nội vụ"): 9,
		"文件":                         4,
		"a\u0302":                    1, // â of two code points
		"x\u0302\u0323":              1, // no composed form
		"a\tb":                       3,
		"\x1b[31m":                   5, // no escape sequence any more
	} {
		if got := text.Width(s); got != want {
			t.Errorf("Width(%q) = %d, want %d", s, got, want)
		}
	}
}

func TestPrintable(t *testing.T) {
	for s, want := range map[string]string{
		"Quảng Nam":          "Quảng Nam",
		"a\nb\rc\x00":        "a b c ",
		"a\x1b]0;title\a":    "a ]0;title ",
		"gpj.\u202efdp":      "gpj. fdp", // would be shown as gpj.pdf
		"\u2066x\u2069":      " x ",
		"bad\xffbyte":        "bad\ufffdbyte",
		"line\u2028break":    "line break",
		"Nguye\u0302\u0303n": "Nguyễn",
	} {
		if got := text.Printable(s); got != want {
			t.Errorf("Printable(%q) = %q, want %q", s, got, want)
		}
	}
}

func TestShort(t *testing.T) {
	if got := text.Short(norm.NFD.String("Ủy ban nhân dân"), 6); got != "Ủy ba…" {
		t.Errorf("%q", got)
	}
	if got := text.Short("Ủy ban", 6); got != "Ủy ban" {
		t.Errorf("%q", got)
	}
}

func TestClockIsVietnamTime(t *testing.T) {
	if got := text.Clock(time.Date(2020, 1, 10, 18, 30, 0, 0, time.UTC)); got != "11/01/2020 01:30" {
		t.Errorf("%q", got)
	}
	if got := text.Clock(time.Time{}); got != "-" {
		t.Errorf("%q", got)
	}
}

// In every line, a column begins at the same cell, whatever stands before it.
func TestColumnsAlign(t *testing.T) {
	cell := rapid.StringOf(rapid.RuneFrom([]rune("aĐđởụ文\u0301\u0323\n\x1b\u202e")))
	rapid.Check(t, func(t *rapid.T) {
		table := text.Table{Head: []string{"A", "MỘT CỘT", "Z"}}
		for range rapid.IntRange(0, 5).Draw(t, "rows") {
			table.Add(cell.Draw(t, "a"), cell.Draw(t, "b"), "|")
		}
		var out strings.Builder
		table.Write(&out)
		lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
		head, _, _ := strings.Cut(lines[0], "Z")
		for _, line := range lines[1:] {
			before, _, found := strings.Cut(line, "|")
			if !found || text.Width(before) != text.Width(head) {
				t.Fatalf("the last column moves:\n%s", &out)
			}
		}
	})
}
