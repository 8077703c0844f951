package pdfsig

import (
	"bytes"
	"io"
)

// showsSomething reports whether a content stream has an operator that shows text,
// an image, a shading or another form (ISO 32000-2, annex A). Text that consists of
// nothing does not count.
func showsSomething(content io.Reader) bool {
	data, err := io.ReadAll(io.LimitReader(content, maxAppearance+1))
	if err != nil || len(data) > maxAppearance {
		return true
	}
	p := newParser(bytes.NewReader(data), 0)
	written := false
	for p.err == nil {
		p.skipSpace()
		b, ok := p.peek()
		switch {
		case !ok:
			return false
		case b == '(' || b == '[' || b == '<' || b == '/':
			written = writes(p.object(0)) || written
		case isDelimiter(b):
			return true
		default:
			switch p.word() {
			case "Tj", "TJ", "'", "\"":
				if written {
					return true
				}
			case "Do", "BI", "sh":
				return true
			case "BT", "Tf":
				written = false
			}
		}
	}
	return true
}

// writes reports whether an operand holds a character that is more than a blank.
func writes(o object) bool {
	switch v := o.(type) {
	case *text:
		return len(bytes.Trim(v.value, " \x00")) > 0
	case array:
		for _, element := range v {
			if writes(element) {
				return true
			}
		}
	}
	return false
}
