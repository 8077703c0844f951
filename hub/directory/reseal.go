package directory

import (
	"bytes"
	"context"
	"fmt"

	"github.com/lienthong/lienthong/hub"
)

// ResealKeys has the secrets of all systems sealed anew, those that have ended included:
// what they began is brought to its end with them. renew returns what it was given where
// nothing is to be done. Each secret is one act, so that whoever is killed goes on where
// it stopped; one that fails keeps no other waiting. told hears of each, by the system, and
// ResealKeys' own error is of the list alone.
func ResealKeys(ctx context.Context, store KeyStore, renew func(sealed []byte, about string) ([]byte, error), told func(what string, changed bool, err error)) error {
	keys, err := store.Keys(ctx)
	if err != nil {
		return err
	}
	for i := range keys {
		if ctx.Err() != nil {
			break
		}
		key := &keys[i]
		if key.Sealed == nil {
			continue
		}
		fresh, err := renew(key.Sealed, aboutSecret(key))
		changed := err == nil && !bytes.Equal(fresh, key.Sealed)
		if changed {
			err = store.ResealKey(ctx, key.ID, key.Sealed, fresh)
			if hub.KindOf(err) == hub.KindConflict { // a key gets no other secret: somebody else did the same
				changed, err = false, nil
			}
		}
		told(fmt.Sprintf("secret %s of system %s", key.ID, key.System), changed && err == nil, err)
	}
	return ctx.Err()
}
