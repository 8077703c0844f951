package sample

import (
	"bytes"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"golang.org/x/text/unicode/norm"

	"github.com/lienthong/lienthong/hub"
)

func testLetter(paragraphs int) *Letter {
	return &Letter{
		Issuer: "ỦY BAN NHÂN DÂN\nTỈNH QUẢNG NAM", Number: "1/UBND-VP", Place: "Quảng Nam",
		Date:    time.Date(2020, 1, 5, 8, 0, 0, 0, hub.Vietnam()),
		Subject: "thử bố cục", To: []string{"Sở Nội vụ", "Sở Tư pháp"},
		Body:       strings.Split(strings.TrimSuffix(strings.Repeat("Đề nghị các cơ quan nghiêm túc thực hiện đầy đủ các nội dung nêu trên trong thời hạn quy định.|", paragraphs), "|"), "|"),
		Recipients: []string{"Như trên;", "Lưu: VT."}, Authority: "CHỦ TỊCH", Signer: "Nguyễn Văn Ví Dụ",
	}
}

func render(t *testing.T, pdf func() ([]byte, error)) []byte {
	t.Helper()
	b, err := pdf()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func pages(pdf []byte) int { return bytes.Count(pdf, []byte("/Type /Page\n")) }

func TestEqualLettersGiveEqualBytes(t *testing.T) {
	a, b := render(t, testLetter(3).PDF), render(t, testLetter(3).PDF)
	if !bytes.Equal(a, b) {
		t.Error("the same letter gave different bytes")
	}
	if other := render(t, testLetter(4).PDF); bytes.Equal(a, other) {
		t.Error("another letter gave the same bytes")
	}
}

func TestLetterIsComposed(t *testing.T) {
	decomposed := testLetter(2)
	decomposed.Subject, decomposed.Signer = norm.NFD.String(decomposed.Subject), norm.NFD.String(decomposed.Signer)
	for i := range decomposed.Body {
		decomposed.Body[i] = norm.NFD.String(decomposed.Body[i])
	}
	if !bytes.Equal(render(t, decomposed.PDF), render(t, testLetter(2).PDF)) {
		t.Error("combining marks reach the page uncomposed")
	}
}

func TestPDFProperties(t *testing.T) {
	pdf := render(t, testLetter(2).PDF)
	title := []byte("\xfe\xff")
	for _, unit := range utf16.Encode([]rune("1/UBND-VP – thử bố cục")) {
		title = append(title, byte(unit>>8), byte(unit))
	}
	for what, want := range map[string][]byte{
		"the title":         title,
		"an embedded font":  []byte("/FontFile2"),
		"the size A4":       []byte("[0 0 595.28 841.89]"),
		"the language":      []byte("/Lang (vi-VN)"),
		"the creation date": []byte("D:20200105080000"),
	} {
		if !bytes.Contains(pdf, want) {
			t.Errorf("the file lacks %s", what)
		}
	}
	if pages(pdf) != 1 {
		t.Errorf("a short letter has %d pages", pages(pdf))
	}
}

// TestNoSignatureOnAnEmptyPage makes letters longer line by line: where the
// signature goes to the next page, the last paragraph goes with it.
func TestNoSignatureOnAnEmptyPage(t *testing.T) {
	for paragraphs := 8; paragraphs < 16; paragraphs++ {
		l := testLetter(paragraphs)
		s := newSheet(l.Number, l.Issuer, l.Date)
		s.heading(l)
		s.addressees(l.To)
		s.paragraphs(l.Body)
		text := s.pdf.PageNo()
		place := s.closing(l)
		if place.Page != text || place.Y+sealSide/2 > pageHeight-marginBottom || s.pdf.PageNo() != text || s.pdf.GetY() > pageHeight-marginBottom {
			t.Errorf("%d paragraphs: text ends on page %d, the signature is on page %d at %.0f mm", paragraphs, text, s.pdf.PageNo(), s.pdf.GetY())
		}
	}
}

func TestWrap(t *testing.T) {
	s := newSheet("", "", time.Unix(0, 0))
	f := font{"", 14}
	text := strings.Repeat("nghiêm túc triển khai thực hiện ", 12)
	lines := s.wrap(f, 50, 90, text)
	for i, line := range lines {
		room := 90.0
		if i == 0 {
			room = 50
		}
		if w := s.width(f, line); w > room {
			t.Errorf("line %d is %.1f mm wide, room for %.0f", i, w, room)
		}
	}
	if got := strings.Join(lines, " "); got != strings.TrimSpace(text) {
		t.Errorf("wrapping changed the text: %q", got)
	}
	if long := s.wrap(f, 10, 10, "000.00.00.H47/UBND-KSTTHC"); len(long) != 1 {
		t.Errorf("a word longer than the line was broken: %q", long)
	}
}

// TestSignaturesShow verifies that pictures are there, below the text that they
// belong to, and that they break no signature.
func TestSignaturesShow(t *testing.T) {
	paper, err := testLetter(13).Paper()
	if err != nil {
		t.Fatal(err)
	}
	signed, err := testSigners(t).SignPaper(t.Context(), paper, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(signed, []byte("/Subtype /Image")); n != 4 { // each with its mask
		t.Errorf("%d pictures, want 4", n)
	}
	if paper.Page != 2 || paper.X < rightX || paper.Y < marginTop {
		t.Errorf("signatures show on page %d at %.0f, %.0f", paper.Page, paper.X, paper.Y)
	}
	leader, agency, err := paper.appearances()
	if err != nil {
		t.Fatal(err)
	}
	covered := (agency.Rect[2] - leader.Rect[0]) / (leader.Rect[2] - leader.Rect[0])
	if covered < 0.3 || covered > 0.4 {
		t.Errorf("the seal covers %.2f of the signature, want a third", covered)
	}
}

func TestPlaceAndDate(t *testing.T) {
	for want, date := range map[string]time.Time{
		"Quảng Nam, ngày 05 tháng 01 năm 2020": time.Date(2020, 1, 5, 0, 0, 0, 0, hub.Vietnam()),
		"Quảng Nam, ngày 20 tháng 02 năm 2020": time.Date(2020, 2, 20, 0, 0, 0, 0, hub.Vietnam()),
		"Quảng Nam, ngày 30 tháng 6 năm 2020":  time.Date(2020, 6, 30, 0, 0, 0, 0, hub.Vietnam()),
		"Quảng Nam, ngày 01 tháng 12 năm 2020": time.Date(2020, 12, 1, 0, 0, 0, 0, hub.Vietnam()),
	} {
		if got := placeAndDate("Quảng Nam", date); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestAnnexContinuesOnTheNextPage(t *testing.T) {
	a := &Annex{Issuer: "UBND tỉnh", Title: "Phân công", With: "Kèm theo Công văn số 1/UBND", Date: time.Unix(1578636000, 0), Head: []string{"TT", "Việc"}, Widths: []float64{12, 150}}
	for range 60 {
		a.Rows = append(a.Rows, []string{"1", "Nâng cấp Cổng dịch vụ công"})
	}
	if n := pages(render(t, func() ([]byte, error) { p, err := a.Paper(); return p.PDF, err })); n != 3 {
		t.Errorf("%d pages, want 3", n)
	}
}
