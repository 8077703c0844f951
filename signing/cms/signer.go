package cms

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	encoding "encoding/asn1"
	"math/big"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/lienthong/lienthong/signing/verdict"
)

// Signer returns the certificate that the signer identifier names. The bag must
// hold exactly one such certificate (copies of the same bytes count once).
func (m *Message) Signer() (*x509.Certificate, *verdict.Problem) {
	var found *x509.Certificate
	for _, certificate := range m.Certificates {
		if !m.signer.names(certificate) {
			continue
		}
		if found != nil && !found.Equal(certificate) {
			return nil, verdict.Doubt(verdict.NoSigningCertificate, "several certificates match the signer identifier")
		}
		found = certificate
	}
	if found == nil {
		return nil, verdict.Doubt(verdict.NoSigningCertificate, "the signing certificate is not in the signature")
	}
	return found, nil
}

func (s *signerInfo) names(certificate *x509.Certificate) bool {
	if s.keyID != nil {
		return bytes.Equal(s.keyID, certificate.SubjectKeyId)
	}
	return sameName(s.issuer, certificate.RawIssuer) && sameSerial(s.serial, certificate.SerialNumber)
}

// sameName compares two distinguished names, of which signers write one anew with
// other string types.
func sameName(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	var left, right pkix.RDNSequence
	restLeft, err := encoding.Unmarshal(a, &left)
	restRight, also := encoding.Unmarshal(b, &right)
	return err == nil && also == nil && len(restLeft)+len(restRight) == 0 && len(left) > 0 && left.String() == right.String()
}

// sameSerial compares the content octets of a DER INTEGER with a number.
func sameSerial(octets []byte, number *big.Int) bool {
	return number.Sign() >= 0 && len(octets) > 0 && octets[0] < 0x80 && new(big.Int).SetBytes(octets).Cmp(number) == 0
}

// CheckSigningCertificate compares the ESS signing-certificate attributes
// (RFC 5035) with the certificate: without this tie, another certificate for the
// same key could take the place of the signer's. Version 2 is required for
// baseline signatures.
func (m *Message) CheckSigningCertificate(signer *x509.Certificate, required bool) *verdict.Problem {
	second, hasSecond := m.attributes[oidSigningCertificateV2]
	if hasSecond && !essNames(second, signer, true) {
		return essMismatch()
	}
	first, hasFirst := m.attributes[oidSigningCertificate]
	if hasFirst && !essNames(first, signer, false) {
		return essMismatch()
	}
	if required && !hasSecond && !hasFirst {
		return verdict.Doubt(verdict.SigConstraintsFailure, "the signed attribute signing-certificate is missing")
	}
	return nil
}

func essMismatch() *verdict.Problem {
	return verdict.Doubt(verdict.NoSigningCertificate, "the signed reference to the signing certificate names another certificate")
}

// HasSigningCertificate reports whether the certificate is tied by version 2.
func (m *Message) HasSigningCertificate() bool {
	_, ok := m.attributes[oidSigningCertificateV2]
	return ok
}

// HasSigningTime reports whether the signed attribute is there, readable or not.
func (m *Message) HasSigningTime() bool {
	_, ok := m.attributes[oidSigningTime]
	return ok
}

// essNames checks the first certificate reference, the one of the signer.
func essNames(value cryptobyte.String, signer *x509.Certificate, second bool) bool {
	var attribute, list, id cryptobyte.String
	if !value.ReadASN1(&attribute, asn1.SEQUENCE) || !attribute.ReadASN1(&list, asn1.SEQUENCE) ||
		!list.ReadASN1(&id, asn1.SEQUENCE) {
		return false
	}
	hash := crypto.SHA1
	if second {
		var ok bool
		if hash, ok = readESSHash(&id); !ok {
			return false
		}
	}
	var sum []byte
	if !id.ReadASN1Bytes(&sum, asn1.OCTET_STRING) {
		return false
	}
	digest := hash.New()
	digest.Write(signer.Raw)
	return bytes.Equal(sum, digest.Sum(nil)) && (id.Empty() || issuerSerialNames(&id, signer))
}

// readESSHash reads the optional hash algorithm of version 2; SHA-256 by default.
func readESSHash(id *cryptobyte.String) (crypto.Hash, bool) {
	if !id.PeekASN1Tag(asn1.SEQUENCE) {
		return crypto.SHA256, true
	}
	var algorithm cryptobyte.String
	if !id.ReadASN1(&algorithm, asn1.SEQUENCE) {
		return 0, false
	}
	parsed, ok := parseIdentifier(algorithm)
	hash := HashOf(parsed.algorithm)
	return hash, ok && parsed.plain() && hash != 0 && hash != crypto.MD5
}

// issuerSerialNames checks the optional IssuerSerial of a reference.
func issuerSerialNames(id *cryptobyte.String, signer *x509.Certificate) bool {
	var pair, names, directory, issuer cryptobyte.String
	var serial []byte
	return id.ReadASN1(&pair, asn1.SEQUENCE) && id.Empty() &&
		pair.ReadASN1(&names, asn1.SEQUENCE) &&
		names.ReadASN1(&directory, asn1.Tag(4).ContextSpecific().Constructed()) && names.Empty() &&
		directory.ReadASN1Element(&issuer, asn1.SEQUENCE) && directory.Empty() &&
		pair.ReadASN1Bytes(&serial, asn1.INTEGER) && sameName(issuer, signer.RawIssuer) &&
		sameSerial(serial, signer.SerialNumber)
}
