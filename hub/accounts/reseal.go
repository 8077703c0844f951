package accounts

import (
	"bytes"
	"context"

	"github.com/lienthong/lienthong/hub"
)

// Reseal has the secrets of all second factors sealed anew. renew returns what it was given
// where nothing is to be done. Each account is one act, so that whoever is killed goes on
// where it stopped; one that fails keeps no other waiting. told hears of each, and Reseal's
// own error is of the list alone.
func Reseal(ctx context.Context, store Store, renew func(sealed []byte, about string) ([]byte, error), told func(what string, changed bool, err error)) error {
	all, err := store.Accounts(ctx)
	if err != nil {
		return err
	}
	for i := range all {
		if ctx.Err() != nil {
			break
		}
		if all[i].SecondFactor != nil {
			changed, err := resealOne(ctx, store, &all[i], renew)
			told("second factor of "+all[i].Name, changed, err)
		}
	}
	return ctx.Err()
}

func resealOne(ctx context.Context, store Store, account *hub.Account, renew func([]byte, string) ([]byte, error)) (changed bool, err error) {
	for try := 1; account.SecondFactor != nil; try++ {
		fresh, err := renew(account.SecondFactor.Sealed, aboutFactor(account.Name))
		if err != nil || bytes.Equal(fresh, account.SecondFactor.Sealed) {
			return false, err
		}
		next := *account
		next.SecondFactor = &hub.SecondFactor{Sealed: fresh, Used: account.SecondFactor.Used}
		next.Version++
		err = store.SaveAccount(ctx, next)
		if hub.KindOf(err) != hub.KindConflict || try == changeTries {
			return err == nil, err
		}
		if *account, err = store.Account(ctx, account.Name); err != nil {
			return false, err
		}
	}
	return false, nil // it was ended
}
