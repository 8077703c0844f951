package hub_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
)

func TestSavedFilters(t *testing.T) {
	var a hub.Account
	do := func(do hub.FilterDeed, id, name string) error {
		return a.ChangeFilter(hub.FilterAct{Do: do, At: time.Unix(1, 0).UTC(), Filter: hub.SavedFilter{
			ID: id, Office: "o", List: hub.FilterInbox, Name: name, Show: "all", Text: "cải cách", Default: do == hub.FilterKeep,
		}})
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	is := func(want ...string) {
		t.Helper()
		var got []string
		for _, f := range a.SavedFilters("o", hub.FilterInbox) {
			name := f.Name
			if f.Default {
				name += "*"
			}
			got = append(got, name)
		}
		if strings.Join(got, ",") != strings.Join(want, ",") {
			t.Errorf("the filters are %q, want %q", got, want)
		}
	}
	fails := func(err error, kind hub.ErrorKind, rule string) {
		t.Helper()
		if hub.KindOf(err) != kind || rule != "" && (len(hub.ViolationsOf(err)) == 0 || hub.ViolationsOf(err)[0].Rule != rule) {
			t.Errorf("%v, want %s %s", err, kind, rule)
		}
	}
	must(do(hub.FilterKeep, "1", " Việc gấp "))
	must(do(hub.FilterKeep, "2", "Cải cách"))
	is("Cải cách*", "Việc gấp")
	fails(do(hub.FilterKeep, "3", "viec GAP"), hub.KindConflict, "filter_name")
	fails(do(hub.FilterKeep, "3", " "), hub.KindInvalid, "required")
	fails(do(hub.FilterKeep, "3", strings.Repeat("ă", 61)), hub.KindInvalid, "max_length")
	fails(do(hub.FilterKeep, "3", "a\x00b"), hub.KindInvalid, "control_character")
	long := hub.SavedFilter{ID: "3", Office: "o", List: hub.FilterInbox, Name: "x", Show: strings.Repeat("x", 41)}
	fails(a.ChangeFilter(hub.FilterAct{Do: hub.FilterKeep, Filter: long}), hub.KindInvalid, "code_list")
	fails(do(hub.FilterRename, "1", "Cải cách"), hub.KindConflict, "filter_name")
	fails(do(hub.FilterRename, "9", "x"), hub.KindNotFound, "")
	fails(do("burn", "1", ""), hub.KindInvalid, "code_list")
	must(do(hub.FilterRename, "1", "việc gấp"))
	must(do(hub.FilterOpen, "1", ""))
	is("Cải cách", "việc gấp*")
	must(do(hub.FilterPlain, "1", ""))
	must(do(hub.FilterOpen, "2", ""))
	must(do(hub.FilterRemove, "2", ""))
	is("việc gấp")
	fails(do(hub.FilterOpen, "2", ""), hub.KindNotFound, "")
	must(do(hub.FilterRestore, "2", ""))
	is("Cải cách*", "việc gấp")
	must(do(hub.FilterRemove, "2", ""))
	must(do(hub.FilterOpen, "1", ""))
	must(do(hub.FilterRestore, "2", ""))
	is("Cải cách", "việc gấp*")
	must(do(hub.FilterRemove, "1", ""))
	must(do(hub.FilterKeep, "4", "Việc gấp"))
	fails(do(hub.FilterRestore, "1", ""), hub.KindConflict, "filter_name")
	must(do(hub.FilterRemove, "4", "")) // of removed ones the last stays
	fails(do(hub.FilterRestore, "1", ""), hub.KindNotFound, "")
	for i := range hub.MaxFilters - 1 {
		must(do(hub.FilterKeep, fmt.Sprint("n", i), fmt.Sprint("số ", i)))
	}
	fails(do(hub.FilterKeep, "x", "một nữa"), hub.KindConflict, "max_filters")
	fails(do(hub.FilterRestore, "4", ""), hub.KindConflict, "max_filters")
	if other := a.SavedFilters("o", hub.FilterSent); len(other) != 0 {
		t.Errorf("the other list has %v", other)
	}
	other := hub.FilterAct{Do: hub.FilterRemove, Filter: hub.SavedFilter{ID: "2", Office: "p"}}
	fails(a.ChangeFilter(other), hub.KindNotFound, "")
}
