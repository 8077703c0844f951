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
	Name   string      `json:"name"` // database, objects, broker, disk, queue, log, axis, process and others
	State  HealthState `json:"state"`
	Reason string      `json:"reason,omitempty"` // for the operator, in English; tells no secret and no person
	Said   *Sentence   `json:"said,omitempty"`   // the reason, for readers of other languages
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

// ExpiryKind says what it is that ends.
type ExpiryKind string

// What a hub relies on and that ends.
const (
	ExpiryTLS      ExpiryKind = "tls"      // certificate of the listener
	ExpiryEvidence ExpiryKind = "evidence" // certificate of the evidence key, or one above it
	ExpirySeal     ExpiryKind = "seal"     // certificate with which the hub seals for an agency
	ExpiryCRL      ExpiryKind = "crl"      // revocation list of an authority
)

// Expiry is one of them.
type Expiry struct {
	Kind  ExpiryKind
	Name  string    // of the certificate or the authority; of the agency of a seal
	From  time.Time // since when it is in force, UTC
	Until time.Time // until when, UTC; of a list, when the next one was to come
}
