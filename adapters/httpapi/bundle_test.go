package httpapi

import (
	"net/http"
	"testing"

	"github.com/lienthong/lienthong/hub"
)

// TestBundle: it is a file to save, for the delivery that was asked for; an error before
// its first byte is an answer like any other.
func TestBundle(t *testing.T) {
	s := newTestServer(t)
	a := s.call(t, http.MethodGet, "/v1/dispatches/d1/bundle?delivery=e1&content=true", "")
	if a.StatusCode != http.StatusOK || string(a.body) != "PK d1 e1 true" || a.Header.Get("Content-Type") != mediaBundle ||
		a.Header.Get("Content-Disposition") != `attachment; filename="d1.asice"` {
		t.Errorf("%d %q %v", a.StatusCode, a.body, a.Header)
	}
	if a := s.call(t, http.MethodGet, "/v1/dispatches/d1/bundle?contents=true", ""); a.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("an unknown parameter: %d", a.StatusCode)
	}
	s.hub.err = hub.Invalid("delivery", "required", "name the delivery")
	if a := s.call(t, http.MethodGet, "/v1/dispatches/d1/bundle", ""); a.StatusCode != http.StatusUnprocessableEntity ||
		a.Header.Get("Content-Type") != "application/problem+json" || a.Header.Get("Content-Disposition") != "" {
		t.Errorf("an error: %d %v", a.StatusCode, a.Header)
	}
}
