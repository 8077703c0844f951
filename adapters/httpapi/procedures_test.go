package httpapi

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// lapsing lists a procedure until its minute.
type lapsing struct {
	fakeProcedures
	now *time.Time
}

func (l lapsing) List(context.Context, hub.ProcedureQuery) (hub.List[hub.ProcedureVersion], error) {
	v := l.version()
	v.Valid.To = testTime.Add(time.Minute)
	if !v.InForce(*l.now) {
		return hub.List[hub.ProcedureVersion]{}, nil
	}
	return hub.List[hub.ProcedureVersion]{Items: []hub.ProcedureVersion{v}}, nil
}

// TestNoCacheOutlivesAProcedure: an answer is never used again without the question whether
// it still holds, and from the minute at which a procedure lapses the answer to that is no.
func TestNoCacheOutlivesAProcedure(t *testing.T) {
	now := testTime
	s := newTestServer(t, func(o *Options) { o.Procedures = lapsing{fakeProcedures{&fakeHub{}}, &now} })
	first := s.call(t, http.MethodGet, "/v1/procedures", "")
	tag := first.Header.Get("ETag")
	if control := first.Header.Get("Cache-Control"); control != "private, no-cache" || tag == "" || first.Header.Get("Expires") != "" {
		t.Fatalf("Cache-Control %q, ETag %q", control, tag)
	}
	now = testTime.Add(time.Minute - time.Nanosecond)
	if again := s.call(t, http.MethodGet, "/v1/procedures", "", "If-None-Match", tag); again.StatusCode != http.StatusNotModified {
		t.Errorf("unchanged: %d", again.StatusCode)
	}
	now = testTime.Add(time.Minute)
	again := s.call(t, http.MethodGet, "/v1/procedures", "", "If-None-Match", tag)
	if again.StatusCode != http.StatusOK || string(again.body) != "{\"items\":[]}\n" {
		t.Errorf("lapsed: %d %s", again.StatusCode, again.body)
	}
	for _, path := range []string{"/v1/procedures/changes", "/v1/procedures/1.001193"} {
		if got := s.call(t, http.MethodGet, path, "").Header.Get("Cache-Control"); got != "private, no-cache" {
			t.Errorf("%s: %q", path, got)
		}
	}
	for path, field := range map[string]string{
		"/v1/procedures?at=x": "at", "/v1/procedures/changes?after=-1": "after", "/v1/procedures/changes?limit=501": "limit", "/v1/procedures?from=x": "from",
	} {
		if got := s.call(t, http.MethodGet, path, ""); got.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("%s (%s): %d", path, field, got.StatusCode)
		}
	}
}
