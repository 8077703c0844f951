package dossiers_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/dossiers"
)

// merged puts the unit under "p" up to 5 March, and under "q", below "p" up to 9 March, from
// then on.
func (d *desk) merged() {
	during := func(up hub.AgencyID, from, to string) hub.Dated[hub.AgencyID] {
		v := hub.Dated[hub.AgencyID]{Value: up}
		if from != "" {
			v.Valid.From = at(from)
		}
		if to != "" {
			v.Valid.To = at(to)
		}
		return v
	}
	d.above = map[hub.AgencyID][]hub.Dated[hub.AgencyID]{"u": {during("p", "", "03-05 00:00"), during("q", "03-05 00:00", "")}, "q": {during("p", "03-01 00:00", "03-09 00:00")}}
}

// underIn reports whether the unit was under another at an instant, as merged says.
func underIn(up hub.AgencyID, start time.Time) bool {
	switch up {
	case "p":
		return start.Before(at("03-09 00:00"))
	case "q":
		return !start.Before(at("03-05 00:00"))
	}
	return true
}

// live lets something happen to some dossiers, told in any order.
func (d *desk) live(t *testing.T, random *rand.Rand) {
	t.Helper()
	minute := func(from int) string {
		return at("03-01 00:00").Add(time.Duration(from+random.IntN(20*24*2-from)) * 30 * time.Minute).In(hub.Vietnam()).Format("2006-01-02T15:04")
	}
	acts := []hub.DossierAct{
		hub.DossierAccept, hub.DossierProcess, hub.DossierAsk, hub.DossierSupply, hub.DossierAsk, hub.DossierSupply, hub.DossierCharge, hub.DossierFinish, hub.DossierFinish, hub.DossierGiveBack, hub.DossierStop,
		hub.DossierHandOver, hub.DossierHandBack, hub.DossierApologise, hub.DossierApologise, hub.DossierDeliver, hub.DossierReport,
	}
	for range 1 + random.IntN(6) {
		w := wish()
		begin := random.IntN(10 * 24 * 2)
		w.Received = hub.DossierMoment(at("03-01 00:00").Add(time.Duration(begin) * 30 * time.Minute).In(hub.Vietnam()).Format("2006-01-02T15:04"))
		w.Channel = hub.DossierChannels()[random.IntN(3)]
		if w.Waits = random.IntN(4) == 0; random.IntN(3) == 0 {
			w.Due = hub.DossierMoment(minute(begin + 1))
		}
		v := d.register(t, w)
		for range random.IntN(9) {
			o := hub.DossierOrder{Act: acts[random.IntN(len(acts))], At: hub.DossierMoment(minute(begin)), Text: "x"}
			agency := hub.AgencyID("u")
			switch o.Act {
			case hub.DossierHandOver:
				o.To, o.Role = []hub.AgencyID{"c", "l"}[random.IntN(2)], []hub.DossierRole{hub.DossierCo, hub.DossierLead}[random.IntN(2)]
				if random.IntN(2) == 0 {
					o.Due = "2026-03-22"
				}
			case hub.DossierHandBack:
				agency = v.Parties[random.IntN(len(v.Parties))]
			case hub.DossierApologise:
				o.Due = "2026-04-01"
			case hub.DossierReport:
				o.Local = "Đang chờ"
			}
			v = d.act(t, agency, v.ID, o)
		}
	}
}

// recounted counts the dossiers of a look from their events, one by one.
func (d *desk) recounted(up hub.AgencyID, from, look time.Time) hub.DossierTally {
	w := hub.WorkingTime{Calendar: d.days}
	tally := hub.DossierTally{Counts: map[hub.DossierMeasure]int64{}}
	for i := range d.files {
		f := &d.files[i]
		k := dossiers.Clock(&f.Dossier, f.Events, w, look)
		if k.Start.IsZero() || k.Ended && k.End.Before(from) || !underIn(up, k.Start) {
			continue
		}
		letter, parties := time.Time{}, map[hub.AgencyID]bool{f.Unit: true}
		for _, e := range f.Events {
			if e.At.Before(look) && e.To != "" {
				parties[e.To] = true
			}
			if e.At.Before(look) && e.Act == hub.DossierApologise && (letter.IsZero() || e.At.Before(letter)) {
				letter = e.At
			}
		}
		stopped := slices.ContainsFunc(k.Explain, func(r hub.DossierReason) bool { return r.Rule == hub.RuleEndStopped })
		early := k.Ended && !k.Late && hub.DateOf(k.End) < hub.DateOf(k.Due)
		for m, counts := range map[hub.DossierMeasure]bool{
			hub.DossiersAll: true, hub.DossiersNew: !k.Start.Before(from), hub.DossiersCarried: k.Start.Before(from), hub.DossiersEnded: k.Ended,
			hub.DossiersEarly: early, hub.DossiersOnTime: k.Ended && !k.Late && !early, hub.DossiersEndedLate: k.Ended && k.Late,
			hub.DossiersOpenInTime: !k.Ended && !k.Late, hub.DossiersOpenLate: !k.Ended && k.Late, hub.DossiersInTime: !k.Late, hub.DossiersLate: k.Late,
			hub.DossiersSupplemented: k.Requests > 0, hub.DossiersAgain: k.Requests > 1, hub.DossiersLetters: k.Late && !letter.IsZero(), hub.DossiersNoLetter: k.Late && letter.IsZero(),
			hub.DossiersLettersLate: k.Late && letter.After(k.Due), hub.DossiersStopped: stopped, hub.DossiersShared: len(parties) > 1, hub.DossierMeasure(f.Channel): true,
		} {
			if counts {
				tally.Counts[m]++
			}
		}
		tally.Parties += int64(len(parties))
		if k.Ended {
			tally.Worked += k.Worked
			tally.Allowed += int64(w.Between(k.Start, w.Due(k.Start, f.Procedure.Limit)) / time.Minute)
		}
	}
	return tally
}

// TestFiguresAgainstRecount: figures of whatever period, looked at whenever, are what a
// recount of the events gives, one dossier at a time, over supplements, holidays, a merger,
// and a change of the calendar; and lists find what the clock of each dossier says.
func TestFiguresAgainstRecount(t *testing.T) {
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 2))
	leader := hub.Actor{Name: "leader", Agencies: []hub.AgencyID{"u", "p", "q"}, Scopes: []hub.Scope{hub.ScopeFigures, hub.ScopeRead, hub.ScopeSubmit}}
	for round := range 60 {
		d := newDesk()
		d.merged()
		d.now = at("03-22 00:00")
		d.live(t, random)
		compare := func(period hub.Period, up hub.AgencyID) {
			t.Helper()
			f, err := d.Figures(t.Context(), leader, hub.DossierFigureQuery{Unit: up, Period: period, Under: true})
			if err != nil || f.Pending {
				t.Fatal(err, f.Pending)
			}
			from, _ := period.Span()
			want := d.recounted(up, from, f.AsOf)
			maps.DeleteFunc(f.Tally.Counts, func(_ hub.DossierMeasure, n int64) bool { return n == 0 })
			if f.Tally.Counts == nil {
				f.Tally.Counts = map[hub.DossierMeasure]int64{}
			}
			if got := fmt.Sprint(f.Tally); got != fmt.Sprint(want) {
				t.Fatalf("seed %d, round %d: %s of %s as of %v:\n%s, recounted\n%v\n%+v", seed, round, period, up, f.AsOf, got, want, d.files)
			}
			if f.Total != int(want.Counts[hub.DossiersAll]) || f.Late != int(want.Counts[hub.DossiersLate]) {
				t.Errorf("seed %d: %+v", seed, f.DossierCount)
			}
		}
		look := func() {
			t.Helper()
			for range 6 {
				d.now = at("03-01 00:00").Add(time.Duration(random.IntN(22*24*60)) * time.Minute)
				compare("2026", "u")
			}
			d.now = at("04-20 00:00")
			for _, up := range []hub.AgencyID{"u", "p", "q"} {
				compare(hub.Period(fmt.Sprintf("2026-03-%02d", 1+random.IntN(21))), up)
				compare("2026-03", up)
			}
			d.sameLists(t, seed)
		}
		look()
		d.days = hub.NewCalendar(hub.CalendarYear{Year: 2026, Days: []hub.CalendarDay{{Date: "2026-03-10", Kind: hub.DayOff}, {Date: "2026-03-11", Kind: hub.DayOff}}})
		if f, err := d.Figures(t.Context(), leader, hub.DossierFigureQuery{Unit: "u", Period: "2026"}); err != nil || !f.Pending {
			t.Errorf("the calendar has changed: %+v, %v", f, err)
		}
		if err := d.Recount(t.Context()); err != nil {
			t.Fatal(err)
		}
		look()
	}
}

// sameLists holds lists against the view of each dossier.
func (d *desk) sameLists(t *testing.T, seed uint64) {
	t.Helper()
	for _, d.now = range []time.Time{at("03-22 00:00"), at("03-24 10:00"), at("04-02 00:00")} {
		want := map[string][]string{}
		for i := range d.files {
			v, err := d.Show(t.Context(), of("u"), d.files[i].Number)
			if err != nil {
				t.Fatal(err)
			}
			found := []string{string(v.Clock.Timeliness)}
			for _, f := range v.Findings {
				found = append(found, string(f.Rule))
			}
			slices.Sort(found)
			for _, name := range slices.Compact(found) {
				want[name] = append([]string{v.Number}, want[name]...)
			}
		}
		check := func(name string, query hub.DossierQuery) {
			t.Helper()
			query.Agency = "u"
			list, err := d.List(t.Context(), of("u"), query)
			var got []string
			for i := range list.Items {
				got = append(got, list.Items[i].Number)
			}
			if err != nil || !slices.Equal(got, want[name]) {
				t.Fatalf("seed %d: %s: %v, want %v, %v\n%+v", seed, name, got, want[name], err, d.files)
			}
		}
		for _, finding := range hub.DossierFindings() {
			check(string(finding), hub.DossierQuery{Finding: finding})
		}
		for _, stands := range hub.Timelinesses() {
			check(string(stands), hub.DossierQuery{Timeliness: []hub.Timeliness{stands}})
		}
	}
}

// TestHandedOverBeforeItBegins: lists say of what was handed over before it was accepted what
// its page says.
func TestHandedOverBeforeItBegins(t *testing.T) {
	d := newDesk()
	w := wish()
	w.Waits = true
	v := d.register(t, w)
	d.act(t, "u", v.ID, hub.DossierOrder{Act: hub.DossierHandOver, To: "c", At: "2026-03-03T08:00", Due: "2026-03-22"})
	d.sameLists(t, 0)
}

// TestWhoCounts: figures are for the unit, and with the scope for who is above it; those of
// others are listed one unit at a time.
func TestWhoCounts(t *testing.T) {
	d := newDesk()
	d.merged()
	d.register(t, wish())
	for _, c := range []struct {
		agency hub.AgencyID
		scope  hub.Scope
		query  hub.DossierFigureQuery
		want   string
	}{
		{"u", hub.ScopeRead, hub.DossierFigureQuery{Unit: "u"}, "1"},
		{"u", hub.ScopeRead, hub.DossierFigureQuery{Unit: "u", Under: true}, "denied scope"},
		{"q", hub.ScopeFigures, hub.DossierFigureQuery{Unit: "u"}, "1"},
		{"q", hub.ScopeRead, hub.DossierFigureQuery{Unit: "u"}, "denied scope"},
		{"q", hub.ScopeFigures, hub.DossierFigureQuery{Unit: "q"}, "0"},
		{"q", hub.ScopeFigures, hub.DossierFigureQuery{Unit: "q", Under: true}, "0"}, // was not above it on the day
		{"p", hub.ScopeFigures, hub.DossierFigureQuery{Unit: "p", Under: true}, "1"},
		{"p", hub.ScopeFigures, hub.DossierFigureQuery{Unit: "u"}, "denied agency"}, // is not above it any more
		{"p", hub.ScopeFigures, hub.DossierFigureQuery{Unit: "u", Period: "2026-03-06"}, "1"},
		{"x", hub.ScopeFigures, hub.DossierFigureQuery{Unit: "u"}, "denied agency"},
	} {
		actor := hub.Actor{Agencies: []hub.AgencyID{c.agency}, Scopes: []hub.Scope{c.scope}}
		if c.query.Period == "" {
			c.query.Period = "2026"
		}
		f, err := d.Figures(t.Context(), actor, c.query)
		got := fmt.Sprint(f.Total)
		if err != nil {
			got = fmt.Sprint(hub.KindOf(err), " ", hub.ViolationsOf(err)[0].Rule)
		}
		if got != c.want {
			t.Errorf("%s with %s asks %+v: %s, want %s", c.agency, c.scope, c.query, got, c.want)
		}
		list, err := d.Counted(t.Context(), actor, c.query)
		if c.query.Under {
			continue
		}
		if got := fmt.Sprint(len(list.Items)); err == nil && got != c.want || (err != nil) != (len(c.want) > 1) {
			t.Errorf("%s with %s opens %+v: %s, %v, want %s", c.agency, c.scope, c.query, got, err, c.want)
		}
	}
	_, err := d.Counted(t.Context(), of("u"), hub.DossierFigureQuery{Unit: "u", Period: "2026", Measure: "nice"})
	wrong(t, "no measure", err, "invalid measure code_list")
}
