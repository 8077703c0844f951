package trust

import (
	"crypto"
	_ "crypto/sha1" // #nosec G505 -- certificate identifiers of OCSP are made with it
	"crypto/sha256"
	_ "crypto/sha512"
	"crypto/x509"
	"encoding/asn1"
	"math/big"
	"time"

	"golang.org/x/crypto/cryptobyte"
	tags "golang.org/x/crypto/cryptobyte/asn1"
)

// Bounds of a response.
const (
	MaxOCSP             = 256 << 10 // bytes
	maxSingleResponses  = 64
	maxResponderCerts   = 8
	oidBasicResponse    = "1.3.6.1.5.5.7.48.1.1"
	ocspStatusGood      = 0
	ocspStatusRevoked   = 1
	ocspStatusUnknown   = 2
	unstatedReason      = 0
	ocspResponseSuccess = 0
)

// ocspResponse is a parsed BasicOCSPResponse (RFC 6960, 4.2.1).
type ocspResponse struct {
	digest       [32]byte
	signed       []byte // the bytes that are signed
	algorithm    x509.SignatureAlgorithm
	signature    []byte
	certificates []*x509.Certificate
	name         []byte // responder by name, or
	keyHash      []byte // by the SHA-1 of its key
	producedAt   time.Time
	answers      []ocspAnswer
}

// ocspAnswer is about one certificate.
type ocspAnswer struct {
	hash               crypto.Hash
	nameHash, keyHash  []byte
	serial             *big.Int
	status             int
	revoked            entry
	thisUpdate         time.Time
	nextUpdate         time.Time // zero when not said
	criticalExtensions bool
}

// parseOCSP reads an OCSPResponse, or the BasicOCSPResponse in it. What cannot be used
// for anything is nil.
func parseOCSP(der []byte) *ocspResponse {
	if len(der) > MaxOCSP {
		return nil
	}
	basic, ok := unwrapOCSP(der)
	if !ok {
		return nil
	}
	r := &ocspResponse{digest: sha256.Sum256(der)}
	var sequence, data, algorithm, certificates cryptobyte.String
	var hasCertificates bool
	if !basic.ReadASN1(&sequence, tags.SEQUENCE) || !basic.Empty() || !sequence.ReadASN1Element(&data, tags.SEQUENCE) ||
		!sequence.ReadASN1(&algorithm, tags.SEQUENCE) || !sequence.ReadASN1BitStringAsBytes(&r.signature) ||
		!sequence.ReadOptionalASN1(&certificates, &hasCertificates, tags.Tag(0).ContextSpecific().Constructed()) || !sequence.Empty() {
		return nil
	}
	r.signed, r.algorithm = data, signatureAlgorithm(algorithm)
	if !r.readData(data) || hasCertificates && !r.readCertificates(certificates) {
		return nil
	}
	return r
}

// unwrapOCSP returns the BasicOCSPResponse of a successful response.
func unwrapOCSP(der []byte) (cryptobyte.String, bool) {
	input := cryptobyte.String(der)
	var outer, bytes, basic cryptobyte.String
	if !input.ReadASN1(&outer, tags.SEQUENCE) || !input.Empty() {
		return nil, false
	}
	if !outer.PeekASN1Tag(tags.ENUM) {
		return der, true
	}
	var status int
	var kind asn1.ObjectIdentifier
	if !outer.ReadASN1Enum(&status) || status != ocspResponseSuccess ||
		!outer.ReadASN1(&bytes, tags.Tag(0).ContextSpecific().Constructed()) || !outer.Empty() ||
		!bytes.ReadASN1(&bytes, tags.SEQUENCE) || !bytes.ReadASN1ObjectIdentifier(&kind) || kind.String() != oidBasicResponse ||
		!bytes.ReadASN1(&basic, tags.OCTET_STRING) {
		return nil, false
	}
	return basic, true
}

func (r *ocspResponse) readData(data cryptobyte.String) bool {
	var sequence, responder, answers cryptobyte.String
	var hasExtensions bool
	var extensions cryptobyte.String
	if !data.ReadASN1(&sequence, tags.SEQUENCE) || !sequence.SkipOptionalASN1(tags.Tag(0).ContextSpecific().Constructed()) {
		return false
	}
	switch byName, byKey := tags.Tag(1).ContextSpecific().Constructed(), tags.Tag(2).ContextSpecific().Constructed(); {
	case sequence.PeekASN1Tag(byName):
		if !sequence.ReadASN1(&responder, byName) {
			return false
		}
		r.name = responder
	default:
		if !sequence.ReadASN1(&responder, byKey) || !responder.ReadASN1Bytes(&r.keyHash, tags.OCTET_STRING) {
			return false
		}
	}
	if !sequence.ReadASN1GeneralizedTime(&r.producedAt) || !sequence.ReadASN1(&answers, tags.SEQUENCE) ||
		!sequence.ReadOptionalASN1(&extensions, &hasExtensions, tags.Tag(1).ContextSpecific().Constructed()) || !sequence.Empty() {
		return false
	}
	for !answers.Empty() {
		var single cryptobyte.String
		var answer ocspAnswer
		if len(r.answers) == maxSingleResponses || !answers.ReadASN1(&single, tags.SEQUENCE) || !answer.read(single) {
			return false
		}
		r.answers = append(r.answers, answer)
	}
	return !hasExtensions || !hasCritical(extensions)
}

func (a *ocspAnswer) read(single cryptobyte.String) bool {
	var id, algorithm, extensions cryptobyte.String
	var hash asn1.ObjectIdentifier
	a.serial = new(big.Int)
	if !single.ReadASN1(&id, tags.SEQUENCE) || !id.ReadASN1(&algorithm, tags.SEQUENCE) || !algorithm.ReadASN1ObjectIdentifier(&hash) ||
		!id.ReadASN1Bytes(&a.nameHash, tags.OCTET_STRING) || !id.ReadASN1Bytes(&a.keyHash, tags.OCTET_STRING) ||
		!id.ReadASN1Integer(a.serial) || !id.Empty() {
		return false
	}
	a.hash = hashOf(hash)
	if !a.readStatus(&single) || !single.ReadASN1GeneralizedTime(&a.thisUpdate) {
		return false
	}
	var next cryptobyte.String
	var hasNext, hasExtensions bool
	if !single.ReadOptionalASN1(&next, &hasNext, tags.Tag(0).ContextSpecific().Constructed()) ||
		hasNext && !next.ReadASN1GeneralizedTime(&a.nextUpdate) ||
		!single.ReadOptionalASN1(&extensions, &hasExtensions, tags.Tag(1).ContextSpecific().Constructed()) || !single.Empty() {
		return false
	}
	a.criticalExtensions = hasExtensions && hasCritical(extensions)
	return true
}

func (a *ocspAnswer) readStatus(from *cryptobyte.String) bool {
	var content, reason cryptobyte.String
	var tag tags.Tag
	if !from.ReadAnyASN1(&content, &tag) {
		return false
	}
	switch tag {
	case tags.Tag(0).ContextSpecific():
		a.status = ocspStatusGood
	case tags.Tag(1).ContextSpecific().Constructed():
		a.status, a.revoked.reason = ocspStatusRevoked, unstatedReason
		var has bool
		if !content.ReadASN1GeneralizedTime(&a.revoked.at) ||
			!content.ReadOptionalASN1(&reason, &has, tags.Tag(0).ContextSpecific().Constructed()) ||
			has && !reason.ReadASN1Enum(&a.revoked.reason) {
			return false
		}
	default:
		a.status = ocspStatusUnknown
	}
	return true
}

func hasCritical(extensions cryptobyte.String) bool {
	var list cryptobyte.String
	if !extensions.ReadASN1(&list, tags.SEQUENCE) {
		return true
	}
	for !list.Empty() {
		var extension cryptobyte.String
		var critical bool
		if !list.ReadASN1(&extension, tags.SEQUENCE) || !extension.SkipASN1(tags.OBJECT_IDENTIFIER) ||
			extension.PeekASN1Tag(tags.BOOLEAN) && !extension.ReadASN1Boolean(&critical) || critical {
			return true
		}
	}
	return false
}

func (r *ocspResponse) readCertificates(explicit cryptobyte.String) bool {
	var list cryptobyte.String
	if !explicit.ReadASN1(&list, tags.SEQUENCE) {
		return false
	}
	for !list.Empty() && len(r.certificates) < maxResponderCerts {
		var element cryptobyte.String
		if !list.ReadASN1Element(&element, tags.SEQUENCE) {
			return false
		}
		if certificate, err := x509.ParseCertificate(element); err == nil {
			r.certificates = append(r.certificates, certificate)
		}
	}
	return true
}

// about returns the answer on a certificate of an issuer, whose name and key are
// hashed anew: the numbers in the response are not believed.
func (r *ocspResponse) about(certificate, issuer *x509.Certificate) *ocspAnswer {
	for i := range r.answers {
		a := &r.answers[i]
		if a.hash == 0 || a.criticalExtensions || a.serial.Cmp(certificate.SerialNumber) != 0 {
			continue
		}
		if string(a.nameHash) == string(sumOf(a.hash, certificate.RawIssuer)) && string(a.keyHash) == string(sumOf(a.hash, keyBits(issuer))) {
			return a
		}
	}
	return nil
}

// isBy reports whether a certificate is the one that the responder names.
func (r *ocspResponse) isBy(certificate *x509.Certificate) bool {
	if r.keyHash != nil {
		return string(r.keyHash) == string(sumOf(crypto.SHA1, keyBits(certificate)))
	}
	return nameKey(r.name) == nameKey(certificate.RawSubject)
}

func sumOf(hash crypto.Hash, data []byte) []byte {
	h := hash.New()
	h.Write(data)
	return h.Sum(nil)
}

// keyBits returns the key of a certificate without its algorithm: what OCSP hashes.
func keyBits(certificate *x509.Certificate) []byte {
	info := cryptobyte.String(certificate.RawSubjectPublicKeyInfo)
	var sequence cryptobyte.String
	var key []byte
	if !info.ReadASN1(&sequence, tags.SEQUENCE) || !sequence.SkipASN1(tags.SEQUENCE) || !sequence.ReadASN1BitStringAsBytes(&key) {
		return nil
	}
	return key
}

func hashOf(id asn1.ObjectIdentifier) crypto.Hash {
	switch id.String() {
	case "1.3.14.3.2.26":
		return crypto.SHA1 // of a certificate identifier only, where nothing hangs on it
	case "2.16.840.1.101.3.4.2.1":
		return crypto.SHA256
	case "2.16.840.1.101.3.4.2.2":
		return crypto.SHA384
	case "2.16.840.1.101.3.4.2.3":
		return crypto.SHA512
	}
	return 0
}

// signatureAlgorithm returns what the standard library calls an AlgorithmIdentifier.
func signatureAlgorithm(id cryptobyte.String) x509.SignatureAlgorithm {
	var algorithm asn1.ObjectIdentifier
	if !id.ReadASN1ObjectIdentifier(&algorithm) {
		return x509.UnknownSignatureAlgorithm
	}
	switch algorithm.String() {
	case "1.2.840.113549.1.1.5":
		return x509.SHA1WithRSA
	case "1.2.840.113549.1.1.11":
		return x509.SHA256WithRSA
	case "1.2.840.113549.1.1.12":
		return x509.SHA384WithRSA
	case "1.2.840.113549.1.1.13":
		return x509.SHA512WithRSA
	case "1.2.840.10045.4.3.2":
		return x509.ECDSAWithSHA256
	case "1.2.840.10045.4.3.3":
		return x509.ECDSAWithSHA384
	case "1.2.840.10045.4.3.4":
		return x509.ECDSAWithSHA512
	case "1.3.101.112":
		return x509.PureEd25519
	case "1.2.840.113549.1.1.10":
		return pssAlgorithm(id)
	}
	return x509.UnknownSignatureAlgorithm
}

// pssAlgorithm reads the hash of PSS parameters; the rest must fit it, which the
// check of the signature sees to.
func pssAlgorithm(parameters cryptobyte.String) x509.SignatureAlgorithm {
	var sequence, field, inner cryptobyte.String
	var hash asn1.ObjectIdentifier
	if !parameters.ReadASN1(&sequence, tags.SEQUENCE) || !sequence.ReadASN1(&field, tags.Tag(0).ContextSpecific().Constructed()) ||
		!field.ReadASN1(&inner, tags.SEQUENCE) || !inner.ReadASN1ObjectIdentifier(&hash) {
		return x509.UnknownSignatureAlgorithm
	}
	switch hashOf(hash) {
	case crypto.SHA256:
		return x509.SHA256WithRSAPSS
	case crypto.SHA384:
		return x509.SHA384WithRSAPSS
	case crypto.SHA512:
		return x509.SHA512WithRSAPSS
	}
	return x509.UnknownSignatureAlgorithm
}
