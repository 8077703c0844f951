package lgsp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/lienthong/lienthong/adapters/internal/edoc"
	"github.com/lienthong/lienthong/hub"
)

// Clients knows the applications and what they may do.
type Clients interface {
	// Grant gives an access token for the secret of a client; KindUntrusted otherwise.
	Grant(ctx context.Context, client, secret string, life time.Duration) (token string, until time.Time, err error)
	// TokenClient returns the name of the client that a token was given to.
	TokenClient(ctx context.Context, token string) (string, error)
	// AuthenticateToken returns the actor for a token and the secret of a unit.
	AuthenticateToken(ctx context.Context, token, unitSecret string) (hub.Actor, error)
}

// Desk is what this door has in common with others that hand packages in and out.
type Desk = edoc.Desk

// Limits bound what requests may take.
type Limits = edoc.Limits

// Options are what the door needs.
type Options struct {
	Desk
	Base    string // path before those of the profile, "" for none
	Profile Profile
	Clients Clients

	NewID  func() string // request ids
	Log    *slog.Logger
	Limits Limits
}

// Server answers the calls of the API. It is an http.Handler, safe for concurrent use.
type Server struct {
	Options
	gate    edoc.Gate
	unknown seen
}

// New returns a Server.
func New(o Options) *Server {
	o.Limits = o.Limits.WithDefaults()
	o.Base = strings.TrimSuffix(o.Base, "/")
	return &Server{Options: o}
}

// Serves reports whether a path is one of this door.
func (s *Server) Serves(path string) bool {
	rest, ok := strings.CutPrefix(path, s.Base)
	return ok && (rest == s.Profile.TokenPath || rest == s.Profile.APIPath || strings.HasPrefix(rest, s.Profile.APIPath+"/"))
}

// opToken is the operation that takes no access token.
const opToken = "token"

// operation is one call of the API.
type operation struct {
	name string
	run  func(*Server, *call) error
	file bool // its body holds a file, and it begins something new
	text bool // the data of its answer is a text
}

// nothing is the data of a refusal. Programs go through a list without looking at the
// status, and their clients refuse an answer whose data is of another type.
func (o *operation) nothing() any {
	if o.text {
		return ""
	}
	return []any{}
}

// operationOf finds the operation of a request; docID is the last part of its path.
func (s *Server) operationOf(r *http.Request) (op operation, docID string, err error) {
	resource, last, _ := strings.Cut(strings.Trim(strings.TrimPrefix(r.URL.Path, s.Base+s.Profile.APIPath), "/"), "/")
	methods := map[string]operation{}
	switch {
	case resource == "vanbans" && last == "":
		methods[http.MethodGet] = operation{name: "vanbans", run: (*Server).list}
		methods[http.MethodPost] = operation{name: "send", run: (*Server).send, file: true}
	case resource == "vanbans" && !strings.Contains(last, "/"):
		methods[http.MethodGet] = operation{name: "vanban", run: (*Server).fetch, text: true}
		methods[http.MethodPut] = operation{name: "status", run: (*Server).update}
	case resource == "donvilienthongs" && last == "":
		methods[http.MethodGet] = operation{name: "units", run: (*Server).units}
		methods[http.MethodPost] = operation{name: "register", run: (*Server).register}
		methods[http.MethodPut] = operation{name: "unregister", run: (*Server).unregister}
	case resource == "donvilienthongs" && strings.EqualFold(last, s.Profile.OwnUnits):
		methods[http.MethodGet] = operation{name: "own units", run: (*Server).ownUnits}
	default:
		return operation{name: "(none)"}, "", &httpError{http.StatusNotFound, hub.Errorf(hub.KindNotFound, "path", "resource", "there is no such resource in this API")}
	}
	op, ok := methods[r.Method]
	if !ok {
		return operation{name: "(none)"}, "", &httpError{http.StatusMethodNotAllowed, hub.Errorf(hub.KindUnsupported, "method", "method", "this resource has no %.10s", r.Method)}
	}
	return op, last, nil
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := &call{s: s, r: r, w: w, id: s.NewID(), begun: s.Now(), values: map[string]string{}}
	_ = http.NewResponseController(w).SetWriteDeadline(time.Time{}) // until the size of the answer is known
	var err error
	if strings.TrimPrefix(r.URL.Path, s.Base) == s.Profile.TokenPath {
		x.op = operation{name: opToken, run: (*Server).token}
	} else {
		x.op, x.docID, err = s.operationOf(r)
	}
	s.Limits.Reading(w, r, s.mostBody(x.op))
	x.log = s.Log.With("request", x.id, "operation", x.op.name)
	defer s.end(x)
	if err == nil {
		err = s.serve(x)
	}
	if err != nil {
		x.fail(err)
	}
}

func (s *Server) serve(x *call) error {
	if x.op.name == opToken {
		return x.op.run(s, x)
	}
	leave, err := s.gate.Admit(&s.Limits, func() (hub.Actor, error) {
		client, err := s.Clients.TokenClient(x.context(), bearer(x.r))
		x.system = client
		return hub.Actor{Name: client}, err
	})
	if err != nil {
		if x.op.file {
			s.Limits.Reading(x.w, x.r, s.Limits.Strangers())
			x.drain(s.Limits.Strangers())
		}
		return err
	}
	defer leave()
	x.readAddress()
	if !x.op.file {
		if err := x.readBody(); err != nil {
			return err
		}
		if err := x.authenticate(); err != nil {
			return err
		}
	}
	return x.op.run(s, x)
}

// mostBody is the largest body of an operation, in bytes. One with a file holds a package
// in base64, some of it escaped, and the members beside it.
func (s *Server) mostBody(op operation) int64 {
	switch {
	case op.file:
		return s.Limits.Package/2*3 + s.Limits.Body
	case op.name == opToken:
		return maxTokenBody
	}
	return s.Limits.Body
}

// bearer is the access token of a request; "" when there is none.
func bearer(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// end recovers from a panic and writes the log line of the call.
func (s *Server) end(x *call) {
	v := recover()
	if err, ok := v.(error); v != nil && (!ok || !errors.Is(err, http.ErrAbortHandler)) {
		x.log.Error("panic", "value", fmt.Sprint(v), "stack", string(debug.Stack()))
		if !x.answered {
			x.fail(hub.Internal("panic", nil))
			v = nil
		}
	}
	result := "OK"
	if x.err != nil {
		result = string(hub.KindOf(x.err))
	}
	x.log.Info("provincial call", "client", x.system, "result", result, "aborted", v != nil, "duration", s.Now().Sub(x.begun))
	if v != nil {
		panic(http.ErrAbortHandler)
	}
}

// call is one request with its answer.
type call struct {
	s        *Server
	r        *http.Request
	w        http.ResponseWriter
	op       operation
	docID    string
	id       string
	begun    time.Time
	log      *slog.Logger
	actor    hub.Actor
	system   string            // the client
	values   map[string]string // of the body, by name in lower case
	answered bool
	err      error
}

func (x *call) context() context.Context { return x.r.Context() }

func (x *call) caller() *edoc.Caller {
	return &edoc.Caller{Actor: x.actor, System: x.system, At: x.begun, Request: x.id}
}

// authenticate finds out for which of its agencies the client calls.
func (x *call) authenticate() (err error) {
	x.actor, err = x.s.Clients.AuthenticateToken(x.context(), bearer(x.r), x.value(x.s.Profile.UnitSecret))
	return err
}

// drain reads what is left of a body. Clients read no answer before they have sent it,
// and what goes wrong with it changes none.
func (x *call) drain(limit int64) {
	_, _ = io.Copy(io.Discard, io.LimitReader(x.r.Body, limit))
}
