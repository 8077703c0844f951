package signing

import (
	"crypto/sha256"
	"crypto/x509"
	"fmt"
	"strings"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/signing/verdict"
)

// toHub turns a finding of the rooms into the type of the report.
func toHub(s *verdict.Signature) hub.SignatureVerdict {
	v := hub.SignatureVerdict{
		Field:       s.Field,
		Format:      s.Format,
		Level:       s.Level,
		Indication:  hub.Indication(s.Indication()),
		Algorithm:   s.Algorithm,
		ClaimedAt:   claimed(s.Claimed),
		ProvenAt:    s.Proven,
		CoversWhole: s.CoversWhole,
		Revision:    s.Revision,
		Revisions:   s.Revisions,
	}
	if s.Problem != nil {
		v.Sub, v.Reason = hub.SubReason(s.Problem.Sub), s.Problem.Reason
		describeProblem(&v, s.Problem)
	}
	if s.Signer != nil {
		describeSigner(&v, s.Signer)
	}
	for _, certificate := range s.Chain {
		v.Chain = append(v.Chain, hub.Digest(sha256.Sum256(certificate.Raw)))
	}
	if len(s.Chain) > 0 {
		v.Anchor = nameOf(s.Chain[len(s.Chain)-1].Subject.CommonName, s.Chain[len(s.Chain)-1].Subject.String())
	}
	for _, check := range s.Checks {
		v.Checks = append(v.Checks, hub.Check(check))
	}
	return v
}

// claimed drops a claim that JSON cannot say, such as the last evening of the year 9999
// west of Greenwich: it must not keep the report from being written.
func claimed(at time.Time) time.Time {
	if at = at.UTC(); at.Year() < 0 || at.Year() > 9999 {
		return time.Time{}
	}
	return at
}

// describeProblem adds what the standard wants to be said of a revocation, or of an
// algorithm that is not relied upon (ETSI TS 119 102-1, 5.1.3).
func describeProblem(v *hub.SignatureVerdict, p *verdict.Problem) {
	if r := p.Revocation; r != nil {
		v.Revocation = &hub.RevocationStatus{
			Certificate: sha256.Sum256(r.Certificate.Raw), Subject: nameOf(r.Certificate.Subject.CommonName, r.Certificate.Subject.String()),
			At: r.At, Reason: hub.RevocationReason(r.Reason),
		}
	}
	switch {
	case p.Crypto != nil:
		v.Crypto = &hub.CryptoStatus{Algorithm: p.Crypto.Algorithm, SecureUntil: p.Crypto.Until}
	case (v.Sub == hub.SubCryptoConstraintsFailure || v.Sub == hub.SubCryptoConstraintsNoPOE) && v.Algorithm != "":
		v.Crypto = &hub.CryptoStatus{Algorithm: v.Algorithm}
	}
}

func describeSigner(v *hub.SignatureVerdict, signer *x509.Certificate) {
	v.Signer = nameOf(signer.Subject.CommonName, signer.Subject.String())
	v.Organization = strings.Join(append(append([]string{}, signer.Subject.Organization...), signer.Subject.OrganizationalUnit...), ", ")
	v.Issuer = nameOf(signer.Issuer.CommonName, signer.Issuer.String())
	v.Serial = signer.SerialNumber.Text(16)
	v.Certificate = sha256.Sum256(signer.Raw)
	for _, name := range signer.Subject.Names {
		v.Subject = append(v.Subject, attributeName(name.Type.String())+"="+fmt.Sprint(name.Value))
	}
}

// attributeName is the short name of an attribute (RFC 4514, ETSI EN 319 412-1), or its
// number.
func attributeName(oid string) string {
	switch oid {
	case "2.5.4.3":
		return "CN"
	case "2.5.4.5":
		return "serialNumber"
	case "2.5.4.6":
		return "C"
	case "2.5.4.7":
		return "L"
	case "2.5.4.8":
		return "ST"
	case "2.5.4.10":
		return "O"
	case "2.5.4.11":
		return "OU"
	case "2.5.4.12":
		return "T"
	case "2.5.4.97":
		return "organizationIdentifier"
	case "0.9.2342.19200300.100.1.1":
		return "UID"
	}
	return oid
}

// nameOf prefers the common name; some authorities have none.
func nameOf(common, full string) string {
	if common != "" {
		return common
	}
	return full
}
