package storagetest

import (
	"sync"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// request asks for up to n leases of one minute for a holder.
func (b *bench) request(agency hub.AgencyID, holder string, n int, ids ...hub.DeliveryID) hub.LeaseRequest {
	return hub.LeaseRequest{Agency: agency, Holder: holder, Max: n, IDs: ids, Now: b.Clock, Until: b.Clock.Add(time.Minute)}
}

func (b *bench) lease(r hub.LeaseRequest) []hub.Item {
	b.t.Helper()
	items, err := b.store.TakeLeases(b.ctx, r)
	b.must(err)
	return items
}

func testLeaseFences(t *testing.T, back Backend) {
	b := newBench(t, back)
	d := b.consigned("r1")
	last := int64(0)
	for _, holder := range []string{"k1", "k2", "k1"} {
		items := b.lease(b.request("r1", holder, 5))
		if len(items) != 1 || items[0].Delivery.Lease == nil {
			t.Fatalf("%d leases", len(items))
		}
		lease := *items[0].Delivery.Lease
		same(t, "the lease", lease, hub.Lease{Fence: lease.Fence, Holder: holder, Until: b.Clock.Add(time.Minute)})
		if lease.Fence <= last {
			t.Errorf("fence %d after %d", lease.Fence, last)
		}
		same(t, "the lease in the box", b.item(d.ID).Delivery.Lease, lease)
		if got := b.item(d.ID).Delivery; got.Version != d.Version || got.State != hub.StateConsigned {
			t.Errorf("a lease changed the delivery: version %d, %s", got.Version, got.State)
		}
		if more := b.lease(b.request("r1", "k3", 5)); len(more) != 0 {
			t.Error("a delivery was leased twice at once")
		}
		if last > 0 {
			_, err := b.store.RenewLease(b.ctx, d.ID, last, b.Clock, b.Clock.Add(time.Hour))
			b.wants(hub.KindConflict, err)
			b.wants(hub.KindConflict, b.store.ReleaseLease(b.ctx, d.ID, last, b.Clock))
		}
		last = lease.Fence
		b.must(b.store.ReleaseLease(b.ctx, d.ID, last, b.Clock))
		b.wants(hub.KindConflict, b.store.ReleaseLease(b.ctx, d.ID, last, b.Clock))
		if got := b.item(d.ID).Delivery.Lease; got != nil {
			t.Errorf("a released lease is still there: %+v", got)
		}
	}
	_, err := b.store.RenewLease(b.ctx, "none", 1, b.Clock, b.Clock)
	b.wants(hub.KindConflict, err)
}

func testLeaseExpiry(t *testing.T, back Backend) {
	b := newBench(t, back)
	d := b.consigned("r1")
	fence := b.lease(b.request("r1", "k1", 1))[0].Delivery.Lease.Fence
	b.Clock = b.Clock.Add(30 * time.Second)
	renewed, err := b.store.RenewLease(b.ctx, d.ID, fence, b.Clock, b.Clock.Add(time.Minute))
	b.must(err)
	same(t, "the renewed lease", renewed, hub.Lease{Fence: fence, Holder: "k1", Until: b.Clock.Add(time.Minute)})

	b.Clock = b.Clock.Add(59 * time.Second)
	if items := b.lease(b.request("r1", "k2", 1)); len(items) != 0 {
		t.Error("a renewed lease was stolen before its end")
	}
	b.Clock = b.Clock.Add(time.Second) // the end is the first instant without the right
	_, err = b.store.RenewLease(b.ctx, d.ID, fence, b.Clock, b.Clock.Add(time.Minute))
	b.wants(hub.KindConflict, err)
	b.wants(hub.KindConflict, b.store.ReleaseLease(b.ctx, d.ID, fence, b.Clock))
	items := b.lease(b.request("r1", "k2", 1))
	if len(items) != 1 || items[0].Delivery.Lease.Fence <= fence {
		t.Fatalf("a lease that ran out was not taken over: %+v", items)
	}
}

func testLeasesByID(t *testing.T, back Backend) {
	b := newBench(t, back)
	mine, other, queued, foreign := b.consigned("r1"), b.consigned("r1"), b.accept("r1").Deliveries[0], b.consigned("r2")
	take := func(holder string, ids ...hub.DeliveryID) ([]hub.Item, error) {
		return b.store.TakeLeases(b.ctx, b.request("r1", holder, 0, ids...))
	}
	for _, ids := range [][]hub.DeliveryID{{mine.ID, foreign.ID}, {"none", mine.ID}} {
		_, err := take("k1", ids...)
		b.wants(hub.KindNotFound, err)
	}
	_, err := take("k1", mine.ID, queued.ID)
	b.wants(hub.KindConflict, err)
	for _, d := range []hub.Delivery{mine, queued, foreign} {
		if b.item(d.ID).Delivery.Lease != nil {
			t.Errorf("a refused request left a lease on %s", d.ID)
		}
	}

	items, err := take("k1", other.ID, mine.ID, other.ID)
	b.must(err)
	if len(items) != 2 || items[0].Delivery.ID != other.ID || items[1].Delivery.ID != mine.ID {
		t.Fatalf("got %d leases, want two in the order of the request", len(items))
	}
	_, err = take("k2", mine.ID)
	b.wants(hub.KindConflict, err)
	again, err := take("k1", mine.ID) // the holder itself may begin anew
	b.must(err)
	if again[0].Delivery.Lease.Fence <= items[1].Delivery.Lease.Fence {
		t.Error("a lease taken again has no new fence")
	}
	b.Clock = b.Clock.Add(time.Minute)
	_, err = take("k2", mine.ID)
	b.must(err)
}

func testLeasesInParallel(t *testing.T, back Backend) {
	b := newBench(t, back)
	const count = 40
	for range count {
		b.consigned("r1")
	}
	var mu sync.Mutex
	holders := map[hub.DeliveryID][]string{}
	var group sync.WaitGroup
	for _, holder := range []string{"k1", "k2", "k3", "k4", "k5", "k6", "k7", "k8"} {
		r := b.request("r1", holder, 3)
		group.Go(func() {
			for {
				items, err := b.store.TakeLeases(b.ctx, r)
				if err != nil {
					t.Error(err)
				}
				if len(items) == 0 {
					return
				}
				mu.Lock()
				for _, it := range items {
					holders[it.Delivery.ID] = append(holders[it.Delivery.ID], holder)
				}
				mu.Unlock()
			}
		})
	}
	group.Wait()
	if len(holders) != count {
		t.Errorf("%d of %d deliveries were leased", len(holders), count)
	}
	for id, who := range holders {
		if len(who) != 1 {
			t.Errorf("delivery %s was leased by %v at once", id, who)
		}
	}
}

// testStepUnderLease: whoever read a delivery before another collector leased it
// must not act on it any more.
func testStepUnderLease(t *testing.T, back Backend) {
	b := newBench(t, back)
	for name, read := range map[string]func(hub.Delivery) hub.Delivery{
		"free": func(d hub.Delivery) hub.Delivery { return d },
		"with a lease that ran out": func(d hub.Delivery) hub.Delivery {
			d = b.lease(b.request("r1", "k1", 1, d.ID))[0].Delivery
			b.Clock = b.Clock.Add(time.Minute)
			return d
		},
	} {
		before := read(b.consigned("r1"))
		now := b.lease(b.request("r1", "k2", 1, before.ID))[0].Delivery
		if err := b.apply(b.Step(before, hub.StateHandedOver)); err == nil {
			t.Errorf("a delivery read %s moved under the lease of another", name)
		}
		b.must(b.apply(b.Step(now, hub.StateHandedOver)))
		if got := b.item(before.ID).Delivery; got.Lease != nil {
			t.Errorf("a delivery that was handed over is still leased: %+v", got.Lease)
		}
	}
}
