package trust

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"time"

	"github.com/lienthong/lienthong/signing/verdict"
)

// Key sizes of ETSI TS 119 312 that are in force: RSA from 1900 bits is accepted
// there; certificates in use have 2048.
const (
	minRSABits   = 2048
	minCurveBits = 256
)

// checkPath applies the rules of RFC 5280, 6.1 to a path whose links verified.
func checkPath(path []*x509.Certificate, anchor Anchor, at time.Time) *verdict.Problem {
	for i, certificate := range path {
		if problem := checkKey(certificate); problem != nil {
			return problem
		}
		if problem := checkExtensions(certificate, i > 0); problem != nil {
			return problem
		}
		if i > 0 {
			if problem := checkIssuer(certificate, path[1:i]); problem != nil {
				return problem
			}
		}
	}
	for _, certificate := range path {
		if problem := checkValidity(certificate, certificate.NotBefore, certificate.NotAfter, at); problem != nil {
			return problem
		}
	}
	return checkValidity(anchor.Certificate, anchor.From, anchor.Until, at)
}

// checkIssuer requires an authority that may sign certificates; below holds the
// authorities between it and the signer.
func checkIssuer(issuer *x509.Certificate, below []*x509.Certificate) *verdict.Problem {
	name := issuer.Subject.CommonName
	if !issuer.BasicConstraintsValid || !issuer.IsCA {
		return verdict.Doubt(verdict.ChainConstraintsFailure, "%s is not a certification authority", name)
	}
	if issuer.KeyUsage != 0 && issuer.KeyUsage&x509.KeyUsageCertSign == 0 {
		return verdict.Doubt(verdict.ChainConstraintsFailure, "%s may not sign certificates", name)
	}
	limited := issuer.MaxPathLen > 0 || issuer.MaxPathLen == 0 && issuer.MaxPathLenZero
	depth := 0
	for _, certificate := range below {
		if !bytes.Equal(certificate.RawSubject, certificate.RawIssuer) { // self-issued do not count
			depth++
		}
	}
	if limited && depth > issuer.MaxPathLen {
		return verdict.Doubt(verdict.ChainConstraintsFailure, "the path below %s is longer than it allows", name)
	}
	return nil
}

// checkExtensions refuses what this version cannot honour.
func checkExtensions(certificate *x509.Certificate, authority bool) *verdict.Problem {
	name := certificate.Subject.CommonName
	if len(certificate.UnhandledCriticalExtensions) > 0 {
		return verdict.Doubt(verdict.ChainConstraintsFailure,
			"%s has the critical extension %s, which is not known here", name, certificate.UnhandledCriticalExtensions[0])
	}
	if !authority {
		return nil
	}
	nameConstraints := asn1.ObjectIdentifier{2, 5, 29, 30}
	policyConstraints := asn1.ObjectIdentifier{2, 5, 29, 36}
	for _, extension := range certificate.Extensions {
		if extension.Id.Equal(nameConstraints) || extension.Id.Equal(policyConstraints) {
			return verdict.Doubt(verdict.ChainConstraintsFailure,
				"%s has name or policy constraints, which are not processed at this level", name)
		}
	}
	return nil
}

func checkValidity(certificate *x509.Certificate, from, until, at time.Time) *verdict.Problem {
	name := certificate.Subject.CommonName
	switch {
	case at.Before(from):
		return verdict.Doubt(verdict.OutOfBoundsNoPOE, "%s is not valid before %s", name, from.UTC().Format(time.RFC3339))
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

// checkAlgorithm refuses a certificate that is signed with a weak algorithm; the
// standard library would not verify it either.
func checkAlgorithm(certificate *x509.Certificate) *verdict.Problem {
	switch certificate.SignatureAlgorithm {
	case x509.SHA256WithRSA, x509.SHA384WithRSA, x509.SHA512WithRSA,
		x509.SHA256WithRSAPSS, x509.SHA384WithRSAPSS, x509.SHA512WithRSAPSS,
		x509.ECDSAWithSHA256, x509.ECDSAWithSHA384, x509.ECDSAWithSHA512:
		return nil
	}
	return verdict.Doubt(verdict.CryptoConstraintsFailure,
		"the certificate of %s is signed with %s, which is not accepted", certificate.Subject.CommonName, certificate.SignatureAlgorithm)
}

// checkKey refuses a key that is too weak or of a kind that is not accepted.
func checkKey(certificate *x509.Certificate) *verdict.Problem {
	bits, least := 0, 1
	switch key := certificate.PublicKey.(type) {
	case *rsa.PublicKey:
		bits, least = key.N.BitLen(), minRSABits
	case *ecdsa.PublicKey:
		bits, least = key.Curve.Params().BitSize, minCurveBits
	}
	if bits < least {
		return verdict.Doubt(verdict.CryptoConstraintsFailure,
			"the key of %s (%s, %d bits) is not accepted", certificate.Subject.CommonName, certificate.PublicKeyAlgorithm, bits)
	}
	return nil
}
