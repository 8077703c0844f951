package hub_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
)

func TestPeriods(t *testing.T) {
	at := func(s string) time.Time {
		day, err := time.ParseInLocation(time.DateOnly, s, hub.Vietnam())
		if err != nil {
			t.Fatal(err)
		}
		return day
	}
	for text, want := range map[string]struct {
		begin, end  string
		steps       int
		first, last hub.Period
	}{
		"2026":       {"2026-01-01", "2027-01-01", 12, "2026-01", "2026-12"},
		"2026-Q1":    {"2026-01-01", "2026-04-01", 3, "2026-01", "2026-03"},
		"2026-Q4":    {"2026-10-01", "2027-01-01", 3, "2026-10", "2026-12"},
		"2028-02":    {"2028-02-01", "2028-03-01", 29, "2028-02-01", "2028-02-29"},
		"2026-11-30": {"2026-11-30", "2026-12-01", 1, "2026-11-30", "2026-11-30"},
	} {
		p, err := hub.ParsePeriod(text)
		begin, end := p.Span()
		steps := p.Steps()
		if err != nil || !begin.Equal(at(want.begin)) || !end.Equal(at(want.end)) || len(steps) != want.steps || steps[0] != want.first || steps[len(steps)-1] != want.last {
			t.Errorf("%s: %s to %s, %v, %v", text, begin, end, steps, err)
		}
	}
	for _, bad := range []string{"", "26", "2026-Q5", "2026-Q", "2026-Q10", "2026-13", "2026-02-30", "1899", "2026-1", "2026-Q1-01", "x"} {
		if _, err := hub.ParsePeriod(bad); hub.KindOf(err) != hub.KindInvalid || hub.ViolationsOf(err)[0].Field != "period" {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if got := hub.Period("2026-11").Kept(); !slices.Equal(got, []hub.Period{"2026-11"}) {
		t.Errorf("a month is kept as %v", got)
	}
	if got := hub.Period("2026-Q2").Kept(); !slices.Equal(got, []hub.Period{"2026-04", "2026-05", "2026-06"}) {
		t.Errorf("a quarter is kept as %v", got)
	}
}

// TestTallyJSON: a tally is an object that names every measure, and is read as it was.
func TestTallyJSON(t *testing.T) {
	var tally, again hub.Tally
	for i := range tally {
		tally[i] = int64(i + 1)
	}
	text, err := json.Marshal(tally)
	if err != nil {
		t.Fatal(err)
	}
	var members map[hub.Measure]int64
	if err := json.Unmarshal(text, &members); err != nil || len(members) != len(hub.Measures()) || members[hub.MeasureTakingSeconds] != int64(len(tally)) {
		t.Errorf("%s: %v", text, err)
	}
	if err := json.Unmarshal(text, &again); err != nil || again != tally {
		t.Errorf("read as %v, %v", again, err)
	}
}

// TestFactsOfADelivery: what a delivery counts for on its way, and on which side.
func TestFactsOfADelivery(t *testing.T) {
	sent := time.Date(2026, 3, 2, 16, 59, 0, 0, time.UTC) // one minute before midnight in Viet Nam
	f := hub.DeliveryFacts{Leads: true, SentAt: sent, Signing: 24*3600 + 1, Due: "2026-03-10", State: hub.StateQueued}
	wants := func(what string, side hub.Side, want ...hub.Measure) {
		t.Helper()
		var got []hub.Measure
		tally := f.Tally(side)
		for _, m := range hub.Measures() {
			if m.Mark() != 0 && tally.Of(m) == 1 {
				got = append(got, m)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	wants("sent", hub.SideSent, hub.MeasureDocuments, hub.MeasureDeliveries, hub.MeasureElectronic, hub.MeasureWaiting, hub.MeasureOpen, hub.MeasureSigned)
	wants("sent, at the recipient", hub.SideReceived, hub.MeasureDocuments, hub.MeasureDeliveries, hub.MeasureElectronic, hub.MeasureWaiting, hub.MeasureOpen)
	if got := f.Periods(); !slices.Equal(got, []hub.Period{"2026-03-02", "2026-03"}) {
		t.Errorf("it counts in %v", got)
	}
	f.Leads, f.PaperFollows = false, true
	for _, e := range []hub.Evidence{
		{Event: hub.EventContentConsignment, Time: sent}, {Event: hub.EventConsignmentNotification, Time: sent},
		{Event: hub.EventContentHandover, Time: sent.Add(time.Hour)}, {Event: hub.EventConsignmentAcceptance, Time: sent.Add(24 * time.Hour)},
	} {
		f.Take(&e)
	}
	wants("accepted", hub.SideSent, hub.MeasureDeliveries, hub.MeasureHandedOver, hub.MeasureAccepted, hub.MeasureOpen, hub.MeasureTaken, hub.MeasureTakenInDay)
	if tally := f.Tally(hub.SideReceived); tally.Of(hub.MeasureTakingSeconds) != 24*3600 || tally.Of(hub.MeasureSigningSeconds) != 0 {
		t.Errorf("seconds: %v", tally)
	}
	f.Look("2026-03-10")
	wants("its last day", hub.SideSent, hub.MeasureDeliveries, hub.MeasureHandedOver, hub.MeasureAccepted, hub.MeasureOpen, hub.MeasureTaken, hub.MeasureTakenInDay)
	if day := f.RunsOut(); day != "2026-03-10" {
		t.Errorf("it runs out behind %q", day)
	}
	f.Look("2026-03-11")
	if day := f.RunsOut(); day != "" {
		t.Errorf("overdue, it runs out behind %q", day)
	}
	wants("overdue", hub.SideSent, hub.MeasureDeliveries, hub.MeasureHandedOver, hub.MeasureAccepted, hub.MeasureOverdue, hub.MeasureTaken, hub.MeasureTakenInDay)
	f.Answer(time.Date(2026, 3, 11, 1, 0, 0, 0, time.UTC))
	wants("answered late", hub.SideSent, hub.MeasureDeliveries, hub.MeasureHandedOver, hub.MeasureAccepted, hub.MeasureAnsweredLate, hub.MeasureTaken, hub.MeasureTakenInDay)
	f.Answer(time.Date(2026, 3, 10, 16, 59, 0, 0, time.UTC))
	wants("answered in time, by the first answer", hub.SideSent, hub.MeasureDeliveries, hub.MeasureHandedOver, hub.MeasureAccepted, hub.MeasureAnsweredInTime, hub.MeasureTaken, hub.MeasureTakenInDay)

	f = hub.DeliveryFacts{SentAt: sent, Signing: -1, Due: "2026-03-10", State: hub.StateConsigned, ForInformation: true, PaperFollows: true}
	wants("for information", hub.SideSent, hub.MeasureDeliveries, hub.MeasureWaiting)
	f.ForInformation = false
	f.Take(&hub.Evidence{Event: hub.EventConsignmentRejection, Reasons: []hub.Reason{{Code: hub.ReasonIncomplete}}})
	wants("refused", hub.SideSent, hub.MeasureDeliveries, hub.MeasureRefused)
	if f.Reason != hub.ReasonIncomplete {
		t.Errorf("refused for %s", f.Reason)
	}
	f.State, f.GivenBack = hub.StateAccepted, true
	wants("given back, arrival unknown", hub.SideSent, hub.MeasureDeliveries, hub.MeasureAccepted)
}

// TestTasksInFourTotals: what an agency did about a task moves it between the totals, by the
// day on which it said so and the deadline as it was extended.
func TestTasksInFourTotals(t *testing.T) {
	accepted := hub.Evidence{Event: hub.EventSubmissionAcceptance, Tasks: []hub.TaskFact{
		{ID: "t1", Act: hub.ActAssign, State: hub.TaskNotStarted, Assignees: []hub.AssigneeFact{{Recipient: 0, Due: "2026-03-05"}, {Recipient: 1, Due: "2026-03-10"}}},
		{ID: "t2", Act: hub.ActAssign, State: hub.TaskNotStarted, Assignees: []hub.AssigneeFact{{Recipient: 1}}},
		{ID: "t3", Act: hub.ActAssign, State: hub.TaskNotStarted, Assignees: []hub.AssigneeFact{{Recipient: 0}}},
	}}
	f := hub.DeliveryFacts{SentAt: time.Date(2026, 3, 2, 1, 0, 0, 0, time.UTC), State: hub.StateHandedOver, Tasks: hub.CountedTasks(&accepted, 1)}
	do := func(id hub.TaskID, act hub.TaskAct, state hub.TaskState, day int, due hub.Date) {
		f.Take(&hub.Evidence{Event: hub.EventTask, Time: time.Date(2026, 3, day, 1, 0, 0, 0, time.UTC), Tasks: []hub.TaskFact{{ID: id, Act: act, State: state, Due: due}}})
	}
	wantsOf := func(side hub.Side, what string, runsOut hub.Date, want ...int64) {
		t.Helper()
		tally := f.Tally(side)
		got := []int64{tally.Of(hub.MeasureTasksDoneInTime), tally.Of(hub.MeasureTasksDoneLate), tally.Of(hub.MeasureTasksOpen), tally.Of(hub.MeasureTasksOverdue)}
		if !slices.Equal(got, want) || f.RunsOut() != runsOut {
			t.Errorf("%s, %s: %v, want %v; it runs out on %q, want %q", what, side, got, want, f.RunsOut(), runsOut)
		}
	}
	wants := func(what string, runsOut hub.Date, want ...int64) {
		t.Helper()
		wantsOf(hub.SideSent, what, runsOut, want...)
		wantsOf(hub.SideReceived, what, runsOut, want...)
	}
	f.Look("2026-03-10")
	wants("set", "2026-03-10", 0, 0, 2, 0)
	f.Look("2026-03-11")
	wants("the day after", "", 0, 0, 1, 1)
	do("t1", hub.ActAsk, hub.TaskInProgress, 11, "2026-03-20")
	wants("an extension is asked for", "", 0, 0, 1, 1)
	do("t1", hub.ActExtend, hub.TaskInProgress, 11, "2026-03-20")
	wants("extended", "2026-03-20", 0, 0, 2, 0)
	do("t1", hub.ActFinish, hub.TaskAwaiting, 20, "")
	f.Look("2026-03-25")
	wants("done on the last day, not confirmed", "", 0, 0, 2, 0)
	do("t1", hub.ActConfirm, hub.TaskDone, 25, "")
	wants("confirmed later", "", 1, 0, 1, 0)
	do("t2", hub.ActConfirm, hub.TaskDone, 25, "")
	wants("done without a deadline", "", 2, 0, 0, 0)
	if f.Marks()&hub.MeasureTasksDoneInTime.Mark() == 0 || f.Marks()&hub.MeasureTasksOpen.Mark() != 0 {
		t.Error("its document is listed elsewhere")
	}

	f.Tasks = hub.CountedTasks(&accepted, 0)
	do("t1", hub.ActFinish, hub.TaskAwaiting, 6, "")
	wants("done late, not confirmed", "", 0, 0, 1, 1)
	do("t1", hub.ActConfirm, hub.TaskDone, 7, "")
	wants("done late", "", 0, 1, 1, 0)
	before := f
	f.Take(&hub.Evidence{Event: hub.EventConsignmentRejection})
	wants("refused: what is open was returned", "", 0, 1, 0, 0)
	if f = before; f.Tasks[1].State != hub.TaskNotStarted {
		t.Error("facts of before have changed")
	}
	f.Take(&hub.Evidence{Event: hub.EventContentPurge})
	wantsOf(hub.SideSent, "taken back", "", 0, 1, 0, 0)
	wantsOf(hub.SideReceived, "taken back, so that it sees them no more", "", 0, 0, 0, 0)

	f = hub.DeliveryFacts{State: hub.StateHandedOver, Looked: "2026-03-08", Tasks: hub.CountedTasks(&accepted, 1)[:1]}
	do("t1", hub.ActFinish, hub.TaskAwaiting, 8, "")
	f.Take(&hub.Evidence{Event: hub.EventConsignmentRejection})
	wants("said to be done, then refused", "", 0, 0, 0, 0)
	do("t1", hub.ActResume, hub.TaskInProgress, 8, "")
	wants("resumed", "2026-03-10", 0, 0, 1, 0)
	f.Look("2026-03-11")
	wants("overdue since it was resumed", "", 0, 0, 0, 1)
	do("t1", hub.ActConfirm, hub.TaskDone, 12, "")
	wants("done late", "", 0, 1, 0, 0)
}

func TestCountedQueryRefuses(t *testing.T) {
	good := hub.CountedQuery{Side: hub.SideReceived, Measure: hub.MeasureOverdue, Period: "2026", Kind: "cong-van"}
	if err := good.Check(); err != nil {
		t.Fatal(err)
	}
	for field, change := range map[string]func(*hub.CountedQuery){
		"side": func(q *hub.CountedQuery) { q.Side = "x" }, "measure": func(q *hub.CountedQuery) { q.Measure = hub.MeasureTakingSeconds },
		"period": func(q *hub.CountedQuery) { q.Period = "x" }, "kind": func(q *hub.CountedQuery) { q.Kind = "Công văn" },
	} {
		bad := good
		change(&bad)
		if err := bad.Check(); hub.KindOf(err) != hub.KindInvalid || hub.ViolationsOf(err)[0].Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	refused := good
	refused.Measure, refused.Reason = hub.MeasureRefused, hub.ReasonIncomplete
	if err := refused.Check(); err != nil {
		t.Error(err)
	}
	for rule, change := range map[string]func(*hub.CountedQuery){
		"measure": func(q *hub.CountedQuery) { q.Measure = hub.MeasureOverdue }, "code_list": func(q *hub.CountedQuery) { q.Reason = "x" },
	} {
		bad := refused
		change(&bad)
		if err := bad.Check(); hub.KindOf(err) != hub.KindInvalid || hub.ViolationsOf(err)[0].Field != "reason" || hub.ViolationsOf(err)[0].Rule != rule {
			t.Errorf("a reason, %s: %v", rule, err)
		}
	}
	day := good
	if day.Period = "2026-03-02"; hub.KindOf(day.Check()) != hub.KindInvalid {
		t.Error("figures of one kind are not kept by day")
	}
	good.Measure = hub.MeasureSigned // says nothing of a recipient
	if err := good.Check(); hub.KindOf(err) != hub.KindInvalid {
		t.Errorf("signed, of what was received: %v", err)
	}
}
