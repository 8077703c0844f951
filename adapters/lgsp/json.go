package lgsp

import (
	"bufio"
	"errors"
	"io"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/lienthong/lienthong/hub"
)

// members reads a JSON text, which is the content itself, or a flat JSON object, as it
// arrives: encoding/json would hold a whole file in memory.
type members struct {
	r     *bufio.Reader
	last  *jsonText
	state int // where the reader stands
}

// Where members stands.
const (
	atStart = iota
	inObject
	atEnd
)

func malformed(message string) error { return hub.Invalid("body", "json", "%s", message) }

func (m *members) next() (field, error) {
	if m.last != nil {
		if _, err := io.Copy(io.Discard, m.last); err != nil {
			return field{}, err
		}
		m.last = nil
	}
	switch m.state {
	case atStart:
		return m.begin()
	case inObject:
		c, err := m.token()
		switch {
		case err != nil:
			return field{}, err
		case c == ',':
			return m.member(0)
		case c == '}':
			m.state = atEnd
			return m.next()
		}
		return field{}, malformed("between members of the object stands a comma")
	}
	if _, err := m.token(); !errors.Is(err, errEnded) {
		return field{}, orElse(err, malformed("there is something behind the JSON value"))
	}
	return field{}, io.EOF
}

func orElse(err, other error) error {
	if err != nil {
		return err
	}
	return other
}

func (m *members) begin() (field, error) {
	c, err := m.token()
	switch {
	case err != nil:
		return field{}, err
	case c == '"':
		m.state, m.last = atEnd, &jsonText{r: m.r}
		return field{whole: true, content: m.last}, nil
	case c != '{':
		return field{}, malformed("the body is a JSON text or an object")
	}
	m.state = inObject
	c, err = m.token()
	if err == nil && c == '}' {
		m.state = atEnd
		return m.next()
	}
	if err != nil {
		return field{}, err
	}
	return m.member(c)
}

// member reads a name and gives the value; first is its first byte if that was read.
func (m *members) member(first byte) (field, error) {
	var err error
	if first == 0 {
		if first, err = m.token(); err != nil {
			return field{}, err
		}
	}
	if first != '"' {
		return field{}, malformed("a member of the object has a name")
	}
	name, err := readValue("body", &jsonText{r: m.r}, maxFieldName)
	if err != nil {
		return field{}, err
	}
	if c, err := m.token(); err != nil || c != ':' {
		return field{}, orElse(err, malformed("behind the name of a member stands a colon"))
	}
	c, err := m.token()
	switch {
	case err != nil:
		return field{}, err
	case c == '"':
		m.last = &jsonText{r: m.r}
		return field{name: name, content: m.last}, nil
	case c == '{' || c == '[':
		return field{}, malformed("members of the object are texts")
	}
	value, err := m.literal(c)
	return field{name: name, content: strings.NewReader(value)}, err
}

// literal reads a number or a word; null is as good as nothing.
func (m *members) literal(first byte) (string, error) {
	text := []byte{first}
	for {
		next, err := m.r.Peek(1)
		if err != nil && !errors.Is(err, io.EOF) {
			return "", err
		}
		if err != nil || strings.IndexByte(",}] \t\r\n", next[0]) >= 0 {
			break
		}
		_, _ = m.r.Discard(1) // it is there
		if text = append(text, next[0]); len(text) > maxFieldName {
			return "", malformed("members of the object are texts")
		}
	}
	switch s := string(text); {
	case s == "null":
		return "", nil
	case s == "true" || s == "false" || strings.Trim(s, "+-.eE0123456789") == "":
		return s, nil
	}
	return "", malformed("a member of the object has no value")
}

// errEnded is the error of a body that ends where a value or a sign should stand.
var errEnded = malformed("the JSON value is not whole")

// token returns the next byte that is no blank.
func (m *members) token() (byte, error) {
	for {
		c, err := m.r.ReadByte()
		switch {
		case errors.Is(err, io.EOF):
			return 0, errEnded
		case err != nil:
			return 0, err
		case c != ' ' && c != '\t' && c != '\r' && c != '\n':
			return c, nil
		}
	}
}

// jsonText decodes a JSON text behind its first quote, and takes the last one with it.
type jsonText struct {
	r    *bufio.Reader
	rest []byte // decoded and not handed out
	done bool
}

// Read implements io.Reader.
func (t *jsonText) Read(p []byte) (n int, err error) {
	for n < len(p) {
		if len(t.rest) > 0 {
			k := copy(p[n:], t.rest)
			t.rest, n = t.rest[k:], n+k
			continue
		}
		if t.done {
			return n, io.EOF
		}
		c, err := t.r.ReadByte()
		switch {
		case errors.Is(err, io.EOF):
			return n, errEnded
		case err != nil:
			return n, err
		case c == '"':
			t.done = true
		case c < ' ':
			return n, malformed("a text has no control characters")
		case c == '\\':
			if t.rest, err = t.escape(); err != nil {
				return n, err
			}
		default:
			p[n] = c
			n++
		}
	}
	return n, nil
}

func (t *jsonText) escape() ([]byte, error) {
	c, err := t.r.ReadByte()
	if err != nil {
		return nil, endedOr(err)
	}
	if i := strings.IndexByte(`"\/bfnrt`, c); i >= 0 {
		return []byte{"\"\\/\b\f\n\r\t"[i]}, nil
	}
	if c != 'u' {
		return nil, malformed("a text has an escape that JSON does not know")
	}
	r, err := t.unit()
	if err != nil || !utf16.IsSurrogate(r) {
		return utf8.AppendRune(nil, r), err
	}
	var behind [2]byte
	if _, err := io.ReadFull(t.r, behind[:]); err != nil {
		return nil, endedOr(err)
	}
	low, err := t.unit()
	if err != nil {
		return nil, err
	}
	if r = utf16.DecodeRune(r, low); string(behind[:]) != `\u` || r == utf8.RuneError {
		return nil, malformed("a text has half a character")
	}
	return utf8.AppendRune(nil, r), nil
}

func (t *jsonText) unit() (rune, error) {
	var digits [4]byte
	if _, err := io.ReadFull(t.r, digits[:]); err != nil {
		return 0, endedOr(err)
	}
	var r rune
	for _, c := range digits {
		d, ok := hexDigit(c)
		if !ok {
			return 0, malformed("a text has an escape that JSON does not know")
		}
		r = r<<4 | rune(d)
	}
	return r, nil
}

func endedOr(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errEnded
	}
	return err
}
