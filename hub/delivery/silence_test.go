package delivery_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/audit"
	"github.com/lienthong/lienthong/hub/delivery"
	"github.com/lienthong/lienthong/hub/hubtest"
)

func terms(t *testing.T, text string) hub.Terms {
	t.Helper()
	var read hub.Terms
	if err := read.UnmarshalText([]byte(text)); err != nil {
		t.Fatal(err)
	}
	return read
}

// acceptUrgent records a dispatch to one recipient, which registers, as the intake does.
func (f *fixture) acceptUrgent(t *testing.T, to hub.AgencyID, urgency hub.Priority, deadlines *hub.Deadlines) hub.Delivery {
	t.Helper()
	return f.acceptAs(t, func(a *hub.Acceptance) {
		a.Dispatch.Document.Priority = urgency
		a.Deliveries[0].Registers = true
		deadlines.Accepted(&a.Deliveries[0], urgency, f.Clock.Now())
	}, to).Deliveries[0]
}

// TestSilence: whoever does not collect, and whoever collects and does not register, is
// warned in good time, with the sender, and then the delivery ends with the evidence of
// its kind; the time depends on the urgency and begins anew with the hand-over.
func TestSilence(t *testing.T) {
	deadlines := hub.Deadlines{
		Handover: terms(t, "100h,urgent=30h,express=3h"), Acceptance: terms(t, "50h,express=6h"), Warning: 10 * time.Hour,
	}
	const hour = time.Hour
	tests := []struct {
		name      string
		urgency   hub.Priority
		collected bool // at the acceptance
		warned    time.Duration
		ends      time.Duration
		event     string
	}{
		{"normal, not collected", hub.PriorityNormal, false, 90 * hour, 100 * hour, "ContentHandoverFailure(retention_expired)"},
		{"urgent, not collected", hub.PriorityUrgent, false, 20 * hour, 30 * hour, "ContentHandoverFailure(retention_expired)"},
		{"very urgent has no time of its own", hub.PriorityVeryUrgent, false, 90 * hour, 100 * hour, "ContentHandoverFailure(retention_expired)"},
		{"a short time has a short warning", hub.PriorityExpress, false, 2 * hour, 3 * hour, "ContentHandoverFailure(retention_expired)"},
		{"normal, not registered", hub.PriorityNormal, true, 40 * hour, 50 * hour, "AcceptanceRejectionExpiry(retention_expired)"},
		{"express, not registered", hub.PriorityExpress, true, 4 * hour, 6 * hour, "AcceptanceRejectionExpiry(retention_expired)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			// A carrier hands over, a box waits to be collected.
			f := newFixture(carriedBy(carrier(func(context.Context, hub.Item) error { return nil })), func(o *delivery.Options) { o.Deadlines = deadlines })
			to := hubtest.Office
			if tt.collected {
				to = hubtest.Remote
			}
			d := f.acceptUrgent(t, to, tt.urgency, &deadlines)
			f.work(t, 1)
			begun := f.Clock.Now()
			at := func(since time.Duration) (int, []hub.AgencyID) {
				t.Helper()
				f.Clock.Advance(begun.Add(since).Sub(f.Clock.Now()))
				f.bell.rung = nil
				n, err := f.Expire(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				return n, f.bell.heard()
			}
			first := f.chain(t, d)
			if n, rung := at(tt.warned - 1); n != 0 || len(rung) != 0 {
				t.Fatalf("too early: %d ended, %v rung", n, rung)
			}
			n, rung := at(tt.warned)
			if n != 0 || !slices.Equal(rung, slices.Sorted(slices.Values([]hub.AgencyID{to, hubtest.Province}))) {
				t.Errorf("at the warning %d ended, %v were told", n, rung)
			}
			if now := f.now(t, d); !now.WarnedAt.Equal(f.Clock.Now()) || !now.ExpiresAt.Equal(begun.Add(tt.ends)) {
				t.Errorf("warned at %s of the end at %s", now.WarnedAt, now.ExpiresAt)
			}
			f.wantChain(t, d, append(first, "ExpiryWarning")...)
			if n, rung := at(tt.ends - 1); n != 0 || len(rung) != 0 {
				t.Errorf("before the end %d ended, %v rung", n, rung)
			}
			if n, _ := at(tt.ends); n != 1 {
				t.Errorf("at the end %d ended", n)
			}
			f.wantChain(t, d, append(first, "ExpiryWarning", tt.event)...)
			if n, _ := at(10 * tt.ends); n != 0 {
				t.Errorf("%d ended twice", n)
			}
			f.wantWarningAndEnd(t, d, begun.Add(tt.ends))
		})
	}
}

// wantWarningAndEnd fails the test unless the last two evidences name the end of the
// term, and all of them form a chain.
func (f *fixture) wantWarningAndEnd(t *testing.T, d hub.Delivery, ends time.Time) {
	t.Helper()
	all, err := f.Evidences(t.Context(), hub.EvidenceQuery{Dispatch: d.Dispatch, Page: hub.Page{Limit: 100}})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range all.Items[len(all.Items)-2:] {
		if info := e.Evidence.DeliveryInfo; info == nil || !info.ExpiresAt.Equal(ends) {
			t.Errorf("%s says %+v, want the end %s", e.Evidence.Event.Name(), info, ends)
		}
	}
	if err := audit.CheckChain(all.Items); err != nil {
		t.Error(err)
	}
}

// TestNobodyIsWarnedTooLate: where the hub was away until after the end, there is the
// end alone.
func TestNobodyIsWarnedTooLate(t *testing.T) {
	f := newFixture()
	deadlines := hub.Deadlines{}
	d := f.acceptUrgent(t, hubtest.Office, hub.PriorityNormal, &deadlines)
	f.work(t, 1)
	f.Clock.Advance(hub.DefaultTerm)
	if n, err := f.Expire(t.Context()); n != 1 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	f.wantChain(t, d, "ContentConsignment", "ContentHandoverFailure(retention_expired)")
}
