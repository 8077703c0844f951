package xmldsig

import (
	"bytes"
	"crypto/x509"

	"github.com/lienthong/lienthong/signing/c14n"
	"github.com/lienthong/lienthong/signing/verdict"
)

const maxCertificates = 16

// judgeSigner identifies the signer, checks the value with its key, and has its path
// judged.
func (v *verification) judgeSigner(p *properties) {
	s := &v.result
	along := &v.detail.Material
	bag, problem := readCertificates(v.block.keyInfo)
	switch {
	case problem != nil || len(bag) > 0:
		along.Certificates = append(bag, along.Certificates...)
	case p != nil && len(along.Certificates) > 0: // the signed reference tells them apart
		bag = along.Certificates
	default:
		problem = verdict.Doubt(verdict.NoSigningCertificate, "the XML signature carries no certificate")
	}
	if !s.Check("key", "from certificates only", problem) {
		return
	}
	if p != nil {
		s.Signer, problem = p.signer(bag)
	} else {
		s.Signer, problem = v.signerByKey(bag)
	}
	s.Check("signer", "one certificate", problem)
	if s.Signer == nil {
		return
	}
	sound := s.Check("signature value", "verifies with the key of the signing certificate", v.checkValue(s.Signer))
	var stamps []verdict.Stamp
	if p != nil {
		v.checkProperties(p)
		stamps = v.judgeTokens(p, sound)
	}
	v.options.Judge(s, *along, stamps)
	s.Raise(stamps)
}

// readCertificates reads the certificates of KeyInfo. A key value beside them is
// ignored: a key without a certificate names nobody. A pointer to a key is refused,
// because another reader may follow it.
func readCertificates(keyInfo *c14n.Element) ([]*x509.Certificate, *verdict.Problem) {
	if keyInfo == nil {
		return nil, nil
	}
	var bag []*x509.Certificate
	for _, data := range keyInfo.Elements() {
		if data.Local == "RetrievalMethod" || data.Local == "KeyInfoReference" {
			return nil, verdict.Doubt(verdict.NoSigningCertificate, "the key of the XML signature is a pointer to elsewhere, which is not followed")
		}
		if !named(data, "X509Data") {
			continue
		}
		for _, e := range data.Elements() {
			if !named(e, "X509Certificate") {
				continue
			}
			der, ok := base64Text(e)
			certificate, err := x509.ParseCertificate(der)
			if !ok || err != nil || len(bag) == maxCertificates {
				return nil, verdict.Doubt(verdict.NoSigningCertificate, "a certificate of the XML signature cannot be read, or there are too many")
			}
			bag = append(bag, certificate)
		}
	}
	return bag, nil
}

// signerByKey returns the one certificate whose key made the value, where nothing signed
// says which it is. Two certificates of one key leave it open whose the signature is.
func (v *verification) signerByKey(bag []*x509.Certificate) (*x509.Certificate, *verdict.Problem) {
	var found, unsure *x509.Certificate
	for _, certificate := range bag {
		if found != nil && found.Equal(certificate) {
			continue
		}
		switch problem := v.checkValue(certificate); {
		case problem == nil && found != nil:
			return nil, verdict.Doubt(verdict.NoSigningCertificate, "several certificates of one key come with the XML signature, and nothing signed says whose it is")
		case problem == nil:
			found = certificate
		case problem.Indication == verdict.Indeterminate: // it may be this one: its key cannot be used
			unsure = certificate
		}
	}
	switch {
	case found != nil:
		return found, nil
	case unsure != nil:
		return unsure, nil
	}
	return onlySigner(bag)
}

// onlySigner returns the one certificate that is no authority, to say of it that the
// value is not its own. Copies of the same bytes count once.
func onlySigner(bag []*x509.Certificate) (*x509.Certificate, *verdict.Problem) {
	var found *x509.Certificate
	for _, certificate := range bag {
		if certificate.IsCA || found != nil && found.Equal(certificate) {
			continue
		}
		if found != nil {
			return nil, verdict.Doubt(verdict.NoSigningCertificate, "several certificates come with the XML signature, and nothing signed says whose it is")
		}
		found = certificate
	}
	if found == nil {
		found = bag[0] // an authority: the path will say that it may not
	}
	return found, nil
}

// judgeTokens hands out the signature timestamps and returns those that count; none
// where the value that they stamp is not sound.
func (v *verification) judgeTokens(p *properties, sound bool) []verdict.Stamp {
	for _, token := range p.tokens {
		stamped, ok := v.stamped(token)
		if !ok {
			v.result.Skip("signature timestamp", "present, but of a form that is not supported")
			continue
		}
		v.detail.Tokens = append(v.detail.Tokens, verdict.Token{DER: token.der, Stamped: stamped})
	}
	stamps := v.result.JudgeTokens(v.detail.Tokens, v.options.Tokens, v.detail.Material)
	if !sound {
		return nil
	}
	return stamps
}

// stamped returns what a signature timestamp is made over: the canonical
// SignatureValue element.
func (v *verification) stamped(token stamp) ([]byte, bool) {
	var b bytes.Buffer
	if !token.supported || v.document.Write(&limited{&b, &v.budget}, v.block.valueAt, nil, token.method) != nil {
		return nil, false
	}
	return b.Bytes(), true
}
