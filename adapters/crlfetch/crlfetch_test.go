package crlfetch_test

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lienthong/lienthong/adapters/crlfetch"
)

// server counts the requests that it sees.
func server(t *testing.T, answer http.HandlerFunc) (address, host string, seen *atomic.Int32) {
	t.Helper()
	seen = &atomic.Int32{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen.Add(1)
		answer(w, r)
	}))
	t.Cleanup(s.Close)
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	return s.URL + "/a.crl", u.Host, seen
}

func list(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("list")) }

func TestFetch(t *testing.T) {
	address, host, _ := server(t, list)
	data, err := crlfetch.New(crlfetch.Options{Hosts: []string{host}, AllowPrivate: true}).Fetch(t.Context(), address)
	if err != nil || string(data) != "list" {
		t.Errorf("%q, %v", data, err)
	}
}

// TestNothingIsContacted holds that a forbidden address sees no request at all.
func TestNothingIsContacted(t *testing.T) {
	address, host, seen := server(t, list)
	_, port, _ := strings.Cut(host, ":")
	all := []string{host, "localhost:" + port, "[::ffff:127.0.0.1]:" + port, "[::1]:" + port, "0.0.0.0:" + port, "169.254.169.254", "10.0.0.1",
		"100.64.0.1", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[fe80::1]", "[fc00::1]", "0x7f000001:" + port, "2130706433:" + port}
	strict := crlfetch.New(crlfetch.Options{Hosts: all, Timeout: 5 * time.Second})
	for _, target := range all {
		if _, err := strict.Fetch(t.Context(), "http://"+target+"/a.crl"); err == nil {
			t.Errorf("%s: fetched", target)
		}
	}
	private := crlfetch.New(crlfetch.Options{Hosts: []string{"ca.example"}, AllowPrivate: true})
	for _, bad := range []string{
		address, "ftp://ca.example/a", "ldap://ca.example/cn=x", "file:///etc/passwd", "http://user:secret@ca.example/a", "//ca.example/a", "http://", "\x00",
		"http://ca.example:8080/a", "http://ca.example.evil/a",
	} {
		if _, err := private.Fetch(t.Context(), bad); !errors.Is(err, crlfetch.ErrNotAllowed) {
			t.Errorf("%s: %v", bad, err)
		}
	}
	if seen.Load() != 0 {
		t.Errorf("%d requests", seen.Load())
	}
}

func TestRedirects(t *testing.T) {
	other, _, seen := server(t, list)
	var address string
	address, host, _ := server(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/a.crl":
			http.Redirect(w, r, "/b.crl", http.StatusFound)
		case "/away":
			http.Redirect(w, r, other, http.StatusFound)
		case "/loop":
			http.Redirect(w, r, "/loop", http.StatusFound)
		default:
			list(w, r)
		}
	})
	f := crlfetch.New(crlfetch.Options{Hosts: []string{host}, AllowPrivate: true})
	if _, err := f.Fetch(t.Context(), address); err != nil {
		t.Errorf("on the same host: %v", err)
	}
	if _, err := f.Fetch(t.Context(), "http://"+host+"/away"); !errors.Is(err, crlfetch.ErrNotAllowed) {
		t.Errorf("to another host: %v", err)
	}
	if _, err := f.Fetch(t.Context(), "http://"+host+"/loop"); err == nil {
		t.Error("a loop ends well")
	}
	if seen.Load() != 0 {
		t.Errorf("the other host saw %d requests", seen.Load())
	}
}

func TestBounds(t *testing.T) {
	release := make(chan struct{})
	_, host, _ := server(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/large":
			_, _ = w.Write(bytes.Repeat([]byte("x"), 1<<20))
		case "/slow":
			w.(http.Flusher).Flush()
			select {
			case <-release:
			case <-r.Context().Done():
			}
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	})
	defer close(release)
	f := crlfetch.New(crlfetch.Options{Hosts: []string{host}, AllowPrivate: true, MaxBytes: 1000, Timeout: 200 * time.Millisecond})
	for _, path := range []string{"/large", "/slow", "/missing"} {
		if data, err := f.Fetch(t.Context(), "http://"+host+path); err == nil {
			t.Errorf("%s: %d bytes", path, len(data))
		}
	}
}
