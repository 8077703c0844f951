package figures_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/figures"
	"github.com/lienthong/lienthong/hub/hubtest"
)

// sums answer with rows of their own, whoever asks.
type sums struct {
	figures.Store
	rows      []hub.FigureRow
	steps     []hub.FigureRow
	reasons   []hub.RefusalRow
	asked     hub.FigureQuery
	forgotten bool
}

// FigureProgress implements figures.Store.
func (s *sums) FigureProgress(context.Context) (hub.FigureProgress, int64, error) {
	return hub.FigureProgress{Place: 4, At: now()}, 9, nil
}

// ForgetFigures implements figures.Store.
func (s *sums) ForgetFigures(context.Context) error { s.forgotten = true; return nil }

// FiguresByUnit implements figures.Sums.
func (s *sums) FiguresByUnit(_ context.Context, q hub.FigureQuery) ([]hub.FigureRow, error) {
	s.asked = q
	return s.rows, nil
}

// FiguresByPeriod implements figures.Sums.
func (s *sums) FiguresByPeriod(context.Context, hub.FigureQuery) ([]hub.FigureRow, error) {
	return s.steps, nil
}

// Refusals implements figures.Sums.
func (s *sums) Refusals(context.Context, hub.FigureQuery) ([]hub.RefusalRow, error) {
	return s.reasons, nil
}

// tree is a directory of which everybody is under the province, but for one that moved.
type tree struct{ *hubtest.Directory }

// Children implements figures.Tree.
func (d tree) Children(parent hub.AgencyID, at time.Time) []hub.Agency {
	var list []hub.Agency
	for _, a := range agencies() {
		if p, ok := hub.At(a.Parents, at); ok && p == parent && a.LivesAt(at) {
			list = append(list, a)
		}
	}
	return list
}

func now() time.Time { return time.Date(2026, 11, 29, 3, 0, 0, 0, time.UTC) }

// moved is when the ward came under the office; before it was under the stranger.
func moved() time.Time { return time.Date(2026, 7, 1, 0, 0, 0, 0, hub.Vietnam()) }

func agencies() []hub.Agency {
	list := hubtest.Agencies()
	for i := range list {
		switch a := &list[i]; a.ID {
		case hubtest.Office, hubtest.Bureau:
			a.Parents = []hub.Dated[hub.AgencyID]{{Value: hubtest.Province}}
		case hubtest.Ward:
			a.Parents = []hub.Dated[hub.AgencyID]{
				{Value: hubtest.Stranger, Valid: hub.Interval{To: moved()}}, {Value: hubtest.Office, Valid: hub.Interval{From: moved()}},
			}
			a.Levels = []hub.Dated[hub.Level]{{Value: hub.LevelCommune}}
		}
	}
	return list
}

func newService(s *sums) *figures.Service {
	d := tree{hubtest.NewDirectory(agencies()...)}
	return figures.New(figures.Options{Store: s, Sums: s, Directory: d, Tree: d, Now: now})
}

func leader(of ...hub.AgencyID) hub.Actor {
	a := hubtest.System(of...)
	a.Scopes = append(a.Scopes, hub.ScopeFigures)
	return a
}

func numbers(n int64) (t hub.Tally) {
	t[0] = n
	return t
}

// TestReport: a report is put together from rows of units and levels; who is directly under
// the agency is there without figures, too.
func TestReport(t *testing.T) {
	s := &sums{
		rows: []hub.FigureRow{
			{Side: hub.SideSent, Unit: hubtest.Province, Level: hub.LevelProvince, Tally: numbers(1)},
			{Side: hub.SideSent, Unit: hubtest.Office, Level: hub.LevelDepartment, Tally: numbers(2)},
			{Side: hub.SideReceived, Unit: hubtest.Office, Level: hub.LevelDepartment, Tally: numbers(4)},
			{Side: hub.SideSent, Unit: hubtest.Office, Level: hub.LevelCommune, Tally: numbers(8)},
		},
		steps:   []hub.FigureRow{{Side: hub.SideReceived, Period: "2026-02", Tally: numbers(4)}, {Side: hub.SideSent, Period: "2026-12", Tally: numbers(11)}},
		reasons: []hub.RefusalRow{{Side: hub.SideSent, Reason: hub.ReasonOther, Count: 3, Own: 2}, {Side: hub.SideReceived, Reason: hub.ReasonOther, Count: 5, Own: 4}, {Side: hub.SideSent, Reason: hub.ReasonMalware, Count: 1}},
	}
	r, err := newService(s).Report(t.Context(), leader(hubtest.Province), hub.FiguresQuery{Period: "2026", Kind: "cong-van"})
	if err != nil {
		t.Fatal(err)
	}
	if s.asked.Agency != hubtest.Province || s.asked.Kind != "cong-van" || len(s.asked.Periods) != 12 {
		t.Errorf("asked for %+v", s.asked)
	}
	if r.Total.Sent[0] != 11 || r.Total.Received[0] != 4 || !r.Own || !r.Pending || !r.CountedTo.Equal(now()) || r.Name != "UBND tỉnh Quảng Nam" {
		t.Errorf("%+v", r)
	}
	var units []hub.AgencyID
	for _, u := range r.Units {
		units = append(units, u.Agency)
	}
	if want := []hub.AgencyID{hubtest.Province, hubtest.Bureau, hubtest.Office}; !slices.Equal(units, want) || r.Units[0].Sent[0] != 1 || r.Units[2].Sent[0] != 10 {
		t.Errorf("units %v, want %v: %+v", units, want, r.Units)
	}
	if len(r.Levels) != 3 || r.Levels[0].Level != hub.LevelProvince || r.Levels[2].Sent[0] != 8 {
		t.Errorf("levels %+v", r.Levels)
	}
	if len(r.Steps) != 12 || r.Steps[1].Received[0] != 4 || r.Steps[11].Sent[0] != 11 || r.Steps[0].Period != "2026-01" {
		t.Errorf("steps %+v", r.Steps)
	}
	if want := []hub.Refusals{{Reason: hub.ReasonMalware, Sent: 1}, {Reason: hub.ReasonOther, Sent: 3, Received: 5, OwnSent: 2, OwnReceived: 4}}; !slices.Equal(r.Refusals, want) {
		t.Errorf("refusals %+v, want %+v", r.Refusals, want)
	}
}

// TestWhoSeesFigures: who speaks for an agency sees it and what was under it at the end of
// the period, and nobody else's figures.
func TestWhoSeesFigures(t *testing.T) {
	clerk := hubtest.System(hubtest.Province)
	auditor := hub.Actor{Scopes: []hub.Scope{hub.ScopeFigures, hub.ScopeAudit, hub.ScopeOperate}}
	for name, test := range map[string]struct {
		actor  hub.Actor
		agency hub.AgencyID
		period hub.Period
		kind   hub.ErrorKind // "" for allowed
	}{
		"itself":                     {leader(hubtest.Office), hubtest.Office, "2026", ""},
		"without a name":             {leader(hubtest.Office), "", "2026", ""},
		"below":                      {leader(hubtest.Province), hubtest.Office, "2026", ""},
		"two steps below":            {leader(hubtest.Province), hubtest.Ward, "2026", ""},
		"not yet below":              {leader(hubtest.Province), hubtest.Ward, "2026-06", hub.KindDenied},
		"below until then":           {leader(hubtest.Stranger), hubtest.Ward, "2026-06", ""},
		"below no more":              {leader(hubtest.Stranger), hubtest.Ward, "2026", hub.KindDenied},
		"above":                      {leader(hubtest.Office), hubtest.Province, "2026", hub.KindDenied},
		"beside":                     {leader(hubtest.Office), hubtest.Bureau, "2026", hub.KindDenied},
		"nobody":                     {leader(hubtest.Office), "x", "2026", hub.KindDenied},
		"of no agency":               {auditor, hubtest.Office, "2026", hub.KindDenied},
		"of no agency, without name": {auditor, "", "2026", hub.KindDenied},
		"without the scope":          {clerk, hubtest.Province, "2026", hub.KindDenied},
		"no period":                  {leader(hubtest.Office), "", "x", hub.KindInvalid},
	} {
		r, err := newService(&sums{}).Report(t.Context(), test.actor, hub.FiguresQuery{Agency: test.agency, Period: test.period})
		if kind := hub.KindOf(err); err == nil && test.kind != "" || err != nil && kind != test.kind {
			t.Errorf("%s: %v, want %q", name, err, test.kind)
		}
		if err == nil && r.Own != slices.Contains(test.actor.Agencies, r.Agency) {
			t.Errorf("%s: own is %v", name, r.Own)
		}
	}
	if _, err := newService(&sums{}).Report(t.Context(), leader(hubtest.Office), hub.FiguresQuery{Period: "2026", Kind: "x"}); hub.KindOf(err) != hub.KindInvalid {
		t.Errorf("no kind: %v", err)
	}
	s := &sums{}
	if err := newService(s).Rebuild(t.Context(), leader(hubtest.Province)); hub.KindOf(err) != hub.KindDenied || s.forgotten {
		t.Errorf("a leader counts anew: %v", err)
	}
}

// TestPagesOfUnits: pages hold the agency itself and then each of the others once, and the
// whole is all of them.
func TestPagesOfUnits(t *testing.T) {
	s := &sums{}
	for i := range 450 {
		s.rows = append(s.rows, hub.FigureRow{Side: hub.SideSent, Unit: hub.AgencyID(fmt.Sprintf("u%03d", i)), Level: hub.LevelUnit, Tally: numbers(1)})
	}
	service, query := newService(s), hub.FiguresQuery{Period: "2026-11", Page: hub.Page{Limit: 100}}
	seen := map[hub.AgencyID]int{}
	for {
		r, err := service.Report(t.Context(), leader(hubtest.Stranger), query)
		if err != nil {
			t.Fatal(err)
		}
		if r.Units[0].Agency != hubtest.Stranger || len(r.Units) > 101 || r.Total.Sent[0] != 450 {
			t.Fatalf("%d units, first %s", len(r.Units), r.Units[0].Agency)
		}
		for _, u := range r.Units[1:] {
			seen[u.Agency]++
		}
		if query.Page.After = r.Next; r.Next == "" {
			break
		}
	}
	whole, err := service.Whole(t.Context(), leader(hubtest.Stranger), hub.FiguresQuery{Period: "2026-11"})
	if err != nil || len(seen) != 450 || len(whole.Units) != 451 || whole.Next != "" {
		t.Errorf("%d units on pages, %d in all, %v", len(seen), len(whole.Units), err)
	}
	// Of one level: who has some of it, with that alone; the agency itself stays as it is.
	s.rows = append(s.rows, hub.FigureRow{Side: hub.SideSent, Unit: "u007", Level: hub.LevelCommune, Tally: numbers(5)},
		hub.FigureRow{Side: hub.SideSent, Unit: hubtest.Stranger, Level: hub.LevelProvince, Tally: numbers(9)})
	level, err := service.Whole(t.Context(), leader(hubtest.Stranger), hub.FiguresQuery{Period: "2026-11", Level: hub.LevelCommune})
	if err != nil || len(level.Units) != 2 || level.Units[0].Sent[0] != 9 || level.Units[1].Agency != "u007" || level.Units[1].Sent[0] != 5 || level.Total.Sent[0] != 464 {
		t.Errorf("of the communes: %+v %v", level.Units, err)
	}
	if _, err := service.Report(t.Context(), leader(hubtest.Stranger), hub.FiguresQuery{Period: "2026-11", Level: "x"}); err == nil || hub.ViolationsOf(err)[0].Field != "level" {
		t.Errorf("a level that is none: %v", err)
	}
	query.Page.After = "x"
	if _, err := service.Report(t.Context(), leader(hubtest.Stranger), query); hub.KindOf(err) != hub.KindInvalid {
		t.Errorf("a page that is none: %v", err)
	}
}

// broken is a log that cannot be read.
type broken struct{ figures.Log }

// FigureEntries implements figures.Log.
func (broken) FigureEntries(context.Context, int64, int) ([]hub.PlacedEvidence, error) {
	return nil, errors.New("away")
}

// TestNothingIsSavedOfAStepThatFails: the place stays where it was.
func TestNothingIsSavedOfAStepThatFails(t *testing.T) {
	s := figures.New(figures.Options{Store: &counted{progress: hub.FigureProgress{Day: "2026-11-29"}}, Log: broken{}, Now: now})
	if more, err := s.Step(t.Context()); err == nil || more {
		t.Errorf("%v, %v", more, err)
	}
}

// counted is a store that nothing may be saved in.
type counted struct {
	figures.Store
	progress hub.FigureProgress
}

// FigureProgress implements figures.Store.
func (c *counted) FigureProgress(context.Context) (hub.FigureProgress, int64, error) {
	return c.progress, 3, nil
}

// dueAtOnce is a store of facts that are open and were due.
type dueAtOnce struct {
	counted
	facts map[hub.DeliveryID]hub.DeliveryFacts
}

// FigureFactsDue implements figures.Store.
func (d *dueAtOnce) FigureFactsDue(_ context.Context, before hub.Date, limit int) ([]hub.DeliveryFacts, error) {
	var due []hub.DeliveryFacts
	for _, f := range d.facts {
		if f.Marks()&hub.MeasureOpen.Mark() != 0 && f.Due < before && len(due) < limit {
			due = append(due, f)
		}
	}
	return due, nil
}

// SaveFigures implements figures.Store.
func (d *dueAtOnce) SaveFigures(_ context.Context, step hub.FigureStep) error {
	for _, f := range step.Facts {
		d.facts[f.Delivery] = f
	}
	d.progress = step.Next
	return nil
}

// TestManyDueAtOnce: a day on which more became overdue than one step takes is looked at in
// several steps, and the counting goes on behind it.
func TestManyDueAtOnce(t *testing.T) {
	store := &dueAtOnce{counted: counted{progress: hub.FigureProgress{Day: "2026-11-28", Place: 3}}, facts: map[hub.DeliveryID]hub.DeliveryFacts{}}
	for i := range 4500 {
		id := fmt.Sprintf("%d", i)
		store.facts[hub.DeliveryID(id)] = hub.DeliveryFacts{Dispatch: hub.DispatchID(id), Delivery: hub.DeliveryID(id), Due: "2026-11-28", State: hub.StateHandedOver, SentAt: now()}
	}
	service := figures.New(figures.Options{Store: store, Directory: tree{hubtest.NewDirectory(agencies()...)}, Now: now})
	if err := service.Count(t.Context()); err != nil {
		t.Fatal(err)
	}
	left := 0
	for _, f := range store.facts {
		if f.Marks()&hub.MeasureOverdue.Mark() == 0 {
			left++
		}
	}
	if left > 0 || store.progress.Day != "2026-11-29" {
		t.Errorf("%d are not marked, looked up to %s", left, store.progress.Day)
	}
}
