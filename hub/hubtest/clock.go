package hubtest

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// Clock is a clock that only its owner moves.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// NewClock returns a clock that stands at 2 March 2026, 08:30 in Vietnam.
func NewClock() *Clock {
	return &Clock{now: time.Date(2026, 3, 2, 1, 30, 0, 0, time.UTC)}
}

// Now returns the time that the clock shows, in UTC.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance moves the clock; backwards too, since clocks of machines jump.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// IDs makes ids in the form of UUIDv7 that are the same in every run and sort by
// the order of making.
type IDs struct{ made atomic.Int64 }

// New returns the next id.
func (i *IDs) New() string {
	n := i.made.Add(1)
	return fmt.Sprintf("%08x-%04x-7000-8000-%012x", n>>16, n&0xffff, n)
}
