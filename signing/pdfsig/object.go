package pdfsig

import (
	"bytes"
	"math"
	"unicode/utf16"
)

// object is a PDF object: nil, bool, int64, float64, name, *text, array, dict,
// ref or *stream.
type object any

type (
	name  string
	array []object
	dict  map[name]object
	ref   struct{ number, generation int }
)

// text is a string with the place of its token in the file, delimiters included.
type text struct {
	value      []byte
	start, end int64
	hex        bool
}

// stream is a dictionary with bytes that are read only when asked for.
type stream struct {
	dict   dict
	offset int64 // of the first byte after the keyword and its line end
}

// dictOf returns the dictionary of a dictionary or stream, else nil; a nil dict
// reads as empty.
func dictOf(o object) dict {
	switch v := o.(type) {
	case dict:
		return v
	case *stream:
		return v.dict
	}
	return nil
}

// string decodes a text string: UTF-16 or UTF-8 with a byte order mark, else
// PDFDocEncoding, of which only the part equal to Latin-1 is mapped.
func (t *text) string() string {
	value := t.value
	switch {
	case bytes.HasPrefix(value, []byte{0xFE, 0xFF}):
		units := make([]uint16, 0, len(value)/2)
		for i := 2; i+1 < len(value); i += 2 {
			units = append(units, uint16(value[i])<<8|uint16(value[i+1]))
		}
		return string(utf16.Decode(units))
	case bytes.HasPrefix(value, []byte{0xEF, 0xBB, 0xBF}):
		return string(bytes.ToValidUTF8(value[3:], []byte("\uFFFD")))
	}
	runes := make([]rune, len(value))
	for i, b := range value {
		runes[i] = rune(b)
	}
	return string(runes)
}

// eachRef calls visit for every reference inside an object, in no fixed order.
func eachRef(o object, visit func(ref)) {
	switch v := o.(type) {
	case ref:
		visit(v)
	case array:
		for _, element := range v {
			eachRef(element, visit)
		}
	case dict:
		for _, element := range v {
			eachRef(element, visit)
		}
	case *stream:
		eachRef(v.dict, visit)
	}
}

// weight is the size of an object in elements, for the bounds of the cache.
func weight(o object) int {
	total := 1
	switch v := o.(type) {
	case array:
		for _, element := range v {
			total += weight(element)
		}
	case dict:
		for _, element := range v {
			total += weight(element)
		}
	case *stream:
		total += weight(v.dict)
	case *text:
		total += len(v.value) / 16
	}
	return total
}

// sameNumber compares two numbers of either kind; writers that round-trip reals
// keep six decimals.
func sameNumber(a, b object) bool {
	left, ok := number(a)
	right, also := number(b)
	return ok && also && math.Abs(left-right) <= 1e-6
}

func number(o object) (float64, bool) {
	switch v := o.(type) {
	case int64:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}
