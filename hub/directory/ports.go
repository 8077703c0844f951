package directory

import (
	"context"

	"github.com/lienthong/lienthong/hub"
)

// Store keeps the agencies. SaveAgencies inserts or replaces all given agencies
// by id in one transaction, or none; it MUST be durable when it returns.
type Store interface {
	LoadAgencies(ctx context.Context) (agencies []hub.Agency, version int64, err error)
	SaveAgencies(ctx context.Context, agencies []hub.Agency) (version int64, err error)
	// AgenciesVersion grows with every SaveAgencies; several nodes compare it to
	// know when to load again.
	AgenciesVersion(ctx context.Context) (int64, error)
}

// KeyStore keeps API keys, by id and by hash.
type KeyStore interface {
	// SaveKey inserts or replaces the key by id.
	SaveKey(ctx context.Context, key hub.APIKey) error
	// KeyByID answers KindNotFound when there is none.
	KeyByID(ctx context.Context, id string) (hub.APIKey, error)
	// Keys lists all keys, revoked ones included, ordered by id.
	Keys(ctx context.Context) ([]hub.APIKey, error)
}

// Vault encrypts secrets that must be read back. about is bound to what is sealed: it
// opens under the same words only.
type Vault interface {
	// Seal MUST NOT return before what opens the seal again is durable.
	Seal(ctx context.Context, secret []byte, about string) ([]byte, error)
	Open(sealed []byte, about string) ([]byte, error)
}
