package reports_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/reports"
)

// world is a province "p" over the department "d" and the district "h", which is over the
// commune "c"; "x" stands apart.
type world struct {
	*reports.Service
	now   time.Time
	ids   int
	notes map[string]hub.RetentionNote
	rules int64
	facts []hub.ReportFact
	blobs map[hub.Digest][]byte
	more  bool // dossiers are being counted
	asked []hub.Actor
}

func newWorld() *world {
	w := &world{now: time.Date(2026, 4, 6, 3, 0, 0, 0, time.UTC), notes: map[string]hub.RetentionNote{}, blobs: map[hub.Digest][]byte{}}
	w.Service = reports.New(reports.Options{
		Counters: reports.Counters{Figures: figures{w}, Dossiers: dossiers{w}, Inspections: inspections{w}, Evaluations: evaluations{w}, Procedures: w},
		Notes:    w, Directory: w, Chronicle: w, Blobs: w, Office: w, Calendar: func() *hub.Calendar { return hub.NewCalendar() },
		Now: func() time.Time { return w.now },
		NewID: func() string {
			w.ids++
			return fmt.Sprintf("%04d", w.ids)
		},
		Log: slog.New(slog.DiscardHandler),
	})
	return w
}

func (w *world) RulesVersion(context.Context) (int64, error) { return w.rules, nil }

func (w *world) ChangeRules(ctx context.Context, version int64, notes ...hub.RetentionNote) error {
	if version != w.rules {
		return hub.Errorf(hub.KindConflict, "", "", "moved")
	}
	w.rules++
	return w.SaveNotes(ctx, notes...)
}

func (w *world) SaveNotes(_ context.Context, notes ...hub.RetentionNote) error {
	for _, n := range notes {
		w.notes[n.Name] = n
	}
	return nil
}

func (w *world) Note(_ context.Context, name string) (hub.RetentionNote, error) {
	n, ok := w.notes[name]
	if !ok {
		return n, hub.Errorf(hub.KindNotFound, "", "", "none")
	}
	return n, nil
}

func (w *world) Notes(_ context.Context, q hub.NotesQuery) ([]hub.RetentionNote, error) {
	names := slices.Sorted(maps.Keys(w.notes))
	if q.Backwards {
		slices.Reverse(names)
	}
	var found []hub.RetentionNote
	for _, name := range names {
		behind := q.After == "" || !q.Backwards && name > q.After || q.Backwards && name < q.After
		if strings.HasPrefix(name, q.Prefix) && behind && len(found) < q.Limit {
			found = append(found, w.notes[name])
		}
	}
	return found, nil
}

func (w *world) ByID(id hub.AgencyID) (*hub.Agency, bool) {
	a := &hub.Agency{ID: id, Names: []hub.Dated[string]{{Value: "Cơ quan " + string(id)}}}
	if up, ok := map[hub.AgencyID]hub.AgencyID{"d": "p", "h": "p", "c": "h"}[id]; ok {
		a.Parents = []hub.Dated[hub.AgencyID]{{Value: up}}
	}
	return a, strings.Contains("pdhcx", string(id))
}

func (w *world) Children(parent hub.AgencyID, _ time.Time) []hub.Agency {
	var list []hub.Agency
	for _, id := range map[hub.AgencyID][]hub.AgencyID{"p": {"d", "h"}, "h": {"c"}}[parent] {
		list = append(list, hub.Agency{ID: id})
	}
	return list
}

func (w *world) ReportMade(_ context.Context, _ hub.Actor, fact hub.ReportFact) error {
	w.facts = append(w.facts, fact)
	return nil
}

type blobWriter struct {
	bytes.Buffer
	w *world
}

func (b *blobWriter) Commit() (hub.Digest, int64, error) {
	digest := hub.Digest{byte(b.Len()), 1}
	b.w.blobs[digest] = bytes.Clone(b.Bytes())
	return digest, int64(b.Len()), nil
}

func (b *blobWriter) Discard() {}

func (w *world) CreateBlob(context.Context) (hub.BlobWriter, error) { return &blobWriter{w: w}, nil }

func (w *world) OpenBlob(_ context.Context, digest hub.Digest) (hub.Blob, error) {
	return hub.BlobOf(w.blobs[digest]), nil
}

// Placeholders takes a file for a list of names.
func (w *world) Placeholders(content []byte) ([]string, error) {
	if string(content) == "macro" {
		return nil, hub.Invalid("file", "active", "macros")
	}
	return strings.Fields(string(content)), nil
}

func (w *world) Fill(to io.Writer, content []byte, values map[string]string) error {
	for _, name := range strings.Fields(string(content)) {
		fmt.Fprintf(to, "%s=%s;", name, values[name])
	}
	return nil
}

func (w *world) Write(to io.Writer, format hub.ReportFormat, r *hub.ReportText) error {
	fmt.Fprintf(to, "%s|%s|%s|", format, r.Title, strings.Join(r.Left, ","))
	for _, b := range r.Blocks {
		fmt.Fprintf(to, "%s|%s|", b.Heading, b.Text)
		for _, row := range b.Rows {
			fmt.Fprintf(to, "%s=%s (%s);", row.Label, row.Value, row.Source)
		}
	}
	return nil
}

type (
	figures     struct{ *world }
	dossiers    struct{ *world }
	inspections struct{ *world }
	evaluations struct{ *world }
)

func (f figures) Report(_ context.Context, actor hub.Actor, q hub.FiguresQuery) (hub.FigureReport, error) {
	f.world.asked = append(f.world.asked, actor)
	tallies := func(n int64) (s hub.SideTallies) {
		for i := range s.Sent {
			s.Sent[i], s.Received[i] = n+int64(i), 2*n+int64(i)
		}
		return s
	}
	return hub.FigureReport{Agency: q.Agency, Total: tallies(100), Units: []hub.FigureUnit{{Agency: q.Agency, SideTallies: tallies(10)}}}, nil
}

func (d dossiers) Figures(_ context.Context, actor hub.Actor, q hub.DossierFigureQuery) (hub.DossierFigures, error) {
	f := hub.DossierFigures{Unit: q.Unit, Period: q.Period, Pending: d.more, Tally: hub.DossierTally{Counts: map[hub.DossierMeasure]int64{}}}
	n := int64(1)
	if q.Under {
		n = 4
	}
	if q.Unit != "x" {
		f.Tally.Counts[hub.DossiersAll], f.Tally.Counts[hub.DossiersNoLetter], f.Rate = 4*n, n, "75.00"
	}
	return f, actor.SpeaksFor(q.Unit, hub.ScopeFigures)
}

func (i inspections) Figures(_ context.Context, actor hub.Actor, agency hub.AgencyID, p hub.Period) (hub.InspectionFigures, error) {
	return hub.InspectionFigures{Counts: map[hub.InspectionMeasure]int{hub.MeasureSurprise: 2, hub.MeasureReplyLate: 1}}, actor.SpeaksFor(agency, hub.ScopeFigures)
}

// Show knows a result of "p", one of "h" without a score, and a run without a result of "c".
func (e evaluations) Show(_ context.Context, actor hub.Actor, key hub.EvaluationKey) (hub.Evaluation, error) {
	v := hub.Evaluation{EvaluationKey: hub.EvaluationKey{Agency: key.Agency, Table: "tinh", Period: key.Period}, At: e.now}
	switch key.Agency {
	case "p":
		v.Score = "87.50"
	case "h":
	case "c":
		v.At, v.Run = time.Time{}, &hub.EvaluationRun{}
	case "x":
		return v, hub.Invalid("table", "unknown", "there is no table for that period")
	default:
		return v, hub.Errorf(hub.KindNotFound, "", "", "none")
	}
	return v, actor.SpeaksFor(key.Agency, hub.ScopeFigures)
}

// Changes are of two pages: what took effect before, within and behind the first quarter.
func (w *world) Changes(_ context.Context, after int64, limit int) ([]hub.ProcedureChange, error) {
	var all []hub.ProcedureChange
	add := func(act hub.ProcedureAct, agency hub.AgencyID, from time.Time) {
		all = append(all, hub.ProcedureChange{Seq: int64(len(all)) + 1, Act: act, From: from, Version: &hub.ProcedureVersion{Procedure: hub.Procedure{Agency: agency}}})
	}
	begin, end := hub.Period("2026-Q1").Span()
	for range 600 {
		add(hub.ProcedurePublish, "x", begin)
	}
	add(hub.ProcedurePublish, "p", begin.Add(-time.Minute))
	add(hub.ProcedurePublish, "p", begin)
	add(hub.ProcedureAbolish, "c", end.Add(-time.Minute))
	add(hub.ProcedureAbolish, "c", end)
	return all[min(after, int64(len(all))):][:min(int64(limit), int64(len(all))-min(after, int64(len(all))))], nil
}

func reporter(agencies ...hub.AgencyID) hub.Actor {
	return hub.Actor{Name: "an", Agencies: agencies, Scopes: []hub.Scope{hub.ScopeFigures}}
}

func values(r *hub.ReformReport, keys ...hub.ReportKey) string {
	var list []string
	for _, key := range keys {
		n := r.Number(key)
		if n == nil {
			list = append(list, "none")
			continue
		}
		list = append(list, strings.TrimSpace(n.Value+" "+string(n.Why)))
	}
	return strings.Join(list, ", ")
}

// TestNumbers: a report of an agency and a roll-up have every number once, in order, each
// with the question that gives it; what is not known says why.
func TestNumbers(t *testing.T) {
	w := newWorld()
	keys := []hub.ReportKey{"documents.sent", "documents.sent.electronic_share", "tasks.overdue", "dossiers.total", "dossiers.rate", "letters.missing", "procedures.published", "procedures.abolished", "inspections.surprise", "evaluation.score"}
	own, err := w.Make(t.Context(), reporter("p"), "p", "2026-Q1", hub.ReportOwn)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := values(&own, keys...), "10, 109.09, 41, 4, 75.00, 1, 1, 0, 2, 87.50"; got != want {
		t.Errorf("own: %s, want %s", got, want)
	}
	tree, err := w.Make(t.Context(), reporter("p"), "p", "2026-Q1", hub.ReportTree)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := values(&tree, keys...), "100, 100.99, 221, 16, 75.00, 4, 1, 1, 8, 87.50"; got != want || tree.Units != 4 {
		t.Errorf("the tree of %d: %s, want %s", tree.Units, got, want)
	}
	var order []hub.ReportKey
	for _, n := range tree.Numbers {
		order = append(order, n.Key)
		if n.Value == "" && n.Why == "" || n.Value != "" && !strings.HasPrefix(n.Source, "/v1/") {
			t.Errorf("%+v says neither what it is nor where it comes from", n)
		}
	}
	if !slices.Equal(order, reports.Keys()) {
		t.Errorf("the numbers are %v", order)
	}
	if n := own.Number("documents.received"); n.Opens != "/v1/figures/documents?agency=p&measure=deliveries&period=2026-Q1&side=received" {
		t.Errorf("it opens by %s", n.Opens)
	}
	if n := tree.Number("evaluation.score"); n.Source != "/v1/evaluations?agency=p&period=2026-Q1&table=tinh" || n.Page != "/evaluations?agency=p&period=2026-Q1&table=tinh" {
		t.Errorf("the score comes from %s, and opens on %s", n.Source, n.Page)
	}
	for agency, want := range map[hub.AgencyID]string{"h": "nothing", "c": "not_evaluated", "d": "not_evaluated", "x": "not_evaluated"} {
		if r, err := w.Preview(t.Context(), reporter(agency), agency, "2026-Q1", hub.ReportOwn); err != nil || values(&r, "evaluation.score") != want {
			t.Errorf("the score of %s: %s, want %s, %v", agency, values(&r, "evaluation.score"), want, err)
		}
	}
	if n := tree.Number("inspections.surprise"); n.Source != "/v1/reform-reports/preview?agency=p&period=2026-Q1&scope=tree" || n.Opens != "" {
		t.Errorf("what agencies inspected together comes from %s, and opens by %s", n.Source, n.Opens)
	}
	if n := own.Number("inspections.surprise"); n.Source != "/v1/inspections/figures?agency=p&period=2026-Q1" || n.Opens != "/v1/inspections/counted?agency=p&measure=surprise&period=2026-Q1" {
		t.Errorf("what an agency inspected comes from %s, and opens by %s", n.Source, n.Opens)
	}
	w.more = true
	if tree, err = w.Preview(t.Context(), reporter("p"), "p", "2026-Q1", hub.ReportTree); err != nil || values(&tree, "dossiers.total", "dossiers.rate") != "16 uncounted, 75.00 uncounted" {
		t.Errorf("dossiers that are being counted: %s, %v", values(&tree, "dossiers.total", "dossiers.rate"), err)
	}
	w.more = false
	none, err := w.Preview(t.Context(), reporter("x"), "x", "2026", hub.ReportOwn)
	if err != nil || values(&none, "dossiers.total", "dossiers.rate") != "0, nothing" {
		t.Errorf("nothing: %s, %v", values(&none, "dossiers.total", "dossiers.rate"), err)
	}
	if len(w.facts) != 2 || w.facts[1].SHA256 != tree.Digest && w.facts[1].Report == "" || w.facts[0].Report != own.ID {
		t.Errorf("noted: %+v", w.facts)
	}
	// Who stands above may, nobody else.
	if _, err := w.Preview(t.Context(), reporter("p"), "c", "2026", hub.ReportOwn); err != nil {
		t.Errorf("who stands above: %v", err)
	}
	for _, actor := range []hub.Actor{reporter("c"), reporter("x"), {Agencies: []hub.AgencyID{"h"}, Scopes: []hub.Scope{hub.ScopeRead}}} {
		for what, call := range map[string]func() error{
			"preview":  func() error { _, err := w.Preview(t.Context(), actor, "h", "2026", hub.ReportOwn); return err },
			"make":     func() error { _, err := w.Make(t.Context(), actor, "h", "2026", hub.ReportOwn); return err },
			"list":     func() error { _, err := w.List(t.Context(), actor, "h", hub.Page{}); return err },
			"template": func() error { _, err := w.Template(t.Context(), actor, "h"); return err },
			"file":     func() error { return w.File(t.Context(), actor, "h", own.ID, hub.ReportPDF, io.Discard) },
			"due":      func() error { _, err := w.Due(t.Context(), actor, "h"); return err },
		} {
			if err := call(); err == nil || hub.KindOf(err) != hub.KindDenied {
				t.Errorf("%s by %v: %v", what, actor.Agencies, err)
			}
		}
	}
	for want, call := range map[string]func() error{
		"period to_come":  func() error { _, err := w.Preview(t.Context(), reporter("p"), "p", "2027", hub.ReportOwn); return err },
		"period period":   func() error { _, err := w.Preview(t.Context(), reporter("p"), "p", "x", hub.ReportOwn); return err },
		"scope code_list": func() error { _, err := w.Preview(t.Context(), reporter("p"), "p", "2026", "all"); return err },
		"format code_list": func() error {
			return w.File(t.Context(), reporter("p"), "p", own.ID, "odt", io.Discard)
		},
		"report ": func() error { _, err := w.Show(t.Context(), reporter("d"), "d", own.ID); return err },
	} {
		err := call()
		if err == nil || hub.ViolationsOf(err)[0].Field+" "+hub.ViolationsOf(err)[0].Rule != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// TestTemplates: a template is checked whole and each version stays: a report is written as
// it was when it was made. A document of the office takes the place of the format DOCX alone.
func TestTemplates(t *testing.T) {
	w := newWorld()
	written := func(id hub.ReportID, format hub.ReportFormat) string {
		t.Helper()
		var out bytes.Buffer
		if err := w.File(t.Context(), reporter("d"), "d", id, format, &out); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	first, err := w.Make(t.Context(), reporter("d"), "d", "2026-Q1", hub.ReportOwn)
	if err != nil {
		t.Fatal(err)
	}
	if got := written(first.ID, hub.ReportPDF); !strings.HasPrefix(got, "pdf|BÁO CÁO CÔNG TÁC CẢI CÁCH HÀNH CHÍNH quý I năm 2026|Cơ quan d|") ||
		!strings.Contains(got, "Tỷ lệ đúng hạn (%)=75,00 (/v1/dossiers/figures?agency=d&period=2026-Q1)") || !strings.Contains(got, "chính=không có (chưa đánh giá kỳ này)") {
		t.Errorf("as it ships: %s", got)
	}
	set, err := w.SetTemplate(t.Context(), reporter("d"), hub.ReportTemplate{
		Agency: "d", Title: "Báo cáo {period} của {agency}", Blocks: []hub.ReportBlock{{Text: "Gửi {documents.sent}, lập {day}", Rows: []hub.ReportRow{{Label: "Đột xuất", Key: "inspections.surprise"}}}},
	})
	if err != nil || set.Version != 1 {
		t.Fatal(set.Version, err)
	}
	second, err := w.Make(t.Context(), reporter("d"), "d", "2026-03", hub.ReportOwn)
	if err != nil {
		t.Fatal(err)
	}
	const want = "xlsx|Báo cáo tháng 03 năm 2026 của Cơ quan d|||Gửi 10, lập 06/04/2026|Đột xuất=2 (/v1/inspections/figures?agency=d&period=2026-03);"
	if got := written(second.ID, hub.ReportXLSX); got != want {
		t.Errorf("by the template: %s, want %s", got, want)
	}
	if set, err = w.SetFile(t.Context(), reporter("d"), "d", "mau.docx", []byte("agency documents.sent evaluation.score")); err != nil || set.Version != 2 || len(set.File.Keys) != 3 || set.Title == "" {
		t.Fatalf("%+v %v", set, err)
	}
	kept := slices.ContainsFunc(slices.Collect(maps.Keys(w.notes)), func(name string) bool { return strings.HasPrefix(name, hub.KeepNotes) })
	if !kept {
		t.Error("nothing keeps the document of the template")
	}
	third, err := w.Make(t.Context(), reporter("d"), "d", "2026-03", hub.ReportOwn)
	if err != nil {
		t.Fatal(err)
	}
	if got := written(third.ID, hub.ReportDOCX); got != "agency=Cơ quan d;documents.sent=10;evaluation.score=không có (chưa đánh giá kỳ này);" {
		t.Errorf("the office's document: %s", got)
	}
	if got := written(second.ID, hub.ReportDOCX); !strings.HasPrefix(got, "docx|Báo cáo tháng 03") {
		t.Errorf("what was made before: %s", got)
	}
	list, err := w.List(t.Context(), reporter("p"), "d", hub.Page{Limit: 2})
	if err != nil || len(list.Items) != 2 || list.Items[0].ID != third.ID || list.Next != string(second.ID) {
		t.Errorf("the list: %d, next %s, %v", len(list.Items), list.Next, err)
	}
	if list, err = w.List(t.Context(), reporter("p"), "d", hub.Page{Limit: 2, After: list.Next}); err != nil || len(list.Items) != 1 || list.Items[0].ID != first.ID || list.Next != "" {
		t.Errorf("its end: %d, %v", len(list.Items), err)
	}
	if set, err = w.SetFile(t.Context(), reporter("d"), "d", "", nil); err != nil || set.File != nil || set.Version != 3 {
		t.Errorf("the document is taken away: %+v %v", set.File, err)
	}

	block := []hub.ReportBlock{{Text: "x"}}
	for want, call := range map[string]func() error{
		"title required": func() error {
			_, err := w.SetTemplate(t.Context(), reporter("d"), hub.ReportTemplate{Agency: "d", Blocks: block})
			return err
		},
		"blocks required": func() error {
			_, err := w.SetTemplate(t.Context(), reporter("d"), hub.ReportTemplate{Agency: "d", Title: "x"})
			return err
		},
		"title unknown": func() error {
			_, err := w.SetTemplate(t.Context(), reporter("d"), hub.ReportTemplate{Agency: "d", Title: "{documents.lost}", Blocks: block})
			return err
		},
		"blocks[0].rows[0].key unknown": func() error {
			_, err := w.SetTemplate(t.Context(), reporter("d"), hub.ReportTemplate{Agency: "d", Title: "x", Blocks: []hub.ReportBlock{{Rows: []hub.ReportRow{{Label: "x", Key: "lost"}}}}})
			return err
		},
		"blocks[0] required": func() error {
			_, err := w.SetTemplate(t.Context(), reporter("d"), hub.ReportTemplate{Agency: "d", Title: "x", Blocks: []hub.ReportBlock{{}}})
			return err
		},
		"file unknown": func() error {
			_, err := w.SetFile(t.Context(), reporter("d"), "d", "a.docx", []byte("documents.lost"))
			return err
		},
		"file placeholders": func() error { _, err := w.SetFile(t.Context(), reporter("d"), "d", "a.docx", []byte(" ")); return err },
		"file active": func() error {
			_, err := w.SetFile(t.Context(), reporter("d"), "d", "a.docx", []byte("macro"))
			return err
		},
		"name file_name": func() error {
			_, err := w.SetFile(t.Context(), reporter("d"), "d", "a.docm", []byte("agency"))
			return err
		},
		"file max_size": func() error {
			_, err := w.SetFile(t.Context(), reporter("d"), "d", "a.docx", make([]byte, reports.MaxFile+1))
			return err
		},
		// Who stands above reads, and writes for nobody else.
		" agency": func() error {
			_, err := w.SetFile(t.Context(), reporter("p"), "d", "a.docx", []byte("agency"))
			return err
		},
	} {
		err := call()
		if err == nil || hub.ViolationsOf(err)[0].Field+" "+hub.ViolationsOf(err)[0].Rule != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if now, err := w.Template(t.Context(), reporter("d"), "d"); err != nil || now.Version != 3 {
		t.Errorf("refused templates were kept: version %d, %v", now.Version, err)
	}
}

// TestSchedule: what is due is the period that ended last, counted in working days; a report
// that was made before its period ended is not the one.
func TestSchedule(t *testing.T) {
	w := newWorld()
	stands := func() string {
		t.Helper()
		list, err := w.Due(t.Context(), reporter("d"), "d")
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, d := range list {
			all = append(all, fmt.Sprintf("%s until %s %s %s", d.Period, d.Due, d.Timeliness, d.Report))
		}
		return strings.TrimSpace(strings.Join(all, "; "))
	}
	if got := stands(); got != "" {
		t.Errorf("without a schedule %s is due", got)
	}
	w.now = time.Date(2026, 3, 31, 3, 0, 0, 0, time.UTC)
	early, err := w.Make(t.Context(), reporter("d"), "d", "2026-Q1", hub.ReportOwn)
	if err != nil {
		t.Fatal(err)
	}
	set, err := w.SetSchedule(t.Context(), reporter("d"), "d", []hub.ReportTerm{{Every: hub.EveryQuarter, Scope: hub.ReportOwn, Days: 5}, {Every: hub.EveryYear, Scope: hub.ReportTree, Days: 10}, {Every: hub.EveryMonth, Scope: hub.ReportOwn}})
	if err != nil || set.Version != 1 {
		t.Fatal(err)
	}
	// 5 working days behind Wednesday, 31 December, of which 1 January is none.
	if got, want := stands(), "2025-Q4 until 2026-01-08 overdue ; 2025 until 2026-01-15 overdue ; 2026-02 until 2026-02-28 overdue"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	w.now = time.Date(2026, 4, 6, 3, 0, 0, 0, time.UTC)
	if got, want := stands(), "2026-Q1 until 2026-04-07 due_soon ; 2025 until 2026-01-15 overdue ; 2026-03 until 2026-03-31 overdue"; got != want {
		t.Errorf("%s, want %s (%s was made too early)", got, want, early.ID)
	}
	made, err := w.Make(t.Context(), reporter("d"), "d", "2026-Q1", hub.ReportOwn)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Make(t.Context(), reporter("d"), "d", "2026-03", hub.ReportTree); err != nil { // of another scope
		t.Fatal(err)
	}
	w.now = time.Date(2026, 4, 20, 3, 0, 0, 0, time.UTC)
	if got, want := stands(), fmt.Sprintf("2026-Q1 until 2026-04-07 in_time %s; 2025 until 2026-01-15 overdue ; 2026-03 until 2026-03-31 overdue", made.ID); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	for want, terms := range map[string][]hub.ReportTerm{
		"terms[0].every code_list":    {{Every: "day", Scope: hub.ReportOwn}},
		"terms[0].scope code_list":    {{Every: hub.EveryYear}},
		"terms[0].working_days range": {{Every: hub.EveryYear, Scope: hub.ReportOwn, Days: -1}},
		"terms[1].every unique":       {{Every: hub.EveryYear, Scope: hub.ReportOwn}, {Every: hub.EveryYear, Scope: hub.ReportOwn}},
		"terms max_items":             make([]hub.ReportTerm, 7),
	} {
		_, err := w.SetSchedule(t.Context(), reporter("d"), "d", terms)
		if err == nil || hub.ViolationsOf(err)[0].Field+" "+hub.ViolationsOf(err)[0].Rule != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if _, err := w.SetSchedule(t.Context(), reporter("p"), "d", nil); err == nil || hub.KindOf(err) != hub.KindDenied {
		t.Errorf("who stands above sets a schedule: %v", err)
	}
}
