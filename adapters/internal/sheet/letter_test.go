package sheet

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// TestLetter: a letter is upright and goes on over as many pages as it takes.
func TestLetter(t *testing.T) {
	for n, pages := range map[int]int{1: 1, 60: 4} {
		var file bytes.Buffer
		l := Letter{Left: []string{"UBND XÃ"}, Right: []string{"CỘNG HÒA"}, Title: "PHIẾU", Page: "Trang", Signed: []string{"ĐẠI DIỆN"}}
		for range n {
			l.Body = append(l.Body, strings.Repeat("xin lỗi ", 20))
		}
		if err := WriteLetter(&file, &l); err != nil {
			t.Fatal(err)
		}
		text := file.String()
		if !strings.HasSuffix(text, "%%EOF\n") || !strings.Contains(text, "/MediaBox [0 0 595 842]") || !strings.Contains(text, fmt.Sprintf("/Count %d ", pages)) {
			t.Errorf("%d paragraphs: %d pages are not in %.900s", n, pages, text)
		}
	}
}
