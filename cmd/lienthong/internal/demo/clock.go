package demo

import (
	"math"
	"sync/atomic"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// The days of the play, counted from that on which the directive goes out. The last but one
// is the day behind the deadline of the answers, and the last is today: from then on the
// hubs go by the clock of the machine.
const (
	firstDay   = 0
	inTimeDay  = 20
	extendDay  = 40
	overdueDay = replyDays
	today      = overdueDay + 1
)

// playHour is the hour in Vietnam at which a day of the play begins.
const playHour = 9

// clock is that of all hubs and agencies of the demonstration. It begins some weeks back,
// since a deadline lies ahead when a task is set, and is moved forward from scene to scene.
type clock struct {
	first  hub.Date     // of the play
	behind atomic.Int64 // nanoseconds behind the clock of the machine
}

func newClock() *clock {
	c := &clock{first: hub.DateOf(time.Now()).Plus(-today)}
	c.behind.Store(math.MaxInt64)
	c.moveTo(firstDay)
	return c
}

// day is a day of the play.
func (c *clock) day(n int) hub.Date { return c.first.Plus(n) }

// moveTo moves the clock forward to the morning of a day of the play; it never goes back.
func (c *clock) moveTo(n int) {
	morning, _ := time.ParseInLocation(time.DateOnly, string(c.day(n)), hub.Vietnam())
	c.moveToInstant(morning.Add(playHour * time.Hour))
}

// moveToInstant moves the clock forward to an instant; it never goes back.
func (c *clock) moveToInstant(t time.Time) {
	c.behind.Store(min(c.behind.Load(), int64(time.Since(t))))
}

// arrive moves the clock forward to the time of the machine.
func (c *clock) arrive() { c.behind.Store(0) }

// late is how far the clock stands behind that of the machine.
func (c *clock) late() time.Duration { return time.Duration(c.behind.Load()) }

func (c *clock) now() time.Time { return time.Now().Add(-c.late()) }
