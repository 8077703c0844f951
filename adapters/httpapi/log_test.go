package httpapi

import (
	"net/http"
	"strings"
	"testing"

	"github.com/lienthong/lienthong/hub"
)

// TestLogFiles: they are for everybody, and a tile may be kept for ever. A proof is not.
func TestLogFiles(t *testing.T) {
	s := newTestServer(t)
	tile := s.call(t, http.MethodGet, "/log/2026/tile/0/x001/067", "", "Authorization", "")
	if tile.StatusCode != http.StatusOK || string(tile.body) != "2026 0/x001/067" || tile.Header.Get("Cache-Control") != "public, max-age=31536000, immutable" {
		t.Errorf("a tile: %d %q %q", tile.StatusCode, tile.body, tile.Header.Get("Cache-Control"))
	}
	checkpoint := s.call(t, http.MethodGet, "/log/2026/checkpoint", "")
	if checkpoint.Header.Get("Content-Type") != "text/plain; charset=utf-8" || checkpoint.Header.Get("Cache-Control") != "private, no-cache" {
		t.Errorf("a checkpoint: %v", checkpoint.Header)
	}
	stamp := s.call(t, http.MethodGet, "/log/2026/timestamp?size=7", "", "Authorization", "")
	if want := `{"origin":"hub/evidence/2026","size":7,"note":"bm90ZQo=","token":"MA==","time":"2026-01-05T01:00:00Z"}`; strings.TrimSpace(string(stamp.body)) != want {
		t.Errorf("a time-stamp: %s", stamp.body)
	}
	if a := s.call(t, http.MethodGet, "/log/2026/timestamp?size=-1", ""); a.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("a size below zero: %d", a.StatusCode)
	}
	if a := s.call(t, http.MethodGet, "/v1/evidence/e1/proof", "", "Authorization", ""); a.StatusCode != http.StatusUnauthorized {
		t.Errorf("a proof without a key: %d", a.StatusCode)
	}
	s.hub.err = hub.Errorf(hub.KindNotFound, "tile", "", "there is no such tile")
	if a := s.call(t, http.MethodGet, "/log/2026/tile/../../secret", ""); a.StatusCode == http.StatusOK {
		t.Errorf("a name that leads elsewhere: %d", a.StatusCode)
	}
}

// TestThePublicHasOneBudget: who reads the log without a key can keep nobody else from
// working.
func TestThePublicHasOneBudget(t *testing.T) {
	s := newTestServer(t, func(o *Options) { o.Limits.Rate = 1 }) // twice as many at once; the clock stands
	for i, name := range []string{"/log", "/log/2026/checkpoint", "/log/2026/tile/0/000", "/log"} {
		want := http.StatusOK
		if i > 1 {
			want = http.StatusTooManyRequests
		}
		if a := s.call(t, http.MethodGet, name, "", "Authorization", ""); a.StatusCode != want || (a.Header.Get("Retry-After") == "") != (i < 2) {
			t.Errorf("%s as number %d: %d", name, i, a.StatusCode)
		}
	}
	for _, name := range []string{"/healthz", "/readyz", "/v1/me"} {
		if a := s.call(t, http.MethodGet, name, ""); a.StatusCode != http.StatusOK {
			t.Errorf("%s beside that: %d", name, a.StatusCode)
		}
	}
}
