package signing

import (
	"context"
	"crypto"
	"crypto/x509"
	"io"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/signing/token"
)

// TokenKey is an evidence key in a token, which may be away for a while: it is opened
// for the first signature, and again after one has failed. One signature is made after
// the other; a batch of evidences takes one.
type TokenKey struct {
	key *sealKey
	of  *x509.Certificate
}

// NewTokenKey returns the key that belongs to a certificate. It opens nothing.
func NewTokenKey(open func() (*token.Key, error), of *x509.Certificate, now func() time.Time) *TokenKey {
	return &TokenKey{newSealKey(open, now), of}
}

// Public implements crypto.Signer.
func (k *TokenKey) Public() crypto.PublicKey { return k.of.PublicKey }

// tokenLimit is how long a signature may take, others before it included.
const tokenLimit = 30 * time.Second

// Sign implements crypto.Signer. While the token is away the error is of
// KindUnavailable.
func (k *TokenKey) Sign(random io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	limited, cancel := context.WithTimeout(context.Background(), tokenLimit)
	defer cancel()
	value, err := k.key.sign(limited, k.of, random, digest, opts)
	if err != nil {
		return nil, &hub.Error{
			Kind: hub.KindUnavailable, Field: "hub_key", Rule: "token", RetryAfter: tokenPause,
			Message: "the evidence key of the hub cannot be used now; try again later", Err: err,
		}
	}
	return value, nil
}

// Close ends the session with the token; the key is not used after it.
func (k *TokenKey) Close() error { return k.key.close() }
