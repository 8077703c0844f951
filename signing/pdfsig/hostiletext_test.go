package pdfsig_test

import (
	"bytes"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/lienthong/lienthong/signing/pdfsig"
	"github.com/lienthong/lienthong/signing/trust"
)

// bulky is an object that takes long to read and that no cache keeps beside another one.
func bulky(open, element, end string, n int) string {
	return open + strings.Repeat(element, n) + end
}

// Small files that make a reader read the same large objects again and again.
func TestLinesOfHostileFiles(t *testing.T) {
	base := map[int]string{
		1:  "<< /Type /Catalog /Pages 2 0 R >>",
		2:  "<< /Type /Pages /Kids [3 0 R] /Count 1 /MediaBox [0 0 600 800] /Resources << /Font 10 0 R /XObject 11 0 R >> >>",
		3:  "<< /Type /Page /Parent 2 0 R /Contents 4 0 R >>",
		10: bulky("<< /L [", "1 ", "] /F 5 0 R >>", 150_000),
		11: bulky("<< /L [", "1 ", "] /X 12 0 R >>", 150_000),
		5:  "<< /Type /Font /Subtype /Type0 /DescendantFonts [6 0 R] >>",
		6:  "<< /Type /Font /Subtype /CIDFontType2 /W [0 65535 10 0 R] >>",
		12: bulky("<< /L [", "1 ", "] >>", 150_000),
	}
	with := func(content string, changed map[int]string) []byte {
		objects := maps.Clone(base)
		objects[4] = stream("", content)
		maps.Copy(objects, changed)
		return rawPDF(objects, "/Root 1 0 R")
	}
	each := map[int]string{6: "<< /Subtype /CIDFontType2 /W [0 [" + strings.Repeat("10 0 R 11 0 R ", 50_000) + "]] >>"}
	ranges := map[int]string{6: "<< /Subtype /CIDFontType2 /W [" + strings.Repeat("0 10 0 R 0 0 11 0 R 0 ", 20_000) + "] >>"}
	one := map[int]string{6: "<< /Subtype /CIDFontType2 /W [0 65535 10 0 R] >>", 10: "<< /F 5 0 R >>"}
	contents := map[int]string{3: "<< /Type /Page /Parent 2 0 R /Contents [" + strings.Repeat("4 0 R 12 0 R ", 90_000) + "] >>"}
	for name, file := range map[string][]byte{
		"fonts":         with(strings.Repeat("/F 1 Tf /X Do ", 200_000), nil),
		"nothing drawn": with(strings.Repeat("/X Do /Y 1 Tf ", 200_000), nil),
		"widths":        with("/F 1 Tf", each),
		"ranges":        with("/F 1 Tf", ranges),
		"one width":     with("/F 1 Tf", one),
		"contents":      with("BT ET", contents),
	} {
		t.Run(name, func(t *testing.T) {
			checkBudget(t, func() {
				lines, err := pdfsig.Lines(bytes.NewReader(file), int64(len(file)), 1)
				t.Logf("%d bytes: %d lines, %v", len(file), len(lines), err)
			})
		})
	}
}

// The tables of all fonts of a page are in memory at once.
func TestTablesOfManyFonts(t *testing.T) {
	var fonts, chosen strings.Builder
	objects := map[int]string{
		1: "<< /Type /Catalog /Pages 2 0 R >>",
		3: "<< /Type /Page /Parent 2 0 R /Contents 4 0 R >>",
		5: "<< /Type /Font /Subtype /CIDFontType2 /W [0 65535 500] >>",
		6: stream("", "1 beginbfrange <0000> <FFFF> <"+strings.Repeat("1EC7", 16)+"> endbfrange"),
	}
	for i := range 64 {
		fmt.Fprintf(&fonts, "/F%d %d 0 R ", i, 100+i)
		fmt.Fprintf(&chosen, "/F%d 1 Tf ", i)
		objects[100+i] = "<< /Type /Font /Subtype /Type0 /DescendantFonts [5 0 R] /ToUnicode 6 0 R >>"
	}
	objects[2] = "<< /Type /Pages /Kids [3 0 R] /Count 1 /Resources << /Font << " + fonts.String() + ">> >> >>"
	objects[4] = stream("", chosen.String()+"BT <0001> Tj ET")
	file := rawPDF(objects, "/Root 1 0 R")
	var grown uint64
	checkBudget(t, func() {
		grown = peakDuring(func() { linesOf(t, file, 1) })
	})
	if grown > 64<<20 {
		t.Errorf("the heap grew by %d MiB for %d bytes", grown>>20, len(file))
	}
}

// Objects that lie in each other make a small file long to read.
func TestObjectsInsideOthers(t *testing.T) {
	const objects, first = 20_000, 100
	var index, refs strings.Builder
	for i := range objects {
		fmt.Fprintf(&index, "%d 0 ", first+i)
		fmt.Fprintf(&refs, "%d 0 R ", first+i)
	}
	inside := bulky("<< /FT /Tx /L [", "1 ", "] >>", 150_000)
	out := bytes.NewBufferString("%PDF-1.7\n")
	var rows []byte
	put := func(number int, text string) {
		rows = append(rows, xrefRow(1, out.Len(), 0)...)
		fmt.Fprintf(out, "%d 0 obj\n%s\nendobj\n", number, text)
	}
	put(1, "<< /Type /Catalog /AcroForm << /Fields ["+refs.String()+"] >> >>")
	put(2, stream(fmt.Sprintf("/Type /ObjStm /N %d /First %d /Filter /FlateDecode", objects, index.Len()), deflate(t, []byte(index.String()+inside))))
	rows = append(rows, xrefRow(1, out.Len(), 0)...)
	for i := range objects {
		rows = append(rows, xrefRow(2, 2, i)...)
	}
	start := out.Len()
	fmt.Fprintf(out, "3 0 obj\n%s\nendobj\nstartxref\n%d\n%%%%EOF\n", stream(fmt.Sprintf(
		"/Type /XRef /Size %d /W [1 4 2] /Index [1 3 %d %d] /Root 1 0 R /Filter /FlateDecode", first+objects, first, objects), deflate(t, rows)), start)
	checkBudget(t, func() {
		report := verify(t, out.Bytes(), trust.NewValidator(nil))
		if len(report.Findings) != 1 {
			t.Errorf("%d bytes: %+v", out.Len(), report)
		}
		t.Log(report.Findings)
	})
}
