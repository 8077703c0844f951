package signing

import (
	"context"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/signing/jose"
)

// EvidenceKey is a key that the hub signs evidence with, from a time on.
type EvidenceKey struct {
	Signer crypto.Signer
	Chain  []*x509.Certificate // signer first
	From   time.Time           // the zero time: always
}

// Sealer makes evidences canonical and signs them with the key of the hub whose turn it
// is. It is safe for concurrent use when its keys are.
type Sealer struct {
	now   func() time.Time
	turns atomic.Pointer[[]turn]
	queue gatherer
}

// turn is a key that is ready to sign, oldest turn first.
type turn struct {
	signer *jose.Signer
	EvidenceKey
}

// NewSealer returns a sealer for a P-256 key and its certificates, signer first.
func NewSealer(key crypto.Signer, chain []*x509.Certificate) (*Sealer, error) {
	return NewSealerOf(time.Now, EvidenceKey{Signer: key, Chain: chain})
}

// NewSealerOf returns a sealer for P-256 keys that take turns.
func NewSealerOf(now func() time.Time, keys ...EvidenceKey) (*Sealer, error) {
	s := &Sealer{now: now}
	s.queue.sign, s.queue.pace, s.queue.idle = s.sign, gatherPace, 1
	return s, s.Use(keys...)
}

// Use replaces the keys. The one that signs is the one with the latest From that has
// passed; before the first From it is the first key. An error leaves all as it was.
func (s *Sealer) Use(keys ...EvidenceKey) error {
	if len(keys) == 0 {
		return hub.Internal("set up the evidence key", errors.New("there is none"))
	}
	turns := make([]turn, len(keys))
	for i, k := range keys {
		signer, err := jose.NewSigner(k.Signer, k.Chain)
		if err != nil {
			return hub.Internal("set up the evidence key", err)
		}
		turns[i] = turn{signer, k}
	}
	slices.SortStableFunc(turns, func(a, b turn) int { return a.From.Compare(b.From) })
	s.turns.Store(&turns)
	return nil
}

// current returns the key whose turn it is, and its place.
func (s *Sealer) current() (turns []turn, now int) {
	turns = *s.turns.Load()
	at := s.now()
	for now = len(turns) - 1; now > 0 && turns[now].From.After(at); now-- {
	}
	return turns, now
}

// Current returns the key whose turn it is, and the certificates of all keys, beginning
// with its own.
func (s *Sealer) Current() (crypto.Signer, []*x509.Certificate) {
	turns, now := s.current()
	chain := slices.Clone(turns[now].Chain)
	for i := range turns {
		if i != now {
			chain = append(chain, turns[i].Chain...)
		}
	}
	return turns[now].Signer, chain
}

// SealEvidence returns the evidences with their RFC 8785 bytes, the SHA-256 of these
// and a detached ES256 signature over them. The claimed signing time is that of the
// event. Several evidences, also of other calls that come at nearly the same moment, share
// one signature, and each has its place in the batch (package jose), so that its receipt
// verifies alone;
// the claimed time is then that of the latest event. An evidence may follow one before it
// in the same call: where Prev has an id and no digest, the digest is filled in. Nothing
// is stored: a seal proves nothing before its evidence is. While the key is away the
// error is of KindUnavailable.
func (s *Sealer) SealEvidence(ctx context.Context, evidence ...hub.Evidence) ([]hub.SealedEvidence, error) {
	sealed := make([]hub.SealedEvidence, len(evidence))
	var c jose.Canonicaliser
	for i, e := range evidence {
		if err := e.Follow(sealed[:i]); err != nil {
			return nil, err
		}
		canonical, err := c.Canonical(&e)
		if err != nil {
			return nil, hub.Internal("make an evidence canonical", err)
		}
		sealed[i] = hub.SealedEvidence{Evidence: e, Canonical: canonical, Digest: sha256.Sum256(canonical)}
	}
	for batch := range slices.Chunk(sealed, jose.MaxBatch) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := s.queue.do(batch); err != nil {
			var away *hub.Error
			if errors.As(err, &away) {
				return nil, err
			}
			return nil, hub.Internal("sign evidence", err)
		}
	}
	return sealed, nil
}

// sign puts one signature, with the key whose turn it is, under 1 to jose.MaxBatch
// evidences.
func (s *Sealer) sign(batch []*hub.SealedEvidence) error {
	turns, now := s.current()
	signer := turns[now].signer
	if len(batch) == 1 {
		token, err := signer.SignDetached(batch[0].Canonical, batch[0].Evidence.Time)
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
	tokens, err := signer.SignBatch(payloads, latest)
	if err != nil {
		return err
	}
	for i := range batch {
		batch[i].JWS = tokens[i]
	}
	return nil
}
