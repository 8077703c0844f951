package tracking_test

import (
	"errors"
	"testing"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/hubtest"
)

// open opens a part and reads nothing.
func (f *fixture) open(t *testing.T, actor hub.Actor, id hub.DispatchID, part string) error {
	t.Helper()
	_, blob, err := f.Open(t.Context(), actor, id, part)
	if err == nil {
		err = blob.Close()
	}
	return err
}

// TestFirstOpening: where access is tracked, the first opening by a recipient is an
// evidence of its delivery, once; the sender's and everything later are none.
func TestFirstOpening(t *testing.T) {
	f := newFixture()
	a := f.accept(t, hubtest.Office, hubtest.Ward)
	for _, d := range a.Deliveries {
		f.to(t, d, hub.StateConsigned)
	}
	id, mine, other := a.Dispatch.ID, a.Deliveries[0].ID, a.Deliveries[1].ID
	try := func(actor hub.Actor, part string) {
		t.Helper()
		if err := f.open(t, actor, id, part); err != nil {
			t.Errorf("%s opens %s: %v", actor.Name, part, err)
		}
	}
	try(office, "p1") // not tracked: nothing
	f.wantEvents(t, mine, hub.StateConsigned)
	f.TrackAccess = true
	try(province, "p1")
	f.wantEvents(t, mine, hub.StateConsigned)
	try(office, "p1")
	try(office, "p2")
	try(office, "p1")
	f.wantEvents(t, mine, hub.StateConsigned, "ContentAccessTracking")
	f.wantEvents(t, other, hub.StateConsigned)
	if at := f.now(t, mine).OpenedAt; !at.Equal(f.Clock.Now()) {
		t.Errorf("opened at %s", at)
	}
	item := hub.Item{Dispatch: a.Dispatch, Delivery: f.now(t, mine)}
	if _, err := f.Acknowledge(t.Context(), office, mine, 0, hubtest.Digests(&item.Dispatch)); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Accept(t.Context(), office, mine, hub.Registration{Number: "12", Date: "2026-03-02"}); err != nil {
		t.Fatal(err)
	}
	try(office, "p1")
	f.wantEvents(t, mine, hub.StateAccepted, "ContentAccessTracking", "ContentHandover", "ConsignmentAcceptance")
	list, err := f.World.Evidences(t.Context(), hub.EvidenceQuery{Delivery: mine, Page: hub.Page{Limit: 10}})
	if err != nil || list.Items[0].Evidence.DeliveryInfo.Ack.Actor != office.Name {
		t.Errorf("the evidence does not say who read: %+v, %v", list.Items[0].Evidence.DeliveryInfo, err)
	}
}

// TestFirstOpeningAfterTheEnd: it may come after the registration.
func TestFirstOpeningAfterTheEnd(t *testing.T) {
	f := newFixture()
	f.TrackAccess = true
	item := f.handedOver(t, office)
	id := item.Delivery.ID
	if _, err := f.Accept(t.Context(), office, id, hub.Registration{Number: "12", Date: "2026-03-02"}); err != nil {
		t.Fatal(err)
	}
	if err := f.open(t, office, item.Dispatch.ID, "p1"); err != nil {
		t.Fatal(err)
	}
	f.wantEvents(t, id, hub.StateAccepted, "ContentHandover", "ConsignmentAcceptance", "ContentAccessTracking")
}

// TestNoByteWithoutItsTrace: content is not given out when its opening could not be
// recorded, and of two who open at once one leaves the trace.
func TestNoByteWithoutItsTrace(t *testing.T) {
	f := newFixture()
	f.TrackAccess = true
	item := f.consigned(t, hubtest.Office)
	away := errors.New("away")
	f.Before = func(method string) error {
		if method == "ApplySteps" {
			return away
		}
		return nil
	}
	if err := f.open(t, office, item.Dispatch.ID, "p1"); !errors.Is(err, away) {
		t.Errorf("opened without a trace: %v", err)
	}
	f.interrupt("ApplySteps", func() {
		if err := f.open(t, office, item.Dispatch.ID, "p2"); err != nil {
			t.Error(err)
		}
	})
	if err := f.open(t, office, item.Dispatch.ID, "p1"); err != nil {
		t.Error(err)
	}
	f.wantEvents(t, item.Delivery.ID, hub.StateConsigned, "ContentAccessTracking")
}
