package vxp

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

// Options are what the door needs.
type Options struct {
	Desk
	Base    string // path of the endpoint, "/vxp"; "/" for the root
	Systems Systems

	NewID  func() string // request ids
	Log    *slog.Logger
	Limits Limits
}

// Limits bound what requests may take.
type Limits = edoc.Limits

// Server answers the calls of the axis. It is an http.Handler, safe for concurrent use.
type Server struct {
	Options
	calls map[string]operation
	gate  edoc.Gate
}

// operation is one call of the protocol.
type operation struct {
	run    func(*Server, *call) error
	accept bool // its body is a file, and it begins something new
	field  string
	bare   bool // clients call it with GET, and take whatever comes back for the file
}

// The fields without which a client drops the whole answer, reasons and all.
const (
	fieldDocID = "DocId"
	fieldData  = "data"
)

// New returns a Server.
func New(o Options) *Server {
	o.Limits = o.Limits.WithDefaults()
	o.Base = strings.TrimSuffix(o.Base, "/")
	return &Server{Options: o, calls: map[string]operation{
		"sendEdoc":            {run: (*Server).sendEdoc, accept: true, field: fieldDocID},
		"getReceivedEdocList": {run: (*Server).receivedList},
		"getEdoc":             {run: (*Server).getEdoc, field: fieldData},
		"downloadEdoc":        {run: (*Server).downloadEdoc, field: fieldData, bare: true},
		"updateStatus":        {run: (*Server).updateStatus},
		"getSentEdocList":     {run: (*Server).sentList},
		"countReceiveEdoc":    {run: (*Server).countDocuments},
		"countReceiveStatus":  {run: (*Server).countStatuses},
		"getAgenciesList":     {run: (*Server).agencies},
		"getSynchronizeUnit":  {run: (*Server).units},
		"registerAgency":      {run: (*Server).registerAgency},
		"deleteAgency":        {run: (*Server).deleteAgency},
	}}
}

// Serves reports whether a path is one of the endpoint. Nothing else may answer it, and
// above all not with a redirect: clients follow one without body and signature.
//
// At the root it is the operations alone: everything else there belongs to others.
func (s *Server) Serves(path string) bool {
	if s.Base == "" {
		return s.calls[strings.Trim(path, "/")].run != nil
	}
	return path == s.Base || strings.HasPrefix(path, s.Base+"/")
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := strings.Trim(strings.TrimPrefix(r.URL.Path, s.Base), "/")
	op, known := s.calls[name]
	if !known {
		name = "(none)"
	}
	x := &call{r: r, w: w, limits: &s.Limits, op: op, name: name, id: s.NewID(), begun: s.Now()}
	x.log = s.Log.With("request", x.id, "operation", name)
	s.Limits.Reading(w, r, x.mostBody(s.Limits.Package))
	_ = http.NewResponseController(w).SetWriteDeadline(time.Time{}) // until the size of the answer is known
	defer s.end(x)
	if err := s.serve(x, known); err != nil {
		x.fail(err)
	}
}

func (s *Server) serve(x *call, known bool) error {
	switch {
	case !known:
		return hub.Errorf(hub.KindNotFound, "", "operation", "there is no such operation on this axis")
	case x.r.Method != http.MethodPost && !x.bare():
		return hub.Errorf(hub.KindUnsupported, "", "method", "operations are called with POST")
	}
	leave, err := s.gate.Admit(&s.Limits, func() (hub.Actor, error) { return s.authenticate(x) })
	if err != nil {
		x.turnedAway(s.Limits)
		return err
	}
	defer leave()
	if !x.op.accept {
		if x.body, err = edoc.ReadBody(x.r.Body, s.Limits.Body); err != nil {
			return err
		}
		edoc.Patient(x.w)
	}
	return x.op.run(s, x)
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
	x.log.Info("axis call", "system", x.actor.Name, "result", result, "aborted", v != nil, "duration", s.Now().Sub(x.begun))
	if v != nil {
		panic(http.ErrAbortHandler)
	}
}

// call is one request with its answer.
type call struct {
	r        *http.Request
	w        http.ResponseWriter
	limits   *Limits
	op       operation
	name     string
	id       string
	begun    time.Time
	log      *slog.Logger
	actor    hub.Actor
	system   string
	params   map[string]string // of the signed header, without their prefix
	body     []byte            // of all operations but those with a file
	answered bool
	err      error
}

func (x *call) context() context.Context { return x.r.Context() }

// bare reports whether the client takes the body of the answer for a file, whatever it is.
func (x *call) bare() bool { return x.op.bare && x.r.Method == http.MethodGet }

func (x *call) caller() *edoc.Caller {
	return &edoc.Caller{Actor: x.actor, System: x.system, At: x.begun, Request: x.id}
}

// param returns a signed parameter; "" when it is absent. Names are exact in case.
func (x *call) param(name string) string { return strings.TrimSpace(x.params[name]) }

// first returns the first of the parameters that is there: clients have two spellings of
// one name, and keep what an earlier call set.
func (x *call) first(names ...string) string {
	for _, name := range names {
		if v := x.param(name); v != "" {
			return v
		}
	}
	return ""
}

// turnedAway reads what it must of a call that is not let in.
func (x *call) turnedAway(l Limits) {
	l.Reading(x.w, x.r, x.mostBody(l.Strangers()))
	x.drain(l.Strangers())
}

// mostBody is how much of a body is waited for, in bytes, where a file has so many.
func (x *call) mostBody(file int64) int64 {
	if x.op.accept {
		return file
	}
	return x.limits.Body
}

// drain reads what is left of a body. What goes wrong with it changes no answer.
func (x *call) drain(limit int64) {
	if x.op.accept {
		_, _ = io.Copy(io.Discard, io.LimitReader(x.r.Body, limit))
	}
}
