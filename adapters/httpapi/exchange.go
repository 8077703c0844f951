package httpapi

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/lienthong/lienthong/hub"
)

// exchange is one request with its answer, from the first byte to the log line.
type exchange struct {
	r     *http.Request
	w     *recorder
	body  *body // guards r.Body
	actor hub.Actor
	id    string // request id, in X-Request-Id and in every log line
	trace string // correlation id of the caller, else the request id
	begun time.Time
	log   *slog.Logger
	err   error // why the request was not served; nil for success
	// secret is the key as presented. It is kept for event streams, which ask
	// again whether it is in force, and never logged.
	secret string
}

// param returns a path parameter.
func (x *exchange) param(name string) string { return chi.URLParam(x.r, name) }

// endpoint runs everything that is common to all routes around one of them.
func (a *api) endpoint(rt route) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		x := a.begin(w, r, rt)
		defer a.end(x, rt)
		if err := a.serve(x, rt); err != nil {
			x.failed(err)
		}
	}
}

func (a *api) begin(w http.ResponseWriter, r *http.Request, rt route) *exchange {
	x := &exchange{r: r, begun: a.Now()}
	if x.id = r.Header.Get("X-Request-Id"); !isToken(x.id) {
		x.id = a.NewID()
	}
	if x.trace = traceOf(r.Header.Get("Traceparent")); x.trace == "" {
		x.trace = x.id
	}
	x.log = a.Log.With("request", x.id)
	x.w = newRecorder(w, a.Limits.Stall)
	limit := int64(0)
	if rt.limit != nil {
		limit = rt.limit(&a.Limits)
	}
	x.body = newBody(w, r, limit, a.Limits.Stall)
	x.r = r.WithContext(r.Context()) // a copy: the server keeps an eye on its own body
	x.r.Body = x.body
	setHeaders(w.Header(), r, x.id)
	return x
}

// setHeaders sets what every answer carries. Handlers loosen Cache-Control and
// Content-Security-Policy where they must.
func setHeaders(h http.Header, r *http.Request, id string) {
	h.Set("X-Request-Id", id)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	if r.TLS != nil {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
}

// serve admits and authenticates, then lets the route answer.
func (a *api) serve(x *exchange, rt route) error {
	waits := isWait(x.r, rt)
	leave, err := a.gate.enter(waits)
	if err != nil {
		return err
	}
	defer leave()
	if rt.shared {
		done, err := a.gate.admit(anybody, waits, x.r.ContentLength)
		if err != nil {
			return err
		}
		defer done()
	}
	if rt.public {
		return rt.handle(a, x)
	}
	if err := a.authenticate(x, rt.scopes); err != nil {
		return err
	}
	done, err := a.gate.admit(x.actor.Name, waits, x.r.ContentLength)
	if err != nil {
		return err
	}
	defer done()
	if rt.begins && a.Overloaded != nil {
		if err := a.Overloaded(); err != nil {
			return err
		}
	}
	if rt.limit != nil && x.r.ContentLength > rt.limit(&a.Limits) {
		return tooLarge(rt.limit(&a.Limits)) // said before a byte of it is read
	}
	return rt.handle(a, x)
}

// isWait tells requests that mostly wait from those that work.
func isWait(r *http.Request, rt route) bool {
	return rt.stream || rt.pattern == "/v1/mailbox" && r.URL.Query().Has("wait")
}

// authenticate finds the actor behind the key and that it holds one of the scopes.
func (a *api) authenticate(x *exchange, scopes []hub.Scope) error {
	scheme, secret, _ := strings.Cut(x.r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || secret == "" {
		return hub.Errorf(hub.KindUntrusted, "Authorization", "credential", "a key is required: Authorization: Bearer lt_...")
	}
	x.secret = strings.TrimSpace(secret)
	actor, err := a.whose(x)
	if err != nil {
		if hub.KindOf(err) == hub.KindUntrusted {
			return hub.Errorf(hub.KindUntrusted, "Authorization", "credential", "this key is unknown, expired or revoked")
		}
		return err
	}
	x.actor = actor
	if len(scopes) == 0 && slices.Equal(actor.Scopes, []hub.Scope{hub.ScopePortal}) {
		return hub.Errorf(hub.KindDenied, "", "scope", "the key of a portal hands in dossiers, and nothing else")
	}
	if len(scopes) > 0 && !slices.ContainsFunc(scopes, actor.Has) {
		return hub.Errorf(hub.KindDenied, "", "scope", "this key needs one of the scopes %v", scopes)
	}
	return nil
}

// whose returns the actor of the key at this moment, with the agencies for which it receives.
func (a *api) whose(x *exchange) (hub.Actor, error) {
	actor, err := a.Authenticator.Authenticate(x.r.Context(), x.secret)
	if err == nil && actor.Has(hub.ScopeCollect) {
		actor.ReceivesFor = a.Delegations.ReceivesFor(actor.Agencies, a.Now())
		actor.TookOver = a.Delegations.TookOver(actor.Agencies, a.Now())
	}
	return actor, err
}

// failed answers an error, or breaks the connection off when an answer has begun.
func (x *exchange) failed(err error) {
	if cause := x.body.failure(); cause != nil {
		err = cause // what broke the body explains best why reading it failed
	}
	x.err = err
	x.logFailure(err)
	if x.w.begun() {
		panic(http.ErrAbortHandler)
	}
	x.fail(err)
}

// logFailure keeps what the client is not told.
func (x *exchange) logFailure(err error) {
	switch kind := hub.KindOf(err); {
	case x.r.Context().Err() != nil:
		x.log.Info("client went away", "actor", x.actor.Name)
	case kind == hub.KindInternal:
		x.log.Error("request failed", "actor", x.actor.Name, "error", err)
	case kind == hub.KindUntrusted || kind == hub.KindDenied:
		peer, _, _ := net.SplitHostPort(x.r.RemoteAddr) // "" for a peer without an address
		x.log.Warn("refused", "actor", x.actor.Name, "kind", kind, "rule", hub.ViolationsOf(err)[0].Rule, "peer", peer)
	}
}

// end recovers from a panic and writes the access log.
func (a *api) end(x *exchange, rt route) {
	v := recover()
	aborted := v != nil
	if err, ok := v.(error); v != nil && (!ok || !errors.Is(err, http.ErrAbortHandler)) {
		x.log.Error("panic", "value", fmt.Sprint(v), "stack", string(debug.Stack()))
		if !x.w.begun() {
			x.fail(hub.Internal("panic", nil))
			aborted = false
		}
	}
	level, why := x.reason()
	x.log.Log(x.r.Context(), level, "request", append([]any{
		"method", x.r.Method, "route", rt.pattern, "status", x.w.status,
		"actor", x.actor.Name, "in", x.body.total, "out", x.w.bytes, "aborted", aborted,
		"duration", a.Now().Sub(x.begun), "trace", x.trace,
	}, why...)...)
	if a.Observe != nil {
		a.Observe(x.r.Context(), Observation{
			Method: x.r.Method, Route: rt.pattern, Status: x.w.status, In: x.body.total, Out: x.w.bytes, Took: a.Now().Sub(x.begun),
		})
	}
	if aborted {
		panic(http.ErrAbortHandler)
	}
}

// reason is what the access log tells of a request that was not served: kind, field and
// rule, never what a client wrote. Where the hub itself could not serve it an operator
// is told all of it.
func (x *exchange) reason() (slog.Level, []any) {
	if x.err == nil {
		return slog.LevelInfo, nil
	}
	first := hub.ViolationsOf(x.err)[0]
	why := []any{"kind", first.Kind, "field", first.Field, "rule", first.Rule}
	switch first.Kind {
	case hub.KindUnavailable:
		return slog.LevelWarn, append(why, "error", x.err)
	case hub.KindBusy:
		return slog.LevelInfo, append(why, "error", x.err)
	}
	return slog.LevelInfo, why
}

// isToken reports whether s can stand in a header and a log as an id.
func isToken(s string) bool {
	if s == "" || len(s) > 128 {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case c >= '0' && c <= '9', c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c == '-', c == '_', c == '.', c == ':':
		default:
			return false
		}
	}
	return true
}

// traceOf returns the trace id of a W3C traceparent header, "" when it has none.
func traceOf(header string) string {
	fields := strings.Split(header, "-")
	if len(fields) < 4 || len(fields[0]) != 2 || len(fields[1]) != 32 || !isToken(fields[1]) {
		return ""
	}
	return fields[1]
}
