package cms

import (
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// maxRevocation bounds the lists and the responses that come with a signature.
const maxRevocation = 64

// readRevocation collects the revocation lists of a SignedData; other forms are
// passed over: they are a help, nothing that was signed.
func (m *Message) readRevocation(lists cryptobyte.String) {
	m.CRLs = append(m.CRLs, readElements(lists)...)
}

// readAdobeArchive collects what the signed attribute RevocationInfoArchival holds
// (ISO 32000, 12.8.3.3.2). What cannot be read is left out.
func (m *Message) readAdobeArchive() {
	value, ok := m.attributes[oidAdobeArchive]
	var archive, field, list cryptobyte.String
	if !ok || !value.ReadASN1(&archive, asn1.SEQUENCE) {
		return
	}
	tag := func(n uint8) asn1.Tag { return asn1.Tag(n).ContextSpecific().Constructed() }
	var has bool
	if archive.ReadOptionalASN1(&field, &has, tag(0)) && has && field.ReadASN1(&list, asn1.SEQUENCE) {
		m.CRLs = append(m.CRLs, readElements(list)...)
	}
	if archive.ReadOptionalASN1(&field, &has, tag(1)) && has && field.ReadASN1(&list, asn1.SEQUENCE) {
		m.OCSPs = append(m.OCSPs, readElements(list)...)
	}
}

func readElements(list cryptobyte.String) [][]byte {
	var out [][]byte
	for !list.Empty() && len(out) < maxRevocation {
		var element cryptobyte.String
		var tag asn1.Tag
		if !list.ReadAnyASN1Element(&element, &tag) {
			break
		}
		if tag == asn1.SEQUENCE {
			out = append(out, element)
		}
	}
	return out
}
