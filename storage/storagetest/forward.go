package storagetest

import (
	"sync"
	"testing"

	"github.com/lienthong/lienthong/hub"
)

// forwarding is an acceptance that forwards what a delivery brought.
func (b *bench) forwarding(of hub.Accepted, d hub.Delivery) hub.Acceptance {
	a := b.Acceptance("r9")
	item := hub.Item{Dispatch: of.Dispatch, Delivery: d}
	forwarded, _ := item.Forwarded("note", nil)
	a.Dispatch.Sender, a.Dispatch.Links, a.Dispatch.Origin, a.Dispatch.Parts = d.Recipient, forwarded.Links, forwarded.Origin, forwarded.Parts
	step := b.Step(d, d.State)
	step.Delivery.Version = d.Version + 1
	a.Changes = []hub.Step{step}
	return a
}

// testForward: what a recipient forwards names its content from then on, in the transaction
// in which its evidence joins the chain of what is forwarded.
func testForward(t *testing.T, back Backend) {
	b := newBench(t, back)
	of := b.acceptThis(b.sharing("content"))
	d := b.end(of.Deliveries[0])
	a := b.forwarding(of, d)
	got := b.acceptThis(a)
	same(t, "the dispatch", b.dispatchItem(got.Dispatch.ID).Dispatch, a.Dispatch)
	now := b.item(d.ID).Delivery
	same(t, "the head of what is forwarded", now.LastEvidence, a.Changes[0].Delivery.LastEvidence)
	same(t, "its version", now.Version, d.Version+1)
	links, err := b.store.LinksTo(b.ctx, of.Dispatch.ID, 10)
	b.must(err)
	same(t, "the way back", links, []hub.Link{{Kind: hub.LinkForwards, Dispatch: got.Dispatch.ID}})
	same(t, "what is found by the author", len(b.sent(hub.SentQuery{Agency: d.Recipient, Text: "quang nam"}, 10)), 1)

	b.must(b.purge(of.Dispatch.ID)[0])
	b.unreferenced([]string{"content"})
	b.store = back.Reopen(t, b.store)
	same(t, "the dispatch after a restart", b.dispatchItem(got.Dispatch.ID).Dispatch, a.Dispatch)

	late := b.forwarding(of, now)
	_, err = b.store.Accept(b.ctx, late)
	b.wants(hub.KindNotFound, err)
	_, err = b.store.DispatchItem(b.ctx, late.Dispatch.ID)
	b.wants(hub.KindNotFound, err)
	same(t, "what a refused forward left in the chain", b.item(d.ID).Delivery, now)
	again, err := b.store.Accept(b.ctx, a)
	b.must(err)
	if !again.Duplicate {
		t.Error("after the purge the same forward was another act")
	}
}

// testForwardAgainstPurge: whichever is recorded first holds, and content that a dispatch
// names is never unnamed.
func testForwardAgainstPurge(t *testing.T, back Backend) {
	b := newBench(t, back)
	for range 20 {
		text := b.ID()
		of := b.acceptThis(b.sharing(text))
		d := b.end(of.Deliveries[0])
		a, batch := b.forwarding(of, d), b.purgeOf(of.Dispatch.ID)
		var both sync.WaitGroup
		var forwarded error
		both.Go(func() { _, forwarded = b.store.Accept(b.ctx, a) })
		both.Go(func() {
			if _, err := b.store.Purge(b.ctx, batch); err != nil {
				t.Error(err)
			}
		})
		both.Wait()
		if forwarded == nil {
			b.unreferenced([]string{text})
			continue
		}
		b.wants(hub.KindNotFound, forwarded)
		b.unreferenced([]string{text}, text)
	}
}
