package tracking_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/hubtest"
)

// books is what a store of registers holds; it remembers what it was asked.
type books struct {
	sent    []hub.SentItem
	entries []hub.RegisterEntry
	span    hub.SentSpan
	counted []hub.Item
}

func (b *books) Counted(context.Context, hub.CountedQuery) (hub.List[hub.Item], error) {
	return hub.List[hub.Item]{Items: slices.Clone(b.counted)}, nil
}

func (b *books) SentBetween(_ context.Context, span hub.SentSpan) (hub.List[hub.SentItem], error) {
	b.span = span
	return hub.List[hub.SentItem]{Items: slices.Clone(b.sent)}, nil
}

func (b *books) RegisteredBetween(context.Context, hub.RegisterQuery) (hub.List[hub.RegisterEntry], error) {
	return hub.List[hub.RegisterEntry]{Items: slices.Clone(b.entries)}, nil
}

// withTestUnit is a directory with one unit that is there for connection tests.
type withTestUnit struct{ *hubtest.Directory }

const testUnit = hub.AgencyID("w00")

func (d withTestUnit) ByID(id hub.AgencyID) (*hub.Agency, bool) {
	if id == testUnit {
		return &hub.Agency{ID: id, Test: true}, true
	}
	return d.Directory.ByID(id)
}

// TestOutgoing: the days are those of Viet Nam, connection tests and recalls are no
// entries, and nobody but the agency prints its register.
func TestOutgoing(t *testing.T) {
	f, b := newFixture(), &books{}
	f.Books, f.Service.Directory = b, withTestUnit{f.World.Directory}
	day := time.Date(2026, 2, 1, 0, 0, 0, 0, hub.Vietnam())
	add := func(id hub.DispatchID, at time.Time, op hub.Operation, recipients ...hub.AgencyID) {
		item := hub.SentItem{Dispatch: hub.Dispatch{ID: id, Operation: op, AcceptedAt: at.UTC()}}
		for _, r := range recipients {
			item.Deliveries = append(item.Deliveries, hub.Delivery{Recipient: r, Lease: &hub.Lease{Holder: "x"}})
		}
		b.sent = append(b.sent, item)
	}
	add("before", day.Add(-time.Millisecond), hub.OperationNew, hubtest.Office)
	add("first", day, hub.OperationNew, hubtest.Office)
	add("recall", day, hub.OperationRecall, hubtest.Office)
	add("test", day, hub.OperationNew, testUnit)
	add("both", day, hub.OperationUpdate, testUnit, hubtest.Ward)
	add("last", day.AddDate(0, 0, 2).Add(-time.Millisecond), hub.OperationReplace, hubtest.Office)
	add("after", day.AddDate(0, 0, 2), hub.OperationNew, hubtest.Office)
	query := hub.RegisterQuery{Agency: hubtest.Province, From: "2026-02-01", To: "2026-02-02"}
	list, err := f.Outgoing(t.Context(), province, query)
	if err != nil {
		t.Fatal(err)
	}
	var got []hub.DispatchID
	for _, item := range list.Items {
		got = append(got, item.Dispatch.ID)
		if item.Deliveries[0].Lease != nil {
			t.Errorf("%s shows who works at the recipient", item.Dispatch.ID)
		}
	}
	if want := []hub.DispatchID{"first", "both", "last"}; !slices.Equal(got, want) {
		t.Errorf("entries %v, want %v", got, want)
	}
	// an hour more on both sides: midnight of 1 February in Viet Nam is 1769878800 seconds
	if want := (hub.SentSpan{Sender: hubtest.Province, First: "019c14c8-5800", End: "019c1f82-ed00"}); b.span.First != want.First || b.span.End != want.End || b.span.Sender != want.Sender {
		t.Errorf("looked through %+v", b.span)
	}
	_, err = f.Outgoing(t.Context(), office, query)
	if hub.KindOf(err) != hub.KindDenied {
		t.Errorf("another agency gets %v", err)
	}
	for field, q := range map[string]hub.RegisterQuery{
		"from": {Agency: hubtest.Province, From: "2026-02-30", To: "2026-03-01"},
		"to":   {Agency: hubtest.Province, From: "2026-02-02", To: "2026-02-01"},
	} {
		_, err := f.Outgoing(t.Context(), province, q)
		if found := hub.ViolationsOf(err); len(found) != 1 || found[0].Field != field {
			t.Errorf("%v does not name %s", err, field)
		}
	}
}

// TestIncoming: what was given back leaves its number alone; connection tests are no entries.
func TestIncoming(t *testing.T) {
	f, b := newFixture(), &books{}
	f.Books, f.Service.Directory = b, withTestUnit{f.World.Directory}
	entry := func(number string, sender hub.AgencyID) *hub.RegisterEntry {
		b.entries = append(b.entries, hub.RegisterEntry{Item: hub.Item{
			Dispatch: hub.Dispatch{Sender: sender, Document: hub.Document{Subject: "Nội dung"}},
			Delivery: hub.Delivery{Recipient: hubtest.Office, State: hub.StateAccepted, LastError: "x", Registration: &hub.Registration{Number: number}},
		}})
		return &b.entries[len(b.entries)-1]
	}
	entry("1", hubtest.Province)
	entry("2", testUnit)
	entry("3", hubtest.Province).Delivery.Destroyed = &hub.Destruction{}
	query := hub.RegisterQuery{Agency: hubtest.Office, From: "2026-01-01", To: "2026-12-31"}
	list, err := f.Incoming(t.Context(), office, query)
	if err != nil || len(list.Items) != 2 {
		t.Fatalf("%d entries, %v", len(list.Items), err)
	}
	first, back := list.Items[0], list.Items[1]
	if first.Dispatch.Document.Subject != "Nội dung" || first.Delivery.LastError != "" {
		t.Errorf("the entry is %+v", first)
	}
	if back.Delivery.Registration == nil || back.Delivery.Registration.Number != "3" || back.Dispatch.Document.Subject != "" {
		t.Errorf("of what was given back stays %+v", back)
	}
	_, err = f.Incoming(t.Context(), ward, query)
	if hub.KindOf(err) != hub.KindDenied {
		t.Errorf("another agency gets %v", err)
	}
}

// TestCounted: documents behind a number are shown to a leader of the agency itself, with
// what that side may see of them.
func TestCounted(t *testing.T) {
	f, b := newFixture(), &books{}
	f.Books = b
	b.counted = []hub.Item{{
		Dispatch: hub.Dispatch{Sender: hubtest.Province, Document: hub.Document{Subject: "Nội dung"}},
		Delivery: hub.Delivery{Recipient: hubtest.Office, LastError: "x", Lease: &hub.Lease{Holder: "x"}, Destroyed: &hub.Destruction{}, State: hub.StateAccepted},
	}}
	leader := func(of hub.AgencyID, scopes ...hub.Scope) hub.Actor {
		return hub.Actor{Agencies: []hub.AgencyID{of}, Scopes: scopes}
	}
	query := hub.CountedQuery{Agency: hubtest.Office, Side: hub.SideReceived, Measure: hub.MeasureAccepted, Period: "2026"}
	list, err := f.Counted(t.Context(), leader(hubtest.Office, hub.ScopeFigures, hub.ScopeCollect), query)
	if err != nil || len(list.Items) != 1 || list.Items[0].Dispatch.Document.Subject != "" || list.Items[0].Delivery.LastError != "" {
		t.Errorf("the recipient, who gave it back, sees %+v, %v", list.Items, err)
	}
	sent := query
	sent.Agency, sent.Side = hubtest.Province, hub.SideSent
	list, err = f.Counted(t.Context(), leader(hubtest.Province, hub.ScopeFigures, hub.ScopeRead), sent)
	if err != nil || list.Items[0].Delivery.Lease != nil || list.Items[0].Dispatch.Document.Subject == "" {
		t.Errorf("the sender sees %+v, %v", list.Items, err)
	}
	for name, actor := range map[string]hub.Actor{
		"above":             leader(hubtest.Province, hub.Scopes()...),
		"without figures":   leader(hubtest.Office, hub.ScopeCollect, hub.ScopeRead),
		"without the box":   leader(hubtest.Office, hub.ScopeFigures, hub.ScopeRead),
		"who receives only": {ReceivesFor: []hub.AgencyID{hubtest.Office}, Scopes: hub.Scopes()},
	} {
		if list, err := f.Counted(t.Context(), actor, query); hub.KindOf(err) != hub.KindDenied || len(list.Items) > 0 {
			t.Errorf("%s: %+v, %v", name, list.Items, err)
		}
	}
	query.Period = "x"
	if _, err := f.Counted(t.Context(), leader(hubtest.Office, hub.Scopes()...), query); hub.KindOf(err) != hub.KindInvalid {
		t.Errorf("no period: %v", err)
	}
}
