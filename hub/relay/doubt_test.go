package relay_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/hubtest"
	"github.com/lienthong/lienthong/hub/relay"
)

// TestMayHaveGone: what is taken back here after a call whose end nobody knows is taken
// back on the axis too; after a refusal there is nothing to take back.
func TestMayHaveGone(t *testing.T) {
	lost := hub.Errorf(hub.KindUnavailable, "", "", "the answer was lost")
	for name, tt := range map[string]struct {
		answer error // of the axis, which was given the whole package
		crash  bool  // before anything was noted of it
		told   bool
	}{
		"lost": {answer: lost, told: true}, "crash": {crash: true, told: true},
		"busy": {answer: hub.Errorf(hub.KindBusy, "", "axis", "later")},
	} {
		f := newFixture(t)
		a := f.send(t, "d1", far)
		f.axis.refuse = func(call string, _ *hub.AxisPackage) error {
			if call == "send" {
				return tt.answer
			}
			return nil
		}
		f.Before = func(method string) error {
			if tt.crash && method == "SaveNotes" && len(f.axis.sent) > 0 {
				return errLost
			}
			return nil
		}
		if err := f.carry(t, &a, 0); err == nil {
			t.Fatalf("%s: carried", name)
		}
		f.Before, f.axis.refuse = nil, nil
		f.axis.sent = nil
		if _, err := f.tracking.Recall(t.Context(), hubtest.System(hubtest.Province), a.Dispatch.ID, nil, "nhầm"); err != nil {
			t.Fatal(err)
		}
		if d := f.delivery(t, a.Deliveries[0].ID); d.State != hub.StateWithdrawn {
			t.Fatalf("%s: the delivery is %s", name, d.State)
		}
		if err := f.Poll(t.Context()); err != nil || tt.crash && len(f.axis.sent) != 0 {
			t.Errorf("%s: under the claim %+v was sent, %v", name, f.axis.sent, err)
		}
		f.poll(t)
		f.poll(t)
		if told := len(f.axis.sent) == 1 && strings.Contains(f.axis.sent[0].content, `"d1"`); told != tt.told || len(f.axis.sent) > 1 {
			t.Errorf("%s: sent %+v", name, f.axis.sent)
		}
	}
}

// TestNotFoundIsNoAnswer: behind a wrong endpoint nothing is found, which costs nobody a
// document.
func TestNotFoundIsNoAnswer(t *testing.T) {
	f := newFixture(t)
	a := f.send(t, "d1", far, farther)
	f.axis.refuse = func(string, *hub.AxisPackage) error {
		return hub.Errorf(hub.KindNotFound, "", "axis", "there is no such operation")
	}
	err := f.carry(t, &a, 0)
	if hub.KindOf(err) != hub.KindUnavailable || !strings.Contains(err.Error(), "no such operation") {
		t.Errorf("%v", err)
	}
}

// TestFullMeanwhile: nothing is fetched any more once the hub is full, in the middle of a
// list, and nothing is made of that.
func TestFullMeanwhile(t *testing.T) {
	f := newFixture(t)
	f.axis.put("a1", hub.PackageDocument, far, office, f.document("d1", far, office))
	full, asked := hub.Errorf(hub.KindUnavailable, "", "disk", "full"), 0
	f.Busy = func() error {
		if asked++; asked > 1 {
			return full
		}
		return nil
	}
	if err := f.Poll(t.Context()); !errors.Is(err, full) || len(f.held(t)) != 0 || len(f.axis.acked) != 0 || f.kept(t, f.axis.packages["a1"]) {
		t.Errorf("held %+v, %v", f.held(t), err)
	}
	f.Busy = func() error { return nil }
	f.poll(t)
	if len(f.came(t, hubtest.Remote)) != 1 {
		t.Error("it did not come")
	}
}

// TestOneStandstillARound: an axis that stands still in one kind of call costs a round the
// patience once, and the next round begins with what was not asked for.
func TestOneStandstillARound(t *testing.T) {
	f := newFixture(t)
	f.Parallel = 1
	ids := []string{"a1", "a2", "a3"}
	for _, id := range ids {
		f.axis.put(id, hub.PackageDocument, far, office, f.document(id, far, office))
	}
	fetched := 0
	f.axis.refuse = func(call string, _ *hub.AxisPackage) error {
		if call == "fetch" {
			fetched++
			return hub.Errorf(hub.KindUnavailable, "", relay.RuleStalled, "nothing moves")
		}
		return nil
	}
	for round := range ids {
		if err := f.Poll(t.Context()); err == nil || fetched != round+1 {
			t.Fatalf("round %d: %d were fetched, %v", round, fetched, err)
		}
	}
	f.axis.refuse = nil
	f.Clock.Advance(time.Hour)
	f.poll(t)
	if n := len(f.came(t, hubtest.Remote)); n != len(ids) {
		t.Errorf("%d came", n)
	}
}

// TestMadePackageGoes: a package that was made for the axis, which never took it, is kept
// until nobody is to have it any more.
func TestMadePackageGoes(t *testing.T) {
	f := newFixture(t)
	a := f.send(t, "d1", far)
	f.axis.refuse = func(call string, _ *hub.AxisPackage) error {
		if call == "send" {
			return hub.Errorf(hub.KindBusy, "", "axis", "later")
		}
		return nil
	}
	if err := f.carry(t, &a, 0); hub.KindOf(err) != hub.KindBusy {
		t.Fatal(err)
	}
	made := []byte("\"d11\"\n")
	f.poll(t)
	if st, err := f.Status(t.Context(), operator()); err != nil || st.Relayed != 0 || !f.kept(t, made) {
		t.Errorf("before the end: %+v, %v", st, err)
	}
	if _, err := f.tracking.Recall(t.Context(), hubtest.System(hubtest.Province), a.Dispatch.ID, nil, "nhầm"); err != nil {
		t.Fatal(err)
	}
	f.poll(t)
	if f.kept(t, made) {
		t.Error("it is kept for ever")
	}
}

// TestOneOperatorDecides: of two who decide about a package at the same time, one wins: it
// is never given up and taken.
func TestOneOperatorDecides(t *testing.T) {
	f := newFixture(t)
	f.axis.put("a1", hub.PackageDocument, far, office, []byte("<"))
	f.poll(t)
	decided := false
	f.Before = func(method string) error {
		if method != "SwapNote" && method != "SaveNotes" {
			return nil
		}
		decided, f.Before = true, nil
		_, err := f.Retry(t.Context(), operator(), "a1")
		return err
	}
	if err := f.GiveUp(t.Context(), operator(), "a1", "x"); !decided || hub.KindOf(err) != hub.KindConflict || len(f.axis.acked) != 0 || len(f.held(t)) != 1 {
		t.Errorf("given up (%v), %v, held %+v", f.axis.acked, err, f.held(t))
	}
}
