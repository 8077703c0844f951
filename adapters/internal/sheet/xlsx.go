package sheet

import (
	"fmt"
	"io"
	"strconv"
	"unicode/utf8"

	"github.com/xuri/excelize/v2"
)

// maxCell bounds the text of a cell of a spreadsheet, in characters (ECMA-376 readers).
const maxCell = 32767

// sheetRows is how many rows a worksheet has at most; what comes after goes to another.
const sheetRows = 1_000_000

// XLSX writes a table as a spreadsheet. Every cell is text, so that no number of a document
// becomes a date and no content becomes a formula, but for whole numbers in the columns
// that are for them.
type XLSX struct {
	to     io.Writer
	table  *Table
	file   *excelize.File
	stream *excelize.StreamWriter
	head   int // style of what stands above
	body   int
	number int
	sheet  int // number of the worksheet
	row    int // rows written to it
}

// NewXLSX begins a spreadsheet.
func NewXLSX(to io.Writer, table *Table) (*XLSX, error) {
	x := &XLSX{to: to, table: table, file: excelize.NewFile()}
	var err error
	if x.head, err = x.file.NewStyle(&excelize.Style{Font: &excelize.Font{Bold: true, Family: "Times New Roman", Size: 12}, Alignment: &excelize.Alignment{WrapText: true, Vertical: "top"}}); err != nil {
		return nil, fmt.Errorf("make a style of a spreadsheet: %w", err)
	}
	if x.body, err = x.file.NewStyle(&excelize.Style{Font: &excelize.Font{Family: "Times New Roman", Size: 12}, NumFmt: 49, Alignment: &excelize.Alignment{WrapText: true, Vertical: "top"}}); err != nil {
		return nil, fmt.Errorf("make a style of a spreadsheet: %w", err)
	}
	if x.number, err = x.file.NewStyle(&excelize.Style{Font: &excelize.Font{Family: "Times New Roman", Size: 12}, NumFmt: 3, Alignment: &excelize.Alignment{Vertical: "top"}}); err != nil {
		return nil, fmt.Errorf("make a style of a spreadsheet: %w", err)
	}
	return x, x.begin()
}

// begin opens a worksheet and writes what stands above the rows.
func (x *XLSX) begin() error {
	x.sheet++
	name := fmt.Sprintf("%d", x.sheet)
	if x.sheet == 1 {
		if err := x.file.SetSheetName("Sheet1", name); err != nil {
			return fmt.Errorf("name a worksheet: %w", err)
		}
	} else if _, err := x.file.NewSheet(name); err != nil {
		return fmt.Errorf("begin a worksheet: %w", err)
	}
	var err error
	if x.stream, err = x.file.NewStreamWriter(name); err != nil {
		return fmt.Errorf("begin a worksheet: %w", err)
	}
	for i, c := range x.table.Columns {
		const whole = 170 // characters across a page
		if err := x.stream.SetColWidth(i+1, i+1, max(6, c.Width*whole)); err != nil {
			return fmt.Errorf("set the width of a column: %w", err)
		}
	}
	x.row = 0
	above := append(append([]string{}, x.table.Above...), x.table.Title)
	for _, line := range append(append(above, x.table.Below...), "") {
		if err := x.write([]string{line}, x.head); err != nil {
			return err
		}
	}
	names := make([]string, len(x.table.Columns))
	for i, c := range x.table.Columns {
		names[i] = c.Name
	}
	return x.write(names, x.head)
}

// WriteXLSX writes a table that is short.
func WriteXLSX(to io.Writer, table *Table, rows [][]string) error {
	x, err := NewXLSX(to, table)
	if err != nil {
		return err
	}
	return writeAll(x, rows)
}

// Row implements Writer.
func (x *XLSX) Row(cells []string) error {
	if x.row >= sheetRows {
		if err := x.stream.Flush(); err != nil {
			return fmt.Errorf("end a worksheet: %w", err)
		}
		if err := x.begin(); err != nil {
			return err
		}
	}
	return x.write(cells, x.body)
}

func (x *XLSX) write(cells []string, style int) error {
	x.row++
	values := make([]any, len(cells))
	for i, text := range cells {
		text = clean(text)
		if utf8.RuneCountInString(text) > maxCell {
			text = string([]rune(text)[:maxCell])
		}
		values[i] = excelize.Cell{StyleID: style, Value: text}
		if n, err := strconv.ParseInt(text, 10, 64); err == nil && style == x.body && x.table.Columns[i].Number {
			values[i] = excelize.Cell{StyleID: x.number, Value: n}
		}
	}
	place, err := excelize.CoordinatesToCellName(1, x.row)
	if err == nil {
		err = x.stream.SetRow(place, values)
	}
	if err != nil {
		return fmt.Errorf("write a row of a spreadsheet: %w", err)
	}
	return nil
}

// Close implements Writer.
func (x *XLSX) Close() error {
	err := x.stream.Flush()
	if err == nil {
		err = x.file.Write(x.to)
	}
	if err != nil {
		return fmt.Errorf("write a spreadsheet: %w", err)
	}
	return nil
}

// Discard implements Writer: rows of a long table are in a file of the system.
func (x *XLSX) Discard() { _ = x.file.Close() }
