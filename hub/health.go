package hub

import "time"

// HealthState says how something that a hub needs is.
type HealthState string

// The states of a check.
const (
	HealthSound    HealthState = "sound"
	HealthDegraded HealthState = "degraded" // the exchange goes on, with a backlog that is counted
	HealthFailed   HealthState = "failed"   // the hub cannot serve
)

// HealthCheck is one thing that a hub needs, as it is now.
type HealthCheck struct {
	Name   string      `json:"name"` // database, objects, broker, disk, queue, process
	State  HealthState `json:"state"`
	Reason string      `json:"reason,omitempty"` // for the operator; tells no secret and no person
	Since  time.Time   `json:"since,omitzero"`   // when this state began, UTC
}

// Readiness says whether a node wants requests.
type Readiness struct {
	Ready  bool          `json:"ready"`
	Checks []HealthCheck `json:"checks"`
}

// ReadinessOf sums checks up: one that failed makes a node unready.
func ReadinessOf(checks ...HealthCheck) Readiness {
	r := Readiness{Ready: true, Checks: checks}
	for _, c := range checks {
		r.Ready = r.Ready && c.State != HealthFailed
	}
	return r
}
