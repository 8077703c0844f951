package lgsp

import (
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/lienthong/lienthong/adapters/internal/edoc"
	"github.com/lienthong/lienthong/hub"
)

// value looks for one of the names in the headers, the query and the body.
func (x *call) value(names []string) string {
	query := x.r.URL.Query()
	for _, name := range names {
		if v := strings.TrimSpace(x.r.Header.Get(name)); v != "" {
			return v
		}
	}
	for _, name := range names {
		for given, values := range query {
			if strings.EqualFold(given, name) && strings.TrimSpace(values[0]) != "" {
				return strings.TrimSpace(values[0])
			}
		}
	}
	for _, name := range names {
		if v := strings.TrimSpace(x.values[strings.ToLower(name)]); v != "" {
			return v
		}
	}
	return ""
}

// readBody reads a small body with its members.
func (x *call) readBody() error {
	limit := x.s.mostBody(x.op)
	err := x.fields(limit, func(f field) error {
		v, err := readValue(f.name, f.content, limit)
		if err == nil && f.whole && strings.TrimSpace(v) != "" {
			return hub.Invalid("body", "form", "the body is a form or a JSON object")
		}
		x.values[strings.ToLower(f.name)] = v
		return err
	})
	if err == nil {
		edoc.Patient(x.w)
	}
	return err
}

// fields goes through the members of the body, and reads it to its end: what a peer holds
// back behind them would be waited for after the call, where no deadline stands.
func (x *call) fields(limit int64, do func(field) error) error {
	if x.r.ContentLength > limit {
		return hub.Errorf(hub.KindTooLarge, "body", "max_size", "the body is above %d bytes", limit)
	}
	if x.r.Body == nil || x.r.Body == http.NoBody {
		return nil
	}
	body := &arriving{r: x.r.Body, room: limit, limit: limit}
	source, err := sourceOf(x.r, body)
	if err != nil {
		return err
	}
	for range maxFields {
		f, err := source.next()
		switch {
		case errors.Is(err, io.EOF):
			_, err = io.Copy(io.Discard, body)
			return err
		case err != nil:
			return err
		}
		if !f.whole && x.op.name != opToken {
			x.noteUnknown("member", f.name)
		}
		if err := do(f); err != nil {
			return err
		}
	}
	return hub.Errorf(hub.KindTooLarge, "body", "members", "a body has at most %d members", maxFields)
}

// seen remembers names that were logged. It is bounded: who makes names up fills it and
// nothing else.
type seen struct {
	mu    sync.Mutex
	names map[string]bool
}

const (
	maxSeen  = 200
	maxNoted = 40 // bytes of a name: less than any secret has that stands where a name should
)

func (s *seen) first(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.names == nil {
		s.names = map[string]bool{}
	}
	if s.names[name] || len(s.names) >= maxSeen {
		return false
	}
	s.names[name] = true
	return true
}

// noteUnknown logs a name that the profile does not have, once and without its value: the
// names that programs use were never published.
func (x *call) noteUnknown(place, name string) {
	p := &x.s.Profile
	for _, known := range [][]string{p.UnitSecret, p.File, p.Kind, p.Status, p.AgencyCode, unitMembers()} {
		if slices.ContainsFunc(known, func(k string) bool { return strings.EqualFold(k, name) }) {
			return
		}
	}
	if len(name) <= maxNoted && x.s.unknown.first(place+" "+name) {
		x.log.Info("a name that this API does not know", "place", place, "name", name, "client", x.system)
	}
}

// readAddress notes unknown names of headers and query.
func (x *call) readAddress() {
	for name := range x.r.Header {
		if !slices.Contains(usualHeaders(), name) && !strings.HasPrefix(name, "X-Forwarded-") {
			x.noteUnknown("header", name)
		}
	}
	for name := range x.r.URL.Query() {
		x.noteUnknown("query", name)
	}
}

func usualHeaders() []string {
	return []string{
		"Accept", "Accept-Charset", "Accept-Encoding", "Accept-Language", "Authorization", "Cache-Control", "Connection", "Content-Encoding",
		"Content-Length", "Content-Type", "Expect", "Pragma", "Traceparent", "Tracestate", "User-Agent", "Via", "X-Request-Id", "X-Real-Ip",
	}
}
