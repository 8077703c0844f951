package cli

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/hub"
)

// holding renews a lease for as long as work goes on: a slow download must not
// end with somebody else at work on the same document.
type holding struct {
	stop   context.CancelFunc
	ended  chan struct{}
	until  time.Time
	failed error
}

// hold renews the lease of the item each time half of its life is over.
func hold(ctx context.Context, client *hubclient.Client, item *hub.Item, life time.Duration) *holding {
	ctx, stop := context.WithCancel(ctx)
	h := &holding{stop: stop, ended: make(chan struct{}), until: item.Delivery.Lease.Until}
	go func() {
		defer close(h.ended)
		h.renew(ctx, client, item, life)
	}()
	return h
}

func (h *holding) renew(ctx context.Context, client *hubclient.Client, item *hub.Item, life time.Duration) {
	tick := time.NewTicker(max(life/2, time.Second/2))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		lease, err := client.Renew(ctx, item.Delivery.ID, item.Delivery.Lease.Fence, life)
		switch {
		case err == nil:
			h.until = lease.Until
		case ctx.Err() != nil:
			return
		case !hubclient.Temporary(err):
			h.failed = err
			return
		}
	}
}

// end stops renewing and returns until when the lease runs, or why it was lost.
func (h *holding) end() (time.Time, error) {
	h.stop()
	<-h.ended
	return h.until, h.failed
}

// release gives a lease back so that others need not wait for its end. It may
// fail, as the lease ends by itself.
func release(ctx context.Context, client *hubclient.Client, item *hub.Item) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	_ = client.Release(ctx, item.Delivery.ID, item.Delivery.Lease.Fence)
}

type releaseCommand struct {
	connection `embed:""`
	Delivery   string `arg:"" help:"Delivery to give back."`
	Fence      int64  `required:"" help:"Fence of the lease, as get printed it."`
}

// Run releases.
func (c *releaseCommand) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	if err := client.Release(ctx, hub.DeliveryID(c.Delivery), c.Fence); err != nil {
		return err
	}
	return e.print(map[string]string{"released": c.Delivery}, func(w io.Writer) { fmt.Fprintln(w, "released", c.Delivery) })
}
