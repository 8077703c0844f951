package sample

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"codeberg.org/go-pdf/fpdf"
	"github.com/go-fonts/liberation/liberationserifbold"
	"github.com/go-fonts/liberation/liberationserifbolditalic"
	"github.com/go-fonts/liberation/liberationserifitalic"
	"github.com/go-fonts/liberation/liberationserifregular"
	"golang.org/x/text/unicode/norm"
)

// notice stands on every page.
const notice = "BẢN MẪU – KHÔNG CÓ GIÁ TRỊ PHÁP LÝ, người và mã đơn vị dưới cấp 1 là hư cấu"

// A4 and its margins in millimetres (NĐ 30/2020, annex I, part I).
const (
	pageWidth    = 210
	pageHeight   = 297
	marginTop    = 20
	marginBottom = 20
	marginLeft   = 30
	marginRight  = 18

	textWidth  = pageWidth - marginLeft - marginRight
	leftWidth  = 68
	rightX     = marginLeft + leftWidth
	rightWidth = textWidth - leftWidth

	firstLine = 10  // indentation of a paragraph
	between   = 2.2 // paragraphs: 6 points
)

// font is a style of the one family ("", "B", "I", "BI") and a size in points.
type font struct {
	style string
	size  float64
}

// height of a line in millimetres.
func (f font) height() float64 { return f.size * 0.3528 * 1.3 }

// sheet is a PDF under way. Its methods take millimetres from the upper left
// corner and return the y below what they wrote.
type sheet struct{ pdf *fpdf.Fpdf }

func newSheet(title, author string, date time.Time) *sheet {
	s := &sheet{pdf: fpdf.New("P", "mm", "A4", "")}
	s.pdf.SetCreationDate(date)
	s.pdf.SetModificationDate(date)
	s.pdf.SetCatalogSort(true)
	s.pdf.SetTitle(composed(title), true)
	s.pdf.SetAuthor(composed(strings.ReplaceAll(author, "\n", " ")), true)
	s.pdf.SetSubject(composed(notice), true)
	s.pdf.SetLang("vi-VN")
	s.pdf.AddUTF8FontFromBytes("serif", "", liberationserifregular.TTF)
	s.pdf.AddUTF8FontFromBytes("serif", "B", liberationserifbold.TTF)
	s.pdf.AddUTF8FontFromBytes("serif", "I", liberationserifitalic.TTF)
	s.pdf.AddUTF8FontFromBytes("serif", "BI", liberationserifbolditalic.TTF)
	s.pdf.SetMargins(marginLeft, marginTop, marginRight)
	s.pdf.SetCellMargin(0)
	s.pdf.SetAutoPageBreak(false, marginBottom)
	s.pdf.SetHeaderFunc(s.pageNumber)
	s.pdf.SetFooterFunc(s.footer)
	s.pdf.AddPage()
	return s
}

func (s *sheet) bytes() ([]byte, error) {
	var out bytes.Buffer
	if err := s.pdf.Output(&out); err != nil {
		return nil, fmt.Errorf("render a sample: %w", err)
	}
	return out.Bytes(), nil
}

// pageNumber stands in the upper margin of every page but the first.
func (s *sheet) pageNumber() {
	if n := s.pdf.PageNo(); n > 1 {
		s.centred(marginLeft, 10, textWidth, font{"", 13}, fmt.Sprint(n))
		s.pdf.SetY(marginTop)
	}
}

func (s *sheet) footer() {
	s.pdf.SetTextColor(170, 0, 0)
	s.centred(marginLeft, pageHeight-13, textWidth, font{"I", 10}, notice)
	s.pdf.SetTextColor(0, 0, 0)
}

// composed puts letters together: the renderer places combining marks wrongly.
func composed(s string) string { return norm.NFC.String(s) }

func upper(s string) string { return strings.ToUpper(composed(s)) }

func (s *sheet) use(f font) { s.pdf.SetFont("serif", f.style, f.size) }

// width of the last line of a text.
func (s *sheet) width(f font, text string) float64 {
	s.use(f)
	return s.pdf.GetStringWidth(composed(text[strings.LastIndexByte(text, '\n')+1:]))
}

// rule draws a thin line around the middle x.
func (s *sheet) rule(middle, y, width float64) {
	s.pdf.SetLineWidth(0.25)
	s.pdf.Line(middle-width/2, y, middle+width/2, y)
}

func (s *sheet) centred(x, y, width float64, f font, lines string) float64 {
	s.use(f)
	for line := range strings.SplitSeq(lines, "\n") {
		s.pdf.SetXY(x, y)
		s.pdf.CellFormat(width, f.height(), composed(line), "", 0, "C", false, 0, "")
		y += f.height()
	}
	return y
}

func (s *sheet) line(x, y float64, f font, text string) float64 {
	s.use(f)
	s.pdf.SetXY(x, y)
	s.pdf.CellFormat(0, f.height(), composed(text), "", 0, "", false, 0, "")
	return y + f.height()
}

// wrap breaks a text at its blanks. The first line may be narrower.
func (s *sheet) wrap(f font, first, width float64, text string) []string {
	s.use(f)
	var lines []string
	room, line := first, ""
	for word := range strings.FieldsSeq(composed(text)) {
		longer := strings.TrimPrefix(line+" "+word, " ")
		if line != "" && s.pdf.GetStringWidth(longer) > room {
			lines = append(lines, line)
			room, longer = width, word
		}
		line = longer
	}
	return append(lines, line)
}

func (s *sheet) wrapped(f font, width float64, text string) string {
	return strings.Join(s.wrap(f, width, width, text), "\n")
}

// bodyFont is the font of paragraphs.
func bodyFont() font { return font{"", 14} }

// heightOf is what paragraph will take.
func (s *sheet) heightOf(text string) float64 {
	lines := s.wrap(bodyFont(), textWidth-firstLine, textWidth, text)
	return float64(len(lines))*bodyFont().height() + between
}

// paragraph writes justified lines with an indented first one, on the next page
// where this one is full.
func (s *sheet) paragraph(text string) {
	f := bodyFont()
	lines := s.wrap(f, textWidth-firstLine, textWidth, text)
	for i, line := range lines {
		s.breakFor(f.height())
		s.use(f)
		x, align := float64(marginLeft), "J"
		if i == 0 {
			x += firstLine
		}
		if i == len(lines)-1 {
			align = ""
		}
		s.pdf.SetX(x)
		s.pdf.CellFormat(pageWidth-marginRight-x, f.height(), line, "", 2, align, false, 0, "")
	}
	s.pdf.SetY(s.pdf.GetY() + between)
}

func (s *sheet) breakFor(height float64) {
	if s.pdf.GetY()+height > pageHeight-marginBottom {
		s.pdf.AddPage()
		s.pdf.SetY(marginTop)
	}
}

// table draws a grid; its head is in bold.
func (s *sheet) table(head []string, widths []float64, rows [][]string) {
	s.row(font{"B", 12}, widths, head)
	for _, row := range rows {
		s.row(font{"", 12}, widths, row)
	}
}

func (s *sheet) row(f font, widths []float64, cells []string) {
	const padding = 1.5
	lines, most := make([]string, len(cells)), 0
	for i, cell := range cells {
		lines[i] = s.wrapped(f, widths[i]-2*padding, cell)
		most = max(most, 1+strings.Count(lines[i], "\n"))
	}
	height := float64(most)*f.height() + 2*padding
	s.breakFor(height)
	x, y := float64(marginLeft), s.pdf.GetY()
	for i, cell := range lines {
		s.pdf.Rect(x, y, widths[i], height, "D")
		at := y + padding
		for line := range strings.SplitSeq(cell, "\n") {
			at = s.line(x+padding, at, f, line)
		}
		x += widths[i]
	}
	s.pdf.SetY(y + height)
}
