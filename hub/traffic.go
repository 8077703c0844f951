package hub

import "time"

// TrafficHour is what went through a hub in one hour.
type TrafficHour struct {
	Hour     time.Time `json:"hour"`     // its beginning, UTC
	Accepted int64     `json:"accepted"` // dispatches
	Handed   int64     `json:"handed"`   // deliveries that were handed over
	// P50 and P95 are how long half and 95 of 100 of these took at most, from the acceptance of
	// the dispatch to the hand-over; within 10 %. Zero where none was handed over.
	P50 time.Duration `json:"p50"`
	P95 time.Duration `json:"p95"`
}

// Traffic is what went through a hub, hour by hour, without gaps.
type Traffic struct {
	Hours []TrafficHour // oldest first
	Until time.Time     // of the last evidence that was counted, UTC; zero for none
}

// ClassAccepted is the class of an HourCount of accepted dispatches. All others are of
// hand-overs, by how long they took.
const ClassAccepted = -1

// HourCount is how much there was of a class in an hour.
type HourCount struct {
	Hour  time.Time // its beginning, UTC
	Class int
	Count int64
}
