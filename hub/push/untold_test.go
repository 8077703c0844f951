package push_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/push"
)

// failures lists what is on record as not told, as "delivery reason".
func (w *world) failures() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []string
	for i := range w.log {
		if e := &w.log[i].Evidence.Evidence; e.Event == hub.EventNotificationFailure {
			all = append(all, fmt.Sprint(e.Delivery, " ", e.Reasons[0].Code))
		}
	}
	return all
}

func (w *world) wantFailures(t *testing.T, want ...string) {
	t.Helper()
	if got := w.failures(); !slices.Equal(got, want) {
		t.Errorf("on record are %v, want %v", got, want)
	}
}

var (
	errGone    = hub.Errorf(hub.KindNotFound, "", "gone", "gone")
	errAway    = hub.Errorf(hub.KindUnavailable, "", "", "away")
	errRefused = hub.Invalid("target", "refused", "no")
)

// TestUntold: what waits and was not told for good is on record, once for each delivery,
// with the reason; nothing that was told, that does not wait any more, or that nobody was
// to be told of.
func TestUntold(t *testing.T) {
	webhook, mail := hub.SubscriptionWebhook, hub.SubscriptionMail
	for _, c := range []struct {
		name   string
		kind   hub.SubscriptionKind
		answer error
		topics []hub.Topic
		want   []string
	}{
		{"gone", webhook, errGone, nil, []string{"d-e1 unreachable", "d-e2 unreachable", "d-e4 unreachable"}},
		{"no such mailbox", mail, errGone, nil, []string{"d-e1 no_box", "d-e2 no_box", "d-e4 no_box"}},
		{"away", webhook, errAway, nil, []string{"d-e1 unreachable", "d-e2 unreachable", "d-e4 unreachable"}},
		{"refused", webhook, errRefused, nil, []string{"d-e1 attempts_exhausted", "d-e2 attempts_exhausted", "d-e4 attempts_exhausted"}},
		{"refused mail", mail, errRefused, nil, []string{"d-e1 attempts_exhausted", "d-e2 attempts_exhausted", "d-e4 attempts_exhausted"}},
		{"nobody knows", mail, fmt.Errorf("cut off: %w", hub.ErrUncertain), nil, nil},
		{"told", webhook, nil, nil, nil},
		{"of something else", webhook, errGone, []hub.Topic{hub.TopicEvidence}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, func(o *push.Options) { o.PauseAfter = time.Hour })
			w.subscribe(t, hub.Subscription{Agency: recipient, Kind: c.kind, Topics: c.topics})
			answer := func(hub.PushCall) error { return c.answer }
			w.hook.answer, w.mail.answer = answer, answer
			w.happen("e1", hub.EventContentConsignment, w.clock.Now(), hub.StateConsigned)
			w.happen("e2", hub.EventContentConsignment, w.clock.Now(), hub.StateConsigned)
			w.happen("e3", hub.EventContentConsignment, w.clock.Now(), hub.StateHandedOver)
			for range 20 {
				w.work(t)
				w.clock.Advance(10 * time.Minute)
			}
			w.happen("e4", hub.EventContentConsignment, w.clock.Now(), hub.StateConsigned)
			again := w.evidence["e1"] // the sender reminds of the first
			again.Evidence.ID, again.Evidence.Event, again.Evidence.Time = "e5", hub.EventConsignmentNotification, w.clock.Now()
			w.evidence["e5"], w.log = again, append(w.log, hub.PlacedEvidence{Place: int64(len(w.log)), Evidence: again})
			for range 20 {
				w.work(t)
				w.clock.Advance(10 * time.Minute)
			}
			w.wantFailures(t, c.want...)
			for _, want := range c.want {
				id := hub.DeliveryID(want[:4])
				item, _ := w.Item(t.Context(), id)
				e := w.evidence[item.Delivery.LastEvidence.ID].Evidence
				if item.Delivery.UntoldAt.IsZero() || item.Delivery.Version != 1 || item.Delivery.State != hub.StateConsigned || e.Delivery != id || e.Reasons[0].Detail == "" {
					t.Errorf("%+v, %+v", item.Delivery, e)
				}
			}
		})
	}
}

// TestReminded: a reminder of the sender is told as what waits.
func TestReminded(t *testing.T) {
	w := newWorld(t)
	w.subscribe(t, hub.Subscription{Agency: recipient, Kind: hub.SubscriptionWebhook})
	w.happen("e1", hub.EventConsignmentNotification, w.clock.Now(), hub.StateConsigned)
	w.work(t)
	w.wantTold(t, w.hook, []string{"e1"})
}

// TestAPauseThatWasAskedFor is nobody's failure; one that the hub makes of it later on is.
func TestAPauseThatWasAskedFor(t *testing.T) {
	w := newWorld(t)
	sub := w.subscribe(t, hub.Subscription{Agency: recipient, Kind: hub.SubscriptionWebhook})
	if _, err := w.Pause(t.Context(), operator(), sub.ID); err != nil {
		t.Fatal(err)
	}
	w.happen("e1", hub.EventContentConsignment, w.clock.Now(), hub.StateConsigned)
	w.work(t)
	w.wantFailures(t)
	w.hook.answer = func(hub.PushCall) error { return errGone }
	if _, err := w.Resume(t.Context(), operator(), sub.ID); err != nil {
		t.Fatal(err)
	}
	w.work(t)
	w.wantFailures(t, "d-e1 unreachable")
	w.hook.answer = nil
	if _, err := w.Resume(t.Context(), operator(), sub.ID); err != nil {
		t.Fatal(err)
	}
	w.hook.told()
	w.work(t)
	w.wantTold(t, w.hook, []string{"e1"}) // it waited all the same
	w.wantFailures(t, "d-e1 unreachable")
}

// TestUntoldInSpiteOfFailures: whatever fails while it is recorded, in the end each
// delivery has it on record, once.
func TestUntoldInSpiteOfFailures(t *testing.T) {
	for _, answer := range []error{errGone, errRefused} {
		for fails := 1; ; fails++ {
			w := newWorld(t, func(o *push.Options) { o.Refusals = 2 })
			sub := w.subscribe(t, hub.Subscription{Agency: recipient, Kind: hub.SubscriptionWebhook})
			w.hook.answer = func(hub.PushCall) error { return answer }
			steps := 0
			fail := func() error {
				if steps++; steps == fails {
					return errors.New("the power is gone")
				}
				return nil
			}
			w.stepping = fail
			w.saving = func() { _ = fail() } // counts, so that each place is tried
			for _, id := range []hub.EvidenceID{"e1", "e2", "e3"} {
				w.happen(id, hub.EventContentConsignment, w.clock.Now(), hub.StateConsigned)
			}
			for range 6 {
				_ = w.Work(t.Context()) // it failed where it was told to
				w.clock.Advance(time.Hour)
			}
			got := w.failures()
			slices.Sort(got)
			if got = slices.Compact(got); len(got) != 3 || len(w.failures()) != 3 {
				t.Fatalf("failure %d: on record are %v, %+v", fails, w.failures(), w.pushed(sub.ID))
			}
			if steps < fails {
				break
			}
		}
	}
}

// TestUntoldWhileItMoves: a delivery that is collected at the same moment has nothing on
// record; one that only changed is looked at again.
func TestUntoldWhileItMoves(t *testing.T) {
	for _, collected := range []bool{false, true} {
		w := newWorld(t)
		w.subscribe(t, hub.Subscription{Agency: recipient, Kind: hub.SubscriptionWebhook})
		w.hook.answer = func(hub.PushCall) error { return errGone }
		w.happen("e1", hub.EventContentConsignment, w.clock.Now(), hub.StateConsigned)
		w.stepping = func() error {
			w.stepping = nil
			w.mu.Lock()
			defer w.mu.Unlock()
			item := w.items["d-e1"]
			if item.Delivery.Version++; collected {
				item.Delivery.State = hub.StateHandedOver
			}
			w.items["d-e1"] = item
			return nil
		}
		w.work(t)
		if got := len(w.failures()); (got == 0) != collected {
			t.Errorf("collected %t: %v", collected, w.failures())
		}
	}
}

// TestManyUntold: more than one transaction takes, and none twice where another node has
// begun.
func TestManyUntold(t *testing.T) {
	w := newWorld(t)
	sub := w.subscribe(t, hub.Subscription{Agency: recipient, Kind: hub.SubscriptionWebhook})
	w.hook.answer = func(hub.PushCall) error { return errGone }
	for i := range 250 {
		w.happen(hub.EvidenceID(fmt.Sprint("e", i)), hub.EventContentConsignment, w.clock.Now(), hub.StateConsigned)
	}
	w.work(t)
	if n, p := len(w.failures()), w.sub(t, sub.ID).Paused; n != 250 || p.Untold != 250 {
		t.Errorf("%d are on record, up to %d", n, p.Untold)
	}
	w.work(t)
	if n := len(w.failures()); n != 250 {
		t.Errorf("%d are on record", n)
	}
}
