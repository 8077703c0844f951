package amqp

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// DeskOptions are what a Desk needs; all fields are required but Overloaded.
type DeskOptions struct {
	Members   Members
	Intake    Intake
	Forwards  Forwards
	Box       Box
	Recipient Recipient
	Reports   Reports
	Blobs     Blobs
	// Overloaded returns a KindBusy error while new submissions would only make a backlog
	// worse; nil means never.
	Overloaded func() error
}

// Desk serves what agencies with a queue of their own write to their exchanges: they
// send, collect, acknowledge and report there, as others do over HTTP. An agency is who
// its exchange says, to which its user alone may write.
//
// A message is acknowledged to the broker when what it asks for is durable and its
// answer lies durably in the agency's queue of answers. So it may be served twice, and
// the second time changes nothing and gives the same answer. What cannot be done now
// stays and is tried again; what cannot be done at all is answered with a problem, and
// the message is kept in the agency's queue of refused ones.
//
// The agencies are served side by side, the messages of each one after the other.
type Desk struct {
	DeskOptions
	queue *Queue
	room  chan struct{} // bounds the messages that are worked on at a time
}

// atWork is how many messages are worked on at a time: each may hold some 40 MiB.
const atWork = 8

// NewDesk returns a Desk that connects as the queue does.
func NewDesk(q *Queue, o DeskOptions) *Desk {
	if o.Overloaded == nil {
		o.Overloaded = func() error { return nil }
	}
	return &Desk{DeskOptions: o, queue: q, room: make(chan struct{}, atWork)}
}

// Run serves until ctx ends. One node of a hub at a time should run it; a moment with
// two does no harm.
func (d *Desk) Run(ctx context.Context) {
	d.queue.keep(ctx, "agencies", newState(&d.queue.Options, "agencies"), d.session)
}

// membersEvery is how soon an agency that was added is served.
const membersEvery = 5 * time.Second

// session serves all agencies on one connection, each on a channel of its own.
func (d *Desk) session(ctx context.Context, c *connection, sound func()) error {
	sound()
	ctx, stop := context.WithCancel(ctx)
	staff := &staff{desk: d, connection: c, windows: map[hub.Code]*window{}}
	defer staff.working.Wait()
	defer c.close() // what waits for the broker ends with the connection
	defer stop()
	tick := time.NewTicker(membersEvery)
	defer tick.Stop()
	for {
		staff.match(ctx)
		select {
		case <-ctx.Done():
			staff.finish(stop)
			return ctx.Err()
		case why := <-c.lost:
			return lostError(why)
		case <-tick.C:
		}
	}
}

// staff are the windows that are open on one connection.
type staff struct {
	desk       *Desk
	connection *connection
	working    sync.WaitGroup

	mu      sync.Mutex
	windows map[hub.Code]*window
}

// match opens windows for agencies that have none, and closes those of agencies that
// are reached otherwise by now.
func (s *staff) match(ctx context.Context) {
	now := s.desk.queue.Now()
	wanted := map[hub.Code]hub.AgencyID{}
	for _, a := range s.desk.Members.ByChannel(hub.ChannelAMQP, now) {
		if code, err := hub.ParseCode(string(a.CodeAt(now))); err == nil {
			wanted[code] = a.ID
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for code, w := range s.windows {
		if wanted[code] != w.agency {
			w.stop()
		}
	}
	for code, agency := range wanted {
		if s.windows[code] != nil {
			continue
		}
		working, stop := context.WithCancel(ctx)
		w := &window{Desk: s.desk, code: code, agency: agency, actor: actorOf(code, agency), stop: stop}
		s.windows[code] = w
		s.working.Go(func() { s.open(working, w) })
	}
}

func (s *staff) open(ctx context.Context, w *window) {
	defer w.stop()
	err := w.serveAll(ctx, s.connection)
	if ctx.Err() == nil {
		s.desk.queue.Log.LogAttrs(ctx, slog.LevelWarn, "the messages of an agency wait",
			slog.String("agency", string(w.code)), slog.Any("error", err))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.windows, w.code) // the next match opens it again
}

// finishLimit is how long what is being served may take when the hub stops.
const finishLimit = 10 * time.Second

// finish lets the windows come to the end of what they are at.
func (s *staff) finish(stop func()) {
	stop()
	done := make(chan struct{})
	go func() { s.working.Wait(); close(done) }()
	limit := time.NewTimer(finishLimit)
	defer limit.Stop()
	select {
	case <-done:
	case <-limit.C: // it comes again
	}
}
