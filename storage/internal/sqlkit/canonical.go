package sqlkit

import "bytes"

// What is read here is the hub's own canonical JSON (RFC 8785): without space between
// tokens, each name once and as it is spelt in the code. To find a few members in it takes a
// tenth of the time of encoding/json, which looks at every value. False says that the text is
// something else: then the caller decodes it.

// members calls f with the members of an object in their order, until f is false.
func members(text []byte, f func(name, value []byte) bool) bool {
	return parts(text, '{', '}', func(rest []byte) int {
		n := stringEnd(rest)
		if n == 0 || n >= len(rest) || rest[n] != ':' {
			return 0
		}
		length := valueEnd(rest[n+1:])
		if length == 0 || !f(rest[1:n-1], rest[n+1:n+1+length]) {
			return 0
		}
		return n + 1 + length
	})
}

// elements calls f with the elements of an array in their order, until f is false.
func elements(text []byte, f func(value []byte) bool) bool {
	return parts(text, '[', ']', func(rest []byte) int {
		length := valueEnd(rest)
		if length == 0 || !f(rest[:length]) {
			return 0
		}
		return length
	})
}

// parts goes over what stands between begin and end, with commas between; take returns how
// long the next part is, 0 to give up.
func parts(text []byte, begin, end byte, take func(rest []byte) int) bool {
	if len(text) < 2 || text[0] != begin || text[len(text)-1] != end {
		return false
	}
	for rest := text[1 : len(text)-1]; len(rest) > 0; rest = rest[1:] {
		n := take(rest)
		if n == 0 {
			return false
		}
		if rest = rest[n:]; len(rest) == 0 {
			return true
		}
		if rest[0] != ',' || len(rest) == 1 {
			return false
		}
	}
	return true
}

// valueEnd is the length of the value that text begins with; 0 where there is none.
func valueEnd(text []byte) int {
	if len(text) == 0 {
		return 0
	}
	switch text[0] {
	case '"':
		return stringEnd(text)
	case '{', '[':
		return nestedEnd(text)
	}
	if n := bytes.IndexAny(text, ",]}"); n >= 0 {
		return n
	}
	return len(text)
}

// nestedEnd is the length of the object or array that text begins with.
func nestedEnd(text []byte) int {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			n := stringEnd(text[i:])
			if n == 0 {
				return 0
			}
			i += n - 1
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return 0
}

// stringEnd is the length of the string that text begins with, with its quotes.
func stringEnd(text []byte) int {
	if len(text) == 0 || text[0] != '"' {
		return 0
	}
	for from := 1; ; {
		n := bytes.IndexByte(text[from:], '"')
		if n < 0 {
			return 0
		}
		quote := from + n
		escapes := 0
		for text[quote-1-escapes] == '\\' { // ends at the quote that the string begins with
			escapes++
		}
		if escapes%2 == 0 {
			return quote + 1
		}
		from = quote + 1
	}
}

// plain returns what a string says that is written without escapes.
func plain(value []byte) (string, bool) {
	if len(value) < 2 || value[0] != '"' || bytes.IndexByte(value, '\\') >= 0 {
		return "", false
	}
	return string(value[1 : len(value)-1]), true
}
