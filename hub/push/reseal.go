package push

import (
	"bytes"
	"context"
	"slices"

	"github.com/lienthong/lienthong/hub"
)

// resealTries bounds the tries against a subscription that others change at the moment.
const resealTries = 10

// Reseal has the secrets of all subscriptions sealed anew. renew returns what it was given
// where nothing is to be done. Each subscription is one act, so that whoever is killed goes
// on where it stopped; one that fails keeps no other waiting. told hears of each, and
// Reseal's own error is of the list alone.
func Reseal(ctx context.Context, store SubscriptionStore, renew func(sealed []byte, about string) ([]byte, error), told func(what string, changed bool, err error)) error {
	all, err := store.Subscriptions(ctx)
	if err != nil {
		return err
	}
	for i := range all {
		if ctx.Err() != nil {
			break
		}
		if len(all[i].Secrets) > 0 {
			changed, err := resealOne(ctx, store, &all[i], renew)
			told("subscription "+all[i].ID, changed, err)
		}
	}
	return ctx.Err()
}

func resealOne(ctx context.Context, store SubscriptionStore, sub *hub.Subscription, renew func([]byte, string) ([]byte, error)) (changed bool, err error) {
	for try := 1; ; try++ {
		next := *sub
		next.Secrets, changed = slices.Clone(sub.Secrets), false
		for i := range next.Secrets {
			fresh, err := renew(next.Secrets[i].Sealed, aboutSecret(sub))
			if err != nil {
				return false, err
			}
			changed = changed || !bytes.Equal(fresh, next.Secrets[i].Sealed)
			next.Secrets[i].Sealed = fresh
		}
		if !changed {
			return false, nil
		}
		next.Version++
		err := store.SaveSubscription(ctx, next)
		if hub.KindOf(err) != hub.KindConflict || try == resealTries {
			return err == nil, err
		}
		if *sub, err = store.Subscription(ctx, sub.ID); hub.KindOf(err) == hub.KindNotFound {
			return false, nil // it was removed
		} else if err != nil {
			return false, err
		}
	}
}
