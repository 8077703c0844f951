package trust

import (
	"bytes"
	"slices"
	"strconv"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/crypto/cryptobyte"
	tags "golang.org/x/crypto/cryptobyte/asn1"
)

// nameKey returns a text that is equal for two distinguished names that match
// without regard to string type, case and runs of spaces (RFC 5280, 7.1): issuers
// and subjects are written by different tools. A name that does not parse, or has
// a value that is no text, only matches its own bytes. It is asked for many times in
// every validation, so it allocates nothing but the text.
func nameKey(raw []byte) string {
	var room [256]byte
	key := room[:0]
	sets, ok := setsOf(raw)
	for ok && !sets.Empty() {
		if key, ok = appendPart(key, &sets); ok {
			key = append(key, '/')
		}
	}
	if !ok {
		return "raw:" + string(raw)
	}
	return string(key)
}

// nameParts returns one such text for each relative distinguished name, so that a
// name lies below another when the parts of the other are its first ones.
func nameParts(raw []byte) ([]string, bool) {
	var parts []string
	sets, ok := setsOf(raw)
	for ok && !sets.Empty() {
		var part []byte
		part, ok = appendPart(nil, &sets)
		parts = append(parts, string(part))
	}
	return parts, ok
}

// setsOf opens a name (RFC 5280, 4.1.2.4): a sequence of sets of attributes.
func setsOf(raw []byte) (cryptobyte.String, bool) {
	input := cryptobyte.String(raw)
	var sets cryptobyte.String
	ok := input.ReadASN1(&sets, tags.SEQUENCE) && input.Empty()
	return sets, ok
}

// appendPart appends the text of the next set. As a rule it has one attribute; of
// several the order says nothing.
func appendPart(key []byte, sets *cryptobyte.String) ([]byte, bool) {
	var set cryptobyte.String
	if !sets.ReadASN1(&set, tags.SET) || set.Empty() {
		return key, false
	}
	start := len(key)
	key, ok := appendAttribute(key, &set)
	if !ok || set.Empty() {
		return key, ok
	}
	all := [][]byte{bytes.Clone(key[start:])}
	for !set.Empty() {
		attribute, ok := appendAttribute(nil, &set)
		if !ok {
			return key, false
		}
		all = append(all, attribute)
	}
	slices.SortFunc(all, bytes.Compare)
	return append(key[:start], bytes.Join(all, []byte(","))...), true
}

// appendAttribute appends kind and value of the next attribute, each with its length
// before it, so that no value can be taken for two.
func appendAttribute(key []byte, set *cryptobyte.String) ([]byte, bool) {
	var pair, kind, value cryptobyte.String
	var tag tags.Tag
	if !set.ReadASN1(&pair, tags.SEQUENCE) || !pair.ReadASN1(&kind, tags.OBJECT_IDENTIFIER) || !pair.ReadAnyASN1(&value, &tag) {
		return key, false
	}
	content, ok := contentOf(value, tag)
	if !ok {
		return key, false
	}
	var room [128]byte
	for _, field := range [][]byte{kind, appendFolded(room[:0], content)} {
		key = strconv.AppendInt(key, int64(len(field)), 10)
		key = append(key, ':')
		key = append(key, field...)
	}
	return key, true
}

// contentOf returns the value of a string type in UTF-8.
func contentOf(value []byte, tag tags.Tag) ([]byte, bool) {
	const numericString, bmpString = tags.Tag(18), tags.Tag(30)
	switch tag {
	case tags.UTF8String:
		return value, utf8.Valid(value)
	case tags.PrintableString, tags.IA5String, tags.T61String, numericString:
		return value, !slices.ContainsFunc(value, func(b byte) bool { return b >= utf8.RuneSelf })
	case bmpString:
		units := make([]uint16, len(value)/2)
		for i := range units {
			units[i] = uint16(value[2*i])<<8 | uint16(value[2*i+1])
		}
		content := []byte(string(utf16.Decode(units)))
		return content, len(value)%2 == 0 && !bytes.ContainsRune(content, utf8.RuneError)
	}
	return nil, false
}

// appendFolded appends a text in lower case, with one space for each run of them and
// none around it.
func appendFolded(to, content []byte) []byte {
	start, gap := len(to), false
	for len(content) > 0 {
		r, size := utf8.DecodeRune(content)
		content = content[size:]
		if unicode.IsSpace(r) {
			gap = len(to) > start
			continue
		}
		if gap {
			to, gap = append(to, ' '), false
		}
		to = utf8.AppendRune(to, unicode.ToLower(r))
	}
	return to
}
