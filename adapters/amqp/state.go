package amqp

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// state is how one kind of connection is, with a line in the log for every change.
type state struct {
	log  *slog.Logger
	now  func() time.Time
	name string

	mu        sync.Mutex
	connected bool
	since     time.Time
	reason    string
}

func newState(o *Options, name string) *state {
	return &state{log: o.Log, now: o.Now, name: name, since: o.Now(), reason: "not connected yet"}
}

func (s *state) up(ctx context.Context) {
	if s.change(true, "") {
		s.log.InfoContext(ctx, "the broker serves", "connection", s.name)
	}
}

func (s *state) down(ctx context.Context, reason string) {
	if s.change(false, reason) {
		s.log.WarnContext(ctx, "the broker does not serve", "connection", s.name, "reason", reason)
	}
}

// change records a state and reports whether it is another one. One that is away for
// changing reasons still is away.
func (s *state) change(connected bool, reason string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	first := s.reason == "not connected yet"
	changed := s.connected != connected
	s.connected, s.reason = connected, reason
	if changed {
		s.since = s.now()
	}
	return changed || first
}

func (s *state) get() (connected bool, since time.Time, reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.connected, s.since, s.reason
}

// Stats counts what went through a Queue since it was opened.
type Stats struct {
	Published   int64 // given to the broker
	Confirmed   int64 // taken by it, durably
	Returned    int64 // without a queue to go to
	Nacked      int64 // refused by it, as by a queue that is full
	Consumed    int64 // handled and acknowledged
	Redelivered int64 // seen again
	Dead        int64 // put to the dead letters by this Queue; the broker puts others there
}

type counters struct{ published, confirmed, returned, nacked, consumed, redelivered, dead atomic.Int64 }

func (c *counters) stats() Stats {
	return Stats{
		Published: c.published.Load(), Confirmed: c.confirmed.Load(), Returned: c.returned.Load(), Nacked: c.nacked.Load(),
		Consumed: c.consumed.Load(), Redelivered: c.redelivered.Load(), Dead: c.dead.Load(),
	}
}
