package hubclient

import (
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// maxAnswer bounds a JSON answer in bytes: a page of receipts to a thousand
// recipients each is far below it.
const maxAnswer = 64 << 20

// expectAbove is the body size in bytes from which the hub is asked for its
// consent (Expect: 100-continue) before the body is sent.
const expectAbove = 1 << 20

// Options say which hub is called and how.
type Options struct {
	URL string // base address, "https://hub.example.vn"; a path is kept as a prefix
	Key string // API key, "lt_<id>_<secret>"; empty for the public operations only
	// TLS holds own roots or client certificates; nil means those of the system.
	TLS *tls.Config
	// Transport replaces the default one; TLS is then its own business.
	Transport http.RoundTripper
	UserAgent string // default "lienthong-client"
	Retry     Retry
	// Stall is how long a call may go without a byte in either direction before
	// it is given up; default 2 minutes, above the longest long poll.
	Stall time.Duration
}

// Client calls one hub with one credential.
type Client struct {
	base  *url.URL
	key   string
	agent string
	http  *http.Client
	retry Retry
	stall time.Duration
}

// New returns a client. It makes no connection. Errors are of KindInvalid.
func New(o Options) (*Client, error) {
	base, err := url.Parse(strings.TrimRight(o.URL, "/"))
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return nil, hub.Invalid("url", "url", "the address of a hub looks like https://host, not %q", o.URL)
	}
	if base.User != nil || base.RawQuery != "" || base.Fragment != "" {
		return nil, hub.Invalid("url", "url", "the address of a hub has no user, query or fragment")
	}
	transport := o.Transport
	if transport == nil {
		transport = newTransport(o.TLS)
	}
	return &Client{
		base:  base,
		key:   o.Key,
		agent: cmp.Or(o.UserAgent, "lienthong-client"),
		http: &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		}},
		retry: o.Retry.withDefaults(),
		stall: cmp.Or(o.Stall, 2*time.Minute),
	}, nil
}

func newTransport(config *tls.Config) *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		TLSClientConfig:       config,
		ForceAttemptHTTP2:     true,
		MaxIdleConnsPerHost:   64,
		IdleConnTimeout:       90 * time.Second,
		TLSHandshakeTimeout:   10 * time.Second,
		ExpectContinueTimeout: time.Second,
		WriteBufferSize:       64 << 10,
		ReadBufferSize:        64 << 10,
	}
}

// CloseIdle closes the connections that no call uses.
func (c *Client) CloseIdle() { c.http.CloseIdleConnections() }

// call is one operation; body is opened afresh for every attempt.
type call struct {
	method     string
	path       string // escaped, below the base
	query      url.Values
	header     http.Header
	body       func() (io.ReadCloser, error)
	size       int64 // of the body in bytes, -1 when unknown
	idempotent bool
	progress   Progress
}

// get returns the call that reads path, built as by pathOf.
func get(path string, query url.Values) call {
	return call{method: http.MethodGet, path: path, query: query, idempotent: true}
}

// withJSON returns the call with v as its body.
func (k call) withJSON(v any) (call, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return k, hub.Invalid("", "json", "the request cannot be written as JSON: %v", err)
	}
	k.body = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(string(raw))), nil }
	k.size = int64(len(raw))
	return k.with("Content-Type", "application/json"), nil
}

func (k call) with(name, value string) call {
	k.header = k.header.Clone()
	if k.header == nil {
		k.header = http.Header{}
	}
	k.header.Set(name, value)
	return k
}

// pathOf joins segments, each escaped, to "/v1/a/b".
func pathOf(segments ...string) string {
	var b strings.Builder
	b.WriteString("/v1")
	for _, s := range segments {
		b.WriteByte('/')
		b.WriteString(url.PathEscape(s))
	}
	return b.String()
}

// open sends one attempt and returns the answer if it is a success. The caller
// closes its body, which also ends the watch over the call.
func (c *Client) open(ctx context.Context, k call) (*http.Response, error) {
	ctx, watch := newWatch(ctx, c.stall)
	resp, err := c.roundTrip(ctx, watch, k)
	if err != nil {
		err = unreachable(ctx, err)
		watch.end()
		return nil, err
	}
	resp.Body = &watchedBody{ReadCloser: resp.Body, watch: watch, ctx: ctx}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		defer resp.Body.Close()
		return nil, problemOf(resp)
	}
	return resp, nil
}

func (c *Client) roundTrip(ctx context.Context, watch *watch, k call) (*http.Response, error) {
	var body io.ReadCloser
	if k.body != nil {
		opened, err := k.body()
		if err != nil {
			return nil, &sourceError{err}
		}
		body = &watchedSource{source: opened, watch: watch, progress: k.progress, total: k.size}
	}
	target := c.base.String() + k.path
	if len(k.query) > 0 {
		target += "?" + k.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, k.method, target, body)
	if err != nil {
		return nil, err
	}
	for name, values := range k.header {
		req.Header[name] = values
	}
	if body != nil {
		req.ContentLength = k.size
	}
	if k.body != nil && (k.size < 0 || k.size >= expectAbove) {
		req.Header.Set("Expect", "100-continue")
	}
	req.Header.Set("User-Agent", c.agent)
	if c.key != "" {
		req.Header.Set("Authorization", "Bearer "+c.key)
	}
	return c.http.Do(req)
}

// do sends the call, again after a temporary failure if it is idempotent, and
// gives the successful answer to handle.
func (c *Client) do(ctx context.Context, k call, handle func(*http.Response) error) error {
	return c.retry.run(ctx, k.idempotent, func() error {
		resp, err := c.open(ctx, k)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		return handle(resp)
	})
}

// json sends the call and reads the JSON answer into out; nil discards it.
func (c *Client) json(ctx context.Context, k call, out any) error {
	return c.do(ctx, k, func(resp *http.Response) error {
		raw, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
		switch {
		case err != nil:
			return err
		case len(raw) > maxAnswer:
			return hub.Errorf(hub.KindTooLarge, "", "max_size", "the answer of the hub is above %d bytes", maxAnswer)
		case out == nil:
			return nil
		}
		if err := json.Unmarshal(raw, out); err != nil {
			return &hub.Error{Kind: hub.KindUnsupported, Rule: "answer", Message: "the answer is not what API v1 gives; is this a hub?", Err: err}
		}
		return nil
	})
}

// sourceError tells a body that could not be read here from a broken connection.
type sourceError struct{ err error }

func (e *sourceError) Error() string { return e.err.Error() }
func (e *sourceError) Unwrap() error { return e.err }

// unreachable explains why no answer came.
func unreachable(ctx context.Context, err error) error {
	var source *sourceError
	var inner *hub.Error
	switch {
	case errors.As(err, &source):
		return hub.Internal("the body of the request cannot be read", source.err)
	case errors.As(err, &inner):
		return err
	case errors.Is(context.Cause(ctx), errStalled):
		err = errStalled
	}
	return &hub.Error{Kind: hub.KindUnavailable, Rule: "unreachable", Message: "the hub cannot be reached", Err: err}
}

// AnswerError says which answer of the hub an error was rebuilt from.
type AnswerError struct {
	Status    int
	RequestID string
}

// Error implements error.
func (r *AnswerError) Error() string {
	return fmt.Sprintf("HTTP %d, request %s", r.Status, r.RequestID)
}
