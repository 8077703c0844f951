// Package crlfetch fetches revocation lists and certificates for a mirror, from
// addresses that stand in certificates: that is, from addresses that a stranger wrote.
//
// Promises: nothing is contacted but the hosts that the operator allows, by http or
// https, by GET; a name is resolved once and the connection goes to the address that was
// judged; addresses of the machine itself, of private and link-local networks (metadata
// services among them) and their disguises in IPv6 are refused unless the operator
// allows them; a redirect stays on its host; size and time are bounded; no proxy, no
// cookies, no credentials. A verifier never comes here: verdicts are made offline, from
// what was fetched before.
package crlfetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/lienthong/lienthong/adapters/internal/dialguard"
)

// The bounds of one fetch.
const (
	DefaultMaxBytes = 64 << 20
	DefaultTimeout  = 2 * time.Minute
	maxRedirects    = 3
)

// ErrNotAllowed says that an address is not one that the operator allows.
var ErrNotAllowed = errors.New("not allowed")

// Options configures a Fetcher.
type Options struct {
	Hosts        []string      // allowed: HOST, or HOST:PORT where the port is not that of the scheme
	AllowPrivate bool          // hosts may lie in private networks, as inside of a government network
	MaxBytes     int64         // of one answer; DefaultMaxBytes if zero
	Timeout      time.Duration // of one fetch; DefaultTimeout if zero
}

// Fetcher fetches. It is safe for concurrent use.
type Fetcher struct {
	options Options
	client  *http.Client
}

// New returns a fetcher.
func New(options Options) *Fetcher {
	if options.MaxBytes <= 0 {
		options.MaxBytes = DefaultMaxBytes
	}
	if options.Timeout <= 0 {
		options.Timeout = DefaultTimeout
	}
	f := &Fetcher{options: options}
	dialer := dialguard.Guard{Private: options.AllowPrivate}.Dialer(10 * time.Second)
	f.client = &http.Client{
		Transport: &http.Transport{
			DialContext: dialer.DialContext, DisableKeepAlives: true, DisableCompression: true,
			TLSHandshakeTimeout: 10 * time.Second, ResponseHeaderTimeout: 30 * time.Second, MaxResponseHeaderBytes: 16 << 10,
		},
		CheckRedirect: f.redirect,
	}
	return f
}

// Fetch returns what lies at an address. An error wraps ErrNotAllowed when nothing was
// asked because the operator does not allow it.
func (f *Fetcher) Fetch(ctx context.Context, address string) ([]byte, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("%q is no address: %w", address, ErrNotAllowed)
	}
	if err := f.allowed(u); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, f.options.Timeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	response, err := f.client.Do(r)
	if errors.Is(err, dialguard.ErrNotAllowed) {
		return nil, fmt.Errorf("%w: %w", ErrNotAllowed, err)
	}
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %s", u.Host, response.Status)
	}
	data, err := io.ReadAll(io.LimitReader(response.Body, f.options.MaxBytes+1))
	if err == nil && int64(len(data)) > f.options.MaxBytes {
		err = fmt.Errorf("%s sends more than %d bytes", u.Host, f.options.MaxBytes)
	}
	if err != nil {
		return nil, err
	}
	return data, nil
}

// allowed judges scheme and host; what the host resolves to is judged by control.
func (f *Fetcher) allowed(u *url.URL) error {
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
		return fmt.Errorf("%s: only http and https without credentials: %w", u.Redacted(), ErrNotAllowed)
	}
	host := strings.ToLower(u.Host)
	if u.Port() == "80" && u.Scheme == "http" || u.Port() == "443" && u.Scheme == "https" {
		host = strings.ToLower(u.Hostname())
	}
	if !slices.ContainsFunc(f.options.Hosts, func(h string) bool { return strings.ToLower(h) == host }) {
		return fmt.Errorf("%s: the host is not on the list: %w", u.Redacted(), ErrNotAllowed)
	}
	return nil
}

func (f *Fetcher) redirect(next *http.Request, via []*http.Request) error {
	switch {
	case len(via) > maxRedirects:
		return errors.New("too many redirects")
	case !strings.EqualFold(next.URL.Host, via[0].URL.Host):
		return fmt.Errorf("a redirect to another host: %w", ErrNotAllowed)
	case via[0].URL.Scheme == "https" && next.URL.Scheme != "https":
		return fmt.Errorf("a redirect away from https: %w", ErrNotAllowed)
	}
	return f.allowed(next.URL)
}
