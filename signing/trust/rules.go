package trust

import (
	"crypto/x509"
	"time"

	"github.com/lienthong/lienthong/signing/verdict"
)

// checkPath applies the rules of RFC 5280, 6.1 to a path whose links verified, all but
// times and revocation.
func (s *search) checkPath(path []*x509.Certificate) *verdict.Problem {
	names := constraints{}
	for i := len(path) - 1; i >= 0; i-- {
		certificate := path[i]
		if problem := s.checkKey(certificate); problem != nil {
			return problem
		}
		if problem := checkExtensions(certificate); problem != nil {
			return problem
		}
		if i == 0 || !selfIssued(certificate) {
			if problem := names.check(certificate); problem != nil {
				return problem
			}
		}
		if i == 0 {
			break
		}
		if problem := checkIssuer(certificate, path[1:i]); problem != nil {
			return problem
		}
		if problem := names.add(certificate); problem != nil {
			return problem
		}
	}
	return checkPolicies(path, s.Policies)
}

// checkIssuer requires an authority that may sign certificates; below holds the
// authorities between it and the signer.
func checkIssuer(issuer *x509.Certificate, below []*x509.Certificate) *verdict.Problem {
	name := subjectOf(issuer)
	if !issuer.BasicConstraintsValid || !issuer.IsCA {
		return verdict.Doubt(verdict.ChainConstraintsFailure, "%s is not a certification authority", name)
	}
	if issuer.KeyUsage != 0 && issuer.KeyUsage&x509.KeyUsageCertSign == 0 {
		return verdict.Doubt(verdict.ChainConstraintsFailure, "%s may not sign certificates", name)
	}
	limited := issuer.MaxPathLen > 0 || issuer.MaxPathLen == 0 && issuer.MaxPathLenZero
	depth := 0
	for _, certificate := range below {
		if !selfIssued(certificate) {
			depth++
		}
	}
	if limited && depth > issuer.MaxPathLen {
		return verdict.Doubt(verdict.ChainConstraintsFailure, "the path below %s is longer than it allows", name)
	}
	return nil
}

// checkValidities requires every certificate, and the trust in the anchor, to have
// been valid at the best signature time.
func (s *search) checkValidities(path []*x509.Certificate, anchor Anchor) *verdict.Problem {
	for i, certificate := range path {
		if problem := s.checkValidity(subjectOf(certificate), certificate.NotBefore, certificate.NotAfter, i == 0); problem != nil {
			return problem
		}
	}
	return s.checkValidity("the trust in "+subjectOf(anchor.Certificate), anchor.From, anchor.Until, false)
}

func (s *search) checkValidity(name string, from, until time.Time, signer bool) *verdict.Problem {
	at := s.best()
	switch {
	case at.Before(from) && signer && s.proven():
		return verdict.Fail(verdict.NotYetValid, "it existed at %s already, before %s became valid at %s",
			at.UTC().Format(time.RFC3339), name, from.UTC().Format(time.RFC3339))
	case at.Before(from):
		return verdict.Doubt(verdict.OutOfBoundsNoPOE, "%s is not valid before %s", name, from.UTC().Format(time.RFC3339))
	case at.After(until) && signer && s.NotOlder.After(until):
		return verdict.Fail(verdict.Expired, "it was made after %s, when %s had expired at %s",
			s.NotOlder.UTC().Format(time.RFC3339), name, until.UTC().Format(time.RFC3339))
	case at.After(until):
		return verdict.Doubt(verdict.OutOfBoundsNoPOE,
			"%s expired at %s and nothing proves that the signature is older", name, until.UTC().Format(time.RFC3339))
	}
	return nil
}

// checkSigner requires a certificate that may sign documents. Extended key usages
// are read tolerantly: real document certificates carry e-mail, client or vendor
// purposes, so only one made for nothing but servers, timestamps or OCSP answers
// is refused.
func checkSigner(signer *x509.Certificate) *verdict.Problem {
	const signing = x509.KeyUsageDigitalSignature | x509.KeyUsageContentCommitment
	switch {
	case signer.IsCA:
		return verdict.Doubt(verdict.ChainConstraintsFailure, "the signing certificate is one of a certification authority")
	case signer.KeyUsage != 0 && signer.KeyUsage&signing == 0:
		return verdict.Doubt(verdict.ChainConstraintsFailure, "the signing certificate may not sign documents (key usage)")
	case len(signer.ExtKeyUsage) > 0 && len(signer.UnknownExtKeyUsage) == 0 && onlyForeignPurposes(signer.ExtKeyUsage):
		return verdict.Doubt(verdict.ChainConstraintsFailure, "the signing certificate may not sign documents (extended key usage)")
	}
	return nil
}

func onlyForeignPurposes(usages []x509.ExtKeyUsage) bool {
	for _, usage := range usages {
		switch usage {
		case x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageTimeStamping, x509.ExtKeyUsageOCSPSigning:
		default:
			return false
		}
	}
	return true
}

// MayStamp requires a certificate for timestamps and nothing else, with a
// critical extended key usage (RFC 3161, 2.3).
func MayStamp(certificate *x509.Certificate) *verdict.Problem {
	name := subjectOf(certificate)
	switch {
	case certificate.IsCA:
		return verdict.Doubt(verdict.ChainConstraintsFailure, "the timestamp is signed by a certification authority, %s", name)
	case len(certificate.ExtKeyUsage) != 1 || certificate.ExtKeyUsage[0] != x509.ExtKeyUsageTimeStamping || len(certificate.UnknownExtKeyUsage) > 0:
		return verdict.Doubt(verdict.ChainConstraintsFailure, "the certificate of %s is not one for timestamps alone", name)
	case certificate.KeyUsage != 0 && certificate.KeyUsage&(x509.KeyUsageDigitalSignature|x509.KeyUsageContentCommitment) == 0:
		return verdict.Doubt(verdict.ChainConstraintsFailure, "the certificate of %s may not sign (key usage)", name)
	}
	if _, critical := extensionOf(certificate, oidExtKeyUsage); !critical {
		return verdict.Doubt(verdict.ChainConstraintsFailure, "the certificate of %s is not critically one for timestamps alone", name)
	}
	return nil
}

// checkSuite refuses a certificate that is signed with a weak algorithm or key. SHA-1
// is refused at any time: the standard library does not verify it.
func (s *search) checkSuite(certificate, issuer *x509.Certificate) *verdict.Problem {
	what := "the certificate of " + subjectOf(certificate)
	suite, ok := certificateSuite(certificate.SignatureAlgorithm, issuer.PublicKey)
	if !ok || suite.Digest == "SHA-1" || suite.Digest == "MD5" {
		return verdict.Weak(certificate.SignatureAlgorithm.String(), "%s is signed with %s, which is not accepted", what, certificate.SignatureAlgorithm)
	}
	return s.validator.options.Algorithms.check(suite, s.best(), s.proven(), what)
}

// checkKey refuses a key that is too weak or of a kind that is not accepted.
func (s *search) checkKey(certificate *x509.Certificate) *verdict.Problem {
	suite := Suite{Bits: bitsOf(certificate.PublicKey)}
	switch certificate.PublicKeyAlgorithm {
	case x509.RSA:
		suite.Scheme = "RSA"
	case x509.ECDSA:
		suite.Scheme = "ECDSA"
	case x509.Ed25519:
		suite.Scheme = "Ed25519"
	}
	return s.validator.options.Algorithms.check(suite, s.best(), s.proven(), "the key of "+subjectOf(certificate))
}
