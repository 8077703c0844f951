package signing

import (
	"crypto/sha256"
	"crypto/x509"
	"fmt"
	"strings"

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
		ClaimedAt:   s.Claimed,
		ProvenAt:    s.Proven,
		CoversWhole: s.CoversWhole,
		Revision:    s.Revision,
		Revisions:   s.Revisions,
	}
	if s.Problem != nil {
		v.Sub, v.Reason = hub.SubReason(s.Problem.Sub), s.Problem.Reason
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
