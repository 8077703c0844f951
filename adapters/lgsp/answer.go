package lgsp

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"github.com/lienthong/lienthong/adapters/internal/edoc"
	"github.com/lienthong/lienthong/hub"
)

// result is the part that all answers have, under every spelling of its names.
type result struct {
	Status     string `json:"status"`
	ErrorCode  string `json:"ErrorCode"`
	ErrorCode2 string `json:"errorCode"`
	ErrorCode3 string `json:"error_code"`
	ErrorDesc  string `json:"ErrorDesc"`
	ErrorDesc2 string `json:"errorDesc"`
	ErrorDesc3 string `json:"error_desc"`
}

func resultOf(status, code, desc string) result {
	return result{status, code, code, code, desc, desc, desc}
}

func success() result { return resultOf(edoc.StatusOK, edoc.CodeOK, edoc.DescOK) }

// httpError is an error with an HTTP status of its own, whatever the profile says.
type httpError struct {
	status int
	error
}

// Unwrap returns what the error is.
func (e *httpError) Unwrap() error { return e.error }

// fault is the error body of gateways of this kind, with their numbers.
type fault struct {
	Code        int    `json:"code"`
	Message     string `json:"message"`
	Description string `json:"description"`
}

// faultOf is the number of a gateway for an HTTP status.
func faultOf(status int, rule, desc string) *fault {
	switch status {
	case http.StatusUnauthorized:
		if rule == ruleMissing {
			return &fault{900902, "Missing Credentials", desc}
		}
		return &fault{900901, "Invalid Credentials", desc}
	case http.StatusForbidden:
		return &fault{900908, "Resource forbidden", desc}
	case http.StatusNotFound:
		return &fault{404, "No matching resource found for given API Request", desc}
	case http.StatusMethodNotAllowed:
		return &fault{405, "Method not allowed for given API resource", desc}
	case http.StatusTooManyRequests:
		return &fault{900800, "Message throttled out", desc}
	case http.StatusServiceUnavailable:
		return &fault{101503, "Error connecting to the back end", desc}
	}
	return &fault{status, http.StatusText(status), desc}
}

// statusOf is the HTTP status of an error, 200 for a refusal that is a result.
func (x *call) statusOf(err error) int {
	if e, ok := err.(*httpError); ok { //nolint:errorlint // it is made here and never wrapped
		return e.status
	}
	switch kind := hub.KindOf(err); {
	case kind == hub.KindUntrusted, kind == hub.KindBusy, kind == hub.KindUnavailable, kind == hub.KindInternal, x.s.Profile.Errors == errorsHTTP:
		return edoc.CodeOf(kind)
	}
	return http.StatusOK
}

// fail answers an error: a refusal as a result, everything else as a gateway does, with
// the members of a result beside it.
func (x *call) fail(err error) {
	x.err = err
	switch kind := hub.KindOf(err); {
	case x.r.Context().Err() != nil:
		x.log.Info("client went away", "client", x.system)
	case kind == hub.KindInternal || kind == hub.KindUnavailable:
		x.log.Error("call failed", "client", x.system, "error", err)
	default:
		x.log.Info("refused", "client", x.system, "kind", kind, "rule", hub.ViolationsOf(err)[0].Rule)
	}
	if x.answered {
		panic(http.ErrAbortHandler) // what has begun must not look whole
	}
	code, desc := edoc.Describe(err, x.id)
	status, violation := x.statusOf(err), hub.ViolationsOf(err)[0]
	body := struct {
		result
		Fault *fault `json:"fault,omitempty"`
		Data  any    `json:"data"`
	}{result: resultOf(edoc.StatusFail, code, desc), Data: x.op.nothing()}
	if status != http.StatusOK {
		body.Fault = faultOf(status, violation.Rule, desc)
	}
	switch status {
	case http.StatusUnauthorized:
		x.w.Header().Set("WWW-Authenticate", `Bearer realm="lienthong", error="invalid_token"`)
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		x.w.Header().Set("Retry-After", strconv.Itoa(max(1, int(violation.RetryAfter.Seconds()))))
	}
	if err := x.json(status, body); err != nil {
		x.log.Error("an answer cannot be written", "error", err)
	}
}

// json writes a whole answer.
func (x *call) json(status int, v any) error {
	var body bytes.Buffer
	e := json.NewEncoder(&body)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return hub.Internal("encode an answer", err)
	}
	if !x.op.file { // what is left of a file was read while the call had its place
		x.drain(x.s.mostBody(x.op))
	}
	x.s.Limits.Writing(x.w, int64(body.Len()))
	x.head(status, int64(body.Len()))
	_, _ = x.w.Write(body.Bytes()) // the client may be gone
	return nil
}

// head begins an answer; a size below 0 is not known.
func (x *call) head(status int, size int64) {
	h := x.w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Pragma", "no-cache")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Request-Id", x.id)
	if size >= 0 {
		h.Set("Content-Length", fmt.Sprint(size))
	}
	x.answered = true
	x.w.WriteHeader(status)
}
