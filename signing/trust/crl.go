package trust

import (
	"crypto/sha256"
	"crypto/x509"
	"math/big"
	"time"

	"golang.org/x/crypto/cryptobyte"
	tags "golang.org/x/crypto/cryptobyte/asn1"
)

// MaxCRL is the largest revocation list that is read, in bytes: the lists of a large
// authority with some hundred thousand entries fit.
const MaxCRL = 64 << 20

// The extensions of lists and their entries.
const (
	oidCRLNumber           = "2.5.29.20"
	oidReasonCode          = "2.5.29.21"
	oidInvalidityDate      = "2.5.29.24"
	oidDeltaIndicator      = "2.5.29.27"
	oidIssuingPoint        = "2.5.29.28"
	oidCertificateIssuer   = "2.5.29.29"
	oidAuthorityInfoAccess = "1.3.6.1.5.5.7.1.1"
)

// The reasons of RFC 5280, 5.3.1, that are treated on their own.
const (
	reasonHold   = 6
	reasonRemove = 8
)

// reasonName is the name of a reason (RFC 5280, 5.3.1); a number that has none is
// unspecified.
func reasonName(reason int) string {
	names := [...]string{
		"unspecified", "keyCompromise", "cACompromise", "affiliationChanged", "superseded", "cessationOfOperation",
		"certificateHold", "unspecified", "removeFromCRL", "privilegeWithdrawn", "aACompromise",
	}
	if reason < 0 || reason >= len(names) {
		return names[0]
	}
	return names[reason]
}

// crl is a parsed revocation list.
type crl struct {
	list    *x509.RevocationList
	issuer  string // key of the name
	digest  [32]byte
	usable  bool // no critical extension that is not known
	number  *big.Int
	base    *big.Int // of a delta list; nil for a complete one
	scope   issuingPoint
	entries map[entryKey]entry
}

// entryKey names a certificate; the issuer is empty when it is that of the list.
type entryKey struct{ issuer, serial string }

type entry struct {
	at         time.Time
	reason     int
	invalidity time.Time // zero when not said
}

// issuingPoint is the IssuingDistributionPoint of a list (RFC 5280, 5.2.5).
type issuingPoint struct {
	raw                                      string // equal for lists of one scope
	named, onlyUsers, onlyCAs, onlyAttribute bool
	indirect                                 bool
	names                                    []generalName
	reasons                                  reasonMask
}

// parseCRL reads a list. A list that cannot be used for anything is nil.
func parseCRL(der []byte) *crl {
	if len(der) > MaxCRL {
		return nil
	}
	list, err := x509.ParseRevocationList(der)
	if err != nil {
		return nil
	}
	c := &crl{
		list: list, issuer: nameKey(list.RawIssuer), digest: sha256.Sum256(der), usable: true,
		number: list.Number, scope: issuingPoint{reasons: allReasons},
	}
	for _, extension := range list.Extensions {
		switch extension.Id.String() {
		case oidIssuingPoint:
			if c.scope, c.usable = readIssuingPoint(extension.Value, list.RawIssuer); !c.usable {
				return nil
			}
		case oidDeltaIndicator:
			input := cryptobyte.String(extension.Value)
			c.base = new(big.Int)
			if !input.ReadASN1Integer(c.base) || !input.Empty() {
				return nil
			}
		case oidCRLNumber, oidAuthorityKeyID, oidIssuerAltName, oidFreshestCRL, oidAuthorityInfoAccess:
		default:
			c.usable = c.usable && !extension.Critical
		}
	}
	c.readEntries()
	c.list = &x509.RevocationList{ // without the entries, which are indexed now and many
		Issuer: list.Issuer, ThisUpdate: list.ThisUpdate, NextUpdate: list.NextUpdate, AuthorityKeyId: list.AuthorityKeyId,
		RawTBSRevocationList: list.RawTBSRevocationList, SignatureAlgorithm: list.SignatureAlgorithm, Signature: list.Signature,
	}
	return c
}

// readEntries indexes the entries. In an indirect list an entry speaks of the issuer
// of the one before until it names another (RFC 5280, 5.3.3).
func (c *crl) readEntries() {
	c.entries = make(map[entryKey]entry, len(c.list.RevokedCertificateEntries))
	issuer := ""
	for i := range c.list.RevokedCertificateEntries {
		listed := &c.list.RevokedCertificateEntries[i]
		e := entry{at: listed.RevocationTime.UTC(), reason: listed.ReasonCode}
		for _, extension := range listed.Extensions {
			switch extension.Id.String() {
			case oidReasonCode:
			case oidInvalidityDate:
				input := cryptobyte.String(extension.Value)
				_ = input.ReadASN1GeneralizedTime(&e.invalidity) // zero when it cannot be read
			case oidCertificateIssuer:
				name, ok := readCertificateIssuer(extension.Value)
				if !ok {
					c.usable = false
				}
				issuer = name
			default:
				c.usable = c.usable && !extension.Critical
			}
		}
		if issuer == c.issuer {
			issuer = ""
		}
		c.entries[entryKey{issuer, listed.SerialNumber.String()}] = e
	}
}

func readCertificateIssuer(value []byte) (string, bool) {
	input := cryptobyte.String(value)
	names, ok := readNames(&input, tags.SEQUENCE)
	for _, name := range names {
		if ok && name.kind == nameDirectory {
			return nameKey(name.value), true
		}
	}
	return "", false
}

func readIssuingPoint(value, issuer []byte) (issuingPoint, bool) {
	p := issuingPoint{reasons: allReasons, raw: string(value)}
	input := cryptobyte.String(value)
	var sequence, name, bits cryptobyte.String
	var hasReasons bool
	if !input.ReadASN1(&sequence, tags.SEQUENCE) || !input.Empty() ||
		!sequence.ReadOptionalASN1(&name, &p.named, tags.Tag(0).ContextSpecific().Constructed()) ||
		!readFlag(&sequence, 1, &p.onlyUsers) || !readFlag(&sequence, 2, &p.onlyCAs) ||
		!sequence.ReadOptionalASN1(&bits, &hasReasons, tags.Tag(3).ContextSpecific()) ||
		hasReasons && !p.reasons.read(bits) ||
		!readFlag(&sequence, 4, &p.indirect) || !readFlag(&sequence, 5, &p.onlyAttribute) || !sequence.Empty() {
		return p, false
	}
	var ok = true
	if p.named {
		p.names, ok = readPointName(name, issuer)
	}
	return p, ok
}

// readFlag reads an implicitly tagged boolean that is false when it is not there.
func readFlag(from *cryptobyte.String, tag uint8, out *bool) bool {
	var content cryptobyte.String
	var has bool
	if !from.ReadOptionalASN1(&content, &has, tags.Tag(tag).ContextSpecific()) || has && len(content) != 1 {
		return false
	}
	*out = has && content[0] != 0
	return true
}

// speaksOf reports whether the list is about a certificate in the way that one of its
// distribution points says (RFC 5280, 6.3.3 b), and about which reasons.
func (c *crl) speaksOf(certificate *x509.Certificate, point distributionPoint) (reasonMask, bool) {
	s := &c.scope
	if s.onlyAttribute || s.onlyUsers && certificate.IsCA || s.onlyCAs && !certificate.IsCA {
		return 0, false
	}
	issuers := point.issuers
	if len(issuers) == 0 {
		if c.issuer != nameKey(certificate.RawIssuer) {
			return 0, false
		}
		issuers = []generalName{{nameDirectory, certificate.RawIssuer}}
	} else if !c.isIssuedBy(issuers) || !s.indirect && c.issuer != nameKey(certificate.RawIssuer) {
		return 0, false
	}
	if s.named {
		want := issuers
		if point.named {
			want = point.names
		}
		if !share(want, s.names) {
			return 0, false
		}
	}
	return point.reasons & s.reasons, true
}

func (c *crl) isIssuedBy(names []generalName) bool {
	for _, name := range names {
		if name.kind == nameDirectory && nameKey(name.value) == c.issuer {
			return true
		}
	}
	return false
}

// share reports whether two lists have a name in common.
func share(a, b []generalName) bool {
	for _, x := range a {
		for _, y := range b {
			if x.kind != y.kind {
				continue
			}
			if string(x.value) == string(y.value) || x.kind == nameDirectory && nameKey(x.value) == nameKey(y.value) {
				return true
			}
		}
	}
	return false
}

// find returns the entry of a certificate.
func (c *crl) find(certificate *x509.Certificate) (entry, bool) {
	key := entryKey{serial: certificate.SerialNumber.String()}
	if issuer := nameKey(certificate.RawIssuer); issuer != c.issuer {
		key.issuer = issuer
	}
	e, ok := c.entries[key]
	return e, ok
}

// extends reports whether a delta list can be put upon a complete one (RFC 5280,
// 5.2.4): one issuer, key and scope, and nothing missing between them.
func (c *crl) extends(complete *crl) bool {
	return c.base != nil && complete.base == nil && c.usable && c.issuer == complete.issuer &&
		c.scope.raw == complete.scope.raw && c.number != nil && complete.number != nil &&
		string(c.list.AuthorityKeyId) == string(complete.list.AuthorityKeyId) &&
		complete.number.Cmp(c.base) >= 0 && c.number.Cmp(complete.number) > 0
}
