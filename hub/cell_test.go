package hub_test

import (
	"testing"

	"github.com/lienthong/lienthong/hub"
)

// TestCells: no name becomes a formula in a spreadsheet, and numbers stay numbers.
func TestCells(t *testing.T) {
	for text, want := range map[string]string{
		"":                         "",
		"Sở Nội vụ":                "Sở Nội vụ",
		"=HYPERLINK(\"http://x\")": "'=HYPERLINK(\"http://x\")",
		"+1+cmd|' /C calc'!A0":     "'+1+cmd|' /C calc'!A0",
		"-2+3":                     "'-2+3",
		"@SUM(A1)":                 "'@SUM(A1)",
		"\t=1":                     "'\t=1",
		"＝1":                       "'＝1",
		"+84 235 3852 000":         "+84 235 3852 000",
		"-12.5":                    "-12.5",
		"'quoted'":                 "'quoted'",
	} {
		if got := hub.PlainCell(text); got != want {
			t.Errorf("%q is written %q, want %q", text, got, want)
		}
	}
}
