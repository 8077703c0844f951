package oidc

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/lienthong/lienthong/adapters/internal/dialguard"
)

// secure reports whether an address is one of https, or of the machine itself.
func secure(u *url.URL) bool {
	if u.Scheme == "https" {
		return true
	}
	address, err := netip.ParseAddr(u.Hostname())
	return u.Scheme == "http" && (u.Hostname() == "localhost" || err == nil && address.IsLoopback())
}

// clientFor returns what calls a provider.
func clientFor(issuer string, trust *tls.Config) *http.Client {
	if trust == nil {
		trust = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	home := transport(&net.Dialer{Timeout: callTime}, trust)
	way := bounded{home: home, others: transport(dialguard.Guard{}.Dialer(callTime), trust)}
	if u, err := url.Parse(issuer); err == nil {
		way.host = u.Host
	}
	return &http.Client{
		Transport: way, Timeout: callTime,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func transport(dialer *net.Dialer, trust *tls.Config) *http.Transport {
	return &http.Transport{
		DialContext: dialer.DialContext, TLSClientConfig: trust.Clone(), ForceAttemptHTTP2: true, TLSHandshakeTimeout: callTime,
		MaxResponseHeaderBytes: 64 << 10, DisableCompression: true, MaxIdleConnsPerHost: 2, IdleConnTimeout: time.Minute,
	}
}

// bounded calls the host of the issuer wherever it is, others where they are public, and
// reads no answer without end.
type bounded struct {
	host         string
	home, others *http.Transport
}

// RoundTrip implements http.RoundTripper.
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	way := b.others
	if r.URL.Host == b.host {
		way = b.home
	}
	answer, err := way.RoundTrip(r)
	if err == nil {
		answer.Body = &limited{answer.Body, maxAnswer}
	}
	return answer, err
}

// CloseIdleConnections is what http.Client.CloseIdleConnections calls.
func (b bounded) CloseIdleConnections() {
	b.home.CloseIdleConnections()
	b.others.CloseIdleConnections()
}

// limited fails where an answer is too long; one that was cut could say something else.
type limited struct {
	io.ReadCloser
	left int
}

// Read implements io.Reader.
func (l *limited) Read(p []byte) (int, error) {
	n, err := l.ReadCloser.Read(p)
	if l.left -= n; l.left < 0 {
		return 0, errors.New("the answer of the identity provider is too long")
	}
	return n, err
}
