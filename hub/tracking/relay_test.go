package tracking_test

import (
	"testing"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/hubtest"
)

// relayed returns a delivery that lies with another axis.
func (f *fixture) relayed(t *testing.T) hub.Item {
	t.Helper()
	a := f.accept(t, hubtest.Office)
	step := hub.Step{Delivery: a.Deliveries[0], From: hub.StateQueued, Version: 1}
	step.Delivery.State, step.Delivery.Channel, step.Delivery.Version = hub.StateConsigned, hub.ChannelAxis, 2
	if results, err := f.ApplySteps(t.Context(), step); err != nil || results[0] != nil {
		t.Fatal(results, err)
	}
	return hub.Item{Dispatch: a.Dispatch, Delivery: f.now(t, a.Deliveries[0].ID)}
}

// TestRecallOfWhatAnAxisHas: the hub cannot take it back by itself, so it asks, and
// withdraws when the axis says that it did.
func TestRecallOfWhatAnAxisHas(t *testing.T) {
	f := newFixture()
	item := f.relayed(t)
	_, err := f.WithdrawRelayed(t.Context(), office, item.Delivery.ID)
	wantError(t, err, hub.KindConflict, "delivery state")
	got := f.recalled(t, item.Dispatch.ID, mistake)
	if len(got) != 1 || got[0].Outcome != hub.RecallAsked || got[0].Receipt == nil {
		t.Fatalf("%+v", got)
	}
	f.wantEvents(t, item.Delivery.ID, hub.StateConsigned, "StatusReport")
	_, err = f.WithdrawRelayed(t.Context(), bureau, item.Delivery.ID)
	wantError(t, err, hub.KindNotFound, "delivery ")
	first, err := f.WithdrawRelayed(t.Context(), office, item.Delivery.ID)
	if err != nil || first.Evidence.Reasons[0] != (hub.Reason{Code: hub.ReasonRecalled, Detail: mistake}) {
		t.Fatal(first.Evidence, err)
	}
	again, err := f.WithdrawRelayed(t.Context(), office, item.Delivery.ID)
	wantSame(t, first, again, err)
	f.wantEvents(t, item.Delivery.ID, hub.StateWithdrawn, "StatusReport", "Withdrawal")
	f.wantStub(t, item.Delivery.ID)
}

// TestReportsOnWhatAnAxisHas: its word that the recipient has the document is a
// hand-over, and a report that came before it counts then.
func TestReportsOnWhatAnAxisHas(t *testing.T) {
	f := newFixture()
	item := f.relayed(t)
	if _, err := f.Report(t.Context(), office, item.Delivery.ID, hub.StatusReport{Code: hub.StatusAccepted}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Acknowledge(t.Context(), office, item.Delivery.ID, 0, hubtest.Digests(&item.Dispatch)); err != nil {
		t.Fatal(err)
	}
	f.wantEvents(t, item.Delivery.ID, hub.StateAccepted, "StatusReport", "ContentHandover", "ConsignmentAcceptance")
}
