package trust

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"strings"
	"testing"
	"unicode/utf16"
)

// attribute makes an attribute of the kind 2.5.4.N whose value has a string type.
func attribute(kind, tag int, value string) pkix.AttributeTypeAndValue {
	raw := []byte(value)
	if tag == asn1.TagBMPString {
		raw = nil
		for _, unit := range utf16.Encode([]rune(value)) {
			raw = append(raw, byte(unit>>8), byte(unit))
		}
	}
	return pkix.AttributeTypeAndValue{Type: asn1.ObjectIdentifier{2, 5, 4, kind}, Value: asn1.RawValue{Tag: tag, Bytes: raw}}
}

func nameOf(t testing.TB, sets ...pkix.RelativeDistinguishedNameSET) []byte {
	t.Helper()
	raw, err := asn1.Marshal(pkix.RDNSequence(sets))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestNamesMatch(t *testing.T) {
	type set = pkix.RelativeDistinguishedNameSET
	text := func(value string) set { return set{attribute(3, asn1.TagUTF8String, value)} }
	for name, c := range map[string]struct {
		a, b []byte
		want bool
	}{
		"case and spaces": {nameOf(t, text("  UBND  TỈNH Quảng Nam")), nameOf(t, text("ubnd tỉnh quảng NAM ")), true},
		"string type":     {nameOf(t, text("Root CA")), nameOf(t, set{attribute(3, asn1.TagPrintableString, "root ca")}), true},
		"two bytes each":  {nameOf(t, text("Gốc")), nameOf(t, set{attribute(3, asn1.TagBMPString, "gốc")}), true},
		"order in a set": {nameOf(t, set{attribute(3, 12, "a"), attribute(10, 12, "b")}),
			nameOf(t, set{attribute(10, 12, "B"), attribute(3, 12, "A")}), true},
		"order of sets":        {nameOf(t, text("a"), text("b")), nameOf(t, text("b"), text("a")), false},
		"one set, two sets":    {nameOf(t, set{attribute(3, 12, "a"), attribute(3, 12, "b")}), nameOf(t, text("a"), text("b")), false},
		"another kind":         {nameOf(t, text("a")), nameOf(t, set{attribute(10, 12, "a")}), false},
		"one word, two":        {nameOf(t, text("ab")), nameOf(t, text("a b")), false},
		"a value like two":     {nameOf(t, text("a"), text("b")), nameOf(t, text("a/3:\x55\x04\x031:b")), false},
		"no text, other bytes": {nameOf(t, set{attribute(3, asn1.TagOctetString, "a")}), nameOf(t, set{attribute(3, asn1.TagOctetString, "A")}), false},
		"no text, same bytes":  {nameOf(t, set{attribute(3, asn1.TagOctetString, "a")}), nameOf(t, set{attribute(3, asn1.TagOctetString, "a")}), true},
		"no UTF-8": {nameOf(t, set{attribute(3, asn1.TagUTF8String, "a\xff")}),
			nameOf(t, set{attribute(3, asn1.TagUTF8String, "a\xfe")}), false},
	} {
		if got := nameKey(c.a) == nameKey(c.b); got != c.want {
			t.Errorf("%s: %v\n%q\n%q", name, got, nameKey(c.a), nameKey(c.b))
		}
	}
	raw := nameOf(t, text("Cấp phát thử nghiệm"), set{attribute(10, 12, "TEST - KHÔNG CÓ GIÁ TRỊ PHÁP LÝ")})
	if allocations := testing.AllocsPerRun(10, func() { nameKey(raw) }); allocations > 1 {
		t.Errorf("%v allocations for one name", allocations)
	}
}

func FuzzName(f *testing.F) {
	f.Add(nameOf(f, pkix.RelativeDistinguishedNameSET{attribute(3, 12, "Gốc"), attribute(10, 30, "ABC")}))
	f.Add([]byte("0\x00"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		key := nameKey(raw)
		parts, ok := nameParts(raw)
		switch {
		case !ok && key != "raw:"+string(raw):
			t.Errorf("a name that cannot be read has the key %q", key)
		case ok && len(parts) > 0 && key != strings.Join(parts, "/")+"/":
			t.Errorf("key %q, parts %q", key, parts)
		case len(key) > 8*len(raw)+8:
			t.Errorf("%d bytes of a name make a key of %d", len(raw), len(key))
		}
	})
}
