package tracking_test

import (
	"testing"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/hubtest"
)

// delegated is a world in which the bureau receives for the office, and its actor.
func delegated(t *testing.T) (*fixture, hub.Actor) {
	t.Helper()
	f := newFixture()
	a, _ := f.Directory.ByID(hubtest.Office)
	a.ReceivedBy = []hub.Dated[hub.AgencyID]{{Value: hubtest.Bureau}}
	actor := bureau
	actor.ReceivesFor = []hub.AgencyID{hubtest.Office}
	return f, actor
}

// TestDelegateReceives: who receives for an agency does all that a recipient does, and the
// evidence names it; of the same act of the agency itself it names nobody.
func TestDelegateReceives(t *testing.T) {
	f, actor := delegated(t)
	item := f.consigned(t, hubtest.Office)
	id := item.Delivery.ID
	list, err := f.Mailbox(t.Context(), actor, hub.MailboxQuery{Agency: hubtest.Office})
	if err != nil || len(list.Items) != 1 {
		t.Fatalf("the box %+v, %v", list.Items, err)
	}
	_, blob, err := f.Open(t.Context(), actor, item.Dispatch.ID, "p1")
	if err != nil {
		t.Fatal(err)
	}
	blob.Close()
	if _, err := f.Lease(t.Context(), actor, hub.LeaseRequest{Agency: hubtest.Office, IDs: []hub.DeliveryID{id}}); err != nil {
		t.Fatal(err)
	}
	leased, err := f.Item(t.Context(), actor, id)
	if err != nil {
		t.Fatal(err)
	}
	handed, err := f.Acknowledge(t.Context(), actor, id, leased.Delivery.Lease.Fence, hubtest.Digests(&item.Dispatch))
	if err != nil {
		t.Fatal(err)
	}
	registered, err := f.Service.Accept(t.Context(), actor, id, hub.Registration{Number: "7", Date: "2026-01-05"})
	if err != nil {
		t.Fatal(err)
	}
	reported, err := f.Report(t.Context(), actor, id, hub.StatusReport{Code: hub.StatusInProgress})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range []hub.Evidence{handed.Evidence, registered.Evidence, reported.Evidence} {
		if e.Delegate == nil || e.Delegate.ID != hubtest.Bureau || e.Delegate.Name == "" || e.Recipients[0].ID != hubtest.Office {
			t.Errorf("%s names %+v", e.Event.Name(), e.Delegate)
		}
	}
	own, err := f.Report(t.Context(), office, id, hub.StatusReport{Code: hub.StatusCompleted})
	if err != nil || own.Evidence.Delegate != nil {
		t.Errorf("of its own act it names %+v, %v", own.Evidence.Delegate, err)
	}
}

// TestDelegateDoesNoMore: nothing but what a recipient does, not in the other direction,
// and nothing without the directory.
func TestDelegateDoesNoMore(t *testing.T) {
	f, actor := delegated(t)
	item := f.handedOver(t, office)
	f.recalled(t, item.Dispatch.ID, mistake)
	for _, code := range []hub.StatusCode{hub.StatusChangeAccepted, hub.StatusChangeRefused} {
		_, err := f.Report(t.Context(), actor, item.Delivery.ID, hub.StatusReport{Code: code, Description: "x"})
		wantError(t, err, hub.KindDenied, "code delegate")
	}
	if _, err := f.Notices(t.Context(), actor, hubtest.Office, hub.Page{}); hub.KindOf(orInternal(err)) != hub.KindDenied {
		t.Errorf("status reports of the office: %v", err)
	}
	if _, err := f.Sent(t.Context(), actor, hub.SentQuery{Agency: hubtest.Office}); hub.KindOf(orInternal(err)) != hub.KindDenied {
		t.Errorf("what the office sent: %v", err)
	}
	if err := actor.SpeaksFor(hubtest.Office, hub.ScopeCollect); hub.KindOf(orInternal(err)) != hub.KindDenied {
		t.Errorf("it speaks for the office: %v", err)
	}
	mute := actor
	mute.Scopes = []hub.Scope{hub.ScopeSubmit, hub.ScopeRead}
	if err := mute.Receives(hubtest.Office); hub.KindOf(orInternal(err)) != hub.KindDenied {
		t.Errorf("without the scope it receives: %v", err)
	}
	_, err := f.Item(t.Context(), bureau, item.Delivery.ID) // no longer named by the directory
	wantError(t, err, hub.KindNotFound, "delivery ")
	_, err = f.Item(t.Context(), ward, item.Delivery.ID)
	wantError(t, err, hub.KindNotFound, "delivery ")
}

// TestDelegateOfBefore: the directory of the moment decides. An act that was begun when it
// still named who acts is no act of the agency itself, nor of who receives for it now.
func TestDelegateOfBefore(t *testing.T) {
	f, actor := delegated(t)
	item := f.consigned(t, hubtest.Office)
	a, _ := f.Directory.ByID(hubtest.Office)
	for _, now := range [][]hub.Dated[hub.AgencyID]{nil, {{Value: hubtest.Ward}}} {
		a.ReceivedBy = now
		_, err := f.Acknowledge(t.Context(), actor, item.Delivery.ID, 0, hubtest.Digests(&item.Dispatch))
		wantError(t, err, hub.KindNotFound, "delivery ")
	}
	if again, err := f.Item(t.Context(), office, item.Delivery.ID); err != nil || again.Delivery.State != hub.StateConsigned {
		t.Errorf("it is %s, %v", again.Delivery.State, err)
	}
}

func orInternal(err error) error {
	if err == nil {
		return hub.Internal("no error", nil)
	}
	return err
}
