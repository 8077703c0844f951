package tracking_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/hubtest"
)

// registers is a store of numbers in memory.
type registers struct {
	mu    sync.Mutex
	taken map[string]hub.DeliveryID
	last  map[string]int64
}

func (r *registers) TakeNumber(_ context.Context, n hub.RegisterNumber) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	book := fmt.Sprint(n.Agency, n.Year)
	if holder, ok := r.taken[book+n.Number]; ok && holder != n.Delivery {
		return hub.Errorf(hub.KindConflict, "number", "unique", "taken")
	}
	r.taken[book+n.Number] = n.Delivery
	r.last[book] = max(r.last[book], n.Position())
	return nil
}

func (r *registers) NextNumber(_ context.Context, agency hub.AgencyID, year int, delivery hub.DeliveryID) (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.next(fmt.Sprint(agency, year), delivery), nil
}

func (r *registers) next(book string, delivery hub.DeliveryID) string {
	for number, holder := range r.taken {
		if bare, in := strings.CutPrefix(number, book); in && holder == delivery {
			return bare
		}
	}
	return fmt.Sprint(r.last[book] + 1)
}

func (r *registers) AssignNumber(_ context.Context, agency hub.AgencyID, year int, delivery hub.DeliveryID) (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := hub.RegisterNumber{Number: r.next(fmt.Sprint(agency, year), delivery)}
	r.taken[fmt.Sprint(agency, year)+n.Number] = delivery
	r.last[fmt.Sprint(agency, year)] = n.Position()
	return n.Number, nil
}

func registering() *fixture {
	f := newFixture()
	f.Registers = &registers{taken: map[string]hub.DeliveryID{}, last: map[string]int64{}}
	return f
}

func TestRegister(t *testing.T) {
	f := registering()
	next := func(want string) hub.Registration {
		t.Helper()
		r, err := f.NextNumber(t.Context(), office, hubtest.Office, "")
		if err != nil || r.Number != want {
			t.Fatalf("proposed %+v, %v, want %s", r, err, want)
		}
		return r
	}
	register := func(item hub.Item, r hub.Registration) (hub.SealedEvidence, error) {
		return f.Register(t.Context(), office, item.Delivery.ID, hubtest.Digests(&item.Dispatch), r)
	}
	first, second := f.consigned(t, hubtest.Office), f.consigned(t, hubtest.Office)
	r := next("1")
	if r.Date != "2026-03-02" {
		t.Errorf("the day is %s", r.Date)
	}
	sealed, err := register(first, r)
	if err != nil {
		t.Fatal(err)
	}
	f.wantEvents(t, first.Delivery.ID, hub.StateAccepted, "ContentHandover", "ConsignmentAcceptance")
	again, err := register(first, r)
	wantSame(t, sealed, again, err)

	_, err = register(second, r) // the number is taken: nothing is done
	wantError(t, err, hub.KindConflict, "number unique")
	f.wantEvents(t, second.Delivery.ID, hub.StateConsigned)
	_, err = register(second, hub.Registration{Number: "001", Date: r.Date}) // nor is it another one with zeros
	wantError(t, err, hub.KindConflict, "number unique")
	_, err = register(first, hub.Registration{Number: "9", Date: r.Date})
	wantError(t, err, hub.KindConflict, "registration state")
	r = next("2") // the 9 was not given away for it
	r.Number = " 41 "
	if _, err = register(second, r); err != nil {
		t.Fatal(err)
	}
	next("42")
	f.Clock.Advance(365 * 24 * time.Hour)
	next("1") // every year begins anew
}

func TestRegisterWhatCannotBe(t *testing.T) {
	f := registering()
	item := f.consigned(t, hubtest.Office)
	good := hub.Registration{Number: "1", Date: "2026-03-02"}
	_, err := f.Register(t.Context(), stranger, item.Delivery.ID, hubtest.Digests(&item.Dispatch), good)
	wantError(t, err, hub.KindNotFound, "delivery ")
	_, err = f.Register(t.Context(), office, item.Delivery.ID, nil, good)
	wantError(t, err, hub.KindInvalid, "parts.p1 required")
	_, err = f.Register(t.Context(), office, item.Delivery.ID, hubtest.Digests(&item.Dispatch), hub.Registration{Date: "2026-02-30"})
	if err == nil || len(hub.ViolationsOf(err)) != 2 {
		t.Errorf("no number and no day give %v", err)
	}
	f.wantEvents(t, item.Delivery.ID, hub.StateConsigned)
	if _, err := f.NextNumber(t.Context(), office, hubtest.Ward, ""); err == nil {
		t.Error("the register of another agency is open")
	}
	plain := f.consigned(t, hubtest.Bureau) // does not register
	if _, err := f.Register(t.Context(), bureau, plain.Delivery.ID, hubtest.Digests(&plain.Dispatch), hub.Registration{}); err != nil {
		t.Error(err)
	}
	f.wantEvents(t, plain.Delivery.ID, hub.StateHandedOver, "ContentHandover")
}

// TestRegisterNextLeavesNoGap: a document that is registered from two sides at once, or
// again after a failure, keeps its one number.
func TestRegisterNextLeavesNoGap(t *testing.T) {
	f := registering()
	item := f.consigned(t, hubtest.Office)
	next := func() (hub.Registration, error) {
		return f.RegisterNext(t.Context(), office, item.Delivery.ID, hubtest.Digests(&item.Dispatch))
	}
	want := hub.Registration{Number: "1", Date: "2026-03-02"}
	f.Before = func(method string) error {
		if method == "ApplySteps" && f.now(t, item.Delivery.ID).State == hub.StateHandedOver {
			return hub.Errorf(hub.KindUnavailable, "", "", "the store has gone")
		}
		return nil
	}
	if _, err := next(); err == nil {
		t.Fatal("registered without a store")
	}
	f.Before = nil
	if r, err := f.NextNumber(t.Context(), office, hubtest.Office, item.Delivery.ID); err != nil || r != want {
		t.Errorf("proposed again: %+v, %v", r, err)
	}
	f.interrupt("ApplySteps", func() {
		if r, err := next(); err != nil || r != want {
			t.Errorf("from the other side: %+v, %v", r, err)
		}
	})
	for range 2 {
		if r, err := next(); err != nil || r != want {
			t.Errorf("registered %+v, %v", r, err)
		}
	}
	f.wantEvents(t, item.Delivery.ID, hub.StateAccepted, "ContentHandover", "ConsignmentAcceptance")
	item = f.consigned(t, hubtest.Office)
	if r, err := next(); err != nil || r.Number != "2" {
		t.Errorf("the one behind it: %+v, %v", r, err)
	}
	item = f.consigned(t, hubtest.Bureau) // does not register
	if r, err := f.RegisterNext(t.Context(), bureau, item.Delivery.ID, hubtest.Digests(&item.Dispatch)); err != nil || r != (hub.Registration{}) {
		t.Errorf("without a register: %+v, %v", r, err)
	}
	item = f.consigned(t, hubtest.Office)
	if _, err := f.Refuse(t.Context(), office, item.Delivery.ID, 0, wrongAddressee); err != nil {
		t.Fatal(err)
	}
	_, err := next()
	wantError(t, err, hub.KindConflict, "registration state")
	_, err = f.RegisterNext(t.Context(), stranger, item.Delivery.ID, hubtest.Digests(&item.Dispatch))
	wantError(t, err, hub.KindNotFound, "delivery ")
}
