package directory_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
)

func TestResolve(t *testing.T) {
	f := sampleDirectory(t)
	before, after := day("2025-07-01").Add(-time.Millisecond), day("2025-07-01")
	tests := []struct {
		name, code string
		at         time.Time
		want       hub.AgencyID
		note       string
	}{
		{"new form", "H47.12", before, "noivu", ""},
		{"old form is an alias", "000.00.12.H47", before, "noivu", ""},
		{"white space around", " H47.12\n", before, "noivu", ""},
		{"test unit", "H17.W00", after, "thu", ""},
		{"closed, one successor", "H47.12", after, "noivudn",
			"mã H47.12 đã đóng từ 01/07/2025, chuyển tới H17.12 Sở Nội vụ thành phố (hư cấu) / code H47.12 was closed on 01/07/2025, forwarded to H17.12 Sở Nội vụ thành phố (hư cấu)"},
		{"closed alias", "000.00.00.H47", after, "dnang",
			"mã 000.00.00.H47 đã đóng từ 01/07/2025, chuyển tới H17 UBND thành phố Đà Nẵng (hư cấu) / code 000.00.00.H47 was closed on 01/07/2025, forwarded to H17 UBND thành phố Đà Nẵng (hư cấu)"},
		{"opened that day", "H17.61", after, "banthach", ""},
	}
	for _, tt := range tests {
		r, err := f.Resolve(tt.code, tt.at)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if r.Agency.ID != tt.want || r.Note != tt.note {
			t.Errorf("%s: %s with the note %q", tt.name, r.Agency.ID, r.Note)
		}
	}
	if r, _ := f.Resolve(" 000.00.12.H47 ", before); r.Code != "000.00.12.H47" {
		t.Errorf("the code as written is %q", r.Code)
	}
}

func TestResolveRefuses(t *testing.T) {
	f := sampleDirectory(t)
	after := day("2025-07-01")
	_, err := f.Resolve("H47.77", after)
	wantKind(t, err, hub.KindUnknownAgency, "unknown_agency", "H47.77")
	_, err = f.Resolve("xyz", after)
	wantKind(t, err, hub.KindUnknownAgency, "agency_code", "xyz")
	_, err = f.Resolve("", after)
	wantKind(t, err, hub.KindUnknownAgency, "agency_code")
	_, err = f.Resolve("H17.61", after.Add(-1))
	wantKind(t, err, hub.KindUnknownAgency, "not_yet_open", "H17.61", "01/07/2025")
	_, err = f.Resolve("H47.99", after)
	wantKind(t, err, hub.KindUnknownAgency, "closed", "01/01/2020")
	_, err = f.Resolve("000.00.31.H47", after)
	wantKind(t, err, hub.KindConflict, "several_successors", "000.00.31.H47", "01/07/2025", "H17.61 UBND phường Bàn Thạch", "H17.62 UBND phường Tam Kỳ")
}

func TestSuccessionOfSuccessors(t *testing.T) {
	f := newFixture(t, "2019-01-01")
	f.mustImport(t, header+
		"a,H01.01,A,department,,,,2020-01-01,,,,,H01.02|H01.03\n"+ // split in two ...
		"b,H01.02,B,department,,,,2021-01-01,,,,,H01.04\n"+
		"c,H01.03,C,department,,,,2022-01-01,,,,,H01.04\n"+ // ... that were merged again
		"d,H01.04,D,department,,,,,,,,,\n")
	if _, err := f.Resolve("H01.01", day("2020-06-01")); hub.KindOf(err) != hub.KindConflict {
		t.Errorf("while both live: %v", err)
	}
	_, err := f.Resolve("H01.01", day("2021-06-01"))
	wantKind(t, err, hub.KindConflict, "several_successors", "H01.04 D", "H01.03 C")
	r, err := f.Resolve("H01.01", day("2022-06-01"))
	if err != nil || r.Agency.ID != "d" {
		t.Errorf("after the merger: %+v, %v", r, err)
	}
}

func TestACodeThatChangedHands(t *testing.T) {
	f := newFixture(t, "2019-01-01")
	f.mustImport(t, header+
		"a,H01.01,A,department,,,,2020-01-01,,,,,H01.02\n"+
		"b,H01.02,B,department,,,,,,,,,\n"+
		"c,H01.01,C,department,,,2021-01-01,,,,,,\n")
	for at, want := range map[string]hub.AgencyID{"2019-06-01": "a", "2020-06-01": "b", "2021-06-01": "c"} {
		if r, err := f.Resolve("H01.01", day(at)); err != nil || r.Agency.ID != want {
			t.Errorf("at %s: %+v, %v", at, r, err)
		}
	}
}

func TestANewCodeOfTheSameAgency(t *testing.T) {
	f := newFixture(t, "2019-01-01")
	f.mustImport(t, header+"a,H01.01,A,department,,,,,,,,000.00.01.H01,\n")
	f.clock.Set(day("2020-02-03"))
	if report := f.mustImport(t, header+"a,H01.77,A,department,,,,,,,,000.00.01.H01,\n"); report.Changed != 1 {
		t.Fatalf("report %+v", report)
	}
	r, err := f.Resolve("H01.01", day("2021-01-01"))
	if err != nil || r.Agency.ID != "a" || r.Note == "" {
		t.Errorf("the old code: %+v, %v", r, err)
	}
	if r, err := f.Resolve("000.00.01.H01", day("2021-01-01")); err != nil || r.Note != "" {
		t.Errorf("the alias that stayed: %+v, %v", r, err)
	}
	_, err = f.ResolveSender("H01.01", day("2021-01-01"))
	wantKind(t, err, hub.KindDenied, "closed", "03/02/2020")
	a, _ := f.ByID("a")
	if then, now := a.CodeAt(day("2019-06-01")), a.CodeAt(day("2021-01-01")); then != "H01.01" || now != "H01.77" {
		t.Errorf("codes then %s, now %s", then, now)
	}
}

func TestResolveSender(t *testing.T) {
	f := sampleDirectory(t)
	before, after := day("2025-06-30"), day("2025-07-01")
	if a, err := f.ResolveSender("000.00.12.H47", before); err != nil || a.ID != "noivu" {
		t.Errorf("%v, %v", a, err)
	}
	_, err := f.ResolveSender("H47.12", after)
	wantKind(t, err, hub.KindDenied, "closed", "H47.12", "01/07/2025")
	_, err = f.ResolveSender("H17.61", before)
	wantKind(t, err, hub.KindUnknownAgency, "not_yet_open")
	_, err = f.ResolveSender("H47.77", before)
	wantKind(t, err, hub.KindUnknownAgency, "unknown_agency")
}

func ids(list []hub.Agency) []hub.AgencyID {
	var out []hub.AgencyID
	for _, a := range list {
		out = append(out, a.ID)
	}
	return out
}

func TestChildren(t *testing.T) {
	f := sampleDirectory(t)
	tests := []struct {
		parent hub.AgencyID
		at     string
		want   []hub.AgencyID
	}{
		{"qnam", "2019-06-01", []hub.AgencyID{"noivu", "tamky", "daibieu"}},
		{"qnam", "2024-06-01", []hub.AgencyID{"noivu", "tamky"}},
		{"qnam", "2025-07-01", nil},
		{"dnang", "2024-06-01", []hub.AgencyID{"noivudn"}},
		{"dnang", "2025-07-01", []hub.AgencyID{"noivudn", "banthach", "tamky2"}},
		{"nobody", "2025-07-01", nil},
	}
	for _, tt := range tests {
		if got := ids(f.Children(tt.parent, day(tt.at))); !slices.Equal(got, tt.want) {
			t.Errorf("children of %s at %s: %v, want %v", tt.parent, tt.at, got, tt.want)
		}
	}
}

func TestRefreshReadsOnlyWhatMoved(t *testing.T) {
	f := sampleDirectory(t)
	ctx := context.Background()
	loads := f.store.loads
	if err := f.Refresh(ctx); err != nil || f.store.loads != loads {
		t.Errorf("%d loads without a change, %v", f.store.loads-loads, err)
	}
	if _, err := f.store.SaveAgencies(ctx, f.store.version, []hub.Agency{{ID: "other", Codes: []hub.Dated[hub.Code]{{Value: "H01"}}}}); err != nil {
		t.Fatal(err)
	}
	if err := f.Refresh(ctx); err != nil || f.store.loads != loads+1 {
		t.Errorf("%d loads after a change, %v", f.store.loads-loads, err)
	}
	if _, ok := f.ByID("other"); !ok {
		t.Error("the agency of the other node is missing")
	}
	f.store.fail = errors.New("away")
	if err := f.Refresh(ctx); !errors.Is(err, f.store.fail) {
		t.Errorf("error %v", err)
	}
	if _, ok := f.ByID("other"); !ok {
		t.Error("a failed refresh lost what was known")
	}
}

// A code dated outside the life of its agency was never in force.
func TestACodeOutsideItsAgencysLifeMeansNothing(t *testing.T) {
	f := newFixture(t, "2019-01-01")
	ctx := context.Background()
	agency := hub.Agency{ID: "a", Valid: hub.Interval{To: day("2020-01-01")}, Codes: []hub.Dated[hub.Code]{{Value: "H01.01", Valid: hub.Interval{From: day("2021-01-01")}}}}
	if _, err := f.store.SaveAgencies(ctx, f.store.version, []hub.Agency{agency}); err != nil {
		t.Fatal(err)
	}
	if err := f.Load(ctx); err != nil {
		t.Fatal(err)
	}
	for _, at := range []string{"2019-01-01", "2020-06-01", "2022-01-01"} {
		_, err := f.Resolve("H01.01", day(at))
		wantKind(t, err, hub.KindUnknownAgency, "unknown_agency")
	}
}
