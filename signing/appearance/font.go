package appearance

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/go-fonts/liberation/liberationserifregular"
	"golang.org/x/text/unicode/norm"
)

// Bounds of a text.
const (
	maxLines     = 8
	maxLineBytes = 800
)

// FaceName is the name of the embedded face: a subset, as its prefix says.
const FaceName = "LTSIGN+LiberationSerif"

// Font is the part of the face that a text uses. Glyphs keep their numbers.
type Font struct {
	Program   []byte         // TrueType, the glyphs in use only
	Widths    map[uint16]int // of the glyphs in use, thousandths of the size
	ToUnicode []byte         // CMap: what a reader copies and searches
	BBox      [4]int         // thousandths, of the whole face
	Ascent    int
	Descent   int

	glyphs map[rune]uint16
}

// compose puts letters and their marks together: marks of their own would be drawn
// beside the letters (TCVN 6909 allows both forms).
func compose(line string) string { return norm.NFC.String(line) }

// newFont takes from the face what the lines need.
func newFont(lines []string) (*Font, error) {
	if len(lines) == 0 || len(lines) > maxLines {
		return nil, fmt.Errorf("a signature shows 1 to %d lines of text, not %d", maxLines, len(lines))
	}
	face, err := parseFace(liberationserifregular.TTF)
	if err != nil {
		return nil, fmt.Errorf("the built-in face: %w", err)
	}
	f := &Font{Widths: map[uint16]int{}, BBox: face.bbox, Ascent: face.ascent, Descent: face.descent, glyphs: map[rune]uint16{}}
	for _, line := range lines {
		if len(line) > maxLineBytes {
			return nil, fmt.Errorf("a line of text is longer than %d bytes", maxLineBytes)
		}
		for _, r := range compose(line) {
			glyph := face.glyph(r)
			if glyph == 0 {
				return nil, fmt.Errorf("the letter %q (U+%04X) is not in the face", r, r)
			}
			f.glyphs[r], f.Widths[glyph] = glyph, face.width(glyph)
		}
	}
	if f.Program, err = face.subset(f.Widths); err != nil {
		return nil, fmt.Errorf("the built-in face: %w", err)
	}
	f.ToUnicode = f.unicodeMap()
	return f, nil
}

// measure returns the size of lines of text in points.
func (f *Font) measure(lines []string) (width, height float64) {
	for _, line := range lines {
		total := 0
		for _, r := range compose(line) {
			total += f.Widths[f.glyphs[r]]
		}
		width = max(width, float64(total)*TextSize/1000)
	}
	return width, float64(len(lines)) * lineSpacing
}

// unicodeMap is the CMap from glyphs to letters (ISO 32000-1, 9.10.3).
func (f *Font) unicodeMap() []byte {
	letters := map[uint16]rune{}
	for r, glyph := range f.glyphs {
		if known, ok := letters[glyph]; !ok || r < known {
			letters[glyph] = r
		}
	}
	var b strings.Builder
	b.WriteString("/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n" +
		"/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def\n" +
		"/CMapName /Adobe-Identity-UCS def\n/CMapType 2 def\n" +
		"1 begincodespacerange\n<0000> <FFFF>\nendcodespacerange\n")
	for chunk := range slices.Chunk(slices.Sorted(maps.Keys(letters)), 100) {
		fmt.Fprintf(&b, "%d beginbfchar\n", len(chunk))
		for _, glyph := range chunk {
			fmt.Fprintf(&b, "<%04X> <%04X>\n", glyph, letters[glyph])
		}
		b.WriteString("endbfchar\n")
	}
	b.WriteString("endcmap\nCMapName currentdict /CMap defineresource pop\nend\nend\n")
	return []byte(b.String())
}
