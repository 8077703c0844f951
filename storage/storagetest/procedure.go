package storagetest

import (
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
)

func procedure(b *bench, code string, number int64) hub.ProcedureVersion {
	from := b.Clock.UTC().Truncate(time.Minute)
	return hub.ProcedureVersion{
		Procedure: hub.Procedure{
			Code: code, Name: "Đăng ký khai sinh 100%", Field: "Hộ tịch", Levels: []hub.Level{hub.LevelCommune}, Agency: "s1", AgencyCode: "H47",
			Limit: hub.ProcedureLimit{Amount: 1, Unit: hub.LimitWorkingDays}, Online: hub.OnlineFull, Fees: []hub.ProcedureFee{{Amount: 8000, Note: "<bản sao>"}}, Papers: []string{"Tờ khai"},
		},
		Version: number, Valid: hub.Interval{From: from}, Decision: hub.ProcedureDecision{Dispatch: "d", Agency: "s1", Act: hub.ProcedurePublish, Number: "7", Notation: "QĐ-UBND", Date: "2020-01-02"},
	}
}

func procedureChange(b *bench, seq int64, v *hub.ProcedureVersion) hub.ProcedureChange {
	return hub.ProcedureChange{Seq: seq, Act: v.Decision.Act, Code: v.Code, Number: v.Version, From: v.Valid.From, Decision: v.Decision, By: "an", At: b.Clock.UTC().Truncate(time.Millisecond)}
}

// testProcedures: a version is listed from its first minute up to but not including its
// last, and changes are numbered without gaps from however many sides they come.
func testProcedures(t *testing.T, back Backend) {
	b := newBench(t, back)
	first := procedure(b, "1.001", 1)
	other := procedure(b, "1.002", 1)
	other.Name, other.Agency = "Cấp giấy phép xây dựng", "r1"
	never := procedure(b, "1.003", 1)
	never.Valid.To = never.Valid.From
	b.must(b.store.SaveProcedures(b.ctx, 0, []hub.ProcedureChange{procedureChange(b, 1, &first), procedureChange(b, 2, &other), procedureChange(b, 3, &never)}, []hub.ProcedureVersion{first, other, never}, b.newNote(hub.LogNoteOperator)))
	b.wants(hub.KindConflict, b.store.SaveProcedures(b.ctx, 2, []hub.ProcedureChange{procedureChange(b, 3, &first)}, []hub.ProcedureVersion{first}, b.newNote(hub.LogNoteOperator)))

	listed := func(at time.Time, text string, agency hub.AgencyID) string {
		t.Helper()
		var got []string
		for page := (hub.Page{Limit: 1}); ; {
			list, err := b.store.Procedures(b.ctx, hub.ProcedureQuery{At: at, Text: text, Agency: agency, Page: page})
			b.must(err)
			for _, v := range list.Items {
				got = append(got, fmt.Sprint(v.Code, "/", v.Version))
			}
			if page.After = list.Next; list.Next == "" {
				return fmt.Sprint(got)
			}
		}
	}
	from := first.Valid.From
	for _, c := range []struct {
		at     time.Time
		text   string
		agency hub.AgencyID
		want   string
	}{
		{from.Add(-time.Microsecond), "", "", "[]"},
		{from, "", "", "[1.001/1 1.002/1]"},
		{from, "KHAI  dang ky", "", "[1.001/1]"},
		{from, "100%", "", "[1.001/1]"},
		{from, "1_001", "", "[]"},
		{from, "%%", "", "[]"},
		{from, "1.002", "", "[1.002/1]"},
		{from, "", "r1", "[1.002/1]"},
		{from, "", "r2", "[]"},
	} {
		if got := listed(c.at, c.text, c.agency); got != c.want {
			t.Errorf("at %v %q %q: %s, want %s", c.at, c.text, c.agency, got, c.want)
		}
	}

	// A version that ends and the next: on the minute.
	end := from.Add(time.Hour)
	ended := first
	ended.Valid.To, ended.Ended = end, &hub.ProcedureDecision{Dispatch: "e", Act: hub.ProcedureAmend}
	next := procedure(b, "1.001", 2)
	next.Valid.From, next.Decision.Act = end, hub.ProcedureAmend
	change := procedureChange(b, 4, &next)
	shown := change
	shown.Version = &hub.ProcedureVersion{Version: 9, State: hub.ProcedureInForce} // is of a reading, and not kept
	note := b.newNote(hub.LogNoteOperator)
	b.must(b.store.SaveProcedures(b.ctx, 3, []hub.ProcedureChange{shown}, []hub.ProcedureVersion{ended, next}, note))
	notes, err := b.store.LogNotes(b.ctx, hub.LogNoteOperator, 10)
	b.must(err)
	if len(notes) != 2 || notes[0].ID != note.ID { // of what was refused there is none
		t.Errorf("the notes are %+v", notes)
	}
	if _, pending := b.unsequenced("", 10); !slices.Contains(pending, note.ID) {
		t.Errorf("the log will not hold the note: %v", pending)
	}
	for at, want := range map[time.Time]string{end.Add(-time.Microsecond): "[1.001/1]", end: "[1.001/2]"} {
		if got := listed(at, "1.001", ""); got != want {
			t.Errorf("at %v: %s, want %s", at, got, want)
		}
	}
	versions, err := b.store.ProcedureVersions(b.ctx, []string{"1.001", "none"})
	b.must(err)
	same(t, "the versions", versions, []hub.ProcedureVersion{ended, next})
	changes, err := b.store.ProcedureChanges(b.ctx, 3, 5)
	b.must(err)
	change.Version = &next
	same(t, "the change", changes, []hub.ProcedureChange{change})
	changes, err = b.store.ProcedureChanges(b.ctx, 0, 1)
	b.must(err)
	if len(changes) != 1 || changes[0].Seq != 1 || !changes[0].Version.Valid.To.Equal(end) {
		t.Errorf("the first change does not say that its version has ended: %+v", changes)
	}
	b.catalogueRows(ended, next)

	// Many at once: each tries until it is its turn, while somebody reads behind.
	const writers, last = 8, 4
	var all sync.WaitGroup
	for i := range writers {
		note := b.newNote(hub.LogNoteOperator)
		all.Go(func() {
			for {
				seq, err := b.store.LastProcedureChange(b.ctx)
				if err == nil {
					v := procedure(b, fmt.Sprint("2.00", i), 1)
					err = b.store.SaveProcedures(b.ctx, seq, []hub.ProcedureChange{procedureChange(b, seq+1, &v)}, []hub.ProcedureVersion{v}, note)
				}
				if err == nil {
					return
				}
				if hub.KindOf(err) != hub.KindConflict {
					t.Error(err)
					return
				}
			}
		})
	}
	var read []string
	for after := int64(last); after < last+writers; {
		changes, err := b.store.ProcedureChanges(b.ctx, after, 3)
		b.must(err)
		for _, c := range changes {
			if after++; c.Seq != after {
				t.Fatalf("change %d comes where %d was to come", c.Seq, after)
			}
			read = append(read, c.Code)
		}
	}
	all.Wait()
	slices.Sort(read)
	if got := fmt.Sprint(read); got != "[2.000 2.001 2.002 2.003 2.004 2.005 2.006 2.007]" {
		t.Error("read", got)
	}
}

// catalogueRows checks what an auditor reads: changes with the versions that they are about,
// then all versions.
func (b *bench) catalogueRows(ended, next hub.ProcedureVersion) {
	b.t.Helper()
	var got []string
	b.must(b.store.CatalogueRows(b.ctx, func(r hub.CatalogueRow) error {
		version := func(body []byte) string {
			var v hub.ProcedureVersion
			if body == nil {
				return "-"
			}
			b.must(json.Unmarshal(body, &v))
			if v.Code == ended.Code {
				same(b.t, "a version", v, map[int64]hub.ProcedureVersion{1: ended, 2: next}[v.Version])
			}
			return fmt.Sprint(v.Code, "/", v.Version)
		}
		if r.Seq == 0 {
			got = append(got, fmt.Sprint(r.Code, "/", r.Number, " is ", version(r.Body), " listed ", r.Listed))
			return nil
		}
		var c hub.ProcedureChange
		b.must(json.Unmarshal(r.Body, &c))
		got = append(got, fmt.Sprint(r.Seq, " ", c.Act, " ", r.Code, "/", r.Number, " made ", version(r.Made), " before ", version(r.Before)))
		return nil
	}))
	same(b.t, "the rows of the catalogue", got, []string{
		"1 publish 1.001/1 made 1.001/1 before -", "2 publish 1.002/1 made 1.002/1 before -", "3 publish 1.003/1 made 1.003/1 before -",
		"4 amend 1.001/2 made 1.001/2 before 1.001/1",
		"1.001/1 is 1.001/1 listed true", "1.001/2 is 1.001/2 listed true", "1.002/1 is 1.002/1 listed true", "1.003/1 is 1.003/1 listed true",
	})
}
