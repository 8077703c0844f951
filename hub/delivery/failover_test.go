package delivery_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/delivery"
	"github.com/lienthong/lienthong/hub/hubtest"
)

// Publish fails like Consume while the queue burns.
func (q *burning) Publish(ctx context.Context, dispatch hub.DispatchID, urgent bool) error {
	if !q.repaired.Load() {
		return errors.New("connection refused")
	}
	return q.LocalQueue.Publish(ctx, dispatch, urgent)
}

// TestDeliveryGoesOnWithoutTheBroker: nothing waits, neither for the broker nor for
// the sweeper, and the broker is used again when it is back.
func TestDeliveryGoesOnWithoutTheBroker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broker, missed := &burning{LocalQueue: delivery.NewLocalQueue(10)}, 0
		queue := &delivery.Failover{
			First: broker, Second: delivery.NewLocalQueue(10), Log: slog.New(slog.DiscardHandler), Missed: func(error) { missed++ },
		}
		f := newFixture(func(o *delivery.Options) { o.Queue, o.SweepEvery = queue, 24*time.Hour })
		stop := running(t, f)
		deliver := func() {
			t.Helper()
			a := f.accept(t, hubtest.Office)
			if err := queue.Publish(t.Context(), a.Dispatch.ID, false); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if d := f.now(t, a.Deliveries[0]); d.State != hub.StateConsigned {
				t.Errorf("the delivery is %s", d.State)
			}
		}
		deliver()
		broker.repaired.Store(true)
		time.Sleep(2 * time.Second)
		deliver()
		if missed != 1 {
			t.Errorf("%d references missed the broker, want 1", missed)
		}
		stop()
	})
}
