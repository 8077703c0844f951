package tsp

import (
	"crypto/x509"
	"encoding/asn1"

	"github.com/lienthong/lienthong/signing/verdict"
)

// checkPurpose requires a certificate for timestamps and nothing else, with a
// critical extended key usage (RFC 3161, 2.3).
func checkPurpose(certificate *x509.Certificate) *verdict.Problem {
	name := certificate.Subject.CommonName
	switch {
	case certificate.IsCA:
		return verdict.Doubt(verdict.ChainConstraintsFailure, "the timestamp is signed by a certification authority, %s", name)
	case len(certificate.ExtKeyUsage) != 1 || certificate.ExtKeyUsage[0] != x509.ExtKeyUsageTimeStamping || len(certificate.UnknownExtKeyUsage) > 0:
		return verdict.Doubt(verdict.ChainConstraintsFailure, "the certificate of %s is not one for timestamps alone", name)
	case certificate.KeyUsage != 0 && certificate.KeyUsage&(x509.KeyUsageDigitalSignature|x509.KeyUsageContentCommitment) == 0:
		return verdict.Doubt(verdict.ChainConstraintsFailure, "the certificate of %s may not sign (key usage)", name)
	}
	for _, extension := range certificate.Extensions {
		if extension.Id.Equal(asn1.ObjectIdentifier{2, 5, 29, 37}) && extension.Critical {
			return nil
		}
	}
	return verdict.Doubt(verdict.ChainConstraintsFailure, "the certificate of %s is not critically one for timestamps alone", name)
}
