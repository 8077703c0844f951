package pdfsig

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
)

// Bounds of one object. Real ones stay far below; what is above is refused, never
// read in part.
const (
	maxDepth       = 64
	maxElements    = 200_000
	maxStringBytes = 4 << 20
	maxNameBytes   = 1 << 10
	windowBytes    = 4 << 10
)

// structureError says where a file leaves the strict grammar. Every other error of
// this package's readers is an I/O failure.
type structureError struct {
	offset int64
	reason string
}

// Error implements error.
func (e *structureError) Error() string {
	return fmt.Sprintf("%s (at byte %d)", e.reason, e.offset)
}

func broken(offset int64, format string, args ...any) error {
	return &structureError{offset, fmt.Sprintf(format, args...)}
}

// parser reads objects through a small window over a file, so that memory does not
// depend on the size of the file. It keeps its first error and then reads nothing.
type parser struct {
	source   io.ReaderAt
	window   []byte
	base     int64 // offset of window[0]
	at       int   // next byte in the window
	elements int
	err      error
}

func newParser(source io.ReaderAt, offset int64) *parser {
	return &parser{source: source, base: offset, window: make([]byte, 0, windowBytes)}
}

func (p *parser) offset() int64 { return p.base + int64(p.at) }

func (p *parser) fail(format string, args ...any) object {
	if p.err == nil {
		p.err = broken(p.offset(), format, args...)
	}
	return nil
}

// peek returns the next byte, or false at the end of the file or after an error.
func (p *parser) peek() (byte, bool) {
	if p.at < len(p.window) {
		return p.window[p.at], p.err == nil
	}
	if p.err != nil {
		return 0, false
	}
	p.base += int64(len(p.window))
	p.at = 0
	n, err := p.source.ReadAt(p.window[:cap(p.window)], p.base)
	p.window = p.window[:n]
	if err != nil && !errors.Is(err, io.EOF) {
		p.err = err
	}
	return firstOf(p.window)
}

func firstOf(window []byte) (byte, bool) {
	if len(window) == 0 {
		return 0, false
	}
	return window[0], true
}

func (p *parser) next() (byte, bool) {
	b, ok := p.peek()
	if ok {
		p.at++
	}
	return b, ok
}

func isSpace(b byte) bool {
	return b == ' ' || b == '\n' || b == '\r' || b == '\t' || b == '\f' || b == 0
}

func isDelimiter(b byte) bool {
	switch b {
	case '(', ')', '<', '>', '[', ']', '{', '}', '/', '%':
		return true
	}
	return false
}

// skipSpace passes white space and comments.
func (p *parser) skipSpace() {
	for {
		b, ok := p.peek()
		switch {
		case ok && isSpace(b):
			p.at++
		case ok && b == '%':
			for ok && b != '\n' && b != '\r' {
				p.at++
				b, ok = p.peek()
			}
		default:
			return
		}
	}
}

// word reads regular characters up to white space or a delimiter.
func (p *parser) word() string {
	var word []byte
	for {
		b, ok := p.peek()
		if !ok || isSpace(b) || isDelimiter(b) {
			return string(word)
		}
		if len(word) == maxNameBytes {
			p.fail("a token is too long")
			return ""
		}
		word = append(word, b)
		p.at++
	}
}

// keyword requires this word next.
func (p *parser) keyword(want string) {
	p.skipSpace()
	if got := p.word(); got != want {
		p.fail("expected %q", want)
	}
}

// integer requires a non-negative integer next.
func (p *parser) integer() int64 {
	p.skipSpace()
	word := p.word()
	value, err := strconv.ParseInt(word, 10, 64)
	if err != nil || value < 0 || len(word) > 0 && word[0] == '+' {
		p.fail("expected a number")
		return 0
	}
	return value
}

// object reads one object; references are recognised by looking ahead.
func (p *parser) object(depth int) object {
	p.skipSpace()
	p.elements++
	b, ok := p.peek()
	switch {
	case !ok:
		return p.fail("the file ends inside an object")
	case depth > maxDepth || p.elements > maxElements:
		return p.fail("an object is nested too deeply or too large")
	}
	switch b {
	case '/':
		return p.name()
	case '(':
		return p.literal()
	case '<':
		return p.angle(depth)
	case '[':
		return p.array(depth)
	}
	return p.scalar()
}

func (p *parser) array(depth int) object {
	p.at++
	list := array{}
	for {
		p.skipSpace()
		b, ok := p.peek()
		if !ok {
			return p.fail("the file ends inside an array")
		}
		if b == ']' {
			p.at++
			return list
		}
		list = append(list, p.object(depth+1))
	}
}

func (p *parser) name() object {
	p.at++
	raw := p.word()
	out := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); i++ {
		if raw[i] != '#' {
			out = append(out, raw[i])
			continue
		}
		value, err := strconv.ParseUint(raw[i+1:min(i+3, len(raw))], 16, 8)
		if err != nil || i+3 > len(raw) {
			return p.fail("a name has a bad # escape")
		}
		out = append(out, byte(value))
		i += 2
	}
	return name(out)
}

// angle reads what begins with "<": a dictionary or a hexadecimal string.
func (p *parser) angle(depth int) object {
	start := p.offset()
	p.at++
	if b, ok := p.peek(); ok && b == '<' {
		p.at++
		return p.dict(depth)
	}
	value := &text{start: start, hex: true}
	high := -1
	for {
		p.hexPairs(value, high)
		b, ok := p.next()
		digit := hexDigit(b)
		switch {
		case !ok || len(value.value) > maxStringBytes:
			return p.fail("a hexadecimal string is too long or has no end")
		case b == '>':
			if high >= 0 {
				value.value = append(value.value, byte(high<<4))
			}
			value.end = p.offset()
			return value
		case isSpace(b):
		case digit < 0:
			return p.fail("a hexadecimal string has another character")
		case high < 0:
			high = digit
		default:
			value.value = append(value.value, byte(high<<4|digit))
			high = -1
		}
	}
}

// hexPairs takes whole bytes out of the window for as long as there are two digits for
// each. A signature value has tens of thousands of digits: one by one through next,
// they would cost as much as the check of the signature itself.
func (p *parser) hexPairs(value *text, high int) {
	if high >= 0 || p.err != nil || p.at >= len(p.window) {
		return
	}
	digits := p.window[p.at:]
	digits = digits[:len(digits)&^1]
	at := len(value.value)
	value.value = slices.Grow(value.value, len(digits)/2)
	n, _ := hex.Decode(value.value[at:at+len(digits)/2], digits) // it stops before what is no digit
	value.value = value.value[:at+n]
	p.at += 2 * n
}

func hexDigit(b byte) int {
	switch {
	case b >= '0' && b <= '9':
		return int(b - '0')
	case b >= 'a' && b <= 'f':
		return int(b-'a') + 10
	case b >= 'A' && b <= 'F':
		return int(b-'A') + 10
	}
	return -1
}

// dict reads a dictionary after its "<<". A key given twice is refused, because
// readers disagree on which one counts, unless both values are the same simple one.
func (p *parser) dict(depth int) object {
	out := dict{}
	for {
		p.skipSpace()
		b, ok := p.peek()
		switch {
		case ok && b == '>':
			p.at++
			if b, ok = p.next(); !ok || b != '>' {
				return p.fail("a dictionary has no end")
			}
			return out
		case !ok || b != '/':
			return p.fail("a dictionary key is not a name")
		}
		key, _ := p.name().(name)
		value := p.object(depth + 1)
		if p.err != nil {
			return nil
		}
		if earlier, twice := out[key]; twice && !sameSimple(earlier, value) {
			return p.fail("a dictionary has the key /%s twice", key)
		}
		out[key] = value
	}
}

func sameSimple(a, b object) bool {
	switch a.(type) {
	case name, int64, float64, bool, ref:
		return a == b
	}
	return false
}

// scalar reads a number, a reference, or one of the words null, true and false.
func (p *parser) scalar() object {
	word := p.word()
	switch word {
	case "null":
		return nil
	case "true", "false":
		return word == "true"
	}
	if value, err := strconv.ParseInt(word, 10, 64); err == nil {
		if value >= 0 && isPlainNumber(word) {
			return p.reference(value)
		}
		return value
	}
	if value, err := strconv.ParseFloat(word, 64); err == nil && isDecimal(word) {
		return value
	}
	return p.fail("unexpected token %.20q", word)
}

func isPlainNumber(word string) bool { return word[0] != '+' && len(word) <= 10 }

// isDecimal keeps out the spellings that only Go reads as numbers.
func isDecimal(word string) bool {
	for i := range len(word) {
		if b := word[i]; (b < '0' || b > '9') && b != '.' && b != '-' && b != '+' {
			return false
		}
	}
	return true
}

// reference returns "number generation R" if that follows, else the number. When
// it does not follow, the window is put back to just after the number.
func (p *parser) reference(number int64) object {
	mark := p.offset()
	p.skipSpace()
	word := p.word()
	generation, err := strconv.ParseUint(word, 10, 16)
	if err == nil && number <= maxObjectNumber {
		p.skipSpace()
		if b, ok := p.peek(); ok && b == 'R' {
			p.at++
			if b, ok := p.peek(); !ok || isSpace(b) || isDelimiter(b) {
				return ref{int(number), int(generation)}
			}
		}
	}
	p.seek(mark)
	return number
}

// seek moves to an offset, within the window if it is there.
func (p *parser) seek(offset int64) {
	if offset >= p.base && offset <= p.base+int64(len(p.window)) {
		p.at = int(offset - p.base)
		return
	}
	p.base, p.at, p.window = offset, 0, p.window[:0]
}
