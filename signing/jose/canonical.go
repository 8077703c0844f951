package jose

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/gowebpki/jcs"
)

// Canonical returns the RFC 8785 bytes of the JSON form of v.
func Canonical(v any) ([]byte, error) { return new(Canonicaliser).Canonical(v) }

// Canonicaliser makes many values canonical, one after the other, with the same working
// memory. The zero value is ready.
type Canonicaliser struct {
	raw   bytes.Buffer
	spare []byte // of the sorter
}

// Canonical returns the RFC 8785 bytes of the JSON form of v.
func (c *Canonicaliser) Canonical(v any) ([]byte, error) {
	c.raw.Reset()
	encoder := json.NewEncoder(&c.raw)
	encoder.SetEscapeHTML(false) // RFC 8785 leaves < > & as they are
	if err := encoder.Encode(v); err != nil {
		return nil, fmt.Errorf("marshal: %w", err)
	}
	text := bytes.TrimSuffix(c.raw.Bytes(), []byte("\n"))
	s := sorter{in: text, out: make([]byte, 0, len(text)), spare: c.spare}
	sorted := s.value()
	c.spare = s.spare
	if sorted {
		return s.out, nil
	}
	return jcs.Transform(text)
}

// IsCanonical reports whether raw is already in the form of RFC 8785.
func IsCanonical(raw []byte) bool {
	again, err := jcs.Transform(raw)
	return err == nil && bytes.Equal(raw, again)
}

// sorter sorts the members of the objects in a text that encoding/json has just
// written: all else in it is in the form of RFC 8785 already. It gives up, and value
// reports false, where it cannot be sure: at names that are not plain ASCII, at numbers
// that are no whole ones of up to 15 digits, and at \u escapes. To parse the text once more
// instead takes as long as to sign it.
type sorter struct {
	in    []byte
	at    int
	out   []byte
	spare []byte // holds what is rearranged
}

func (s *sorter) value() bool {
	switch s.in[s.at] {
	case '{':
		return s.object()
	case '[':
		return s.array()
	case '"':
		_, ok := s.text()
		return ok
	}
	return s.word()
}

// member is one member of an object as it lies in out.
type member struct {
	name       []byte
	start, end int
}

func (s *sorter) object() bool {
	s.at++
	s.out = append(s.out, '{')
	first := len(s.out)
	var room [24]member
	members := room[:0]
	for s.in[s.at] != '}' {
		if s.in[s.at] == ',' {
			s.at++
			s.out = append(s.out, ',')
		}
		m := member{start: len(s.out)}
		var ok bool
		if m.name, ok = s.text(); !ok || !isPlain(m.name) {
			return false
		}
		s.at++ // the colon
		s.out = append(s.out, ':')
		if !s.value() {
			return false
		}
		m.end = len(s.out)
		members = append(members, m)
	}
	s.at++
	s.arrange(first, members)
	s.out = append(s.out, '}')
	return true
}

// arrange puts the members, the first of which begins at first, in the order of their
// names. Names in ASCII sort by byte as they do by UTF-16 code unit.
func (s *sorter) arrange(first int, members []member) {
	byName := func(a, b member) int { return bytes.Compare(a.name, b.name) }
	if slices.IsSortedFunc(members, byName) {
		return
	}
	slices.SortFunc(members, byName)
	s.spare = append(s.spare[:0], s.out[first:]...)
	was := s.spare
	s.out = s.out[:first]
	for i, m := range members {
		if i > 0 {
			s.out = append(s.out, ',')
		}
		s.out = append(s.out, was[m.start-first:m.end-first]...)
	}
}

func (s *sorter) array() bool {
	s.at++
	s.out = append(s.out, '[')
	for s.in[s.at] != ']' {
		if s.in[s.at] == ',' {
			s.at++
			s.out = append(s.out, ',')
		}
		if !s.value() {
			return false
		}
	}
	s.at++
	s.out = append(s.out, ']')
	return true
}

// text copies a string and returns what is between its quotes.
func (s *sorter) text() ([]byte, bool) {
	end := s.at + 1
	for s.in[end] != '"' {
		if s.in[end] == '\\' {
			if end++; s.in[end] == 'u' {
				return nil, false
			}
		}
		end++
	}
	text := s.in[s.at+1 : end]
	s.out = append(s.out, s.in[s.at:end+1]...)
	s.at = end + 1
	return text, true
}

// maxDigits is how many digits every reader keeps (RFC 8785, 3.2.2.3).
const maxDigits = 15

// word copies true, false, null or a whole number.
func (s *sorter) word() bool {
	end := s.at
	for end < len(s.in) && s.in[end] != ',' && s.in[end] != '}' && s.in[end] != ']' {
		end++
	}
	word := s.in[s.at:end]
	s.out = append(s.out, word...)
	s.at = end
	switch string(word) {
	case "true", "false", "null":
		return true
	}
	digits := bytes.TrimPrefix(word, []byte("-"))
	return len(digits) <= maxDigits && string(word) != "-0" &&
		!slices.ContainsFunc(digits, func(b byte) bool { return b < '0' || b > '9' })
}

func isPlain(name []byte) bool {
	return !slices.ContainsFunc(name, func(b byte) bool { return b >= 0x80 || b == '\\' })
}
