package hub_test

import (
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
)

func TestTerms(t *testing.T) {
	var read hub.Terms
	if err := read.UnmarshalText([]byte("100h, urgent=30h,express=3h")); err != nil {
		t.Fatal(err)
	}
	for p, want := range map[hub.Priority]time.Duration{
		hub.PriorityNormal: 100 * time.Hour, hub.PriorityUrgent: 30 * time.Hour, hub.PriorityVeryUrgent: 100 * time.Hour,
		hub.PriorityExpress: 3 * time.Hour, hub.PriorityTimed: 100 * time.Hour, 9: 100 * time.Hour, -1: 100 * time.Hour,
	} {
		if got := read.For(p); got != want {
			t.Errorf("priority %d has %s, want %s", p, got, want)
		}
	}
	if got, want := read.String(), "100h0m0s,urgent=30h0m0s,express=3h0m0s"; got != want || read.Shortest() != 3*time.Hour {
		t.Errorf("%s, shortest %s", got, read.Shortest())
	}
	var again hub.Terms
	if err := again.UnmarshalText([]byte(read.String())); err != nil || again != read {
		t.Errorf("%v became %v, %v", read, again, err)
	}
	var none hub.Terms
	if none.For(hub.PriorityUrgent) != hub.DefaultTerm {
		t.Errorf("without a setting %s", none.For(hub.PriorityUrgent))
	}
	for _, text := range []string{"", "x", "-1h", "0s", "urgent=3h", "3h,3h", "3h,slow=2h", "3h,urgent=2h,urgent=2h", "3h,urgent", "3h,normal=2h", "3h,"} {
		if err := read.UnmarshalText([]byte(text)); hub.KindOf(err) != hub.KindInvalid {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// TestNoTimeToRegister: whoever does not register has no time for it.
func TestNoTimeToRegister(t *testing.T) {
	now := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	d := hub.Deadlines{Acceptance: hub.NewTerms(time.Hour)}
	v := hub.Delivery{}
	d.Accepted(&v, hub.PriorityNormal, now)
	was := v
	d.HandedOver(&v, hub.PriorityNormal, now)
	if !v.ExpiresAt.Equal(was.ExpiresAt) || !v.Deadline().Equal(now.Add(hub.DefaultTerm-hub.DefaultWarning)) {
		t.Errorf("%+v", v)
	}
}

// TestNoWarningForInformation: a copy for information ends in silence as everything does,
// and nobody is warned of it, before the hand-over or after.
func TestNoWarningForInformation(t *testing.T) {
	at := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	d, v := hub.Deadlines{}, hub.Delivery{Registers: true, ForInformation: true, State: hub.StateConsigned}
	for _, begin := range []func(*hub.Delivery, hub.Priority, time.Time){d.Accepted, d.HandedOver} {
		v.WarnAt = at
		begin(&v, hub.PriorityNormal, at)
		if !v.WarnAt.IsZero() || !v.ExpiresAt.Equal(at.Add(hub.DefaultTerm)) || !v.Deadline().Equal(v.ExpiresAt) {
			t.Errorf("%+v", v)
		}
	}
	if v.Remindable(at) {
		t.Error("it is reminded of")
	}
	if v.ForInformation = false; !v.Remindable(at) {
		t.Error("another is not")
	}
}
