// Package sheet writes tables as PDF and as XLSX, row by row: what it keeps in memory does
// not grow with their length, but for the place of each page (PDF) and what the system
// keeps in a temporary file (XLSX). It owns neither where the rows come from nor what they
// say. A table is whole only after Close.
package sheet

import (
	"encoding/csv"
	"io"
	"strings"

	"golang.org/x/text/unicode/norm"

	"github.com/lienthong/lienthong/hub"
)

// Table is what stands above the rows.
type Table struct {
	Above   []string // lines over the title: the agency
	Title   string
	Below   []string // lines under it: the period
	Columns []Column
	Page    string // the word before the number of a page
	Unsaid  string // what stands in the place of a row when there are none
}

// Column is one column of a table.
type Column struct {
	Name  string
	Width float64 // share of the width of a page
	// Number has a spreadsheet hold whole numbers as such.
	Number bool
}

// Writer takes the rows of a table.
type Writer interface {
	// Row adds a row with one text for each column.
	Row(cells []string) error
	// Close ends the table. It does not close what the table was written to.
	Close() error
	// Discard gives back what the table keeps, whether it was ended or not.
	Discard()
}

// writeAll writes rows and ends the table.
func writeAll(w Writer, rows [][]string) error {
	defer w.Discard()
	for _, row := range rows {
		if err := w.Row(row); err != nil {
			return err
		}
	}
	return w.Close()
}

// clean is a text as it is shown: letters put together with their marks, which would be
// drawn beside them (TCVN 6909 allows both forms), without controls, lines as words.
func clean(text string) string {
	return norm.NFC.String(strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\r' || r == '\t':
			return ' '
		case r < ' ' || r >= 0x7f && r <= 0x9f || r == '\ufffe' || r == '\uffff':
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "\ufffd")))
}

// WriteCSV writes a table as CSV, in cells that no spreadsheet takes for formulas.
func WriteCSV(to io.Writer, columns []Column, rows [][]string) error {
	w := csv.NewWriter(to)
	var line []string
	for _, c := range columns {
		line = append(line, hub.PlainCell(c.Name))
	}
	_ = w.Write(line) // Flush below reports the first failure
	for _, row := range rows {
		line = line[:0]
		for _, cell := range row {
			line = append(line, hub.PlainCell(cell))
		}
		_ = w.Write(line)
	}
	w.Flush()
	return w.Error()
}
