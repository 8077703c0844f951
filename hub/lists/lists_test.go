package lists_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/hubtest"
	"github.com/lienthong/lienthong/hub/lists"
)

func newService(w *hubtest.World) *lists.Service {
	return lists.New(lists.Options{Notes: w.Memory, Directory: w.Directory, Now: w.Clock.Now})
}

func named(name string, recipients ...string) hub.DistributionList {
	return hub.DistributionList{Agency: hubtest.Province, Name: name, Recipients: recipients}
}

func TestKeepingLists(t *testing.T) {
	w, province := hubtest.NewWorld(), hubtest.System(hubtest.Province)
	s, ctx := newService(w), t.Context()
	saved, err := s.Save(ctx, province, named("  Các  so\u031b\u0309 ", " 000.00.12.H47", "000.00.13.H47"))
	if err != nil || saved.Name != "Các sở" || saved.Recipients[0] != "000.00.12.H47" || saved.ChangedBy != province.Name || !saved.ChangedAt.Equal(w.Clock.Now()) {
		t.Fatalf("%+v, %v", saved, err)
	}
	if _, err := s.Save(ctx, province, named("An/../toàn", hubtest.ClosedCode)); err != nil { // its successor lives
		t.Fatal(err)
	}
	if _, err := s.Save(ctx, province, named("Các sở", "000.00.12.H47")); err != nil {
		t.Fatal(err)
	}
	all, err := s.Lists(ctx, province, hubtest.Province)
	if err != nil || len(all) != 2 || all[0].Name != "An/../toàn" || len(all[1].Recipients) != 1 {
		t.Fatalf("%+v, %v", all, err)
	}
	// Others see and change nothing of it, and an agency without lists has none.
	office := hubtest.System(hubtest.Office)
	if _, err := s.Lists(ctx, office, hubtest.Province); hub.KindOf(err) != hub.KindDenied {
		t.Errorf("another reads: %v", err)
	}
	if _, err := s.Save(ctx, office, named("Các sở", "000.00.13.H47")); hub.KindOf(err) != hub.KindDenied {
		t.Errorf("another saves: %v", err)
	}
	if err := s.Remove(ctx, office, hubtest.Province, "Các sở"); hub.KindOf(err) != hub.KindDenied {
		t.Errorf("another removes: %v", err)
	}
	if _, err := s.Members(ctx, hubtest.Office, "Các sở"); hub.KindOf(err) != hub.KindNotFound {
		t.Errorf("another sends to it: %v", err)
	}
	if none, err := s.Lists(ctx, office, hubtest.Office); err != nil || len(none) != 0 {
		t.Errorf("%v, %v", none, err)
	}
	if err := s.Remove(ctx, province, hubtest.Province, "Các  sở"); err != nil {
		t.Fatal(err)
	}
	if err := s.Remove(ctx, province, hubtest.Province, "Các sở"); hub.KindOf(err) != hub.KindNotFound {
		t.Errorf("gone twice: %v", err)
	}
	closed := hubtest.System("old-district")
	if _, err := s.Save(ctx, closed, hub.DistributionList{Agency: "old-district", Name: "x", Recipients: []string{"H47"}}); hub.KindOf(err) != hub.KindDenied {
		t.Errorf("a closed agency changes its lists: %v", err)
	}
}

func TestListsRefuse(t *testing.T) {
	for _, tt := range []struct {
		name  string
		list  hub.DistributionList
		field string
		rule  string
	}{
		{"no name", named(" ", "000.00.12.H47"), "name", "required"},
		{"long name", named(strings.Repeat("ộ", 101), "000.00.12.H47"), "name", "max_length"},
		{"control character", named("a\x00b", "000.00.12.H47"), "name", "control_character"},
		{"nobody", named("a"), "recipients", "required"},
		{"too many", named("a", make([]string, 1001)...), "recipients", "max_items"},
		{"unknown code", named("a", "000.00.12.H47", hubtest.UnknownCode), "recipients[1]", "unknown_agency"},
		{"several successors", named("a", hubtest.DividedCode), "recipients[0]", "several_successors"},
		{"twice by two codes", named("a", "000.00.12.H47", "H47.12"), "recipients[1]", "unique"},
		{"a list in a list", named("a", "list:b"), "recipients[0]", "unknown_agency"},
	} {
		w := hubtest.NewWorld()
		s := newService(w)
		_, err := s.Save(t.Context(), hubtest.System(hubtest.Province), tt.list)
		found := false
		for _, v := range hub.ViolationsOf(err) {
			found = found || v.Field == tt.field && v.Rule == tt.rule
		}
		if !found {
			t.Errorf("%s: %v, want %s [%s]", tt.name, err, tt.field, tt.rule)
		}
		if all, err := s.Lists(t.Context(), hubtest.System(hubtest.Province), hubtest.Province); err != nil || len(all) != 0 {
			t.Errorf("%s: %d lists were kept, %v", tt.name, len(all), err)
		}
	}
}

// Of two who change a list at once the second is told, and an agency keeps no more than
// it may.
func TestListsAtOnce(t *testing.T) {
	w, province := hubtest.NewWorld(), hubtest.System(hubtest.Province)
	s := newService(w)
	w.Before = func(method string) error {
		if method != "SwapNote" {
			return nil
		}
		w.Before = nil
		_, err := s.Save(t.Context(), province, named("a", "000.00.13.H47"))
		return err
	}
	_, err := s.Save(t.Context(), province, named("a", "000.00.12.H47"))
	if hub.KindOf(err) != hub.KindConflict {
		t.Errorf("the second: %v", err)
	}
	if members, err := s.Members(t.Context(), hubtest.Province, "a"); err != nil || members[0] != "000.00.13.H47" {
		t.Errorf("the first holds: %v, %v", members, err)
	}
	for i := range 199 {
		if _, err := s.Save(t.Context(), province, named(fmt.Sprint("n", i), "000.00.12.H47")); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Save(t.Context(), province, named("one more", "000.00.12.H47")); hub.KindOf(err) != hub.KindTooLarge {
		t.Errorf("one more: %v", err)
	}
	if _, err := s.Save(t.Context(), province, named("a", "000.00.12.H47")); err != nil {
		t.Errorf("one that is there: %v", err)
	}
	away := errors.New("disk full")
	w.Before = func(string) error { return away }
	if err := s.Remove(t.Context(), province, hubtest.Province, "a"); !errors.Is(err, away) {
		t.Errorf("a failing store: %v", err)
	}
}
