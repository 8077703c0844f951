package directory_test

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/directory"
)

// receivedBy begins a list that says who receives for agencies.
const receivedBy = "id,code,name,level,kind,parent_code,valid_from,valid_to,registers,email,telephone,aliases,successors,received_by\n"

// noivu is an agency of the sample in such a list, up to the last column.
const noivu = "noivu,H47.12,Sở Nội vụ (hư cấu),department,so,H47,,2025-07-01,true,,,000.00.12.H47,H17.12,"

// allChanges reads from a position on, two agencies at a time.
func allChanges(t *testing.T, f *fixture, since string) (list []hub.Agency, position string) {
	t.Helper()
	for {
		page, err := f.Changes(context.Background(), since, 2)
		if err != nil || len(page.Items) > 2 {
			t.Fatal(len(page.Items), err)
		}
		list, since = append(list, page.Items...), page.Position
		if !page.More {
			return list, since
		}
	}
}

// TestFollowing: a hub that follows another knows what that one knows, asks the next time
// for no more than what has changed, and keeps what is its own affair.
func TestFollowing(t *testing.T) {
	above, here := sampleDirectory(t), newFixture(t, "2019-06-01")
	follow := func(list []hub.Agency) hub.ImportReport {
		t.Helper()
		text, err := json.Marshal(map[string][]hub.Agency{"agencies": list})
		if err != nil {
			t.Fatal(err)
		}
		report, err := here.Import(context.Background(), operator(), strings.NewReader(string(text)), hub.ImportOptions{Format: hub.ListJSON, Follow: true})
		if err != nil {
			t.Fatal(err)
		}
		return report
	}
	list, position := allChanges(t, above, "")
	if got := ids(list); len(got) != 9 || slices.Contains(got, "thu") {
		t.Fatalf("all of them are %v, without the test unit", got)
	}
	if report := follow(list); report.Added != 9 {
		t.Fatalf("%+v", report)
	}
	here.mustImport(t, header+"unit,H47.12.01,Phòng của riêng (hư cấu),unit,,H47.12,,,,,,,\n")
	if err := here.SetChannel(context.Background(), operator(), []hub.AgencyID{"noivu"}, hub.ChannelAMQP); err != nil {
		t.Fatal(err)
	}
	here.mustImport(t, receivedBy+noivu+"H47\n")
	if list, again := allChanges(t, above, position); len(list) != 0 || again != position {
		t.Errorf("nothing has changed, and %v come", ids(list))
	}
	above.clock.Set(day("2020-01-01"))
	above.mustImport(t, strings.Replace(sample, "noivu,H47.12,Sở Nội vụ (hư cấu)", "noivu,H47.12,Sở Nội vụ mới (hư cấu)", 1))
	above.mustImport(t, receivedBy+strings.Replace(noivu, "Sở Nội vụ", "Sở Nội vụ mới", 1)+"H47.31\n")
	list, _ = allChanges(t, above, position)
	if got := ids(list); !slices.Equal(got, []hub.AgencyID{"noivu"}) {
		t.Fatalf("what changed is %v", got)
	}
	if report := follow(list); report.Changed != 1 || report.Rows[0].Change != "names, acts" {
		t.Errorf("%+v", report)
	}
	a, _ := here.ByID("noivu")
	b, _ := above.ByID("noivu")
	if a.NameAt(day("2020-01-02")) != "Sở Nội vụ mới (hư cấu)" || a.NameAt(day("2019-12-31")) != "Sở Nội vụ (hư cấu)" || a.Acts[0].ID != b.Acts[0].ID {
		t.Errorf("here it is %+v", a)
	}
	if a.ChannelAt(day("2020-01-02")) != hub.ChannelAMQP {
		t.Error("how it is reached here got lost")
	}
	if by := a.ReceivedByAt(day("2020-01-02")); by != "qnam" {
		t.Errorf("%q receives for it here", by)
	}
	if got := ids(here.Children("noivu", day("2020-01-02"))); !slices.Equal(got, []hub.AgencyID{"unit"}) {
		t.Errorf("the units of this hub are %v", got)
	}
	if report := follow(list); report.Changed != 0 {
		t.Errorf("the same again changes %+v", report)
	}
	for _, wrong := range []string{"x", "1", "-,a", "9999,a"} {
		if _, err := above.Changes(context.Background(), wrong, 10); hub.KindOf(orInternal(err)) != hub.KindInvalid {
			t.Errorf("position %q: %v", wrong, err)
		}
	}
}

// TestFollowingGivesNoRights: who receives for an agency at the hub above receives nothing
// for it here.
func TestFollowingGivesNoRights(t *testing.T) {
	above, here := newFixture(t, "2020-01-01"), newFixture(t, "2020-01-01")
	above.mustImport(t, receivedBy+"a,H01,A,province,,,,,,,,,,\nb,H01.02,B,department,,H01,,,,,,,,H01\n")
	list, _ := allChanges(t, above, "")
	text, err := json.Marshal(map[string][]hub.Agency{"agencies": list})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := here.Import(t.Context(), operator(), strings.NewReader(string(text)), hub.ImportOptions{Format: hub.ListJSON, Follow: true}); err != nil {
		t.Fatal(err)
	}
	if got := above.ReceivesFor([]hub.AgencyID{"a"}, day("2020-01-01")); !slices.Equal(got, []hub.AgencyID{"b"}) {
		t.Fatalf("above it receives for %v", got)
	}
	if got := here.ReceivesFor([]hub.AgencyID{"a"}, day("2020-01-01")); len(got) != 0 {
		t.Errorf("here it receives for %v", got)
	}
}

// TestPositions: a position holds on every node, also on one that has not heard of it yet,
// and not on a hub that was set back and has changed since.
func TestPositions(t *testing.T) {
	one := sampleDirectory(t)
	other := &fixture{store: one.store, clock: one.clock}
	other.Directory = directory.New(directory.Options{Store: one.store, Now: one.clock.Now, NewID: func() string { return "x" }})
	if err := other.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	backup, at := maps.Clone(one.store.agencies), one.store.version
	rename := func(name string) {
		t.Helper()
		one.mustImport(t, strings.Replace(sample, "noivu,H47.12,Sở Nội vụ (hư cấu)", "noivu,H47.12,"+name, 1))
	}
	rename("Sở Một")
	rename("Sở Hai")
	_, position := allChanges(t, one, "")
	if list, again := allChanges(t, other, position); len(list) != 0 || again != position {
		t.Errorf("on the other node %v come, up to %s", ids(list), again)
	}
	one.store.agencies, one.store.version = backup, at
	if err := one.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		one.mustImport(t, strings.Replace(sample, "tamky,H47.31,", "tamky,H47.31,Lại ", 1))
		one.mustImport(t, sample)
	}
	if _, err := one.Changes(t.Context(), position, 10); hub.KindOf(orInternal(err)) != hub.KindInvalid {
		t.Errorf("after it was set back: %v", err)
	}
}
