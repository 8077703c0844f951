package edoc

import (
	"cmp"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/lienthong/lienthong/hub"
)

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

// WithDefaults returns the limits with a value for each.
func (l Limits) WithDefaults() Limits {
	l.Package = cmp.Or(l.Package, 2<<30)
	l.Body = cmp.Or(l.Body, 64<<10)
	l.Requests = cmp.Or(l.Requests, 256)
	l.PerSystem = cmp.Or(l.PerSystem, 64)
	l.Rows = cmp.Or(l.Rows, 5000)
	l.Patience = cmp.Or(l.Patience, 30*time.Second)
	l.Speed = cmp.Or(l.Speed, 16<<10)
	return l
}

// Strangers is how much of a body is read of somebody who is not let in. Clients read no
// answer before they have sent their file, but nobody can make the hub read for ever.
func (l *Limits) Strangers() int64 { return min(l.Package, 64<<20) }

// Reading gives the peer time to send its body, or as much of it as is read. Connections
// of tests may have no deadlines, which is fine: nothing is waited for there.
func (l *Limits) Reading(w http.ResponseWriter, r *http.Request, most int64) {
	length := r.ContentLength
	if length < 0 {
		length = most
	}
	_ = http.NewResponseController(w).SetReadDeadline(l.until(min(length, most)))
}

// Writing gives the peer time to take an answer of that many bytes.
func (l *Limits) Writing(w http.ResponseWriter, size int64) {
	_ = http.NewResponseController(w).SetWriteDeadline(l.until(size))
}

func (l *Limits) until(size int64) time.Time {
	return time.Now().Add(l.Patience + time.Duration(size/l.Speed)*time.Second)
}

// Patient ends the deadline of a body that was read: the server goes on listening for the
// end of the connection, and a deadline would look like one.
func Patient(w http.ResponseWriter) {
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
}

// ReadBody reads a small body whole.
func ReadBody(r io.Reader, limit int64) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r, limit+1))
	switch {
	case err != nil:
		return nil, &hub.Error{Kind: hub.KindInvalid, Field: "body", Rule: "truncated", Message: "the body broke off", Err: err}
	case int64(len(body)) > limit:
		return nil, hub.Errorf(hub.KindTooLarge, "body", "max_size", "the body is above %d bytes", limit)
	}
	return body, nil
}

// Gate bounds the calls under way, of all and of one system. Its zero value is ready.
type Gate struct {
	mu      sync.Mutex
	all     int
	systems map[string]int // by actor; absent when none is under way
}

// enter takes a place among all calls.
func (g *Gate) enter(limit int) (leave func(), err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.all >= limit {
		return nil, &hub.Error{Kind: hub.KindBusy, Rule: "requests", Message: "too many calls are under way, try again", RetryAfter: time.Second}
	}
	g.all++
	return func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.all--
	}, nil
}

// enterSystem takes a place among the calls of one system.
func (g *Gate) enterSystem(actor string, limit int) (leave func(), err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.systems[actor] >= limit {
		return nil, &hub.Error{Kind: hub.KindBusy, Rule: "system", Message: "this system has too many calls under way, try again", RetryAfter: time.Second}
	}
	if g.systems == nil {
		g.systems = map[string]int{}
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

// Admit takes a place among all calls, proves who calls, and takes one among those of
// that system. Who is not let in takes none, however slowly it sends what it has.
func (g *Gate) Admit(l *Limits, prove func() (hub.Actor, error)) (leave func(), err error) {
	leaveAll, err := g.enter(l.Requests)
	if err != nil {
		return nil, err
	}
	actor, err := prove()
	if err != nil {
		leaveAll()
		return nil, err
	}
	leaveSystem, err := g.enterSystem(actor.Name, l.PerSystem)
	if err != nil {
		leaveAll()
		return nil, err
	}
	return func() { leaveSystem(); leaveAll() }, nil
}
