// Package cms reads, checks and makes the Cryptographic Message Syntax signature of
// a detached content (RFC 5652), as PDF signatures (ISO 32000, PAdES) and containers
// (ASiC with CAdES) carry it. Maker makes them; the rest is about those of others.
//
// It is small and strict: exactly one signer, no content inside, signed attributes
// required (each once, content type and message digest among them), the signing
// certificate found by the signer identifier and tied by the ESS attribute when there
// is one, algorithms that agree with each other and with the key. What does not bear
// on what was signed is read as signers write it: BER lengths, the order of the
// attributes, string types in names. The content itself never comes here: the caller streams it through
// Message.Hash and hands in the digest.
//
// It returns verdict.Problem values: a proof that the signature is bad, or a doubt.
// It trusts nothing: whether the signer leads to an anchor is for package trust.
//
// Timestamps among the unsigned attributes are handed out, not judged. Keys on curves
// that the standard library does not know (brainpool), DSA and Ed448 leave a
// signature undecided.
package cms

import (
	"bytes"
	"crypto/x509"
	"time"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/lienthong/lienthong/signing/verdict"
)

// maxCertificates bounds the bag that comes with a signature.
const maxCertificates = 32

// Message is a parsed signature. Its accessors say what it claims; only the Check
// methods prove anything.
type Message struct {
	Certificates []*x509.Certificate // the bag, in order; unreadable ones are left out
	SigningTime  time.Time           // signed attribute, a claim; zero when absent or unreadable
	Timestamped  bool                // carries a signature timestamp, unchecked
	Tokens       [][]byte            // those timestamps: RFC 3161 tokens in DER, unchecked
	Content      []byte              // of a timestamp token or of ParseEnclosed; nil in a detached signature
	CRLs         [][]byte            // revocation lists that came along, in DER, unchecked
	OCSPs        [][]byte            // OCSP responses that came along, in DER, unchecked

	signer     signerInfo
	attributes attributes
	form       form
}

// Value returns the octets of the signature value: what a signature timestamp is
// made over (RFC 3161, appendix A).
func (m *Message) Value() []byte { return m.signer.value }

// signerInfo is the one SignerInfo of the message.
type signerInfo struct {
	issuer       []byte // raw name, with serial; or
	serial       []byte // content octets of the INTEGER
	keyID        []byte // subject key identifier
	digest       identifier
	signature    identifier
	signedRaw    []byte // signed attributes as a DER SET, what was signed
	receivedRaw  []byte // the same in the order they came in; nil when that is the order of DER
	value        []byte
	unsignedAttr cryptobyte.String
}

// Parse reads a ContentInfo with a detached SignedData and nothing after it.
func Parse(value []byte) (*Message, *verdict.Problem) { return parse(value, form{kind: oidData}) }

// ParseToken reads a timestamp token (RFC 3161, 2.4.2): a SignedData that holds its
// content, a TSTInfo. Content is set; the caller hashes it for CheckDigest.
func ParseToken(value []byte) (*Message, *verdict.Problem) {
	return parse(value, form{kind: oidTSTInfo, enclosed: true})
}

// ParseEnclosed reads a SignedData that holds its content as plain data, as the PDF
// form adbe.pkcs7.sha1 does with a digest (ISO 32000-1, 12.8.3.3.1). Content is set;
// the caller hashes it for CheckDigest, and must see itself what it says.
func ParseEnclosed(value []byte) (*Message, *verdict.Problem) {
	return parse(value, form{kind: oidData, enclosed: true})
}

// form is what a SignedData must be: of this content type, with its content inside
// or without.
type form struct {
	kind     string
	enclosed bool
}

// parse reads DER, and what a signer that streams wrote in BER instead.
func parse(value []byte, want form) (*Message, *verdict.Problem) {
	m, problem := parseDER(value, want)
	if problem == nil {
		return m, nil
	}
	if der, rest, ok := toDER(value); ok && len(rest) == 0 && !bytes.Equal(der, value) {
		return parseDER(der, want)
	}
	return nil, problem
}

func parseDER(der []byte, want form) (*Message, *verdict.Problem) {
	input := cryptobyte.String(der)
	var info, explicit, data cryptobyte.String
	if !input.ReadASN1(&info, asn1.SEQUENCE) || !input.Empty() {
		return nil, malformed("one DER value")
	}
	if !readOID(&info, oidSignedData) ||
		!info.ReadASN1(&explicit, asn1.Tag(0).ContextSpecific().Constructed()) || !info.Empty() ||
		!explicit.ReadASN1(&data, asn1.SEQUENCE) || !explicit.Empty() {
		return nil, malformed("a SignedData")
	}
	return parseSignedData(data, want)
}

func malformed(what string) *verdict.Problem {
	return verdict.Fail(verdict.FormatFailure, "the signature value is malformed: it does not hold %s", what)
}

func parseSignedData(data cryptobyte.String, want form) (*Message, *verdict.Problem) {
	var version int
	var digests, content, bag, lists, signers cryptobyte.String
	if !data.ReadASN1Integer(&version) || version < 1 || version > 5 ||
		!data.ReadASN1(&digests, asn1.SET) || !data.ReadASN1(&content, asn1.SEQUENCE) {
		return nil, malformed("a SignedData")
	}
	m := &Message{form: want}
	if problem := m.readContent(content); problem != nil {
		return nil, problem
	}
	if !data.ReadOptionalASN1(&bag, nil, asn1.Tag(0).ContextSpecific().Constructed()) ||
		!data.ReadOptionalASN1(&lists, nil, asn1.Tag(1).ContextSpecific().Constructed()) ||
		!data.ReadASN1(&signers, asn1.SET) || !data.Empty() {
		return nil, malformed("a SignedData")
	}
	m.readRevocation(lists)
	var problem *verdict.Problem
	if m.Certificates, problem = parseBag(bag); problem != nil {
		return nil, problem
	}
	if m.signer, problem = parseOnlySigner(signers); problem != nil {
		return nil, problem
	}
	if problem := m.parseAttributes(); problem != nil {
		return nil, problem
	}
	return m, nil
}

// readContent requires the content type and, of a detached signature, that there is
// no content: content inside would be a second text that readers could take for the
// signed one.
func (m *Message) readContent(content cryptobyte.String) *verdict.Problem {
	if !readOID(&content, m.form.kind) {
		return malformed("the expected content type")
	}
	if m.form.enclosed {
		var wrapped, octets cryptobyte.String
		if !content.ReadASN1(&wrapped, asn1.Tag(0).ContextSpecific().Constructed()) || !content.Empty() ||
			!wrapped.ReadASN1(&octets, asn1.OCTET_STRING) || !wrapped.Empty() {
			return malformed("its content")
		}
		m.Content = octets
		return nil
	}
	if !content.Empty() {
		return verdict.Fail(verdict.FormatFailure, "the signature carries a content of its own, though it is detached")
	}
	return nil
}

func parseBag(bag cryptobyte.String) ([]*x509.Certificate, *verdict.Problem) {
	var list []*x509.Certificate
	for count := 0; !bag.Empty(); count++ {
		var element cryptobyte.String
		var tag asn1.Tag
		if count == maxCertificates {
			return nil, verdict.Doubt(verdict.FormatFailure, "more than %d certificates come with the signature", maxCertificates)
		}
		if !bag.ReadAnyASN1Element(&element, &tag) {
			return nil, malformed("certificates")
		}
		if certificate, err := x509.ParseCertificate(element); err == nil && tag == asn1.SEQUENCE {
			list = append(list, certificate)
		}
	}
	return list, nil
}

// parseOnlySigner refuses a message of several signers: readers disagree on which
// of them counts.
func parseOnlySigner(signers cryptobyte.String) (signerInfo, *verdict.Problem) {
	var s signerInfo
	var info, digest, signature, attributes cryptobyte.String
	var version int
	if !signers.ReadASN1(&info, asn1.SEQUENCE) {
		return s, malformed("a signer")
	}
	if !signers.Empty() {
		return s, verdict.Fail(verdict.FormatFailure, "the signature has more than one signer")
	}
	if !info.ReadASN1Integer(&version) || version < 1 || version > 5 || !s.readIdentifier(&info) || !info.ReadASN1(&digest, asn1.SEQUENCE) {
		return s, malformed("a signer")
	}
	signedTag := asn1.Tag(0).ContextSpecific().Constructed()
	if !info.PeekASN1Tag(signedTag) {
		return s, verdict.Fail(verdict.FormatFailure, "the signature has no signed attributes")
	}
	if !info.ReadASN1Element(&attributes, signedTag) || !info.ReadASN1(&signature, asn1.SEQUENCE) ||
		!info.ReadASN1Bytes(&s.value, asn1.OCTET_STRING) ||
		!info.ReadOptionalASN1(&s.unsignedAttr, nil, asn1.Tag(1).ContextSpecific().Constructed()) || !info.Empty() {
		return s, malformed("a signer")
	}
	s.signedRaw = bytes.Clone(attributes)
	s.signedRaw[0] = byte(asn1.SET) // RFC 5652, 5.4: signed with the tag of a SET
	var ok bool
	if s.digest, ok = parseIdentifier(digest); !ok {
		return s, malformed("a digest algorithm")
	}
	if s.signature, ok = parseIdentifier(signature); !ok {
		return s, malformed("a signature algorithm")
	}
	return s, nil
}

// readIdentifier reads the signer identifier: issuer and serial number, or subject
// key identifier. The version that goes with each (RFC 5652, 5.3) is not signed and
// says nothing that the identifier does not.
func (s *signerInfo) readIdentifier(info *cryptobyte.String) bool {
	keyTag := asn1.Tag(0).ContextSpecific()
	if info.PeekASN1Tag(keyTag) {
		return info.ReadASN1Bytes(&s.keyID, keyTag) && len(s.keyID) > 0
	}
	var pair, issuer cryptobyte.String
	if !info.ReadASN1(&pair, asn1.SEQUENCE) || !pair.ReadASN1Element(&issuer, asn1.SEQUENCE) ||
		!pair.ReadASN1Bytes(&s.serial, asn1.INTEGER) || !pair.Empty() {
		return false
	}
	s.issuer = issuer
	return true
}
