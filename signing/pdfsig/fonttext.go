package pdfsig

import (
	"bytes"
	"io"
	"unicode/utf16"
	"unicode/utf8"
)

// Bounds of the tables of fonts.
const (
	maxMapBytes   = 1 << 20
	maxMapEntries = 140_000 // of a font: a letter and a width for each code of two bytes, and some
	maxPageTables = 300_000 // entries of the fonts of a page, which are all in memory
	maxFonts      = 64
)

// unknownLetter stands for a letter that its font does not name.
const unknownLetter = string(utf8.RuneError)

// font tells which letters codes are and how wide, in thousandths of its size.
type font struct {
	bytes   int // of a code: 1, or 2 in composite fonts
	letters map[uint32]string
	plain   bool // codes below 0x80 are ASCII where the font does not say otherwise
	widths  map[uint32]float64
	missing float64 // width of all others
	entries int     // of its tables that were read
	shared  *int    // and of those of all fonts of the page
}

// room counts an entry of a table and reports whether it may still be read.
func (f *font) room() bool {
	f.entries++
	*f.shared++
	return !f.full()
}

// full reports whether no further entry is read.
func (f *font) full() bool { return f.entries > maxMapEntries || *f.shared > maxPageTables }

// code takes the first code of a string.
func (f *font) code(value []byte) (code uint32, n int) {
	if f == nil || f.bytes == 1 || len(value) == 1 {
		return uint32(value[0]), 1
	}
	return uint32(value[0])<<8 | uint32(value[1]), 2
}

// meaning is the text of a code of n bytes.
func (f *font) meaning(code uint32, n int) string {
	if f == nil {
		return unknownLetter
	}
	if said, ok := f.letters[code]; ok {
		return said
	}
	if f.plain && n == 1 && code >= ' ' && code < 0x7F {
		return string(rune(code))
	}
	return unknownLetter
}

func (f *font) width(code uint32) float64 {
	if f == nil {
		return 0
	}
	if w, ok := f.widths[code]; ok {
		return w
	}
	return f.missing
}

// open reads the tables of a font once.
func (r *textReader) open(o object) (*font, error) {
	at, indirect := o.(ref)
	if known, ok := r.fonts[at]; indirect && ok {
		return known, nil
	}
	if o == nil || r.opened == maxFonts {
		return nil, nil
	}
	r.opened++ // what is no font, too: it may be chosen again
	d, err := r.dict(o)
	if err != nil || d == nil {
		return nil, err
	}
	f := &font{bytes: 1, shared: &r.tables, letters: map[uint32]string{}, widths: map[uint32]float64{}, missing: 500}
	if err := r.readFont(f, d); err != nil {
		return nil, err
	}
	if indirect {
		r.fonts[at] = f
	}
	return f, nil
}

func (r *textReader) readFont(f *font, d dict) error {
	if d["Subtype"] == name("Type0") {
		f.bytes = 2
		if err := r.compositeWidths(f, d); err != nil {
			return err
		}
	} else {
		// The encodings of PDF agree with ASCII (ISO 32000-1, annex D); a font with signs of
		// its own says so by a table or is not read.
		f.plain = true
		if err := r.simpleWidths(f, d); err != nil {
			return err
		}
	}
	table, err := r.resolve(d["ToUnicode"])
	if err != nil {
		return err
	}
	s, ok := table.(*stream)
	if !ok {
		return nil
	}
	decoded, err := r.decode(s, &r.view)
	if err != nil {
		return err
	}
	raw, err := io.ReadAll(io.LimitReader(decoded, maxMapBytes))
	if err != nil {
		return streamError(s.offset, "the table of a font is not compressed as it says", err)
	}
	f.learn(raw)
	return nil
}

func (r *textReader) simpleWidths(f *font, d dict) error {
	first, err := r.resolve(d["FirstChar"])
	if err != nil {
		return err
	}
	list, err := r.resolve(d["Widths"])
	if err != nil {
		return err
	}
	from, _ := first.(int64)
	widths, _ := list.(array)
	for i, element := range widths {
		if code := from + int64(i); code >= 0 && code < 256 {
			if f.widths[uint32(code)], err = r.width(element); err != nil {
				return err
			}
		}
	}
	return nil
}

// compositeWidths reads the widths of a composite font (ISO 32000-1, 9.7.4.3), whose codes
// are taken for those of its glyphs, as Identity-H has it.
func (r *textReader) compositeWidths(f *font, d dict) error {
	descendants, err := r.resolve(d["DescendantFonts"])
	if err != nil {
		return err
	}
	f.missing = 1000
	list, _ := descendants.(array)
	if len(list) == 0 {
		return nil
	}
	inner, err := r.dict(list[0])
	if err != nil {
		return err
	}
	if w, ok := number(inner["DW"]); ok {
		f.missing = w
	}
	table, err := r.resolve(inner["W"])
	if err != nil {
		return err
	}
	widths, _ := table.(array)
	for i := 0; i+1 < len(widths) && f.room(); {
		from, _ := widths[i].(int64)
		second, err := r.resolve(widths[i+1])
		if err != nil {
			return err
		}
		if each, ok := second.(array); ok {
			for n, element := range each {
				if !f.room() {
					return nil
				}
				if err := r.setWidth(f, from+int64(n), element); err != nil {
					return err
				}
			}
			i += 2
			continue
		}
		to, _ := second.(int64)
		if i+2 == len(widths) {
			return nil
		}
		for code := from; code <= to && code <= 0xFFFF && f.room(); code++ {
			if err := r.setWidth(f, code, widths[i+2]); err != nil {
				return err
			}
		}
		i += 3
	}
	return nil
}

func (r *textReader) setWidth(f *font, code int64, o object) (err error) {
	if code >= 0 && code <= 0xFFFF {
		f.widths[uint32(code)], err = r.width(o)
	}
	return err
}

func (r *textReader) width(o object) (float64, error) {
	resolved, err := r.resolve(o)
	w, _ := number(resolved)
	return w, err
}

// learn reads which letters codes are out of a CMap (ISO 32000-1, 9.10.3): its bfchar and
// bfrange sections. What else is in it is passed.
func (f *font) learn(raw []byte) {
	p := newParser(bytes.NewReader(raw), 0)
	section := ""
	var operands array
	for {
		p.skipSpace()
		b, ok := p.peek()
		switch {
		case !ok:
			return
		case b == '<' || b == '[' || b == '/' || b == '(':
			p.elements = 0
			operands = append(operands, p.object(0))
		case isDelimiter(b):
			return
		default:
			switch word := p.word(); word {
			case "beginbfchar", "beginbfrange":
				section, operands = word, operands[:0]
				continue
			case "endbfchar", "endbfrange":
				section = ""
			}
			operands = operands[:0]
		}
		switch {
		case section == "beginbfchar" && len(operands) == 2:
			f.set(codeOf(operands[0]), lettersOf(operands[1]))
			operands = operands[:0]
		case section == "beginbfrange" && len(operands) == 3:
			f.setRange(codeOf(operands[0]), codeOf(operands[1]), operands[2])
			operands = operands[:0]
		case section == "" && len(operands) > 16:
			operands = operands[:0]
		}
	}
}

func (f *font) set(code uint32, letters string) {
	if letters != "" && f.room() {
		f.letters[code] = letters
	}
}

// setRange gives codes one after the other the letters of an array, or those that follow a
// first one.
func (f *font) setRange(from, to uint32, o object) {
	if list, ok := o.(array); ok {
		for i, element := range list {
			f.set(from+uint32(i), lettersOf(element))
		}
		return
	}
	first := []rune(lettersOf(o))
	if len(first) == 0 || to > 0xFFFF {
		return
	}
	for code := from; code <= to && !f.full(); code++ {
		f.set(code, string(first))
		first[len(first)-1]++
	}
}

func codeOf(o object) uint32 {
	var code uint32
	if t, ok := o.(*text); ok {
		for _, b := range t.value[:min(len(t.value), 4)] {
			code = code<<8 | uint32(b)
		}
	}
	return code
}

// lettersOf decodes the UTF-16 of a table; a few letters are the most that a code stands for.
func lettersOf(o object) string {
	t, ok := o.(*text)
	if !ok || len(t.value) > 32 {
		return ""
	}
	var units []uint16
	for i := 0; i+1 < len(t.value); i += 2 {
		units = append(units, uint16(t.value[i])<<8|uint16(t.value[i+1]))
	}
	return string(utf16.Decode(units))
}
