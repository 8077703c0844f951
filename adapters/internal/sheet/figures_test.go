package sheet

import (
	"bytes"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"github.com/lienthong/lienthong/hub"
)

// TestFigures: figures are numbers in a spreadsheet, and names are texts whatever they
// look like.
func TestFigures(t *testing.T) {
	r := hub.FigureReport{Agency: "a1", Name: "2026", Period: "2026"}
	r.Total.Sent[1], r.Total.Received[0] = 12_345, 7
	r.Units = []hub.FigureUnit{{Agency: "a2", Name: "=1+1", Level: hub.LevelUnit}}
	say := func(name string) string { return name }
	var file bytes.Buffer
	if err := WriteXLSX(&file, &Table{Title: "x", Columns: FigureColumns(say)}, FigureRows(&r, say)); err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if err := WriteCSV(&text, FigureColumns(say), FigureRows(&r, say)); err != nil || !strings.Contains(text.String(), "\npart.unit,'=1+1,a2,level.unit,sent,") {
		t.Errorf("%v:\n%s", err, text.String())
	}
	book, err := excelize.OpenReader(&file)
	if err != nil {
		t.Fatal(err)
	}
	defer book.Close()
	for cell, want := range map[string]struct {
		text string
		kind excelize.CellType
	}{
		"B4": {"2026", excelize.CellTypeInlineString}, "E4": {"sent", excelize.CellTypeInlineString}, "G4": {"12345", excelize.CellTypeUnset},
		"F5": {"7", excelize.CellTypeUnset}, "B6": {"=1+1", excelize.CellTypeInlineString}, "D6": {"level.unit", excelize.CellTypeInlineString},
	} {
		text, err := book.GetCellValue("1", cell, excelize.Options{RawCellValue: true})
		kind, kindErr := book.GetCellType("1", cell)
		if err != nil || kindErr != nil || text != want.text || kind != want.kind {
			t.Errorf("%s: %q of type %d, want %q of %d, %v, %v", cell, text, kind, want.text, want.kind, err, kindErr)
		}
	}
}
