package tracking_test

import (
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/hubtest"
)

// TestClocks: sender and recipients see how their duties stand wherever they read a
// document, each its own, as of the reading and by the rules of the reading.
func TestClocks(t *testing.T) {
	f := newFixture()
	terms := &hub.LegalTerms{Terms: []hub.LegalTerm{
		{ID: "n", Duty: hub.DutyNotice, From: "2000-01-01", Within: "2h", Source: "x"}, {ID: "r", Duty: hub.DutyRegister, From: "2000-01-01", Within: "4h", Source: "x"},
		{ID: "s", Duty: hub.DutySend, From: "2000-01-01", Days: 1, Source: "x"},
	}}
	f.Law, f.Service.Calendar = func() *hub.LegalTerms { return terms }, func() *hub.Calendar { return hub.NewCalendar() }
	sent := f.accept(t, hubtest.Office, hubtest.Bureau)
	d := sent.Deliveries[0]
	f.to(t, d, hub.StateConsigned)
	f.to(t, sent.Deliveries[1], hub.StateConsigned)
	f.Clock.Advance(3 * time.Hour)

	list, err := f.Mailbox(t.Context(), office, hub.MailboxQuery{Agency: hubtest.Office})
	if err != nil || len(list.Items) != 1 || len(list.Items[0].Clocks) != 2 {
		t.Fatalf("%+v %v", list.Items, err)
	}
	if c := list.Items[0].Clocks; c[0].State != hub.ClockOverdue || c[0].Delivery != d.ID || c[1].State != hub.ClockSoon || !c[1].Due.Equal(sent.Dispatch.AcceptedAt.Add(4*time.Hour)) {
		t.Errorf("%+v", c)
	}
	whole, err := f.Dispatch(t.Context(), province, d.Dispatch)
	if err != nil || len(whole.Clocks) != 4 || whole.Clocks[0].Duty != hub.DutySend || whole.Clocks[0].Delivery != "" {
		t.Errorf("the sender sees %+v %v", whole.Clocks, err)
	}
	part, err := f.Dispatch(t.Context(), office, d.Dispatch)
	if err != nil || len(part.Clocks) != 2 || part.Clocks[0].Delivery != d.ID {
		t.Errorf("a recipient sees %+v %v", part.Clocks, err)
	}
	all, err := f.Sent(t.Context(), province, hub.SentQuery{Agency: hubtest.Province})
	if err != nil || len(all.Items) != 1 || len(all.Items[0].Clocks) != 1 {
		t.Errorf("the list of what was sent: %+v %v", all.Items, err)
	}

	if _, err := f.Acknowledge(t.Context(), office, d.ID, 0, hubtest.Digests(&sent.Dispatch)); err != nil {
		t.Fatal(err)
	}
	f.Clock.Advance(30 * time.Minute)
	if _, err := f.Accept(t.Context(), office, d.ID, hub.Registration{Number: "1", Date: "2026-01-05"}); err != nil {
		t.Fatal(err)
	}
	f.Clock.Advance(time.Hour)
	if _, err := f.Report(t.Context(), office, d.ID, hub.StatusReport{Code: hub.StatusInProgress}); err != nil {
		t.Fatal(err)
	}
	refused := sent.Deliveries[1].ID
	if _, err := f.Refuse(t.Context(), bureau, refused, 0, hub.Reason{Code: hub.RefusalReasons()[0], Detail: "Gửi nhầm"}); err != nil {
		t.Fatal(err)
	}
	at := f.Clock.Now()
	f.Clock.Advance(time.Hour)
	if _, err := f.Report(t.Context(), bureau, refused, hub.StatusReport{Code: hub.StatusInProgress}); err != nil {
		t.Fatal(err)
	}
	if item, err := f.Item(t.Context(), bureau, refused); err != nil || len(item.Clocks) != 1 || !item.Clocks[0].Met.Equal(at) {
		t.Errorf("behind a report the clocks of what was refused at %v are %+v %v", at, item.Clocks, err)
	}
	terms.Terms[1].Within = "3h"
	item, err := f.Item(t.Context(), office, d.ID)
	if err != nil || len(item.Clocks) != 2 {
		t.Fatalf("%+v %v", item.Clocks, err)
	}
	if c := item.Clocks; c[0].State != hub.ClockLate || !c[0].Met.Equal(sent.Dispatch.AcceptedAt.Add(3*time.Hour)) ||
		c[1].State != hub.ClockLate || !c[1].Met.Equal(sent.Dispatch.AcceptedAt.Add(3*time.Hour+30*time.Minute)) {
		t.Errorf("%+v", c)
	}
}
