package trust

import (
	"bytes"
	"crypto/x509"

	"golang.org/x/crypto/cryptobyte"
	tags "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/lienthong/lienthong/signing/verdict"
)

// The extensions that are processed, by the text of their identifier.
const (
	oidSubjectKeyID       = "2.5.29.14"
	oidKeyUsage           = "2.5.29.15"
	oidSubjectAltName     = "2.5.29.17"
	oidIssuerAltName      = "2.5.29.18"
	oidBasicConstraints   = "2.5.29.19"
	oidNameConstraints    = "2.5.29.30"
	oidDistributionPoints = "2.5.29.31"
	oidPolicies           = "2.5.29.32"
	oidPolicyMappings     = "2.5.29.33"
	oidAuthorityKeyID     = "2.5.29.35"
	oidPolicyConstraints  = "2.5.29.36"
	oidExtKeyUsage        = "2.5.29.37"
	oidFreshestCRL        = "2.5.29.46"
	oidInhibitAnyPolicy   = "2.5.29.54"
	oidNoCheck            = "1.3.6.1.5.5.7.48.1.5"
)

// checkExtensions refuses an extension that is critical and not processed here, and
// one that is given twice.
func checkExtensions(certificate *x509.Certificate) *verdict.Problem {
	seen := make(map[string]bool, len(certificate.Extensions))
	for _, extension := range certificate.Extensions {
		id := extension.Id.String()
		if seen[id] {
			return badExtension(certificate, "extension "+id+", which is given twice")
		}
		seen[id] = true
		if extension.Critical && !processed(id) {
			return verdict.Doubt(verdict.ChainConstraintsFailure,
				"%s has the critical extension %s, which is not known here", subjectOf(certificate), id)
		}
	}
	return nil
}

func processed(id string) bool {
	switch id {
	case oidSubjectKeyID, oidKeyUsage, oidSubjectAltName, oidIssuerAltName, oidBasicConstraints, oidNameConstraints,
		oidDistributionPoints, oidPolicies, oidPolicyMappings, oidAuthorityKeyID, oidPolicyConstraints, oidExtKeyUsage,
		oidFreshestCRL, oidInhibitAnyPolicy, oidNoCheck:
		return true
	}
	return false
}

// extensionOf returns the value of an extension, nil when there is none.
func extensionOf(certificate *x509.Certificate, id string) (value []byte, critical bool) {
	for _, extension := range certificate.Extensions {
		if extension.Id.String() == id {
			return extension.Value, extension.Critical
		}
	}
	return nil, false
}

func badExtension(certificate *x509.Certificate, what string) *verdict.Problem {
	return verdict.Doubt(verdict.ChainConstraintsFailure, "%s has unusable %s", subjectOf(certificate), what)
}

// subjectOf names a certificate for a person.
func subjectOf(certificate *x509.Certificate) string {
	if certificate.Subject.CommonName != "" {
		return certificate.Subject.CommonName
	}
	return certificate.Subject.String()
}

// selfIssued reports whether issuer and subject are one name: such certificates
// carry a new key of an authority and do not count as a step of a path.
func selfIssued(certificate *x509.Certificate) bool {
	return bytes.Equal(certificate.RawIssuer, certificate.RawSubject) ||
		nameKey(certificate.RawIssuer) == nameKey(certificate.RawSubject)
}

// distributionPoint is where a revocation list is found and whose it is.
type distributionPoint struct {
	named   bool // it has a name of its own
	names   []generalName
	issuers []generalName // of an indirect list
	reasons reasonMask
}

// reasonMask holds the reasons a list speaks of; allReasons when it does not limit.
type reasonMask uint16

const allReasons reasonMask = 0x1ff // bits 0 to 8 of ReasonFlags

func (m *reasonMask) read(bits cryptobyte.String) bool {
	*m = 0
	if len(bits) < 1 || len(bits) > 3 {
		return false
	}
	for i := 0; i < 8*(len(bits)-1); i++ {
		if bits[1+i/8]&(0x80>>(i%8)) != 0 && i <= 8 {
			*m |= 1 << i
		}
	}
	return true
}

// readPointName reads a DistributionPointName; a relative one lies below the name of
// the issuer of the list.
func readPointName(from cryptobyte.String, issuer []byte) ([]generalName, bool) {
	var inner cryptobyte.String
	if from.PeekASN1Tag(tags.Tag(0).ContextSpecific().Constructed()) {
		return readNames(&from, tags.Tag(0).ContextSpecific().Constructed())
	}
	if !from.ReadASN1(&inner, tags.Tag(1).ContextSpecific().Constructed()) || !from.Empty() {
		return nil, false
	}
	outer, name := cryptobyte.String(issuer), cryptobyte.String(nil)
	if !outer.ReadASN1(&name, tags.SEQUENCE) {
		return nil, false
	}
	var b cryptobyte.Builder
	b.AddASN1(tags.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddBytes(name)
		b.AddASN1(tags.SET, func(b *cryptobyte.Builder) { b.AddBytes(inner) })
	})
	full, err := b.Bytes()
	return []generalName{{nameDirectory, full}}, err == nil
}

// readNames reads GeneralNames under a tag of their own.
func readNames(from *cryptobyte.String, tag tags.Tag) ([]generalName, bool) {
	var list cryptobyte.String
	var names []generalName
	if !from.ReadASN1(&list, tag) {
		return nil, false
	}
	for !list.Empty() {
		name, ok := readGeneralName(&list)
		if !ok || len(names) == maxNames {
			return nil, false
		}
		names = append(names, name)
	}
	return names, true
}

// pointsOf returns the distribution points of a certificate. One without any has
// the point that is its issuer (RFC 5280, 6.3.3).
func pointsOf(certificate *x509.Certificate) []distributionPoint {
	value, _ := extensionOf(certificate, oidDistributionPoints)
	own := []distributionPoint{{reasons: allReasons}}
	if value == nil {
		return own
	}
	input := cryptobyte.String(value)
	var list cryptobyte.String
	if !input.ReadASN1(&list, tags.SEQUENCE) {
		return own
	}
	var points []distributionPoint
	for !list.Empty() && len(points) < maxNames {
		var sequence cryptobyte.String
		if !list.ReadASN1(&sequence, tags.SEQUENCE) {
			return own
		}
		if point, ok := readPoint(sequence, certificate.RawIssuer); ok {
			points = append(points, point)
		}
	}
	return append(points, own...)
}

func readPoint(sequence cryptobyte.String, issuer []byte) (distributionPoint, bool) {
	p := distributionPoint{reasons: allReasons}
	var name, bits cryptobyte.String
	var hasReasons bool
	if !sequence.ReadOptionalASN1(&name, &p.named, tags.Tag(0).ContextSpecific().Constructed()) ||
		!sequence.ReadOptionalASN1(&bits, &hasReasons, tags.Tag(1).ContextSpecific()) ||
		hasReasons && !p.reasons.read(bits) {
		return p, false
	}
	issuersTag := tags.Tag(2).ContextSpecific().Constructed()
	var ok bool
	if sequence.PeekASN1Tag(issuersTag) {
		if p.issuers, ok = readNames(&sequence, issuersTag); !ok {
			return p, false
		}
		for _, other := range p.issuers { // a relative name lies below the issuer of the list
			if other.kind == nameDirectory {
				issuer = other.value
			}
		}
	}
	if p.named {
		if p.names, ok = readPointName(name, issuer); !ok {
			return p, false
		}
	}
	return p, sequence.Empty()
}
