package pdfsig

import (
	"crypto"
	"crypto/rsa"
	"crypto/x509"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/lienthong/lienthong/signing/verdict"
)

// subFilterOldRSA is the oldest form (ISO 32000-1, 12.8.3.2): a bare RSA value with
// SHA-1, and the certificates in the dictionary. It can prove a change, and is too
// weak to pass.
const subFilterOldRSA = "adbe.x509.rsa_sha1"

type oldForm struct {
	value        []byte
	certificates []*x509.Certificate // signer first
}

func (*oldForm) hash() crypto.Hash { return crypto.SHA1 }

func (s *signature) parseOldForm(der []byte) (*oldForm, *verdict.Problem) {
	var form oldForm
	input := cryptobyte.String(der)
	if !input.ReadASN1Bytes(&form.value, asn1.OCTET_STRING) || !input.Empty() {
		return nil, verdict.Fail(verdict.FormatFailure, "the signature value is malformed")
	}
	list, ok := s.dict["Cert"].(array)
	if !ok {
		list = array{s.dict["Cert"]}
	}
	for _, o := range list {
		t, ok := o.(*text)
		if !ok {
			continue
		}
		if certificate, err := x509.ParseCertificate(t.value); err == nil {
			form.certificates = append(form.certificates, certificate)
		}
	}
	if len(form.certificates) == 0 {
		return nil, verdict.Doubt(verdict.NoSigningCertificate, "the signing certificate is not in the signature")
	}
	return &form, nil
}

func (e *examination) judgeOldForm(c *candidate, s *verdict.Signature) {
	s.Algorithm, s.Level = "RSA with SHA-1", "legacy"
	s.Signer = c.old.certificates[0]
	s.Check("algorithms", s.Algorithm, verdict.Doubt(verdict.CryptoConstraintsFailure, "the signature uses SHA-1, which is not accepted"))
	key, ok := s.Signer.PublicKey.(*rsa.PublicKey)
	if !ok || rsa.VerifyPKCS1v15(key, c.old.hash(), c.job.sum, c.old.value) != nil {
		s.Check("signature value", "", verdict.Fail(verdict.SigCryptoFailure,
			"the signature value does not verify with the key of the signing certificate"))
	}
	e.options.Validator.Judge(s, e.pathCandidates(c.old.certificates), e.options.At)
}
