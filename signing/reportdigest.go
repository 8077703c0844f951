package signing

import (
	"crypto/sha256"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/signing/jose"
)

// ReportDigest returns the SHA-256 of a report in the form of RFC 8785: what receipts
// name it by. A report without signatures has an empty list of them, as in the API.
func ReportDigest(report *hub.SignatureReport) (hub.Digest, error) {
	whole := *report
	if whole.Signatures == nil {
		whole.Signatures = []hub.SignatureVerdict{}
	}
	canonical, err := jose.Canonical(&whole)
	if err != nil {
		return hub.Digest{}, err
	}
	return sha256.Sum256(canonical), nil
}
