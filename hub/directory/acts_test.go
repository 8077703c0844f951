package directory_test

import (
	"bytes"
	"context"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/directory"
)

func (f *fixture) reorganise(change hub.AgencyChange) (hub.ImportReport, error) {
	return f.Reorganise(context.Background(), operator(), change, false)
}

func (f *fixture) mustReorganise(t *testing.T, change hub.AgencyChange) {
	t.Helper()
	if _, err := f.reorganise(change); err != nil {
		t.Fatal(err)
	}
}

// told writes acts in short: kind, day, from, to.
func told(acts []hub.Reorganisation) []string {
	var list []string
	for _, a := range acts {
		line := string(a.Kind) + " " + a.At.In(hub.Vietnam()).Format("2006-01-02")
		for _, id := range a.From {
			line += " " + string(id)
		}
		for _, id := range a.To {
			line += " >" + string(id)
		}
		if !a.Withdrawn.IsZero() {
			line += " withdrawn"
		}
		list = append(list, line)
	}
	return list
}

func wantActs(t *testing.T, f *fixture, want ...string) {
	t.Helper()
	got := told(f.Acts(hub.Page{Limit: 100}).Items)
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("acts\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// The acts of an import are the same as if each had been told by itself.
func TestAnImportTellsItsActs(t *testing.T) {
	f := sampleDirectory(t)
	before := []string{
		"merge 2025-07-01 qnam >dnang", "merge 2025-07-01 noivu >noivudn", "split 2025-07-01 tamky >banthach >tamky2",
		"merge 2025-07-01 tanthanh >banthach", "abolish 2020-01-01 daibieu",
	}
	wantActs(t, f, before...)
	list := strings.Replace(sample, "tanthanh,H47.31.05,UBND phường Tân Thạnh (hư cấu),commune,ubnd,H47.31,", "tanthanh,H47.31.05,UBND phường Tân Thạnh Mới (hư cấu),commune,ubnd,H47,", 1)
	_, err := f.Import(context.Background(), operator(), strings.NewReader(list), hub.ImportOptions{From: day("2020-02-01"), Basis: "NQ 863/NQ-UBTVQH14"})
	if err != nil {
		t.Fatal(err)
	}
	wantActs(t, f, append(before, "rename 2020-02-01 tanthanh", "move 2020-02-01 tanthanh >qnam")...)
	a, _ := f.ByID("tanthanh")
	eve := day("2020-02-01").Add(-1)
	if a.NameAt(eve) != "UBND phường Tân Thạnh (hư cấu)" || a.NameAt(day("2020-02-01")) != "UBND phường Tân Thạnh Mới (hư cấu)" {
		t.Errorf("the names do not turn on the day that the import said: %+v", a.Names)
	}
	if i := slices.IndexFunc(a.Acts, func(x hub.AgencyAct) bool { return x.Kind == hub.ActMove }); i < 0 || a.Acts[i].Basis != "NQ 863/NQ-UBTVQH14" || !a.Acts[i].Recorded.Equal(f.clock.Now()) {
		t.Errorf("acts of the agency %+v", a.Acts)
	}
	f.clock.Set(day("2021-01-01"))
	// It closes a month later after all: what was told before stays, as withdrawn.
	f.mustImport(t, strings.Replace(list, "H47.31.05,UBND phường Tân Thạnh Mới (hư cấu),commune,ubnd,H47,,2025-07-01", "H47.31.05,UBND phường Tân Thạnh Mới (hư cấu),commune,ubnd,H47,,2025-08-01", 1))
	wantActs(t, f, append(before[:3:3], before[4], "rename 2020-02-01 tanthanh", "move 2020-02-01 tanthanh >qnam",
		"merge 2025-07-01 tanthanh >banthach withdrawn", "merge 2025-08-01 tanthanh >banthach")...)
}

const open = header +
	"p,H47,UBND tỉnh (hư cấu),province,,,,,,,,000.00.00.H47,\n" +
	"a,H47.01,Sở A (hư cấu),department,,H47,,,,,,000.00.01.H47,\n" +
	"b,H47.02,Sở B (hư cấu),department,,H47,,,,,,,\n" +
	"c,H47.03,Sở C (hư cấu),department,,H47,,,,,,,\n" +
	"u,H47.01.01,Phòng U (hư cấu),unit,,H47.01,,,,,,,\n" +
	"gone,H47.09,Sở Cũ (hư cấu),department,,H47,,2020-01-01,,,,,\n" +
	"late,H47.08,Sở Mới (hư cấu),department,,H47,2030-01-01,,,,,,\n"

func TestReorganise(t *testing.T) {
	f := newFixture(t, "2025-06-20")
	f.mustImport(t, open)
	d, eve := day("2025-07-01"), day("2025-07-01").Add(-1)
	f.mustReorganise(t, hub.AgencyChange{Kind: hub.ActRename, Day: "2025-07-01", From: []string{"H47.01"}, Name: "Sở A và D (hư cấu)", Code: "H47.11", Basis: "QĐ 1"})
	f.mustReorganise(t, hub.AgencyChange{Kind: hub.ActMerge, Day: "2025-07-01", From: []string{"H47.02", "c"}, To: []string{"a"}, Basis: "QĐ 1"})
	f.mustReorganise(t, hub.AgencyChange{Kind: hub.ActMove, Day: "2025-07-01", From: []string{"u"}, To: []string{"H47"}})
	wantActs(t, f, "rename 2025-07-01 a", "merge 2025-07-01 b c >a", "move 2025-07-01 u >p", "abolish 2020-01-01 gone")

	// The old code leads to the same agency with a note; the alias stays as it is.
	if r, err := f.Resolve("H47.01", d); err != nil || r.Agency.ID != "a" || !strings.Contains(r.Note, "01/07/2025") {
		t.Errorf("the code before: %+v, %v", r, err)
	}
	if r, err := f.Resolve("000.00.01.H47", d); err != nil || r.Agency.ID != "a" || r.Note != "" {
		t.Errorf("the alias: %+v, %v", r, err)
	}
	if r, err := f.Resolve("H47.01", eve); err != nil || r.Note != "" || r.Agency.NameAt(eve) != "Sở A (hư cấu)" {
		t.Errorf("on the eve: %+v, %v", r, err)
	}
	if r, err := f.Resolve("H47.03", d); err != nil || r.Agency.ID != "a" || r.Note == "" {
		t.Errorf("a merged one: %+v, %v", r, err)
	}
	if _, err := f.ResolveSender("H47.02", d); hub.KindOf(err) != hub.KindDenied {
		t.Errorf("a merged one sends: %v", err)
	}
	if _, err := f.ResolveSender("H47.02", eve); err != nil {
		t.Errorf("on its last day it may send: %v", err)
	}
	if got := ids(f.Children("p", eve)); !slices.Equal(got, []hub.AgencyID{"b", "c", "a"}) && !slices.Equal(got, []hub.AgencyID{"a", "b", "c"}) {
		t.Errorf("children on the eve: %v", got)
	}
	if got := ids(f.Children("p", d)); !slices.Equal(got, []hub.AgencyID{"u", "a"}) {
		t.Errorf("children on the day: %v", got)
	}
	h, ok := f.History("a")
	if !ok || !slices.Equal(h.Predecessors, []hub.AgencyID{"b", "c"}) || len(h.Acts) != 2 {
		t.Errorf("history %+v", h)
	}
	if a, ok := f.Holder("H47.02", d); !ok || a.ID != "b" {
		t.Errorf("who had the code of a closed one: %v", a)
	}
	// Acts in pages are the acts at once.
	var all []hub.Reorganisation
	for page := (hub.Page{Limit: 1}); ; {
		list := f.Acts(page)
		all = append(all, list.Items...)
		if list.Next == "" {
			break
		}
		page.After = list.Next
	}
	if !reflect.DeepEqual(all, f.Acts(hub.Page{Limit: 100}).Items) {
		t.Errorf("in pages: %v", told(all))
	}
}

func TestReorganiseRefuses(t *testing.T) {
	ok := hub.AgencyChange{Kind: hub.ActMerge, Day: "2025-07-01", From: []string{"H47.02"}, To: []string{"H47.01"}}
	tests := []struct {
		name   string
		change func(*hub.AgencyChange)
		field  string
		rule   string
	}{
		{"unknown kind", func(c *hub.AgencyChange) { c.Kind = "sell" }, "kind", "kind"},
		{"no day", func(c *hub.AgencyChange) { c.Day = "" }, "day", "date"},
		{"impossible day", func(c *hub.AgencyChange) { c.Day = "2025-02-30" }, "day", "date"},
		{"nobody", func(c *hub.AgencyChange) { c.From = nil }, "from", "count"},
		{"unknown code", func(c *hub.AgencyChange) { c.From = []string{"H47.77"} }, "from[0]", "unknown_agency"},
		{"unknown heir", func(c *hub.AgencyChange) { c.To = []string{"H47.77"} }, "to[0]", "unknown_agency"},
		{"twice", func(c *hub.AgencyChange) { c.From = []string{"H47.02", "b"} }, "from[1]", "duplicate"},
		{"into itself", func(c *hub.AgencyChange) { c.To = c.From }, "from[0]", "cycle"},
		{"closed before", func(c *hub.AgencyChange) { c.From = []string{"gone"} }, "from[0]", "closed"},
		{"not yet open", func(c *hub.AgencyChange) { c.From = []string{"late"} }, "from[0]", "closed"},
		{"into a closed one", func(c *hub.AgencyChange) { c.To = []string{"gone"} }, "to[0]", "closed"},
		{"merge into two", func(c *hub.AgencyChange) { c.To = []string{"a", "c"} }, "to", "count"},
		{"split into one", func(c *hub.AgencyChange) { c.Kind = hub.ActSplit }, "to", "count"},
		{"split with the same twice", func(c *hub.AgencyChange) { c.Kind, c.To = hub.ActSplit, []string{"a", "H47.01"} }, "to[1]", "duplicate"},
		{"abolish with an heir", func(c *hub.AgencyChange) { c.Kind = hub.ActAbolish }, "to", "count"},
		{"merge with a name", func(c *hub.AgencyChange) { c.Name = "X" }, "name", "rename"},
		{"rename to nothing", func(c *hub.AgencyChange) { c.Kind, c.To = hub.ActRename, nil }, "name", "required"},
		{"rename to a formula", func(c *hub.AgencyChange) { c.Kind, c.To, c.Name = hub.ActRename, nil, "=1+1" }, "name", "first_character"},
		{"code of no form", func(c *hub.AgencyChange) { c.Kind, c.To, c.Code = hub.ActRename, nil, "x" }, "code", "agency_code"},
		{"code of another", func(c *hub.AgencyChange) { c.Kind, c.To, c.Code = hub.ActRename, nil, "H47.01" }, "code", "code_taken"},
		{"under its own unit", func(c *hub.AgencyChange) { c.Kind, c.From, c.To = hub.ActMove, []string{"a"}, []string{"u"} }, "from[0]", "cycle"},
		{"long basis", func(c *hub.AgencyChange) { c.Basis = strings.Repeat("ộ", 501) }, "basis", "max_length"},
	}
	f := newFixture(t, "2025-06-20")
	f.mustImport(t, open)
	version := f.store.version
	for _, tt := range tests {
		change := ok
		tt.change(&change)
		_, err := f.reorganise(change)
		list := hub.ViolationsOf(err)
		if !slices.ContainsFunc(list, func(e *hub.Error) bool { return e.Field == tt.field && e.Rule == tt.rule }) {
			t.Errorf("%s: %v, want %s [%s]", tt.name, err, tt.field, tt.rule)
		}
	}
	if f.store.version != version {
		t.Error("a refused act was stored")
	}
	if _, err := f.Reorganise(context.Background(), hub.Actor{Scopes: []hub.Scope{hub.ScopeAudit}}, ok, true); hub.KindOf(err) != hub.KindDenied {
		t.Errorf("without the scope: %v", err)
	}
	dry, err := f.Reorganise(context.Background(), operator(), ok, true)
	if err != nil || f.store.version != version || dry.Changed != 1 || dry.Rows[0].Change != "valid_to, successors" {
		t.Errorf("dry run %+v, %v", dry, err)
	}
	f.mustReorganise(t, ok)
	_, err = f.reorganise(ok)
	wantKind(t, err, hub.KindInvalid, "closed", "01/07/2025")
	// The past that lies before a later change is not rewritten.
	f.mustReorganise(t, hub.AgencyChange{Kind: hub.ActMove, Day: "2025-07-01", From: []string{"u"}, To: []string{"p"}})
	_, err = f.reorganise(hub.AgencyChange{Kind: hub.ActMove, Day: "2025-06-01", From: []string{"u"}, To: []string{"c"}})
	wantKind(t, err, hub.KindInvalid, "later_change")
}

// A circle that holds only for a while in the past is one, too.
func TestCirclesAtOtherTimes(t *testing.T) {
	f := newFixture(t, "2019-01-01")
	f.mustImport(t, open)
	f.mustReorganise(t, hub.AgencyChange{Kind: hub.ActMove, Day: "2022-01-01", From: []string{"b"}, To: []string{"a"}})
	f.mustReorganise(t, hub.AgencyChange{Kind: hub.ActMove, Day: "2024-01-01", From: []string{"b"}, To: []string{"p"}})
	under := header + "a,H47.01,Sở A (hư cấu),department,,H47.02,,,,,,000.00.01.H47,\n"
	_, err := f.Import(context.Background(), operator(), strings.NewReader(under), hub.ImportOptions{From: day("2023-01-01")})
	wantKind(t, err, hub.KindInvalid, "cycle", "line 2")
	f.mustReorganise(t, hub.AgencyChange{Kind: hub.ActMove, Day: "2024-01-01", From: []string{"a"}, To: []string{"b"}})
}

func TestTops(t *testing.T) {
	f := sampleDirectory(t)
	for at, want := range map[string][]hub.AgencyID{
		"2019-06-01": {"dnang", "qnam"},
		"2025-07-01": {"dnang"},
	} {
		if got := ids(f.Tops(day(at))); !slices.Equal(got, want) {
			t.Errorf("at the top on %s: %v, want %v", at, got, want)
		}
	}
	// One whose parent is gone does not get lost.
	f.mustImport(t, header+"waif,H47.31.06,UBND xã Còn lại (hư cấu),commune,,H47.31,,,,,,,\n")
	if got := ids(f.Tops(day("2025-07-01"))); !slices.Equal(got, []hub.AgencyID{"dnang", "waif"}) {
		t.Errorf("at the top when a parent is gone: %v", got)
	}
	if got := ids(f.Tops(day("2019-06-01"))); slices.Contains(got, "waif") {
		t.Errorf("at the top while the parent lives: %v", got)
	}
}

func (f *fixture) whole(t *testing.T) string {
	t.Helper()
	var b bytes.Buffer
	if err := f.Export(context.Background(), operator(), &b, hub.ListJSON, f.clock.Now()); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func (f *fixture) importWhole(list string) (hub.ImportReport, error) {
	return f.Import(context.Background(), operator(), strings.NewReader(list), hub.ImportOptions{Format: hub.ListJSON})
}

// What one hub exports as JSON another knows with its whole history.
func TestWholeDirectoryMoves(t *testing.T) {
	f := sampleDirectory(t)
	f.clock.Set(day("2020-05-06"))
	f.mustImport(t, strings.Replace(sample, "Sở Nội vụ (hư cấu)", "Sở Nội vụ mới (hư cấu)", 1))
	list := f.whole(t)
	if report, err := f.importWhole(list); err != nil || report.Added+report.Changed > 0 || report.Unchanged != 10 {
		t.Errorf("the own list changes %+v, %v", report, err)
	}
	other := newFixture(t, "2021-01-01")
	if report, err := other.importWhole(list); err != nil || report.Added != 10 {
		t.Fatalf("%+v, %v", report, err)
	}
	if again := other.whole(t); again != list {
		t.Errorf("the list went in as\n%s\nand comes out as\n%s", list, again)
	}
	report, err := other.importWhole(strings.Replace(list, "Sở Nội vụ (hư cấu)", "Sở Nội vụ cũ (hư cấu)", 1))
	if err != nil || report.Changed != 1 || report.Rows[0].Change != "names" || !strings.Contains(report.Rows[0].Differences[0].Is, "Sở Nội vụ cũ (hư cấu) [, 2020-05-06)") {
		t.Errorf("%+v, %v", report, err)
	}
}

func TestWholeListRefuses(t *testing.T) {
	base := func() hub.Agency {
		return hub.Agency{ID: "x", Codes: []hub.Dated[hub.Code]{{Value: "H01"}}, Names: []hub.Dated[string]{{Value: "X"}}, Levels: []hub.Dated[hub.Level]{{Value: hub.LevelUnit}}}
	}
	span := func(from, to string) hub.Interval { return hub.Interval{From: day(from), To: day(to)} }
	tests := []struct {
		name, field, rule string
		change            func(*hub.Agency)
	}{
		{"no id", "agencies[0].id", "agency_id", func(a *hub.Agency) { a.ID = "" }},
		{"no name", "agencies[0].names", "required", func(a *hub.Agency) { a.Names = nil }},
		{"no code", "agencies[0].codes", "required", func(a *hub.Agency) { a.Codes = nil }},
		{"bad code", "agencies[0].codes[0].value", "agency_code", func(a *hub.Agency) { a.Codes[0].Value = "h01" }},
		{"bad level", "agencies[0].levels[0].value", "level", func(a *hub.Agency) { a.Levels[0].Value = "tỉnh" }},
		{"bad mail", "agencies[0].contacts[0].value", "email", func(a *hub.Agency) { a.Contacts = []hub.Dated[hub.Contact]{{Value: hub.Contact{Email: "x"}}} }},
		{"script as website", "agencies[0].contacts[0].value", "website", func(a *hub.Agency) {
			a.Contacts = []hub.Dated[hub.Contact]{{Value: hub.Contact{Website: "javascript:alert(1)"}}}
		}},
		{"overlapping names", "agencies[0].names[1].valid", "overlap", func(a *hub.Agency) {
			a.Names = []hub.Dated[string]{{Value: "X", Valid: span("2010-01-01", "2020-01-02")}, {Value: "Y", Valid: span("2020-01-01", "2021-01-01")}}
		}},
		{"overlapping parents", "agencies[0].parents[1].valid", "overlap", func(a *hub.Agency) {
			a.Parents = []hub.Dated[hub.AgencyID]{{Value: "qnam"}, {Value: "dnang", Valid: span("2020-01-01", "2021-01-01")}}
		}},
		{"one code twice", "agencies[0].codes[1].valid", "overlap", func(a *hub.Agency) { a.Codes = append(a.Codes, a.Codes[0]) }},
		{"ends before it begins", "agencies[0].names[0].valid", "order", func(a *hub.Agency) { a.Names[0].Valid = span("2021-01-01", "2020-01-01") }},
		{"unknown parent", "agencies[0].parents[0].value", "unknown_agency", func(a *hub.Agency) { a.Parents = []hub.Dated[hub.AgencyID]{{Value: "nobody"}} }},
		{"parent of itself", "agencies[0].parents", "cycle", func(a *hub.Agency) { a.Parents = []hub.Dated[hub.AgencyID]{{Value: "x"}} }},
		{"code of another", "agencies[0].codes[0]", "code_taken", func(a *hub.Agency) { a.Codes[0].Value = "H17" }},
		{"heir of the open", "agencies[0].successors", "open", func(a *hub.Agency) { a.Successors = []hub.AgencyID{"dnang"} }},
		{"unknown heir", "agencies[0].successors[0]", "unknown_agency", func(a *hub.Agency) { a.Valid.To, a.Successors = day("2025-01-01"), []hub.AgencyID{"nobody"} }},
		{"heir that closed before", "agencies[0].successors[0]", "closed", func(a *hub.Agency) { a.Valid.To, a.Successors = day("2025-01-01"), []hub.AgencyID{"daibieu"} }},
		{"act of no kind", "agencies[0].acts[0]", "act", func(a *hub.Agency) { a.Acts = []hub.AgencyAct{{ID: "t", Kind: "sell"}} }},
	}
	f := sampleDirectory(t)
	version := f.store.version
	for _, tt := range tests {
		a := base()
		tt.change(&a)
		text, err := json.Marshal(map[string][]hub.Agency{"agencies": {a}})
		if err != nil {
			t.Fatal(err)
		}
		_, err = f.importWhole(string(text))
		found := slices.ContainsFunc(hub.ViolationsOf(err), func(e *hub.Error) bool { return e.Field == tt.field && e.Rule == tt.rule })
		if !found {
			t.Errorf("%s: %v, want %s [%s]", tt.name, err, tt.field, tt.rule)
		}
	}
	for name, list := range map[string]string{"nothing": "", "a list": "[]", "unknown field": `{"agencies": [{"id": "x", "colour": "red"}]}`, "cut": `{"agencies": [`, "more behind": `{"agencies": []} {}`} {
		if _, err := f.importWhole(list); err == nil || hub.KindOf(err) != hub.KindInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if f.store.version != version {
		t.Error("a refused list was stored")
	}
	if _, err := f.Import(context.Background(), operator(), strings.NewReader(sample), hub.ImportOptions{Format: "xml"}); hub.KindOf(err) != hub.KindUnsupported {
		t.Errorf("another format: %v", err)
	}
}

// Address, fax and website are columns where wanted, and stay as they are where not.
func TestFurtherColumns(t *testing.T) {
	f := newFixture(t, "2019-01-01")
	f.mustImport(t, strings.TrimSuffix(header, "\n")+",address,fax,website\na,H01.01,A,unit,,,,,,a@b.vn,,,,62 Hùng Vương,0235 1,https://a.vn\n")
	f.clock.Set(day("2020-01-01"))
	f.mustImport(t, header+"a,H01.01,A,unit,,,,,,c@b.vn,,,\n")
	a, _ := f.ByID("a")
	then, _ := hub.At(a.Contacts, day("2019-06-01"))
	now, _ := hub.At(a.Contacts, day("2020-06-01"))
	want := hub.Contact{Address: "62 Hùng Vương", Email: "a@b.vn", Fax: "0235 1", Website: "https://a.vn"}
	if then != want || now.Email != "c@b.vn" || now.Address != want.Address {
		t.Errorf("contacts then %+v, now %+v", then, now)
	}
	for cell, rule := range map[string]string{"=1,,": "first_character", ",call,": "telephone", ",,ftp://a": "website"} {
		_, err := f.importList(strings.TrimSuffix(header, "\n") + ",address,fax,website\na,H01.01,A,unit,,,,,,,,,," + cell + "\n")
		wantKind(t, err, hub.KindInvalid, rule)
	}
}

// Two nodes change agencies at the same moment: neither undoes the other's work, and what
// the second does is checked against what the first has done.
func TestNodesChangeAgenciesAtOnce(t *testing.T) {
	f := newFixture(t, "2025-06-20")
	f.mustImport(t, open)
	other := directory.New(directory.Options{Store: f.store, Now: f.clock.Now, NewID: func() string { return "other" }})
	if err := other.Load(context.Background()); err != nil {
		t.Fatal(err)
	}
	move := func(who, to string) func() {
		return func() {
			if _, err := other.Reorganise(context.Background(), operator(), hub.AgencyChange{Kind: hub.ActMove, Day: "2025-07-01", From: []string{who}, To: []string{to}}, false); err != nil {
				t.Error(err)
			}
		}
	}
	f.store.onSave = move("b", "c")
	f.mustReorganise(t, hub.AgencyChange{Kind: hub.ActRename, Day: "2025-07-01", From: []string{"b"}, Name: "Sở B và D (hư cấu)"})
	b, _ := f.ByID("b")
	if parent, _ := hub.At(b.Parents, day("2025-07-01")); parent != "c" || b.NameAt(day("2025-07-01")) != "Sở B và D (hư cấu)" || len(b.Acts) != 2 {
		t.Errorf("one of the changes is lost: %+v", b)
	}
	// A circle that only both together would make.
	f.store.onSave = move("c", "a")
	_, err := f.reorganise(hub.AgencyChange{Kind: hub.ActMove, Day: "2025-07-01", From: []string{"a"}, To: []string{"c"}})
	wantKind(t, err, hub.KindInvalid, "cycle")
	// An import that must be worked out anew keeps what the other told.
	f.store.onSave = move("u", "p")
	f.mustImport(t, header+"late,H47.08,Sở Mới hơn (hư cấu),department,,H47,2030-01-01,,,,,,\n")
	f.store.onSave = move("u", "b")
	if err := f.SetChannel(context.Background(), operator(), []hub.AgencyID{"u"}, hub.ChannelAMQP); err != nil {
		t.Fatal(err)
	}
	if u, _ := f.ByID("u"); u.ChannelAt(f.clock.Now()) != hub.ChannelAMQP || u.Acts[len(u.Acts)-1].To[0] != "b" {
		t.Errorf("one of the changes is lost: %+v", u)
	}
	if late, _ := f.ByID("late"); late.NameAt(day("2031-01-01")) != "Sở Mới hơn (hư cấu)" {
		t.Errorf("the import is lost: %+v", late)
	}
}
