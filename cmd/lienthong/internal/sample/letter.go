// Package sample makes the documents of the demonstration and of load tests: real
// PDFs laid out like official letters (NĐ 30/2020/NĐ-CP, annex I) with Vietnamese
// text and embedded fonts, signed twice as practice has it, by a leader and then
// by the agency. Every page says that it is a sample without legal value; people,
// and agencies below the province, are fictional.
package sample

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"codeberg.org/go-pdf/fpdf"
	"github.com/go-fonts/liberation/liberationserifbold"
	"github.com/go-fonts/liberation/liberationserifitalic"
	"github.com/go-fonts/liberation/liberationserifregular"
	"golang.org/x/text/unicode/norm"
)

// Letter is one official letter.
type Letter struct {
	Superior   string   // superior agency; empty for a province
	Issuer     string   // "ỦY BAN NHÂN DÂN\nTỈNH QUẢNG NAM"
	Number     string   // "173/UBND-KSTTHC"
	PlaceDate  string   // "Quảng Nam, ngày 10 tháng 01 năm 2020"
	Subject    string   // without "V/v"
	To         []string // Kính gửi
	Body       []string // paragraphs
	Recipients []string // nơi nhận
	Authority  string   // "KT. CHỦ TỊCH\nPHÓ CHỦ TỊCH"
	Signer     string
	Date       time.Time
}

// notice stands on every page.
const notice = "BẢN MẪU – KHÔNG CÓ GIÁ TRỊ PHÁP LÝ – người và mã đơn vị dưới cấp tỉnh là hư cấu"

// Margins of A4 in millimetres (NĐ 30/2020, annex I, part I).
const (
	marginLeft  = 30
	marginRight = 18
	marginTop   = 20
	pageWidth   = 210
)

// PDF renders the letter. Equal letters give equal bytes.
func (l *Letter) PDF() ([]byte, error) {
	p := newPage(l)
	p.heading()
	p.addressees()
	p.body()
	p.closing()
	var out bytes.Buffer
	if err := p.pdf.Output(&out); err != nil {
		return nil, fmt.Errorf("render %s: %w", l.Number, err)
	}
	return out.Bytes(), nil
}

type page struct {
	pdf    *fpdf.Fpdf
	letter *Letter
}

func newPage(l *Letter) *page {
	p := &page{pdf: fpdf.New("P", "mm", "A4", ""), letter: l}
	p.pdf.SetCreationDate(l.Date)
	p.pdf.SetModificationDate(l.Date)
	p.pdf.SetCatalogSort(true)
	p.pdf.SetTitle(text(l.Number+" – "+l.Subject), true)
	p.pdf.SetLang("vi-VN")
	p.pdf.AddUTF8FontFromBytes("serif", "", liberationserifregular.TTF)
	p.pdf.AddUTF8FontFromBytes("serif", "B", liberationserifbold.TTF)
	p.pdf.AddUTF8FontFromBytes("serif", "I", liberationserifitalic.TTF)
	p.pdf.SetMargins(marginLeft, marginTop, marginRight)
	p.pdf.SetAutoPageBreak(true, marginTop)
	p.pdf.SetFooterFunc(func() {
		p.pdf.SetY(-14)
		p.pdf.SetFont("serif", "I", 9)
		p.pdf.SetTextColor(170, 0, 0)
		p.pdf.CellFormat(0, 5, text(notice), "", 0, "C", false, 0, "")
		p.pdf.SetTextColor(0, 0, 0)
	})
	p.pdf.AddPage()
	return p
}

// text composes letters: the renderer places combining marks wrongly.
func text(s string) string { return norm.NFC.String(s) }

// column writes centred lines into a column and returns the y below them.
func (p *page) column(x, y, width float64, style string, size, height float64, lines string) float64 {
	p.pdf.SetFont("serif", style, size)
	for line := range strings.SplitSeq(lines, "\n") {
		p.pdf.SetXY(x, y)
		p.pdf.CellFormat(width, height, text(line), "", 0, "C", false, 0, "")
		y += height
	}
	return y
}

const (
	leftWidth  = 68
	rightWidth = pageWidth - marginLeft - marginRight - leftWidth
	rightX     = marginLeft + leftWidth
)

// heading is issuer and number on the left, the national motto, place and date
// on the right.
func (p *page) heading() {
	l := p.letter
	y := float64(marginTop)
	left := y
	if l.Superior != "" {
		left = p.column(marginLeft, y, leftWidth, "", 12, 5.5, l.Superior)
	}
	left = p.column(marginLeft, left, leftWidth, "B", 12, 5.5, l.Issuer)
	p.rule(marginLeft+leftWidth/2-11, left+0.8, 22)
	p.column(marginLeft, left+3, leftWidth, "", 13, 6, "Số: "+l.Number)
	p.pdf.SetXY(marginLeft, left+10)
	p.pdf.SetFont("serif", "", 12)
	p.pdf.MultiCell(leftWidth, 5, text("V/v "+l.Subject), "", "C", false)
	below := p.pdf.GetY()

	right := p.column(rightX, y, rightWidth, "B", 12, 5.5, "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM")
	right = p.column(rightX, right, rightWidth, "B", 13, 5.5, "Độc lập - Tự do - Hạnh phúc")
	p.rule(rightX+rightWidth/2-29, right+0.8, 58)
	p.column(rightX, right+3, rightWidth, "I", 13, 6, l.PlaceDate)
	p.pdf.SetY(max(below, right+12) + 6)
}

func (p *page) rule(x, y, width float64) {
	p.pdf.SetLineWidth(0.25)
	p.pdf.Line(x, y, x+width, y)
}

func (p *page) addressees() {
	p.pdf.SetFont("serif", "", 14)
	if len(p.letter.To) == 1 {
		p.pdf.MultiCell(0, 7, text("Kính gửi: "+p.letter.To[0]), "", "C", false)
	} else {
		p.pdf.SetX(marginLeft + 30)
		p.pdf.CellFormat(0, 7, text("Kính gửi:"), "", 1, "", false, 0, "")
		for i, to := range p.letter.To {
			end := ";"
			if i == len(p.letter.To)-1 {
				end = "."
			}
			p.pdf.SetX(marginLeft + 50)
			p.pdf.MultiCell(0, 6.5, text("- "+to+end), "", "", false)
		}
	}
	p.pdf.Ln(4)
}

func (p *page) body() {
	p.pdf.SetFont("serif", "", 14)
	for _, paragraph := range p.letter.Body {
		p.pdf.SetX(marginLeft)
		p.pdf.MultiCell(0, 6.6, text("        "+paragraph), "", "J", false)
		p.pdf.Ln(2)
	}
}

// closing is where copies go on the left and who signs on the right.
func (p *page) closing() {
	const need = 62
	if p.pdf.GetY() > 297-marginTop-need {
		p.pdf.AddPage()
	}
	y := p.pdf.GetY() + 4
	p.column(rightX, y, rightWidth, "B", 14, 6.5, p.letter.Authority)
	p.column(rightX, y+42, rightWidth, "B", 14, 6.5, p.letter.Signer)
	p.pdf.SetXY(marginLeft, y)
	p.pdf.SetFont("serif", "I", 12)
	p.pdf.CellFormat(leftWidth, 5, text("Nơi nhận:"), "", 2, "", false, 0, "")
	p.pdf.SetFont("serif", "", 11)
	for _, r := range p.letter.Recipients {
		p.pdf.SetX(marginLeft)
		p.pdf.CellFormat(leftWidth, 5, text("- "+r), "", 2, "", false, 0, "")
	}
}
