package appearance

import (
	"encoding/binary"
	"errors"
)

// face is a TrueType font as far as it is needed to embed a part of it. It reads the
// face that is compiled in, so what is malformed is an error of the build.
type face struct {
	tables          map[string][]byte
	unitsPerEm      int
	bbox            [4]int // thousandths
	ascent, descent int    // thousandths
	metrics         int    // glyphs with a width of their own
	glyphCount      int
	longOffsets     bool
	cmap            []byte // subtable of format 4
}

var errFace = errors.New("the font is malformed")

func parseFace(data []byte) (*face, error) {
	f := &face{tables: map[string][]byte{}}
	if err := f.readTables(data); err != nil {
		return nil, err
	}
	head, hhea := f.tables["head"], f.tables["hhea"]
	f.unitsPerEm = number(head[18:])
	if f.unitsPerEm == 0 {
		return nil, errFace
	}
	for i := range f.bbox {
		f.bbox[i] = f.thousandths(signed(head[36+2*i:]))
	}
	f.ascent, f.descent = f.thousandths(signed(hhea[4:])), f.thousandths(signed(hhea[6:]))
	f.longOffsets = number(head[50:]) == 1
	f.metrics = number(hhea[34:])
	f.glyphCount = number(f.tables["maxp"][4:])
	if f.metrics == 0 || len(f.tables["hmtx"]) < 4*f.metrics {
		return nil, errFace
	}
	return f, f.findMap()
}

// readTables finds the tables and requires those that are used to be long enough.
func (f *face) readTables(data []byte) error {
	if len(data) < 12 {
		return errFace
	}
	for i := range number(data[4:]) {
		if 12+16*i+16 > len(data) {
			return errFace
		}
		record := data[12+16*i:]
		offset, length := int(binary.BigEndian.Uint32(record[8:])), int(binary.BigEndian.Uint32(record[12:]))
		if offset+length > len(data) {
			return errFace
		}
		f.tables[string(record[:4])] = data[offset : offset+length]
	}
	for name, least := range map[string]int{"head": 54, "hhea": 36, "maxp": 6, "hmtx": 4, "loca": 4, "glyf": 1, "cmap": 4} {
		if len(f.tables[name]) < least {
			return errFace
		}
	}
	return nil
}

func number(b []byte) int { return int(binary.BigEndian.Uint16(b)) }
func signed(b []byte) int { return int(int16(binary.BigEndian.Uint16(b))) } // #nosec G115 -- FWORD

func (f *face) thousandths(units int) int { return units * 1000 / f.unitsPerEm }

// findMap finds the subtable of Unicode letters of the basic plane.
func (f *face) findMap() error {
	cmap := f.tables["cmap"]
	for i := range number(cmap[2:]) {
		if 4+8*i+8 > len(cmap) {
			return errFace
		}
		offset := int(binary.BigEndian.Uint32(cmap[4+8*i+4:]))
		if offset+14 > len(cmap) {
			return errFace
		}
		if subtable := cmap[offset:]; number(subtable) == 4 {
			f.cmap = subtable
			return nil
		}
	}
	return errFace
}

// glyph returns the number of the glyph for a letter; 0 when there is none.
func (f *face) glyph(r rune) uint16 {
	at := func(i int) int {
		if i+2 > len(f.cmap) {
			return 0
		}
		return number(f.cmap[i:])
	}
	double := at(6) // twice the number of segments
	ends, starts, deltas, offsets := 14, 16+double, 16+2*double, 16+3*double
	for i := 0; i < double && r <= 0xFFFF; i += 2 {
		if int(r) > at(ends+i) {
			continue
		}
		if int(r) < at(starts+i) {
			return 0
		}
		offset := at(offsets + i)
		if offset == 0 {
			return uint16(int(r) + at(deltas+i)) // #nosec G115 -- modulo 65536 by the format
		}
		glyph := at(offsets + i + offset + 2*(int(r)-at(starts+i)))
		if glyph == 0 {
			return 0
		}
		return uint16(glyph + at(deltas+i)) // #nosec G115 -- modulo 65536 by the format
	}
	return 0
}

// width returns the advance of a glyph in thousandths of the size.
func (f *face) width(glyph uint16) int {
	i := min(int(glyph), f.metrics-1)
	return f.thousandths(number(f.tables["hmtx"][4*i:]))
}

// outline returns the description of a glyph; empty for a blank.
func (f *face) outline(glyph uint16) ([]byte, error) {
	loca, glyf := f.tables["loca"], f.tables["glyf"]
	var from, to int
	i := int(glyph)
	switch {
	case i >= f.glyphCount:
		return nil, errFace
	case f.longOffsets && 4*i+8 <= len(loca):
		from, to = int(binary.BigEndian.Uint32(loca[4*i:])), int(binary.BigEndian.Uint32(loca[4*i+4:]))
	case !f.longOffsets && 2*i+4 <= len(loca):
		from, to = 2*number(loca[2*i:]), 2*number(loca[2*i+2:])
	default:
		return nil, errFace
	}
	if from > to || to > len(glyf) {
		return nil, errFace
	}
	return glyf[from:to], nil
}
