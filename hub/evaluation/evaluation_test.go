package evaluation_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/evaluation"
	"github.com/lienthong/lienthong/hub/hubtest"
)

// office is a province "p" with the departments "d1" and "d2"; the unit "u" was under d1 up to
// March and is under d2 from then on. "x" is elsewhere.
type office struct {
	*hubtest.World // keeps notes
	*evaluation.Service
	now      time.Time
	sums     map[hub.AgencyID][]hub.DossierSum
	feedback []hub.FeedbackSum
	fed      []hub.Feedback
	broken   error
	looks    int
	seen     []hub.EvaluationRun // while it runs
}

func at(s string) time.Time {
	t, err := time.ParseInLocation(time.DateOnly, s, hub.Vietnam())
	if err != nil {
		panic(err)
	}
	return t.UTC()
}

func newOffice() *office {
	o := &office{World: hubtest.NewWorld(), now: at("2026-06-15"), sums: map[hub.AgencyID][]hub.DossierSum{}}
	o.Service = evaluation.New(evaluation.Options{
		Notes: o.World, Dossiers: o, Desk: o, Feedbacks: o, Procedures: o, Directory: o, Now: func() time.Time { return o.now }, Log: slog.New(slog.DiscardHandler),
	})
	return o
}

// sum are dossiers: how many, late, online, and minutes of ended ones.
func sum(procedure string, all, late, online, worked, allowed int64) hub.DossierSum {
	return hub.DossierSum{Procedure: procedure, Channel: hub.ChannelCounter, DossierTally: hub.DossierTally{
		Counts: map[hub.DossierMeasure]int64{hub.DossiersAll: all, hub.DossiersLate: late, hub.DossiersInTime: all - late, hub.DossiersOnline: online}, Worked: worked, Allowed: allowed, Parties: all,
	}}
}

func (o *office) DossierUnits(context.Context) ([]hub.AgencyID, error) {
	return []hub.AgencyID{"d1", "u", "x"}, nil
}

// DossierSums answers half of what a unit has for the time up to March, where it moved.
func (o *office) DossierSums(ctx context.Context, look hub.DossierLook) ([]hub.DossierSum, error) {
	runs, err := o.World.Notes(ctx, hub.NotesQuery{Prefix: "evaluation-run/", Limit: 10})
	for _, n := range runs {
		var run hub.EvaluationRun
		err = errors.Join(err, json.Unmarshal(n.Body, &run))
		o.seen = append(o.seen, run)
	}
	o.looks++
	o.now = o.now.Add(time.Second)
	if look.Unit == "x" {
		return nil, errors.New("x is nobody's business")
	}
	list := o.sums[look.Unit]
	if look.Unit == "u" && len(list) == 2 {
		if look.Begun.From.IsZero() {
			return list[:1], errors.Join(err, o.broken)
		}
		list = list[1:]
	}
	return list, errors.Join(err, o.broken)
}

func (o *office) Look(unit hub.AgencyID, period hub.Period) (hub.DossierLook, error) {
	look := hub.DossierLook{Unit: unit, At: o.now}
	from, until := period.Span()
	if look.From = from.UTC(); from.IsZero() || !look.From.Before(o.now) {
		return look, hub.Invalid("period", "period", "no period")
	}
	if until.Before(o.now) {
		look.At = until.UTC()
	}
	return look, nil
}

func (o *office) Places(agency hub.AgencyID) []hub.AgencyPlace {
	switch agency {
	case "d1", "d2":
		return []hub.AgencyPlace{{Above: []hub.AgencyID{"p"}}}
	case "u":
		march := at("2026-03-01")
		return []hub.AgencyPlace{{During: hub.Interval{To: march}, Above: []hub.AgencyID{"d1", "p"}}, {During: hub.Interval{From: march}, Above: []hub.AgencyID{"d2", "p"}}}
	}
	return []hub.AgencyPlace{{}}
}

func (o *office) ByID(id hub.AgencyID) (*hub.Agency, bool) {
	level := hub.LevelDepartment
	if id == "u" {
		level = hub.LevelUnit
	}
	return &hub.Agency{ID: id, Names: []hub.Dated[string]{{Value: "Đơn vị " + string(id)}}, Levels: []hub.Dated[hub.Level]{{Value: level}}}, strings.Contains(" p d1 d2 u x ", " "+string(id)+" ")
}

func (o *office) AddFeedback(_ context.Context, list []hub.Feedback) (hub.FeedbackFed, error) {
	o.fed = append(o.fed, list...)
	return hub.FeedbackFed{New: len(list)}, nil
}

func (o *office) FeedbackSums(context.Context, time.Time, time.Time) ([]hub.FeedbackSum, error) {
	return o.feedback, nil
}

func (o *office) Versions(_ context.Context, code string) ([]hub.ProcedureVersion, error) {
	if code == "gone" {
		return nil, hub.Errorf(hub.KindNotFound, "code", "", "none")
	}
	level := map[string]hub.OnlineLevel{"full": hub.OnlineFull, "partial": hub.OnlinePartial}[code]
	if level == "" {
		level = hub.OnlineInformation
	}
	return []hub.ProcedureVersion{{Procedure: hub.Procedure{Code: code, Online: level}, Version: 1}}, nil
}

func of(scope hub.Scope, agencies ...hub.AgencyID) hub.Actor {
	return hub.Actor{Name: "an", Agencies: agencies, Scopes: []hub.Scope{scope}}
}

// kindOf is the kind of an error; "" for none.
func kindOf(err error) hub.ErrorKind {
	if err == nil {
		return ""
	}
	return hub.KindOf(err)
}

func key(agency hub.AgencyID, table string, period hub.Period) hub.EvaluationKey {
	return hub.EvaluationKey{Agency: agency, Table: table, Period: period}
}

// apply reads a table as a file and puts it into force.
func (o *office) apply(t *testing.T, actor hub.Actor, file string, dryRun bool) (hub.ScoreTableChange, error) {
	t.Helper()
	table, err := evaluation.ReadTable([]byte(file))
	if err != nil {
		return hub.ScoreTableChange{}, err
	}
	return o.Apply(t.Context(), actor, table, dryRun)
}

// evaluated runs an evaluation to its end.
func (o *office) evaluated(t *testing.T, k hub.EvaluationKey) hub.Evaluation {
	t.Helper()
	leader := of(hub.ScopeFigures, "p")
	if _, err := o.Start(t.Context(), leader, k); err != nil {
		t.Fatal(err)
	}
	if err := o.Work(t.Context()); err != nil {
		t.Fatal(err)
	}
	e, err := o.Show(t.Context(), leader, k)
	if err != nil || e.Run != nil {
		t.Fatal(err, e.Run)
	}
	return e
}

func brief(e *hub.Evaluation) string {
	var list []string
	for _, i := range e.Indicators {
		value := i.Value + "=" + i.Points
		if i.Points == "" {
			value = "N/A:" + strings.Join(i.Missing, "+")
		}
		list = append(list, i.ID+" "+value)
	}
	grade := ""
	if e.Grade != nil {
		grade = e.Grade.VI
	}
	return fmt.Sprintf("%s | %s of %s, %s of %s %s", strings.Join(list, ", "), e.Points, e.Reachable, e.Score, e.Max, grade)
}

// TestEvaluation: an agency is scored with all that were under it when dossiers began, by the
// table that is in force; what is not known is N/A and named, and counts neither way.
func TestEvaluation(t *testing.T) {
	o := newOffice()
	o.sums["d1"] = []hub.DossierSum{sum("full", 10, 0, 4, 90, 100)}
	o.sums["u"] = []hub.DossierSum{sum("plain", 6, 3, 0, 100, 100), sum("partial", 4, 1, 1, 50, 100)}
	o.feedback = []hub.FeedbackSum{{Agency: "u", Ratings: 4, Satisfied: 3, Points: 15}, {Agency: "x", Ratings: 9}, {Agency: "nobody", Ratings: 9}}
	for agency, values := range map[hub.AgencyID]map[string]int64{"u": {"payments_due": 10, "payments_online": 5}, "d1": {"payments_due": 10, "payments_online": 10}} {
		if _, err := o.Input(t.Context(), of(hub.ScopeFigures, "p"), hub.EvaluationInput{Agency: agency, Period: "2026", Values: values, Source: "Kho bạc"}); err != nil {
			t.Fatal(err)
		}
	}
	e := o.evaluated(t, key("p", "", "2026"))
	want := "I.1 N/A:publicity_in_time+publicity_due, II.1 80.00=16.00, III.1 66.67=4.00, III.2 25.00=1.50, IV.1 75.00=7.50, V.1 0.00=0.00, V.2 N/A:digital_result+ended, VI.1 75.00=6.75, VI.2 N/A:complaints_in_time+complaints" +
		" | 35.75 of 62.00, 57.66 of 100.00 Trung bình"
	if got := brief(&e); got != want || e.EvaluationKey.Table != "qd766" || e.TableVersion != 0 || e.Facts["all"] != "20" || e.Own["all"] != "0" || e.Facts["procedures_online"] != "2" {
		t.Errorf("%s\nwant\n%s\n%+v", got, want, e)
	}
	stands := func(e *hub.Evaluation) string {
		var list []string
		for _, u := range e.Units {
			list = append(list, fmt.Sprint(u.Agency, " ", u.Score, " ", u.Direct))
		}
		return fmt.Sprint(list)
	}
	if got := stands(&e); got != "[d1 58.02 true d2 55.24 true u 44.11 false]" {
		t.Errorf("units %s", got)
	}
	if got := fmt.Sprint(e.Places); got != "map[department:{2 56.63} unit:{1 44.11}]" {
		t.Errorf("levels %s", got)
	}
	for agency, all := range map[hub.AgencyID]string{"d1": "16", "d2": "4", "u": "10"} {
		below, err := o.Show(t.Context(), of(hub.ScopeFigures, "p"), key(agency, "qd766", "2026"))
		if err != nil || below.Facts["all"] != all || len(below.Units) != map[hub.AgencyID]int{"d2": 1}[agency] {
			t.Errorf("%s: %v, %s, %+v", agency, err, below.Facts["all"], below.Units)
		}
	}
	if last := o.seen[len(o.seen)-1]; last.Total != 3 || last.Done == 0 || last.Agency != "p" {
		t.Errorf("the run says %+v", last)
	}

	// Another table, another period, and what was there before beside it.
	e = o.evaluated(t, key("p", "tt01-2018", "2026-Q1"))
	want = "1 80.00=2.00, 2 80.00=1.00, 3 0.00=2.00, 4 1.00=2.00, 5 N/A:procedures_onestop+procedures_due, 6 25.00=1.00, 7 75.00=0.00, 8 N/A:complaints_in_time+complaints, 9 N/A:publicity_in_time+publicity_due" +
		" | 8.00 of 12.00, 12.00 of 18.00 Tốt"
	if got := brief(&e); got != want || len(e.Earlier) != 0 {
		t.Errorf("%s\nwant\n%s\n%+v", got, want, e.Earlier)
	}
	o.evaluated(t, key("p", "tt01-2018", "2026-Q2"))
	if e = o.evaluated(t, key("p", "tt01-2018", "2026-05")); len(e.Earlier) != 2 || e.Earlier[0].Period != "2026-Q2" || e.Earlier[1].Score != "12.00" {
		t.Errorf("earlier %+v", e.Earlier)
	}
	empty := newOffice()
	if e := empty.evaluated(t, key("p", "", "2026")); e.Score != "" || e.Grade != nil || e.Reachable != "0.00" {
		t.Errorf("of nothing: %s", brief(&e))
	}
}

// TestRuns: who asks again gets the run that waits, one that fails says so and is asked for
// anew, and what was computed before stays until then.
func TestRuns(t *testing.T) {
	o := newOffice()
	leader := of(hub.ScopeFigures, "p")
	k := key("p", "qd766", "2026")
	if _, err := o.Show(t.Context(), leader, k); hub.KindOf(err) != hub.KindNotFound {
		t.Errorf("before: %v", err)
	}
	first, err := o.Start(t.Context(), leader, k)
	if err != nil {
		t.Fatal(err)
	}
	o.now = o.now.Add(time.Second)
	if again, err := o.Start(t.Context(), leader, k); err != nil || again != first {
		t.Errorf("asked again: %+v, %v", again, err)
	}
	if e, err := o.Show(t.Context(), leader, k); err != nil || e.Run == nil || e.Table.ID != "qd766" {
		t.Errorf("while it waits: %+v, %v", e, err)
	}
	o.sums["u"], o.broken = []hub.DossierSum{sum("full", 1, 0, 0, 0, 0)}, errors.New("the store is away")
	if err := o.Work(t.Context()); err != nil {
		t.Fatal(err)
	}
	if e, err := o.Show(t.Context(), leader, k); err != nil || e.Run == nil || e.Run.Error != "internal" {
		t.Errorf("failed: %+v, %v", e.Run, err)
	}
	for year := 2023; year <= 2025; year++ {
		for month := 1; month <= 12; month++ {
			for _, period := range []string{"%d-%02d", "%d-%02d-01", "%d-%02d-02"} {
				if _, err := o.Start(t.Context(), leader, key("p", "qd766", hub.Period(fmt.Sprintf(period, year, month)))); err != nil {
					t.Fatal("behind others that failed: ", err)
				}
				if err := o.Work(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	looks := o.looks
	if err := o.Work(t.Context()); err != nil || o.looks != looks {
		t.Errorf("what has failed is not tried by itself: %v", err)
	}
	o.broken = nil
	if e := o.evaluated(t, k); e.Facts["all"] != "2" {
		t.Errorf("%+v", e.Facts)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	if _, err := o.Start(t.Context(), leader, k); err != nil {
		t.Fatal(err)
	}
	o.broken = context.Canceled
	cancel()
	if err := o.Work(cancelled); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	o.broken = nil
	if err := o.Work(t.Context()); err != nil {
		t.Fatal(err)
	}
	if e, err := o.Show(t.Context(), leader, k); err != nil || e.Run != nil || e.Facts["all"] != "2" {
		t.Errorf("what a stop interrupted is not computed: %+v, %v", e.Run, err)
	}
}

// TestRights: evaluations are for who is above an agency at the end of the period.
func TestRights(t *testing.T) {
	o := newOffice()
	for _, c := range []struct {
		actor hub.Actor
		key   hub.EvaluationKey
		want  hub.ErrorKind
	}{
		{of(hub.ScopeFigures, "p"), key("u", "", "2026"), ""},
		{of(hub.ScopeFigures, "d2"), key("u", "", "2026"), ""},
		{of(hub.ScopeFigures, "d1"), key("u", "", "2026"), hub.KindDenied},
		{of(hub.ScopeFigures, "d1"), key("u", "", "2026-02"), ""},
		{of(hub.ScopeRead, "p"), key("p", "", "2026"), hub.KindDenied},
		{of(hub.ScopeFigures, "p"), key("nobody", "", "2026"), hub.KindDenied},
		{of(hub.ScopeFigures, "p"), key("p", "", "2027"), hub.KindInvalid},
		{of(hub.ScopeFigures, "p"), key("p", "", "soon"), hub.KindInvalid},
		{of(hub.ScopeFigures, "p"), key("p", "nice", "2026"), hub.KindInvalid},
		{of(hub.ScopeFigures, "p"), key("p", "qd766", "2021"), hub.KindInvalid},
		{of(hub.ScopeFigures, "p"), key("p", "", "2017"), hub.KindInvalid},
	} {
		_, err := o.Start(t.Context(), c.actor, c.key)
		if kindOf(err) != c.want {
			t.Errorf("%v asks for %+v: %v, want %q", c.actor.Agencies, c.key, err, c.want)
		}
		if _, err := o.Show(t.Context(), c.actor, c.key); c.want == hub.KindDenied && hub.KindOf(err) != c.want {
			t.Errorf("%v looks at %+v: %v", c.actor.Agencies, c.key, err)
		}
	}
}

// TestTables: a table is data; it is checked by field and rule, a dry run changes nothing, and
// results say by which version they were made.
func TestTables(t *testing.T) {
	o := newOffice()
	operator := of(hub.ScopeOperate)
	own := `{"id": "tinh", "name": {"vi": "Bộ chỉ số của tỉnh"}, "basis": "QĐ 1/QĐ-UBND", "from": "2026-01-01", "inputs": [{"name": "visits", "text": {"vi": "Lượt kiểm tra"}}],
		"indicators": [{"id": "1", "name": {"vi": "Đúng hạn"}, "formula": "100 * in_time / all", "max": "10", "points": "value / 10"}, {"id": "2", "name": {"vi": "Kiểm tra"}, "formula": "visits", "max": "5", "bands": [{"at_least": "3", "points": "5"}]}],
		"grades": [{"at_least": "12", "name": {"vi": "Tốt"}}, {"at_least": "0", "name": {"vi": "Chưa tốt"}}]}`
	if _, err := o.apply(t, of(hub.ScopeFigures, "p"), own, false); hub.KindOf(err) != hub.KindDenied {
		t.Error(err)
	}
	for _, dry := range []bool{true, false, false} {
		change, err := o.apply(t, operator, own, dry)
		if err != nil || change.DryRun != dry || dry && !change.Changed {
			t.Fatalf("%+v, %v", change, err)
		}
	}
	tables, err := o.Tables(t.Context())
	if err != nil || len(tables) != 3 || tables[0].ID != "tinh" || tables[0].Version != 1 || tables[0].SetBy != "an" {
		t.Fatalf("%+v, %v", tables, err)
	}
	o.sums["u"] = []hub.DossierSum{sum("full", 4, 1, 0, 0, 0)}
	if _, err := o.Input(t.Context(), of(hub.ScopeFigures, "p"), hub.EvaluationInput{Agency: "p", Period: "2026-02", Values: map[string]int64{"visits": 2}, Source: "x"}); err != nil {
		t.Fatal(err)
	}
	e := o.evaluated(t, key("p", "tinh", "2026-02"))
	if got, want := brief(&e), "1 75.00=7.50, 2 2.00=0.00 | 7.50 of 15.00, 7.50 of 15.00 Chưa tốt"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if change, err := o.apply(t, operator, strings.Replace(own, `"at_least": "3"`, `"at_least": "2"`, 1), false); err != nil || !change.Changed || change.Table.Version != 2 {
		t.Fatalf("%+v, %v", change, err)
	}
	if e, err = o.Show(t.Context(), of(hub.ScopeFigures, "p"), key("p", "tinh", "2026-02")); err != nil || e.TableVersion != 1 || e.Table.Version != 1 || e.Table.Indicators[1].Bands[0].AtLeast != "3" {
		t.Errorf("the result of before: %+v, %v", e.Table, err)
	}
	// A version from a later day on leaves what was before to the one of before.
	if change, err := o.apply(t, operator, strings.Replace(own, `"from": "2026-01-01"`, `"from": "2026-03-01", "until": "2026-03-31"`, 1), false); err != nil || change.Table.Version != 3 {
		t.Fatalf("%+v, %v", change, err)
	}
	if e, err = o.Show(t.Context(), of(hub.ScopeFigures, "p"), key("p", "tinh", "2026-02")); err != nil || e.TableVersion != 1 {
		t.Errorf("the result of before a later version: %+v, %v", e.Table, err)
	}
	for period, version := range map[hub.Period]int64{"2026-02": 2, "2026-03": 3} {
		if e := o.evaluated(t, key("p", "tinh", period)); e.TableVersion != version {
			t.Errorf("%s is evaluated by version %d, want %d", period, e.TableVersion, version)
		}
	}
	if _, err := o.Start(t.Context(), of(hub.ScopeFigures, "p"), key("p", "tinh", "2026-04")); hub.KindOf(err) != hub.KindInvalid {
		t.Errorf("behind the last day of the last version: %v", err)
	}
	for what, c := range map[string]struct{ was, is, want string }{
		"no JSON":             {own, "{", "table json"},
		"two":                 {own, own + own, "table json"},
		"an unknown member":   {`"basis"`, `"base"`, "table json"},
		"no id":               {`"id": "tinh"`, `"id": "Tỉnh"`, "id name"},
		"no day":              {"2026-01-01", "2026-13-01", "from date"},
		"no name":             {`"vi": "Bộ chỉ số của tỉnh"`, `"vi": " "`, "name.vi required"},
		"a formula":           {"100 * in_time / all", "100 * in_time / al", "indicators[0].formula unknown_fact"},
		"a formula that ends": {"100 * in_time / all", "100 *", "indicators[0].formula formula"},
		"points of a fact":    {"value / 10", "all / 10", "indicators[0].points unknown_fact"},
		"no points":           {`, "points": "value / 10"`, "", "indicators[0].points exclusive"},
		"too many points":     {`"points": "5"`, `"points": "6"`, "indicators[1].bands[0].points range"},
		"no number":           {`"max": "10"`, `"max": "ten"`, "indicators[0].max number"},
		"twice":               {`"id": "2"`, `"id": "1"`, "indicators[1].id unique"},
		"no group":            {`"id": "2", `, `"id": "2", "group": "A", `, "indicators[1].group unknown"},
		"no measure":          {`"id": "2", `, `"id": "2", "opens": "nice", `, "indicators[1].opens code_list"},
		"an input of the hub": {`"name": "visits"`, `"name": "late"`, "inputs[0].name unique indicators[1].formula unknown_fact"},
		"grades":              {`{"at_least": "12"`, `{"at_least": "0"`, "grades[1].at_least order"},
		"no indicators":       {own[strings.Index(own, `"indicators"`):strings.Index(own, `"grades"`)], `"indicators": [], `, "indicators max_items"},
	} {
		raw := strings.Replace(own, c.was, c.is, 1)
		_, err := o.apply(t, operator, raw, true)
		var got []string
		for _, v := range hub.ViolationsOf(err) {
			got = append(got, v.Field+" "+v.Rule)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %q, want %s", what, got, c.want)
		}
	}
}

// TestShippedTables: what comes with the program can be computed, its points add up, and what
// was not read in the law says so.
func TestShippedTables(t *testing.T) {
	o := newOffice()
	for id, most := range map[string]string{"tt01-2018": "18.00", "qd766": "100.00"} {
		e := o.evaluated(t, key("p", id, "2026"))
		if e.Max != most || len(e.Indicators) != 9 || slices.ContainsFunc(e.Table.Indicators, func(i hub.ScoreIndicator) bool { return i.Uncertain == "" || i.Name.EN == "" }) {
			t.Errorf("%s: %s points, %d indicators", id, e.Max, len(e.Indicators))
		}
	}
}

// TestFeed: what is fed is bounded, of agencies of the actor or under them, and of nobody.
func TestFeed(t *testing.T) {
	o := newOffice()
	good := func() []hub.Feedback {
		return []hub.Feedback{
			{ID: "r-1", Agency: "u", Kind: hub.FeedbackRating, At: at("2026-06-01"), Score: 5},
			{ID: "c-1", Agency: "u", Kind: hub.FeedbackComplaint, At: at("2026-06-01"), Due: at("2026-06-10"), Answered: at("2026-06-05")},
		}
	}
	for _, c := range []struct {
		agency hub.AgencyID
		want   hub.ErrorKind
	}{{"u", ""}, {"d2", ""}, {"p", ""}, {"d1", hub.KindDenied}, {"x", hub.KindDenied}} {
		if _, err := o.Feed(t.Context(), of(hub.ScopeSubmit, c.agency), good()); kindOf(err) != c.want {
			t.Errorf("by %s: %v", c.agency, err)
		}
	}
	if len(o.fed) != 6 {
		t.Errorf("%d were recorded", len(o.fed))
	}
	if _, err := o.Feed(t.Context(), of(hub.ScopeRead, "u"), good()); hub.KindOf(err) != hub.KindDenied {
		t.Error(err)
	}
	for what, c := range map[string]struct {
		change func(list []hub.Feedback) []hub.Feedback
		want   string
	}{
		"nothing":      {func([]hub.Feedback) []hub.Feedback { return nil }, "items max_items"},
		"too many":     {func([]hub.Feedback) []hub.Feedback { return make([]hub.Feedback, 501) }, "items max_items"},
		"no id":        {func(l []hub.Feedback) []hub.Feedback { l[0].ID = "a b"; return l }, "items[0].id name"},
		"twice":        {func(l []hub.Feedback) []hub.Feedback { l[1].ID = "r-1"; return l }, "items[1].id unique"},
		"no score":     {func(l []hub.Feedback) []hub.Feedback { l[0].Score = 6; return l }, "items[0].score range"},
		"to come":      {func(l []hub.Feedback) []hub.Feedback { l[0].At = at("2026-07-01"); return l }, "items[0].at range"},
		"a rating due": {func(l []hub.Feedback) []hub.Feedback { l[0].Due = at("2026-07-01"); return l }, "items[0].due_at exclusive"},
		"no due":       {func(l []hub.Feedback) []hub.Feedback { l[1].Due = time.Time{}; return l }, "items[1].due_at range"},
		"answered":     {func(l []hub.Feedback) []hub.Feedback { l[1].Answered = at("2026-05-01"); return l }, "items[1].answered_at range"},
		"a score":      {func(l []hub.Feedback) []hub.Feedback { l[1].Score = 1; return l }, "items[1].score exclusive"},
		"no kind":      {func(l []hub.Feedback) []hub.Feedback { l[0].Kind = "praise"; return l }, "items[0].kind code_list"},
	} {
		_, err := o.Feed(t.Context(), of(hub.ScopeSubmit, "p"), c.change(good()))
		if v := hub.ViolationsOf(err); len(v) == 0 || v[0].Field+" "+v[0].Rule != c.want {
			t.Errorf("%s: %v, want %s", what, err, c.want)
		}
	}
	for what, c := range map[string]struct {
		in   hub.EvaluationInput
		want string
	}{
		"unknown":   {hub.EvaluationInput{Values: map[string]int64{"nice": 1}, Source: "x"}, "values unknown_fact"},
		"below 0":   {hub.EvaluationInput{Values: map[string]int64{"payments_due": -1}, Source: "x"}, "values range"},
		"no source": {hub.EvaluationInput{Values: map[string]int64{"payments_due": 1}}, "source required"},
	} {
		c.in.Agency, c.in.Period = "u", "2026"
		_, err := o.Input(t.Context(), of(hub.ScopeFigures, "p"), c.in)
		if v := hub.ViolationsOf(err); len(v) == 0 || v[0].Field+" "+v[0].Rule != c.want {
			t.Errorf("%s: %v, want %s", what, err, c.want)
		}
	}
	if _, err := o.Input(t.Context(), of(hub.ScopeFigures, "x"), hub.EvaluationInput{Agency: "u", Period: "2026", Source: "x"}); hub.KindOf(err) != hub.KindDenied {
		t.Error(err)
	}
}
