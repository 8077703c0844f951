package relay_test

import (
	"slices"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// ends ends a delivery as failed, as an operator does who gives it up.
func (f *fixture) ends(t *testing.T, id hub.DeliveryID) {
	t.Helper()
	d := f.delivery(t, id)
	step := hub.Step{Delivery: d, From: d.State, Version: d.Version}
	step.Delivery.State, step.Delivery.Reason = hub.StateFailed, &hub.Reason{Code: hub.ReasonAttemptsExhausted}
	if results, err := f.ApplySteps(t.Context(), step); err != nil || results[0] != nil {
		t.Fatal(results, err)
	}
}

// TestHold: while an operator decides about a dispatch no call names its recipients, and
// nobody decides while a call is under way. Whoever ended before the call is not in it.
func TestHold(t *testing.T) {
	f := newFixture(t)
	a := f.send(t, "d1", far, farther)
	release, err := f.Hold(t.Context(), a.Dispatch.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Hold(t.Context(), a.Dispatch.ID); hub.KindOf(err) != hub.KindBusy {
		t.Errorf("held twice: %v", err)
	}
	if err := f.carry(t, &a, 0); hub.KindOf(err) != hub.KindBusy || len(f.axis.sent) > 0 {
		t.Errorf("carried while it was held: %v, %d calls", err, len(f.axis.sent))
	}
	release()

	// The other recipient is given up between the look at who is to have it and the claim.
	f.Before = func(method string) error {
		if method == "SwapNote" {
			f.Before = nil
			release, err := f.Hold(t.Context(), a.Dispatch.ID)
			if err != nil {
				t.Errorf("before the claim: %v", err)
				return nil
			}
			f.ends(t, a.Deliveries[1].ID)
			release()
		}
		return nil
	}
	if err := f.carry(t, &a, 0); hub.KindOf(err) != hub.KindBusy || len(f.axis.sent) > 0 {
		t.Errorf("carried to who has ended: %v, %d calls", err, len(f.axis.sent))
	}
	f.axis.refuse = func(call string, _ *hub.AxisPackage) error {
		if call == "send" {
			if _, err := f.Hold(t.Context(), a.Dispatch.ID); hub.KindOf(err) != hub.KindBusy {
				t.Errorf("held during the call: %v", err)
			}
		}
		return nil
	}
	if err := f.carry(t, &a, 0); err != nil || len(f.axis.sent) != 1 || !slices.Equal(f.axis.sent[0].To, []string{far}) {
		t.Fatalf("%v, sent %+v", err, f.axis.sent)
	}
	f.axis.refuse = nil

	// The node of a hold died.
	b := f.send(t, "d2", far)
	if _, err := f.Hold(t.Context(), b.Dispatch.ID); err != nil {
		t.Fatal(err)
	}
	if err := f.carry(t, &b, 0); hub.KindOf(err) != hub.KindBusy {
		t.Errorf("carried under the hold: %v", err)
	}
	f.Clock.Advance(6 * time.Minute)
	if err := f.carry(t, &b, 0); err != nil {
		t.Errorf("behind the hold: %v", err)
	}
}
