package storagetest

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// changing makes a dispatch that takes an earlier delivery back.
func (b *bench) changing(d hub.Delivery, to hub.DeliveryState) hub.Acceptance {
	a := b.Acceptance("r9")
	a.Dispatch.Links = []hub.Link{{Kind: hub.LinkUpdates, Dispatch: d.Dispatch}}
	step := b.Step(d, to)
	step.Reports = []hub.StatusReport{{ID: b.ID(), Dispatch: d.Dispatch, Delivery: d.ID, Code: hub.StatusRecallAsked}}
	a.Changes = []hub.Step{step}
	return a
}

// testAcceptWithChanges: a dispatch and what it does to earlier deliveries are recorded
// together or not at all, and links are found from both ends.
func testAcceptWithChanges(t *testing.T, back Backend) {
	b := newBench(t, back)
	earlier := b.accept("r1", "r2")
	box := b.to(earlier.Deliveries[0], hub.StateConsigned)
	a := b.changing(box, hub.StateWithdrawn)
	accepted := b.acceptThis(a)
	same(t, "the dispatch", b.dispatchItem(accepted.Dispatch.ID).Dispatch.Links, a.Dispatch.Links)
	same(t, "the earlier delivery", b.item(box.ID).Delivery, a.Changes[0].Delivery)
	evidence, err := b.store.Evidence(b.ctx, a.Changes[0].Evidence[0].Evidence.ID)
	b.must(err)
	same(t, "the evidence of the change", evidence, a.Changes[0].Evidence[0])
	reports, err := b.store.StatusReports(b.ctx, earlier.Dispatch.ID)
	b.must(err)
	same(t, "the report of the change", reports, a.Changes[0].Reports)

	again, err := b.store.Accept(b.ctx, a)
	if err != nil || !again.Duplicate {
		t.Errorf("the same again: %+v, %v", again.Duplicate, err)
	}
	same(t, "the earlier delivery after the same again", b.item(box.ID).Delivery, a.Changes[0].Delivery)

	stale := b.changing(box, hub.StateExpired)
	second := b.Step(earlier.Deliveries[1], hub.StateWithdrawn) // this one would fit
	stale.Changes = append([]hub.Step{second}, stale.Changes...)
	for name, bad := range map[string]hub.Acceptance{"a version": stale, "a transition": b.changing(a.Changes[0].Delivery, hub.StateConsigned)} {
		_, err = b.store.Accept(b.ctx, bad)
		var e *hub.Error
		if !errors.As(err, &e) || e.Kind != hub.KindConflict || e.Rule != hub.RuleChanged {
			t.Errorf("%s that does not fit: %v", name, err)
		}
		_, err = b.store.DispatchItem(b.ctx, bad.Dispatch.ID)
		b.wants(hub.KindNotFound, err)
	}
	same(t, "a delivery that would have fitted", b.item(second.Delivery.ID).Delivery, earlier.Deliveries[1])

	other := b.Acceptance("r1")
	other.Dispatch.Links = []hub.Link{{Kind: hub.LinkAnswers, Dispatch: earlier.Dispatch.ID}}
	b.acceptThis(other)
	want := []hub.Link{{Kind: hub.LinkUpdates, Dispatch: a.Dispatch.ID}, {Kind: hub.LinkAnswers, Dispatch: other.Dispatch.ID}}
	check := func(store Store) {
		links, err := store.LinksTo(b.ctx, earlier.Dispatch.ID, 10)
		b.must(err)
		same(t, "links", links, want)
		links, err = store.LinksTo(b.ctx, earlier.Dispatch.ID, 1)
		b.must(err)
		same(t, "one link", links, want[:1])
		links, err = store.LinksTo(b.ctx, other.Dispatch.ID, 10)
		b.must(err)
		same(t, "links to the last", len(links), 0)
	}
	check(b.store)
	copied := newBench(t, back)
	b.must(copied.store.Import(b.ctx, reading(b.export())))
	check(copied.store)
}

func (b *bench) dispatchItem(id hub.DispatchID) hub.SentItem {
	b.t.Helper()
	item, err := b.store.DispatchItem(b.ctx, id)
	b.must(err)
	return item
}

// testRecallRaces: of a recall and a hand-over at the same moment exactly one takes
// effect, whether the recall comes alone or with a dispatch, and only its evidence is
// there.
func testRecallRaces(t *testing.T, back Backend) {
	b := newBench(t, back)
	var withdrawn, handedOver atomic.Int64
	const rounds = 24
	for round := range rounds {
		d := b.consigned("r1")
		handover := b.Step(d, hub.StateHandedOver)
		recall := b.changing(d, hub.StateWithdrawn)
		var group sync.WaitGroup
		var won atomic.Int64
		run := func(act func() error, count *atomic.Int64) {
			group.Go(func() {
				err := act()
				switch {
				case err == nil:
					won.Add(1)
					count.Add(1)
				case hub.KindOf(err) != hub.KindConflict:
					t.Error(err)
				}
			})
		}
		apply := func(step hub.Step) func() error {
			return func() error {
				results, err := b.store.ApplySteps(b.ctx, step)
				return errors.Join(append(results, err)...)
			}
		}
		run(apply(handover), &handedOver)
		if round%2 == 0 {
			run(apply(recall.Changes[0]), &withdrawn)
		} else {
			run(func() error { _, err := b.store.Accept(b.ctx, recall); return err }, &withdrawn)
		}
		group.Wait()
		evidence, err := b.store.Evidences(b.ctx, hub.EvidenceQuery{Delivery: d.ID, Page: hub.Page{Limit: 10}})
		b.must(err)
		if won.Load() != 1 || len(evidence.Items) != 2 {
			t.Fatalf("%d won, %d evidences", won.Load(), len(evidence.Items))
		}
	}
	if withdrawn.Load()+handedOver.Load() != rounds {
		t.Errorf("%d withdrawn, %d handed over", withdrawn.Load(), handedOver.Load())
	}
}

// testAsked: a recipient finds the deliveries whose sender asks for something, in every
// state, while it has not answered.
func testAsked(t *testing.T, back Backend) {
	b := newBench(t, back)
	asked := func(agency hub.AgencyID, page hub.Page) (ids []hub.DeliveryID, next string) {
		list, err := b.store.Mailbox(b.ctx, hub.MailboxQuery{Agency: agency, Asked: true, Now: b.Clock, Page: page})
		b.must(err)
		for _, it := range list.Items {
			ids = append(ids, it.Delivery.ID)
		}
		return ids, list.Next
	}
	request := func(d hub.Delivery, answer hub.StatusCode) hub.Delivery {
		step := b.Step(d, d.State)
		step.Delivery.Request = &hub.ChangeRequest{Operation: hub.OperationRecall, Reason: "nhầm", AskedAt: b.Clock, Answer: answer}
		b.must(b.apply(step))
		return step.Delivery
	}
	first := request(b.to(b.consigned("r1"), hub.StateHandedOver), "")
	second := request(b.to(b.to(b.consigned("r1"), hub.StateHandedOver), hub.StateAccepted), "")
	request(b.to(b.consigned("r2"), hub.StateHandedOver), "")
	b.consigned("r1")
	all := hub.Page{Limit: 10}
	ids, _ := asked("r1", all)
	same(t, "asked", ids, []hub.DeliveryID{first.ID, second.ID})
	ids, next := asked("r1", hub.Page{Limit: 1})
	same(t, "the first page", ids, []hub.DeliveryID{first.ID})
	ids, next = asked("r1", hub.Page{Limit: 1, After: next})
	same(t, "the second page", ids, []hub.DeliveryID{second.ID})
	same(t, "no third page", next, "")
	found, err := b.store.Mailbox(b.ctx, hub.MailboxQuery{Agency: "r1", Asked: true, Text: "cai cach", Now: b.Clock.Add(time.Hour), Page: all})
	b.must(err)
	same(t, "found by words", len(found.Items), 2)

	copied := newBench(t, back)
	b.must(copied.store.Import(b.ctx, reading(b.export())))
	list, err := copied.store.Mailbox(b.ctx, hub.MailboxQuery{Agency: "r1", Asked: true, Page: all})
	b.must(err)
	same(t, "asked in the copy", len(list.Items), 2)

	request(first, hub.StatusChangeAccepted)
	ids, _ = asked("r1", all)
	same(t, "after an answer", ids, []hub.DeliveryID{second.ID})
}
