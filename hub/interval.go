package hub

import "time"

// Interval is a half-open span of time [From, To) in UTC. A zero bound is open:
// the zero Interval contains every instant.
type Interval struct {
	From time.Time `json:"from,omitzero"`
	To   time.Time `json:"to,omitzero"`
}

// Contains reports whether t lies in the interval.
func (i Interval) Contains(t time.Time) bool {
	return (i.From.IsZero() || !t.Before(i.From)) && (i.To.IsZero() || t.Before(i.To))
}

// Overlaps reports whether the two intervals share an instant.
func (i Interval) Overlaps(o Interval) bool {
	startsBeforeEnd := func(a, b Interval) bool {
		return a.From.IsZero() || b.To.IsZero() || a.From.Before(b.To)
	}
	return startsBeforeEnd(i, o) && startsBeforeEnd(o, i)
}

// Dated is a value that holds during an interval.
type Dated[T any] struct {
	Value T        `json:"value"`
	Valid Interval `json:"valid,omitzero"`
}

// At returns the value that holds at t, and false when none does.
func At[T any](list []Dated[T], t time.Time) (T, bool) {
	for _, d := range list {
		if d.Valid.Contains(t) {
			return d.Value, true
		}
	}
	var zero T
	return zero, false
}
