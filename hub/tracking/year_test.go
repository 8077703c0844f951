package tracking_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/hubtest"
	"github.com/lienthong/lienthong/hub/tracking"
)

// years keeps closed years and what the log is told of them; noting fails while err is set.
type years struct {
	closed map[int]hub.RegisterYear
	noted  []hub.RegisterYear
	err    error
}

func (y *years) CloseYear(_ context.Context, n hub.RegisterYear) (hub.RegisterYear, error) {
	if first, ok := y.closed[n.Year]; ok {
		return first, nil
	}
	y.closed[n.Year] = n
	return n, nil
}

func (y *years) CompleteYear(_ context.Context, n hub.RegisterYear) error {
	y.closed[n.Year] = n
	return nil
}

func (y *years) ClosedYears(context.Context, hub.AgencyID) ([]hub.RegisterYear, error) {
	return []hub.RegisterYear{y.closed[2025]}, nil
}

func (y *years) YearClosed(_ context.Context, _ hub.Actor, n hub.RegisterYear) error {
	if y.err == nil {
		y.noted = append(y.noted, n)
	}
	return y.err
}

// TestNoYearIsClosedInItsFirstHour: neither the one that just ended nor the one that just
// began.
func TestNoYearIsClosedInItsFirstHour(t *testing.T) {
	f, y := newFixture(), &years{closed: map[int]hub.RegisterYear{}}
	f.Years, f.Chronicle, f.Books = y, y, twoPages{}
	keeper := hub.Actor{Name: "keeper", Agencies: []hub.AgencyID{hubtest.Office}, Scopes: []hub.Scope{hub.ScopeAccounts}}
	f.Clock.Advance(time.Date(2027, 1, 1, 0, 30, 0, 0, hub.Vietnam()).Sub(f.Clock.Now()))
	for _, year := range []int{2026, 2027} {
		if _, err := f.CloseYear(t.Context(), keeper, hubtest.Office, year); err == nil || hub.ViolationsOf(err)[0].Rule != "ended" || len(y.closed) != 0 {
			t.Errorf("%d: %v", year, err)
		}
	}
	f.Clock.Advance(30 * time.Minute)
	if _, err := f.CloseYear(t.Context(), keeper, hubtest.Office, 2026); err != nil {
		t.Error(err)
	}
}

// twoPages are books of two documents, a page each, and some that are of other years.
type twoPages struct{ tracking.BookStore }

func (twoPages) SentBetween(_ context.Context, span hub.SentSpan) (hub.List[hub.SentItem], error) {
	at := time.Date(2025, 12, 31, 16, 59, 59, 0, time.UTC) // the last second in Viet Nam
	item := func(id hub.DispatchID, at time.Time, op hub.Operation) hub.SentItem {
		return hub.SentItem{Dispatch: hub.Dispatch{ID: id, Sender: span.Sender, AcceptedAt: at, Operation: op}}
	}
	if span.Page.After == "" {
		return hub.List[hub.SentItem]{Next: "b", Items: []hub.SentItem{item("a", at, hub.OperationNew), item("r", at, hub.OperationRecall)}}, nil
	}
	return hub.List[hub.SentItem]{Items: []hub.SentItem{item("b", at, hub.OperationReplace), item("c", at.Add(time.Second), hub.OperationNew)}}, nil
}

func (twoPages) RegisteredBetween(_ context.Context, q hub.RegisterQuery) (hub.List[hub.RegisterEntry], error) {
	entry := func(id hub.DeliveryID, register hub.AgencyID) hub.RegisterEntry {
		return hub.RegisterEntry{Item: hub.Item{Delivery: hub.Delivery{
			ID: id, Recipient: q.Agency, Register: register, State: hub.StateAccepted, Registration: &hub.Registration{Number: "1", Date: "2025-03-01"},
		}}}
	}
	if q.Page.After == "" {
		return hub.List[hub.RegisterEntry]{Next: "b", Items: []hub.RegisterEntry{entry("a", "")}}, nil
	}
	return hub.List[hub.RegisterEntry]{Items: []hub.RegisterEntry{entry("b", "elsewhere"), entry("c", "")}}, nil
}

// TestCloseYear: who may, which years, that a closing which broke off before the log had it
// is finished by the next, and that the first stays.
func TestCloseYear(t *testing.T) {
	f, y := newFixture(), &years{closed: map[int]hub.RegisterYear{}}
	f.Years, f.Chronicle, f.Books = y, y, twoPages{}
	keeper := hub.Actor{Name: "keeper", Agencies: []hub.AgencyID{hubtest.Office}, Scopes: []hub.Scope{hub.ScopeAccounts}}
	now := f.Clock.Now()
	for name, tt := range map[string]struct {
		actor hub.Actor
		year  int
		kind  hub.ErrorKind
		rule  string
	}{
		"a document system":         {office, 2025, hub.KindDenied, "agency"},
		"of another agency":         {hub.Actor{Agencies: []hub.AgencyID{hubtest.Bureau}, Scopes: keeper.Scopes}, 2025, hub.KindDenied, "agency"},
		"who receives for it alone": {hub.Actor{ReceivesFor: keeper.Agencies, Scopes: keeper.Scopes}, 2025, hub.KindDenied, "agency"},
		"this year":                 {keeper, now.Year(), hub.KindInvalid, "ended"},
		"a year to come":            {keeper, now.Year() + 1, hub.KindInvalid, "range"},
		"long ago":                  {keeper, 1989, hub.KindInvalid, "range"},
	} {
		_, err := f.CloseYear(t.Context(), tt.actor, hubtest.Office, tt.year)
		if hub.KindOf(err) != tt.kind || hub.ViolationsOf(err)[0].Rule != tt.rule {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(y.closed) != 0 {
		t.Fatalf("%+v", y.closed)
	}

	y.err = errors.New("the log is away")
	if _, err := f.CloseYear(t.Context(), keeper, hubtest.Office, 2025); !errors.Is(err, y.err) {
		t.Fatal(err)
	}
	if c := y.closed[2025]; c.ClosedBy != "keeper" || c.Outgoing != nil {
		t.Errorf("it is complete without its note: %+v", c)
	}
	y.err = nil
	f.Clock.Advance(time.Hour)
	closed, err := f.CloseYear(t.Context(), keeper, hubtest.Office, 2025)
	if err != nil || !closed.ClosedAt.Equal(now.UTC().Truncate(time.Millisecond)) || closed.Outgoing.Entries != 2 || closed.Incoming.Entries != 2 || len(y.noted) != 1 {
		t.Fatalf("%+v %+v %v", closed, y.noted, err)
	}
	if again, err := f.CloseYear(t.Context(), keeper, hubtest.Office, 2025); err != nil || *again.Outgoing != *closed.Outgoing || len(y.noted) != 1 {
		t.Errorf("%+v %+v %v", again, y.noted, err)
	}
	successor := hub.Actor{Name: "successor", TookOver: []hub.AgencyID{hubtest.Office}, Scopes: keeper.Scopes}
	if _, err := f.CloseYear(t.Context(), successor, hubtest.Office, 2024); err != nil {
		t.Errorf("who took the agency over: %v", err)
	}
	for name, actor := range map[string]hub.Actor{"stranger": stranger, "bureau": bureau} {
		if _, err := f.ClosedYears(t.Context(), actor, hubtest.Office); hub.KindOf(err) != hub.KindDenied {
			t.Errorf("%s reads closed years: %v", name, err)
		}
	}
	if list, err := f.ClosedYears(t.Context(), office, hubtest.Office); err != nil || len(list) != 1 {
		t.Errorf("%+v %v", list, err)
	}
}
