package cms

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	_ "crypto/md5" // #nosec G501 -- to tell a broken old signature from an intact one; never enough to pass
	"crypto/rsa"
	_ "crypto/sha1" // #nosec G505 -- as MD5
	_ "crypto/sha256"
	_ "crypto/sha3"
	_ "crypto/sha512"
	"crypto/x509"
	"encoding/asn1"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	tags "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/lienthong/lienthong/signing/verdict"
)

// identifier is an AlgorithmIdentifier.
type identifier struct {
	algorithm  asn1.ObjectIdentifier
	parameters cryptobyte.String // the raw element; empty when absent
}

func parseIdentifier(from cryptobyte.String) (identifier, bool) {
	var id identifier
	var tag tags.Tag
	if !from.ReadASN1ObjectIdentifier(&id.algorithm) {
		return id, false
	}
	if from.Empty() {
		return id, true
	}
	return id, from.ReadAnyASN1Element(&id.parameters, &tag) && from.Empty()
}

// plain reports whether the parameters are absent or NULL.
func (id identifier) plain() bool {
	return len(id.parameters) == 0 || len(id.parameters) == 2 && id.parameters[0] == 5 && id.parameters[1] == 0
}

// HashOf returns the hash function of a digest algorithm, or zero. Broken ones are
// known, to tell a changed document from an old one.
func HashOf(algorithm asn1.ObjectIdentifier) crypto.Hash {
	switch algorithm.String() {
	case "2.16.840.1.101.3.4.2.1":
		return crypto.SHA256
	case "2.16.840.1.101.3.4.2.2":
		return crypto.SHA384
	case "2.16.840.1.101.3.4.2.3":
		return crypto.SHA512
	case "2.16.840.1.101.3.4.2.4":
		return crypto.SHA224
	case "2.16.840.1.101.3.4.2.8":
		return crypto.SHA3_256
	case "2.16.840.1.101.3.4.2.9":
		return crypto.SHA3_384
	case "2.16.840.1.101.3.4.2.10":
		return crypto.SHA3_512
	case "1.3.14.3.2.26":
		return crypto.SHA1
	case "1.2.840.113549.2.5":
		return crypto.MD5
	}
	return 0
}

// scheme is a way to make a signature value.
type scheme string

const (
	schemePKCS1   scheme = "RSA"
	schemePSS     scheme = "RSA-PSS"
	schemeECDSA   scheme = "ECDSA"
	schemeEd25519 scheme = "Ed25519"
)

// schemeOf returns the scheme of a signature algorithm, empty when it is unknown,
// and the hash that its identifier fixes; zero when it leaves the hash to the digest
// algorithm.
func schemeOf(algorithm asn1.ObjectIdentifier) (scheme, crypto.Hash) {
	text := algorithm.String()
	switch text {
	case "1.2.840.113549.1.1.1": // rsaEncryption
		return schemePKCS1, 0
	case "1.2.840.113549.1.1.10":
		return schemePSS, 0
	case "1.2.840.10045.2.1": // ecPublicKey, written by some signers in place of one with a hash
		return schemeECDSA, 0
	case "1.3.101.112":
		return schemeEd25519, 0
	}
	if hash := hashWithRSA(text); hash != 0 {
		return schemePKCS1, hash
	}
	if hash := hashWithECDSA(text); hash != 0 {
		return schemeECDSA, hash
	}
	return "", 0
}

func hashWithRSA(algorithm string) crypto.Hash {
	switch algorithm {
	case "1.2.840.113549.1.1.4":
		return crypto.MD5
	case "1.2.840.113549.1.1.5":
		return crypto.SHA1
	case "1.2.840.113549.1.1.14":
		return crypto.SHA224
	case "1.2.840.113549.1.1.11":
		return crypto.SHA256
	case "1.2.840.113549.1.1.12":
		return crypto.SHA384
	case "1.2.840.113549.1.1.13":
		return crypto.SHA512
	case "2.16.840.1.101.3.4.3.14":
		return crypto.SHA3_256
	case "2.16.840.1.101.3.4.3.15":
		return crypto.SHA3_384
	case "2.16.840.1.101.3.4.3.16":
		return crypto.SHA3_512
	}
	return 0
}

func hashWithECDSA(algorithm string) crypto.Hash {
	switch algorithm {
	case "1.2.840.10045.4.1":
		return crypto.SHA1
	case "1.2.840.10045.4.3.1":
		return crypto.SHA224
	case "1.2.840.10045.4.3.2":
		return crypto.SHA256
	case "1.2.840.10045.4.3.3":
		return crypto.SHA384
	case "1.2.840.10045.4.3.4":
		return crypto.SHA512
	case "2.16.840.1.101.3.4.3.10":
		return crypto.SHA3_256
	case "2.16.840.1.101.3.4.3.11":
		return crypto.SHA3_384
	case "2.16.840.1.101.3.4.3.12":
		return crypto.SHA3_512
	}
	return 0
}

// Hash returns the function that the content must be hashed with.
func (m *Message) Hash() (crypto.Hash, *verdict.Problem) {
	hash := HashOf(m.signer.digest.algorithm)
	if hash == 0 || !m.signer.digest.plain() {
		return 0, verdict.Weak(m.signer.digest.algorithm.String(), "the digest algorithm %s is not accepted", m.signer.digest.algorithm)
	}
	return hash, nil
}

// Algorithm names the algorithms of the signature, for a report.
func (m *Message) Algorithm() string {
	kind, _ := schemeOf(m.signer.signature.algorithm)
	hash := HashOf(m.signer.digest.algorithm)
	if kind == "" || hash == 0 {
		return m.signer.signature.algorithm.String()
	}
	return fmt.Sprintf("%s with %s", kind, hash)
}

// CheckStrength refuses hash functions that no longer protect a signature, and
// methods that the catalogue does not have (ETSI TS 119 312).
func (m *Message) CheckStrength() *verdict.Problem {
	hash, problem := m.Hash()
	kind, _ := schemeOf(m.signer.signature.algorithm)
	switch {
	case problem != nil:
		return problem
	case hash == crypto.SHA1 || hash == crypto.MD5:
		return verdict.Doubt(verdict.CryptoConstraintsFailure, "the signature uses %s, which is not accepted", hash)
	case kind == schemeEd25519:
		return verdict.Doubt(verdict.CryptoConstraintsFailure, "the signature uses %s, which is not accepted", kind)
	}
	return nil
}

// CheckSignature verifies the signature value over the signed attributes with the
// key of the certificate and no other.
func (m *Message) CheckSignature(signer *x509.Certificate) *verdict.Problem {
	hash, problem := m.Hash()
	if problem != nil {
		return problem
	}
	kind, fixed := schemeOf(m.signer.signature.algorithm)
	if fixed != 0 && fixed != hash {
		return verdict.Fail(verdict.FormatFailure, "signature and digest algorithm name different hash functions")
	}
	problem = m.checkValue(signer, kind, hash, m.signer.signedRaw)
	if problem != nil && m.signer.receivedRaw != nil {
		return m.checkValue(signer, kind, hash, m.signer.receivedRaw)
	}
	return problem
}

func (m *Message) checkValue(signer *x509.Certificate, kind scheme, hash crypto.Hash, signed []byte) *verdict.Problem {
	digest := hash.New()
	digest.Write(signed)
	sum := digest.Sum(nil)
	switch key := signer.PublicKey.(type) {
	case *rsa.PublicKey:
		return m.checkRSA(key, kind, hash, sum)
	case *ecdsa.PublicKey:
		return m.checkECDSA(key, kind, sum)
	case ed25519.PublicKey:
		if kind != schemeEd25519 {
			return mismatch()
		}
		return wrongValue(ed25519.Verify(key, signed, m.signer.value)) // RFC 8419, 3.1: no digest of the attributes
	}
	return verdict.Doubt(verdict.CryptoConstraintsFailure, "keys of kind %s are not accepted", signer.PublicKeyAlgorithm)
}

// verifiableRSABits is what the standard library verifies with; far more is needed to be
// accepted, see package trust.
const verifiableRSABits = 1024

func (m *Message) checkRSA(key *rsa.PublicKey, kind scheme, hash crypto.Hash, sum []byte) *verdict.Problem {
	if key.N.BitLen() < verifiableRSABits {
		return verdict.Doubt(verdict.CryptoConstraintsFailure, "an RSA key of %d bits is not accepted", key.N.BitLen())
	}
	var err error
	switch kind {
	case schemePKCS1:
		if !m.signer.signature.plain() {
			return malformed("a signature algorithm without parameters")
		}
		err = rsa.VerifyPKCS1v15(key, hash, sum, m.signer.value)
	case schemePSS:
		if problem := checkPSS(m.signer.signature.parameters, hash); problem != nil {
			return problem
		}
		err = rsa.VerifyPSS(key, hash, sum, m.signer.value, &rsa.PSSOptions{SaltLength: hash.Size()})
	default:
		return mismatch()
	}
	return wrongValue(err == nil)
}

func (m *Message) checkECDSA(key *ecdsa.PublicKey, kind scheme, sum []byte) *verdict.Problem {
	switch {
	case kind != schemeECDSA:
		return mismatch()
	case key.Curve != elliptic.P256() && key.Curve != elliptic.P384() && key.Curve != elliptic.P521():
		return verdict.Doubt(verdict.CryptoConstraintsFailure, "the curve %s is not accepted", key.Curve.Params().Name)
	}
	return wrongValue(ecdsa.VerifyASN1(key, sum, m.signer.value))
}

func mismatch() *verdict.Problem {
	return verdict.Doubt(verdict.CryptoConstraintsFailure, "the signature algorithm is not accepted or does not fit the key")
}

func wrongValue(right bool) *verdict.Problem {
	if right {
		return nil
	}
	return verdict.Fail(verdict.SigCryptoFailure, "the signature value does not verify with the key of the signing certificate")
}

// checkPSS requires the one consistent set of parameters (RFC 4055): the digest of
// the message for hash and mask, salt as long as the digest, trailer 1. The
// defaults name SHA-1, so they cannot be left out.
func checkPSS(parameters cryptobyte.String, hash crypto.Hash) *verdict.Problem {
	bad := verdict.Doubt(verdict.CryptoConstraintsFailure, "the PSS parameters are missing or disagree with the digest algorithm")
	var sequence, hashField, maskField, saltField, trailerField cryptobyte.String
	var hasTrailer bool
	field := func(n uint8) tags.Tag { return tags.Tag(n).ContextSpecific().Constructed() }
	if !parameters.ReadASN1(&sequence, tags.SEQUENCE) ||
		!sequence.ReadASN1(&hashField, field(0)) || !sequence.ReadASN1(&maskField, field(1)) ||
		!sequence.ReadASN1(&saltField, field(2)) ||
		!sequence.ReadOptionalASN1(&trailerField, &hasTrailer, field(3)) || !sequence.Empty() {
		return bad
	}
	salt, trailer := 0, 1
	if !saltField.ReadASN1Integer(&salt) || salt != hash.Size() ||
		hasTrailer && !trailerField.ReadASN1Integer(&trailer) || trailer != 1 {
		return bad
	}
	if !namesHash(hashField, hash) || !namesMask(maskField, hash) {
		return bad
	}
	return nil
}

func namesHash(field cryptobyte.String, hash crypto.Hash) bool {
	var sequence cryptobyte.String
	if !field.ReadASN1(&sequence, tags.SEQUENCE) || !field.Empty() {
		return false
	}
	id, ok := parseIdentifier(sequence)
	return ok && id.plain() && HashOf(id.algorithm) == hash
}

func namesMask(field cryptobyte.String, hash crypto.Hash) bool {
	var sequence cryptobyte.String
	const mgf1 = "1.2.840.113549.1.1.8"
	return field.ReadASN1(&sequence, tags.SEQUENCE) && field.Empty() && readOID(&sequence, mgf1) && namesHash(sequence, hash)
}
