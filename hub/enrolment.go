package hub

import (
	"slices"
	"time"
)

// EnrolmentChannel is a way to connect that an enrolment gives credentials for.
type EnrolmentChannel string

// The ways to connect.
const (
	EnrolREST EnrolmentChannel = "rest" // an API key
	EnrolVXP  EnrolmentChannel = "vxp"  // the secret of a system of the national axis
	EnrolAMQP EnrolmentChannel = "amqp" // a user of the broker
	EnrolLGSP EnrolmentChannel = "lgsp" // consumer key and secrets of an application of the provincial API
)

// EnrolmentChannels lists all ways.
func EnrolmentChannels() []EnrolmentChannel {
	return []EnrolmentChannel{EnrolREST, EnrolVXP, EnrolAMQP, EnrolLGSP}
}

// Valid reports whether the channel is one of the list.
func (c EnrolmentChannel) Valid() bool { return slices.Contains(EnrolmentChannels(), c) }

// Enrolment is the permission to fetch the credentials of an agency once, with a code
// that the operator hands over on paper or by voice. Of the code only the SHA-256 is kept.
type Enrolment struct {
	ID       string             `json:"id"`
	Hash     Digest             `json:"-"`
	Agency   AgencyID           `json:"agency"`
	Channels []EnrolmentChannel `json:"channels"`
	System   string             `json:"system,omitempty"` // id of the system, for vxp
	Client   string             `json:"client,omitempty"` // consumer key of the application, for lgsp
	Contact  string             `json:"contact"`          // whom the integrator asks
	// Replace has the keys that the agency holds on these channels end when the code is
	// redeemed, Overlap later.
	Replace   bool      `json:"replace,omitempty"`
	Overlap   int64     `json:"overlap,omitempty"` // seconds
	CreatedBy string    `json:"created_by"`
	Created   time.Time `json:"created"`
	Expires   time.Time `json:"expires"`
	Redeemed  time.Time `json:"redeemed,omitzero"`
	Revoked   time.Time `json:"revoked,omitzero"`
	Keys      []string  `json:"keys,omitempty"` // ids of what was issued
}

// OpenAt reports whether the code opens anything at t.
func (e *Enrolment) OpenAt(t time.Time) bool {
	return e.Redeemed.IsZero() && e.Revoked.IsZero() && t.Before(e.Expires)
}

// Credential is what an agency needs on one channel. Its secret is shown this once.
type Credential struct {
	Channel EnrolmentChannel `json:"channel"`
	ID      string           `json:"id,omitempty"`      // of the key or secret, for the operator
	User    string           `json:"user,omitempty"`    // what it is used with: system id, consumer key or user
	Address string           `json:"address,omitempty"` // URL, or path on the hub
	Secret  string           `json:"secret,omitempty"`
	// UnitSecret says, for lgsp, that the application calls for this agency.
	UnitSecret string `json:"unit_secret,omitempty"`
	Problem    string `json:"problem,omitempty"` // why there is no secret; a new enrolment gives one
}

// Enrolled is what a code was redeemed for.
type Enrolled struct {
	Enrolment   string       `json:"enrolment"` // id
	Agency      AgencyID     `json:"agency"`
	Code        Code         `json:"code"`
	Name        string       `json:"name"`
	Credentials []Credential `json:"credentials"`
}

// KeyEnd is a key that ends.
type KeyEnd struct {
	Key string    // its id
	At  time.Time // UTC
}
