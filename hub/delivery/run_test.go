package delivery_test

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/delivery"
	"github.com/lienthong/lienthong/hub/hubtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// running starts both loops in a bubble of time; the stop waits for their end.
func running(t *testing.T, f *fixture) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 2)
	go func() { ended <- f.Run(ctx) }()
	go func() { ended <- f.RunSweeper(ctx) }()
	return func() {
		t.Helper()
		cancel()
		if err := errors.Join(<-ended, <-ended); err != nil {
			t.Errorf("the service ended with %v", err)
		}
	}
}

func TestRunTakesWhatIsPublishedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		queue := delivery.NewLocalQueue(10)
		f := newFixture(func(o *delivery.Options) { o.Queue, o.SweepEvery = queue, time.Hour })
		stop := running(t, f)
		a := f.accept(t, hubtest.Office)
		_ = queue.Publish(t.Context(), a.Dispatch.ID, false)
		synctest.Wait()
		if d := f.now(t, a.Deliveries[0]); d.State != hub.StateConsigned {
			t.Errorf("the delivery is %s", d.State)
		}
		stop()
	})
}

func TestTheSweeperFindsWhatTheQueueLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(func(o *delivery.Options) { o.SweepEvery = time.Second })
		stop := running(t, f)
		a := f.accept(t, hubtest.Office) // never published
		synctest.Wait()
		if d := f.now(t, a.Deliveries[0]); d.State != hub.StateQueued {
			t.Errorf("the delivery is %s already", d.State)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if d := f.now(t, a.Deliveries[0]); d.State != hub.StateConsigned {
			t.Errorf("the delivery is still %s", d.State)
		}
		f.Clock.Advance(31 * 24 * time.Hour)
		time.Sleep(time.Second)
		synctest.Wait()
		f.wantChain(t, a.Deliveries[0], "ContentConsignment", "ContentHandoverFailure(retention_expired)")
		stop()
	})
}

// burning is a queue that fails until it is repaired.
type burning struct {
	*delivery.LocalQueue
	repaired atomic.Bool
	asked    atomic.Int64
}

func (q *burning) Consume(ctx context.Context, handle func(context.Context, []hub.DispatchID) error) error {
	q.asked.Add(1)
	if !q.repaired.Load() {
		return errors.New("connection refused")
	}
	return q.LocalQueue.Consume(ctx, handle)
}

func TestTheQueueMayBurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		queue := &burning{LocalQueue: delivery.NewLocalQueue(10)}
		f := newFixture(func(o *delivery.Options) { o.Queue, o.SweepEvery = queue, time.Second })
		stop := running(t, f)
		a := f.accept(t, hubtest.Office)
		time.Sleep(5*time.Second + time.Millisecond)
		synctest.Wait()
		if d := f.now(t, a.Deliveries[0]); d.State != hub.StateConsigned || queue.asked.Load() < 5 {
			t.Errorf("the delivery is %s after %d tries of the queue", d.State, queue.asked.Load())
		}
		queue.repaired.Store(true)
		time.Sleep(time.Second)
		b := f.accept(t, hubtest.Ward)
		_ = queue.Publish(t.Context(), b.Dispatch.ID, true)
		synctest.Wait()
		if d := f.now(t, b.Deliveries[0]); d.State != hub.StateConsigned {
			t.Errorf("the delivery is %s", d.State)
		}
		stop()
	})
}

// TestOneSlowRecipientSlowsNobodyElse: the carrier never answers for one of them.
func TestOneSlowRecipientSlowsNobodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(
			carriedBy(carrier(func(ctx context.Context, item hub.Item) error {
				if item.Delivery.Recipient == "dead" {
					<-ctx.Done()
					return ctx.Err()
				}
				return nil
			})),
			func(o *delivery.Options) { o.Batch, o.Workers, o.PerRecipient, o.SweepEvery = 10, 4, 2, time.Second })
		for range 100 {
			f.accept(t, "dead")
		}
		stop := running(t, f)
		time.Sleep(2 * time.Second)
		pull, push := f.accept(t, hubtest.Office), f.accept(t, "lively")
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if d := f.now(t, pull.Deliveries[0]); d.State != hub.StateConsigned {
			t.Errorf("the box of another channel waits: %s", d.State)
		}
		if d := f.now(t, push.Deliveries[0]); d.State != hub.StateHandedOver {
			t.Errorf("another recipient of the channel waits: %s", d.State)
		}
		stop()
	})
}

func TestStopLetsCarriesFinish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(
			carriedBy(carrier(func(ctx context.Context, _ hub.Item) error {
				select {
				case <-time.After(5 * time.Second):
					return nil
				case <-ctx.Done():
					return ctx.Err()
				}
			})),
			func(o *delivery.Options) { o.Workers, o.PerRecipient = 1, 1 })
		a := f.accept(t, "first", "second")
		stop := running(t, f)
		time.Sleep(2 * time.Second)
		begun := time.Now()
		stop()
		if took := time.Since(begun); took > 5*time.Second {
			t.Errorf("the stop took %v", took)
		}
		states := []hub.DeliveryState{f.now(t, a.Deliveries[0]).State, f.now(t, a.Deliveries[1]).State}
		if !slices.Equal(states, []hub.DeliveryState{hub.StateHandedOver, hub.StateQueued}) {
			t.Errorf("the carry under way was not finished, or another one begun: %v", states)
		}
		if second := f.now(t, a.Deliveries[1]); second.Attempts != 0 {
			t.Errorf("%d attempts for what was never begun", second.Attempts)
		}
	})
}

func TestStopIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(
			carriedBy(carrier(func(ctx context.Context, _ hub.Item) error { <-ctx.Done(); return ctx.Err() })),
			func(o *delivery.Options) { o.CarryLimit, o.StopLimit = time.Hour, 3*time.Second })
		a := f.accept(t, hubtest.Remote)
		stop := running(t, f)
		time.Sleep(2 * time.Second)
		begun := time.Now()
		stop()
		if took := time.Since(begun); took != 3*time.Second {
			t.Errorf("the stop took %v", took)
		}
		if d := f.now(t, a.Deliveries[0]); d.State != hub.StateQueued || d.Attempts != 1 {
			t.Errorf("the carry that was cut off is not settled for a retry: %+v", d)
		}
	})
}

func TestLocalQueue(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	q := delivery.NewLocalQueue(2)
	for _, p := range []struct {
		id     hub.DispatchID
		urgent bool
	}{{"1", false}, {"2", false}, {"dropped", false}, {"3", true}} {
		if err := q.Publish(ctx, p.id, p.urgent); err != nil {
			t.Fatal(err)
		}
	}
	var got []hub.DispatchID
	err := q.Consume(ctx, func(_ context.Context, batch []hub.DispatchID) error {
		got = append(got, batch...)
		cancel()
		return errors.New("not settled")
	})
	if !errors.Is(err, context.Canceled) || !slices.Equal(got, []hub.DispatchID{"3", "1", "2"}) {
		t.Errorf("got %v, %v", got, err)
	}
	if err := q.Consume(ctx, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("a stopped queue gives %v", err)
	}
}
