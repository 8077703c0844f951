package letterhead_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/signing/internal/budget"
	"github.com/lienthong/lienthong/signing/letterhead"
)

// onePage is a file of one page with this content, and a font in which the code 1 stands for
// these letters.
func onePage(content, letters string) []byte {
	out := bytes.NewBufferString("%PDF-1.7\n")
	table := "xref\n0 1\n0000000000 65535 f\r\n"
	cmap := fmt.Sprintf("1 beginbfchar <01> <%s> endbfchar", letters)
	for i, object := range []string{
		"<< /Type /Catalog /Pages 2 0 R >>",
		"<< /Type /Pages /Kids [3 0 R] /Count 1 /MediaBox [0 0 600 800] >>",
		"<< /Type /Page /Parent 2 0 R /Contents 4 0 R /Resources << /Font << /F 5 0 R >> >> >>",
		fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", len(content), content),
		"<< /Type /Font /Subtype /TrueType /FirstChar 1 /Widths [1000] /ToUnicode 6 0 R >>",
		fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", len(cmap), cmap),
	} {
		table += fmt.Sprintf("%d 1\n%010d 00000 n\r\n", i+1, out.Len())
		fmt.Fprintf(out, "%d 0 obj\n%s\nendobj\n", i+1, object)
	}
	start := out.Len()
	fmt.Fprintf(out, "%strailer\n<< /Size 7 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", table, start)
	return out.Bytes()
}

// Many names of which none has a position above it are not compared with each other.
func TestAPageOfNamesAlone(t *testing.T) {
	const ab = "004100200042" // "A B"
	file := onePage("BT /F 1 Tf -99999999 0 Td <01> Tj 99999999 0 Td "+strings.Repeat("99 -.1 Td <01> Tj ", 90_000)+"ET", ab)
	budget.Check(t, 5*time.Second, func() {
		if h := read(t, file); h.Signer != "" {
			t.Errorf("%+v", h)
		}
	})
}

// A field takes no more than a person would read.
func TestLongLinesFillNothing(t *testing.T) {
	file := onePage("BT /F 1 Tf (V/v ) Tj <"+strings.Repeat("01", 50_000)+"> Tj ET", strings.Repeat("0041", 16))
	h, err := letterhead.Read(bytes.NewReader(file), int64(len(file)), types())
	if err != nil || len(h.Subject) > 10_000 {
		t.Errorf("%d bytes of subject, %v", len(h.Subject), err)
	}
}
