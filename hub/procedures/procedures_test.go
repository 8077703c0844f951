package procedures_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/procedures"
)

// world is a catalogue with everything around it: UBND tỉnh "p" over the department "d";
// "x" stands apart.
type world struct {
	now      time.Time
	changes  []hub.ProcedureChange
	versions []hub.ProcedureVersion
	items    map[hub.DispatchID]hub.SentItem
	reports  map[hub.DispatchID][]hub.SignatureReport
	later    []hub.Recheck
	notes    []string
	race     func() // before the next save
	*procedures.Service
}

func newWorld() *world {
	w := &world{now: time.Date(2026, 3, 2, 1, 0, 30, 0, time.UTC), items: map[hub.DispatchID]hub.SentItem{}, reports: map[hub.DispatchID][]hub.SignatureReport{}}
	w.Service = procedures.New(procedures.Options{
		Store: w, Dispatches: w, Verdicts: w, Directory: w, Chronicle: w, Now: func() time.Time { return w.now }, Log: slog.New(slog.DiscardHandler),
	})
	w.decide("q1", "p")
	return w
}

// decide sends a signed decision.
func (w *world) decide(id hub.DispatchID, sender hub.AgencyID) {
	w.items[id] = hub.SentItem{
		Dispatch: hub.Dispatch{ID: id, Sender: sender, Operation: hub.OperationNew, Document: hub.Document{CodeNumber: "7", CodeNotation: "QĐ-UBND", Promulgated: "2026-03-01"},
			Parts: []hub.Part{{ID: "o", Role: hub.RoleOriginal}, {ID: "a", Role: hub.RoleAttachment}}},
		Deliveries: []hub.Delivery{{State: hub.StateConsigned}},
	}
	w.reports[id] = []hub.SignatureReport{{Part: "o", Indication: hub.TotalPassed}, {Part: "a", Indication: hub.NoSignatureFound}}
}

func (w *world) SaveProcedures(_ context.Context, last int64, changes []hub.ProcedureChange, versions []hub.ProcedureVersion, note hub.LogNote) error {
	if w.race != nil {
		race := w.race
		w.race = nil
		race()
	}
	if last != int64(len(w.changes)) {
		return hub.Errorf(hub.KindConflict, "", "", "moved")
	}
	w.changes = append(w.changes, changes...)
	w.notes = append(w.notes, note.ID)
	for _, v := range versions {
		w.versions = slices.DeleteFunc(w.versions, func(o hub.ProcedureVersion) bool { return o.Code == v.Code && o.Version == v.Version })
		w.versions = append(w.versions, v)
	}
	return nil
}

func (w *world) LastProcedureChange(context.Context) (int64, error) {
	return int64(len(w.changes)), nil
}

func (w *world) ProcedureVersions(_ context.Context, codes []string) ([]hub.ProcedureVersion, error) {
	var found []hub.ProcedureVersion
	for _, v := range w.versions {
		if slices.Contains(codes, v.Code) {
			found = append(found, v)
		}
	}
	slices.SortFunc(found, func(a, b hub.ProcedureVersion) int {
		return strings.Compare(fmt.Sprintf("%s %09d", a.Code, a.Version), fmt.Sprintf("%s %09d", b.Code, b.Version))
	})
	return found, nil
}

func (w *world) Procedures(_ context.Context, q hub.ProcedureQuery) (hub.List[hub.ProcedureVersion], error) {
	var l hub.List[hub.ProcedureVersion]
	for _, v := range w.versions {
		if v.InForce(q.At) {
			l.Items = append(l.Items, v)
		}
	}
	return l, nil
}

func (w *world) ProcedureChanges(_ context.Context, after int64, limit int) ([]hub.ProcedureChange, error) {
	list := slices.Clone(w.changes[min(after, int64(len(w.changes))):])
	for i := range list {
		versions, _ := w.ProcedureVersions(context.Background(), []string{list[i].Code})
		list[i].Version = &versions[list[i].Number-1]
	}
	return list[:min(limit, len(list))], nil
}

func (w *world) DispatchItem(_ context.Context, id hub.DispatchID) (hub.SentItem, error) {
	item, ok := w.items[id]
	if !ok {
		return item, hub.Errorf(hub.KindNotFound, "", "", "none")
	}
	return item, nil
}

func (w *world) Verdicts(_ context.Context, _ hub.Actor, id hub.DispatchID) ([]hub.SignatureReport, []hub.Recheck, error) {
	return w.reports[id], w.later, nil
}

func (w *world) ByID(id hub.AgencyID) (*hub.Agency, bool) {
	a := &hub.Agency{ID: id}
	switch id {
	case "d":
		a.Parents = []hub.Dated[hub.AgencyID]{{Value: "p"}}
	case "m": // was under "p", and is under "x" since 2026
		a.Parents = []hub.Dated[hub.AgencyID]{{Value: "p", Valid: hub.Interval{To: newYear}}, {Value: "x", Valid: hub.Interval{From: newYear}}}
	case "o", "s": // closed: "d" took over from "o"; "d" and "x" from "s"
		a.Valid.To = newYear
	}
	return a, slices.Contains([]hub.AgencyID{"p", "d", "x", "m", "o", "s"}, id)
}

var newYear = time.Date(2025, 12, 31, 17, 0, 0, 0, time.UTC)

func (w *world) Heirs(id hub.AgencyID, at time.Time) []hub.AgencyID {
	switch {
	case at.Before(newYear):
		return []hub.AgencyID{id}
	case id == "o":
		return []hub.AgencyID{"d"}
	case id == "s":
		return []hub.AgencyID{"d", "x"}
	}
	return []hub.AgencyID{id}
}

func (w *world) Resolve(code string, at time.Time) (hub.Resolution, error) {
	a, ok := w.ByID(hub.AgencyID(strings.ToLower(code)))
	if !ok || at.Year() < 2000 {
		return hub.Resolution{}, hub.Errorf(hub.KindUnknownAgency, "", "", "unknown")
	}
	return hub.Resolution{Agency: a}, nil
}

func (w *world) ProceduresChanged(actor hub.Actor, f hub.CatalogueFact) (hub.LogNote, error) {
	return hub.LogNote{ID: fmt.Sprintf("%s %s %d-%d", actor.Name, f.Decision.Dispatch, f.First, f.Last)}, nil
}

func clerk(agency hub.AgencyID) hub.Actor {
	return hub.Actor{Name: "an", Agencies: []hub.AgencyID{agency}, Scopes: []hub.Scope{hub.ScopeSubmit, hub.ScopeRead}}
}

const head = "code,name,field,level,agency,limit,online,fees,papers,from,until,status\n"

// take imports a list as CSV without its first row.
func (w *world) take(actor hub.Actor, wish hub.ProcedureWish, rows string) (hub.ProcedureImport, error) {
	return w.ImportList(context.Background(), actor, wish, strings.NewReader(head+rows))
}

func (w *world) must(t *testing.T, wish hub.ProcedureWish, rows, want string) {
	t.Helper()
	r, err := w.take(clerk("p"), wish, rows)
	got := fmt.Sprintf("%d published, %d amended, %d abolished, %d unchanged", r.Published, r.Amended, r.Abolished, r.Unchanged)
	if err != nil || got != want {
		t.Errorf("%s, %v, want %s", got, err, want)
	}
}

// inForce are the versions that are shown as in force.
func (w *world) inForce(t *testing.T) string {
	t.Helper()
	list, err := w.List(t.Context(), hub.ProcedureQuery{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, v := range list.Items {
		if v.State != hub.ProcedureInForce {
			t.Errorf("%s is listed and %s", v.Code, v.State)
		}
		got = append(got, fmt.Sprint(v.Code, "/", v.Version))
	}
	return strings.Join(got, " ")
}

// TestLapseOnTheMinute: what a decision publishes, amends and abolishes begins and ends on
// its minute in all that is told, whatever was read before.
func TestLapseOnTheMinute(t *testing.T) {
	w := newWorld()
	minute := func(s string) time.Time {
		t.Helper()
		m, ok := hub.ParseProcedureMinute(s)
		if !ok {
			t.Fatal(s)
		}
		return m
	}
	w.must(t, hub.ProcedureWish{Decision: "q1", From: minute("2026-03-02T08:10")}, "1.1,Khai sinh,Hộ tịch,xã,d,1 ngày làm việc,4,,,,,\n1.2,Khai tử,Hộ tịch,xã,d,8 giờ,3,,,,2026-03-02T08:30,\n", "2 published, 0 amended, 0 abolished, 0 unchanged")
	w.must(t, hub.ProcedureWish{Decision: "q1", From: minute("2026-03-02T08:20")}, "1.1,Đăng ký khai sinh,Hộ tịch,xã,d,1 ngày làm việc,4,,,,,\n", "0 published, 1 amended, 0 abolished, 0 unchanged")
	if _, err := w.Abolish(t.Context(), clerk("p"), hub.ProcedureWish{Decision: "q1", From: minute("2026-03-02T08:40")}, "1.1"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		at, want string
		states   string // of the versions of the changes: 1.1/1, 1.2/1, 1.1/2, 1.1/2
	}{
		{"2026-03-02T08:10", "1.1/1 1.2/1", "in_force in_force coming coming"},
		{"2026-03-02T08:20", "1.2/1 1.1/2", "lapsed in_force in_force in_force"},
		{"2026-03-02T08:30", "1.1/2", "lapsed lapsed in_force in_force"},
		{"2026-03-02T08:40", "", "lapsed lapsed lapsed lapsed"},
	} {
		w.now = minute(c.at).Add(-time.Nanosecond)
		if before := w.inForce(t); before == c.want {
			t.Errorf("a moment before %s: %q", c.at, before)
		}
		w.now = minute(c.at)
		if got := w.inForce(t); len(got) != len(c.want) || !slices.Equal(sorted(got), sorted(c.want)) {
			t.Errorf("at %s: %q, want %q", c.at, got, c.want)
		}
		changes, err := w.Changes(t.Context(), 0, 10)
		if err != nil {
			t.Fatal(err)
		}
		var states []string
		for _, ch := range changes {
			if ch.By != "" {
				t.Errorf("the feed tells everybody who of the agency acted: %s", ch.By)
			}
			states = append(states, string(ch.Version.State))
		}
		if got := strings.Join(states, " "); got != c.states {
			t.Errorf("the feed at %s: %s, want %s", c.at, got, c.states)
		}
		versions, err := w.Versions(t.Context(), "1.1")
		if err != nil || versions[0].State != versions[0].StateAt(w.now) || versions[1].State != versions[1].StateAt(w.now) {
			t.Errorf("versions at %s: %+v %v", c.at, versions, err)
		}
	}
	if want := "an q1 1-2|an q1 3-3|an q1 4-4"; strings.Join(w.notes, "|") != want {
		t.Errorf("noted %q, want %q", w.notes, want)
	}
}

func sorted(s string) []string {
	f := strings.Fields(s)
	slices.Sort(f)
	return f
}

// TestImportAgain: the same list again changes nothing, a dry run tells the differences and
// changes nothing, and what was abolished can be published anew.
func TestImportAgain(t *testing.T) {
	w := newWorld()
	const rows = "1.1,Khai sinh,Hộ tịch,xã,d,1 ngày làm việc,4,8.000 đ bản sao,Tờ khai|Giấy chứng sinh,,,\n"
	wish := hub.ProcedureWish{Decision: "q1"}
	w.must(t, wish, rows, "1 published, 0 amended, 0 abolished, 0 unchanged")
	w.now = w.now.Add(time.Hour)
	w.must(t, wish, rows, "0 published, 0 amended, 0 abolished, 1 unchanged")
	other := strings.Replace(strings.Replace(rows, "8.000", "9.000", 1), ",4,", ",3,", 1)
	r, err := w.take(clerk("p"), hub.ProcedureWish{Decision: "q1", DryRun: true}, other)
	if want := "[{1 1.1 Khai sinh amend 2026-03-02 02:00:00 +0000 UTC [{online full partial} {fees 8000 bản sao 9000 bản sao}]}]"; err != nil || fmt.Sprint(r.Rows) != want {
		t.Errorf("%v %v, want %s", r.Rows, err, want)
	}
	if len(w.changes) != 1 || len(w.notes) != 1 {
		t.Errorf("a dry run left %d changes and %d notes", len(w.changes), len(w.notes))
	}
	w.must(t, wish, "1.1,,,,,,,,,,,hết hiệu lực\n", "0 published, 0 amended, 1 abolished, 0 unchanged")
	w.must(t, wish, "1.1,,,,,,,,,,,hết hiệu lực\n", "0 published, 0 amended, 0 abolished, 1 unchanged")
	w.now = w.now.Add(time.Hour)
	w.must(t, wish, rows, "1 published, 0 amended, 0 abolished, 0 unchanged")
	if got := w.inForce(t); got != "1.1/2" {
		t.Error(got)
	}
	w.race = func() { // another import comes first
		w.must(t, wish, strings.Replace(rows, "1.1,", "1.2,", 1), "1 published, 0 amended, 0 abolished, 0 unchanged")
	}
	w.must(t, wish, strings.Replace(rows, "1.1,", "1.3,", 1), "1 published, 0 amended, 0 abolished, 0 unchanged")
	if got := w.notes[len(w.notes)-2:]; got[0] != "an q1 4-4" || got[1] != "an q1 5-5" || len(w.notes) != 5 {
		t.Errorf("an act that another one came before left a note: %q", w.notes)
	}
	for i, c := range w.changes {
		if c.Seq != int64(i)+1 {
			t.Errorf("change %d has the number %d", i, c.Seq)
		}
	}
}

// TestDecisions: nothing is published or abolished without a signed decision of an agency
// with the right to it, and a refused list changes nothing.
func TestDecisions(t *testing.T) {
	good := "1.1,Khai sinh,Hộ tịch,xã,D,1 ngày làm việc,4,,,,,\n"
	change := func(do func(*hub.SentItem)) func(*world) {
		return func(w *world) {
			item := w.items["q1"]
			do(&item)
			w.items["q1"] = item
		}
	}
	for name, c := range map[string]struct {
		set   func(*world)
		actor hub.Actor
		rows  string
		want  string // field and rule; "" for none
	}{
		"good":             {actor: clerk("p")},
		"no right to send": {actor: hub.Actor{Name: "an", Agencies: []hub.AgencyID{"p"}, Scopes: []hub.Scope{hub.ScopeOperate}}, want: " scope"},
		"of another":       {actor: clerk("x"), want: "decision unknown"},
		"not there":        {set: func(w *world) { delete(w.items, "q1") }, actor: clerk("p"), want: "decision unknown"},
		"a forward":        {set: change(func(i *hub.SentItem) { i.Dispatch.Origin = &hub.Origin{} }), actor: clerk("p"), want: "decision own_document"},
		"a recall":         {set: change(func(i *hub.SentItem) { i.Dispatch.Operation = hub.OperationRecall }), actor: clerk("p"), want: "decision own_document"},
		"withdrawn":        {set: change(func(i *hub.SentItem) { i.Deliveries[0].State = hub.StateWithdrawn }), actor: clerk("p"), want: "decision withdrawn"},
		"taken back": {set: change(func(i *hub.SentItem) {
			i.Deliveries[0].State, i.Deliveries[0].Destroyed = hub.StateAccepted, &hub.Destruction{}
		}), actor: clerk("p"), want: "decision withdrawn"},
		"asked back": {set: change(func(i *hub.SentItem) { i.Deliveries[0].Request = &hub.ChangeRequest{Operation: hub.OperationRecall} }), actor: clerk("p"), want: "decision withdrawn"},
		"replaced":   {set: change(func(i *hub.SentItem) { i.Deliveries[0].Request = &hub.ChangeRequest{Operation: hub.OperationReplace} }), actor: clerk("p"), want: "decision withdrawn"},
		"kept by somebody": {set: change(func(i *hub.SentItem) {
			i.Deliveries[0].Request = &hub.ChangeRequest{Operation: hub.OperationRecall, Answer: hub.StatusChangeRefused}
		}), actor: clerk("p")},
		"not signed": {set: func(w *world) { w.reports["q1"][0].Indication = hub.NoSignatureFound }, actor: clerk("p"), want: "decision signature"},
		"undecided":  {set: func(w *world) { w.reports["q1"][0].Indication = hub.Indeterminate }, actor: clerk("p"), want: "decision signature"},
		"judged again": {set: func(w *world) {
			w.reports["q1"][0].Indication = hub.Indeterminate
			w.later = []hub.Recheck{{Report: &hub.SignatureReport{Part: "o", Indication: hub.TotalPassed}}}
		}, actor: clerk("p")},
		"only an attachment is signed": {set: func(w *world) {
			w.reports["q1"][0].Indication, w.reports["q1"][1].Indication = hub.NoSignatureFound, hub.TotalPassed
		}, actor: clerk("p"), want: "decision signature"},
		"an attachment fails": {set: func(w *world) { w.reports["q1"][1].Indication = hub.TotalFailed }, actor: clerk("p"), want: "decision signature"},
		"from below":          {set: func(w *world) { w.decide("q1", "d") }, actor: clerk("d"), rows: strings.Replace(good, ",D,", ",P,", 1), want: "procedures[0].agency publisher"},
		"of its own":          {set: func(w *world) { w.decide("q1", "d") }, actor: clerk("d")},
		"apart":               {actor: clerk("p"), rows: good + "1.2,Khai tử,Hộ tịch,xã,x,1 ngày,4,,,,,\n", want: "procedures[1].agency publisher"},
		"named by right":      {set: func(w *world) { w.decide("q1", "x"); w.Publishers = []hub.Code{"X"} }, actor: clerk("x")},
		"not the one named":   {set: func(w *world) { w.decide("q1", "x"); w.Publishers = []hub.Code{"D"} }, actor: clerk("x"), want: "procedures[0].agency publisher"},
		"was once over it":    {actor: clerk("p"), rows: strings.Replace(good, ",D,1 ngày làm việc,4,,,,", ",M,1 ngày làm việc,4,,,2025-06-01,", 1), want: "procedures[0].agency publisher"},
		"is over it now":      {set: func(w *world) { w.decide("q1", "x") }, actor: clerk("x"), rows: strings.Replace(good, ",D,1 ngày làm việc,4,,,,", ",M,1 ngày làm việc,4,,,2025-06-01,", 1)},
		"has closed":          {set: func(w *world) { w.decide("q1", "o") }, actor: clerk("o"), rows: strings.Replace(good, ",D,", ",O,", 1), want: "decision closed"},
		"of who took over":    {set: func(w *world) { w.decide("q1", "d") }, actor: clerk("d"), rows: strings.Replace(good, ",D,", ",O,", 1)},
		"over who took over":  {actor: clerk("p"), rows: strings.Replace(good, ",D,", ",O,", 1)},
		"one of two heirs":    {set: func(w *world) { w.decide("q1", "d") }, actor: clerk("d"), rows: strings.Replace(good, ",D,", ",S,", 1), want: "procedures[0].agency publisher"},
		"unknown agency":      {actor: clerk("p"), rows: strings.Replace(good, ",D,", ",Z,", 1), want: "procedures[0].agency unknown_agency"},
		"unknown to abolish":  {actor: clerk("p"), rows: good + "1.9,,,,,,,,,,,bãi bỏ\n", want: "procedures[1].code unknown"},
		"twice":               {actor: clerk("p"), rows: good + good, want: "procedures[1].code unique"},
		"no limit":            {actor: clerk("p"), rows: strings.Replace(good, "1 ngày làm việc", "ngay", 1), want: "procedures[0].limit limit"},
		"a limit without end": {actor: clerk("p"), rows: strings.Replace(good, "1 ngày làm việc", "99999 ngày", 1), want: "procedures[0].limit range"},
		"no name":             {actor: clerk("p"), rows: strings.Replace(good, "Khai sinh", "", 1), want: "procedures[0].name required"},
		"level":               {actor: clerk("p"), rows: strings.Replace(good, "xã", "làng", 1), want: "procedures[0].levels code_list"},
		"fee":                 {actor: clerk("p"), rows: strings.Replace(good, ",4,,", ",4,nhiều,", 1), want: "procedures[0].fees amount"},
		"online":              {actor: clerk("p"), rows: strings.Replace(good, ",4,", ",5,", 1), want: "procedures[0].online code_list"},
		"day":                 {actor: clerk("p"), rows: strings.Replace(good, ",4,,,,", ",4,,,2026-02-30,", 1), want: "procedures[0].from date_time"},
		"ends before":         {actor: clerk("p"), rows: strings.Replace(good, ",4,,,,", ",4,,,2026-02-03,2026-02-03", 1), want: "procedures[0].until period"},
		"word":                {actor: clerk("p"), rows: strings.Replace(good, ",,\n", ",,sắp\n", 1), want: "procedures[0].status code_list"},
		"code":                {actor: clerk("p"), rows: strings.Replace(good, "1.1", "1 1", 1), want: "procedures[0].code grammar"},
		"empty":               {actor: clerk("p"), rows: "\n", want: "procedures required"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			if c.set != nil {
				c.set(w)
			}
			if c.rows == "" {
				c.rows = good
			}
			_, err := w.take(c.actor, hub.ProcedureWish{Decision: "q1"}, c.rows)
			got := ""
			if err != nil {
				v := hub.ViolationsOf(err)[0]
				got = v.Field + " " + v.Rule
			}
			if got != c.want {
				t.Errorf("%q (%v), want %q", got, err, c.want)
			}
			if err != nil && (len(w.changes) > 0 || len(w.versions) > 0 || len(w.notes) > 0) {
				t.Error("what was refused changed something")
			}
		})
	}
}

// TestOrder: versions are only added and ended; what begins before another decision took
// effect is refused.
func TestOrder(t *testing.T) {
	w := newWorld()
	row := func(from string) string {
		return "1.1,Khai sinh " + from + ",Hộ tịch,xã,d,1 ngày,4,,," + from + ",,\n"
	}
	wish := hub.ProcedureWish{Decision: "q1"}
	w.must(t, wish, row("2026-04-01"), "1 published, 0 amended, 0 abolished, 0 unchanged")
	refused := func(field, rule string, err error) {
		t.Helper()
		if v := hub.ViolationsOf(err); err == nil || v[0].Field != field || v[0].Rule != rule {
			t.Errorf("%v, want %s %s", err, field, rule)
		}
	}
	_, err := w.take(clerk("p"), wish, row("2026-03-31"))
	refused("procedures[0].from", "order", err)
	_, err = w.Abolish(t.Context(), clerk("p"), wish, "1.1") // at once, before it began
	refused("procedures[0].from", "order", err)
	may := time.Date(2026, 4, 30, 17, 0, 0, 0, time.UTC)
	if _, err = w.Abolish(t.Context(), clerk("p"), hub.ProcedureWish{Decision: "q1", From: may}, "1.1"); err != nil {
		t.Fatal(err)
	}
	_, err = w.take(clerk("p"), wish, row("2026-04-15")) // an old list does not bring back what is abolished
	refused("procedures[0].from", "order", err)
	_, err = w.Abolish(t.Context(), clerk("p"), hub.ProcedureWish{Decision: "q1", From: may.Add(time.Hour)}, "1.1")
	refused("procedures[0].code", "lapsed", err)
}

// TestAbolishAtOnce: what is abolished at once is in force no longer, though another
// decision was to change it later, and what that one announced never comes.
func TestAbolishAtOnce(t *testing.T) {
	w := newWorld()
	wish := hub.ProcedureWish{Decision: "q1"}
	w.must(t, wish, "1.1,Khai sinh,Hộ tịch,xã,d,1 ngày,4,,,2026-01-01,,\n", "1 published, 0 amended, 0 abolished, 0 unchanged")
	w.must(t, wish, "1.1,Khai sinh,Hộ tịch,xã,d,2 ngày,4,,,2026-07-01,,\n", "0 published, 1 amended, 0 abolished, 0 unchanged")
	if got := w.inForce(t); got != "1.1/1" {
		t.Fatal(got)
	}
	for _, want := range []string{"1 abolished, 0 unchanged", "0 abolished, 1 unchanged"} {
		r, err := w.Abolish(t.Context(), clerk("p"), wish, "1.1")
		if got := fmt.Sprintf("%d abolished, %d unchanged", r.Abolished, r.Unchanged); err != nil || got != want {
			t.Fatalf("%s, %v, want %s", got, err, want)
		}
	}
	for _, at := range []time.Time{w.now, time.Date(2026, 6, 30, 17, 0, 0, 0, time.UTC), time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)} {
		w.now = at
		if got := w.inForce(t); got != "" {
			t.Errorf("%s is in force at %v", got, at)
		}
	}
	changes, err := w.Changes(t.Context(), 2, 10)
	if err != nil || len(changes) != 2 || changes[0].Number != 1 || changes[1].Number != 2 || changes[1].Act != hub.ProcedureAbolish {
		t.Errorf("the feed tells %+v, %v", changes, err)
	}
	w.must(t, wish, "1.1,Khai sinh,Hộ tịch,xã,d,1 ngày,4,,,2028-01-01,,\n", "1 published, 0 amended, 0 abolished, 0 unchanged")
}

// TestLapsedListAgain: a list whose procedures have lapsed since changes nothing and is not
// refused; with something else in it, it would publish what has lapsed.
func TestLapsedListAgain(t *testing.T) {
	w := newWorld()
	wish := hub.ProcedureWish{Decision: "q1"}
	const rows = "1.1,Khai sinh,Hộ tịch,xã,d,1 ngày,4,,,,2026-03-03,\n"
	w.must(t, wish, rows, "1 published, 0 amended, 0 abolished, 0 unchanged")
	w.now = w.now.AddDate(0, 0, 3)
	w.must(t, wish, rows, "0 published, 0 amended, 0 abolished, 1 unchanged")
	if _, err := w.take(clerk("p"), wish, strings.Replace(rows, "1 ngày", "2 ngày", 1)); err == nil || hub.ViolationsOf(err)[0].Rule != "period" {
		t.Error(err)
	}
}
