package pdfsig

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"unicode/utf16"
)

// encoder writes objects in the one plain form that every reader takes: keys in
// order, strings in hexadecimal unless they are plain ASCII. Streams are objects of
// their own and never pass here (see view.plain).
type encoder struct{ bytes.Buffer }

func (e *encoder) object(o object) {
	switch v := o.(type) {
	case nil:
		e.WriteString("null")
	case bool:
		e.WriteString(strconv.FormatBool(v))
	case int64:
		e.WriteString(strconv.FormatInt(v, 10))
	case float64:
		e.WriteString(strconv.FormatFloat(v, 'f', -1, 64))
	case name:
		e.name(v)
	case *text:
		e.text(v.value)
	case ref:
		fmt.Fprintf(e, "%d %d R", v.number, v.generation)
	case array:
		e.array(v)
	case dict:
		e.dict(v)
	}
}

func (e *encoder) array(list array) {
	e.WriteByte('[')
	for i, o := range list {
		if i > 0 {
			e.WriteByte(' ')
		}
		e.object(o)
	}
	e.WriteByte(']')
}

func (e *encoder) dict(d dict) {
	e.WriteString("<<")
	for _, key := range slices.Sorted(maps.Keys(d)) {
		e.name(key)
		e.WriteByte(' ')
		e.object(d[key])
	}
	e.WriteString(">>")
}

// name escapes what is not a regular character (ISO 32000-1, 7.3.5).
func (e *encoder) name(n name) {
	e.WriteByte('/')
	for _, b := range []byte(n) {
		if b <= ' ' || b >= 0x7F || bytes.IndexByte([]byte("#()<>[]{}/%"), b) >= 0 {
			fmt.Fprintf(e, "#%02X", b)
			continue
		}
		e.WriteByte(b)
	}
}

func (e *encoder) text(value []byte) {
	if isPlain(value) {
		e.WriteByte('(')
		e.Write(value)
		e.WriteByte(')')
		return
	}
	e.WriteByte('<')
	e.WriteString(hex.EncodeToString(value))
	e.WriteByte('>')
}

// isPlain reports whether a string can stand between parentheses as it is.
func isPlain(value []byte) bool {
	for _, b := range value {
		if b < ' ' || b >= 0x7F || b == '(' || b == ')' || b == '\\' {
			return false
		}
	}
	return true
}

// textOf encodes a text string: ASCII as it is, everything else as UTF-16.
func textOf(s string) *text {
	if isASCII(s) {
		return &text{value: []byte(s)}
	}
	value := []byte{0xFE, 0xFF}
	for _, unit := range utf16.Encode([]rune(s)) {
		value = append(value, byte(unit>>8), byte(unit))
	}
	return &text{value: value}
}
