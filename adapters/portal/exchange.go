package portal

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/lienthong/lienthong/adapters/internal/gzipped"
	"github.com/lienthong/lienthong/adapters/internal/strictjson"
	"github.com/lienthong/lienthong/adapters/internal/whole"
	"github.com/lienthong/lienthong/hub"
)

const (
	maxBody  = 16 << 10         // bytes of a form or a JSON body
	bodyTime = 10 * time.Second // that one may take to come
	fileTime = 10 * time.Minute // that a download may take
)

// exchange is one request and its answer.
type exchange struct {
	*site
	w       *answer
	r       *http.Request
	lang    string
	api     bool
	who     string      // by which the sender is counted
	filing  *filingForm // that came in
	guessed bool        // the number or the secret was wrong
	leave   func()      // makes room for another request: the work is done, and what remains is to send
}

// answer remembers the status of an answer.
type answer struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements http.ResponseWriter.
func (a *answer) WriteHeader(status int) {
	a.status = status
	a.ResponseWriter.WriteHeader(status)
}

// Unwrap is for http.ResponseController.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// endpoint answers with what the handler of a route says, within the bounds.
func (s *site) endpoint(rt route, language string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begin := s.Now()
		x := &exchange{site: s, w: &answer{w, http.StatusOK}, r: r, lang: language, api: rt.api, who: s.addressOf(r)}
		defer func() {
			s.Observe(Observation{Route: rt.pattern, Status: x.w.status, Guessed: x.guessed, Took: s.Now().Sub(begin)})
		}()
		w.Header().Set("Cache-Control", "no-store")
		if err := x.within(rt); err != nil {
			x.fail(err)
		}
	})
}

// within runs a handler where there is room for it.
func (x *exchange) within(rt route) error {
	if wait := x.asking.take(x.who); wait > 0 {
		return busy("this address asks too often", wait)
	}
	receive := rt.receive
	if receive == nil {
		receive = (*exchange).receive
	}
	if err := receive(x); err != nil {
		return err
	}
	select {
	case x.working <- struct{}{}:
		x.leave = sync.OnceFunc(func() { <-x.working })
		defer x.leave()
	default:
		return &hub.Error{Kind: hub.KindUnavailable, Message: "the portal is working on as many requests as it can", RetryAfter: time.Second}
	}
	return rt.handle(x)
}

// receive takes the body in before there is work on it: who sends slowly takes no room.
func (x *exchange) receive() error {
	if x.r.Method != http.MethodPost {
		return nil
	}
	_ = http.NewResponseController(x.w).SetReadDeadline(time.Now().Add(bodyTime)) // writers in tests have none
	raw, err := io.ReadAll(http.MaxBytesReader(x.w, x.r.Body, maxBody))
	if err != nil {
		return broken(err)
	}
	x.r.Body = io.NopCloser(bytes.NewReader(raw))
	return nil
}

func (*exchange) nothing() error {
	return hub.Errorf(hub.KindNotFound, "", "route", "there is no such address here")
}

// statusOf maps kinds of errors to answers.
func statusOf(kind hub.ErrorKind) int {
	switch kind {
	case hub.KindInvalid:
		return http.StatusUnprocessableEntity
	case hub.KindUnsupported:
		return http.StatusUnsupportedMediaType
	case hub.KindNotFound:
		return http.StatusNotFound
	case hub.KindTooLarge:
		return http.StatusRequestEntityTooLarge
	case hub.KindBusy:
		return http.StatusTooManyRequests
	case hub.KindUnavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// problem is the body of an error for programs (RFC 9457).
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
}

// fail answers with what went wrong, and tells nothing of what is the hub's own business.
func (x *exchange) fail(err error) {
	e := hub.ViolationsOf(err)[0]
	status := statusOf(e.Kind)
	if status == http.StatusInternalServerError {
		x.Log.ErrorContext(x.r.Context(), "the portal failed", "path", x.r.URL.Path, "error", err)
	}
	if e.RetryAfter > 0 {
		x.w.Header().Set("Retry-After", strconv.Itoa(int((e.RetryAfter+time.Second-1)/time.Second)))
	}
	if !x.api {
		x.mishap(status, e)
		return
	}
	p := problem{Type: "urn:lienthong:problem:" + string(e.Kind), Title: http.StatusText(status), Status: status, Detail: hub.Told(e)}
	x.w.Header().Set("Content-Type", "application/problem+json")
	x.w.WriteHeader(status)
	_ = json.NewEncoder(x.w).Encode(p) // the client may be gone
}

// mishap is the page of an error.
func (x *exchange) mishap(status int, e *hub.Error) {
	text := x.texts.text(x.lang, "wrong."+string(e.Kind))
	if err := x.show(status, "problem", text); err != nil {
		x.Log.ErrorContext(x.r.Context(), "the portal failed", "path", x.r.URL.Path, "error", err)
		x.w.WriteHeader(http.StatusInternalServerError)
	}
}

// show answers with a page that is for this request alone.
func (x *exchange) show(status int, page string, data any) error {
	var b bytes.Buffer
	if err := x.pages.write(&b, page, &view{x: x, Page: page, Data: data}); err != nil {
		return err
	}
	h := x.w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", x.lang)
	h.Set("Content-Length", strconv.Itoa(b.Len()))
	if x.leave != nil {
		x.leave()
	}
	x.w.WriteHeader(status)
	_, _ = x.w.Write(b.Bytes()) // the browser may have gone
	return nil
}

// form reads the fields of a form.
func (x *exchange) form() error {
	if err := x.r.ParseForm(); err != nil {
		return broken(err)
	}
	return nil
}

// read reads a JSON body.
func (x *exchange) read(v any) error {
	kind, _, err := mime.ParseMediaType(x.r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		return hub.Errorf(hub.KindUnsupported, "Content-Type", "content_type", "the body is application/json")
	}
	raw, err := io.ReadAll(x.r.Body)
	if err != nil {
		return broken(err)
	}
	return strictjson.Decode(raw, v)
}

// broken is an error of a body that did not come as it should.
func broken(err error) error {
	if long := (*http.MaxBytesError)(nil); errors.As(err, &long) {
		return hub.Errorf(hub.KindTooLarge, "", "max_size", "the body has at most %d bytes", maxBody)
	}
	return hub.Invalid("", "form", "the body is broken or did not come in time")
}

// send hands out a file and closes it. What is damaged never arrives whole.
func (x *exchange) send(part hub.Part, blob hub.Blob) error {
	defer blob.Close()
	x.leave()
	if !x.fetching.begin(x.who) {
		return busy("this address is fetching as many files as it may", time.Second)
	}
	defer x.fetching.end(x.who)
	select {
	case x.sending <- struct{}{}:
		defer func() { <-x.sending }()
	default:
		return &hub.Error{Kind: hub.KindUnavailable, Message: "as many files are on their way as may be", RetryAfter: time.Second}
	}
	_ = http.NewResponseController(x.w).SetWriteDeadline(time.Now().Add(fileTime)) // writers in tests have none
	h := x.w.Header()
	h.Set("Content-Type", "application/octet-stream")
	if kind, _, err := mime.ParseMediaType(part.MediaType); err == nil && kind == "application/pdf" {
		h.Set("Content-Type", kind)
	}
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	h.Set("Content-Disposition", `attachment; filename*=UTF-8''`+strings.ReplaceAll(url.QueryEscape(part.Name), "+", "%20"))
	h.Set("Repr-Digest", "sha-256=:"+base64.StdEncoding.EncodeToString(part.Digest[:])+":")
	h.Set("Content-Length", strconv.FormatInt(blob.Size(), 10))
	err := whole.Copy(x.w, blob, blob.Size(), func() {})
	if damaged := (*whole.ReadError)(nil); errors.As(err, &damaged) {
		x.Log.ErrorContext(x.r.Context(), "content could not be read", "path", x.r.URL.Path, "error", damaged.Err)
		panic(http.ErrAbortHandler) // the answer may have begun: it must not look whole
	}
	return nil // else the client has gone
}

// compressed is a body as it goes out to who takes it compressed; nil where that is no shorter.
func compressed(body []byte) []byte {
	if len(body) <= gzipped.Above {
		return nil
	}
	if small, shorter := gzipped.Compress(body, gzip.BestSpeed); shorter {
		return small
	}
	return nil
}
