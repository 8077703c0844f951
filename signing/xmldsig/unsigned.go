package xmldsig

import (
	"crypto/x509"

	"github.com/lienthong/lienthong/signing/c14n"
)

// readUnsigned reads timestamps and validation data. Nobody signed which of them are
// there: each proves itself or nothing.
func (v *verification) readUnsigned(p *properties, qualifying *c14n.Element) {
	unsigned := qualifying.Child(xades132, "UnsignedProperties")
	if unsigned == nil {
		return
	}
	about := unsigned.Child(xades132, "UnsignedSignatureProperties")
	if about == nil {
		return
	}
	for _, e := range about.Elements() {
		switch {
		case e.Is(xades132, "SignatureTimeStamp") && len(p.tokens) < maxTokens:
			p.tokens = append(p.tokens, readStamp(e))
		case e.Is(xades132, "CertificateValues"), e.Is(xades141, "TimeStampValidationData"), e.Is(xades132, "RevocationValues"):
			v.readValues(e)
		case e.Is(xades141, "ArchiveTimeStamp"), e.Is(xades132, "ArchiveTimeStamp"):
			p.archived = true
		}
	}
}

// readStamp reads one token and how the value under it is made canonical.
func readStamp(e *c14n.Element) stamp {
	s := stamp{supported: true}
	found := 0
	for _, child := range e.Elements() {
		switch {
		case named(child, "CanonicalizationMethod"):
			method, problem := readCanonicalizer(child)
			s.method, s.supported = method, s.supported && problem == nil
		case child.Is(xades132, "EncapsulatedTimeStamp"):
			var ok bool
			s.der, ok = base64Text(child)
			found++
			s.supported = s.supported && ok
		default:
			s.supported = false // an Include or an XML timestamp
		}
	}
	s.supported = s.supported && found == 1
	return s
}

// readValues collects certificates, CRLs and OCSP answers, wherever they stand below.
func (v *verification) readValues(e *c14n.Element) {
	m := &v.detail.Material
	e.Walk(func(value *c14n.Element) bool {
		if value.Space != xades132 {
			return true
		}
		switch value.Local {
		case "EncapsulatedX509Certificate":
			der, _ := base64Text(value)
			if certificate, err := x509.ParseCertificate(der); err == nil && len(m.Certificates) < maxValues {
				m.Certificates = append(m.Certificates, certificate)
			}
		case "EncapsulatedCRLValue":
			if der, ok := base64Text(value); ok && len(m.CRLs) < maxValues {
				m.CRLs = append(m.CRLs, der)
			}
		case "EncapsulatedOCSPValue":
			if der, ok := base64Text(value); ok && len(m.OCSPs) < maxValues {
				m.OCSPs = append(m.OCSPs, der)
			}
		}
		return true
	})
}
