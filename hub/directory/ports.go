package directory

import (
	"context"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Store keeps the agencies. SaveAgencies inserts or replaces all given agencies
// by id in one transaction, provided that the store is of the version that the caller
// went by; else nothing is saved (KindConflict). It MUST be durable when it returns.
type Store interface {
	// LoadAgencies returns a version that may be older than the agencies, never newer.
	LoadAgencies(ctx context.Context) (agencies []hub.Agency, version int64, err error)
	SaveAgencies(ctx context.Context, version int64, agencies []hub.Agency) (now int64, err error)
	// AgenciesVersion grows with every SaveAgencies; several nodes compare it to
	// know when to load again.
	AgenciesVersion(ctx context.Context) (int64, error)
}

// KeyStore keeps API keys, by id and by hash.
type KeyStore interface {
	// AddKey inserts a key; KindConflict where one has its id.
	AddKey(ctx context.Context, key hub.APIKey) error
	// EndKey has a key end at an instant, unless it ends sooner, and changes nothing else
	// of it, whatever else changes it at the same moment; KindNotFound when there is none.
	EndKey(ctx context.Context, id string, at time.Time) error
	// ResealKey replaces the sealed secret of a key and nothing else of it; KindConflict
	// where another one stands there.
	ResealKey(ctx context.Context, id string, was, now []byte) error
	// KeyByID answers KindNotFound when there is none.
	KeyByID(ctx context.Context, id string) (hub.APIKey, error)
	// Keys lists all keys, revoked ones included, ordered by id.
	Keys(ctx context.Context) ([]hub.APIKey, error)
}

// KeyUses keeps when keys were last used.
type KeyUses interface {
	// UseKeys sets it; never to an earlier time, and of keys that are gone nothing. Nothing
	// else that is done to a key changes it.
	UseKeys(ctx context.Context, uses []hub.KeyUse) error
}

// Vault encrypts secrets that must be read back. about is bound to what is sealed: it
// opens under the same words only.
type Vault interface {
	// Seal MUST NOT return before what opens the seal again is durable.
	Seal(ctx context.Context, secret []byte, about string) ([]byte, error)
	Open(sealed []byte, about string) ([]byte, error)
}
