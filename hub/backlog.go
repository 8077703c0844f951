package hub

import "time"

// Backlog says how much waits in a hub. The counts stop at the limit that was asked
// for, so that looking costs the same however much there is.
type Backlog struct {
	Queued int       // deliveries that want to be carried
	Open   int       // deliveries that have not ended, the queued ones included
	Due    time.Time // when the first queued one wanted its next attempt, UTC; zero when nothing is queued
}

// Age is how long the first delivery has waited beyond its time; zero when none has.
func (b Backlog) Age(now time.Time) time.Duration {
	if b.Due.IsZero() || now.Before(b.Due) {
		return 0
	}
	return now.Sub(b.Due)
}
