package directory

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/base64"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/lienthong/lienthong/hub"
)

// KeyMemory is how long a node trusts what it read about a key: the longest time
// that a key revoked on another node still opens this one.
const KeyMemory = 5 * time.Second

// The form of a secret: lt_<id>_<random>.
const (
	secretPrefix = "lt_"
	idBytes      = 10 // 16 characters in base32
	randomBytes  = 32
	randomLength = 43 // characters in base64url without padding
)

// KeyOptions are what Keys need; all fields but Vault and Uses are required.
type KeyOptions struct {
	Store     KeyStore
	Directory *Directory
	Now       func() time.Time
	Random    io.Reader // cryptographically secure
	Vault     Vault     // without it no system or client can be let in
	Uses      KeyUses   // without it other nodes do not learn when a key was used
}

// Keys issues, checks and revokes API keys; it is safe for concurrent use.
type Keys struct {
	store     KeyStore
	directory *Directory
	now       func() time.Time
	vault     Vault
	written   KeyUses // nil for none

	mu          sync.Mutex
	random      io.Reader
	known       map[string]knownKey    // bounded by the number of keys that exist
	revocations int64                  // grows with every Revoke
	signing     systems                // those that sign their requests, and clients
	tokens      map[string]accessToken // given to clients last, by id of the key; bounded as known is
	uses        map[string]time.Time   // last uses that are not written down yet; bounded as known is
}

// knownKey is a key as read from the store at an instant.
type knownKey struct {
	key  hub.APIKey
	read time.Time
}

// NewKeys returns the keys of a store.
func NewKeys(o KeyOptions) *Keys {
	return &Keys{store: o.Store, directory: o.Directory, now: o.Now, vault: o.Vault, written: o.Uses, random: o.Random, known: map[string]knownKey{}, tokens: map[string]accessToken{}, uses: map[string]time.Time{}}
}

// Issue makes a key with the name, kind, agencies, scopes and expiry of the given
// one and returns it with its secret, which is shown this once. Of the secret only a
// hash is kept, but of that of a System, which is kept encrypted. A key that is given with
// an id has that one: who asks twice for the same gets one key and KindConflict. It needs
// ScopeOperate. Other errors: hub.Violations of KindInvalid by field.
func (k *Keys) Issue(ctx context.Context, actor hub.Actor, key hub.APIKey) (issued hub.APIKey, secret string, err error) {
	if err := actor.Require(hub.ScopeOperate); err != nil {
		return hub.APIKey{}, "", err
	}
	if issued, secret, err = k.Draft(ctx, key); err != nil {
		return hub.APIKey{}, "", err
	}
	if err := k.store.AddKey(ctx, issued); err != nil {
		return hub.APIKey{}, "", fmt.Errorf("saving the key: %w", err)
	}
	k.forgetSystems()
	return issued, secret, nil
}

// Draft makes a key as Issue does and does not save it: whoever calls has decided that it
// may be, saves it with something else, and calls Forget.
func (k *Keys) Draft(ctx context.Context, key hub.APIKey) (issued hub.APIKey, secret string, err error) {
	now := k.now().UTC().Truncate(time.Millisecond)
	if err := k.check(key, now); err != nil {
		return hub.APIKey{}, "", err
	}
	id, secret, err := k.draw(key.ID)
	if err != nil {
		return hub.APIKey{}, "", hub.Internal("drawing a secret", err)
	}
	issued = hub.APIKey{
		ID: id, Hash: sha256.Sum256([]byte(secret)), Name: key.Name, Kind: key.Kind,
		Agencies: slices.Clone(key.Agencies), Scopes: slices.Clone(key.Scopes),
		Created: now, Expires: key.Expires, Client: key.Client,
	}
	if key.System != "" {
		if secret, err = k.sealSystem(ctx, &issued, key.System); err != nil {
			return hub.APIKey{}, "", err
		}
	}
	return issued, secret, nil
}

// Forget has all keys read anew, because some were saved without Keys.
func (k *Keys) Forget() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.revocations++
	clear(k.known)
	k.signing = systems{}
}

// check refuses keys that make no sense or give too much: clerks and systems
// speak for agencies; auditors and operators speak for none and read no content.
func (k *Keys) check(key hub.APIKey, now time.Time) error {
	var v hub.Violations
	if rule := badText(key.Name, 100); rule != "" || strings.TrimSpace(key.Name) == "" {
		v = append(v, hub.Invalid("name", "required", "a key has a name of 1 to 100 characters without control characters"))
	}
	if len(key.Scopes) == 0 {
		v = append(v, hub.Invalid("scopes", "required", "a key has at least one scope"))
	}
	for i, scope := range key.Scopes {
		if !scope.Valid() {
			v = append(v, hub.Invalid(fmt.Sprintf("scopes[%d]", i), "scope", "%q is not a scope; they are %v", scope, hub.Scopes()))
		}
	}
	for i, id := range key.Agencies {
		if _, ok := k.directory.ByID(id); !ok {
			v = append(v, hub.Errorf(hub.KindUnknownAgency, fmt.Sprintf("agencies[%d]", i), "unknown_agency", "no agency has the id %q", id))
		}
	}
	switch key.Kind {
	case hub.ActorSystem, hub.ActorClerk:
		if len(key.Agencies) == 0 {
			v = append(v, hub.Invalid("agencies", "required", "the key of a %s names the agencies that it speaks for", key.Kind))
		}
	case hub.ActorAuditor, hub.ActorOperator:
		if len(key.Agencies) > 0 {
			v = append(v, hub.Invalid("agencies", "forbidden", "the key of an %s speaks for no agency", key.Kind))
		}
	default:
		v = append(v, hub.Invalid("kind", "kind", "a key is of the kind system, clerk, auditor or operator, not %q", key.Kind))
	}
	if slices.Contains(key.Scopes, hub.ScopePortal) && (len(key.Scopes) > 1 || key.Kind != hub.ActorSystem || key.System != "" || key.Client != "") {
		v = append(v, hub.Invalid("scopes", "alone", "the key of a portal is of the kind system and has the scope %s alone", hub.ScopePortal))
	}
	v = append(v, k.checkSystem(&key)...)
	v = append(v, k.checkClient(&key)...)
	if !key.Expires.IsZero() && !key.Expires.After(now) {
		v = append(v, hub.Invalid("expires", "future", "a key expires after it was issued"))
	}
	return v.AsError()
}

// draw makes a new secret, and a new id where none is wished for.
func (k *Keys) draw(wished string) (id, secret string, err error) {
	var buf [idBytes + randomBytes]byte
	k.mu.Lock()
	_, err = io.ReadFull(k.random, buf[:])
	k.mu.Unlock()
	if err != nil {
		return "", "", err
	}
	id = cmp.Or(wished, strings.ToLower(base32.StdEncoding.EncodeToString(buf[:idBytes])))
	return id, secretPrefix + id + "_" + base64.RawURLEncoding.EncodeToString(buf[idBytes:]), nil
}

// Authenticate returns the actor that a secret proves. Whatever is wrong with the
// secret, the error is the same, of KindUntrusted; a store that cannot be asked is
// reported as such. Revocation works at once on this node and within KeyMemory
// on others.
func (k *Keys) Authenticate(ctx context.Context, secret string) (hub.Actor, error) {
	id, ok := idOfSecret(secret)
	if !ok {
		return hub.Actor{}, untrusted()
	}
	key, err := k.key(ctx, id)
	if err != nil && hub.KindOf(err) != hub.KindNotFound {
		return hub.Actor{}, fmt.Errorf("looking up the key: %w", err)
	}
	// An unknown id takes the same way, with a hash that nothing has.
	hash := sha256.Sum256([]byte(secret))
	same := subtle.ConstantTimeCompare(hash[:], key.Hash[:]) == 1 && key.System == "" && key.Client == ""
	if err != nil || !same || !key.LiveAt(k.now()) {
		return hub.Actor{}, untrusted()
	}
	k.used(id, k.now())
	return hub.Actor{
		Name: key.ID, Kind: key.Kind, Auth: hub.AuthAPIKey,
		Agencies: slices.Clone(key.Agencies), Scopes: slices.Clone(key.Scopes),
	}, nil
}

func untrusted() error {
	return hub.Errorf(hub.KindUntrusted, "", "credential", "the API key is not valid")
}

// idOfSecret cuts the id out of a secret; the random part may itself contain "_".
func idOfSecret(secret string) (string, bool) {
	rest, ok := strings.CutPrefix(secret, secretPrefix)
	cut := len(rest) - randomLength - 1
	if !ok || cut < 1 || cut > 64 || rest[cut] != '_' || !utf8.ValidString(secret) || strings.ContainsRune(secret, 0) {
		return "", false
	}
	return rest[:cut], true
}

// key reads a key from memory if it was read lately, else from the store.
func (k *Keys) key(ctx context.Context, id string) (hub.APIKey, error) {
	now := k.now()
	k.mu.Lock()
	known, ok := k.known[id]
	revocations := k.revocations
	k.mu.Unlock()
	if age := now.Sub(known.read); ok && age >= 0 && age < KeyMemory {
		return known.key, nil
	}
	key, err := k.store.KeyByID(ctx, id)
	if err != nil {
		return hub.APIKey{}, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	// What was read while a key was being revoked may be older than that.
	if k.revocations == revocations {
		k.known[id] = knownKey{key: key, read: now}
	}
	return key, nil
}

// Revoke ends a key for good, at an instant or, with the zero time, now. A second time
// changes nothing but to make the end come sooner. It needs ScopeOperate.
func (k *Keys) Revoke(ctx context.Context, actor hub.Actor, id string, at time.Time) error {
	if err := actor.Require(hub.ScopeOperate); err != nil {
		return err
	}
	now := k.now().UTC().Truncate(time.Millisecond)
	if at.IsZero() {
		at = now
	}
	if at.Before(now) {
		return hub.Invalid("at", "future", "a key ends now or later")
	}
	if err := k.store.EndKey(ctx, id, at.UTC().Truncate(time.Millisecond)); err != nil {
		return fmt.Errorf("revoking the key: %w", err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.revocations++
	delete(k.known, id)
	delete(k.tokens, id)
	k.signing = systems{}
	return nil
}

// List returns all keys, revoked ones included. It needs ScopeOperate.
func (k *Keys) List(ctx context.Context, actor hub.Actor) ([]hub.APIKey, error) {
	if err := actor.Require(hub.ScopeOperate); err != nil {
		return nil, err
	}
	keys, err := k.store.Keys(ctx)
	k.lately(keys)
	return keys, err
}
