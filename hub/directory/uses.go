package directory

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// UseMemory is how long a node keeps to itself that a key was used: what others read of it
// is that much older at most, and each key costs one row in that time, however often it
// comes.
const UseMemory = 5 * time.Minute

// used remembers that a key let somebody in.
func (k *Keys) used(id string, at time.Time) {
	k.mu.Lock()
	k.uses[id] = at
	k.mu.Unlock()
}

// RecordUses writes down when keys were used since the last time, and forgets what could
// be written. A node calls it every UseMemory, and before it ends; what one that dies had
// yet to write is lost.
func (k *Keys) RecordUses(ctx context.Context) error {
	if k.written == nil {
		return nil
	}
	k.mu.Lock()
	uses := k.uses
	k.uses = map[string]time.Time{}
	k.mu.Unlock()
	if len(uses) == 0 {
		return nil
	}
	list := make([]hub.KeyUse, 0, len(uses))
	for id, at := range uses {
		list = append(list, hub.KeyUse{Key: id, At: at.UTC().Truncate(time.Millisecond)})
	}
	slices.SortFunc(list, func(a, b hub.KeyUse) int { return cmp.Compare(a.Key, b.Key) }) // nodes that write at the same time take turns
	err := k.written.UseKeys(ctx, list)
	if err == nil {
		return nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for id, at := range uses {
		if at.After(k.uses[id]) {
			k.uses[id] = at
		}
	}
	return err
}

// lately sets the last use of keys from what this node has yet to write down.
func (k *Keys) lately(keys []hub.APIKey) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for i := range keys {
		if at := k.uses[keys[i].ID]; at.After(keys[i].Used) {
			keys[i].Used = at.UTC().Truncate(time.Millisecond)
		}
	}
}
