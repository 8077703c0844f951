package hubclient

import (
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// maxProblem bounds the answer that tells of an error; it may carry a receipt.
const maxProblem = hub.MaxReceiptSize + 256<<10

// maxRetryAfter bounds the wait that a hub may ask for.
const maxRetryAfter = time.Hour

// problem is the body of an error answer (RFC 9457).
type problem struct {
	Detail string        `json:"detail"`
	Kind   hub.ErrorKind `json:"kind"`
	Errors []struct {
		Kind    hub.ErrorKind `json:"kind"`
		Field   string        `json:"field"`
		Rule    string        `json:"rule"`
		Message string        `json:"message"`
	} `json:"errors"`
	Receipt json.RawMessage `json:"receipt"`
}

// problemOf rebuilds the error of an answer that is not a success.
func problemOf(resp *http.Response) error {
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxProblem))
	if err != nil {
		return err
	}
	response := &AnswerError{Status: resp.StatusCode, RequestID: resp.Header.Get("X-Request-Id")}
	after := retryAfter(resp.Header)
	mediaType, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")) // "" is no problem+json either
	if mediaType != "application/problem+json" {
		raw = nil
	}
	return parseProblem(raw, response, after)
}

// parseProblem reads the body of an error answer. It never fails: of a body that
// says nothing, the status decides the kind.
func parseProblem(raw []byte, response *AnswerError, after time.Duration) error {
	var p problem
	if json.Unmarshal(raw, &p) != nil {
		p = problem{}
	}
	if !known(p.Kind) {
		p.Kind = kindOfStatus(response.Status)
	}
	var list hub.Violations
	for _, e := range p.Errors {
		if !known(e.Kind) {
			e.Kind = p.Kind
		}
		list = append(list, &hub.Error{Kind: e.Kind, Field: e.Field, Rule: e.Rule, Message: e.Message, RetryAfter: after, Err: response})
	}
	if len(list) == 0 {
		message := p.Detail
		if message == "" {
			message = "the hub answered " + strings.ToLower(http.StatusText(response.Status))
		}
		list = hub.Violations{{Kind: p.Kind, Message: message, RetryAfter: after, Err: response}}
	}
	if receipt, err := hub.ParseReceipt(p.Receipt); err == nil {
		return &hub.Rejection{Violations: list, Receipt: receipt}
	}
	return list.AsError()
}

func known(kind hub.ErrorKind) bool {
	switch kind {
	case hub.KindInternal, hub.KindInvalid, hub.KindUntrusted, hub.KindUnknownAgency,
		hub.KindDenied, hub.KindNotFound, hub.KindConflict, hub.KindTooLarge,
		hub.KindUnsupported, hub.KindBusy, hub.KindUnavailable:
		return true
	}
	return false
}

// kindOfStatus serves answers that do not name a kind: those of proxies.
func kindOfStatus(status int) hub.ErrorKind {
	switch status {
	case http.StatusBadRequest, http.StatusUnprocessableEntity:
		return hub.KindInvalid
	case http.StatusUnauthorized:
		return hub.KindUntrusted
	case http.StatusForbidden:
		return hub.KindDenied
	case http.StatusNotFound, http.StatusGone:
		return hub.KindNotFound
	case http.StatusConflict, http.StatusPreconditionFailed:
		return hub.KindConflict
	case http.StatusRequestEntityTooLarge:
		return hub.KindTooLarge
	case http.StatusTooManyRequests:
		return hub.KindBusy
	case http.StatusRequestTimeout, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return hub.KindUnavailable
	case http.StatusInternalServerError:
		return hub.KindInternal
	}
	return hub.KindUnsupported
}

// retryAfter reads Retry-After in seconds; the form with a date is not used by
// the hub and counts as absent.
func retryAfter(header http.Header) time.Duration {
	seconds, err := strconv.Atoi(header.Get("Retry-After"))
	if err != nil || seconds < 0 || seconds > int(maxRetryAfter/time.Second) {
		return 0
	}
	return time.Duration(seconds) * time.Second
}
