package cms

import (
	"bytes"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// maxBERElements bounds the number of elements of a value that is not DER; real ones
// have some thousands.
const maxBERElements = 200_000

// maxNesting bounds the depth of a value; real signatures have about twenty levels,
// certificates and timestamps included.
const maxNesting = 64

// The parts of an encoding (X.690, 8.1).
const (
	tagConstructed = 0x20
	tagLong        = 0x1F // a tag of several bytes, which CMS has none of
	tagOctets      = 0x04
	lengthOpen     = 0x80 // the end is marked by two zeros
)

// toDER writes a BER value in DER, as far as its lengths and the pieces of octet
// strings go, and returns what follows it. Signers that stream leave lengths open;
// what is signed in the message is its DER form in any case (RFC 5652, 5.4). A value
// that is DER already comes back as it was.
func toDER(value []byte) (der, rest []byte, ok bool) {
	c := converter{left: maxBERElements}
	return c.value(value, 0)
}

// converter writes one value in DER.
type converter struct {
	left int // elements that may still come
}

func (c *converter) value(value []byte, depth int) (der, rest []byte, ok bool) {
	if c.left--; c.left < 0 || len(value) < 2 || depth > maxNesting || value[0]&tagLong == tagLong {
		return nil, nil, false
	}
	tag := value[0]
	length, body, open, ok := berLength(value[1:])
	switch {
	case !ok || open && tag&tagConstructed == 0 || !open && length > len(body):
		return nil, nil, false
	case open:
		rest = body
	default:
		body, rest = body[:length], body[length:]
	}
	if tag&tagConstructed != 0 {
		var after []byte
		if body, after, ok = c.elements(body, open, tag == tagOctets|tagConstructed, depth); !ok {
			return nil, nil, false
		}
		if open {
			rest = after
		}
	}
	if tag == tagOctets|tagConstructed {
		tag = tagOctets
	}
	var b cryptobyte.Builder
	b.AddASN1(asn1.Tag(tag), func(b *cryptobyte.Builder) { b.AddBytes(body) })
	der, err := b.Bytes()
	return der, rest, err == nil
}

// berLength reads a length of at most four bytes, or an open one.
func berLength(in []byte) (length int, rest []byte, open, ok bool) {
	first := in[0]
	in = in[1:]
	switch {
	case first < lengthOpen:
		return int(first), in, false, true
	case first == lengthOpen:
		return 0, in, true, true
	}
	count := int(first &^ lengthOpen)
	if count > 4 || count > len(in) {
		return 0, nil, false, false
	}
	for _, b := range in[:count] {
		length = length<<8 | int(b)
	}
	return length, in[count:], false, true
}

// elements writes the elements of a constructed value in DER, or the content of the
// pieces of an octet string, and returns what follows the end of an open one.
func (c *converter) elements(body []byte, open, pieces bool, depth int) (der, rest []byte, ok bool) {
	for len(body) > 0 {
		if open && len(body) >= 2 && body[0] == 0 && body[1] == 0 {
			return der, body[2:], true
		}
		var element []byte
		if element, body, ok = c.value(body, depth+1); !ok {
			return nil, nil, false
		}
		if pieces {
			piece := cryptobyte.String(element)
			if !piece.ReadASN1((*cryptobyte.String)(&element), asn1.OCTET_STRING) {
				return nil, nil, false
			}
		}
		der = append(der, element...)
	}
	return der, nil, !open
}

// TrimPadding returns the value at the start of the contents of a PDF signature.
// Only zeros may follow it; anything else is left for Parse to refuse.
func TrimPadding(contents []byte) []byte {
	rest, ok := behind(contents)
	if !ok || len(bytes.Trim(rest, "\x00")) > 0 {
		return contents
	}
	return contents[:len(contents)-len(rest)]
}

// behind returns what follows the value at the start. One that says its length is not
// looked into.
func behind(contents []byte) (rest []byte, ok bool) {
	if len(contents) < 2 {
		return nil, false
	}
	if length, body, open, ok := berLength(contents[1:]); ok && !open && length <= len(body) {
		return body[length:], true
	}
	_, rest, ok = toDER(contents)
	return rest, ok
}
