package hub

import "time"

// APIKey is a credential of an agency's system. The secret itself is shown once
// when the key is issued; only its SHA-256 is kept (secrets carry 256 random
// bits, so a slow hash would protect nothing).
type APIKey struct {
	ID       string     `json:"id"` // public part, also the Actor.Name
	Hash     Digest     `json:"-"`
	Name     string     `json:"name"` // what the operator calls it
	Kind     ActorKind  `json:"kind"`
	Agencies []AgencyID `json:"agencies"`
	Scopes   []Scope    `json:"scopes"`
	Created  time.Time  `json:"created"`
	Expires  time.Time  `json:"expires,omitzero"` // zero: never
	Revoked  time.Time  `json:"revoked,omitzero"` // zero: in force
	// System makes this the secret of a system that signs its requests under this name
	// instead of showing a key (national document axis). A system may have several
	// secrets at a time, so that they can be changed one after the other.
	System string `json:"system,omitempty"`
	// Sealed is that secret, encrypted: checking an HMAC takes the secret itself. It is
	// kept in stores and backups and never shown.
	Sealed []byte `json:"-"`
}

// LiveAt reports whether the key opens anything at t.
func (k *APIKey) LiveAt(t time.Time) bool {
	return (k.Expires.IsZero() || t.Before(k.Expires)) && (k.Revoked.IsZero() || t.Before(k.Revoked))
}
