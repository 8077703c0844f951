package storagetest

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
)

func testDueDeliveries(t *testing.T, back Backend) {
	b := newBench(t, back)
	due := func(at time.Duration, limit int, dispatches ...hub.DispatchID) (ids []hub.DeliveryID) {
		items, err := b.store.DueDeliveries(b.ctx, b.Clock.Add(at), limit, dispatches...)
		b.must(err)
		for _, it := range items {
			if it.Dispatch.ID != it.Delivery.Dispatch {
				t.Errorf("delivery of %s came with dispatch %s", it.Delivery.Dispatch, it.Dispatch.ID)
			}
			ids = append(ids, it.Delivery.ID)
		}
		return ids
	}
	calm := b.Acceptance("r1", "r2")
	b.acceptThis(calm)
	later := b.Acceptance("r1")
	later.Deliveries[0].NextAttempt = b.Clock.Add(time.Minute)
	b.acceptThis(later)
	urgent := b.Acceptance("r1", "r2")
	urgent.Deliveries[0].Urgent, urgent.Deliveries[1].Urgent = true, true
	b.acceptThis(urgent)

	u, c, l := urgent.Deliveries, calm.Deliveries, later.Deliveries
	same(t, "due now", due(0, 10), []hub.DeliveryID{u[0].ID, u[1].ID, c[0].ID, c[1].ID})
	same(t, "due later", due(time.Minute, 10), []hub.DeliveryID{u[0].ID, u[1].ID, c[0].ID, c[1].ID, l[0].ID})
	same(t, "limited", due(0, 3), []hub.DeliveryID{u[0].ID, u[1].ID, c[0].ID})
	same(t, "of some dispatches", due(time.Minute, 10, later.Dispatch.ID, calm.Dispatch.ID), []hub.DeliveryID{c[0].ID, c[1].ID, l[0].ID})
	same(t, "too early", len(due(-time.Second, 10)), 0)

	b.to(c[0], hub.StateConsigned)
	retry := b.Step(c[1], hub.StateQueued)
	retry.Delivery.NextAttempt = b.Clock.Add(time.Hour)
	retry.Delivery.LastError = "no answer"
	b.must(b.apply(retry))
	same(t, "after steps", due(time.Minute, 10), []hub.DeliveryID{u[0].ID, u[1].ID, l[0].ID})
	same(t, "of a dispatch after steps", len(due(time.Minute, 10, calm.Dispatch.ID)), 0)
}

func testExpiringDeliveries(t *testing.T, back Backend) {
	b := newBench(t, back)
	a := b.Acceptance("r1", "r2", "r3", "r4")
	for i := range a.Deliveries {
		a.Deliveries[i].ExpiresAt = b.Clock.Add(time.Duration(10-i) * time.Hour)
	}
	a.Deliveries[3].Registers = false
	b.acceptThis(a)
	expiring := func(hours, limit int) (ids []hub.DeliveryID) {
		items, err := b.store.ExpiringDeliveries(b.ctx, b.Clock.Add(time.Duration(hours)*time.Hour), limit)
		b.must(err)
		for _, it := range items {
			ids = append(ids, it.Delivery.ID)
		}
		return ids
	}
	d := a.Deliveries
	same(t, "oldest first", expiring(9, 10), []hub.DeliveryID{d[3].ID, d[2].ID, d[1].ID})
	same(t, "limited", expiring(9, 2), []hub.DeliveryID{d[3].ID, d[2].ID})
	b.to(b.to(d[3], hub.StateConsigned), hub.StateHandedOver) // the end: it does not register
	b.to(b.to(d[2], hub.StateConsigned), hub.StateHandedOver) // not the end
	b.to(d[1], hub.StateExpired)
	same(t, "without final ones", expiring(24, 10), []hub.DeliveryID{d[2].ID, d[0].ID})
}

// testFailingDeliveries: of each recipient the oldest delivery whose last attempt failed,
// and of others none.
func testFailingDeliveries(t *testing.T, back Backend) {
	b := newBench(t, back)
	failing := func(limit int) (ids []hub.DeliveryID) {
		items, err := b.store.FailingDeliveries(b.ctx, limit)
		b.must(err)
		for _, it := range items {
			if it.Dispatch.ID != it.Delivery.Dispatch {
				t.Errorf("delivery of %s came with dispatch %s", it.Delivery.Dispatch, it.Dispatch.ID)
			}
			ids = append(ids, it.Delivery.ID)
		}
		return ids
	}
	first, second := b.accept("r2", "r1", "r3", "r4").Deliveries, b.accept("r2", "r1", "r5").Deliveries
	same(t, "before an attempt", len(failing(10)), 0)
	fail := func(d hub.Delivery) {
		retry := b.Step(d, hub.StateQueued)
		retry.Delivery.Attempts, retry.Delivery.LastError, retry.Delivery.NextAttempt = 1, "no answer", b.Clock.Add(time.Hour)
		b.must(b.apply(retry))
	}
	for _, d := range []hub.Delivery{second[1], second[0], first[0], second[2]} {
		fail(d)
	}
	b.to(first[3], hub.StateConsigned)
	same(t, "of each recipient", failing(10), []hub.DeliveryID{second[1].ID, first[0].ID, second[2].ID})
	same(t, "of two", failing(2), []hub.DeliveryID{second[1].ID, first[0].ID})
	items, err := b.store.FailingDeliveries(b.ctx, 1)
	b.must(err)
	ended := b.Step(items[0].Delivery, hub.StateFailed)
	b.must(b.apply(ended))
	same(t, "without one that ended", failing(10), []hub.DeliveryID{first[0].ID, second[2].ID})
}

func testSteps(t *testing.T, back Backend) {
	b := newBench(t, back)
	d := b.accept("r1").Deliveries[0]
	for _, state := range []hub.DeliveryState{hub.StateConsigned, hub.StateHandedOver, hub.StateAccepted} {
		step := b.Step(d, state)
		step.Delivery.Attempts++
		if state == hub.StateAccepted {
			step.Delivery.Registration = &hub.Registration{Number: "15", Date: "2026-03-02", Unit: "Văn phòng"}
		}
		b.must(b.apply(step))
		d = step.Delivery
		same(t, "the delivery after the step", b.item(d.ID).Delivery, d)
		evidence, err := b.store.Evidence(b.ctx, step.Evidence[0].Evidence.ID)
		b.must(err)
		same(t, "the evidence of the step", evidence, step.Evidence[0])
	}
	// A report after the end keeps the state and still grows the version.
	report := b.Step(d, hub.StateAccepted)
	report.Delivery.Progress = hub.StatusInProgress
	report.Reports = []hub.StatusReport{{ID: b.ID(), Dispatch: d.Dispatch, Delivery: d.ID, Code: hub.StatusInProgress}}
	b.must(b.apply(report))
	if got := b.item(d.ID).Delivery; got.Progress != hub.StatusInProgress || got.Version != d.Version+1 {
		t.Errorf("after a report: progress %q, version %d", got.Progress, got.Version)
	}
	chain, err := b.store.Evidences(b.ctx, hub.EvidenceQuery{Delivery: d.ID, Page: hub.Page{Limit: 10}})
	b.must(err)
	if len(chain.Items) != 4 {
		t.Errorf("%d evidences about the delivery, want 4", len(chain.Items))
	}
	if results, err := b.store.ApplySteps(b.ctx); err != nil || len(results) != 0 {
		t.Errorf("no steps: %v, %v", results, err)
	}
}

func testStepConflicts(t *testing.T, back Backend) {
	b := newBench(t, back)
	d := b.accept("r1", "r2", "r3").Deliveries
	stale, absent, good := b.Step(d[0], hub.StateConsigned), b.Step(d[1], hub.StateConsigned), b.Step(d[2], hub.StateConsigned)
	b.to(d[0], hub.StateConsigned)
	absent.Delivery.ID = "none"
	for i, step := range []*hub.Step{&stale, &absent, &good} {
		step.Reports = []hub.StatusReport{{ID: fmt.Sprint("report", i), Dispatch: d[0].Dispatch, Delivery: step.Delivery.ID}}
	}
	results, err := b.store.ApplySteps(b.ctx, stale, good, absent)
	b.must(err)
	b.wants(hub.KindConflict, results[0])
	b.must(results[1])
	b.wants(hub.KindConflict, results[2])
	if state := b.item(d[2].ID).Delivery.State; state != hub.StateConsigned {
		t.Errorf("the good step was left out: %s", state)
	}
	for _, left := range []hub.Step{stale, absent} {
		_, err := b.store.Evidence(b.ctx, left.Evidence[0].Evidence.ID)
		b.wants(hub.KindNotFound, err)
	}
	reports, err := b.store.StatusReports(b.ctx, d[0].Dispatch)
	b.must(err)
	if len(reports) != 1 {
		t.Errorf("%d reports, want that of the good step alone", len(reports))
	}
	wrongVersion := b.Step(b.item(d[2].ID).Delivery, hub.StateHandedOver)
	wrongVersion.Version--
	b.wants(hub.KindConflict, b.apply(wrongVersion))
	wrongState := b.Step(b.item(d[2].ID).Delivery, hub.StateFailed)
	wrongState.From = hub.StateQueued
	b.wants(hub.KindConflict, b.apply(wrongState))

	// A failure of the whole: an evidence that is there already undoes all steps.
	fine, broken := b.Step(d[1], hub.StateConsigned), b.Step(b.item(d[2].ID).Delivery, hub.StateHandedOver)
	broken.Evidence = good.Evidence
	if _, err := b.store.ApplySteps(b.ctx, fine, broken); err == nil {
		t.Error("an evidence was recorded twice")
	}
	if state := b.item(d[1].ID).Delivery.State; state != hub.StateQueued {
		t.Errorf("a step of a failed transaction stayed: %s", state)
	}
}

// testIllegalTransitions tries every step from every state that a delivery can
// really be in.
func testIllegalTransitions(t *testing.T, back Backend) {
	b := newBench(t, back)
	ways := map[hub.DeliveryState][]hub.DeliveryState{
		hub.StateQueued:     {},
		hub.StateConsigned:  {hub.StateConsigned},
		hub.StateHandedOver: {hub.StateConsigned, hub.StateHandedOver},
		hub.StateAccepted:   {hub.StateConsigned, hub.StateHandedOver, hub.StateAccepted},
		hub.StateRefused:    {hub.StateConsigned, hub.StateRefused},
		hub.StateFailed:     {hub.StateFailed},
		hub.StateExpired:    {hub.StateConsigned, hub.StateExpired},
		hub.StateWithdrawn:  {hub.StateWithdrawn},
	}
	for _, from := range hub.DeliveryStates() {
		way, known := ways[from]
		if !known {
			t.Fatalf("no way to the state %s: the test is older than the table", from)
		}
		for _, registers := range []bool{true, false} {
			if !registers && from == hub.StateAccepted {
				continue // cannot be reached
			}
			for _, to := range hub.DeliveryStates() {
				a := b.Acceptance("r1")
				a.Deliveries[0].Registers = registers
				d := b.acceptThis(a).Deliveries[0]
				for _, state := range way {
					d = b.to(d, state)
				}
				ended := d.Final()
				err := b.apply(b.Step(d, to))
				if legal := to == from || from.MayBecome(to) && !ended; legal {
					b.must(err)
				} else {
					b.wants(hub.KindConflict, err)
					same(t, "an illegal step left a trace", b.item(d.ID).Delivery, d)
				}
			}
		}
	}
}

// testStepsInParallel lets many workers race for the same transitions: each
// delivery must move once, with one evidence.
func testStepsInParallel(t *testing.T, back Backend) {
	b := newBench(t, back)
	const workers = 8
	var recipients []hub.AgencyID
	for i := range 20 {
		recipients = append(recipients, hub.AgencyID(fmt.Sprint("r", i)))
	}
	a := b.accept(recipients...)
	var won atomic.Int64
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			steps := make([]hub.Step, len(a.Deliveries))
			for i := range steps {
				steps[i] = b.Step(a.Deliveries[i], hub.StateConsigned)
			}
			results, err := b.store.ApplySteps(b.ctx, steps...)
			if err != nil {
				t.Error(err)
			}
			for _, err := range results {
				if err == nil {
					won.Add(1)
				}
			}
		})
	}
	group.Wait()
	evidences, err := b.store.Evidences(b.ctx, hub.EvidenceQuery{Dispatch: a.Dispatch.ID, Page: hub.Page{Limit: 1000}})
	b.must(err)
	if n := len(a.Deliveries); won.Load() != int64(n) || len(evidences.Items) != n+1 {
		t.Errorf("%d of %d steps won, %d evidences", won.Load(), n, len(evidences.Items))
	}
}
