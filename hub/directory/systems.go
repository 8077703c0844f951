package directory

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/lienthong/lienthong/hub"
)

// maxSystem is the longest name of a system that signs its requests, in bytes.
const maxSystem = 100

// systemActor is the beginning of the Actor.Name of a system. It holds the name and not
// the id of a secret, so that work begun with one secret can be ended with the next.
const systemActor = "system:"

// systems is what is known of the systems that sign their requests, as read at an
// instant.
type systems struct {
	byName  map[string][]systemSecret
	clients map[string][]hub.APIKey // by name; they show their secret and do not sign
	read    time.Time
}

type systemSecret struct {
	key    hub.APIKey
	secret []byte
	fault  error // why it could not be opened
}

func (k *Keys) checkSystem(key *hub.APIKey) hub.Violations {
	switch {
	case key.System == "":
		return nil
	case !printable(key.System):
		return hub.Violations{hub.Invalid("system", "system_id", "the id of a system has 1 to %d printable ASCII characters without blanks", maxSystem)}
	case key.Kind != hub.ActorSystem:
		return hub.Violations{hub.Invalid("kind", "kind", "what signs its requests is of the kind system")}
	case k.vault == nil:
		return hub.Violations{hub.Errorf(hub.KindUnsupported, "system", "vault", "this hub keeps no secrets of systems")}
	}
	return nil
}

func printable(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return len(s) <= maxSystem
}

// sealSystem makes the key that of a system and returns its secret: base64 text, as
// the systems of the axis are used to; they use the text and do not decode it.
func (k *Keys) sealSystem(ctx context.Context, key *hub.APIKey, system string) (string, error) {
	var random [randomBytes]byte
	k.mu.Lock()
	_, err := io.ReadFull(k.random, random[:])
	k.mu.Unlock()
	if err != nil {
		return "", hub.Internal("drawing a secret", err)
	}
	secret := base64.StdEncoding.EncodeToString(random[:])
	key.System, key.Hash = system, sha256.Sum256([]byte(secret))
	key.Sealed, err = k.vault.Seal(ctx, []byte(secret), aboutSecret(key))
	return secret, err
}

// Adopt lets a system in with the secret that it has: what it signs elsewhere it signs
// here too. A key of the system that holds the secret, for the same agencies, scopes and
// time, and is not to end sooner, is the answer where there is one. It needs ScopeOperate. Errors: hub.Violations of
// KindInvalid by field.
func (k *Keys) Adopt(ctx context.Context, actor hub.Actor, key hub.APIKey, secret string) (hub.APIKey, error) {
	if err := actor.Require(hub.ScopeOperate); err != nil {
		return hub.APIKey{}, err
	}
	now := k.now().UTC().Truncate(time.Millisecond)
	if len(secret) < leastSecret || len(secret) > mostSecret || !utf8.ValidString(secret) || strings.TrimSpace(secret) != secret {
		return hub.APIKey{}, hub.Invalid("secret", "length", "a secret is a text of %d to %d bytes without white space around it", leastSecret, mostSecret)
	}
	if err := k.check(key, now); err != nil {
		return hub.APIKey{}, err
	}
	k.forgetSystems() // of what another node revoked lately, too
	known, err := k.systems(ctx)
	if err != nil {
		return hub.APIKey{}, err
	}
	for _, s := range known.byName[key.System] {
		same := slices.Equal(s.key.Agencies, key.Agencies) && slices.Equal(s.key.Scopes, key.Scopes) && s.key.Expires.Equal(key.Expires) && s.key.Revoked.IsZero()
		if s.fault == nil && subtle.ConstantTimeCompare(s.secret, []byte(secret)) == 1 && same && s.key.LiveAt(now) {
			return s.key, nil
		}
	}
	id, drawn, err := k.draw("")
	if err != nil {
		return hub.APIKey{}, hub.Internal("drawing an id", err)
	}
	// The hash is of what nobody has: one of a secret that people chose could be guessed.
	key.ID, key.Hash, key.Created = id, sha256.Sum256([]byte(drawn)), now
	if key.Sealed, err = k.vault.Seal(ctx, []byte(secret), aboutSecret(&key)); err != nil {
		return hub.APIKey{}, err
	}
	if err := k.store.AddKey(ctx, key); err != nil {
		return hub.APIKey{}, fmt.Errorf("saving the key: %w", err)
	}
	k.forgetSystems()
	return key, nil
}

// The lengths of a secret that a system has, in bytes.
const (
	leastSecret = 8
	mostSecret  = 500
)

// SystemSecret is the secret in the key of a system, for signing to others what the
// system would sign to them. It is that of a key that has ended, too: what was begun with
// it is brought to its end.
func (k *Keys) SystemSecret(ctx context.Context, id string) (string, error) {
	if k.vault == nil {
		return "", hub.Errorf(hub.KindUnavailable, "system", "vault", "this hub cannot read the secrets of systems")
	}
	key, err := k.key(ctx, id)
	if err != nil {
		return "", err
	}
	secret, err := k.vault.Open(key.Sealed, aboutSecret(&key))
	if err != nil {
		return "", fmt.Errorf("opening secret %s of system %s: %w", key.ID, key.System, err)
	}
	return string(secret), nil
}

// aboutSecret binds a sealed secret to its row: it serves no other system.
func aboutSecret(key *hub.APIKey) string { return "system " + key.System + " secret " + key.ID }

// AuthenticateSystem returns the actor whose system signed something. proves is asked
// with each secret of the system that is in force until it says yes; it MUST compare in
// constant time and keep nothing. Whatever is wrong, the error is the same, of
// KindUntrusted; a store or vault that cannot be asked is reported as such. Revocation
// works at once on this node and within KeyMemory on others.
func (k *Keys) AuthenticateSystem(ctx context.Context, system string, proves func(secret []byte) bool) (hub.Actor, error) {
	known, err := k.systems(ctx)
	if err != nil {
		return hub.Actor{}, err
	}
	now := k.now()
	var closed error
	for _, s := range known.byName[system] {
		switch {
		case !s.key.LiveAt(now):
		case s.fault != nil:
			closed = s.fault
		case proves(s.secret):
			k.used(s.key.ID, now)
			return hub.Actor{
				Name: systemActor + system, Kind: s.key.Kind, Auth: hub.AuthSignedHeaders,
				Agencies: slices.Clone(s.key.Agencies), Scopes: slices.Clone(s.key.Scopes),
			}, nil
		}
	}
	if closed != nil { // nobody can say whether it was signed with that one
		return hub.Actor{}, closed
	}
	return hub.Actor{}, hub.Errorf(hub.KindUntrusted, "", "signature", "the system is unknown or its signature is wrong")
}

// systems returns systems and clients from memory if they were read lately, else from
// the store.
func (k *Keys) systems(ctx context.Context) (systems, error) {
	now := k.now()
	k.mu.Lock()
	known, revocations := k.signing, k.revocations
	k.mu.Unlock()
	if age := now.Sub(known.read); known.byName != nil && age >= 0 && age < KeyMemory {
		return known, nil
	}
	keys, err := k.store.Keys(ctx)
	if err != nil {
		return systems{}, fmt.Errorf("looking up systems: %w", err)
	}
	fresh := systems{byName: map[string][]systemSecret{}, clients: map[string][]hub.APIKey{}, read: now}
	for i := range keys {
		key := &keys[i]
		if key.Client != "" && key.LiveAt(now) {
			fresh.clients[key.Client] = append(fresh.clients[key.Client], *key)
		}
		if key.System == "" || !key.LiveAt(now) {
			continue
		}
		if k.vault == nil {
			return systems{}, hub.Errorf(hub.KindUnavailable, "system", "vault", "this hub cannot read the secrets of systems")
		}
		secret, err := k.vault.Open(key.Sealed, aboutSecret(key))
		if err != nil { // the other systems work on
			err = fmt.Errorf("opening secret %s of system %s: %w", key.ID, key.System, err)
		}
		fresh.byName[key.System] = append(fresh.byName[key.System], systemSecret{*key, secret, err})
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	// What was read while a key was being issued or revoked may be older than that.
	if k.revocations == revocations {
		k.signing = fresh
	}
	return fresh, nil
}

// forgetSystems has a new secret seen at once.
func (k *Keys) forgetSystems() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.revocations++
	k.signing = systems{}
}
