package tracking_test

import (
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/hubtest"
)

var wrongAddressee = hub.Reason{Code: hub.ReasonWrongAddressee, Detail: "Không thuộc thẩm quyền"}

func TestAcknowledge(t *testing.T) {
	f := newFixture()
	item := f.leased(t, office)
	sealed, err := f.ack(t, office, item)
	if err != nil {
		t.Fatal(err)
	}
	e := sealed.Evidence
	if e.Event != hub.EventContentHandover || e.Delivery != item.Delivery.ID || len(e.Content.Parts) != 3 ||
		*e.DeliveryInfo.Ack != (hub.AuthFact{Method: hub.AuthAPIKey, Actor: office.Name}) || *e.Prev != item.Delivery.LastEvidence {
		t.Errorf("evidence %+v", e)
	}
	f.wantEvents(t, item.Delivery.ID, hub.StateHandedOver, "ContentHandover")
	again, err := f.ack(t, office, item)
	wantSame(t, sealed, again, err)
	f.wantEvents(t, item.Delivery.ID, hub.StateHandedOver, "ContentHandover")
}

func TestDigestsDecide(t *testing.T) {
	f := newFixture()
	item := f.leased(t, office)
	all := hubtest.Digests(&item.Dispatch)
	for _, tt := range []struct {
		name   string
		change func(map[string]hub.Digest)
		rule   string // "" for good
	}{
		{"none", func(d map[string]hub.Digest) { clear(d) }, "parts.p1 required"},
		{"a part is missing", func(d map[string]hub.Digest) { delete(d, "p2"); delete(d, "envelope") }, "parts.p2 required"},
		{"another digest", func(d map[string]hub.Digest) { d["p2"] = hub.Digest{1} }, "parts.p2 digest"},
		{"zero digest", func(d map[string]hub.Digest) { d["p1"] = hub.Digest{} }, "parts.p1 digest"},
		{"swapped", func(d map[string]hub.Digest) { d["p1"], d["p2"] = d["p2"], d["p1"] }, "parts.p1 digest"},
		{"another package", func(d map[string]hub.Digest) { d["envelope"] = hub.Digest{1} }, "parts.envelope digest"},
		{"a part too many", func(d map[string]hub.Digest) { d["p9"] = d["p1"] }, "parts.p9 unknown"},
		{"the package alone is everything", func(d map[string]hub.Digest) { delete(d, "p1"); delete(d, "p2") }, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			digests := maps.Clone(all)
			tt.change(digests)
			before := f.now(t, item.Delivery.ID)
			_, err := f.Acknowledge(t.Context(), office, item.Delivery.ID, item.Delivery.Lease.Fence, digests)
			if tt.rule == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			wantError(t, err, hub.KindInvalid, tt.rule)
			if after := f.now(t, item.Delivery.ID); after.Version != before.Version || after.State != hub.StateConsigned || after.Lease == nil {
				t.Errorf("the delivery changed: %+v", after)
			}
		})
	}
	_, err := f.Acknowledge(t.Context(), office, item.Delivery.ID, item.Delivery.Lease.Fence, map[string]hub.Digest{"p1": {1}})
	wantError(t, err, hub.KindInvalid, "parts.p1 digest") // after the hand-over, too
}

func TestFences(t *testing.T) {
	f := newFixture()
	other := office
	other.Name = "another collector of the office"
	first := f.leased(t, office)
	id, digests := first.Delivery.ID, hubtest.Digests(&first.Dispatch)
	ack := func(actor hub.Actor, fence int64) error {
		_, err := f.Acknowledge(t.Context(), actor, id, fence, digests)
		return err
	}
	wantError(t, ack(other, 0), hub.KindConflict, "fence lease")
	wantError(t, ack(other, first.Delivery.Lease.Fence+1), hub.KindConflict, "fence lease")
	_, err := f.Lease(t.Context(), other, hub.LeaseRequest{Agency: hubtest.Office, IDs: []hub.DeliveryID{id}})
	wantError(t, err, hub.KindConflict, "deliveries lease")

	f.Clock.Advance(6 * time.Minute) // it ran out, and another takes over
	second, err := f.Lease(t.Context(), other, hub.LeaseRequest{Agency: hubtest.Office})
	if err != nil || len(second) != 1 || second[0].Delivery.Lease.Fence <= first.Delivery.Lease.Fence {
		t.Fatalf("%+v, %v", second, err)
	}
	wantError(t, ack(office, first.Delivery.Lease.Fence), hub.KindConflict, "fence lease")
	_, err = f.Renew(t.Context(), office, id, first.Delivery.Lease.Fence, 0)
	wantError(t, err, hub.KindConflict, "fence lease")
	wantError(t, f.Release(t.Context(), office, id, first.Delivery.Lease.Fence), hub.KindConflict, "fence lease")

	f.Clock.Advance(6 * time.Minute) // that one ran out too, but nobody took over
	if err := ack(other, second[0].Delivery.Lease.Fence); err != nil {
		t.Error(err)
	}
}

// TestTakenOverAtTheLastMoment: the lease changes hands between look and act.
func TestTakenOverAtTheLastMoment(t *testing.T) {
	f := newFixture()
	item := f.leased(t, office)
	other := office
	other.Name = "another collector of the office"
	f.Clock.Advance(6 * time.Minute)
	f.interrupt("ApplySteps", func() {
		if _, err := f.Lease(t.Context(), other, hub.LeaseRequest{Agency: hubtest.Office}); err != nil {
			t.Error(err)
		}
	})
	if _, err := f.ack(t, office, item); err == nil || hub.KindOf(err) != hub.KindConflict {
		t.Errorf("the late collector won: %v", err)
	}
	f.wantEvents(t, item.Delivery.ID, hub.StateConsigned)
}

func TestLeases(t *testing.T) {
	f := newFixture()
	for range 3 {
		f.consigned(t, hubtest.Office)
	}
	f.consigned(t, hubtest.Ward)
	items, err := f.Lease(t.Context(), office, hub.LeaseRequest{Agency: hubtest.Office, Max: 2})
	if err != nil || len(items) != 2 {
		t.Fatalf("%d leases, %v", len(items), err)
	}
	for _, item := range items {
		l := item.Delivery.Lease
		if l.Holder != office.Name || !l.Until.Equal(f.Clock.Now().Add(5*time.Minute)) || item.Delivery.LastError != "" {
			t.Errorf("lease %+v, error %q", l, item.Delivery.LastError)
		}
	}
	free, err := f.Mailbox(t.Context(), office, hub.MailboxQuery{Agency: hubtest.Office, Free: true})
	if err != nil || len(free.Items) != 1 {
		t.Errorf("%d are free, %v", len(free.Items), err)
	}
	id, fence := items[0].Delivery.ID, items[0].Delivery.Lease.Fence
	f.Clock.Advance(4 * time.Minute)
	lease, err := f.Renew(t.Context(), office, id, fence, time.Hour)
	if err != nil || lease.Fence != fence || !lease.Until.Equal(f.Clock.Now().Add(time.Hour)) {
		t.Errorf("renewed %+v, %v", lease, err)
	}
	rung := f.Listen(hubtest.Office)
	if err := f.Release(t.Context(), office, id, fence); err != nil {
		t.Fatal(err)
	}
	select {
	case <-rung:
	default:
		t.Error("nobody is told that a delivery is free again")
	}
	again, err := f.Lease(t.Context(), office, hub.LeaseRequest{Agency: hubtest.Office, IDs: []hub.DeliveryID{id}})
	if err != nil || again[0].Delivery.Lease.Fence != fence+1 {
		t.Errorf("leased again %+v, %v", again, err)
	}
}

func TestLeaseLengths(t *testing.T) {
	f := newFixture()
	item := f.consigned(t, hubtest.Office)
	for length, good := range map[time.Duration]bool{time.Millisecond: true, time.Hour: true, time.Hour + 1: false, -time.Second: false} {
		_, err := f.Lease(t.Context(), office, hub.LeaseRequest{Agency: hubtest.Office, IDs: []hub.DeliveryID{item.Delivery.ID}, Until: f.Clock.Now().Add(length)})
		if good && err != nil {
			t.Errorf("%v: %v", length, err)
		} else if !good {
			wantError(t, err, hub.KindInvalid, "seconds range")
		}
	}
	_, err := f.Lease(t.Context(), office, hub.LeaseRequest{Agency: hubtest.Office, IDs: make([]hub.DeliveryID, 101)})
	wantError(t, err, hub.KindInvalid, "deliveries max_items")
}

func TestAccept(t *testing.T) {
	f := newFixture()
	item := f.handedOver(t, office)
	registration := hub.Registration{Number: "1024", Date: "2026-03-02", Unit: "Phòng Tổng hợp"}
	sealed, err := f.Accept(t.Context(), office, item.Delivery.ID, registration)
	if err != nil || *sealed.Evidence.Registration != registration || sealed.Evidence.Event != hub.EventConsignmentAcceptance {
		t.Fatalf("%+v, %v", sealed.Evidence, err)
	}
	again, err := f.Accept(t.Context(), office, item.Delivery.ID, registration)
	wantSame(t, sealed, again, err)
	if d := f.now(t, item.Delivery.ID); *d.Registration != registration || d.Progress != hub.StatusAccepted {
		t.Errorf("delivery %+v", d)
	}
	f.wantEvents(t, item.Delivery.ID, hub.StateAccepted, "ContentHandover", "ConsignmentAcceptance")
	registration.Number = "1025"
	_, err = f.Accept(t.Context(), office, item.Delivery.ID, registration)
	wantError(t, err, hub.KindConflict, "registration state")
	_, err = f.Refuse(t.Context(), office, item.Delivery.ID, 0, wrongAddressee)
	wantError(t, err, hub.KindConflict, "delivery state")
}

func TestWhatCannotBeRegistered(t *testing.T) {
	f := newFixture()
	good := hub.Registration{Number: "1", Date: "2026-03-02"}
	_, err := f.Accept(t.Context(), office, f.leased(t, office).Delivery.ID, good)
	wantError(t, err, hub.KindConflict, "delivery state") // not collected yet
	_, err = f.Accept(t.Context(), bureau, f.handedOver(t, bureau).Delivery.ID, good)
	wantError(t, err, hub.KindConflict, "registration state") // does not register
	item := f.handedOver(t, office)
	for rule, r := range map[string]hub.Registration{
		"number required, date date":          {},
		"date date":                           {Number: "1", Date: "2026-02-30"},
		"number max_length, unit max_length":  {Number: strings.Repeat("1", 51), Unit: strings.Repeat("1", 201), Date: "2026-03-02"},
		"number control_character, unit utf8": {Number: "1\u202e", Unit: "\xff", Date: "2026-03-02"},
	} {
		_, err := f.Accept(t.Context(), office, item.Delivery.ID, r)
		wantError(t, err, hub.KindInvalid, rule)
	}
}

func TestRefuse(t *testing.T) {
	f := newFixture()
	for name, item := range map[string]hub.Item{"consigned": f.leased(t, office), "handed over": f.handedOver(t, office)} {
		t.Run(name, func(t *testing.T) {
			fence, n := int64(0), len(f.events(t, item.Delivery.ID))
			if item.Delivery.Lease != nil {
				fence = item.Delivery.Lease.Fence
			}
			sealed, err := f.Refuse(t.Context(), office, item.Delivery.ID, fence, wrongAddressee)
			if err != nil || sealed.Evidence.Event != hub.EventConsignmentRejection || sealed.Evidence.Reasons[0] != wrongAddressee {
				t.Fatalf("%+v, %v", sealed.Evidence, err)
			}
			again, err := f.Refuse(t.Context(), office, item.Delivery.ID, fence, wrongAddressee)
			wantSame(t, sealed, again, err)
			if d := f.now(t, item.Delivery.ID); d.State != hub.StateRefused || *d.Reason != wrongAddressee || d.Progress != hub.StatusRefused {
				t.Errorf("delivery %+v", d)
			}
			if got := len(f.events(t, item.Delivery.ID)); got != n+1 {
				t.Errorf("%d events", got)
			}
			_, err = f.Refuse(t.Context(), office, item.Delivery.ID, fence, hub.Reason{Code: hub.ReasonOther, Detail: "x"})
			wantError(t, err, hub.KindConflict, "delivery state")
		})
	}
}

func TestWhatCannotBeRefused(t *testing.T) {
	f := newFixture()
	item := f.leased(t, office)
	id, fence := item.Delivery.ID, item.Delivery.Lease.Fence
	for rule, r := range map[string]hub.Reason{
		"code code_list, detail required": {},
		"code code_list":                  {Code: hub.ReasonRetentionExpired, Detail: "x"}, // the hub's own
		"detail required":                 {Code: hub.ReasonOther, Detail: " \n"},
		"detail max_length":               {Code: hub.ReasonOther, Detail: strings.Repeat("ậ", 1001)},
		"detail control_character":        {Code: hub.ReasonOther, Detail: "a\x1b[2J"},
	} {
		_, err := f.Refuse(t.Context(), office, id, fence, r)
		wantError(t, err, hub.KindInvalid, rule)
	}
	other := office
	other.Name = "another collector of the office"
	_, err := f.Refuse(t.Context(), other, id, 0, wrongAddressee)
	wantError(t, err, hub.KindConflict, "fence lease") // somebody works on it
	_, err = f.Refuse(t.Context(), bureau, f.handedOver(t, bureau).Delivery.ID, 0, wrongAddressee)
	wantError(t, err, hub.KindConflict, "delivery state") // ended with its hand-over
	if _, err := f.Refuse(t.Context(), office, id, fence, hub.Reason{Code: hub.ReasonOther, Detail: strings.Repeat("ậ\n", 500)}); err != nil {
		t.Error(err)
	}
}

// TestTheEndIsTheEnd: no act moves what has ended, and a late repetition still
// gets its first answer.
func TestTheEndIsTheEnd(t *testing.T) {
	for _, end := range []hub.DeliveryState{hub.StateFailed, hub.StateExpired, hub.StateWithdrawn} {
		t.Run(string(end), func(t *testing.T) {
			f := newFixture()
			item := f.leased(t, office)
			f.to(t, item.Delivery, end)
			_, ack := f.ack(t, office, item)
			_, refuse := f.Refuse(t.Context(), office, item.Delivery.ID, 0, wrongAddressee)
			_, accept := f.Accept(t.Context(), office, item.Delivery.ID, hub.Registration{Number: "1", Date: "2026-03-02"})
			for _, err := range []error{ack, refuse, accept} {
				wantError(t, err, hub.KindConflict, "delivery state")
			}
			if _, err := f.Lease(t.Context(), office, hub.LeaseRequest{Agency: hubtest.Office, IDs: []hub.DeliveryID{item.Delivery.ID}}); err == nil {
				t.Error("it can be leased")
			}
			if _, _, err := f.Open(t.Context(), office, item.Dispatch.ID, "p1"); err == nil || hub.KindOf(err) != hub.KindNotFound {
				t.Errorf("its content is open: %v", err)
			}
			f.wantEvents(t, item.Delivery.ID, end)
		})
	}
	for _, end := range []hub.DeliveryState{hub.StateRefused, hub.StateExpired, hub.StateAccepted} {
		f := newFixture()
		item := f.leased(t, office)
		sealed, err := f.ack(t, office, item)
		if err != nil {
			t.Fatal(err)
		}
		f.to(t, item.Delivery, end)
		again, err := f.ack(t, office, item)
		wantSame(t, sealed, again, err)
	}
}

// TestManyAtOnceAreOne: parallel repetitions of an act give one evidence.
func TestManyAtOnceAreOne(t *testing.T) {
	f := newFixture()
	item := f.leased(t, office)
	id := item.Delivery.ID
	for _, act := range []func() (hub.SealedEvidence, error){
		func() (hub.SealedEvidence, error) { return f.ack(t, office, item) },
		func() (hub.SealedEvidence, error) {
			return f.Report(t.Context(), office, id, hub.StatusReport{Code: "01"})
		},
		func() (hub.SealedEvidence, error) {
			return f.Accept(t.Context(), office, id, hub.Registration{Number: "7", Date: "2026-03-02"})
		},
	} {
		receipts := make([]hub.SealedEvidence, 4)
		var group sync.WaitGroup
		for i := range receipts {
			group.Go(func() {
				var err error
				if receipts[i], err = act(); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		for _, r := range receipts {
			if r.Digest != receipts[0].Digest {
				t.Errorf("two receipts: %s and %s", r.Evidence.ID, receipts[0].Evidence.ID)
			}
		}
	}
	if events := f.events(t, id); len(events) != 3 {
		t.Errorf("events %v", events)
	}
}

// TestAcceptAgainstExpiry: whoever commits first wins, the other one is told.
func TestAcceptAgainstExpiry(t *testing.T) {
	f := newFixture()
	item := f.handedOver(t, office)
	f.interrupt("ApplySteps", func() { f.to(t, item.Delivery, hub.StateExpired) })
	_, err := f.Accept(t.Context(), office, item.Delivery.ID, hub.Registration{Number: "1", Date: "2026-03-02"})
	wantError(t, err, hub.KindConflict, "delivery state")
	f.wantEvents(t, item.Delivery.ID, hub.StateExpired, "ContentHandover")
}

func TestFailuresOfTheStoreAreTold(t *testing.T) {
	f := newFixture()
	item := f.leased(t, office)
	f.Before = func(string) error { return fmt.Errorf("disk full") }
	if _, err := f.ack(t, office, item); err == nil || hub.KindOf(err) != hub.KindInternal {
		t.Errorf("got %v", err)
	}
	f.Before = nil
	f.wantEvents(t, item.Delivery.ID, hub.StateConsigned)
}
