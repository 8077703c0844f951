package axistest

import (
	"context"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/hub"
)

// TestWhatFailsOnTheWay: while documents go from one province to the other and their
// statuses come back, every hub is killed and every link is cut and slowed. In the end
// each document that was accepted is at its recipient, once, with the bytes that were
// sent, and its sender knows; the evidence of all three hubs says the same.
func TestWhatFailsOnTheWay(t *testing.T) {
	t.Parallel()
	c := newCountry(t)
	stop := c.second.clerk(department)
	defer stop()
	p := &promises{country: c}
	toNation, toSecond := c.links[0], c.links[1]
	for _, phase := range []struct {
		name       string
		begin, end func()
	}{
		{"sound", func() {}, func() {}},
		{"slow", func() { toNation.spoil("latency", "downstream", `{"latency": 150, "jitter": 50}`) }, toNation.heal},
		{"cut", func() { toNation.spoil("reset_peer", "upstream", `{"timeout": 10}`) }, toNation.heal},
		{"the sender's hub killed", func() {}, c.first.crash},
		{"answers cut in the middle", func() { toSecond.spoil("limit_data", "downstream", `{"bytes": 2500}`) }, toSecond.heal},
		{"requests cut in the middle", func() { toNation.spoil("limit_data", "upstream", `{"bytes": 4000}`) }, toNation.heal},
		{"the nation killed", c.nation.process.Kill, c.nation.start},
		{"answers swallowed", func() { toNation.spoil("timeout", "downstream", `{"timeout": 0}`) }, toNation.heal},
		{"the recipient's hub killed", func() {}, c.second.crash},
		{"in small pieces", func() {
			toSecond.spoil("slicer", "downstream", `{"average_size": 200, "size_variation": 100, "delay": 5000}`)
		}, toSecond.heal},
		{"all killed", func() {}, func() {
			for _, s := range []*site{c.first, c.nation, c.second} {
				s.process.Kill()
			}
			for _, s := range []*site{c.second, c.first, c.nation} {
				s.start()
			}
		}},
	} {
		t.Log(phase.name)
		phase.begin()
		p.send()
		p.moved(phase.name)
		phase.end()
	}
	p.send()
	p.kept()
}

// promises are the acceptances that the sender holds.
type promises struct {
	*country
	held []hub.Accepted
}

// send has a document accepted and keeps the receipt.
func (p *promises) send() {
	p.t.Helper()
	p.held = append(p.held, p.first.send(fmt.Sprint(101+len(p.held)), commune, department))
}

// moved waits until the hub has tried what was sent last, well or not: then the fault was
// met. So it was where the hub leaves the axis alone, as it does after five failures in a
// row: what waits for that, and the one that tries meanwhile, count no attempt.
func (p *promises) moved(phase string) {
	p.t.Helper()
	last := p.held[len(p.held)-1].Dispatch.ID
	await(p.t, phase+": an attempt", func() (bool, string) {
		d := p.first.delivery(commune, last, department)
		return d.State != hub.StateQueued || d.Attempts > 0 || p.first.leavesAlone(hub.ChannelAxis), "no attempt"
	})
}

// kept waits until every promise is kept, and reads the evidence of all three hubs.
func (p *promises) kept() {
	p.t.Helper()
	want := map[string]int{}
	for i := range p.held {
		p.first.awaitState(commune, p.held[i].Dispatch.ID, department, hub.StateAccepted)
		want[p.held[i].Dispatch.Document.CodeNumber] = 1
	}
	p.onceOnTheAxis(want)
	p.nothingHeld()
	arrived := p.second.everything(department)
	for i := range p.held {
		number := p.held[i].Dispatch.Document.CodeNumber
		p.sendersEvidence(&p.held[i])
		items := arrived[number]
		if len(items) != 1 {
			p.t.Errorf("%s came %d times", number, len(items))
			continue
		}
		p.recipientsEvidence(&p.held[i], &items[0])
		delete(arrived, number)
	}
	for number := range arrived {
		p.t.Errorf("%s came, and nobody was promised that", number)
	}
}

// sendersEvidence checks that the sender's hub says of a document what was acknowledged:
// taken over once, ended once.
func (p *promises) sendersEvidence(a *hub.Accepted) {
	p.t.Helper()
	all := p.first.evidence(p.first.keys[commune], a.Dispatch.ID)
	if !slices.ContainsFunc(all, func(e hub.SealedEvidence) bool { return e.Digest == a.Receipt.Digest }) {
		p.t.Errorf("the receipt of %s is gone", a.Dispatch.Document.CodeNumber)
	}
	got := events(all, a.Deliveries[0].ID)
	for _, event := range []string{"RelayAcceptance", "ContentHandover", "ConsignmentAcceptance"} {
		if n := len(slices.DeleteFunc(slices.Clone(got), func(e string) bool { return e != event })); n != 1 {
			p.t.Errorf("%s: %d times %s in %v", a.Dispatch.Document.CodeNumber, n, event, got)
		}
	}
}

// recipientsEvidence checks that the recipient's hub has the bytes that were accepted, and
// evidence of what its clerk did.
func (p *promises) recipientsEvidence(a *hub.Accepted, item *hub.Item) {
	p.t.Helper()
	number := a.Dispatch.Document.CodeNumber
	part := item.Dispatch.PartByID("p1")
	if part == nil || part.Digest != a.Dispatch.Parts[0].Digest {
		p.t.Errorf("%s arrived as %+v", number, item.Dispatch.Parts)
	}
	got := events(p.second.evidence(p.second.keys[department], item.Dispatch.ID), item.Delivery.ID)
	if item.Delivery.State != hub.StateAccepted || !slices.Equal(got, []string{"ContentConsignment", "ContentHandover", "ConsignmentAcceptance"}) {
		p.t.Errorf("%s at the recipient is %s: %v", number, item.Delivery.State, got)
	}
}

// everything lists what ever came to an agency, by number.
func (s *site) everything(at string) map[string][]hub.Item {
	s.t.Helper()
	list, err := s.keys[at].Mailbox(s.t.Context(), hubclient.MailboxQuery{States: hub.DeliveryStates(), Page: hub.Page{Limit: 200}})
	if err != nil {
		s.t.Fatal(err)
	}
	found := map[string][]hub.Item{}
	for _, item := range list.Items {
		number := item.Dispatch.Document.CodeNumber
		found[number] = append(found[number], item)
	}
	return found
}

// clerk collects and registers whatever comes to an agency until it is stopped. What
// fails is tried again: the hub may be away.
func (s *site) clerk(at string) (stop func()) {
	ctx, cancel := context.WithCancel(s.t.Context())
	var working sync.WaitGroup
	working.Go(func() {
		for ctx.Err() == nil {
			list, err := s.keys[at].Mailbox(ctx, hubclient.MailboxQuery{
				States: []hub.DeliveryState{hub.StateConsigned, hub.StateHandedOver}, Page: hub.Page{Limit: 200},
			})
			for i := range list.Items {
				err = s.receive(ctx, s.keys[at], &list.Items[i])
			}
			if err != nil || len(list.Items) == 0 {
				select {
				case <-ctx.Done():
				case <-time.After(50 * time.Millisecond):
				}
			}
		}
	})
	return func() { cancel(); working.Wait() }
}

// receive does the next thing with a document.
func (s *site) receive(ctx context.Context, key *hubclient.Client, item *hub.Item) error {
	id := item.Delivery.ID
	if item.Delivery.State == hub.StateHandedOver {
		_, err := key.Accept(ctx, id, hub.Registration{Number: item.Dispatch.Document.CodeNumber, Date: "2026-01-06"})
		return err
	}
	leased, err := key.Lease(ctx, hubclient.LeaseRequest{Deliveries: []hub.DeliveryID{id}})
	if err != nil {
		return err
	}
	digests := map[string]hub.Digest{}
	for _, p := range leased[0].Dispatch.Parts {
		if digests[p.ID], err = key.Part(ctx, item.Dispatch.ID, p, io.Discard, nil); err != nil {
			return err
		}
	}
	_, err = key.Acknowledge(ctx, id, leased[0].Delivery.Lease.Fence, digests)
	return err
}
