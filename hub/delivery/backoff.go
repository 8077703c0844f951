package delivery

import "time"

// Backoff says how long to wait between attempts: First, then twice as long each
// time up to Max, each with jitter, and after Attempts attempts not at all.
type Backoff struct {
	First    time.Duration // default 30 s
	Max      time.Duration // default 1 h
	Attempts int           // default 50, about two days
}

func (b Backoff) withDefaults() Backoff {
	setDefault(&b.First, 30*time.Second)
	setDefault(&b.Max, time.Hour)
	setDefault(&b.Attempts, 50)
	return b
}

// after returns the pause that follows the given number of attempts, with up to
// a quarter more so that what failed together does not return together. Pauses
// have the resolution of the times that are stored, milliseconds.
func (b Backoff) after(attempts int, jitter func(time.Duration) time.Duration) time.Duration {
	pause := b.First
	for n := 1; n < attempts && pause < b.Max; n++ {
		pause *= 2
	}
	pause = min(pause, b.Max)
	return (pause + jitter(pause/4)).Truncate(time.Millisecond)
}
