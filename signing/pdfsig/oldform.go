package pdfsig

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/x509"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/lienthong/lienthong/signing/verdict"
)

// The forms that stand on SHA-1 (ISO 32000-1, 12.8.3): a bare RSA value with the
// certificates in the dictionary, and a message that holds the digest of the
// document. They can prove a change, and are too weak to pass.
const (
	subFilterOldRSA    = "adbe.x509.rsa_sha1"
	subFilterOldDigest = "adbe.pkcs7.sha1"
)

type oldForm struct {
	value        []byte
	certificates []*x509.Certificate // signer first
}

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
	if !ok || rsa.VerifyPKCS1v15(key, crypto.SHA1, c.job.sum, c.old.value) != nil {
		s.Check("signature value", "", verdict.Fail(verdict.SigCryptoFailure,
			"the signature value does not verify with the key of the signing certificate"))
	}
	e.options.Validator.Judge(s, e.pathCandidates(c.old.certificates), e.options.At)
}

// checkContent compares the document with what the message was made for: with the
// digest inside of it, or with the signed one.
func (c *candidate) checkContent() *verdict.Problem {
	if c.gated.subFilter() != subFilterOldDigest {
		return c.message.CheckDigest(c.job.sum)
	}
	if !bytes.Equal(c.message.Content, c.job.sum) {
		return verdict.Fail(verdict.HashFailure, "the content is not the one that was signed: its digest differs")
	}
	hash, problem := c.message.Hash()
	if problem != nil {
		return problem
	}
	sum := hash.New()
	sum.Write(c.message.Content)
	return c.message.CheckDigest(sum.Sum(nil))
}

// checkStrength refuses algorithms that no longer protect a signature.
func (c *candidate) checkStrength() *verdict.Problem {
	if c.gated.subFilter() == subFilterOldDigest {
		return verdict.Doubt(verdict.CryptoConstraintsFailure, "the signature uses SHA-1, which is not accepted")
	}
	return c.message.CheckStrength()
}
