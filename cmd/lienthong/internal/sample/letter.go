// Package sample makes the documents of the demonstration and of load tests: real
// PDFs laid out like official letters (NĐ 30/2020/NĐ-CP, annex I) with Vietnamese
// text and embedded fonts, signed twice as practice has it, by a leader and then
// by the agency. Every page says that it is a sample without legal value; people,
// and codes of agencies below the province, are fictional.
//
// What is rendered depends on its data alone: equal letters give equal bytes.
// Signing uses the caller's keys and clock and so does not.
package sample

import (
	"fmt"
	"time"
)

// Letter is one official letter (công văn, annex I part II and form 1.5 of the
// decree).
type Letter struct {
	Superior   string    // superior agency; empty for a province
	Issuer     string    // "ỦY BAN NHÂN DÂN\nTỈNH QUẢNG NAM"
	Number     string    // "173/UBND-KSTTHC"
	Place      string    // "Quảng Nam"
	Date       time.Time // of promulgation; its calendar day is printed
	Subject    string    // trích yếu, without "V/v"
	To         []string  // Kính gửi
	Body       []string  // paragraphs
	Recipients []string  // nơi nhận
	Authority  string    // "KT. CHỦ TỊCH\nPHÓ CHỦ TỊCH"
	Signer     string
}

// Paper is a rendered document and where its signatures show.
type Paper struct {
	PDF  []byte
	Page int     // from 1; 0 when signatures do not show
	X, Y float64 // the middle of the leader's, millimetres from the upper left corner
}

// PDF renders the letter.
func (l *Letter) PDF() ([]byte, error) {
	p, err := l.Paper()
	return p.PDF, err
}

// Paper renders the letter.
func (l *Letter) Paper() (Paper, error) {
	s := newSheet(l.Number+" – "+l.Subject, l.Issuer, l.Date)
	s.heading(l)
	s.addressees(l.To)
	s.paragraphs(l.Body)
	p := s.closing(l)
	var err error
	p.PDF, err = s.bytes()
	return p, err
}

// paragraphs writes the text. The last one goes to the next page when there is
// no room for the signature below it: that never stands on a page without text.
func (s *sheet) paragraphs(body []string) {
	for i, paragraph := range body {
		if i == len(body)-1 {
			s.breakFor(s.heightOf(paragraph) + closingRoom)
		}
		s.paragraph(paragraph)
	}
}

// Annex is a table that goes with a letter (annex I part III of the decree).
type Annex struct {
	Issuer string
	Title  string
	With   string    // which document it goes with, printed in brackets
	Date   time.Time // of that document
	Head   []string
	Widths []float64 // of the columns, millimetres; together they fill the page
	Rows   [][]string
}

// Paper renders the annex. It shows no signatures.
func (a *Annex) Paper() (Paper, error) {
	s := newSheet("Phụ lục – "+a.Title, a.Issuer, a.Date)
	y := s.centred(marginLeft, marginTop, textWidth, font{"B", 14}, "Phụ lục\n"+upper(a.Title))
	y = s.centred(marginLeft, y, textWidth, font{"I", 14}, "("+a.With+")")
	s.rule(marginLeft+textWidth/2, y+1, textWidth/4)
	s.pdf.SetY(y + 6)
	s.table(a.Head, a.Widths, a.Rows)
	pdf, err := s.bytes()
	return Paper{PDF: pdf}, err
}

// placeAndDate writes days below 10, January and February with two digits, as the
// decree wants so that nothing can be added by hand.
func placeAndDate(place string, date time.Time) string {
	month := fmt.Sprint(int(date.Month()))
	if date.Month() <= time.February {
		month = "0" + month
	}
	return fmt.Sprintf("%s, ngày %02d tháng %s năm %d", place, date.Day(), month, date.Year())
}

// heading is issuer, number and subject on the left; the national name and motto,
// place and date on the right.
func (s *sheet) heading(l *Letter) {
	left := float64(marginTop)
	if l.Superior != "" {
		left = s.centred(marginLeft, left, leftWidth, font{"", 12}, l.Superior)
	}
	left = s.centred(marginLeft, left, leftWidth, font{"B", 12}, l.Issuer)
	// The decree wants a rule of a third to a half of the line above it.
	s.rule(marginLeft+leftWidth/2, left+0.8, 0.4*s.width(font{"B", 12}, l.Issuer))
	left = s.centred(marginLeft, left+3, leftWidth, font{"", 13}, "Số: "+l.Number)
	left = s.centred(marginLeft, left+2, leftWidth, font{"", 12}, s.wrapped(font{"", 12}, leftWidth-4, "V/v "+l.Subject))

	const motto = "Độc lập - Tự do - Hạnh phúc"
	right := s.centred(rightX, marginTop, rightWidth, font{"B", 12}, "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM")
	right = s.centred(rightX, right, rightWidth, font{"B", 13}, motto)
	s.rule(rightX+rightWidth/2, right+0.8, s.width(font{"B", 13}, motto))
	right = s.centred(rightX, right+3, rightWidth, font{"I", 13}, placeAndDate(l.Place, l.Date))
	s.pdf.SetY(max(left, right) + 6)
}

func (s *sheet) addressees(to []string) {
	f := font{"", 14}
	y := s.pdf.GetY()
	switch len(to) {
	case 0:
	case 1:
		y = s.centred(marginLeft, y, textWidth, f, "Kính gửi: "+to[0])
	default:
		s.line(marginLeft+26, y, f, "Kính gửi:")
		x := marginLeft + 26 + s.width(f, "Kính gửi: ")
		for i, name := range to {
			end := ";"
			if i == len(to)-1 {
				end = "."
			}
			y = s.line(x, y, f, "- "+name+end)
		}
	}
	s.pdf.SetY(y + 4)
}

// closingRoom is what closing takes, in millimetres.
const closingRoom = 60

// closing is where copies go on the left and who signs on the right. It returns
// the place for the signatures.
func (s *sheet) closing(l *Letter) Paper {
	const forSignatures = 30
	s.breakFor(closingRoom)
	y := s.pdf.GetY() + 4
	right := s.centred(rightX, y, rightWidth, font{"B", 14}, l.Authority)
	s.centred(rightX, right+forSignatures, rightWidth, font{"B", 14}, l.Signer)
	left := s.line(marginLeft, y, font{"BI", 12}, "Nơi nhận:")
	for _, r := range l.Recipients {
		left = s.line(marginLeft, left, font{"", 11}, "- "+r)
	}
	return Paper{Page: s.pdf.PageNo(), X: rightX + rightWidth/2, Y: right + forSignatures/2}
}
