package xmldsig

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/asn1"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/lienthong/lienthong/signing/c14n"
	"github.com/lienthong/lienthong/signing/verdict"
)

const (
	xades132       = "http://uri.etsi.org/01903/v1.3.2#"
	xades141       = "http://uri.etsi.org/01903/v1.4.1#"
	typeProperties = "http://uri.etsi.org/01903#SignedProperties"

	maxTokens = 8
	maxValues = 64 // certificates, CRLs and OCSP answers each
)

// properties are those of XAdES (ETSI EN 319 132-1).
type properties struct {
	signed      *c14n.Element // SignedProperties
	proven      bool          // its digest is right, so that what it says was signed
	problem     *verdict.Problem
	certificate *c14n.Element // Cert of the signing certificate; nil when absent
	second      bool          // it is SigningCertificateV2
	claimed     time.Time
	policy      string // identifier of a signature policy
	formats     []*c14n.Element
	tokens      []stamp
	archived    bool
}

// stamp is a signature timestamp as it stands in the document.
type stamp struct {
	der       []byte
	method    c14n.Method
	supported bool
}

// isProperties reports whether an Object holds the properties of a signature alone.
func isProperties(object *c14n.Element) bool {
	children, ok := parts(object)
	return ok && len(children) == 1 && children[0].Local == "QualifyingProperties" &&
		(children[0].Space == xades132 || strings.HasPrefix(children[0].Space, "http://uri.etsi.org/01903/"))
}

// readProperties reads the properties; nil when the signature has none.
func (v *verification) readProperties() *properties {
	var all []*c14n.Element
	for _, object := range v.block.objects {
		for _, child := range object.Elements() {
			if child.Local == "QualifyingProperties" {
				all = append(all, child)
			}
		}
	}
	if len(all) == 0 {
		if i := v.propertiesReference(); i >= 0 { // the properties were taken away
			return &properties{problem: verdict.Doubt(verdict.SignedDataNotFound, "the signed properties are not inside of the signature")}
		}
		return nil
	}
	p := &properties{}
	if len(all) > 1 {
		p.problem = verdict.Doubt(verdict.FormatFailure, "the signature has properties more than once")
		return p
	}
	p.problem = v.bind(p, all[0])
	if p.signed != nil {
		p.readSigned()
	}
	v.readUnsigned(p, all[0])
	return p
}

// propertiesReference returns the index of the reference that says it leads to the
// signed properties, or -1.
func (v *verification) propertiesReference() int {
	return slices.IndexFunc(v.block.references, func(r reference) bool { return r.kind == typeProperties })
}

// bind requires that one reference leads to the SignedProperties of this signature and
// no other element that only looks the same.
func (v *verification) bind(p *properties, qualifying *c14n.Element) *verdict.Problem {
	if qualifying.Space != xades132 {
		return unsupported("the properties of the signature are of a version that is not supported")
	}
	target, _ := qualifying.Attribute("Target")
	if id, _ := v.element.Attribute("Id"); target != "#"+id || id == "" {
		return verdict.Doubt(verdict.FormatFailure, "the properties are said to be of another signature")
	}
	p.signed = qualifying.Child(xades132, "SignedProperties")
	i := v.propertiesReference()
	if i < 0 || p.signed == nil {
		return verdict.Doubt(verdict.SignedDataNotFound, "the properties of the signature are not signed")
	}
	led, problem := v.target(&v.block.references[i])
	if problem != nil || led != p.signed {
		return verdict.Doubt(verdict.SignedDataNotFound, "the signed properties are not those of the signature")
	}
	p.proven = v.isCovered(p.signed)
	return nil
}

func (p *properties) readSigned() {
	if data := p.signed.Child(xades132, "SignedDataObjectProperties"); data != nil {
		for _, e := range data.Elements() {
			if e.Is(xades132, "DataObjectFormat") {
				p.formats = append(p.formats, e)
			}
		}
	}
	about := p.signed.Child(xades132, "SignedSignatureProperties")
	if about == nil {
		return
	}
	if e := about.Child(xades132, "SigningTime"); e != nil {
		text, _ := e.PlainText()
		p.claimed, _ = time.Parse(time.RFC3339, strings.TrimSpace(text)) // a claim: one that is no time claims nothing
	}
	for _, name := range []string{"SigningCertificate", "SigningCertificateV2"} {
		if e := about.Child(xades132, name); e != nil {
			p.certificate, p.second = e.Child(xades132, "Cert"), name == "SigningCertificateV2"
		}
	}
	if e := about.Child(xades132, "SignaturePolicyIdentifier"); e != nil && e.Child(xades132, "SignaturePolicyImplied") == nil {
		p.policy = "named by the signer"
	}
}

// signer returns the certificate of the bag that the signer signed the digest of.
func (p *properties) signer(bag []*x509.Certificate) (*x509.Certificate, *verdict.Problem) {
	fallback, problem := onlySigner(bag)
	switch {
	case p.problem != nil:
		return fallback, p.problem
	case p.certificate == nil:
		return fallback, verdict.Doubt(verdict.SigConstraintsFailure, "the signed properties do not say whose certificate it is")
	case !p.proven:
		return fallback, problem // the digest of the properties differs: this is told already
	}
	for _, certificate := range bag {
		if names(p.certificate, certificate, p.second) {
			return certificate, nil
		}
	}
	return nil, verdict.Doubt(verdict.NoSigningCertificate, "no certificate of the XML signature is the one that the signer named")
}

// names compares a signed reference with a certificate: its digest and, where given,
// issuer and serial number.
func names(cert *c14n.Element, certificate *x509.Certificate, second bool) bool {
	digest := cert.Child(xades132, "CertDigest")
	if digest == nil {
		return false
	}
	method, value := digest.Child(namespace, "DigestMethod"), digest.Child(namespace, "DigestValue")
	if method == nil || value == nil {
		return false
	}
	uri, _ := method.Attribute("Algorithm")
	hash := digestOf(uri)
	sum, ok := base64Text(value)
	if hash == 0 || !ok {
		return false
	}
	h := hash.New()
	h.Write(certificate.Raw)
	if !bytes.Equal(h.Sum(nil), sum) {
		return false
	}
	if second {
		e := cert.Child(xades132, "IssuerSerialV2")
		return e == nil || namesIssuerSerial(e, certificate)
	}
	e := cert.Child(xades132, "IssuerSerial")
	return e == nil || namesSerial(e, certificate)
}

// namesSerial compares the serial number. The name beside it has no form that could be
// compared: signers write it in many ways. The digest decides.
func namesSerial(e *c14n.Element, certificate *x509.Certificate) bool {
	number := e.Child(namespace, "X509SerialNumber")
	if number == nil {
		return false
	}
	text, _ := number.PlainText()
	serial, ok := new(big.Int).SetString(strings.TrimSpace(text), 10)
	return ok && serial.Cmp(certificate.SerialNumber) == 0
}

// namesIssuerSerial compares the DER form (RFC 5035).
func namesIssuerSerial(e *c14n.Element, certificate *x509.Certificate) bool {
	der, ok := base64Text(e)
	var value struct {
		Issuer []asn1.RawValue
		Serial *big.Int
	}
	rest, err := asn1.Unmarshal(der, &value)
	if !ok || err != nil || len(rest) > 0 || len(value.Issuer) != 1 || value.Issuer[0].Tag != 4 {
		return false
	}
	return bytes.Equal(value.Issuer[0].Bytes, certificate.RawIssuer) && value.Serial.Cmp(certificate.SerialNumber) == 0
}

// checkProperties takes over what was signed and names the level.
func (v *verification) checkProperties(p *properties) {
	s := &v.result
	s.Format = "XAdES"
	if !p.proven || p.problem != nil {
		return
	}
	s.Claimed = p.claimed.UTC()
	s.Check("data formats", "each is that of a reference", v.checkFormats(p.formats))
	if p.policy != "" {
		s.Skip("signature policy", p.policy+", not evaluated")
	}
	if p.certificate != nil && p.second && !p.claimed.IsZero() {
		s.Level = "B-B"
	}
	if p.archived {
		s.Skip("archive timestamp", "present, not evaluated")
	}
	if hash := certDigest(p.certificate); hash != 0 {
		s.Check("signing certificate reference", "", checkStrength(hash, "the reference to the signing certificate"))
	}
}

func certDigest(cert *c14n.Element) crypto.Hash {
	if cert == nil {
		return 0
	}
	if digest := cert.Child(xades132, "CertDigest"); digest != nil {
		if method := digest.Child(namespace, "DigestMethod"); method != nil {
			uri, _ := method.Attribute("Algorithm")
			return digestOf(uri)
		}
	}
	return 0
}

// checkFormats requires that a declared format is that of a signed reference: it tells
// readers what to take the data for.
func (v *verification) checkFormats(formats []*c14n.Element) *verdict.Problem {
	for _, format := range formats {
		to, _ := format.Attribute("ObjectReference")
		id, local := strings.CutPrefix(to, "#")
		if !local || !slices.ContainsFunc(v.block.references, func(r reference) bool { return r.id == id && id != "" }) {
			return unsupported("a data format of the signed properties is of no reference")
		}
	}
	return nil
}
