package directory_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/lienthong/lienthong/hub"
)

func (f *fixture) importList(list string) (hub.ImportReport, error) {
	return f.Import(context.Background(), operator(), strings.NewReader(list), hub.ImportOptions{})
}

func TestImportRefuses(t *testing.T) {
	row := func(cells string) string { return sample + cells + "\n" } // line 12
	tests := []struct {
		name, list, field, rule string
	}{
		{"empty file", "", "header", "required"},
		{"no header", "a,H01,A,province,,,,,,,,,\n", "header", "unknown_column"},
		{"semicolons", strings.ReplaceAll(sample, ",", ";"), "header", "unknown_column"},
		{"column missing", strings.Replace(sample, ",successors", "", 1), "header", "required"},
		{"column unknown", strings.Replace(sample, "successors", "heirs", 1), "header", "unknown_column"},
		{"column twice", strings.Replace(sample, "aliases", "code", 1), "header", "duplicate_column"},
		{"column in capitals", strings.Replace(sample, "name", "Name", 1), "header", "unknown_column"},
		{"bare quote", row(`x,H01,A"B,province,,,,,,,,,`), "rows[12]", "csv"},
		{"open quote", row(`x,H01,"A,province,,,,,,,,,`), "rows[12]", "csv"},
		{"too few fields", row("x,H01,A,province"), "rows[12]", "field_count"},
		{"too many fields", row("x,H01,A,province,,,,,,,,,,,"), "rows[12]", "field_count"},
		{"no code", row("x,,A,province,,,,,,,,,"), "rows[12].code", "required"},
		{"bad code", row("x,h01,A,province,,,,,,,,,"), "rows[12].code", "agency_code"},
		{"long code", row("x,H01." + strings.Repeat("1", 40) + ",A,province,,,,,,,,,"), "rows[12].code", "max_length"},
		{"no name", row("x,H01,,province,,,,,,,,,"), "rows[12].name", "required"},
		{"blank name", row("x,H01,\u00a0,province,,,,,,,,,"), "rows[12].name", "required"},
		{"long name", row("x,H01," + strings.Repeat("ộ", 201) + ",province,,,,,,,,,"), "rows[12].name", "max_length"},
		{"control character", row("x,H01,A\x07,province,,,,,,,,,"), "rows[12].name", "control_characters"},
		{"line break in a name", row("x,H01,\"A\nB\",province,,,,,,,,,"), "rows[12].name", "control_characters"},
		{"formula", row("x,H01,=1+1,province,,,,,,,,,"), "rows[12].name", "first_character"},
		{"not UTF-8", row("x,H01,A\xff,province,,,,,,,,,"), "rows[12].name", "utf8"},
		{"bad id", row("a b,H01,A,province,,,,,,,,,"), "rows[12].id", "agency_id"},
		{"id twice", row("qnam,H01,A,province,,,,,,,,,"), "rows[12].id", "duplicate"},
		{"no level", row("x,H01,A,,,,,,,,,,"), "rows[12].level", "level"},
		{"unknown level", row("x,H01,A,tỉnh,,,,,,,,,"), "rows[12].level", "level"},
		{"registers", row("x,H01,A,province,,,,,yes,,,,"), "rows[12].registers", "boolean"},
		{"mail", row("x,H01,A,province,,,,,,nobody,,,"), "rows[12].email", "email"},
		{"two mails", row("x,H01,A,province,,,,,,a@b.vn;c@d.vn,,,"), "rows[12].email", "email"},
		{"telephone", row("x,H01,A,province,,,,,,,call me,,"), "rows[12].telephone", "telephone"},
		{"impossible date", row("x,H01,A,province,,,2025-02-30,,,,,,"), "rows[12].valid_from", "date"},
		{"date in another form", row("x,H01,A,province,,,01/07/2025,,,,,,"), "rows[12].valid_from", "date"},
		{"date of long ago", row("x,H01,A,province,,,0001-01-01,,,,,,"), "rows[12].valid_from", "date"},
		{"closed before opened", row("x,H01,A,province,,,2025-07-01,2025-07-01,,,,,"), "rows[12].valid_to", "order"},
		{"bad alias", row("x,H01,A,province,,,,,,,,H01.01|,"), "rows[12].aliases", "required"},
		{"alias is the code", row("x,H01,A,province,,,,,,,,H01,"), "rows[12].aliases", "duplicate"},
		{"code of another", row("x,H17,A,province,,,,,,,,,"), "rows[2].successors", "unknown_agency"},
		{"alias of another", row("x,H01,A,province,,,,,,,,H17.12,"), "rows[5].code", "code_taken"},
		{"unknown parent", row("x,H01,A,commune,,H99,,,,,,,"), "rows[12].parent_code", "unknown_agency"},
		{"bad parent", row("x,H01,A,commune,,tỉnh,,,,,,,"), "rows[12].parent_code", "agency_code"},
		{"parent that closed before", row("x,H01,A,commune,,H47.99,2021-01-01,,,,,,"), "rows[12].parent_code", "unknown_agency"},
		{"parent of itself", row("x,H01,A,commune,,H01,,,,,,,"), "rows[12].parent_code", "cycle"},
		{"successor of the open", row("x,H01,A,commune,,,,,,,,,H17"), "rows[12].successors", "open"},
		{"unknown successor", row("x,H01,A,commune,,,,2025-01-01,,,,,H99"), "rows[12].successors", "unknown_agency"},
		{"successor that closed before", row("x,H01,A,commune,,,,2025-01-01,,,,,H47.99"), "rows[12].successors", "unknown_agency"},
		{"successor twice", row("x,H01,A,commune,,,,2025-01-01,,,,,H17|000.00.00.H17"), "rows[12].successors", "duplicate"},
	}
	for _, tt := range tests {
		f := newFixture(t, "2019-01-01")
		_, err := f.importList(tt.list)
		list := hub.ViolationsOf(err)
		found := slices.ContainsFunc(list, func(e *hub.Error) bool {
			return e.Field == tt.field && e.Rule == tt.rule && e.Kind == hub.KindInvalid && e.Message != ""
		})
		if tt.name == "code of another" {
			// H17 is then ambiguous wherever the list uses it; the clash itself is named too.
			found = slices.ContainsFunc(list, func(e *hub.Error) bool { return e.Field == "rows[12].code" && e.Rule == "code_taken" })
		}
		if !found {
			t.Errorf("%s: %v, want %s [%s]", tt.name, err, tt.field, tt.rule)
		}
		if len(f.store.agencies) != 0 || f.store.version != 0 {
			t.Errorf("%s: %d agencies were stored", tt.name, len(f.store.agencies))
		}
	}
}

func TestImportRefusesCircles(t *testing.T) {
	f := newFixture(t, "2019-01-01")
	_, err := f.importList(header +
		"a,H01.01,A,unit,,H01.02,,,,,,,\n" +
		"b,H01.02,B,unit,,H01.03,,,,,,,\n" +
		"c,H01.03,C,unit,,H01.01,,,,,,,\n")
	wantKind(t, err, hub.KindInvalid, "cycle", "line 2")
	_, err = f.importList(header +
		"a,H01.01,A,unit,,,,2025-01-01,,,,,H01.02\n" +
		"b,H01.02,B,unit,,,,2026-01-01,,,,,H01.01\n")
	if err == nil {
		t.Error("a circle of successors passed")
	}
	// A circle that closes through an agency which the list does not name.
	f.mustImport(t, header+"a,H01.01,A,unit,,,,,,,,,\nb,H01.02,B,unit,,H01.01,,,,,,,\n")
	_, err = f.importList(header + "a,H01.01,A,unit,,H01.02,,,,,,,\n")
	wantKind(t, err, hub.KindInvalid, "cycle")
}

func TestImportNamesEveryProblem(t *testing.T) {
	f := newFixture(t, "2019-01-01")
	_, err := f.importList(header + "a,,,x,,,,,,,,,\n" + "b,H01,B,province,,,2025-13-01,,,,,,\n")
	var fields []string
	for _, v := range hub.ViolationsOf(err) {
		fields = append(fields, v.Field)
	}
	want := []string{"rows[2].name", "rows[2].level", "rows[2].code", "rows[3].valid_from"}
	if !slices.Equal(fields, want) {
		t.Errorf("fields %v, want %v", fields, want)
	}
	many := header + strings.Repeat("a,H01,A,x,,,,,,,,,\n", 900)
	_, err = f.importList(many)
	list := hub.ViolationsOf(err)
	if len(list) != 501 || !strings.Contains(list[500].Message, "400") {
		t.Errorf("%d problems, the last: %v", len(list), list[len(list)-1])
	}
}

func TestImportBounds(t *testing.T) {
	f := newFixture(t, "2019-01-01")
	var b strings.Builder
	b.WriteString(header)
	for i := range 200_001 {
		fmt.Fprintf(&b, "a%d,H01.%d,A,unit,,,,,,,,,\n", i, i)
	}
	_, err := f.importList(b.String())
	wantKind(t, err, hub.KindTooLarge, "max_rows")
	_, err = f.Import(context.Background(), operator(), &endless{text: []byte(header + "a,H01,A,unit,,,,,,,,,\n")}, hub.ImportOptions{DryRun: true})
	wantKind(t, err, hub.KindTooLarge, "max_rows")
	away := errors.New("connection reset")
	_, err = f.Import(context.Background(), operator(), &endless{text: []byte(header), err: away}, hub.ImportOptions{DryRun: true})
	if !errors.Is(err, away) || hub.KindOf(err) != hub.KindInternal {
		t.Errorf("a failing reader: %v", err)
	}
}

// endless yields text, then an error or blank lines for ever.
type endless struct {
	text []byte
	err  error
}

func (e *endless) Read(p []byte) (int, error) {
	if len(e.text) > 0 {
		n := copy(p, e.text)
		e.text = e.text[n:]
		return n, nil
	}
	if e.err != nil {
		return 0, e.err
	}
	for i := range p {
		p[i] = '\n'
	}
	return len(p), nil
}

func TestImportNeedsTheOperator(t *testing.T) {
	f := newFixture(t, "2019-01-01")
	for _, scope := range hub.Scopes() {
		if scope == hub.ScopeOperate {
			continue
		}
		actor := hub.Actor{Scopes: []hub.Scope{scope}}
		if _, err := f.Import(context.Background(), actor, strings.NewReader(sample), hub.ImportOptions{DryRun: true}); hub.KindOf(err) != hub.KindDenied {
			t.Errorf("import with %s: %v", scope, err)
		}
		if err := f.Export(context.Background(), actor, &bytes.Buffer{}, hub.ListCSV, day("2019-01-01")); hub.KindOf(err) != hub.KindDenied {
			t.Errorf("export with %s: %v", scope, err)
		}
	}
}

func TestImportReadsWhatSpreadsheetsWrite(t *testing.T) {
	f := newFixture(t, "2019-01-01")
	f.mustImport(t, "\uFEFFsuccessors,aliases,telephone,email,registers,valid_to,valid_from,parent_code,kind,level,name,code,id\r\n"+
		",,0235 (01),,false,,2010-01-01,,,province,\"UBND  tỉnh, mới\",H01,\r\n"+
		"\r\n"+
		",,,,,,,H01,,unit,So\u031b\u0309 Y,H01.02,\r\n")
	a, err := f.ResolveSender("H01", day("2019-01-01"))
	if err != nil {
		t.Fatal(err)
	}
	want := hub.Agency{
		ID: "id-1", Version: 1, Valid: hub.Interval{From: day("2010-01-01")},
		Codes:    []hub.Dated[hub.Code]{{Value: "H01"}},
		Names:    []hub.Dated[string]{{Value: "UBND  tỉnh, mới"}},
		Levels:   []hub.Dated[hub.Level]{{Value: hub.LevelProvince}},
		Contacts: []hub.Dated[hub.Contact]{{Value: hub.Contact{Telephone: "0235 (01)"}}},
	}
	if !reflect.DeepEqual(*a, want) {
		t.Errorf("got  %+v\nwant %+v", *a, want)
	}
	b, err := f.ResolveSender("H01.02", day("2019-01-01"))
	if err != nil || b.NameAt(day("2019-01-01")) != "Sở Y" || !b.Registers || b.Parents[0].Value != "id-1" {
		t.Errorf("%+v, %v", b, err)
	}
}

func TestDryRunChangesNothing(t *testing.T) {
	f := newFixture(t, "2019-01-01")
	dry, err := f.Import(context.Background(), operator(), strings.NewReader(sample), hub.ImportOptions{DryRun: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := f.ByID("qnam"); ok || len(f.store.agencies) != 0 {
		t.Error("the dry run stored agencies")
	}
	if wet := f.mustImport(t, sample); !reflect.DeepEqual(wet, dry) {
		t.Errorf("dry %+v\nwet %+v", dry, wet)
	}
}

// TestImportOfWhatChangedMeanwhile: a list that says from which state it was made changes
// nothing once the directory is in another, in either form.
func TestImportOfWhatChangedMeanwhile(t *testing.T) {
	f := newFixture(t, "2025-06-01")
	empty := f.Position()
	since := func(position, list, format string) error {
		_, err := f.Import(t.Context(), operator(), strings.NewReader(list), hub.ImportOptions{Since: position, Format: format})
		return err
	}
	if err := since(empty, sample, hub.ListCSV); err != nil {
		t.Fatal(err)
	}
	read := f.Position()
	var whole bytes.Buffer
	if err := f.Export(t.Context(), operator(), &whole, hub.ListJSON, f.clock.Now()); err != nil {
		t.Fatal(err)
	}
	renamed := strings.Replace(sample, "UBND tỉnh Quảng Nam", "UBND tỉnh Quảng Nam mới", 1)
	if renamed == sample {
		t.Fatal("the sample has no such name")
	}
	if err := since(read, renamed, hub.ListCSV); err != nil {
		t.Fatal(err)
	}
	for format, list := range map[string]string{hub.ListCSV: sample, hub.ListJSON: whole.String()} {
		for _, position := range []string{read, empty, "x"} {
			err := since(position, list, format)
			if v := hub.ViolationsOf(err); hub.KindOf(err) != hub.KindConflict || v[0].Field != "since" || v[0].Rule != "changed" {
				t.Errorf("%s from %q: %v", format, position, err)
			}
		}
	}
	if a, ok := f.ByID("qnam"); !ok || a.NameAt(f.clock.Now()) != "UBND tỉnh Quảng Nam mới (hư cấu)" {
		t.Errorf("the agency is %+v", a)
	}
	if err := since(f.Position(), sample, hub.ListCSV); err != nil {
		t.Error(err)
	}
}

func TestImportKeepsHistory(t *testing.T) {
	f := sampleDirectory(t)
	change := day("2020-05-06")
	f.clock.Set(change)
	list := strings.Replace(sample, "noivu,H47.12,Sở Nội vụ (hư cấu),department,so,H47,", "noivu,H47.12,Sở Nội vụ và Lao động (hư cấu),department,,H47.31,", 1)
	report := f.mustImport(t, list)
	want := hub.ImportReport{Changed: 1, Unchanged: 9, Rows: []hub.ImportRow{{Line: 4, Code: "H47.12", Change: "name, kind, parent_code", Differences: []hub.ImportDifference{
		{Column: "name", Was: "Sở Nội vụ (hư cấu)", Is: "Sở Nội vụ và Lao động (hư cấu)"}, {Column: "kind", Was: "so"}, {Column: "parent_code", Was: "H47", Is: "H47.31"},
	}}}}
	if !reflect.DeepEqual(report, want) {
		t.Errorf("report %+v, want %+v", report, want)
	}
	a, _ := f.ByID("noivu")
	before := change.Add(-1)
	if a.NameAt(before) != "Sở Nội vụ (hư cấu)" || a.NameAt(change) != "Sở Nội vụ và Lao động (hư cấu)" {
		t.Errorf("names %+v", a.Names)
	}
	if kind, ok := hub.At(a.Kinds, change); ok {
		t.Errorf("the kind that was taken away is %q", kind)
	}
	then, _ := hub.At(a.Parents, before)
	now, _ := hub.At(a.Parents, change)
	if then != "qnam" || now != "tamky" {
		t.Errorf("parents %+v", a.Parents)
	}
	if got := ids(f.Children("qnam", before)); !slices.Contains(got, "noivu") {
		t.Errorf("children before the change: %v", got)
	}
	if got := ids(f.Children("qnam", change)); slices.Contains(got, "noivu") {
		t.Errorf("children after the change: %v", got)
	}
}

func TestImportCorrectsWhatHasClosed(t *testing.T) {
	f := newFixture(t, "2021-01-01")
	f.mustImport(t, header+"a,H01.01,Sở Y,department,,,2010-01-01,2020-01-01,,,,,\nb,H01.02,B,department,,,,,,,,,\n")
	f.mustImport(t, header+"a,H01.01,Sở Y tế,department,,H01.02,2010-01-01,2020-01-01,,,,,H01.02\n")
	a, _ := f.ByID("a")
	for _, at := range []string{"2010-01-01", "2019-01-01", "2021-01-01"} {
		if name := a.NameAt(day(at)); name != "Sở Y tế" {
			t.Errorf("the name at %s is %q", at, name)
		}
	}
	if r, err := f.Resolve("H01.01", day("2021-01-01")); err != nil || r.Agency.ID != "b" {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestACorrectionKeepsWhatWasBefore(t *testing.T) {
	f := newFixture(t, "2010-01-01")
	f.mustImport(t, header+"a,H01.01,A,unit,,,,,,,,,\n")
	f.clock.Set(day("2015-01-01"))
	f.mustImport(t, header+"a,H01.01,B,unit,,,,,,,,,\n")
	f.clock.Set(day("2021-01-01"))
	f.mustImport(t, header+"a,H01.01,C,unit,,,,2020-01-01,,,,,\n")
	a, _ := f.ByID("a")
	if then, last := a.NameAt(day("2014-01-01")), a.NameAt(day("2016-01-01")); then != "A" || last != "C" {
		t.Errorf("names %s, then %s", then, last)
	}
	// A change dated after the end is no history; what the list says holds instead.
	f.mustImport(t, header+"a,H01.02,C,unit,,,,2012-01-01,,,,,\n")
	a, _ = f.ByID("a")
	if name, code := a.NameAt(day("2011-01-01")), a.CodeAt(day("2011-01-01")); name != "C" || code != "H01.02" {
		t.Errorf("in the shorter life: %s %s", code, name)
	}
}

// What is planned stays planned: a list says how things are on its day, and knows nothing
// of what is decided for later.
func TestImportKeepsWhatIsPlanned(t *testing.T) {
	f := newFixture(t, "2026-01-01")
	list := header + "up,H01,Tỉnh,province,,,,,,,,,\na,H01.01,Sở Cũ,department,,H01,,,,,,,\n"
	f.mustImport(t, list)
	f.mustReorganise(t, hub.AgencyChange{Kind: hub.ActRename, Day: "2027-01-01", From: []string{"a"}, Name: "Sở Mới", Code: "H01.09"})
	planned := []string{"rename 2027-01-01 a"}
	at := func(when, name string, codes ...hub.Code) {
		t.Helper()
		a, _ := f.ByID("a")
		var held []hub.Code
		for _, c := range a.Codes {
			if c.Valid.Contains(day(when)) {
				held = append(held, c.Value)
			}
		}
		if got := a.NameAt(day(when)); got != name || !slices.Equal(held, codes) {
			t.Errorf("on %s it is %q %v, want %q %v", when, got, held, name, codes)
		}
	}
	f.clock.Set(day("2026-02-01"))
	f.mustImport(t, strings.Replace(list, "H01,,,,,,,\n", "H01,,,,a@h01.vn,,,\n", 1)) // another mail address
	at("2026-03-01", "Sở Cũ", "H01.01")
	at("2027-01-01", "Sở Mới", "H01.09")
	wantActs(t, f, planned...)

	f.clock.Set(day("2026-04-01"))
	f.mustImport(t, strings.Replace(list, "Sở Cũ,department,,H01,,,,,,,", "Sở Cữ,department,,H01,,,,,,H01.33,", 1)) // a name and an alias
	at("2026-03-01", "Sở Cũ", "H01.01")
	at("2026-05-01", "Sở Cữ", "H01.01", "H01.33")
	at("2027-01-01", "Sở Mới", "H01.09", "H01.33")
	wantActs(t, f, append(planned, "rename 2026-04-01 a")...)

	// A list that says now what was planned brings it forward.
	f.clock.Set(day("2026-06-01"))
	f.mustImport(t, strings.Replace(list, "H01.01,Sở Cũ", "H01.09,Sở Mới", 1))
	at("2026-06-01", "Sở Mới", "H01.09")
	at("2027-01-01", "Sở Mới", "H01.09")
	var all bytes.Buffer
	if err := f.Export(context.Background(), operator(), &all, hub.ListJSON, f.clock.Now()); err != nil {
		t.Fatal(err)
	}
	if report, err := f.Import(context.Background(), operator(), &all, hub.ImportOptions{Format: hub.ListJSON}); err != nil || report.Unchanged != 2 {
		t.Errorf("what is there does not come in again: %+v, %v", report, err)
	}
}

// A parent that closed keeps its children's rows even when its code goes to
// another agency.
func TestAReferenceStaysWithTheAgencyThatItMeant(t *testing.T) {
	f := newFixture(t, "2019-01-01")
	f.mustImport(t, header+"old,H01.01,Cũ,unit,,,,2020-01-01,,,,,\nchild,H01.02,Con,unit,,H01.01,,,,,,,\n")
	f.clock.Set(day("2021-01-01"))
	f.mustImport(t, header+"new,H01.01,Mới,unit,,,2020-06-01,,,,,,\n")
	report := f.mustImport(t, header+"child,H01.02,Con,unit,,H01.01,,,,,,,\n")
	if report.Unchanged != 1 {
		t.Errorf("report %+v", report)
	}
	report = f.mustImport(t, header+",H01.03,Con khác,unit,,H01.01,,,,,,,\n")
	a, err := f.ResolveSender("H01.03", day("2021-01-01"))
	if err != nil {
		t.Fatal(err)
	}
	if parent, _ := hub.At(a.Parents, day("2021-01-01")); report.Added != 1 || parent != "new" {
		t.Errorf("a new child belongs to %q, %+v", parent, report)
	}
}

func TestACodeAtAnotherTimeIsAnotherAgency(t *testing.T) {
	f := newFixture(t, "2019-01-01")
	f.mustImport(t, header+",H01.01,Cũ,unit,,,,2030-01-01,,,,,\n")
	if report := f.mustImport(t, header+",H01.01,Mới,unit,,,2031-01-01,,,,,,\n"); report.Added != 1 {
		t.Errorf("report %+v", report)
	}
	if report := f.mustImport(t, header+",H01.01,Cũ hơn,unit,,,,2030-01-01,,,,,\n"); report.Changed != 1 {
		t.Errorf("report %+v", report)
	}
}

// A former code comes back into force for the time that a longer life gives back.
func TestALongerLifeMayNotTakeCodesOfOthers(t *testing.T) {
	f := newFixture(t, "2019-01-01")
	f.mustImport(t, header+"a,H01,A,province,,,2020-06-01,,,,,H01.03,\nb,H01.03,B,unit,,,,2020-06-01,,,,,\n")
	f.clock.Set(day("2020-01-01"))
	_, err := f.importList(header + "a,H01,A,province,,,,,,,,H01.03,\n")
	wantKind(t, err, hub.KindInvalid, "code_taken", "line 2", "H01.03")
	f.clock.Set(day("2021-01-01"))
	f.mustImport(t, header+"a,H01,A,province,,,2020-06-01,,,,,,\n") // gives the alias up
	_, err = f.importList(header + "a,H01,A,province,,,,,,,,,\n")
	wantKind(t, err, hub.KindInvalid, "code_taken", "line 2", "H01.03")
}

func TestImportLeavesAloneWhatItDoesNotName(t *testing.T) {
	f := sampleDirectory(t)
	ctx := context.Background()
	a, _ := f.ByID("banthach")
	kept := *a
	kept.Contacts = []hub.Dated[hub.Contact]{{Value: hub.Contact{Address: "1 Bạch Đằng", Email: "x@y.vn"}}}
	kept.Channels = []hub.Dated[hub.Channel]{{Value: "other"}}
	if _, err := f.store.SaveAgencies(ctx, f.store.version, []hub.Agency{kept}); err != nil {
		t.Fatal(err)
	}
	f.clock.Set(day("2025-08-01"))
	f.mustImport(t, header+",H17.61,UBND phường Bàn Thạch (hư cấu),commune,ubnd,H17,2025-07-01,,true,new@y.vn,,,\n")
	if len(f.store.agencies) != 10 {
		t.Errorf("%d agencies", len(f.store.agencies))
	}
	now, _ := f.ByID("banthach")
	contact, _ := hub.At(now.Contacts, day("2025-08-01"))
	if contact.Address != "1 Bạch Đằng" || contact.Email != "new@y.vn" || now.ChannelAt(day("2025-08-01")) != "other" {
		t.Errorf("contact %+v, channels %+v", contact, now.Channels)
	}
}

func TestImportOfArrivalReports(t *testing.T) {
	f := sampleDirectory(t)
	with := strings.TrimSuffix(header, "\n") + ",reports_arrival\n"
	row := ",H17.61,UBND phường Bàn Thạch (hư cấu),commune,ubnd,H17,2025-07-01,,true,,,,"
	for _, step := range []struct {
		list string
		want bool
	}{{with + row + ",true\n", true}, {with + row + ",\n", true}, {header + row + "\n", true}, {with + row + ",false\n", false}, {with + row + ",\n", false}} {
		f.mustImport(t, step.list)
		if a, _ := f.ByID("banthach"); a.ReportsArrival != step.want {
			t.Errorf("after\n%s it is %t", step.list, a.ReportsArrival)
		}
	}
	if _, err := f.importList(with + row + ",yes\n"); hub.KindOf(orInternal(err)) != hub.KindInvalid {
		t.Errorf("a word that is none: %v", err)
	}
	f.mustImport(t, with+row+",true\n")
	var out bytes.Buffer
	if err := f.Export(t.Context(), operator(), &out, hub.ListCSV, f.clock.Now()); err != nil {
		t.Fatal(err)
	}
	if report := f.mustImport(t, out.String()); report.Changed+report.Added != 0 || !strings.Contains(out.String(), ",reports_arrival\n") {
		t.Errorf("its export changes %+v:\n%s", report, out.String())
	}
}

func TestAFailingStoreLeavesTheDirectoryAlone(t *testing.T) {
	f := sampleDirectory(t)
	f.store.fail = errors.New("disk full")
	if _, err := f.importList(header + "neu,H99,Mới,province,,,,,,,,,\n"); !errors.Is(err, f.store.fail) {
		t.Errorf("error %v", err)
	}
	if _, ok := f.ByID("neu"); ok {
		t.Error("the agency is known though it was not stored")
	}
}

func TestExport(t *testing.T) {
	f := newFixture(t, "2019-01-01")
	f.mustImport(t, sample)
	var out bytes.Buffer
	if err := f.Export(context.Background(), operator(), &out, hub.ListCSV, day("2019-01-01")); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(sample), "\n")
	got := strings.Split(strings.TrimSpace(out.String()), "\n")
	slices.Sort(lines)
	slices.Sort(got)
	if !slices.Equal(got, lines) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(lines, "\n"))
	}
	if err := f.Export(context.Background(), operator(), failing{}, hub.ListCSV, day("2019-01-01")); err == nil {
		t.Error("a failing writer went unnoticed")
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errors.New("pipe closed") }

// Whatever is imported, what is exported then changes nothing when it is imported
// again, and a code means at most one agency at any instant.
func TestExportOfAnImportChangesNothing(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		f := newFixture(t, "2019-01-01")
		for round := range rapid.IntRange(1, 4).Draw(rt, "imports") {
			f.clock.Set(day("2019-01-01").AddDate(round, 0, 0))
			_, _ = f.importList(header + drawRows(rt))
			var out bytes.Buffer
			if err := f.Export(context.Background(), operator(), &out, hub.ListCSV, f.clock.Now()); err != nil {
				rt.Fatal(err)
			}
			stored := maps.Clone(f.store.agencies)
			report, err := f.importList(out.String())
			if err != nil || report.Added+report.Changed > 0 {
				rt.Fatalf("importing the export\n%s%+v, %v", out.String(), report, err)
			}
			if !maps.Equal(stored, f.store.agencies) {
				rt.Fatal("the store changed")
			}
			oneAgencyPerCode(rt, f)
		}
	})
}

// drawRows makes lists of which a good part is right: ids and codes mostly keep to
// their rows, references mostly go to what exists.
func drawRows(t *rapid.T) string {
	all := []string{"H01", "H01.01", "H01.02", "H01.03", "H02"}
	codes := rapid.Permutation(all).Draw(t, "codes")
	names := rapid.Permutation([]string{"a", "b", "c", "d"}).Draw(t, "ids")
	rarely := func(label, usual string, others ...string) string {
		if rapid.IntRange(0, 9).Draw(t, label+"?") < 7 {
			return usual
		}
		return rapid.SampledFrom(others).Draw(t, label)
	}
	var b strings.Builder
	for i := range rapid.IntRange(1, 4).Draw(t, "rows") {
		from := rarely("from", "", "2018-06-01", "2019-06-01", "2020-06-01")
		to := rarely("to", "", "2020-06-01", "2021-06-01", "2022-06-01")
		successor := ""
		if to != "" {
			successor = rarely("successor", "", all...)
		}
		fmt.Fprintf(&b, "%s,%s,%s,unit,,%s,%s,%s,,%s,,%s,%s\n",
			rarely("id", names[i], ""), codes[i], rapid.SampledFrom([]string{"A", "B", "Sở"}).Draw(t, "name"),
			rarely("parent", "", all...), from, to, rarely("email", "", "a@b.vn"),
			rarely("alias", "", "000.00.01.H01", "H02.02", "H01.03"), successor)
	}
	return b.String()
}

func oneAgencyPerCode(t *rapid.T, f *fixture) {
	agencies, _, err := f.store.LoadAgencies(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for at := day("2018-06-01"); at.Before(day("2024-06-01")); at = at.AddDate(0, 0, 91) {
		holder := map[hub.Code]hub.AgencyID{}
		for _, a := range agencies {
			for _, c := range a.Codes {
				if !a.LivesAt(at) || !c.Valid.Contains(at) {
					continue
				}
				if other, taken := holder[c.Value]; taken && other != a.ID {
					t.Fatalf("at %s the code %s means %s and %s", at, c.Value, other, a.ID)
				}
				holder[c.Value] = a.ID
				if r, err := f.Resolve(string(c.Value), at); err != nil || r.Agency.ID != a.ID || r.Note != "" {
					t.Fatalf("at %s the code %s of %s resolves to %+v, %v", at, c.Value, a.ID, r, err)
				}
			}
		}
	}
}

func TestReadersSeeWholeImports(t *testing.T) {
	f := newFixture(t, "2019-01-01")
	list := func(name string) string {
		return header + "a,H01," + name + ",province,,,,,,,,,\nb,H01.01," + name + ",unit,,H01,,,,,,,\n"
	}
	f.mustImport(t, list("X0"))
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				at := f.clock.Now()
				found := f.Search("x", at, hub.Page{Limit: 9}).Items
				if len(found) != 2 || found[0].NameAt(at) != found[1].NameAt(at) {
					t.Errorf("half an import: %+v", found)
					return
				}
			}
		})
	}
	for i := range 50 {
		f.mustImport(t, list(fmt.Sprintf("X%d", i+1)))
	}
	close(stop)
	readers.Wait()
}

func FuzzImport(f *testing.F) {
	f.Add(sample)
	f.Add(header + "a,H01,\"A\",unit,,,2020-01-01,2021-01-01,false,a@b.vn,1,H01.01,H01.02\n,H01.02,B,unit,,,,,,,,,\n")
	f.Fuzz(func(t *testing.T, list string) {
		d := newFixture(t, "2019-01-01")
		report, err := d.importList(list)
		if err != nil {
			if kind := hub.KindOf(hub.ViolationsOf(err)[0]); kind != hub.KindInvalid && kind != hub.KindTooLarge {
				t.Errorf("kind %s: %v", kind, err)
			}
			if len(d.store.agencies) > 0 {
				t.Error("a refused list was stored")
			}
			return
		}
		if report.Added != len(d.store.agencies) {
			t.Errorf("%d added, %d stored", report.Added, len(d.store.agencies))
		}
		var out bytes.Buffer
		if err := d.Export(context.Background(), operator(), &out, hub.ListCSV, d.clock.Now()); err != nil {
			t.Fatal(err)
		}
		if again, err := d.importList(out.String()); err != nil || again.Added+again.Changed > 0 {
			t.Errorf("the export of\n%s\nis\n%s\nand makes %+v, %v", list, out.String(), again, err)
		}
	})
}
