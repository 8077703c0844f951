package hub

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"time"
)

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
	// Client makes this the secret of an application that gets access tokens with it
	// under this name (OAuth 2 client credentials, RFC 6749 section 4.4: provincial API)
	// instead of showing it with every request. A client may have several at a time.
	Client string `json:"client,omitempty"`
	// Used is when it last opened something, some minutes late; zero: never, as far as is
	// known. It is no part of what is saved with the key, and not in backups.
	Used time.Time `json:"last_used,omitzero"`
}

// KeyUse says that a key opened something.
type KeyUse struct {
	Key string // its id
	At  time.Time
}

// UnitSecret is what a client shows besides its access token to say for which of its
// agencies it calls: 64 hexadecimal digits, made from the hash of the client's secret, so
// that they are kept nowhere, end with it, and open nothing without it.
func (k *APIKey) UnitSecret(agency AgencyID) string {
	mac := hmac.New(sha256.New, k.Hash[:])
	mac.Write([]byte("unit " + agency))
	return hex.EncodeToString(mac.Sum(nil))
}

// LiveAt reports whether the key opens anything at t.
func (k *APIKey) LiveAt(t time.Time) bool {
	return (k.Expires.IsZero() || t.Before(k.Expires)) && (k.Revoked.IsZero() || t.Before(k.Revoked))
}
