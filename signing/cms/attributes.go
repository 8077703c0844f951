package cms

import (
	"bytes"
	encoding "encoding/asn1"
	"slices"
	"time"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/lienthong/lienthong/signing/verdict"
)

// maxAttributes bounds the signed attributes; real signatures have three to ten.
const maxAttributes = 64

// attributes are the values of the signed attributes by the text of their type.
type attributes map[string]cryptobyte.String

// parseAttributes reads the signed attributes: each type once, each with one value,
// so that there is one way to read what was signed. Signers that left them unsorted
// signed either that order or the one of DER (RFC 5652, 5.4).
func (m *Message) parseAttributes() *verdict.Problem {
	raw := cryptobyte.String(m.signer.signedRaw)
	var set cryptobyte.String
	if !raw.ReadASN1(&set, asn1.SET) {
		return malformed("signed attributes")
	}
	m.attributes = attributes{}
	var list [][]byte
	for !set.Empty() {
		var element cryptobyte.String
		if len(list) == maxAttributes || !set.ReadASN1Element(&element, asn1.SEQUENCE) {
			return malformed("signed attributes")
		}
		list = append(list, element)
		if problem := m.attributes.add(element); problem != nil {
			return problem
		}
	}
	m.sortAttributes(list)
	return m.readClaims()
}

func (m *Message) sortAttributes(list [][]byte) {
	if slices.IsSortedFunc(list, bytes.Compare) {
		return
	}
	slices.SortFunc(list, bytes.Compare)
	var set cryptobyte.Builder
	set.AddASN1(asn1.SET, func(b *cryptobyte.Builder) { b.AddBytes(slices.Concat(list...)) })
	m.signer.receivedRaw, m.signer.signedRaw = m.signer.signedRaw, set.BytesOrPanic()
}

func (a attributes) add(element cryptobyte.String) *verdict.Problem {
	var attribute, values, value cryptobyte.String
	var kind encoding.ObjectIdentifier
	var tag asn1.Tag
	if !element.ReadASN1(&attribute, asn1.SEQUENCE) || !attribute.ReadASN1ObjectIdentifier(&kind) ||
		!attribute.ReadASN1(&values, asn1.SET) || !attribute.Empty() ||
		!values.ReadAnyASN1Element(&value, &tag) {
		return malformed("signed attributes")
	}
	if _, twice := a[kind.String()]; twice {
		return verdict.Fail(verdict.FormatFailure, "the signed attribute %s is given twice", kind)
	}
	if !values.Empty() {
		return verdict.Fail(verdict.FormatFailure, "the signed attribute %s has more than one value", kind)
	}
	a[kind.String()] = value
	return nil
}

// readClaims requires the content type and reads what the message says about time.
func (m *Message) readClaims() *verdict.Problem {
	contentType, ok := m.attributes[oidContentType]
	if !ok || !readOID(&contentType, m.form.kind) || !contentType.Empty() {
		return verdict.Fail(verdict.FormatFailure, "the signed content type is missing or is not the one of the content")
	}
	if value, ok := m.attributes[oidSigningTime]; ok {
		if m.SigningTime, ok = readTime(&value); !ok {
			return malformed("a signing time")
		}
	}
	m.readAdobeArchive()
	return m.readTokens()
}

// maxTokens bounds the signature timestamps of one message.
const maxTokens = 8

// readTokens collects the signature timestamps among the unsigned attributes.
func (m *Message) readTokens() *verdict.Problem {
	unsigned := m.signer.unsignedAttr
	for !unsigned.Empty() {
		var attribute, values, token cryptobyte.String
		if !unsigned.ReadASN1(&attribute, asn1.SEQUENCE) {
			return malformed("unsigned attributes")
		}
		if !readOID(&attribute, oidTimestamp) {
			continue
		}
		m.Timestamped = true
		if !attribute.ReadASN1(&values, asn1.SET) {
			return malformed("signature timestamps")
		}
		for !values.Empty() && len(m.Tokens) < maxTokens {
			var tag asn1.Tag
			if !values.ReadAnyASN1Element(&token, &tag) {
				return malformed("signature timestamps")
			}
			m.Tokens = append(m.Tokens, token) // whoever judges it says what is wrong with it
		}
	}
	return nil
}

// readTime reads a signing time, in UTC. It is a claim that nothing is judged by, so one
// that is not written as it should be (RFC 5652, 11.3) fails no signature: a fraction of
// a second is read, anything else is zero. What is no time at all is refused.
func readTime(value *cryptobyte.String) (time.Time, bool) {
	var at time.Time
	var text cryptobyte.String
	short := *value
	if short.ReadASN1UTCTime(&at) && short.Empty() {
		return at.UTC(), true
	}
	if value.PeekASN1Tag(asn1.UTCTime) {
		return time.Time{}, value.ReadASN1(&text, asn1.UTCTime) && value.Empty()
	}
	if !value.ReadASN1(&text, asn1.GeneralizedTime) || !value.Empty() {
		return time.Time{}, false
	}
	at, err := time.Parse("20060102150405Z0700", string(text)) // takes a fraction, too
	if err != nil {
		return time.Time{}, true
	}
	return at.UTC(), true
}

// CheckDigest compares the digest of the content, made with Hash, with the signed
// one.
func (m *Message) CheckDigest(sum []byte) *verdict.Problem {
	value, ok := m.attributes[oidMessageDigest]
	var signed []byte
	if !ok || !value.ReadASN1Bytes(&signed, asn1.OCTET_STRING) || !value.Empty() {
		return verdict.Fail(verdict.FormatFailure, "the signed message digest is missing or malformed")
	}
	if !bytes.Equal(signed, sum) {
		return verdict.Fail(verdict.HashFailure, "the content is not the one that was signed: its digest differs")
	}
	return nil
}

// The object identifiers of content types and attributes, as text.
const (
	oidData                 = "1.2.840.113549.1.7.1"
	oidTSTInfo              = "1.2.840.113549.1.9.16.1.4"
	oidAdobeArchive         = "1.2.840.113583.1.1.8"
	oidSignedData           = "1.2.840.113549.1.7.2"
	oidContentType          = "1.2.840.113549.1.9.3"
	oidMessageDigest        = "1.2.840.113549.1.9.4"
	oidSigningTime          = "1.2.840.113549.1.9.5"
	oidSigningCertificate   = "1.2.840.113549.1.9.16.2.12"
	oidSigningCertificateV2 = "1.2.840.113549.1.9.16.2.47"
	oidTimestamp            = "1.2.840.113549.1.9.16.2.14"
)

// readOID reports whether the next value is exactly this object identifier.
func readOID(from *cryptobyte.String, want string) bool {
	var got encoding.ObjectIdentifier
	return from.ReadASN1ObjectIdentifier(&got) && got.String() == want
}
