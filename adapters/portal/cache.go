package portal

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/lienthong/lienthong/adapters/internal/gzipped"
	"github.com/lienthong/lienthong/hub"
)

// cache keeps answers about the catalogue for as long as that stays as it is: all of them
// were made under one mark, and are forgotten with it.
type cache struct {
	mu   sync.Mutex
	mark string
	kept map[string]*made
}

// made is an answer for everybody.
type made struct {
	kind        string
	body, small []byte // small is body compressed, nil for none
	etag        string
}

// maxKept bounds the answers that are kept: the words of searches are without end.
const maxKept = 256

func (c *cache) get(mark, key string) *made {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mark != mark {
		return nil
	}
	return c.kept[key]
}

func (c *cache) put(mark, key string, m *made) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mark != mark {
		c.mark, c.kept = mark, map[string]*made{}
	}
	if len(c.kept) < maxKept {
		c.kept[key] = m
	}
}

// everybody answers with what is the same for everybody until the catalogue changes. Caches
// keep it and must ask before each use: a procedure lapses on the minute, and one may be
// abolished at once.
func (x *exchange) everybody(key string, write func() (kind string, body []byte, err error)) error {
	mark, err := x.Procedures.Mark(x.r.Context())
	if err != nil {
		return err
	}
	key = x.lang + " " + key
	m := x.cache.get(mark, key)
	if m == nil {
		kind, body, err := write()
		if err != nil {
			return err
		}
		sum := sha256.Sum256(body)
		m = &made{kind, body, compressed(body), `"` + hex.EncodeToString(sum[:16]) + `"`}
		x.cache.put(mark, key, m)
	}
	h := x.w.Header()
	h.Set("Cache-Control", "public, no-cache")
	h.Set("Vary", "Accept-Encoding")
	h.Set("ETag", m.etag)
	if unchanged(x.r.Header.Get("If-None-Match"), m.etag) {
		x.w.WriteHeader(http.StatusNotModified)
		return nil
	}
	h.Set("Content-Type", m.kind)
	body := m.body
	if m.small != nil && gzipped.Accepted(x.r.Header.Get("Accept-Encoding")) {
		h.Set("Content-Encoding", "gzip")
		h.Set("ETag", "W/"+m.etag)
		body = m.small
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	x.leave()
	x.w.WriteHeader(http.StatusOK)
	_, _ = x.w.Write(body) // the client may have gone
	return nil
}

// unchanged reports whether a client has an answer already (RFC 9110, 13.1.2).
func unchanged(header, etag string) bool {
	for known := range strings.SplitSeq(header, ",") {
		if known = strings.TrimSpace(known); known == "*" || strings.TrimPrefix(known, "W/") == etag {
			return true
		}
	}
	return false
}

// page is a page for everybody.
func (x *exchange) page(name string, data any) (string, []byte, error) {
	var b bytes.Buffer
	err := x.pages.write(&b, name, &view{x: x, Page: name, Data: data})
	return "text/html; charset=utf-8", b.Bytes(), err
}

func asJSON(v any) (string, []byte, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return "", nil, hub.Internal("encode an answer", err)
	}
	return "application/json", append(body, '\n'), nil
}
