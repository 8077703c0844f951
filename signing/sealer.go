package signing

import (
	"context"
	"crypto"
	"crypto/sha256"
	"crypto/x509"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/signing/jose"
)

// Sealer makes evidences canonical and signs them with the key of the hub. It is
// safe for concurrent use when its key is.
type Sealer struct {
	signer *jose.Signer
}

// NewSealer returns a sealer for a P-256 key and its certificates, signer first.
func NewSealer(key crypto.Signer, chain []*x509.Certificate) (*Sealer, error) {
	signer, err := jose.NewSigner(key, chain)
	if err != nil {
		return nil, hub.Internal("set up the evidence key", err)
	}
	return &Sealer{signer: signer}, nil
}

// SealEvidence returns the evidence with its RFC 8785 bytes, their SHA-256 and a
// detached ES256 signature over them. The claimed signing time is the time of the
// event. Nothing is stored: a seal proves nothing before its evidence is.
func (s *Sealer) SealEvidence(ctx context.Context, evidence hub.Evidence) (hub.SealedEvidence, error) {
	if err := ctx.Err(); err != nil {
		return hub.SealedEvidence{}, err
	}
	canonical, err := jose.Canonical(evidence)
	if err != nil {
		return hub.SealedEvidence{}, hub.Internal("make an evidence canonical", err)
	}
	token, err := s.signer.SignDetached(canonical, evidence.Time)
	if err != nil {
		return hub.SealedEvidence{}, hub.Internal("sign an evidence", err)
	}
	return hub.SealedEvidence{
		Evidence:  evidence,
		Canonical: canonical,
		JWS:       token,
		Digest:    sha256.Sum256(canonical),
	}, nil
}
