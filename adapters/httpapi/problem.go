package httpapi

import (
	"cmp"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// problem is the body of every error answer (RFC 9457).
type problem struct {
	Type      string          `json:"type"`
	Title     string          `json:"title"`
	Status    int             `json:"status"`
	Detail    string          `json:"detail"`
	Kind      hub.ErrorKind   `json:"kind"`
	RequestID string          `json:"request_id"`
	Errors    []fault         `json:"errors,omitempty"`
	Receipt   json.RawMessage `json:"receipt,omitempty"` // sealed SubmissionRejection
}

// fault is one broken rule.
type fault struct {
	Kind    hub.ErrorKind `json:"kind"`
	Field   string        `json:"field"`
	Rule    string        `json:"rule"`
	Message string        `json:"message"`
}

// reply says how one kind of error looks in HTTP.
type reply struct {
	status int
	title  string
	retry  time.Duration // Retry-After when the error does not say; zero: none
}

// replyOf is the table from error kinds to HTTP.
func replyOf(kind hub.ErrorKind) reply {
	switch kind {
	case hub.KindInvalid:
		return reply{http.StatusUnprocessableEntity, "The request breaks a rule", 0}
	case hub.KindUntrusted:
		return reply{http.StatusUnprocessableEntity, "Not trusted: the key or a signature did not verify", 0}
	case hub.KindUnknownAgency:
		return reply{http.StatusUnprocessableEntity, "No agency has this code", 0}
	case hub.KindDenied:
		return reply{http.StatusForbidden, "Not allowed with this key", 0}
	case hub.KindNotFound:
		return reply{http.StatusNotFound, "Not found", 0}
	case hub.KindConflict:
		return reply{http.StatusConflict, "Contradicts what is recorded", 0}
	case hub.KindTooLarge:
		return reply{http.StatusRequestEntityTooLarge, "Above a limit", 0}
	case hub.KindUnsupported:
		return reply{http.StatusUnprocessableEntity, "Not supported", 0}
	case hub.KindBusy:
		return reply{http.StatusTooManyRequests, "Too much at once", time.Second}
	case hub.KindUnavailable:
		return reply{http.StatusServiceUnavailable, "Not available now", 5 * time.Second}
	}
	return reply{http.StatusInternalServerError, "The hub failed", 0}
}

// statusOfRule refines the table for rules that HTTP has a status of its own for:
// above all 400 for a body that is no well-formed JSON, XML or form at all.
func statusOfRule(rule string) (status int, ok bool) {
	switch rule {
	case "json", "well_formed", "doctype", "multipart", "utf8_body", "trailing_data", "duplicate_member", "max_depth", "gzip", "truncated":
		return http.StatusBadRequest, true
	case "credential":
		return http.StatusUnauthorized, true
	case "method":
		return http.StatusMethodNotAllowed, true
	case "body_timeout":
		return http.StatusRequestTimeout, true
	case "content_type", "content_encoding":
		return http.StatusUnsupportedMediaType, true
	case "byte_range":
		return http.StatusRequestedRangeNotSatisfiable, true
	}
	return 0, false
}

// problemOf tells an error in HTTP. Of an internal failure it tells nothing but
// that it happened.
func problemOf(err error) (problem, time.Duration) {
	violations := hub.ViolationsOf(err)
	if len(violations) == 0 {
		violations = hub.Violations{hub.Internal("an error without a violation", err)}
	}
	first := violations[0]
	r := replyOf(first.Kind)
	if r.status == http.StatusInternalServerError {
		return problem{
			Type: "urn:lienthong:problem:internal", Title: r.title, Status: r.status, Kind: hub.KindInternal,
			Detail: "The hub failed. Its operator finds the cause under the request id.",
		}, 0
	}
	p := problem{Type: "urn:lienthong:problem:" + string(first.Kind), Title: r.title, Status: r.status, Kind: first.Kind}
	var rejection *hub.Rejection
	if errors.As(err, &rejection) {
		p.Status, p.Receipt = http.StatusUnprocessableEntity, hub.MarshalReceipt(rejection.Receipt)
	} else if status, ok := statusOfRule(first.Rule); ok {
		p.Status = status
	}
	p.Detail = cmp.Or(first.Message, r.title)
	for _, v := range violations {
		if replyOf(v.Kind).status != http.StatusInternalServerError {
			p.Errors = append(p.Errors, fault{v.Kind, v.Field, v.Rule, v.Message})
		}
	}
	if r.retry > 0 {
		return p, max(first.RetryAfter, r.retry)
	}
	return p, first.RetryAfter
}

// fail answers with a problem. Nothing of an answer may have been sent before.
func (x *exchange) fail(err error) {
	p, retry := problemOf(err)
	p.RequestID = x.id
	h := x.w.Header()
	for _, name := range []string{"Content-Encoding", "Content-Disposition", "Etag", "Repr-Digest", "Content-Length", "Accept-Ranges"} {
		h.Del(name)
	}
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	if retry > 0 {
		h.Set("Retry-After", strconv.Itoa(int((retry+time.Second-1)/time.Second)))
	}
	if p.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="lienthong"`)
	}
	body, encodeErr := encodeJSON(p)
	if encodeErr != nil {
		x.log.Error("a problem cannot be written", "error", encodeErr)
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	x.body.linger()
	x.w.WriteHeader(p.Status)
	_, _ = x.w.Write(body) // the client may be gone; the log has the error
}
