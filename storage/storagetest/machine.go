package storagetest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lienthong/lienthong/hub"
)

// testEndedContext: an act whose caller has gone is not begun, and the acts of
// others beside it do not suffer.
func testEndedContext(t *testing.T, back Backend) {
	b := newBench(t, back)
	ended, end := context.WithCancel(b.ctx)
	end()
	gone := b.Acceptance("r1")
	if _, err := b.store.Accept(ended, gone); err == nil {
		t.Error("an act was begun for a caller that had gone")
	}
	_, err := b.store.DispatchItem(b.ctx, gone.Dispatch.ID)
	b.wants(hub.KindNotFound, err)

	var group sync.WaitGroup
	for i := range 60 {
		a := b.Acceptance("r1", "r2")
		ctx, cancel := context.WithCancel(b.ctx)
		leaves := i%2 == 0
		group.Go(func() {
			defer cancel()
			_, err := b.store.Accept(ctx, a)
			if err != nil && !leaves {
				t.Errorf("a caller that stayed: %v", err)
			}
			_, found := b.store.DispatchItem(b.ctx, a.Dispatch.ID)
			if err == nil && found != nil {
				t.Errorf("accepted and not there: %v", found)
			}
		})
		if leaves {
			group.Go(cancel)
		}
	}
	group.Wait()
}

// machine drives a store with random acts and compares it with a model that is
// too simple to be wrong: the deliveries of one box in memory.
type machine struct {
	*bench
	sender hub.AgencyID
	box    hub.AgencyID
	model  map[hub.DeliveryID]*hub.Delivery
	order  []hub.DeliveryID // oldest first
	fences map[hub.DeliveryID]int64
	proofs int // evidences of the sender's dispatches
	first  map[string]hub.Accepted
}

func testStateMachine(t *testing.T, back Backend) {
	b := newBench(t, back)
	runs := 0
	rapid.Check(t, func(rt *rapid.T) {
		runs++ // every run has a sender and a box of its own in one store
		m := &machine{
			bench:  &bench{Maker: b.Maker, t: rt, ctx: b.ctx, store: b.store},
			sender: hub.AgencyID(fmt.Sprint("sender", runs)), box: hub.AgencyID(fmt.Sprint("box", runs)),
			model: map[hub.DeliveryID]*hub.Delivery{}, fences: map[hub.DeliveryID]int64{}, first: map[string]hub.Accepted{},
		}
		rt.Repeat(map[string]func(*rapid.T){
			"submit": m.submit,
			"step":   m.step,
			"lease":  m.leaseSome,
			"renew":  m.renew,
			"wait": func(rt *rapid.T) {
				m.Clock = m.Clock.Add(time.Duration(rapid.IntRange(1, 90).Draw(rt, "seconds")) * time.Second)
			},
			"restart": func(rt *rapid.T) {
				if rapid.IntRange(0, 9).Draw(rt, "one in ten") == 0 {
					b.store = back.Reopen(t, b.store)
					m.store = b.store
				}
			},
			"look":    m.look,
			"compare": m.compare,
		})
		m.compare(rt)
		m.countProofs()
	})
}

// submit sends something new, or something sent before once more.
func (m *machine) submit(rt *rapid.T) {
	key := fmt.Sprint("key", rapid.IntRange(0, 5).Draw(rt, "key"))
	a := m.Acceptance(m.box)
	a.Dispatch.Sender, a.Dispatch.Key, a.Dispatch.ExternalID = m.sender, key, "ext-"+key
	a.Dispatch.Fingerprint = hub.Digest{byte(rapid.IntRange(0, 1).Draw(rt, "content"))}
	a.Deliveries[0].Urgent = rapid.Bool().Draw(rt, "urgent")
	accepted, err := m.store.Accept(m.ctx, a)
	first, known := m.first[key]
	switch {
	case !known:
		m.must(err)
		m.first[key] = accepted
		d := a.Deliveries[0]
		m.model[d.ID], m.order, m.proofs = &d, append(m.order, d.ID), m.proofs+1
	case first.Dispatch.Fingerprint != a.Dispatch.Fingerprint:
		m.wants(hub.KindConflict, err)
	default:
		m.must(err)
		if !accepted.Duplicate {
			m.t.Fatal("a repeated submission counts as a new one")
		}
		same(m.t, "the first receipt", accepted.Receipt, first.Receipt)
	}
}

func (m *machine) pick(rt *rapid.T) *hub.Delivery {
	if len(m.order) == 0 {
		rt.Skip("nothing was submitted")
	}
	return m.model[rapid.SampledFrom(m.order).Draw(rt, "delivery")]
}

// step tries any transition, sometimes from what was read before another act.
func (m *machine) step(rt *rapid.T) {
	d := m.pick(rt)
	s := m.Step(*d, rapid.SampledFrom(hub.DeliveryStates()).Draw(rt, "to"))
	legal := s.Delivery.State == d.State || d.State.MayBecome(s.Delivery.State) && !d.Final()
	if rapid.IntRange(0, 4).Draw(rt, "stale") == 0 {
		s.Version, legal = s.Version-1, false
	}
	err := m.apply(s)
	if !legal {
		m.wants(hub.KindConflict, err)
		return
	}
	m.must(err)
	next := s.Delivery
	if next.State != hub.StateConsigned {
		next.Lease = nil
	}
	*d, m.proofs = next, m.proofs+1
}

func (m *machine) leaseSome(rt *rapid.T) {
	holder := rapid.SampledFrom([]string{"k1", "k2"}).Draw(rt, "holder")
	count := rapid.IntRange(1, 3).Draw(rt, "count")
	var want []hub.DeliveryID
	for _, id := range m.inOrder(hub.StateConsigned) {
		if l := m.model[id].Lease; len(want) < count && (l == nil || !m.Clock.Before(l.Until)) {
			want = append(want, id)
		}
	}
	items := m.lease(m.request(m.box, holder, count))
	if !slices.Equal(deliveryIDs(items), want) {
		m.t.Fatalf("leased %v, want %v", deliveryIDs(items), want)
	}
	for _, it := range items {
		m.fences[it.Delivery.ID]++
		m.model[it.Delivery.ID].Lease = &hub.Lease{Fence: m.fences[it.Delivery.ID], Holder: holder, Until: m.Clock.Add(time.Minute)}
	}
}

// renew renews or releases, sometimes with an old fence.
func (m *machine) renew(rt *rapid.T) {
	d := m.pick(rt)
	fence := m.fences[d.ID] - int64(rapid.IntRange(0, 1).Draw(rt, "behind"))
	valid := d.Lease != nil && d.Lease.Fence == fence && m.Clock.Before(d.Lease.Until)
	until := m.Clock.Add(2 * time.Minute)
	var err error
	release := rapid.Bool().Draw(rt, "release")
	if release {
		err = m.store.ReleaseLease(m.ctx, d.ID, fence, m.Clock)
	} else {
		_, err = m.store.RenewLease(m.ctx, d.ID, fence, m.Clock, until)
	}
	switch {
	case !valid:
		m.wants(hub.KindConflict, err)
	case release:
		m.must(err)
		d.Lease = nil
	default:
		m.must(err)
		d.Lease = &hub.Lease{Fence: fence, Holder: d.Lease.Holder, Until: until}
	}
}

// inOrder returns the deliveries in one of the states as a mailbox lists them.
func (m *machine) inOrder(states ...hub.DeliveryState) (ids []hub.DeliveryID) {
	for _, urgent := range []bool{true, false} {
		for _, id := range m.order {
			if d := m.model[id]; slices.Contains(states, d.State) && d.Urgent == urgent {
				ids = append(ids, id)
			}
		}
	}
	return ids
}

// look reads the box by some states, in pages of some size.
func (m *machine) look(rt *rapid.T) {
	states := rapid.SliceOfNDistinct(rapid.SampledFrom(hub.DeliveryStates()), 1, 4, rapid.ID).Draw(rt, "states")
	items := m.mailbox(hub.MailboxQuery{Agency: m.box, States: states}, rapid.IntRange(1, 4).Draw(rt, "page"))
	if want := m.inOrder(states...); !slices.Equal(deliveryIDs(items), want) {
		m.t.Fatalf("the box shows %v as %s, want %v", deliveryIDs(items), states, want)
	}
}

// compare reads every delivery back.
func (m *machine) compare(*rapid.T) {
	items := m.mailbox(hub.MailboxQuery{Agency: m.box, States: hub.DeliveryStates()}, 100)
	if want := m.inOrder(hub.DeliveryStates()...); !slices.Equal(deliveryIDs(items), want) {
		m.t.Fatalf("the box shows %v, want %v", deliveryIDs(items), want)
	}
	for _, it := range items {
		same(m.t, "the delivery", it.Delivery, m.model[it.Delivery.ID])
	}
}

// countProofs: every act that took effect left its evidence, and no other did.
func (m *machine) countProofs() {
	proofs := 0
	for _, it := range m.sent(hub.SentQuery{Agency: m.sender}, 3) {
		list, err := m.store.Evidences(m.ctx, hub.EvidenceQuery{Dispatch: it.Dispatch.ID, Page: hub.Page{Limit: 1000}})
		m.must(err)
		proofs += len(list.Items)
	}
	if proofs != m.proofs {
		m.t.Fatalf("%d evidences, want %d", proofs, m.proofs)
	}
}
