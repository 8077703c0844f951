package storagetest

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// testRegisterYears: what is closed stays closed as it was first, takes no number and no
// entry, and of entries made at the same moment none comes in behind the closing.
func testRegisterYears(t *testing.T, back Backend) {
	b := newBench(t, back)
	year := hub.RegisterYear{Agency: "r1", Year: 2025, ClosedAt: b.Clock.UTC().Truncate(time.Millisecond), ClosedBy: "an"}
	entering := func(d hub.Delivery, number string, day hub.Date) hub.Step {
		step := b.Step(d, hub.StateAccepted)
		step.Delivery.Registration = &hub.Registration{Number: number, Date: day}
		return step
	}
	handed := func(recipient hub.AgencyID) hub.Delivery {
		return b.to(b.to(b.accept(recipient).Deliveries[0], hub.StateConsigned), hub.StateHandedOver)
	}
	before := handed("r1")
	b.must(b.apply(entering(before, "1", "2025-12-31")))
	b.must(b.store.TakeNumber(b.ctx, hub.RegisterNumber{Agency: "r1", Year: 2025, Number: "1", Delivery: before.ID}))

	b.wants(hub.KindNotFound, b.store.CompleteYear(b.ctx, year))
	closed, err := b.store.CloseYear(b.ctx, year)
	b.must(err)
	same(t, "the closed year", closed, year)
	again := year
	again.ClosedBy = "another"
	closed, err = b.store.CloseYear(b.ctx, again)
	b.must(err)
	same(t, "the year closed again", closed, year)
	year.Incoming, year.Outgoing = &hub.BookDigest{Entries: 1, SHA256: hub.Digest{1}}, &hub.BookDigest{}
	b.must(b.store.CompleteYear(b.ctx, year))
	_, err = b.store.CloseYear(b.ctx, hub.RegisterYear{Agency: "r1", Year: 2024, ClosedAt: year.ClosedAt, ClosedBy: "an"})
	b.must(err)
	years, err := b.store.ClosedYears(b.ctx, "r1")
	b.must(err)
	if len(years) != 2 || years[0].Year != 2025 || years[0].Incoming.Entries != 1 {
		t.Errorf("closed years %+v", years)
	}

	late := handed("r1")
	refused := func(what string, err error) {
		t.Helper()
		if v := hub.ViolationsOf(err); hub.KindOf(err) != hub.KindConflict || v[0].Rule != hub.RuleYearClosed {
			t.Errorf("%s: %v", what, err)
		}
	}
	refused("an entry", b.apply(entering(late, "2", "2025-12-31")))
	refused("a number", b.store.TakeNumber(b.ctx, hub.RegisterNumber{Agency: "r1", Year: 2025, Number: "2", Delivery: late.ID}))
	_, err = b.store.AssignNumber(b.ctx, "r1", 2025, late.ID)
	refused("the next number", err)
	elsewhere := entering(late, "2", "2025-12-31")
	elsewhere.Delivery.Register = "r2" // its register is open
	b.must(b.apply(elsewhere))
	b.must(b.apply(entering(handed("r1"), "1", "2026-01-02")))
	took := entering(handed("r3"), "5", "2025-12-31")
	took.Delivery.Register = "r1"
	refused("an entry of who was handed over", b.apply(took))
	now, err := b.store.Item(b.ctx, took.Delivery.ID)
	b.must(err)
	if now.Delivery.State != hub.StateHandedOver || now.Delivery.Version != took.Version {
		t.Errorf("what was refused changed the delivery: %+v", now.Delivery)
	}
	progress := b.Step(b.item(before.ID).Delivery, hub.StateAccepted)
	progress.Delivery.Progress = hub.StatusCompleted
	b.must(b.apply(progress)) // its handling goes on

	// A clock that was set back sends nothing into a closed year.
	_, err = b.store.CloseYear(b.ctx, hub.RegisterYear{Agency: "s9", Year: b.Clock.In(hub.Vietnam()).Year(), ClosedBy: "an"})
	b.must(err)
	behind := b.Acceptance("r2")
	behind.Dispatch.Sender = "s9"
	_, err = b.store.Accept(b.ctx, behind)
	refused("a dispatch", err)
	// What came in before gets its answer again.
	came := b.Acceptance("r2")
	came.Dispatch.Sender = "s8"
	_, err = b.store.Accept(b.ctx, came)
	b.must(err)
	_, err = b.store.CloseYear(b.ctx, hub.RegisterYear{Agency: "s8", Year: b.Clock.In(hub.Vietnam()).Year(), ClosedBy: "an"})
	b.must(err)
	if once, err := b.store.Accept(b.ctx, came); err != nil || !once.Duplicate {
		t.Errorf("the same dispatch again in a closed year: %v", err)
	}

	// Many register while the year is closed.
	var waiting []hub.Delivery
	for range 12 {
		waiting = append(waiting, handed("r4"))
	}
	results := make([]error, len(waiting))
	var all sync.WaitGroup
	stood := 0
	for i := range waiting {
		step := entering(waiting[i], fmt.Sprint(i), "2025-06-01")
		all.Go(func() {
			r, err := b.store.ApplySteps(b.ctx, step)
			if err == nil {
				err = r[0]
			}
			results[i] = err
		})
		if i == 5 {
			all.Go(func() {
				_, err := b.store.CloseYear(b.ctx, hub.RegisterYear{Agency: "r4", Year: 2025, ClosedBy: "an"})
				if err != nil {
					t.Error(err)
					return
				}
				entries, err := b.store.RegisteredBetween(b.ctx, hub.RegisterQuery{Agency: "r4", From: "2025-01-01", To: "2025-12-31", Page: hub.Page{Limit: 50}})
				if err != nil {
					t.Error(err)
				}
				stood = len(entries.Items)
			})
		}
	}
	all.Wait()
	in := 0
	for i := range results {
		if results[i] == nil {
			in++
		} else {
			refused("an entry beside the closing", results[i])
		}
	}
	if in != stood {
		t.Errorf("%d entries were made, %d stood there when the year was closed", in, stood)
	}
}
