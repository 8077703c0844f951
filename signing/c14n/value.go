package c14n

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// decode returns text or an attribute value with line ends normalized and references
// replaced. In attributes, white space that stands there literally becomes a space
// (XML 1.0, 3.3.3); a reference to such a character stays what it is.
func (p *parser) decode(raw string, attribute bool) (string, error) {
	plain := strings.IndexByte(raw, '&') < 0 && strings.IndexByte(raw, '\r') < 0
	if plain && attribute {
		plain = strings.IndexByte(raw, '\n') < 0 && strings.IndexByte(raw, '\t') < 0
	}
	if plain {
		return raw, nil
	}
	out := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); {
		switch c := raw[i]; {
		case c == '&':
			decoded, length, ok := reference(out, raw[i:])
			if !ok {
				return "", p.fail("a reference to an entity that XML does not define")
			}
			out, i = decoded, i+length
			continue
		case c == '\r' && i+1 < len(raw) && raw[i+1] == '\n':
			// the line feed follows
		case attribute && isSpace(c):
			out = append(out, ' ')
		case c == '\r':
			out = append(out, '\n')
		default:
			out = append(out, c)
		}
		i++
	}
	return string(out), nil
}

// reference appends what the reference at the start of raw stands for, and returns
// the length of the reference.
func reference(out []byte, raw string) ([]byte, int, bool) {
	const longest = 16
	end := strings.IndexByte(raw[:min(len(raw), longest)], ';')
	if end < 2 {
		return nil, 0, false
	}
	switch name := raw[1:end]; name {
	case "amp":
		out = append(out, '&')
	case "lt":
		out = append(out, '<')
	case "gt":
		out = append(out, '>')
	case "quot":
		out = append(out, '"')
	case "apos":
		out = append(out, '\'')
	default:
		character, ok := numbered(name)
		if !ok {
			return nil, 0, false
		}
		out = utf8.AppendRune(out, character)
	}
	return out, end + 1, true
}

// numbered reads "#10" or "#xA", without sign or underscores.
func numbered(name string) (rune, bool) {
	if name[0] != '#' || len(name) < 2 {
		return 0, false
	}
	digits, base := name[1:], 10
	if digits[0] == 'x' {
		digits, base = digits[1:], 16
	}
	for i := range len(digits) {
		if c := digits[i]; c == '+' || c == '-' || c == '_' {
			return 0, false
		}
	}
	n, err := strconv.ParseUint(digits, base, 32)
	return rune(n), err == nil && isCharacter(n)
}

// isCharacter is the production Char of XML 1.0.
func isCharacter(n uint64) bool {
	return n == '\t' || n == '\n' || n == '\r' || n >= 0x20 && n <= 0xD7FF ||
		n >= 0xE000 && n <= 0xFFFD || n >= 0x10000 && n <= 0x10FFFF
}

// isNCName reads a name without colon (Namespaces in XML 1.0).
func isNCName(name string) bool {
	if len(name) == 0 || len(name) > maxNameBytes {
		return false
	}
	for i, r := range name {
		if !nameStart(r) && (i == 0 || !namePart(r)) {
			return false
		}
	}
	return true
}

func nameStart(r rune) bool {
	switch {
	case r < 0x80:
		return r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
	case r == 0xD7 || r == 0xF7 || r == 0x37E || r == utf8.RuneError:
		return false
	}
	return r >= 0xC0 && r <= 0x2FF || r >= 0x370 && r <= 0x1FFF || r == 0x200C || r == 0x200D ||
		r >= 0x2070 && r <= 0x218F || r >= 0x2C00 && r <= 0x2FEF || r >= 0x3001 && r <= 0xD7FF ||
		r >= 0xF900 && r <= 0xFDCF || r >= 0xFDF0 && r <= 0xFFFD || r >= 0x10000 && r <= 0xEFFFF
}

func namePart(r rune) bool {
	return r == '-' || r == '.' || r >= '0' && r <= '9' || r == 0xB7 || r >= 0x300 && r <= 0x36F || r == 0x203F || r == 0x2040
}
