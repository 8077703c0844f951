package audit

import (
	"time"

	"github.com/lienthong/lienthong/hub"
)

// maxBehind is how far the clock may be behind what was sealed before: nodes that keep
// their clocks differ by far less.
const maxBehind = 5 * time.Second

// seen remembers the latest time that evidence of this process carries. That of what a
// delivery went through before is in it: no evidence is of an earlier time than the one
// that it follows, whatever the clock says (hub.Delivery.Moment).
func (s *Service) seen(at time.Time) {
	for latest := s.latest.Load(); at.UnixMilli() > latest; latest = s.latest.Load() {
		if s.latest.CompareAndSwap(latest, at.UnixMilli()) {
			return
		}
	}
}

// ClockFault tells that the clock was set back, or that of another node is ahead: evidence
// carries the time of the one that it follows then, and not that of the clock. Nil when
// the clock has caught up.
func (s *Service) ClockFault() error {
	latest := time.UnixMilli(s.latest.Load())
	if behind := latest.Sub(s.o.Now()); behind > maxBehind {
		return hub.Errorf(hub.KindUnavailable, "", "clock_set_back", "the clock of this node is %s behind evidence that was made before: it was set back, or the clock of another node is ahead", behind.Round(time.Second))
	}
	return nil
}
