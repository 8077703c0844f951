// Package office writes reports as files for word processors, spreadsheets and readers of
// PDF, and fills the documents that offices keep as templates.
//
// A document that comes from outside is read within bounds and is refused whole where it
// holds anything but a plain document: macros, embedded programs, references to elsewhere.
// What it holds is never run or followed; placeholders are replaced by text, and every other
// byte of it stays.
package office

import (
	"io"

	"github.com/lienthong/lienthong/adapters/internal/sheet"
	"github.com/lienthong/lienthong/hub"
)

// Office writes files. It has no state.
type Office struct{}

// Placeholders names those of a document, each once, in their order.
func (Office) Placeholders(content []byte) ([]string, error) {
	d, err := openDocument(content)
	if err != nil {
		return nil, err
	}
	return d.placeholders(), nil
}

// Fill writes a document with values in the place of its placeholders; one without a value
// becomes nothing.
func (Office) Fill(to io.Writer, content []byte, values map[string]string) error {
	d, err := openDocument(content)
	if err != nil {
		return err
	}
	return d.fill(to, values)
}

// Write writes a report in a format.
func (Office) Write(to io.Writer, format hub.ReportFormat, r *hub.ReportText) error {
	switch format {
	case hub.ReportPDF:
		return sheet.WriteLetter(to, letterOf(r))
	case hub.ReportXLSX:
		return writeTable(to, r)
	case hub.ReportDOCX:
		return writeDocument(to, r)
	}
	return hub.Unlisted("format", format, hub.ReportFormats())
}

func letterOf(r *hub.ReportText) *sheet.Letter {
	l := &sheet.Letter{Left: r.Left, Right: r.Right, Title: r.Title, Signed: r.Signed, Page: "Trang"}
	for _, b := range r.Blocks {
		for _, text := range []string{b.Heading, b.Text} {
			if text != "" {
				l.Body = append(l.Body, text)
			}
		}
		for _, row := range b.Rows {
			l.Body = append(l.Body, "– "+row.Label+": "+row.Value)
		}
	}
	return l
}

// writeTable writes the numbers of a report as a spreadsheet, each with the question to the
// hub that gives it.
func writeTable(to io.Writer, r *hub.ReportText) error {
	table := &sheet.Table{Above: r.Left, Title: r.Title, Columns: []sheet.Column{
		{Name: "Mục", Width: 0.2}, {Name: "Nội dung", Width: 0.35}, {Name: "Số liệu", Width: 0.15, Number: true}, {Name: "Nguồn", Width: 0.3},
	}}
	var rows [][]string
	for _, b := range r.Blocks {
		if b.Text != "" {
			table.Below = append(table.Below, b.Text)
		}
		for _, row := range b.Rows {
			rows = append(rows, []string{b.Heading, row.Label, row.Value, row.Source})
		}
	}
	return sheet.WriteXLSX(to, table, rows)
}
