package hub_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/lienthong/lienthong/hub"
)

// TestTransitionTable spells the whole table out, allowed and forbidden, so that no
// step is added or lost by accident.
func TestTransitionTable(t *testing.T) {
	// Columns: queued consigned handed_over accepted refused failed expired withdrawn.
	table := map[hub.DeliveryState]string{
		hub.StateQueued:     ". x x . . x x x",
		hub.StateConsigned:  ". . x . x x x x",
		hub.StateHandedOver: ". . . x x . x .",
		hub.StateAccepted:   ". . . . . . . .",
		hub.StateRefused:    ". . . . . . . .",
		hub.StateFailed:     ". . . . . . . .",
		hub.StateExpired:    ". . . . . . . .",
		hub.StateWithdrawn:  ". . . . . . . .",
	}
	states := hub.DeliveryStates()
	if len(table) != len(states) {
		t.Fatalf("the table has %d states, the hub %d", len(table), len(states))
	}
	for _, from := range states {
		for i, to := range states {
			want := table[from][2*i] == 'x'
			if from.MayBecome(to) != want {
				t.Errorf("from %s to %s: %v, want %v", from, to, !want, want)
			}
		}
	}
}

func TestEveryWayEnds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := hub.Delivery{State: hub.StateQueued, Registers: rapid.Bool().Draw(t, "registers")}
		for steps := 0; !d.Final(); steps++ {
			if steps > len(hub.DeliveryStates()) {
				t.Fatalf("%d steps and still %s", steps, d.State)
			}
			d.State = rapid.SampledFrom(d.State.Next()).Draw(t, "next")
		}
		if d.State == hub.StateHandedOver && d.Registers {
			t.Fatal("a hand-over ended a delivery whose recipient registers")
		}
	})
}

func TestRecallLosesAfterHandOver(t *testing.T) {
	for _, s := range hub.DeliveryStates() {
		before := s == hub.StateQueued || s == hub.StateConsigned
		if s.MayBecome(hub.StateWithdrawn) != before {
			t.Errorf("a delivery that is %s may be withdrawn: %v", s, !before)
		}
	}
}

func TestPartByID(t *testing.T) {
	d := hub.Dispatch{Parts: []hub.Part{{ID: hub.PartName(1)}, {ID: "envelope"}}}
	if p := d.PartByID("p1"); p == nil || p != &d.Parts[0] {
		t.Errorf("p1 is %v", p)
	}
	if p := d.PartByID("p2"); p != nil {
		t.Errorf("p2 is %v", p)
	}
}

func TestRefusalReasonsAreDistinct(t *testing.T) {
	reasons := hub.RefusalReasons()
	slices.Sort(reasons)
	if len(slices.Compact(reasons)) != 6 {
		t.Errorf("reasons %v", reasons)
	}
}
