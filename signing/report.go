package signing

import (
	"crypto/sha256"
	"crypto/x509"
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
}

// nameOf prefers the common name; some authorities have none.
func nameOf(common, full string) string {
	if common != "" {
		return common
	}
	return full
}
