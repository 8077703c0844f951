package delivery

import (
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Breaker says when a recipient's endpoint is left alone: after Failures temporary
// failures in a row nothing is carried to it for Pause, then one delivery tries; if
// that fails too, the pause doubles up to Max. What waits meanwhile counts no attempt,
// so that an endpoint that is away for days uses nobody's attempts up.
type Breaker struct {
	Failures int           // default 5
	Pause    time.Duration // default 30 s
	Max      time.Duration // default 15 min
}

func (b Breaker) withDefaults() Breaker {
	setDefault(&b.Failures, 5)
	setDefault(&b.Pause, 30*time.Second)
	setDefault(&b.Max, 15*time.Minute)
	return b
}

// circuit is what one recipient's endpoint did lately. It exists from the first
// failure to the next success.
type circuit struct {
	failures int
	until    time.Time // nothing is carried before
	trial    bool      // the one delivery that tries is on its way
}

// closedUntil returns when the recipient's endpoint is worth a delivery, zero for now.
func (l *lane) closedUntil(recipient hub.AgencyID, now time.Time) time.Time {
	c := l.circuits[recipient]
	switch {
	case c == nil || c.failures < l.breaker.Failures:
		return time.Time{}
	case now.Before(c.until):
		return c.until
	case c.trial:
		return now.Add(l.breaker.Pause)
	}
	c.trial = true
	return time.Time{}
}

// note records how a carry to the recipient ended and reports whether it was a mere
// trial, which counts no attempt. A permanent error is an answer: the endpoint is there.
func (l *lane) note(recipient hub.AgencyID, err error, now time.Time) (trial bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil || permanent(err) {
		delete(l.circuits, recipient)
		return false
	}
	c := l.circuits[recipient]
	if c == nil {
		c = &circuit{}
		l.circuits[recipient] = c
	}
	trial = c.failures >= l.breaker.Failures
	c.failures++
	c.trial = false
	if over := c.failures - l.breaker.Failures; over >= 0 {
		c.until = now.Add(min(l.breaker.Pause<<min(over, 16), l.breaker.Max))
	}
	return trial
}

// untried gives the turn to try back when the delivery that had it was not carried.
func (l *lane) untried(recipient hub.AgencyID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if c := l.circuits[recipient]; c != nil {
		c.trial = false
	}
}

// OpenCircuits counts the recipients whose endpoints are left alone for now, by channel.
func (s *Service) OpenCircuits() map[hub.Channel]int {
	open := make(map[hub.Channel]int, len(s.lanes))
	for channel, l := range s.lanes {
		l.mu.Lock()
		for _, c := range l.circuits {
			if c.failures >= l.breaker.Failures {
				open[channel]++
			}
		}
		l.mu.Unlock()
	}
	return open
}
