// Package text lays out what people read on a terminal: tables that stay aligned
// with Vietnamese letters, texts from strangers made harmless, times of Vietnam.
package text

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"
	"golang.org/x/text/width"

	"github.com/lienthong/lienthong/hub"
)

// Count is a number with the English noun of what it counts, "1 rule", "2 rules".
func Count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// Table prints rows with aligned columns. Vietnamese letters may be made of
// several code points; columns align by what a terminal shows.
type Table struct {
	Head []string
	rows [][]string
}

// Add appends a row; it has as many cells as Head.
func (t *Table) Add(cells ...string) { t.rows = append(t.rows, cells) }

// Write prints the table.
func (t *Table) Write(w io.Writer) {
	widths := make([]int, len(t.Head))
	for _, row := range append([][]string{t.Head}, t.rows...) {
		for i, cell := range row {
			widths[i] = max(widths[i], Width(cell))
		}
	}
	for _, row := range append([][]string{t.Head}, t.rows...) {
		var line strings.Builder
		for i, cell := range row {
			line.WriteString(Printable(cell))
			if i < len(row)-1 {
				line.WriteString(strings.Repeat(" ", widths[i]-Width(cell)+2))
			}
		}
		fmt.Fprintln(w, strings.TrimRight(line.String(), " "))
	}
}

// Width counts the cells of a terminal that a text takes.
func Width(s string) int {
	n := 0
	for _, r := range Printable(s) {
		switch {
		case unicode.Is(unicode.Mn, r):
		case width.LookupRune(r).Kind() == width.EastAsianWide, width.LookupRune(r).Kind() == width.EastAsianFullwidth:
			n += 2
		default:
			n++
		}
	}
	return n
}

// Printable composes letters and replaces what would move the cursor or turn the
// direction of writing, and bytes that are no text: texts come from strangers.
func Printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, norm.NFC.String(strings.ToValidUTF8(s, "\uFFFD")))
}

// Short cuts a text for a table.
func Short(s string, longest int) string {
	runes := []rune(Printable(s))
	if len(runes) <= longest {
		return string(runes)
	}
	return string(runes[:longest-1]) + "…"
}

// Clock shows an instant to people: Vietnam time.
func Clock(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.In(hub.Vietnam()).Format("02/01/2006 15:04")
}
