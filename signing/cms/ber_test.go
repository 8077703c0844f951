package cms_test

import (
	"bytes"
	"crypto"
	"crypto/elliptic"
	"slices"
	"testing"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/lienthong/lienthong/signing/cms"
	"github.com/lienthong/lienthong/signing/verdict"
)

// toBER writes DER as signers that stream do: lengths are left open, octet strings
// come in pieces. Certificates stay as they are, and so does what is named in keep.
func toBER(t testing.TB, der []byte, keep ...[]byte) []byte {
	t.Helper()
	var out []byte
	rest := cryptobyte.String(der)
	for !rest.Empty() {
		var element, body cryptobyte.String
		var tag asn1.Tag
		if !rest.ReadAnyASN1Element(&element, &tag) {
			t.Fatal("not DER")
		}
		whole := bytes.Clone(element)
		if !element.ReadAnyASN1(&body, &tag) {
			t.Fatal("not DER")
		}
		same := func(other []byte) bool { return bytes.Equal(whole, other) }
		switch {
		case slices.ContainsFunc(keep, same):
			out = append(out, whole...)
		case tag == asn1.OCTET_STRING && len(body) > 1:
			out = append(out, 0x24, 0x80)
			for _, piece := range [][]byte{body[:1], body[1:]} {
				out = append(append(out, 0x04, 0x81, byte(len(piece))), piece...)
			}
			out = append(out, 0, 0)
		case tag&0x20 != 0:
			out = append(append(out, byte(tag), 0x80), toBER(t, body, keep...)...)
			out = append(out, 0, 0)
		default:
			out = append(append(out, byte(tag), 0x82, byte(len(body)>>8), byte(len(body))), body...)
		}
	}
	return out
}

func TestBER(t *testing.T) {
	for name, signer := range map[string]identity{"ECDSA": newIdentity(t, ecKey(t, elliptic.P256()))} {
		m := newMessage(signer)
		m.unsigned = [][]byte{attribute("1.2.3", octets([]byte{1, 2, 3}))}
		der := m.build(t)
		ber := toBER(t, der, signer.certificate.Raw)
		if bytes.Equal(der, ber) {
			t.Fatal("nothing was changed")
		}
		parsed, problem := judge(ber, content, true)
		if problem != nil {
			t.Fatalf("%s: %v", name, problem)
		}
		strict, problem := cms.Parse(der)
		if problem != nil || !bytes.Equal(parsed.Value(), strict.Value()) {
			t.Errorf("%s: %v, values differ", name, problem)
		}
		padded := append(bytes.Clone(ber), make([]byte, 64)...)
		if trimmed := cms.TrimPadding(padded); !bytes.Equal(trimmed, ber) {
			t.Errorf("%s: trimmed to %d of %d bytes", name, len(trimmed), len(ber))
		}
		if _, problem := judge(ber, []byte("other bytes"), true); problem == nil || problem.Sub != verdict.HashFailure {
			t.Errorf("%s: other bytes: %v", name, problem)
		}
		if _, problem := cms.Parse(append(bytes.Clone(ber), 1)); problem == nil || problem.Indication != verdict.Failed {
			t.Errorf("%s: a byte behind the value: %v", name, problem)
		}
	}
}

// Values that want much are refused: what is too deep or too long is not read.
func TestBERBombs(t *testing.T) {
	open := bytes.Repeat([]byte{0x30, 0x80}, 1<<20)
	closed := append(bytes.Clone(open), make([]byte, 2<<20)...)
	wide := append([]byte{0x30, 0x80}, bytes.Repeat([]byte{0x24, 0x80, 0, 0}, 1<<19)...)
	for name, value := range map[string][]byte{
		"nothing":                    {},
		"one byte":                   {0x30},
		"open levels":                open,
		"closed levels":              closed,
		"many empty strings":         append(wide, 0, 0),
		"length beyond the end":      {0x30, 0x84, 0x7F, 0xFF, 0xFF, 0xFF, 1},
		"length of five bytes":       {0x30, 0x85, 1, 1, 1, 1, 1},
		"length cut short":           {0x30, 0x84, 1},
		"open primitive":             {0x04, 0x80, 1, 0, 0},
		"open without end":           {0x30, 0x80, 0x02, 0x01, 0x01},
		"long tag":                   {0x3F, 0x81, 0x01, 0x00},
		"string of other pieces":     {0x24, 0x80, 0x02, 0x01, 0x01, 0, 0},
		"set of strings in a string": {0x24, 0x06, 0x31, 0x04, 0x04, 0x02, 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			if _, problem := cms.Parse(cms.TrimPadding(value)); problem == nil || problem.Indication != verdict.Failed {
				t.Errorf("got %v", problem)
			}
		})
	}
}

// The older PDF form keeps the digest of the document inside of the message.
func TestEnclosedContent(t *testing.T) {
	m := newMessage(newIdentity(t, ecKey(t, elliptic.P256())))
	inner := sumOf(crypto.SHA1)
	m.econtent = inner
	sum := crypto.SHA256.New()
	sum.Write(inner)
	m.attributes[1] = digestAttribute(sum.Sum(nil))
	der := m.build(t)
	parsed, problem := cms.ParseEnclosed(der)
	if problem != nil {
		t.Fatal(problem)
	}
	if !bytes.Equal(parsed.Content, inner) {
		t.Errorf("content %x", parsed.Content)
	}
	if problem := parsed.CheckDigest(sum.Sum(nil)); problem != nil {
		t.Error(problem)
	}
	if _, problem := cms.Parse(der); problem == nil || problem.Indication != verdict.Failed {
		t.Errorf("as a detached one: %v", problem)
	}
	if _, problem := cms.ParseEnclosed(newMessage(m.signer).build(t)); problem == nil || problem.Indication != verdict.Failed {
		t.Errorf("without content: %v", problem)
	}
}

// What is not DER is converted only up to a number of elements: each is copied once for
// every level above it.
func TestBERElements(t *testing.T) {
	for _, c := range []struct {
		elements int
		trimmed  bool
	}{{150_000, true}, {250_000, false}} {
		value := append(append([]byte{0x30, 0x80}, bytes.Repeat([]byte{0x05, 0x00}, c.elements)...), 0, 0)
		padded := append(bytes.Clone(value), 0, 0, 0, 0)
		if trimmed := bytes.Equal(cms.TrimPadding(padded), value); trimmed != c.trimmed {
			t.Errorf("%d elements: trimmed %v", c.elements, trimmed)
		}
	}
	// One that says its length is as long as it likes.
	value := append([]byte{0x30, 0x83, 0x07, 0xA1, 0x20}, bytes.Repeat([]byte{0x05, 0x00}, 250_000)...)
	if trimmed := cms.TrimPadding(append(bytes.Clone(value), 0, 0)); !bytes.Equal(trimmed, value) {
		t.Errorf("trimmed to %d of %d bytes", len(trimmed), len(value))
	}
}
