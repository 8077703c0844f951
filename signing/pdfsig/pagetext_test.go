package pdfsig_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/lienthong/lienthong/signing/pdfsig"
	"github.com/lienthong/lienthong/signing/pki"
)

// drawn makes a file of one page with this content and a composite font with this table
// of letters; its form /X draws itself and shows "form".
func drawn(content, table string) []byte {
	return rawPDF(map[int]string{
		1: "<< /Type /Catalog /Pages 2 0 R >>",
		2: "<< /Type /Pages /Kids [3 0 R] /Count 1 /MediaBox [0 0 600 800] /Resources << /Font << /F 5 0 R /G 8 0 R >> /XObject << /X 9 0 R >> >> >>",
		3: "<< /Type /Page /Parent 2 0 R /Contents [4 0 R] >>",
		4: stream("", content),
		5: "<< /Type /Font /Subtype /Type0 /BaseFont /A /Encoding /Identity-H /DescendantFonts [6 0 R] /ToUnicode 7 0 R >>",
		6: "<< /Type /Font /Subtype /CIDFontType2 /BaseFont /A /DW 500 /W [1 [600 600] 3 9 400] >>",
		7: stream("", table),
		8: "<< /Type /Font /Subtype /TrueType /BaseFont /B /FirstChar 32 /Widths [250 300] >>",
		9: stream("/Type /XObject /Subtype /Form /BBox [0 0 600 800] /Matrix [1 0 0 1 300 400]", "BT /G 10 Tf (form) Tj ET /X Do"),
	}, "/Root 1 0 R")
}

// letters maps 1, 2 and 3 to "Số", "ệ" and "n", and 16 to 18 to "a", "b" and "c".
const letters = "/CIDInit /ProcSet findresource begin 12 dict dict begin begincmap\n1 begincodespacerange <0000> <FFFF> endcodespacerange\n" +
	"2 beginbfchar <0001> <00531ED1> <0002> <1EC7> endbfchar 2 beginbfrange <0003> <0003> [<006E>] <0010> <0012> <0061> endbfrange endcmap"

func linesOf(t testing.TB, file []byte, page int) []pdfsig.Line {
	t.Helper()
	lines, err := pdfsig.Lines(bytes.NewReader(file), int64(len(file)), page)
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

func TestLines(t *testing.T) {
	for content, want := range map[string]string{
		"BT /F 10 Tf 100 700 Td <000100020003> Tj ET":                           "Sốện",
		"BT /F 10 Tf <001000110012> Tj ET":                                      "abc",
		"BT /F 10 Tf <00100099> Tj ET":                                          "a\ufffd",
		"BT /G 10 Tf (A\\(b\\)) Tj (c) ' ET":                                    "A(b)c", // no leading was set
		"BT /G 10 Tf 14 TL (A) Tj (c) ' T* (d) Tj ET":                           "A|c|d",
		"BT /G 10 Tf 14 TL (A) Tj 1 2 (c) \" ET":                                "A|c",
		"BT /G 10 Tf 0 -20 TD (A) Tj T* (b) Tj ET":                              "A|b",
		"BT /G 10 Tf [(A) 50 (b) -300 (c)] TJ ET":                               "Ab c",
		"BT /G 10 Tf 1 0 0 1 10 20 Tm (l) Tj 1 0 0 1 300 20 Tm (r) Tj ET":       "l|r", // two columns
		"BT /G 10 Tf 1 0 0 1 300 20 Tm (r) Tj 1 0 0 1 10 20 Tm (l) Tj ET":       "l|r",
		"BT /G 10 Tf 1 0 0 1 10 20 Tm (low) Tj 1 0 0 1 10 90 Tm (high) Tj ET":   "high|low",
		"q 1 0 0 1 0 500 cm BT /G 10 Tf (up) Tj ET Q BT /G 10 Tf (down) Tj ET":  "up|down",
		"BT /G 10 Tf 0 1 -1 0 10 20 Tm (upright) Tj ET":                         "", // it would fill no field
		"BT (no font) Tj ET":                                                    strings.Repeat("\ufffd", 7),
		"/X Do":                                                                 "form",
		"BI /W 1 /H 1 ID (( \x00EI) EI BT /G 10 Tf (behind) Tj ET":              "behind",
		"BT /G 10 Tf (whole) Tj ET BT (no end":                                  "whole",
		"/Span << /MCID 1 /E (x) >> BDC BT /G 10 Tf (marked) Tj ET EMC":         "marked",
		"BT /G 10 Tf -5 Tc 1 Tw 50 Tz 3 Ts 1 0 0 1 10 20 Tm (   blank  ) Tj ET": "blank",
		"": "",
	} {
		var got []string
		for i, l := range linesOf(t, drawn(content, letters), 1) {
			if content == "/X Do" && i > 0 {
				break // the form draws itself a few times
			}
			got = append(got, l.Text)
		}
		if said := strings.Join(got, "|"); said != want {
			t.Errorf("%s: %q, want %q", content, said, want)
		}
	}
}

func TestLinesStandWhereTheyAreDrawn(t *testing.T) {
	got := linesOf(t, drawn("2 0 0 2 10 20 cm BT /F 10 Tf 50 300 Td <00010003> Tj ET", letters), -1)
	want := pdfsig.Line{Left: 110, Right: 110 + 2*(6+4), Base: 620, Size: 20, Text: "Sốn"}
	if len(got) != 1 || got[0] != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// The text of a letter is that of the last revision, whoever signed it.
func TestLinesOfASignedFile(t *testing.T) {
	file := signed(t, document(t), agency(t, authority(t, pki.P256), pki.P256))
	if got := linesOf(t, file, 1)[0].Text; got != "Số: 173/UBND-KSTTHC" {
		t.Errorf("%q", got)
	}
	if got := linesOf(t, file, -1)[0].Text; !strings.HasPrefix(got, "Kính gửi: Các Sở") {
		t.Errorf("%q", got)
	}
	if _, err := pdfsig.Lines(bytes.NewReader(file), int64(len(file)), 3); err == nil {
		t.Error("a page that is not there was read")
	}
}

// Tables and contents that ask for more work than any page are left at their bound.
func TestLinesAreBounded(t *testing.T) {
	ranges := strings.Repeat("<0000> <FFFF> <0041>\n", 20_000)
	for name, file := range map[string][]byte{
		"letters": drawn("BT /F 10 Tf "+strings.Repeat("<0001> Tj ", 200_000)+"ET", letters),
		"forms":   drawn(strings.Repeat("/X Do ", 500_000), letters),
		"table":   drawn("BT /F 10 Tf <0010> Tj ET", "1 beginbfrange "+ranges+"endbfrange"),
		"fonts":   drawn(strings.Repeat("/F 1 Tf /G 1 Tf ", 200_000), letters),
		"states":  drawn(strings.Repeat("q ", 1_000_000), letters),
		"numbers": drawn(strings.Repeat("1 ", 1_000_000), letters),
	} {
		shown := 0
		for _, l := range linesOf(t, file, 1) {
			shown += len(l.Text)
		}
		if shown > 400_000 {
			t.Errorf("%s: %d bytes of text", name, shown)
		}
	}
}

func FuzzLines(f *testing.F) {
	f.Add("BT /F 10 Tf 100 700 Td <000100020003> Tj ET /X Do", letters)
	f.Add("q 1 0 0 1 0 500 cm BT /G 10 Tf [(A) -300 (b)] TJ ET Q BI /W 1 ID x EI", "1 beginbfrange <00> <FF> [<0041>] endbfrange")
	f.Fuzz(func(t *testing.T, content, table string) {
		file := drawn(content, table)
		lines, err := pdfsig.Lines(bytes.NewReader(file), int64(len(file)), 1)
		if err != nil {
			t.Fatal(err) // the file around them is sound
		}
		for _, l := range lines {
			if strings.TrimSpace(l.Text) == "" {
				t.Errorf("an empty line: %+v", l)
			}
		}
	})
}
