package directory_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// TestUnder: who is under whom changes with time, and who has closed is under nobody.
func TestUnder(t *testing.T) {
	f := sampleDirectory(t)
	for _, day := range []string{"2024-01-01", "2025-07-01"} {
		at, err := time.ParseInLocation(time.DateOnly, day, hub.Vietnam())
		if err != nil {
			t.Fatal(err)
		}
		all := f.Search("", at, hub.Page{Limit: 1000}).Items
		var parents []hub.AgencyID
		want := map[hub.AgencyID][]hub.AgencyID{}
		for i := range all {
			parents = append(parents, all[i].ID)
			if p, ok := hub.At(all[i].Parents, at); ok {
				want[p] = append(want[p], all[i].ID)
			}
		}
		found := f.Under(parents, at)
		for _, p := range parents {
			var got []hub.AgencyID
			for _, a := range found[p] {
				got = append(got, a.ID)
			}
			if !slices.Equal(got, want[p]) {
				t.Errorf("%s: under %s are %v, want %v", day, p, got, want[p])
			}
		}
		if len(found) == 0 {
			t.Errorf("%s: nobody is under anybody", day)
		}
	}
	if found := f.Under(nil, time.Now()); len(found) != 0 {
		t.Errorf("under nobody are %v", found)
	}
}

// TestReceivesFor: as the list says it, from then on, for those who live, one step far.
func TestReceivesFor(t *testing.T) {
	f := newFixture(t, "2019-01-01")
	with := strings.TrimSuffix(header, "\n") + ",received_by\n"
	row := func(id, by string) string {
		return fmt.Sprintf("%s,H01.%s,Đơn vị,unit,,H01,,,,,,,,%s\n", id, strings.ToUpper(id), by)
	}
	f.mustImport(t, with+"h,H01,Tỉnh,province,,,,,,,,,,\n"+row("a", "H01.B")+row("b", "")+row("c", "H01.A"))
	served := func(receiver hub.AgencyID, at string) string {
		return fmt.Sprint(f.ReceivesFor([]hub.AgencyID{receiver}, day(at)))
	}
	for receiver, want := range map[hub.AgencyID]string{"b": "[a]", "a": "[c]", "c": "[]", "h": "[]", "nobody": "[]"} {
		if got := served(receiver, "2019-02-01"); got != want {
			t.Errorf("%s receives for %s, want %s", receiver, got, want)
		}
	}
	f.clock.Set(day("2020-01-01"))
	f.mustImport(t, with+row("a", "")) // as before
	if report := f.mustImport(t, header+"a,H01.A,Đơn vị,unit,,H01,,,,,,,\n"); report.Changed != 0 || served("b", "2020-02-01") != "[a]" {
		t.Errorf("a list that says nothing of it changed %+v", report)
	}
	f.mustImport(t, with+row("a", "H01.C"))
	f.clock.Set(day("2021-01-01"))
	f.mustImport(t, with+row("a", "none"))
	for at, want := range map[string]string{"2019-06-01": "[a] []", "2020-06-01": "[] [a]", "2021-06-01": "[] []"} {
		if got := served("b", at) + " " + served("c", at); got != want {
			t.Errorf("at %s b and c receive for %s, want %s", at, got, want)
		}
	}
	for _, wrong := range []string{row("a", "H01.A"), row("a", "H01.Z"), row("a", "x")} {
		if _, err := f.importList(with + wrong); hub.KindOf(orInternal(err)) != hub.KindInvalid {
			t.Errorf("%q is taken: %v", wrong, err)
		}
	}
	for _, format := range []string{hub.ListCSV, hub.ListJSON} {
		var out bytes.Buffer
		if err := f.Export(t.Context(), operator(), &out, format, f.clock.Now()); err != nil {
			t.Fatal(err)
		}
		report, err := f.Import(t.Context(), operator(), &out, hub.ImportOptions{Format: format})
		if err != nil || report.Changed+report.Added != 0 {
			t.Errorf("the export as %s changes %+v, %v", format, report, err)
		}
	}
}
