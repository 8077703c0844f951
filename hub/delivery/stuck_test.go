package delivery_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/delivery"
)

func operator() hub.Actor {
	return hub.Actor{Name: "vận hành", Scopes: []hub.Scope{hub.ScopeOperate}}
}

// stuckWorld has one delivery that every attempt fails for, tried once a while ago.
func stuckWorld(t *testing.T, carry func() error) (*fixture, hub.Delivery) {
	t.Helper()
	f := newFixture(carriedBy(carrier(func(context.Context, hub.Item) error { return carry() })), func(o *delivery.Options) {
		o.Retry = delivery.Backoff{First: 4 * time.Hour, Max: 4 * time.Hour, Attempts: 10}
	})
	d := f.accept(t, "xa").Deliveries[0]
	f.work(t, 0)
	return f, d
}

func TestStuckIsSeen(t *testing.T) {
	f, d := stuckWorld(t, func() error { return hub.Errorf(hub.KindUnavailable, "", "", "the other side is away") })
	fresh := f.accept(t, "huyen").Deliveries[0]
	stuck, err := f.Stuck(t.Context(), operator())
	if err != nil || len(stuck.Failing) != 1 || len(stuck.Ending) != 0 || stuck.More {
		t.Fatalf("%+v, %v", stuck, err)
	}
	if s := stuck.Failing[0]; s.ID != d.ID || s.Recipient != "xa" || s.Attempts != 1 || s.LastError != "unavailable: the other side is away" || !s.NextAttempt.After(f.Clock.Now()) {
		t.Errorf("%+v", s)
	}
	f.Clock.Advance(2 * time.Minute)
	if stuck, err = f.Stuck(t.Context(), operator()); err != nil || len(stuck.Failing) != 2 || stuck.Failing[0].ID != fresh.ID {
		t.Errorf("a delivery that nobody carries is not seen first: %+v, %v", stuck.Failing, err)
	}
	if _, err := f.Stuck(t.Context(), hub.Actor{Scopes: []hub.Scope{hub.ScopeCollect, hub.ScopeAudit}}); hub.KindOf(err) != hub.KindDenied {
		t.Errorf("a stranger sees what is stuck: %v", err)
	}
}

func TestStuckShowsWhatEndsSoon(t *testing.T) {
	f := newFixture()
	f.channel = hub.ChannelPull
	d := f.accept(t, "xa").Deliveries[0]
	f.work(t, 1)
	f.Clock.Advance(f.now(t, d).ExpiresAt.Sub(f.Clock.Now()) - 25*time.Hour)
	if stuck, err := f.Stuck(t.Context(), operator()); err != nil || len(stuck.Ending) != 0 {
		t.Errorf("%+v, %v", stuck, err)
	}
	f.Clock.Advance(2 * time.Hour)
	if stuck, err := f.Stuck(t.Context(), operator()); err != nil || len(stuck.Ending) != 1 || stuck.Ending[0].ID != d.ID || stuck.Ending[0].State != hub.StateConsigned {
		t.Errorf("%+v, %v", stuck, err)
	}
}

func TestTryAgain(t *testing.T) {
	away := true
	f, d := stuckWorld(t, func() error {
		if away {
			return errors.New("away")
		}
		return nil
	})
	f.work(t, 0)
	away = false
	outcome, err := f.TryAgain(t.Context(), operator())
	if err != nil || outcome.Count != 1 || len(outcome.Left) != 0 {
		t.Fatalf("%+v, %v", outcome, err)
	}
	f.work(t, 1)
	if got := f.now(t, d); got.State != hub.StateHandedOver || got.Attempts != 2 {
		t.Errorf("%+v", got)
	}
	outcome, err = f.TryAgain(t.Context(), operator(), d.ID)
	if err != nil || outcome.Count != 0 || len(outcome.Left) != 1 || !strings.Contains(outcome.Left[0].Reason, "handed_over") {
		t.Errorf("%+v, %v", outcome, err)
	}
	if _, err := f.TryAgain(t.Context(), operator(), d.ID, "nobody's"); hub.KindOf(err) != hub.KindNotFound {
		t.Error(err)
	}
}

func TestGivenUp(t *testing.T) {
	f, d := stuckWorld(t, func() error { return errors.New("away") })
	for reason, ids := range map[string][]hub.DeliveryID{"": {d.ID}, " \n": {d.ID}, strings.Repeat("ạ", 1001): {d.ID}, "a\x00b": {d.ID}, "\xff": {d.ID}, "none is named": nil} {
		if _, err := f.GiveUp(t.Context(), operator(), reason, ids...); hub.KindOf(err) != hub.KindInvalid {
			t.Errorf("%q: %v", reason, err)
		}
	}
	if _, err := f.GiveUp(t.Context(), hub.Actor{Scopes: []hub.Scope{hub.ScopeCollect, hub.ScopeAudit}}, "x", d.ID); hub.KindOf(err) != hub.KindDenied {
		t.Error(err)
	}
	outcome, err := f.GiveUp(t.Context(), operator(), "Cơ quan đã giải thể.", d.ID)
	if err != nil || outcome.Count != 1 {
		t.Fatalf("%+v, %v", outcome, err)
	}
	got := f.now(t, d)
	if got.State != hub.StateFailed || got.Reason.Code != hub.ReasonAttemptsExhausted || !strings.HasSuffix(got.Reason.Detail, "after attempt 1: Cơ quan đã giải thể.") {
		t.Errorf("%+v %+v", got, got.Reason)
	}
	f.wantChain(t, d, "ContentConsignmentFailure(attempts_exhausted)")
	if again, err := f.GiveUp(t.Context(), operator(), "again", d.ID); err != nil || again.Count != 0 || len(again.Left) != 1 {
		t.Errorf("given up twice: %+v, %v", again, err)
	}
	f.work(t, 0)
}

// A carry that ends at the end of its limit has its outcome recorded a little later. Until
// then nobody gives up what its recipient has.
func TestOperatorsWaitForTheOutcome(t *testing.T) {
	var f *fixture
	var d hub.Delivery
	f = newFixture(carriedBy(carrier(func(context.Context, hub.Item) error {
		f.Clock.Advance(time.Minute) // the whole limit
		return nil
	})), func(o *delivery.Options) {
		o.Answer = func(ctx context.Context, _ *hub.Item) string {
			f.Clock.Advance(time.Second)
			if outcome, err := f.GiveUp(ctx, operator(), "x", d.ID); err != nil || outcome.Count != 0 || len(outcome.Left) != 1 {
				t.Errorf("%+v, %v", outcome, err)
			}
			return ""
		}
	})
	d = f.accept(t, "xa").Deliveries[0]
	f.work(t, 1)
	if got := f.now(t, d); got.State != hub.StateHandedOver {
		t.Errorf("the recipient has it, and it is %s", got.State)
	}
}

// An attempt that may be under way decides, not the operator: its recipient may have the
// document.
func TestOperatorsWaitForAnAttempt(t *testing.T) {
	begun, leave := make(chan struct{}), make(chan struct{})
	f := newFixture(carriedBy(carrier(func(context.Context, hub.Item) error {
		close(begun)
		<-leave
		return nil
	})))
	d := f.accept(t, "xa").Deliveries[0]
	worked := make(chan error)
	go func() { _, err := f.Work(t.Context()); worked <- err }()
	<-begun
	if outcome, err := f.GiveUp(t.Context(), operator(), "x", d.ID); err != nil || outcome.Count != 0 || !strings.Contains(outcome.Left[0].Reason, "under way") {
		t.Errorf("%+v, %v", outcome, err)
	}
	if outcome, err := f.TryAgain(t.Context(), operator()); err != nil || outcome.Count != 0 || len(outcome.Left) != 1 {
		t.Errorf("%+v, %v", outcome, err)
	}
	close(leave)
	if err := <-worked; err != nil {
		t.Fatal(err)
	}
	if got := f.now(t, d); got.State != hub.StateHandedOver {
		t.Errorf("%+v", got)
	}
}

// A call to another axis is for all recipients of a dispatch there: while it is under way
// for one of them, none is given up, nor after it what the axis has.
func TestOperatorsWaitForTheCallOfAnother(t *testing.T) {
	away, begun, leave, answer := true, make(chan struct{}), make(chan struct{}), ""
	f := newFixture(func(o *delivery.Options) {
		o.Carriers = map[hub.Channel]delivery.Carrier{hub.ChannelAxis: carrier(func(context.Context, hub.Item) error {
			if away {
				return errors.New("away")
			}
			close(begun)
			<-leave
			return nil
		})}
		o.Retry = delivery.Backoff{First: 4 * time.Hour, Max: 4 * time.Hour, Attempts: 10}
		o.Answer = func(context.Context, *hub.Item) string { return answer }
	})
	f.channel = hub.ChannelAxis
	a := f.accept(t, "xa", "huyen")
	other := f.accept(t, "tinh").Deliveries[0]
	f.work(t, 0)
	away = false
	f.Clock.Advance(time.Hour)
	if outcome, err := f.TryAgain(t.Context(), operator(), a.Deliveries[1].ID); err != nil || outcome.Count != 1 {
		t.Fatalf("%+v, %v", outcome, err)
	}
	worked := make(chan error)
	go func() { _, err := f.Work(t.Context(), a.Dispatch.ID); worked <- err }()
	<-begun
	outcome, err := f.GiveUp(t.Context(), operator(), "x", a.Deliveries[0].ID, other.ID)
	if err != nil || outcome.Count != 1 || len(outcome.Left) != 1 || outcome.Left[0].ID != a.Deliveries[0].ID || !strings.Contains(outcome.Left[0].Reason, "under way") {
		t.Errorf("%+v, %v", outcome, err)
	}
	close(leave)
	if err := <-worked; err != nil {
		t.Fatal(err)
	}
	answer = "taken over by the axis"
	if outcome, err := f.GiveUp(t.Context(), operator(), "x", a.Deliveries[0].ID); err != nil || outcome.Count != 0 || !strings.HasPrefix(outcome.Left[0].Reason, answer) {
		t.Errorf("what the axis has was given up: %+v, %v", outcome, err)
	}
	answer = ""
	if outcome, err := f.GiveUp(t.Context(), operator(), "x", a.Deliveries[0].ID); err != nil || outcome.Count != 1 {
		t.Errorf("after a call that was not for it: %+v, %v", outcome, err)
	}
}

// TestGivenUpUnderAHold: nothing of a dispatch goes to another axis from before it is looked
// at what is under way until a delivery of it was given up.
func TestGivenUpUnderAHold(t *testing.T) {
	var f *fixture
	busy, held, released := true, 0, 0
	var d hub.Delivery
	f = newFixture(func(o *delivery.Options) {
		o.Carriers = map[hub.Channel]delivery.Carrier{hub.ChannelAxis: carrier(func(context.Context, hub.Item) error { return errors.New("away") })}
		o.Hold = func(context.Context, *hub.Item) (func(), error) {
			if busy {
				return nil, hub.Errorf(hub.KindBusy, "", "held", "it goes out")
			}
			held++
			return func() {
				released++
				if got := f.now(t, d); got.State != hub.StateFailed {
					t.Errorf("released while it is %s", got.State)
				}
			}, nil
		}
	})
	f.channel = hub.ChannelAxis
	a := f.accept(t, "xa", "huyen")
	d = a.Deliveries[0]
	f.work(t, 0)
	if outcome, err := f.GiveUp(t.Context(), operator(), "x", d.ID); err != nil || outcome.Count != 0 || !strings.Contains(outcome.Left[0].Reason, "under way") {
		t.Errorf("%+v, %v", outcome, err)
	}
	busy = false
	if outcome, err := f.GiveUp(t.Context(), operator(), "x", d.ID, a.Deliveries[1].ID); err != nil || outcome.Count != 2 || held != 1 || released != 1 {
		t.Errorf("%+v, %v: held %d times, released %d times", outcome, err, held, released)
	}
}
