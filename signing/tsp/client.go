package tsp

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"encoding/asn1"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"time"
)

// DefaultTimeout bounds one question to an authority.
const DefaultTimeout = 10 * time.Second

// ClientOptions configures a Client.
type ClientOptions struct {
	URL     string                // of the authority, http or https; required
	HTTP    *http.Client          // nil: one that follows no redirect
	Timeout time.Duration         // of one question, DefaultTimeout if zero
	Policy  asn1.ObjectIdentifier // asked for; nil takes the authority's own
}

// Client asks one time-stamp authority. It is safe for concurrent use.
type Client struct{ options ClientOptions }

// NewClient returns a client.
func NewClient(options ClientOptions) *Client {
	if options.Timeout <= 0 {
		options.Timeout = DefaultTimeout
	}
	if options.HTTP == nil {
		options.HTTP = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	return &Client{options: options}
}

// Timestamp asks for a token over a digest. The token answers this question (imprint
// and nonce agree) and its signature verifies with the certificate in it; whether
// that certificate is trusted is for Judge. Any error may pass: try again later.
func (c *Client) Timestamp(ctx context.Context, hash crypto.Hash, digest []byte) (*Token, error) {
	if identifierOf(hash) == nil || len(digest) != hash.Size() {
		return nil, fmt.Errorf("no timestamp is asked for over a digest of %d bytes by %v", len(digest), hash)
	}
	nonce, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 64))
	if err != nil {
		return nil, fmt.Errorf("make a nonce: %w", err)
	}
	question := request{imprint: Imprint{hash, digest}, policy: c.options.Policy, nonce: nonce, certificates: true}
	body, err := question.encode()
	if err != nil {
		return nil, fmt.Errorf("make a timestamp request: %w", err)
	}
	answer, err := c.ask(ctx, body)
	if err != nil {
		return nil, fmt.Errorf("ask for a timestamp: %w", err)
	}
	return question.check(answer)
}

// ask sends one request and returns the bounded answer.
func (c *Client) ask(ctx context.Context, body []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, c.options.Timeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.options.URL, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", mediaQuery)
	response, err := c.options.HTTP.Do(r)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the authority answers %s", response.Status)
	}
	answer, err := io.ReadAll(io.LimitReader(response.Body, MaxToken+1))
	if err == nil && len(answer) > MaxToken {
		err = fmt.Errorf("the answer is larger than %d KiB", MaxToken>>10)
	}
	return answer, err
}

// check takes only what answers the question.
func (r *request) check(answer []byte) (*Token, error) {
	der, err := parseReply(answer)
	if err != nil {
		return nil, err
	}
	token, problem := Parse(der)
	if problem != nil {
		return nil, fmt.Errorf("read the timestamp: %s", problem.Reason)
	}
	switch {
	case token.Imprint.Hash != r.imprint.Hash || !bytes.Equal(token.Imprint.Digest, r.imprint.Digest):
		return nil, fmt.Errorf("the timestamp is over another digest than the one asked for")
	case token.Nonce == nil || token.Nonce.Cmp(r.nonce) != 0:
		return nil, fmt.Errorf("the timestamp does not carry the nonce asked for")
	case r.policy != nil && !token.Policy.Equal(r.policy):
		return nil, fmt.Errorf("the timestamp is of policy %v, not the one asked for", token.Policy)
	}
	if problem := token.checkSignature(); problem != nil {
		return nil, fmt.Errorf("check the timestamp: %s", problem.Reason)
	}
	return token, nil
}
