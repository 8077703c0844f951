package signing

import (
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/signing/token"
)

// tokenPause is how long a token that is away is left alone before it is asked again.
const tokenPause = 5 * time.Second

// sealKey is the key of a seal, which may be away for a while, such as a token that was
// pulled out. It makes one signature after the other.
type sealKey struct {
	open func() (*token.Key, error)
	now  func() time.Time
	turn chan struct{} // holds one value while the key is in use
	key  *token.Key    // nil while it is away
	next time.Time     // when a key that is away may be asked again
	lost error         // set for ever: asking again does harm
}

func newSealKey(open func() (*token.Key, error), now func() time.Time) *sealKey {
	return &sealKey{open: open, now: now, turn: make(chan struct{}, 1)}
}

// use calls f with the key, opened if need be, when it is this caller's turn.
func (k *sealKey) use(ctx context.Context, f func(*token.Key) error) error {
	select {
	case k.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-k.turn }()
	if k.key == nil {
		if err := k.reopen(); err != nil {
			return err
		}
	}
	return f(k.key)
}

func (k *sealKey) reopen() error {
	if k.lost != nil || k.now().Before(k.next) {
		return keyAway(k.lost)
	}
	key, err := k.open()
	if err == nil {
		k.key = key
		return nil
	}
	k.next = k.now().Add(tokenPause)
	if errors.Is(err, token.ErrPIN) {
		k.lost = err // a token locks itself after a few wrong PINs
	}
	return keyAway(err)
}

func keyAway(cause error) error {
	return &hub.Error{
		Kind: hub.KindUnavailable, Field: "agency", Rule: "token", RetryAfter: tokenPause,
		Message: "the key of the seal cannot be used now; try again later, or ask the operator", Err: cause,
	}
}

// chain returns the certificates of the key.
func (k *sealKey) chain(ctx context.Context) (chain []*x509.Certificate, err error) {
	err = k.use(ctx, func(key *token.Key) error {
		chain = key.Chain
		return nil
	})
	return chain, err
}

// sign signs with the key of that certificate. A key that fails is closed, and opened
// again by a later call.
func (k *sealKey) sign(ctx context.Context, of *x509.Certificate, random io.Reader, digest []byte, opts crypto.SignerOpts) (value []byte, err error) {
	err = k.use(ctx, func(key *token.Key) error {
		if !key.Chain[0].Equal(of) {
			return keyAway(errors.New("the token now holds another certificate"))
		}
		var failed error
		if value, failed = key.Signer.Sign(random, digest, opts); failed == nil {
			return nil
		}
		k.key, k.next = nil, k.now().Add(tokenPause)
		return keyAway(errors.Join(failed, key.Close()))
	})
	return value, err
}

// close ends the session with the token; the key is not used after it.
func (k *sealKey) close() error {
	k.turn <- struct{}{}
	defer func() { <-k.turn }()
	if k.key == nil {
		return nil
	}
	key := k.key
	k.key, k.lost = nil, errors.New("closed")
	return key.Close()
}

// pen is a sealKey as one signature sees it. Signers keep only the text of what went
// wrong; failure keeps all of it.
type pen struct {
	public  crypto.PublicKey
	write   func(random io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error)
	failure *firstFailure
}

// Public implements crypto.Signer.
func (p pen) Public() crypto.PublicKey { return p.public }

// Sign implements crypto.Signer.
func (p pen) Sign(random io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	value, err := p.write(random, digest, opts)
	return value, p.failure.keep(err)
}

// firstFailure keeps the first error of what a signature needs from outside.
type firstFailure struct {
	mu  sync.Mutex
	err error
}

func (f *firstFailure) keep(err error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil {
		f.err = err
	}
	return err
}

func (f *firstFailure) get() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}
