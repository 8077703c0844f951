package storagetest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// kept draws what is kept of a dossier, with instants that often meet.
func kept(random *rand.Rand, at time.Time) *hub.DossierKept {
	hour := func(from int) time.Time { return at.Add(time.Duration(from+random.IntN(6)) * time.Hour) }
	maybe := func(t time.Time) time.Time {
		if random.IntN(2) == 0 {
			return time.Time{}
		}
		return t
	}
	k := &hub.DossierKept{Basis: "b1", Late: maybe(hour(0)), Foreseen: maybe(hour(0)), Marks: hub.DossierMarks(random.IntN(int(2 * hub.MarkUnknown)))}
	for n := range random.IntN(4) {
		f := hub.DossierFacts{
			Since: at.Add(time.Duration(3*n) * time.Hour), Start: at.Add(time.Duration(random.IntN(2)) * time.Hour), Late: maybe(hour(0)), Requests: random.IntN(3), Parties: 1 + random.IntN(2),
			Marks: hub.DossierMarks(random.IntN(int(hub.MarkBegun))), Worked: random.Int64N(100), Allowed: random.Int64N(100),
		}
		if n > 0 {
			k.Facts[n-1].Until = f.Since
			f.Ended = maybe(f.Since)
		}
		k.Facts = append(k.Facts, f)
	}
	return k
}

// testDossierFacts: what is kept of dossiers is counted and listed as the rules of the hub
// say, is replaced with each event, and is found where it is outdated.
func testDossierFacts(t *testing.T, back Backend) {
	b := newBench(t, back)
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 3))
	at := b.Clock.UTC().Truncate(time.Hour)
	var files []hub.DossierFile
	for n := range int64(60) {
		f := b.dossier(hub.AgencyID(fmt.Sprint("u", n%2)), n/2+1, "h1")
		f.Channel, f.Procedure.Code = hub.DossierChannels()[random.IntN(3)], fmt.Sprint("1.00", random.IntN(2))
		if random.IntN(3) > 0 {
			f.Kept = kept(random, at)
		}
		b.must(b.store.AddDossier(b.ctx, f, true, nil))
		if f.Kept = kept(random, at); random.IntN(2) == 0 {
			b.happens(&f, hub.DossierAccept)
			b.must(b.store.AddDossierEvent(b.ctx, f, b.dossierNote()))
		} else {
			stale := f
			stale.Version++
			b.must(b.store.CountDossiers(b.ctx, []hub.DossierFile{f}))
			stale.Kept = &hub.DossierKept{Basis: "other"}
			b.must(b.store.CountDossiers(b.ctx, []hub.DossierFile{stale}))
		}
		files = append(files, f)
	}
	units, err := b.store.DossierUnits(b.ctx)
	b.must(err)
	same(t, "units", units, []hub.AgencyID{"u0", "u1"})
	for range 20 {
		hour := func() time.Time { return at.Add(time.Duration(random.IntN(12)) * time.Hour) }
		look := hub.DossierLook{Unit: "u1", From: hour(), At: hour()}
		if random.IntN(2) == 0 {
			look.Begun = hub.Interval{From: at, To: at.Add(time.Hour)}
		}
		b.sameSums(seed, files, &look)
		b.sameList(seed, files, &hub.DossierQuery{Agency: "h1", Open: random.IntN(2) == 0, Moments: hub.DossierMoments{Look: look.At, Soon: look.At.Add(time.Hour), Letter: look.At.Add(2 * time.Hour)}})
	}
	b.outdated(files)
}

// sameSums holds the sums and the lists of a look against the rules.
func (b *bench) sameSums(seed uint64, files []hub.DossierFile, look *hub.DossierLook) {
	b.t.Helper()
	of := func(procedure string, channel hub.DossierChannel) string { return procedure + " " + string(channel) }
	want, listed := map[string]*hub.DossierTally{}, map[hub.DossierMeasure]int{}
	for i := range files {
		f := &files[i]
		for n := range f.Kept.Facts {
			k := &f.Kept.Facts[n]
			if f.Unit != look.Unit || !k.Holds(look.From, look.At) || !look.Begun.Contains(k.Start) {
				continue
			}
			one := hub.DossierTally{Counts: map[hub.DossierMeasure]int64{}, Worked: k.Worked, Allowed: k.Allowed, Parties: int64(k.Parties)}
			for _, m := range hub.DossierMeasures() {
				one.Counts[m] = 0
				if k.Counts(m, f.Channel, look.From, look.At) {
					one.Counts[m] = 1
					listed[m]++
				}
			}
			place := of(f.Procedure.Code, f.Channel)
			if want[place] == nil {
				want[place] = &hub.DossierTally{}
			}
			want[place].Add(&one)
		}
	}
	sums, err := b.store.DossierSums(b.ctx, *look)
	b.must(err)
	got, all := map[string]*hub.DossierTally{}, hub.DossierFigures{Channels: map[hub.DossierChannel]hub.DossierCount{}}
	for i := range sums {
		got[of(sums[i].Procedure, sums[i].Channel)] = &sums[i].DossierTally
		all.Add(&sums[i])
	}
	count, err := b.store.DossierCount(b.ctx, *look)
	b.must(err)
	same(b.t, fmt.Sprint("count of seed ", seed, " ", *look), count, all.DossierCount)
	same(b.t, fmt.Sprint("sums of seed ", seed, " ", *look), got, want)
	for _, m := range hub.DossierMeasures() {
		var found []hub.DossierID
		for page := (hub.Page{Limit: 3}); ; {
			list, err := b.store.CountedDossiers(b.ctx, *look, m, page)
			b.must(err)
			for i := range list.Items {
				found = append(found, list.Items[i].ID)
			}
			if page.After = list.Next; page.After == "" {
				break
			}
		}
		slices.Sort(found)
		if n := len(slices.Compact(slices.Clone(found))); n != listed[m] || len(found) != n {
			b.t.Errorf("seed %d: %s: %d are listed, %d of them differ, want %d", seed, m, len(found), n, listed[m])
		}
	}
	_, err = b.store.CountedDossiers(b.ctx, *look, hub.DossiersAll, hub.Page{Limit: 1, After: "x"})
	b.wants(hub.KindInvalid, err)
}

// sameList holds lists by what is kept against the rules.
func (b *bench) sameList(seed uint64, files []hub.DossierFile, query *hub.DossierQuery) {
	b.t.Helper()
	check := func(what string, fits func(*hub.DossierKept) bool) {
		b.t.Helper()
		var want, got []hub.DossierID
		for i := range files {
			if f := &files[i]; fits(f.Kept) {
				want = append(want, f.ID)
			}
		}
		slices.Sort(want)
		slices.Reverse(want)
		for query.Page = (hub.Page{Limit: 7}); ; {
			list, err := b.store.Dossiers(b.ctx, *query)
			b.must(err)
			for i := range list.Items {
				got = append(got, list.Items[i].ID)
			}
			if query.Page.After = list.Next; list.Next == "" {
				break
			}
		}
		same(b.t, fmt.Sprint(what, " of seed ", seed), got, want)
	}
	before := func(t, moment time.Time) bool { return !t.IsZero() && t.Before(moment) }
	m := &query.Moments
	late := func(k *hub.DossierKept) bool { return before(k.Late, m.Look) }
	letter := func(k *hub.DossierKept) bool { return k.Marks.Has(hub.MarkLetter) }
	for _, c := range []struct {
		rule hub.DossierRule
		fits func(k *hub.DossierKept) bool
	}{
		{"", func(*hub.DossierKept) bool { return true }}, {hub.RuleLate, late}, {hub.RuleSecond, func(k *hub.DossierKept) bool { return k.Marks.Has(hub.MarkSecond) }},
		{hub.FindingNoLetter, func(k *hub.DossierKept) bool { return late(k) && !letter(k) }}, {hub.FindingLateLetter, func(k *hub.DossierKept) bool { return late(k) && k.Marks.Has(hub.MarkTardy) }},
		{hub.FindingLetterDue, func(k *hub.DossierKept) bool { return !late(k) && before(k.Late, m.Letter) && !letter(k) }},
		{hub.FindingUndelivered, func(k *hub.DossierKept) bool { return k.Marks.Has(hub.MarkWaits) }}, {hub.FindingForeseen, func(k *hub.DossierKept) bool { return !late(k) && before(k.Foreseen, m.Look) }},
		{hub.FindingOutOfOrder, func(k *hub.DossierKept) bool { return k.Marks.Has(hub.MarkOutOfOrder) }}, {hub.FindingUnknownWord, func(k *hub.DossierKept) bool { return k.Marks.Has(hub.MarkUnknown) }},
		{"none", func(*hub.DossierKept) bool { return false }},
	} {
		query.Finding, query.Timeliness = c.rule, nil
		check(string(c.rule), c.fits)
	}
	query.Finding = ""
	stands := func(k *hub.DossierKept) hub.Timeliness {
		switch {
		case late(k):
			return hub.Overdue
		case before(k.Late, m.Soon):
			return hub.DueSoon
		case k.Marks.Has(hub.MarkBegun):
			return hub.InTime
		}
		return hub.NoDeadline
	}
	for _, wanted := range [][]hub.Timeliness{{hub.Overdue}, {hub.DueSoon}, {hub.InTime}, {hub.Overdue, hub.InTime}, hub.Timelinesses()} {
		query.Timeliness = wanted
		check(fmt.Sprint(wanted), func(k *hub.DossierKept) bool {
			return slices.Contains(wanted, stands(k)) || slices.Contains(wanted, hub.NoDeadline) && !k.Marks.Has(hub.MarkBegun)
		})
	}
}

// outdated checks that what is kept by another basis is found, and what follows from fewer
// events.
func (b *bench) outdated(files []hub.DossierFile) {
	b.t.Helper()
	uncounted := func(basis string) int {
		b.t.Helper()
		found, err := b.store.UncountedDossiers(b.ctx, basis, 1000)
		b.must(err)
		return len(found)
	}
	if n := uncounted("b1"); n != 0 {
		b.t.Errorf("%d dossiers are outdated, want none", n)
	}
	for _, basis := range []string{"a", "c"} {
		if n := uncounted(basis); n != len(files) {
			b.t.Errorf("%d dossiers are outdated by %s, want all", n, basis)
		}
	}
	f := files[0]
	f.Kept = nil
	b.happens(&f, hub.DossierProcess)
	b.must(b.store.AddDossierEvent(b.ctx, f, b.dossierNote()))
	if n := uncounted("b1"); n != 1 {
		b.t.Errorf("%d dossiers are outdated, want the one of which nothing is kept", n)
	}
	f.Kept = &hub.DossierKept{Basis: "b1"}
	b.must(b.store.CountDossiers(b.ctx, []hub.DossierFile{f}))
	if n := uncounted("b1"); n != 0 {
		b.t.Errorf("%d dossiers are outdated, want none", n)
	}
}
