package hub

import "time"

// StuckDelivery is a delivery that does not come on, as operators see it: who waits for
// whom, since when and why, and nothing of what the document says.
type StuckDelivery struct {
	ID          DeliveryID    `json:"id"`
	Dispatch    DispatchID    `json:"dispatch"`
	Sender      AgencyID      `json:"sender"`
	Recipient   AgencyID      `json:"recipient"`
	Channel     Channel       `json:"channel"`
	State       DeliveryState `json:"state"`
	Urgent      bool          `json:"urgent,omitempty"`
	AcceptedAt  time.Time     `json:"accepted_at"` // UTC, as all times here
	ExpiresAt   time.Time     `json:"expires_at"`
	Attempts    int           `json:"attempts"`
	NextAttempt time.Time     `json:"next_attempt,omitzero"`
	LastError   string        `json:"last_error,omitempty"` // of the last attempt, in English
	LastSaid    *Sentence     `json:"last_said,omitempty"`  // it, for readers of other languages
}

// Stuck is what does not come on.
type Stuck struct {
	// Failing are deliveries that an attempt failed for, and those that should have been
	// carried a minute ago; the longest overdue first, then by the next attempt.
	Failing []StuckDelivery `json:"failing"`
	// Ending are deliveries whose recipient has a day or less to collect or register; the
	// first to end first.
	Ending []StuckDelivery `json:"ending"`
	More   bool            `json:"more"` // there are more than are listed
}

// StuckOutcome says what came of an act of an operator on stuck deliveries.
type StuckOutcome struct {
	Count int         `json:"count"` // on which it was done
	Left  []StuckLeft `json:"left"`  // on which it could not be
}

// StuckLeft is a delivery on which an act could not be done, and why.
type StuckLeft struct {
	ID     DeliveryID `json:"id"`
	Reason string     `json:"reason"`         // in English
	Said   *Sentence  `json:"said,omitempty"` // the reason, for readers of other languages
}
