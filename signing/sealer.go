package signing

import (
	"context"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"slices"

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

// SealEvidence returns the evidences with their RFC 8785 bytes, the SHA-256 of these
// and a detached ES256 signature over them. The claimed signing time is that of the
// event. Several evidences share one signature, and each has its place in the batch
// (package jose), so that its receipt verifies alone; the claimed time is then that of
// the latest event. Nothing is stored: a seal proves nothing before its evidence is.
func (s *Sealer) SealEvidence(ctx context.Context, evidence ...hub.Evidence) ([]hub.SealedEvidence, error) {
	sealed := make([]hub.SealedEvidence, len(evidence))
	for i := range evidence {
		canonical, err := jose.Canonical(&evidence[i])
		if err != nil {
			return nil, hub.Internal("make an evidence canonical", err)
		}
		sealed[i] = hub.SealedEvidence{Evidence: evidence[i], Canonical: canonical, Digest: sha256.Sum256(canonical)}
	}
	for batch := range slices.Chunk(sealed, jose.MaxBatch) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := s.sign(batch); err != nil {
			return nil, hub.Internal("sign evidence", err)
		}
	}
	return sealed, nil
}

func (s *Sealer) sign(batch []hub.SealedEvidence) error {
	if len(batch) == 1 {
		token, err := s.signer.SignDetached(batch[0].Canonical, batch[0].Evidence.Time)
		batch[0].JWS = token
		return err
	}
	payloads, latest := make([][]byte, len(batch)), batch[0].Evidence.Time
	for i := range batch {
		payloads[i] = batch[i].Canonical
		if at := batch[i].Evidence.Time; at.After(latest) {
			latest = at
		}
	}
	tokens, err := s.signer.SignBatch(payloads, latest)
	if err != nil {
		return err
	}
	for i := range batch {
		batch[i].JWS = tokens[i]
	}
	return nil
}
