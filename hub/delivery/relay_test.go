package delivery_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/delivery"
)

// relaying gives deliveries over another axis a carrier.
func relaying(c carrier) func(*delivery.Options) {
	return func(o *delivery.Options) {
		o.Carriers = map[hub.Channel]delivery.Carrier{hub.ChannelAxis: c}
		o.Answer = func(_ context.Context, item *hub.Item) string { return "axis id of " + string(item.Dispatch.ID) }
	}
}

// TestWhatAnAxisTookIsNotHandedOver: an axis that takes a document over says no more
// than that; the recipient does not have it yet.
func TestWhatAnAxisTookIsNotHandedOver(t *testing.T) {
	f := newFixture(relaying(func(context.Context, hub.Item) error { return nil }))
	f.channel = hub.ChannelAxis
	a := f.accept(t, "far away")
	f.work(t, 1)
	d := f.now(t, a.Deliveries[0])
	if d.State != hub.StateConsigned || !d.Relayed() || d.Final() || !d.ConsignedAt.IsZero() || d.AwaitsNow() != 0 {
		t.Errorf("the delivery is %+v", d)
	}
	f.wantChain(t, d, "RelayAcceptance")
	list, err := f.Evidences(t.Context(), hub.EvidenceQuery{Delivery: d.ID, Page: hub.Page{Limit: 10}})
	if e := list.Items[0].Evidence; err != nil || e.Note != "axis id of "+string(a.Dispatch.ID) || e.DeliveryInfo.Channel != hub.ChannelAxis {
		t.Errorf("the evidence says %q of %+v, %v", e.Note, e.DeliveryInfo, err)
	}
	f.Clock.Advance(31 * 24 * time.Hour)
	if n, err := f.Expire(t.Context()); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	f.wantChain(t, d, "RelayAcceptance", "ContentHandoverFailure(retention_expired)")
}

// TestWhatAnAxisDoesNotTake: its refusal, and its silence, have evidence of their own.
func TestWhatAnAxisDoesNotTake(t *testing.T) {
	for _, tt := range []struct {
		err   error
		wait  time.Duration
		state hub.DeliveryState
		chain []string
	}{
		{hub.Errorf(hub.KindUnsupported, "", "", "422: no such code"), 0, hub.StateFailed, []string{"RelayRejection(invalid_format)"}},
		{hub.Errorf(hub.KindUnknownAgency, "", "", "404: nobody"), 0, hub.StateFailed, []string{"RelayRejection(unknown_recipient)"}},
		{hub.Errorf(hub.KindUnavailable, "", "", "away"), time.Hour, hub.StateFailed, []string{"RelayFailure(attempts_exhausted)"}},
		{hub.Errorf(hub.KindUntrusted, "", "", "401"), 0, hub.StateQueued, nil},
		{errors.New("unknown"), 31 * 24 * time.Hour, hub.StateExpired, []string{"RelayFailure(retention_expired)"}},
	} {
		f := newFixture(relaying(func(context.Context, hub.Item) error { return tt.err }), func(o *delivery.Options) { o.Retry.Attempts = 2 })
		f.channel = hub.ChannelAxis
		a := f.accept(t, "far away")
		for range 2 {
			if _, err := f.Work(t.Context()); err != nil {
				t.Fatal(err)
			}
			f.Clock.Advance(tt.wait)
			if _, err := f.Expire(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if d := f.now(t, a.Deliveries[0]); d.State != tt.state {
			t.Errorf("%v: the delivery is %s", tt.err, d.State)
		}
		if got := f.chain(t, a.Deliveries[0]); !slices.Equal(got, tt.chain) {
			t.Errorf("%v: %v, want %v", tt.err, got, tt.chain)
		}
	}
}
