package tracking_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/hubtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestOthersDeliveriesDoNotExist: to everybody but its parties a delivery is not
// there, whatever is tried.
func TestOthersDeliveriesDoNotExist(t *testing.T) {
	f := newFixture()
	item := f.leased(t, office)
	id, fence, ctx := item.Delivery.ID, item.Delivery.Lease.Fence, t.Context()
	sealed := func(_ hub.SealedEvidence, err error) error { return err }
	acts := map[string]func(hub.Actor) error{
		"renew":   func(a hub.Actor) error { _, err := f.Renew(ctx, a, id, fence, time.Minute); return err },
		"release": func(a hub.Actor) error { return f.Release(ctx, a, id, fence) },
		"acknowledge": func(a hub.Actor) error {
			return sealed(f.Acknowledge(ctx, a, id, fence, hubtest.Digests(&item.Dispatch)))
		},
		"accept": func(a hub.Actor) error {
			return sealed(f.Accept(ctx, a, id, hub.Registration{Number: "1", Date: "2026-03-02"}))
		},
		"refuse": func(a hub.Actor) error { return sealed(f.Refuse(ctx, a, id, fence, wrongAddressee)) },
		"report": func(a hub.Actor) error { return sealed(f.Report(ctx, a, id, hub.StatusReport{Code: "01"})) },
		"lease": func(a hub.Actor) error {
			_, err := f.Lease(ctx, a, hub.LeaseRequest{Agency: a.Agencies[0], IDs: []hub.DeliveryID{id}})
			return err
		},
	}
	reads := map[string]func(hub.Actor) error{
		"item":       func(a hub.Actor) error { _, err := f.Item(ctx, a, id); return err },
		"dispatch":   func(a hub.Actor) error { _, err := f.Dispatch(ctx, a, item.Dispatch.ID); return err },
		"open":       func(a hub.Actor) error { _, _, err := f.Open(ctx, a, item.Dispatch.ID, "p1"); return err },
		"reports":    func(a hub.Actor) error { _, err := f.Reports(ctx, a, item.Dispatch.ID); return err },
		"signatures": func(a hub.Actor) error { _, err := f.SignatureReports(ctx, a, item.Dispatch.ID); return err },
	}
	for name, act := range acts {
		for _, actor := range []hub.Actor{stranger, province} { // the sender is no recipient
			if err := act(actor); err == nil || hub.KindOf(err) != hub.KindNotFound {
				t.Errorf("%s by %s: %v", name, actor.Name, err)
			}
		}
	}
	for name, read := range reads {
		if err := read(stranger); err == nil || hub.KindOf(err) != hub.KindNotFound {
			t.Errorf("%s by a stranger: %v", name, err)
		}
		for _, actor := range []hub.Actor{province, office} {
			if err := read(actor); err != nil {
				t.Errorf("%s by %s: %v", name, actor.Name, err)
			}
		}
	}
	f.wantEvents(t, id, hub.StateConsigned)
}

func TestScopesAreWanted(t *testing.T) {
	f := newFixture()
	item := f.handedOver(t, office)
	none := hub.Actor{Name: "none", Agencies: []hub.AgencyID{hubtest.Office, hubtest.Province}}
	for name, act := range map[string]func() error{
		"mailbox": func() error {
			_, err := f.Mailbox(t.Context(), none, hub.MailboxQuery{Agency: hubtest.Office})
			return err
		},
		"sent": func() error { _, err := f.Sent(t.Context(), none, hub.SentQuery{Agency: hubtest.Province}); return err },
		"lease": func() error {
			_, err := f.Lease(t.Context(), none, hub.LeaseRequest{Agency: hubtest.Office})
			return err
		},
		"report": func() error {
			_, err := f.Report(t.Context(), none, item.Delivery.ID, hub.StatusReport{Code: "01"})
			return err
		},
	} {
		if err := act(); err == nil || hub.KindOf(err) != hub.KindDenied {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := f.Mailbox(t.Context(), stranger, hub.MailboxQuery{Agency: hubtest.Office}); err == nil || hub.KindOf(err) != hub.KindDenied {
		t.Errorf("the mailbox of another agency: %v", err)
	}
}

// TestPartiesSeeTheirShare: a recipient sees its own delivery, a sender no leases.
func TestPartiesSeeTheirShare(t *testing.T) {
	f := newFixture()
	a := f.accept(t, hubtest.Office, hubtest.Ward)
	for _, d := range a.Deliveries {
		f.to(t, d, hub.StateConsigned)
	}
	if _, err := f.Lease(t.Context(), office, hub.LeaseRequest{Agency: hubtest.Office}); err != nil {
		t.Fatal(err)
	}
	f.report(t, office, a.Deliveries[0].ID, stated("01", 1))
	f.report(t, ward, a.Deliveries[1].ID, stated("01", 1))
	auditor := hub.Actor{Name: "auditor", Kind: hub.ActorAuditor, Scopes: []hub.Scope{hub.ScopeAudit}}
	for _, tt := range []struct {
		actor            hub.Actor
		deliveries       int
		lease, lastError bool
	}{{province, 2, false, true}, {auditor, 2, false, true}, {office, 1, true, false}, {ward, 1, false, false}} {
		item, err := f.Dispatch(t.Context(), tt.actor, a.Dispatch.ID)
		if err != nil || len(item.Deliveries) != tt.deliveries {
			t.Errorf("%s sees %d deliveries, %v", tt.actor.Name, len(item.Deliveries), err)
			continue
		}
		d := item.Deliveries[0]
		if (d.Lease != nil) != tt.lease || (d.LastError != "") != tt.lastError {
			t.Errorf("%s sees %+v", tt.actor.Name, d)
		}
		if reports, err := f.Reports(t.Context(), tt.actor, a.Dispatch.ID); len(reports) != tt.deliveries || err != nil {
			t.Errorf("%s sees %d reports, %v", tt.actor.Name, len(reports), err)
		}
	}
	if item, err := f.Item(t.Context(), province, a.Deliveries[0].ID); err != nil || item.Delivery.Lease != nil {
		t.Errorf("the sender sees who works on it: %+v, %v", item.Delivery.Lease, err)
	}
	if _, _, err := f.Open(t.Context(), auditor, a.Dispatch.ID, "p1"); err == nil || hub.KindOf(err) != hub.KindNotFound {
		t.Errorf("an auditor opens content: %v", err)
	}
	sent, err := f.Sent(t.Context(), province, hub.SentQuery{Agency: hubtest.Province})
	if err != nil || len(sent.Items) != 1 || sent.Items[0].Deliveries[0].Lease != nil {
		t.Errorf("sent %+v, %v", sent, err)
	}
}

func TestOpen(t *testing.T) {
	f := newFixture()
	a := f.accept(t, hubtest.Office)
	d := a.Deliveries[0]
	open := func(actor hub.Actor, part string) error {
		_, blob, err := f.Open(t.Context(), actor, a.Dispatch.ID, part)
		if err != nil {
			return err
		}
		defer blob.Close()
		_, err = io.Copy(io.Discard, blob)
		return err
	}
	wantError(t, open(office, "p1"), hub.KindNotFound, "dispatch ") // not in its box yet
	for _, state := range []hub.DeliveryState{hub.StateConsigned, hub.StateHandedOver, hub.StateRefused} {
		f.to(t, d, state)
		if err := open(office, "p1"); err != nil {
			t.Errorf("%s: %v", state, err)
		}
	}
	if err := open(province, "envelope"); err != nil {
		t.Error(err)
	}
	wantError(t, open(province, "../p1"), hub.KindNotFound, "part ")
	f.Blobs.Remove(a.Dispatch.PartByID("p2").Digest)
	if err := open(office, "p2"); err == nil || hub.KindOf(err) != hub.KindInternal {
		t.Errorf("lost content gives %v", err) // an accepted original is never "not found"
	}
}

func TestMailbox(t *testing.T) {
	f := newFixture()
	first := f.consigned(t, hubtest.Office)
	for range 4 {
		f.consigned(t, hubtest.Office)
	}
	f.consigned(t, hubtest.Ward)
	f.accept(t, hubtest.Office) // queued: not in the box
	seen := map[hub.DeliveryID]bool{}
	query := hub.MailboxQuery{Agency: hubtest.Office, Page: hub.Page{Limit: 2}}
	for {
		list, err := f.Mailbox(t.Context(), office, query)
		if err != nil {
			t.Fatal(err)
		}
		for _, item := range list.Items {
			if item.Delivery.Recipient != hubtest.Office || seen[item.Delivery.ID] || item.Delivery.LastError != "" {
				t.Errorf("in the box: %+v", item.Delivery)
			}
			seen[item.Delivery.ID] = true
		}
		if query.Page.After = list.Next; list.Next == "" {
			break
		}
	}
	if len(seen) != 5 || !seen[first.Delivery.ID] {
		t.Errorf("%d in the box", len(seen))
	}
	if list, err := f.Mailbox(t.Context(), office, hub.MailboxQuery{Agency: hubtest.Office, Text: "CAI CACH"}); err != nil || len(list.Items) != 5 {
		t.Errorf("%d found, %v", len(list.Items), err)
	}
	if list, err := f.Mailbox(t.Context(), office, hub.MailboxQuery{Agency: hubtest.Office, Page: hub.Page{Limit: 1 << 30}}); err != nil || len(list.Items) != 5 {
		t.Errorf("%d on the largest page, %v", len(list.Items), err)
	}
}

func TestBell(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture()
		woken := make(chan error, 3)
		for range 2 {
			go func() { woken <- f.Wait(t.Context(), hubtest.Office) }()
		}
		go func() { woken <- f.Wait(t.Context(), hubtest.Ward) }()
		synctest.Wait()
		f.Ring(hubtest.Office)
		f.Ring(hubtest.Bureau) // nobody waits
		synctest.Wait()
		if len(woken) != 2 {
			t.Errorf("%d were woken", len(woken))
		}
		f.Ring(hubtest.Ward)
		for range 3 {
			if err := <-woken; err != nil {
				t.Error(err)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		begun := time.Now()
		if err := f.Wait(ctx, hubtest.Office); !errors.Is(err, context.DeadlineExceeded) || time.Since(begun) != time.Minute {
			t.Errorf("woken by nobody after %v: %v", time.Since(begun), err)
		}
	})
}

// TestListeningBeforeLookingMissesNothing: what rings between the two is heard.
func TestListeningBeforeLookingMissesNothing(t *testing.T) {
	f := newFixture()
	rung := f.Listen(hubtest.Office)
	f.Ring(hubtest.Office)
	select {
	case <-rung:
	default:
		t.Error("the ring was missed")
	}
	select {
	case <-f.Listen(hubtest.Office):
		t.Error("an old ring is heard again")
	default:
	}
}
