package vxp

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Options are what the door needs; all services are required.
type Options struct {
	Base         string // path of the endpoint, "/vxp"; "/" for the root
	Systems      Systems
	Directory    Directory
	Intake       Intake
	Mailbox      Mailbox
	Recipient    Recipient
	Dispatches   Dispatches
	Notices      Notices
	Applications Applications
	Blobs        Blobs
	Codec        Codec

	Now   func() time.Time
	NewID func() string // request ids
	Log   *slog.Logger
	// Overloaded returns a KindBusy error while new documents would only make a backlog
	// worse; nil means never. What is in the hub already is served anyway.
	Overloaded func() error
	Limits     Limits
}

// Limits bound what requests may take. Zero means the default named beside the field.
type Limits struct {
	Package   int64         // bytes of a file; default 2 GiB
	Body      int64         // bytes of every other body; default 64 KiB
	Requests  int           // requests under way; default 256
	PerSystem int           // of one system; default 64
	Rows      int           // of a list; default 5000
	Patience  time.Duration // for a peer to begin with; default 30 s
	Speed     int64         // bytes in a second that a peer must keep up then; default 16 KiB
}

func (l Limits) withDefaults() Limits {
	l.Package = cmp.Or(l.Package, 2<<30)
	l.Body = cmp.Or(l.Body, 64<<10)
	l.Requests = cmp.Or(l.Requests, 256)
	l.PerSystem = cmp.Or(l.PerSystem, 64)
	l.Rows = cmp.Or(l.Rows, 5000)
	l.Patience = cmp.Or(l.Patience, 30*time.Second)
	l.Speed = cmp.Or(l.Speed, 16<<10)
	return l
}

// Server answers the calls of the axis. It is an http.Handler, safe for concurrent use.
type Server struct {
	Options
	calls map[string]operation
	gate  gate
}

// operation is one call of the protocol.
type operation struct {
	run    func(*Server, *call) error
	accept bool // its body is a file, and it begins something new
	field  string
}

// The fields without which a client drops the whole answer, reasons and all.
const (
	fieldDocID = "DocId"
	fieldData  = "data"
)

// New returns a Server.
func New(o Options) *Server {
	o.Limits = o.Limits.withDefaults()
	o.Base = strings.TrimSuffix(o.Base, "/")
	return &Server{Options: o, gate: gate{systems: map[string]int{}}, calls: map[string]operation{
		"sendEdoc":            {run: (*Server).sendEdoc, accept: true, field: fieldDocID},
		"getReceivedEdocList": {run: (*Server).receivedList},
		"getEdoc":             {run: (*Server).getEdoc, field: fieldData},
		"downloadEdoc":        {run: (*Server).downloadEdoc, field: fieldData},
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
	x := &call{r: r, w: w, op: op, name: name, id: s.NewID(), begun: s.Now()}
	x.log = s.Log.With("request", x.id, "operation", name)
	x.deadlines(s.Limits)
	defer s.end(x)
	if err := s.serve(x, known); err != nil {
		x.fail(err)
	}
}

func (s *Server) serve(x *call, known bool) error {
	switch {
	case !known:
		return hub.Errorf(hub.KindNotFound, "", "operation", "there is no such operation on this axis")
	case x.r.Method != http.MethodPost:
		return hub.Errorf(hub.KindUnsupported, "", "method", "operations are called with POST")
	}
	leave, err := s.admit(x)
	if err != nil {
		x.turnedAway(s.Limits)
		return err
	}
	defer leave()
	if !x.op.accept {
		if x.body, err = readBody(x.r.Body, s.Limits.Body); err != nil {
			return err
		}
		x.patient()
	}
	return x.op.run(s, x)
}

// admit authenticates a call and gives it a place among those under way. Who is not let
// in takes none, however slowly it sends what it has.
func (s *Server) admit(x *call) (leave func(), err error) {
	leaveAll, err := s.gate.enter(&s.gate.all, s.Limits.Requests)
	if err != nil {
		return nil, err
	}
	if err := s.authenticate(x); err != nil {
		leaveAll()
		return nil, err
	}
	leaveSystem, err := s.gate.enterSystem(x.actor.Name, s.Limits.PerSystem)
	if err != nil {
		leaveAll()
		return nil, err
	}
	return func() { leaveSystem(); leaveAll() }, nil
}

// strangers is how much of a body is read of somebody who is not let in. Clients read no
// answer before they have sent their file, but nobody can make the hub read for ever.
func (l *Limits) strangers() int64 { return min(l.Package, 64<<20) }

// readBody reads a small body whole.
func readBody(r io.Reader, limit int64) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r, limit+1))
	switch {
	case err != nil:
		return nil, &hub.Error{Kind: hub.KindInvalid, Field: "body", Rule: "truncated", Message: "the body broke off", Err: err}
	case int64(len(body)) > limit:
		return nil, hub.Errorf(hub.KindTooLarge, "body", "max_size", "the body is above %d bytes", limit)
	}
	return body, nil
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

// gate bounds the calls under way.
type gate struct {
	mu      sync.Mutex
	all     int
	systems map[string]int // by actor; absent when none is under way
}

func (g *gate) enter(count *int, limit int) (leave func(), err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if *count >= limit {
		return nil, &hub.Error{Kind: hub.KindBusy, Rule: "requests", Message: "too many calls are under way, try again", RetryAfter: time.Second}
	}
	*count++
	return func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		*count--
	}, nil
}

func (g *gate) enterSystem(actor string, limit int) (leave func(), err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.systems[actor] >= limit {
		return nil, &hub.Error{Kind: hub.KindBusy, Rule: "system", Message: "this system has too many calls under way, try again", RetryAfter: time.Second}
	}
	g.systems[actor]++
	return func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		if g.systems[actor]--; g.systems[actor] == 0 {
			delete(g.systems, actor)
		}
	}, nil
}

// call is one request with its answer.
type call struct {
	r        *http.Request
	w        http.ResponseWriter
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

// deadlines give the peer time in proportion to what it sends. Connections of tests may
// have no deadlines, which is fine: nothing is waited for there.
func (x *call) deadlines(l Limits) {
	x.reading(l.Package, l)
	_ = http.NewResponseController(x.w).SetWriteDeadline(time.Time{})
}

// reading gives the peer time to send its body, or as much of it as is read.
func (x *call) reading(most int64, l Limits) {
	length := x.r.ContentLength
	if length < 0 {
		length = most
	}
	_ = http.NewResponseController(x.w).SetReadDeadline(time.Now().Add(l.Patience + time.Duration(min(length, most)/l.Speed)*time.Second))
}

// patient ends the deadline of a body that was read: the server goes on listening for the
// end of the connection, and a deadline would look like one.
func (x *call) patient() { _ = http.NewResponseController(x.w).SetReadDeadline(time.Time{}) }

// writing gives the peer time to take an answer of that many bytes.
func (x *call) writing(size int64, l Limits) {
	_ = http.NewResponseController(x.w).SetWriteDeadline(time.Now().Add(l.Patience + time.Duration(size/l.Speed)*time.Second))
}

// turnedAway reads what it must of a call that is not let in.
func (x *call) turnedAway(l Limits) {
	x.reading(l.strangers(), l)
	x.drain(l.strangers())
}

// drain reads what is left of a body. What goes wrong with it changes no answer.
func (x *call) drain(limit int64) {
	if x.op.accept {
		_, _ = io.Copy(io.Discard, io.LimitReader(x.r.Body, limit))
	}
}
