// Package webhook tells subscriptions by HTTPS requests that are signed as Standard
// Webhooks 1.0 asks: the headers webhook-id, webhook-timestamp and webhook-signature, the
// last an HMAC-SHA256 over "id.timestamp.body" for each secret in force.
//
// Addresses come from agencies, that is from outside. So: https only, unless the operator
// allows plain HTTP; the address that a name resolves to is judged when it is connected
// to (adapters/internal/dialguard); no redirect is followed, no proxy, no cookie; time and
// answer are bounded, and of the answer only status and Retry-After mean anything.
//
// A request carries references, no content and no names of persons. Where the
// subscription carries content, the files of what waits come along up to MaxContent; even
// then the hand-over takes an acknowledgement over the API.
package webhook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/lienthong/lienthong/adapters/internal/dialguard"
	"github.com/lienthong/lienthong/adapters/internal/hoptrace"
	"github.com/lienthong/lienthong/hub"
)

// The bounds of a call.
const (
	DefaultMaxContent = 8 << 20 // bytes of the files of a message
	maxTarget         = 2048    // characters of an address
	maxAnswer         = 16 << 10
	maxHeader         = 16 << 10
	maxRetryAfter     = 24 * time.Hour
	contentAtOnce     = 4 // calls that hold files in memory
)

// Options configure a Teller. Zero values take the defaults named beside them.
type Options struct {
	Networks   []netip.Prefix // besides the public Internet
	PlainHTTP  bool           // allow http:// targets: inside a network that encrypts by itself, and in tests
	TLS        *tls.Config    // whom to trust; default: the system's authorities
	MaxContent int64          // default DefaultMaxContent
	UserAgent  string
}

// Teller makes calls. It is safe for concurrent use.
type Teller struct {
	options Options
	client  *http.Client
	fresh   *http.Client // for tests: each call opens a connection, so that every hop is made
	guard   dialguard.Guard
	content chan struct{} // a token for each call that holds files
}

// New returns a Teller.
func New(o Options) *Teller {
	if o.MaxContent == 0 {
		o.MaxContent = DefaultMaxContent
	}
	config := o.TLS.Clone()
	if config == nil {
		config = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	guard := dialguard.Guard{Networks: o.Networks}
	kept := &http.Transport{
		DialContext: guard.Dialer(10 * time.Second).DialContext, TLSClientConfig: config, ForceAttemptHTTP2: true,
		TLSHandshakeTimeout: 10 * time.Second, MaxResponseHeaderBytes: maxHeader, DisableCompression: true,
		MaxIdleConnsPerHost: 1, MaxIdleConns: 256, IdleConnTimeout: time.Minute,
	}
	once := kept.Clone()
	once.DisableKeepAlives = true
	return &Teller{options: o, guard: guard, content: make(chan struct{}, contentAtOnce), client: clientOver(kept), fresh: clientOver(once)}
}

func clientOver(transport *http.Transport) *http.Client {
	return &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// Hops are those of a call to a target.
func Hops(target string) []hub.TestHop { return hoptrace.Order(strings.HasPrefix(target, "https:")) }

// CloseIdle closes connections that nobody uses.
func (t *Teller) CloseIdle() { t.client.CloseIdleConnections() }

// CheckTarget says what is wrong with an address, without asking it. What its name
// resolves to is judged at every call.
func (t *Teller) CheckTarget(target string) error {
	u, err := url.Parse(target)
	switch {
	case err != nil || u.Host == "" || u.Hostname() == "" || len(target) > maxTarget || u.Opaque != "":
		return hub.Invalid("target", "url", "an address is of the form https://HOST/PATH, with at most %d characters", maxTarget)
	case u.Scheme != "https" && (u.Scheme != "http" || !t.options.PlainHTTP):
		return hub.Invalid("target", "https", "the address of a webhook begins with https://")
	case u.User != nil:
		return hub.Invalid("target", "credentials", "an address carries no credentials; the receiver knows the hub by its signature")
	case u.Fragment != "" || strings.ContainsAny(target, " \t\r\n"):
		return hub.Invalid("target", "url", "an address has no fragment and no blanks")
	}
	if address, err := netip.ParseAddr(u.Hostname()); err == nil && !t.guard.Allows(address) {
		return hub.Invalid("target", "network", "the hub does not call addresses of this network; its operator may allow it by --webhook-network")
	}
	return nil
}

// Sign returns the webhook-signature of a message: one part for each secret (Standard
// Webhooks 1.0, "Signature scheme").
func Sign(secrets [][]byte, id string, at time.Time, body []byte) string {
	parts := make([]string, len(secrets))
	for i, secret := range secrets {
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte(id + "." + strconv.FormatInt(at.Unix(), 10) + "."))
		mac.Write(body)
		parts[i] = "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	}
	return strings.Join(parts, " ")
}

// Tell posts one event.
func (t *Teller) Tell(ctx context.Context, call hub.PushCall) error {
	event := &call.Events[0]
	if err := t.CheckTarget(call.Subscription.Target); err != nil { // the settings of the hub may be others now
		return hub.Errorf(hub.KindDenied, "target", "target", "%v", err)
	}
	if event.Open != nil {
		select {
		case t.content <- struct{}{}:
			defer func() { <-t.content }()
		case <-ctx.Done():
			return hub.Errorf(hub.KindUnavailable, "", "files_under_way", "too many messages with files are under way")
		}
	}
	message, err := t.message(ctx, event)
	if err != nil {
		return err
	}
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false) // receipts keep their bytes
	if err := encoder.Encode(message); err != nil {
		return hub.Internal("write a message", err)
	}
	return t.post(ctx, &call, event.ID, bytes.TrimRight(body.Bytes(), "\n"))
}

func (t *Teller) post(ctx context.Context, call *hub.PushCall, id string, body []byte) error {
	r, err := http.NewRequestWithContext(hoptrace.With(ctx, call.Hops), http.MethodPost, call.Subscription.Target, bytes.NewReader(body))
	if err != nil {
		return hub.Errorf(hub.KindDenied, "target", "url", "the address cannot be used")
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", t.options.UserAgent)
	r.Header.Set("webhook-id", id)
	r.Header.Set("webhook-timestamp", strconv.FormatInt(call.At.Unix(), 10))
	r.Header.Set("webhook-signature", Sign(call.Secrets, id, call.At, body))
	client := t.client
	if call.Hops != nil {
		client = t.fresh
	}
	response, err := client.Do(r)
	if err != nil {
		return failed(err)
	}
	defer response.Body.Close()
	// A little is read so that the connection can be used again; it means nothing.
	_, _ = io.CopyN(io.Discard, response.Body, maxAnswer)
	return verdict(response, call.At)
}

// failed names what went wrong before an answer, without what the network said: it may
// tell of networks that are nobody's business.
func failed(err error) error {
	var certificate *tls.CertificateVerificationError
	var name *net.DNSError
	switch {
	case errors.Is(err, dialguard.ErrNotAllowed):
		return hub.Errorf(hub.KindDenied, "target", "network", "the address leads into a network that this hub does not call")
	case errors.As(err, &certificate):
		return hub.Errorf(hub.KindUnavailable, "target", "tls", "the certificate of the endpoint is not trusted")
	case errors.As(err, &name):
		return hub.Errorf(hub.KindUnavailable, "target", "dns", "the name of the endpoint cannot be resolved")
	case errors.Is(err, context.DeadlineExceeded):
		return hub.Errorf(hub.KindUnavailable, "target", "timeout", "the endpoint did not answer in time")
	}
	return hub.Errorf(hub.KindUnavailable, "target", "connection", "the endpoint cannot be reached")
}

// verdict is what an answer means. Statuses about the message itself refuse it; others
// are about the endpoint.
func verdict(r *http.Response, now time.Time) error {
	switch code := r.StatusCode; {
	case code >= 200 && code < 300:
		return nil
	case code >= 300 && code < 400:
		return hub.Errorf(hub.KindUnavailable, "target", "redirect", "the endpoint answers %d; redirects are not followed", code)
	case code == http.StatusGone:
		return hub.Errorf(hub.KindNotFound, "target", "gone", "the endpoint answers 410: it is gone")
	case code == http.StatusBadRequest || code == http.StatusRequestEntityTooLarge || code == http.StatusUnsupportedMediaType || code == http.StatusUnprocessableEntity:
		return hub.Invalid("target", "refused", "the endpoint refuses the message with %d", code)
	default:
		e := hub.Errorf(hub.KindUnavailable, "target", "status", "the endpoint answers %d", code)
		e.RetryAfter = retryAfter(r.Header.Get("Retry-After"), now)
		return e
	}
}

// retryAfter reads the pause that an endpoint asks for (RFC 9110, 10.2.3), bounded.
func retryAfter(value string, now time.Time) time.Duration {
	var pause time.Duration
	if seconds, err := strconv.Atoi(value); err == nil && seconds > 0 && seconds <= int(maxRetryAfter/time.Second) {
		pause = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(value); err == nil {
		pause = at.Sub(now)
	}
	return min(max(pause, 0), maxRetryAfter)
}
