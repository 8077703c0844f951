package sheet

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/go-fonts/liberation/liberationserifregular"
	"golang.org/x/image/font"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
)

// face measures texts in the built-in face (Liberation Serif, SIL Open Font License) and
// remembers which glyphs were used for which letters.
type face struct {
	font   *sfnt.Font
	buffer sfnt.Buffer
	glyphs map[rune]glyph
}

type glyph struct {
	id    sfnt.GlyphIndex
	width float64 // of a size of 1
}

func newFace() (*face, error) {
	parsed, err := sfnt.Parse(liberationserifregular.TTF)
	if err != nil {
		return nil, fmt.Errorf("read the built-in face: %w", err)
	}
	return &face{font: parsed, glyphs: map[rune]glyph{}}, nil
}

// glyph is that of a letter, of a question mark where the face has none.
func (f *face) glyph(r rune) glyph {
	if g, ok := f.glyphs[r]; ok {
		return g
	}
	id, err := f.font.GlyphIndex(&f.buffer, r)
	if err != nil || id == 0 {
		return f.glyph('?')
	}
	const size = 1000
	advance, err := f.font.GlyphAdvance(&f.buffer, id, fixed.I(size), font.HintingNone)
	if err != nil {
		return f.glyph('?')
	}
	g := glyph{id, float64(advance) / 64 / size}
	f.glyphs[r] = g
	return g
}

func (f *face) width(text string) float64 {
	total := 0.0
	for _, r := range text {
		total += f.glyph(r).width
	}
	return total
}

// hex is a text as a content stream shows it.
func (f *face) hex(text string) string {
	const digits = "0123456789ABCDEF"
	b := make([]byte, 0, 4*len(text))
	for _, r := range text {
		id := f.glyph(r).id
		b = append(b, digits[id>>12], digits[id>>8&15], digits[id>>4&15], digits[id&15])
	}
	return string(b)
}

// wrap breaks a text into lines of a width; a word that is too long is broken itself.
func (f *face) wrap(text string, width float64) []string {
	var lines []string
	line, used := "", 0.0
	space := f.glyph(' ').width
	end := func() {
		if line != "" {
			lines = append(lines, line)
		}
		line, used = "", 0
	}
	for _, word := range strings.Fields(text) {
		w := f.width(word)
		if line != "" && used+space+w > width {
			end()
		}
		if line != "" {
			line, used = line+" ", used+space
		}
		if w <= width {
			line, used = line+word, used+w
			continue
		}
		for _, r := range word {
			if used+f.glyph(r).width > width && line != "" {
				rest := ""
				at := strings.LastIndexAny(line, "/-") + 1 // where numbers of documents part
				if at > 0 && f.width(line[at:])+f.glyph(r).width <= width {
					line, rest = line[:at], line[at:]
				}
				end()
				line, used = rest, f.width(rest)
			}
			line, used = line+string(r), used+f.glyph(r).width
		}
	}
	end()
	return lines
}

// letters maps the glyphs in use to their letters.
func (f *face) letters() map[sfnt.GlyphIndex]rune {
	letters := map[sfnt.GlyphIndex]rune{}
	for r, g := range f.glyphs {
		if known, ok := letters[g.id]; !ok || r < known {
			letters[g.id] = r
		}
	}
	return letters
}

// widths is the array of widths of a font object (ISO 32000-1, 9.7.4.3).
func (f *face) widths() string {
	byID := map[sfnt.GlyphIndex]float64{}
	for _, g := range f.glyphs {
		byID[g.id] = g.width
	}
	var b strings.Builder
	for _, id := range slices.Sorted(maps.Keys(byID)) {
		fmt.Fprintf(&b, "%d [%.0f] ", id, byID[id]*1000)
	}
	return b.String()
}

// unicodeMap is what a reader copies and searches (ISO 32000-1, 9.10.3).
func (f *face) unicodeMap() string {
	letters := f.letters()
	var b strings.Builder
	b.WriteString("/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n" +
		"/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def\n" +
		"/CMapName /Adobe-Identity-UCS def\n/CMapType 2 def\n" +
		"1 begincodespacerange\n<0000> <FFFF>\nendcodespacerange\n")
	for chunk := range slices.Chunk(slices.Sorted(maps.Keys(letters)), 100) {
		fmt.Fprintf(&b, "%d beginbfchar\n", len(chunk))
		for _, id := range chunk {
			fmt.Fprintf(&b, "<%04X> <%04X>\n", id, letters[id])
		}
		b.WriteString("endbfchar\n")
	}
	b.WriteString("endcmap\nCMapName currentdict /CMap defineresource pop\nend\nend\n")
	return b.String()
}
