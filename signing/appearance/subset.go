package appearance

import (
	"encoding/binary"
	"maps"
	"slices"
)

// Flags of a part of a composite glyph (OpenType, table glyf).
const (
	partWords     = 0x0001
	partScale     = 0x0008
	partMore      = 0x0020
	partXYScale   = 0x0040
	partTwoByTwo  = 0x0080
	compositeHead = 10
)

// parts returns the glyphs that a composite glyph is made of.
func parts(outline []byte) ([]uint16, error) {
	if len(outline) < compositeHead || signed(outline) >= 0 {
		return nil, nil
	}
	var list []uint16
	for at, more := compositeHead, true; more; {
		if at+4 > len(outline) {
			return nil, errFace
		}
		flags := number(outline[at:])
		list = append(list, binary.BigEndian.Uint16(outline[at+2:]))
		at += 6
		if flags&partWords != 0 {
			at += 2
		}
		switch {
		case flags&partScale != 0:
			at += 2
		case flags&partXYScale != 0:
			at += 4
		case flags&partTwoByTwo != 0:
			at += 8
		}
		more = flags&partMore != 0
	}
	return list, nil
}

// subset returns a font with the outlines of these glyphs and of their parts. All
// glyphs keep their numbers; those that are not in use are empty.
func (f *face) subset(used map[uint16]int) ([]byte, error) {
	outlines := map[uint16][]byte{}
	queue := append(slices.Sorted(maps.Keys(used)), 0) // 0 is what stands for a missing letter
	for len(queue) > 0 {
		glyph := queue[0]
		queue = queue[1:]
		if _, done := outlines[glyph]; done {
			continue
		}
		outline, err := f.outline(glyph)
		if err != nil {
			return nil, err
		}
		outlines[glyph] = outline
		more, err := parts(outline)
		if err != nil {
			return nil, err
		}
		queue = append(queue, more...)
	}
	var glyf, loca []byte
	for i := range f.glyphCount {
		loca = binary.BigEndian.AppendUint32(loca, uint32(len(glyf))) // #nosec G115 -- below the size of the face
		glyf = append(glyf, outlines[uint16(i)]...)                   // #nosec G115 -- a count of 16 bits
		for len(glyf)%4 != 0 {
			glyf = append(glyf, 0)
		}
	}
	loca = binary.BigEndian.AppendUint32(loca, uint32(len(glyf))) // #nosec G115 -- below the size of the face
	head := slices.Clone(f.tables["head"])
	binary.BigEndian.PutUint16(head[50:], 1) // long offsets
	return assemble(map[string][]byte{
		"glyf": glyf, "loca": loca, "head": head, "hhea": f.tables["hhea"], "maxp": f.tables["maxp"],
		"hmtx": f.tables["hmtx"], "cvt ": f.tables["cvt "], "fpgm": f.tables["fpgm"], "prep": f.tables["prep"],
	}), nil
}

// assemble writes a font file of these tables, without the ones that are empty.
func assemble(tables map[string][]byte) []byte {
	maps.DeleteFunc(tables, func(_ string, table []byte) bool { return len(table) == 0 })
	names := slices.Sorted(maps.Keys(tables))
	exponent, power := 0, 1
	for power*2 <= len(names) {
		exponent, power = exponent+1, power*2
	}
	out := binary.BigEndian.AppendUint32(nil, 0x00010000)
	for _, n := range []int{len(names), 16 * power, exponent, 16 * (len(names) - power)} {
		out = binary.BigEndian.AppendUint16(out, uint16(n)) // #nosec G115 -- nine tables
	}
	offset := 12 + 16*len(names)
	var body []byte
	for _, name := range names {
		table := tables[name]
		out = append(out, name...)
		out = binary.BigEndian.AppendUint32(out, checksum(table))
		out = binary.BigEndian.AppendUint32(out, uint32(offset+len(body))) // #nosec G115 -- below the size of the face
		out = binary.BigEndian.AppendUint32(out, uint32(len(table)))       // #nosec G115 -- below the size of the face
		body = append(body, table...)
		for len(body)%4 != 0 {
			body = append(body, 0)
		}
	}
	return append(out, body...)
}

func checksum(table []byte) uint32 {
	var sum uint32
	for word := range slices.Chunk(table, 4) {
		var padded [4]byte
		copy(padded[:], word)
		sum += binary.BigEndian.Uint32(padded[:])
	}
	return sum
}
