package dossiers_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/dossiers"
)

// year has a holiday in the week (Wednesday 4 March 2026) and a Saturday that is worked.
func year() *hub.Calendar {
	return hub.NewCalendar(hub.CalendarYear{Year: 2026, Days: []hub.CalendarDay{{Date: "2026-03-04", Kind: hub.DayOff}, {Date: "2026-03-07", Kind: hub.DayWorking}}})
}

func at(s string) time.Time {
	t, err := time.ParseInLocation("01-02 15:04", s, hub.Vietnam())
	if err != nil {
		panic(err)
	}
	return t.AddDate(2026, 0, 0).UTC()
}

// told makes events of lines such as "03-02 08:00 accept".
func told(lines ...string) []hub.DossierEvent {
	var events []hub.DossierEvent
	for i, line := range lines {
		act := hub.DossierAct(line[12:])
		events = append(events, hub.DossierEvent{Seq: int64(i + 1), Act: act, At: at(line[:11]), Status: act.Status(), Agency: "u"})
	}
	return events
}

func rules(k *hub.DossierClock) string {
	var list []string
	for _, r := range k.Explain {
		text := string(r.Rule)
		if r.Event != 0 {
			text += fmt.Sprint("@", r.Event)
		}
		list = append(list, text)
	}
	return fmt.Sprint(list)
}

// TestClock: the national formula, rule by rule, over a holiday and a worked Saturday.
func TestClock(t *testing.T) {
	days := func(n int) hub.ProcedureLimit { return hub.ProcedureLimit{Amount: n, Unit: hub.LimitWorkingDays} }
	for name, c := range map[string]struct {
		limit     hub.ProcedureLimit
		appointed string
		events    []string
		now       string
		due       string
		want      string
		worked    int64
	}{
		"in time by the limit over a holiday": {days(3), "", []string{"03-02 08:00 accept", "03-06 17:30 result"}, "03-20 08:00", "03-06 17:30",
			"[start@1 due_limit end_result@2 in_time]", 8*60*4 - 30},
		"a minute late":                    {days(3), "", []string{"03-02 08:00 accept", "03-06 17:31 result"}, "03-20 08:00", "03-06 17:30", "[start@1 due_limit end_result@2 late]", 8*60*4 - 30},
		"the appointment before the limit": {days(30), "03-03 09:00", []string{"03-02 08:00 accept", "03-03 10:00 result"}, "03-20 08:00", "03-03 09:00", "[start@1 due_appointment end_result@2 late]", 8*60 - 30 + 150},
		"hours of work": {hub.ProcedureLimit{Amount: 8, Unit: hub.LimitHours}, "", []string{"03-03 16:30 accept", "03-05 16:30 result"}, "03-20 08:00", "03-05 16:30",
			"[start@1 due_limit end_result@2 in_time]", 8 * 60},
		"days of the calendar that end on a day off": {hub.ProcedureLimit{Amount: 2, Unit: hub.LimitDays}, "", []string{"03-02 08:00 accept", "03-05 17:30 return"}, "03-20 08:00", "03-05 17:30",
			"[start@1 due_limit end_returned@2 in_time]", 8*60*3 - 30},
		"a supplement is left out": {days(1), "", []string{"03-02 08:00 accept", "03-02 14:30 request_supplement", "03-05 10:30 supplement", "03-06 08:30 result"}, "03-20 08:00", "03-06 15:30",
			"[start@1 due_limit supplement@2 due_moved end_result@4 in_time]", 270 + 5*60 + 60},
		"a request out of hours and its answer": {days(1), "", []string{"03-02 08:00 accept", "03-03 20:00 request_supplement", "03-03 21:00 supplement", "03-05 08:00 result"}, "03-20 08:00", "03-03 17:30",
			"[start@1 due_limit supplement@2 end_result@4 late]", 2 * 8 * 60},
		"two requests": {days(5), "", []string{"03-02 08:00 accept", "03-02 09:00 request_supplement", "03-02 10:00 supplement", "03-02 11:00 request_supplement", "03-02 11:30 supplement", "03-02 14:00 result"}, "03-20 08:00", "03-10 09:00",
			"[start@1 due_limit supplement@2 supplement@4 due_moved end_result@6 second_supplement@4 late]", 3*60 + 30 - 60},
		"the same request once more": {days(5), "", []string{"03-02 08:00 accept", "03-02 09:00 request_supplement", "03-02 09:30 request_supplement", "03-02 10:00 supplement", "03-02 14:00 result"}, "03-20 08:00", "03-10 08:30",
			"[start@1 due_limit supplement@2 due_moved end_result@5 in_time]", 180},
		"one request and nothing since":     {days(1), "", []string{"03-02 08:00 accept", "03-02 09:00 request_supplement"}, "03-20 08:00", "03-03 17:30", "[start@1 due_limit end_asked@2 in_time]", 60},
		"a request that came too late":      {days(1), "", []string{"03-02 08:00 accept", "03-05 09:00 request_supplement"}, "03-20 08:00", "03-03 17:30", "[start@1 due_limit end_asked@2 late]", 2*8*60 - 30 + 90},
		"open, and its time is over":        {days(1), "", []string{"03-02 08:00 accept"}, "03-03 17:31", "03-03 17:30", "[start@1 due_limit end_none late]", 2*8*60 - 30},
		"open":                              {days(1), "", []string{"03-02 08:00 accept", "03-02 09:00 process"}, "03-03 17:30", "03-03 17:30", "[start@1 due_limit end_none in_time]", 2*8*60 - 30},
		"the result counts, not its return": {days(1), "", []string{"03-02 08:00 accept", "03-03 09:00 result", "03-09 09:00 return"}, "03-20 08:00", "03-03 17:30", "[start@1 due_limit end_result@2 in_time]", 8*60 - 30 + 90},
		"withdrawn":                         {days(1), "", []string{"03-02 08:00 accept", "03-03 09:00 withdraw"}, "03-20 08:00", "03-03 17:30", "[start@1 due_limit end_stopped@2 in_time]", 8*60 - 30 + 90},
		"rejected at the counter":           {days(1), "", []string{"03-02 08:00 register", "03-02 08:01 reject"}, "03-20 08:00", "", "[no_start]", 0},
		"told out of order":                 {days(1), "", []string{"03-03 09:00 result", "03-02 08:00 accept", "03-02 07:45 register"}, "03-20 08:00", "03-03 17:30", "[start@2 due_limit end_result@1 in_time]", 8*60 - 30 + 90},
		"the acceptance was never told":     {days(1), "", []string{"03-02 08:00 process", "03-03 09:00 result"}, "03-20 08:00", "03-03 17:30", "[start@1 due_limit end_result@2 in_time]", 8*60 - 30 + 90},
		"what comes later does not count":   {days(1), "", []string{"03-02 08:00 accept", "03-03 09:00 result"}, "03-03 09:00", "03-03 17:30", "[start@1 due_limit end_none in_time]", 8*60 - 30 + 90},
	} {
		d := hub.Dossier{Unit: "u", Procedure: hub.DossierProcedure{Limit: c.limit}}
		if c.appointed != "" {
			d.Appointed = at(c.appointed)
		}
		k := dossiers.Clock(&d, told(c.events...), hub.WorkingTime{Calendar: year()}, at(c.now))
		due := ""
		if !k.Due.IsZero() {
			due = k.Due.In(hub.Vietnam()).Format("01-02 15:04")
		}
		if got := rules(&k); got != c.want || due != c.due || k.Worked != c.worked {
			t.Errorf("%s: due %s, %d minutes, %s; want %s, %d, %s", name, due, k.Worked, got, c.due, c.worked, c.want)
		}
	}
}

// TestClockAgainstRecount holds the clock against a count that walks from minute to minute
// and knows no intervals, over random histories with supplements and days off: as many as it
// takes until there were some of each kind.
func TestClockAgainstRecount(t *testing.T) {
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 1))
	w := hub.WorkingTime{Calendar: year()}
	seen, kinds := map[string]int{}, []string{"in time", "late", "second", "asked", "none", "no start"}
	rare := func(why string) bool { return seen[why] < 3 }
	for n := 0; n < 400 || slices.ContainsFunc(kinds, rare); n++ {
		if n == 100*400 {
			t.Fatalf("seed %d: of some kinds there are no histories: %v", seed, seen)
		}
		events, d, now := history(random)
		k := dossiers.Clock(&d, events, w, now)
		late, due, worked, why := recount(&d, events, w, now)
		seen[why]++
		if k.Late != late || !k.Due.Equal(due) || k.Worked != worked {
			t.Fatalf("seed %d: %s: late %v, due %v, %d minutes; the recount says %v, %v, %d\n%s\n%+v\n%+v", seed, why, k.Late, k.Due, k.Worked, late, due, worked, rules(&k), d, events)
		}
	}
}

// history is what may happen to a dossier, told in any order.
func history(random *rand.Rand) ([]hub.DossierEvent, hub.Dossier, time.Time) {
	d := hub.Dossier{Unit: "u", Procedure: hub.DossierProcedure{Limit: hub.ProcedureLimit{Amount: 1 + random.IntN(6), Unit: hub.LimitWorkingDays}}}
	now := at("03-01 00:00").Add(time.Duration(random.IntN(3*7*24*60)) * time.Minute)
	begin := at("03-01 00:00")
	if random.IntN(3) == 0 {
		d.Appointed = begin.Add(time.Duration(random.IntN(14*24*60)) * time.Minute)
	}
	acts := []hub.DossierAct{hub.DossierProcess, hub.DossierAsk, hub.DossierSupply, hub.DossierAsk, hub.DossierCharge, hub.DossierReport, hub.DossierFinish, hub.DossierGiveBack, hub.DossierStop}
	var events []hub.DossierEvent
	add := func(act hub.DossierAct) {
		moment := begin.Add(time.Duration(random.IntN(3*7*24*2)) * 30 * time.Minute)
		events = append(events, hub.DossierEvent{Act: act, At: moment, Status: act.Status()})
	}
	if random.IntN(5) > 0 {
		events = append(events, hub.DossierEvent{Act: hub.DossierAccept, At: begin.Add(time.Duration(random.IntN(5*24*60)) * time.Minute), Status: hub.DossierAccepted})
	}
	for range random.IntN(9) {
		add(acts[random.IntN(len(acts))])
	}
	random.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
	for i := range events {
		events[i].Seq = int64(i + 1)
	}
	return events, d, now
}

// recount walks from minute to minute.
func recount(d *hub.Dossier, events []hub.DossierEvent, w hub.WorkingTime, now time.Time) (late bool, due time.Time, worked int64, why string) {
	list := slices.DeleteFunc(slices.Clone(events), func(e hub.DossierEvent) bool { return !e.At.Before(now) || e.Status == 0 })
	slices.SortStableFunc(list, func(a, b hub.DossierEvent) int { return a.At.Compare(b.At) })
	earliest := func(statuses ...hub.DossierStatus) time.Time {
		for _, e := range list {
			if slices.Contains(statuses, e.Status) {
				return e.At
			}
		}
		return time.Time{}
	}
	start := earliest(2)
	if start.IsZero() {
		start = earliest(4, 5, 6, 9, 10)
	}
	if start.IsZero() {
		return false, due, 0, "no start"
	}
	end := time.Time{}
	for _, statuses := range [][]hub.DossierStatus{{9}, {10}, {3, 7, 8}} {
		if end.IsZero() {
			end = earliest(statuses...)
		}
	}
	if !end.IsZero() && end.Before(start) {
		end = start
	}
	due = d.Appointed
	if due.IsZero() {
		due = w.Due(start, d.Procedure.Limit)
	}
	// standing says how many requests began up to a minute, counted anew, and whether one
	// stands at it.
	standing := func(m time.Time) (requests int, stands bool, since time.Time) {
		status := hub.DossierStatus(0)
		for i, e := range list {
			if e.At.After(m) {
				break
			}
			if e.Status == 5 && status != 5 {
				next := now.Add(time.Hour) // of what has no answer
				for _, later := range list[i:] {
					if later.Status != 5 {
						next = later.At
						break
					}
				}
				since = e.At
				if since.Before(start) {
					since = start
				}
				if (end.IsZero() || since.Before(end)) && !next.Before(start) {
					requests++
				}
			}
			status = e.Status
		}
		return requests, status == 5, since
	}
	stop := end
	if stop.IsZero() {
		stop = now
	}
	requests, stands, since := standing(stop)
	waits := end.IsZero() && requests == 1 && stands
	if waits {
		stop = since
	}
	works := func(m time.Time) bool {
		local := m.In(hub.Vietnam())
		clock := local.Hour()*60 + local.Minute()
		return w.Calendar.Working(hub.DateOf(m)) && (clock >= 450 && clock < 690 || clock >= 810 && clock < 1050)
	}
	debt, moved, set := 0, due, due
	settled := !start.Before(set) // a time that was over when it began
	for m := start; m.Before(stop) || !settled && m.Before(stop.AddDate(0, 2, 0)); m = m.Add(time.Minute) {
		_, stands, began := standing(m)
		stands = stands && m.Before(stop)
		if !settled && !m.Before(set) && debt == 0 && (!stands || !began.Before(set)) {
			settled, moved = true, m
			if m.Before(set) {
				moved = set
			}
		}
		counts := works(m)
		if counts && !stands && m.Before(stop) {
			worked++
		}
		switch {
		case !counts:
		case stands && m.Before(set):
			debt++
		case stands: // what stands behind the end that was set does not run off, nor does it owe
		case !m.Before(set) && debt > 0:
			debt--
			if debt == 0 {
				settled, moved = true, m.Add(time.Minute)
			}
		}
	}
	late = stop.After(moved) || requests > 1
	switch {
	case requests > 1:
		why = "second"
	case waits:
		why = "asked"
	case end.IsZero():
		why = "none"
	case late:
		why = "late"
	default:
		why = "in time"
	}
	return late, moved, worked, why
}
