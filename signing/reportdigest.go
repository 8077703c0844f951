package signing

import (
	"crypto/sha256"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/signing/jose"
)

// CanonicalReport returns a report in the form of RFC 8785. One without signatures has an
// empty list of them, as in the API.
func CanonicalReport(report *hub.SignatureReport) ([]byte, error) {
	whole := *report
	if whole.Signatures == nil {
		whole.Signatures = []hub.SignatureVerdict{}
	}
	return jose.Canonical(&whole)
}

// ReportDigest returns the SHA-256 of CanonicalReport: what receipts name a report by.
func ReportDigest(report *hub.SignatureReport) (hub.Digest, error) {
	canonical, err := CanonicalReport(report)
	if err != nil {
		return hub.Digest{}, err
	}
	return sha256.Sum256(canonical), nil
}
