package tracking_test

import (
	"context"
	"testing"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/hubtest"
	"github.com/lienthong/lienthong/hub/tracking"
)

// asked counts the questions about dispatches.
type asked struct {
	*hubtest.World
	n int
}

// DispatchShare implements tracking.ReportStore.
func (a *asked) DispatchShare(ctx context.Context, id hub.DispatchID, recipients []hub.AgencyID) (hub.SentItem, error) {
	a.n++
	return a.World.DispatchShare(ctx, id, recipients)
}

// DispatchShares implements tracking.LinkStore.
func (a *asked) DispatchShares(ctx context.Context, ids []hub.DispatchID, recipients []hub.AgencyID) ([]hub.SentItem, error) {
	a.n++
	return a.World.DispatchShares(ctx, ids, recipients)
}

// DispatchItem implements tracking.Store.
func (a *asked) DispatchItem(ctx context.Context, id hub.DispatchID) (hub.SentItem, error) {
	a.n++
	return a.World.DispatchItem(ctx, id)
}

// Item implements tracking.Store.
func (a *asked) Item(ctx context.Context, id hub.DeliveryID) (hub.Item, error) {
	a.n++
	return a.World.Item(ctx, id)
}

// Items implements tracking.LinkStore.
func (a *asked) Items(ctx context.Context, ids []hub.DeliveryID) ([]hub.Item, error) {
	a.n++
	return a.World.Items(ctx, ids)
}

// TestSentAsksOnce: an office that forwards whatever it gets reads the list of that with
// one question about what it had received, not one for each row.
func TestSentAsksOnce(t *testing.T) {
	f := newFixture()
	for range 3 {
		f.forwards(t, f.handedOver(t, office))
	}
	store := &asked{World: f.World}
	o := f.Options
	o.Store, o.Links = store, store
	list, err := tracking.New(o).Sent(t.Context(), office, hub.SentQuery{Agency: hubtest.Office})
	if err != nil || len(list.Items) != 3 || list.Items[2].Dispatch.Document.Subject == "" || store.n != 1 {
		t.Errorf("%d rows with %d questions, %v", len(list.Items), store.n, err)
	}
}

// TestRelatedAsksOnce: what a dispatch is related to is asked for at once, however much that
// is, and everybody sees of it what is theirs.
func TestRelatedAsksOnce(t *testing.T) {
	f := newFixture()
	first := f.accept(t, hubtest.Office, hubtest.Bureau)
	f.links = []hub.Link{{Kind: hub.LinkUpdates, Dispatch: first.Dispatch.ID}}
	var own hub.DeliveryID
	for range 30 {
		own = f.accept(t, hubtest.Office).Deliveries[0].ID
	}
	f.links = append(f.links, hub.Link{Kind: hub.LinkUpdates, Dispatch: "gone"})
	last := f.accept(t, hubtest.Bureau, hubtest.Office)
	store := &asked{World: f.World}
	s := tracking.New(tracking.Options{
		Store: store, Leases: store, Reports: store, Links: store, Notices: store, Evidences: store, Blobs: f.Blobs, Directory: f.Directory,
		Notary: f.Notary, Now: f.Clock.Now, NewID: f.IDs.New,
	})
	for _, want := range []struct {
		actor     hub.Actor
		of        hub.DispatchID
		n, asks   int
		delivered bool
	}{
		{province, first.Dispatch.ID, 31, 3, false}, {office, first.Dispatch.ID, 31, 2, true}, {bureau, first.Dispatch.ID, 1, 2, true},
		{bureau, last.Dispatch.ID, 1, 2, true}, {hub.Actor{Name: "auditor", Scopes: []hub.Scope{hub.ScopeAudit}}, first.Dispatch.ID, 31, 3, false},
	} {
		store.n = 0
		related, err := s.Related(t.Context(), want.actor, want.of)
		if err != nil || len(related) != want.n || store.n != want.asks {
			t.Errorf("%s sees %d with %d questions, %v", want.actor.Name, len(related), store.n, err)
			continue
		}
		if got := related[0].Delivery != ""; got != want.delivered {
			t.Errorf("%s gets the delivery %q", want.actor.Name, related[0].Delivery)
		}
	}
	if related, err := s.Related(t.Context(), office, first.Dispatch.ID); err != nil || related[29].Delivery != own {
		t.Errorf("its own delivery is %q, %v", related[29].Delivery, err)
	}
	if _, err := s.Related(t.Context(), stranger, first.Dispatch.ID); hub.KindOf(err) != hub.KindNotFound {
		t.Errorf("a stranger: %v", err)
	}
}
