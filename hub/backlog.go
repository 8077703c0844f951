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

// DeadLetter is a message that the broker between nodes gave up. Its dispatch is not
// lost: the database knows it, and the delivery engine goes on with it.
type DeadLetter struct {
	ID       string     `json:"id"` // of the message: of the dispatch, if it could be read
	Dispatch DispatchID `json:"dispatch,omitempty"`
	Urgent   bool       `json:"urgent,omitempty"`
	Reason   string     `json:"reason"` // unreadable, redelivered_too_often, delivery_limit
	Queue    string     `json:"queue"`  // where it lay before
	Count    int        `json:"count"`  // how often it was given up, or seen before that
	First    time.Time  `json:"first"`  // when it was published, UTC
	Last     time.Time  `json:"last"`   // when it was given up, UTC
}
