package signing

import (
	"context"
	"crypto"
	_ "crypto/sha256" // digests that are asked for
	_ "crypto/sha512"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/signing/trust"
	"github.com/lienthong/lienthong/signing/tsp"
	"github.com/lienthong/lienthong/signing/verdict"
)

// Timestamps gets RFC 3161 tokens from time-stamp authorities, which are asked in order
// until one answers. A token that does not lead to the anchors counts as no answer. It
// is safe for concurrent use.
type Timestamps struct {
	sources   []stampSource
	validator *trust.Validator
	now       func() time.Time
}

// stampSource is one authority.
type stampSource struct {
	name string
	ask  interface {
		Timestamp(ctx context.Context, hash crypto.Hash, digest []byte) (*tsp.Token, error)
	}
}

// NewTimestamps returns the authorities at the addresses (http or https), whose
// certificates must lead to the anchors.
func NewTimestamps(addresses []string, anchors *trust.Anchors, now func() time.Time) (*Timestamps, error) {
	t := &Timestamps{validator: trust.NewValidator(anchors), now: now}
	for _, address := range addresses {
		u, err := url.Parse(address)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil {
			return nil, hub.Invalid("tsa", "url", "%.200q is not the address of a time-stamp authority, http://... or https://...", address)
		}
		t.sources = append(t.sources, stampSource{u.Host, tsp.NewClient(tsp.ClientOptions{URL: address})})
	}
	return t, nil
}

// OwnTimestamps returns an authority inside the hub. What it says is worth as much as
// the word of the hub about its own clock.
func OwnTimestamps(key crypto.Signer, chain []*x509.Certificate, now func() time.Time) (*Timestamps, error) {
	authority, err := tsp.NewAuthority(tsp.AuthorityOptions{Key: key, Chain: chain, Accuracy: time.Second, Now: now})
	if err != nil {
		return nil, hub.Invalid("tsa", "key", "%v", err)
	}
	anchors := trust.NewAnchors(chain[len(chain)-1])
	return &Timestamps{[]stampSource{{"own", ownAuthority{authority}}}, trust.NewValidator(anchors), now}, nil
}

type ownAuthority struct{ *tsp.Authority }

// Timestamp is that of the authority, which asks nobody.
func (a ownAuthority) Timestamp(_ context.Context, hash crypto.Hash, digest []byte) (*tsp.Token, error) {
	return a.Authority.Timestamp(hash, digest)
}

// Timestamp returns a token over a SHA-256 digest. It tells in which span of the local
// clock the authority was asked. Errors are KindUnavailable and name what each authority
// did.
func (t *Timestamps) Timestamp(ctx context.Context, digest hub.Digest) (hub.TimeToken, error) {
	return t.get(ctx, crypto.SHA256, digest[:])
}

// Stamp is Timestamp over content, by SHA-256, SHA-384 or SHA-512.
func (t *Timestamps) Stamp(ctx context.Context, hash crypto.Hash, content []byte) (hub.TimeToken, error) {
	h := hash.New()
	h.Write(content)
	return t.get(ctx, hash, h.Sum(nil))
}

func (t *Timestamps) get(ctx context.Context, hash crypto.Hash, digest []byte) (hub.TimeToken, error) {
	var failures []error
	for i := range t.sources {
		s := &t.sources[i]
		asked := t.now()
		token, err := s.ask.Timestamp(ctx, hash, digest)
		if err == nil {
			answered := t.now()
			problem := t.judge(token.Raw, hash, digest, answered)
			if problem == nil {
				return hub.TimeToken{DER: token.Raw, Time: token.Time.UTC(), Authority: s.name, Asked: asked, Answered: answered}, nil
			}
			err = errors.New(problem.Reason)
		}
		failures = append(failures, fmt.Errorf("%s: %w", s.name, err))
	}
	return hub.TimeToken{}, &hub.Error{
		Kind: hub.KindUnavailable, Field: "tsa", Rule: "no_token", Message: "no time-stamp authority gives a token that counts",
		Err: errors.Join(failures...),
	}
}

// judge asks whether the token would convince who has the anchors. The time of the token
// is no matter here: how far clocks differ is for the clock check to say.
func (t *Timestamps) judge(token []byte, hash crypto.Hash, digest []byte, at time.Time) *verdict.Problem {
	if read, problem := tsp.Parse(token); problem == nil && read.Time.After(at) {
		at = read.Time
	}
	over := func(used crypto.Hash) []byte {
		if used != hash {
			return nil
		}
		return digest
	}
	return tsp.Judge(t.validator, at, nil, time.Time{})(token, over, verdict.Material{}, time.Time{}).Problem
}

// Timestamp returns the time that an RFC 3161 token (DER) proves some bytes to have
// existed at, for whom the verifier trusts. Errors say what it fails to prove: of
// KindUntrusted where the token is one over other bytes or does not lead to an anchor.
func (v *Verifier) Timestamp(token, content []byte) (time.Time, error) {
	over := func(hash crypto.Hash) []byte {
		if !hash.Available() {
			return nil
		}
		h := hash.New()
		h.Write(content)
		return h.Sum(nil)
	}
	stamp := tsp.Judge(v.validator.Load(), v.options.Now(), nil, time.Time{})(token, over, verdict.Material{}, time.Time{})
	if stamp.Problem != nil {
		return time.Time{}, hub.Errorf(hub.KindUntrusted, "timestamp", string(stamp.Problem.Sub), "%s", stamp.Problem.Reason)
	}
	return stamp.Time, nil
}
