package delivery_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/delivery"
	"github.com/lienthong/lienthong/hub/hubtest"
)

// endpoint is a carrier whose counterpart can be away.
type endpoint struct {
	away  atomic.Bool
	asked atomic.Int64
}

func (e *endpoint) Carry(context.Context, hub.Item) error {
	e.asked.Add(1)
	if e.away.Load() {
		return hub.Errorf(hub.KindUnavailable, "", "", "connection refused")
	}
	return nil
}

// TestAnEndpointThatIsAwayIsLeftAlone: whatever waits, only one delivery at a time
// asks whether it is back, and none uses up its attempts.
func TestAnEndpointThatIsAwayIsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &endpoint{}
		e.away.Store(true)
		f := newFixture(carriedBy(e), func(o *delivery.Options) {
			o.Breaker = delivery.Breaker{Failures: 3, Pause: 30 * time.Second, Max: time.Minute}
			o.Retry = delivery.Backoff{First: 10 * time.Second, Max: 10 * time.Second, Attempts: 20}
		})
		waiting := make([]hub.Accepted, 40)
		for i := range waiting {
			waiting[i] = f.accept(t, hubtest.Remote)
		}
		stop := running(t, f)
		pass := func(d time.Duration) {
			for range d / time.Second {
				time.Sleep(time.Second)
				f.Clock.Advance(time.Second)
				synctest.Wait()
			}
		}
		pass(10 * time.Second)
		first := e.asked.Load()
		if open := f.OpenCircuits()[hubtest.ChannelTest]; open != 1 {
			t.Errorf("%d endpoints are left alone, want 1", open)
		}
		pass(30 * time.Minute)
		if more := e.asked.Load() - first; more < 20 || more > 80 {
			t.Errorf("asked %d times in half an hour, want about once a minute", more)
		}
		e.away.Store(false)
		pass(5 * time.Minute)
		for _, a := range waiting {
			if d := f.now(t, a.Deliveries[0]); d.State != hub.StateHandedOver || d.Attempts > 19 {
				t.Errorf("a delivery is %s after %d attempts", d.State, d.Attempts)
			}
		}
		if open := f.OpenCircuits()[hubtest.ChannelTest]; open != 0 {
			t.Errorf("%d endpoints are still left alone", open)
		}
		stop()
	})
}
