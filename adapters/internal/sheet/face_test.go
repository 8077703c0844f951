package sheet

import (
	"slices"
	"strings"
	"testing"
)

// TestWrap: numbers part where people part them, and no letter is lost.
func TestWrap(t *testing.T) {
	f, err := newFace()
	if err != nil {
		t.Fatal(err)
	}
	width := f.width("1234/UBND-KST")
	if got := f.wrap("Số 1234/UBND-KSTTHC", width); !slices.Equal(got, []string{"Số", "1234/UBND-", "KSTTHC"}) {
		t.Errorf("%q", got)
	}
	if got := strings.Join(f.wrap(strings.Repeat("đ", 99), width), ""); got != strings.Repeat("đ", 99) {
		t.Errorf("%q", got)
	}
	if got := f.wrap(" \n ", width); len(got) != 0 {
		t.Errorf("%q", got)
	}
}

// FuzzPDF: whatever a cell says, its words are broken into lines that fit and the row ends.
func FuzzPDF(f *testing.F) {
	f.Add("Số 1234/UBND-KSTTHC")
	f.Add("\xff\x00a\u0301//--\U0001f3db")
	f.Fuzz(func(t *testing.T, text string) {
		w, err := NewPDF(new(strings.Builder), table())
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Row([]string{text, text, text}); err != nil {
			t.Fatal(err)
		}
		for i, c := range w.table.Columns {
			for _, line := range w.face.wrap(clean(text), w.inside(i)/textSize) {
				if w.face.width(line)*textSize > w.inside(i)+0.01 {
					t.Errorf("%q is wider than %s", line, c.Name)
				}
			}
		}
	})
}
