package storagetest

import (
	"crypto/sha256"
	"fmt"
	"sync"
	"testing"

	"github.com/lienthong/lienthong/hub"
)

func testAccept(t *testing.T, back Backend) {
	b := newBench(t, back)
	a := b.Acceptance("r1", "r2")
	accepted := b.acceptThis(a)
	if accepted.Duplicate {
		t.Error("a first submission counts as a duplicate")
	}
	same(t, "the answer", accepted, hub.Accepted{Dispatch: a.Dispatch, Deliveries: a.Deliveries, Receipt: a.Evidence[0]})

	item, err := b.store.DispatchItem(b.ctx, a.Dispatch.ID)
	b.must(err)
	same(t, "the dispatch", item, hub.SentItem{Dispatch: a.Dispatch, Deliveries: a.Deliveries})
	for recipients, want := range map[hub.AgencyID][]hub.Delivery{"r1": a.Deliveries[:1], "r2": a.Deliveries[1:], "none": nil} {
		share, err := b.store.DispatchShare(b.ctx, a.Dispatch.ID, []hub.AgencyID{recipients, "s1"})
		b.must(err)
		same(t, "the share of "+string(recipients), share, hub.SentItem{Dispatch: a.Dispatch, Deliveries: want})
	}
	share, err := b.store.DispatchShare(b.ctx, a.Dispatch.ID, []hub.AgencyID{"r2", "r1"})
	b.must(err)
	same(t, "the share of all", share, item)
	share, err = b.store.DispatchShare(b.ctx, a.Dispatch.ID, nil)
	b.must(err)
	same(t, "the share of nobody", share, hub.SentItem{Dispatch: a.Dispatch})
	another := b.Acceptance("r2", "r3")
	b.acceptThis(another)
	shares, err := b.store.DispatchShares(b.ctx, []hub.DispatchID{another.Dispatch.ID, "none", a.Dispatch.ID}, []hub.AgencyID{"r1", "r3"})
	b.must(err)
	same(t, "shares", shares, []hub.SentItem{{Dispatch: a.Dispatch, Deliveries: a.Deliveries[:1]}, {Dispatch: another.Dispatch, Deliveries: another.Deliveries[1:]}})
	shares, err = b.store.DispatchShares(b.ctx, []hub.DispatchID{a.Dispatch.ID}, []hub.AgencyID{"r3"})
	b.must(err)
	same(t, "shares of nobody", shares, []hub.SentItem{{Dispatch: a.Dispatch}})
	several, err := b.store.Items(b.ctx, []hub.DeliveryID{another.Deliveries[1].ID, "none", a.Deliveries[0].ID, another.Deliveries[1].ID})
	b.must(err)
	same(t, "several deliveries", several, []hub.Item{{Dispatch: a.Dispatch, Delivery: a.Deliveries[0]}, {Dispatch: another.Dispatch, Delivery: another.Deliveries[1]}})
	for _, d := range a.Deliveries {
		same(t, "the delivery", b.item(d.ID), hub.Item{Dispatch: a.Dispatch, Delivery: d})
	}
	found, err := b.store.FindAccepted(b.ctx, "s1", a.Dispatch.Key, "", "")
	b.must(err)
	same(t, "found by key", found, accepted)
	found, err = b.store.FindAccepted(b.ctx, "s1", "", a.Dispatch.ExternalID, hub.OperationNew)
	b.must(err)
	same(t, "found by external id", found, accepted)

	_, err = b.store.FindAccepted(b.ctx, "s1", "other", "other", hub.OperationNew)
	b.wants(hub.KindNotFound, err)
	_, err = b.store.FindAccepted(b.ctx, "s2", a.Dispatch.Key, a.Dispatch.ExternalID, hub.OperationNew)
	b.wants(hub.KindNotFound, err)
	_, err = b.store.FindAccepted(b.ctx, "s1", "", a.Dispatch.ExternalID, hub.OperationRecall)
	b.wants(hub.KindNotFound, err)
	_, err = b.store.DispatchItem(b.ctx, "none")
	b.wants(hub.KindNotFound, err)
	_, err = b.store.DispatchShare(b.ctx, "none", []hub.AgencyID{"r1"})
	b.wants(hub.KindNotFound, err)
	_, err = b.store.Item(b.ctx, "none")
	b.wants(hub.KindNotFound, err)
}

// testAcceptWithArrivals: a report that the hub makes for a recipient is there with the
// acceptance, once, and waits for the sender as every other does.
func testAcceptWithArrivals(t *testing.T, back Backend) {
	b := newBench(t, back)
	same(t, "what waits before", b.waiting("s1", 10), []string{})
	a := b.Acceptance("r1", "r2")
	a.Deliveries[0].State, a.Deliveries[0].ReportsArrival, a.Deliveries[0].Progress = hub.StateConsigned, true, hub.StatusArrived
	a.Arrivals = []hub.StatusReport{*hub.Arrival(&a.Deliveries[0], b.ID)}
	for range 2 {
		b.acceptThis(a)
		reports, err := b.store.StatusReports(b.ctx, a.Dispatch.ID)
		b.must(err)
		same(t, "the reports", reports, a.Arrivals)
		same(t, "what waits for the sender", b.waiting("s1", 10), []string{a.Arrivals[0].ID})
		same(t, "the delivery", b.item(a.Deliveries[0].ID).Delivery, a.Deliveries[0])
	}
	a.Dispatch.Fingerprint = sha256.Sum256([]byte("other content"))
	a.Arrivals[0].ID = b.ID()
	_, err := b.store.Accept(b.ctx, a)
	b.wants(hub.KindConflict, err)
	same(t, "after a conflict", len(b.waiting("s1", 10)), 1)
}

func testAcceptOnce(t *testing.T, back Backend) {
	b := newBench(t, back)
	first := b.accept("r1")
	again := func(change func(*hub.Dispatch)) (hub.Accepted, error) {
		a := b.Acceptance("r1")
		a.Dispatch.Key, a.Dispatch.ExternalID, a.Dispatch.Fingerprint = first.Dispatch.Key, first.Dispatch.ExternalID, first.Dispatch.Fingerprint
		change(&a.Dispatch)
		return b.store.Accept(b.ctx, a)
	}
	for name, change := range map[string]func(*hub.Dispatch){
		"key and external id": func(*hub.Dispatch) {},
		"key alone":           func(d *hub.Dispatch) { d.ExternalID = "another" },
		"external id alone":   func(d *hub.Dispatch) { d.Key = "" },
	} {
		second, err := again(change)
		b.must(err)
		if !second.Duplicate {
			t.Errorf("same %s: not a duplicate", name)
		}
		second.Duplicate = false
		same(t, "the first acceptance, byte for byte, by "+name, second, first)

		_, err = again(func(d *hub.Dispatch) {
			change(d)
			d.Fingerprint = sha256.Sum256([]byte("other content"))
		})
		b.wants(hub.KindConflict, err)
	}
	for name, change := range map[string]func(*hub.Dispatch){
		"another sender":    func(d *hub.Dispatch) { d.Sender = "s2" },
		"another operation": func(d *hub.Dispatch) { d.Operation, d.Key = hub.OperationUpdate, "" },
	} {
		other, err := again(change)
		b.must(err)
		if other.Duplicate {
			t.Errorf("%s: must be an act of its own", name)
		}
	}
	// An empty key is none: it stands for nothing.
	for range 2 {
		a := b.Acceptance("r1")
		a.Dispatch.Key = ""
		if b.acceptThis(a).Duplicate {
			t.Error("two submissions without a key count as the same")
		}
	}
}

func testAcceptInParallel(t *testing.T, back Backend) {
	b := newBench(t, back)
	const callers = 100
	template := b.Acceptance("r1")
	results := make([]hub.Accepted, callers)
	errs := make([]error, callers)
	var group sync.WaitGroup
	for i := range callers {
		a := b.Acceptance("r1", "r2")
		a.Dispatch.Key, a.Dispatch.ExternalID, a.Dispatch.Fingerprint = "one", "one", template.Dispatch.Fingerprint
		if i%10 == 9 { // some callers say something else under the same key
			a.Dispatch.Fingerprint = sha256.Sum256([]byte("other"))
		}
		group.Go(func() { results[i], errs[i] = b.store.Accept(b.ctx, a) })
	}
	group.Wait()
	receipts := map[hub.EvidenceID]int{}
	firsts, conflicts := 0, 0
	for i, err := range errs {
		switch {
		case err != nil:
			b.wants(hub.KindConflict, err)
			conflicts++
		default:
			receipts[results[i].Receipt.Evidence.ID]++
			if !results[i].Duplicate {
				firsts++
			}
		}
	}
	// Whoever was first, the other content is refused.
	if len(receipts) != 1 || firsts != 1 || conflicts != 10 && conflicts != 90 {
		t.Errorf("%d receipts, %d first acceptances, %d conflicts; want 1, 1 and 10 or 90", len(receipts), firsts, conflicts)
	}
	sent, err := b.store.Sent(b.ctx, hub.SentQuery{Agency: "s1", Page: hub.Page{Limit: 10}})
	b.must(err)
	if len(sent.Items) != 1 || len(sent.Items[0].Deliveries) != 2 {
		t.Errorf("one key led to %d dispatches", len(sent.Items))
	}
}

func testAcceptAllOrNothing(t *testing.T, back Backend) {
	b := newBench(t, back)
	earlier := b.accept("r1")
	broken := map[string]func(*hub.Acceptance){
		"a delivery id twice":         func(a *hub.Acceptance) { a.Deliveries[1].ID = a.Deliveries[0].ID },
		"the delivery id of another":  func(a *hub.Acceptance) { a.Deliveries[1].ID = earlier.Deliveries[0].ID },
		"the evidence id of another":  func(a *hub.Acceptance) { a.Evidence = append(a.Evidence, earlier.Receipt) },
		"a delivery without dispatch": func(a *hub.Acceptance) { a.Deliveries[1].Dispatch = "none" },
		"no evidence":                 func(a *hub.Acceptance) { a.Evidence = nil },
		"the dispatch id of another":  func(a *hub.Acceptance) { a.Dispatch.ID = earlier.Dispatch.ID },
	}
	// Good ones run beside the broken ones, so that they share transactions
	// where a store lets them: one that fails must spoil no other.
	var group sync.WaitGroup
	for name, breakIt := range broken {
		for range 4 {
			bad, good := b.Acceptance("r1", "r2", "r3"), b.Acceptance("r1", "r2", "r3")
			breakIt(&bad)
			group.Go(func() {
				if _, err := b.store.Accept(b.ctx, bad); err == nil {
					t.Errorf("%s: accepted", name)
				}
				if bad.Dispatch.ID != earlier.Dispatch.ID {
					if _, err := b.store.DispatchItem(b.ctx, bad.Dispatch.ID); hub.KindOf(err) != hub.KindNotFound {
						t.Errorf("%s: the dispatch is there: %v", name, err)
					}
				}
				if _, err := b.store.Item(b.ctx, bad.Deliveries[2].ID); hub.KindOf(err) != hub.KindNotFound {
					t.Errorf("%s: a delivery is there: %v", name, err)
				}
			})
			group.Go(func() {
				if _, err := b.store.Accept(b.ctx, good); err != nil {
					t.Errorf("beside a broken one (%s): %v", name, err)
				}
			})
		}
	}
	group.Wait()
	want := 1 + 4*len(broken)
	evidences, err := b.store.Evidences(b.ctx, hub.EvidenceQuery{Page: hub.Page{Limit: 1000}})
	b.must(err)
	if len(evidences.Items) != want {
		t.Errorf("%d evidences, want %d", len(evidences.Items), want)
	}
	sent, err := b.store.Sent(b.ctx, hub.SentQuery{Agency: "s1", Page: hub.Page{Limit: 1000}})
	b.must(err)
	if len(sent.Items) != want {
		t.Fatalf("%d dispatches, want %d", len(sent.Items), want)
	}
	same(t, "the earlier dispatch", sent.Items[want-1], hub.SentItem{Dispatch: earlier.Dispatch, Deliveries: earlier.Deliveries})
}

func testReject(t *testing.T, back Backend) {
	b := newBench(t, back)
	for i := range 3 {
		sealed := b.Seal(hub.Evidence{Event: hub.EventSubmissionRejection, Note: fmt.Sprint(i)})
		b.must(b.store.Reject(b.ctx, "s1", sealed))
		found, err := b.store.Evidence(b.ctx, sealed.Evidence.ID)
		b.must(err)
		same(t, "the rejection", found, sealed)
	}
	b.must(b.store.Reject(b.ctx, "s2", b.Seal(hub.Evidence{Event: hub.EventSubmissionRejection})))
	b.accept("r1")
	list, err := b.store.Evidences(b.ctx, hub.EvidenceQuery{Sender: "s1", Page: hub.Page{Limit: 10}})
	b.must(err)
	if len(list.Items) != 3 || list.Items[0].Evidence.Note != "0" || list.Items[2].Evidence.Note != "2" {
		t.Errorf("%d rejections of s1, want 3, oldest first", len(list.Items))
	}
}
