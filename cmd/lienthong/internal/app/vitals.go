package app

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/lienthong/lienthong/adapters/web"
	"github.com/lienthong/lienthong/hub/audit"
	"github.com/lienthong/lienthong/hub/figures"
	"github.com/lienthong/lienthong/hub/traffic"
)

var (
	_ figures.Traffic = (*traffic.Service)(nil)
	_ web.Traffic     = (*traffic.Service)(nil)
	_ web.Alerts      = notedAlerts{}
)

// queuesLimit bounds the wait for a broker that does not answer: the page then shows none
// of its queues, and that it is away.
const queuesLimit = 2 * time.Second

// vitals are how the parts of the hub are, in numbers, for the page of its health.
func (a *App) vitals(ctx context.Context) (web.Vitals, error) {
	v := web.Vitals{Expiries: a.expiries(), Stamped: a.services.stamper != nil}
	shards, err := a.store.LogShards(ctx)
	if err != nil {
		return v, err
	}
	if n := len(shards); n > 0 {
		v.Entries = shards[n-1].Size
	}
	look := audit.Unproven{Store: a.store, Now: a.now}
	if v.Waits, err = look.SinceRecorded(ctx); err != nil {
		return v, err
	}
	if v.Stamped {
		if v.Unstamped, err = look.SinceStamp(ctx); err != nil {
			return v, err
		}
	}
	limited, cancel := context.WithTimeout(ctx, queuesLimit)
	defer cancel()
	depths, err := a.queue.Depths(limited)
	if err != nil {
		a.log.WarnContext(ctx, "the queues of the broker cannot be shown", "error", err)
	}
	for name, n := range depths {
		v.Queues = append(v.Queues, web.Queue{Name: name, Messages: n})
	}
	slices.SortFunc(v.Queues, func(x, y web.Queue) int { return cmp.Compare(x.Name, y.Name) })
	return v, nil
}
