package storagetest

import (
	"context"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Tasks lists what agencies have to do.
type Tasks interface {
	Tasks(ctx context.Context, query hub.TaskQuery) (hub.List[hub.AssignedTask], error)
	TaskTotals(ctx context.Context, query hub.TaskQuery) (hub.TaskTotals, error)
	DueReminders(ctx context.Context, today hub.Date, limit int) ([]hub.AssignedTask, error)
}

// tasked accepts a dispatch that sets one task for each deadline, to all recipients.
func (b *bench) tasked(recipients []hub.AgencyID, due ...hub.Date) hub.Accepted {
	b.t.Helper()
	a := b.Acceptance(recipients...)
	for i, last := range due {
		id := hub.TaskID(b.ID())
		task := hub.Task{ID: id, Number: i + 1, Content: "Trả lời kiến nghị", Answer: hub.AnswerDocument}
		for r := range a.Deliveries {
			task.Assignees = append(task.Assignees, hub.Assignee{Agency: a.Deliveries[r].Recipient, Role: hub.RoleEach, Due: last})
			assignment := hub.Assignment{Task: id, Role: hub.RoleEach, State: hub.TaskNotStarted, Due: last, LastAct: hub.ActAssign, LastAt: b.Clock.UTC()}
			if last != "" {
				assignment.RemindOn = last.Plus(-3)
			}
			a.Deliveries[r].Tasks = append(a.Deliveries[r].Tasks, assignment)
		}
		a.Dispatch.Tasks = append(a.Dispatch.Tasks, task)
	}
	return b.acceptThis(a)
}

// acted changes the first task of a delivery without moving the delivery.
func (b *bench) acted(d hub.Delivery, state hub.TaskState, ended hub.Date) hub.Delivery {
	b.t.Helper()
	step := b.Step(d, d.State)
	step.Delivery.Tasks = append([]hub.Assignment(nil), d.Tasks...)
	step.Delivery.Tasks[0].State, step.Delivery.Tasks[0].EndedOn, step.Delivery.Tasks[0].RemindOn = state, ended, ""
	b.must(b.apply(step))
	return step.Delivery
}

// testTasks: lists are of one agency or one assigner, in the order of deadlines, by state
// and by timeliness, whatever was done to the delivery; a copy of the store has the same.
func testTasks(t *testing.T, back Backend) {
	b := newBench(t, back)
	first := b.tasked([]hub.AgencyID{"r1", "r2"}, "2026-03-10", "", "2026-03-05")
	second := b.tasked([]hub.AgencyID{"r1"}, "2026-03-01")
	b.accept("r1") // sets none
	ids := func(accepted hub.Accepted) []hub.TaskID {
		var list []hub.TaskID
		for _, task := range accepted.Dispatch.Tasks {
			list = append(list, task.ID)
		}
		return list
	}
	f, s := ids(first), ids(second)
	look := func(store Store, query hub.TaskQuery, want ...hub.TaskID) {
		t.Helper()
		query.Today, query.Soon = "2026-03-02", "2026-03-05"
		if query.Page.Limit == 0 {
			query.Page.Limit = 10
		}
		var got []hub.TaskID
		for {
			list, err := store.Tasks(b.ctx, query)
			b.must(err)
			for _, item := range list.Items {
				got = append(got, item.Task)
				if item.Delivery.Assignment(item.Task) == nil || item.Dispatch.TaskByID(item.Task) == nil || query.Agency != "" && item.Delivery.Recipient != query.Agency {
					t.Errorf("%+v", item)
				}
			}
			if query.Page.After = list.Next; list.Next == "" {
				break
			}
		}
		same(t, "tasks", got, want)
	}
	look(b.store, hub.TaskQuery{Agency: "r1"}, s[0], f[2], f[0], f[1])
	look(b.store, hub.TaskQuery{Agency: "r1", Page: hub.Page{Limit: 1}}, s[0], f[2], f[0], f[1])
	look(b.store, hub.TaskQuery{Agency: "r2"}, f[2], f[0], f[1])
	look(b.store, hub.TaskQuery{Agency: "s1"})
	look(b.store, hub.TaskQuery{Assigner: "s1", Page: hub.Page{Limit: 3}}, s[0], f[2], f[2], f[0], f[0], f[1], f[1])
	look(b.store, hub.TaskQuery{Agency: "r2", Tasks: []hub.TaskID{f[0], s[0]}}, f[0])
	look(b.store, hub.TaskQuery{Tasks: []hub.TaskID{f[0]}}, f[0], f[0])
	for timeliness, want := range map[hub.Timeliness][]hub.TaskID{
		hub.Overdue: {s[0]}, hub.DueSoon: {f[2]}, hub.InTime: {f[0]}, hub.NoDeadline: {f[1]},
	} {
		look(b.store, hub.TaskQuery{Agency: "r1", Timeliness: []hub.Timeliness{timeliness}}, want...)
	}
	look(b.store, hub.TaskQuery{Agency: "r1", Timeliness: []hub.Timeliness{hub.Overdue, hub.NoDeadline}}, s[0], f[1])

	remind := func(day hub.Date, limit int, want ...hub.TaskID) {
		t.Helper()
		list, err := b.store.DueReminders(b.ctx, day, limit)
		b.must(err)
		var got []hub.TaskID
		for _, item := range list {
			got = append(got, item.Task)
		}
		same(t, "reminders", got, want)
	}
	remind("2026-02-25", 10)
	remind("2026-03-02", 10, s[0], f[2], f[2])
	remind("2026-03-02", 1, s[0])

	// What was done late stays late, and what is closed stands behind what is open.
	b.acted(second.Deliveries[0], hub.TaskDone, "2026-03-02")
	look(b.store, hub.TaskQuery{Agency: "r1"}, f[2], f[0], f[1], s[0])
	look(b.store, hub.TaskQuery{Agency: "r1", States: []hub.TaskState{hub.TaskDone}}, s[0])
	look(b.store, hub.TaskQuery{Agency: "r1", Timeliness: []hub.Timeliness{hub.Overdue}}, s[0])
	remind("2026-03-02", 10, f[2], f[2])
	if err := b.apply(b.Step(second.Deliveries[0], hub.StateConsigned)); hub.KindOf(err) != hub.KindConflict {
		t.Errorf("a step from an older version: %v", err)
	}

	// A delivery that does not reach its recipient returns its tasks; a document that is
	// taken back cancels them.
	b.to(b.to(first.Deliveries[0], hub.StateConsigned), hub.StateRefused)
	look(b.store, hub.TaskQuery{Agency: "r1", States: []hub.TaskState{hub.TaskReturned}}, f[2], f[0], f[1])
	b.to(first.Deliveries[1], hub.StateWithdrawn)
	look(b.store, hub.TaskQuery{Agency: "r2", States: []hub.TaskState{hub.TaskCancelled}}, f[2], f[0], f[1])
	if got := b.item(first.Deliveries[1].ID).Delivery.Tasks[0]; got.State != hub.TaskCancelled || got.EndedOn != hub.DateOf(b.Clock) || got.RemindOn != "" {
		t.Errorf("%+v", got)
	}
	remind("2026-03-02", 10)

	copied := newBench(t, back)
	b.must(copied.store.Import(b.ctx, reading(b.export())))
	look(copied.store, hub.TaskQuery{Agency: "r1"}, f[2], f[0], f[1], s[0])
	look(copied.store, hub.TaskQuery{Agency: "r1", Timeliness: []hub.Timeliness{hub.Overdue}}, s[0])

	_, err := b.store.Tasks(b.ctx, hub.TaskQuery{Agency: "r1", Page: hub.Page{Limit: 1, After: "x"}})
	b.wants(hub.KindInvalid, err)
}

// testTaskSides: lists are cut by the agency on the other side, by words and by what has yet
// to be taken note of; totals count what is done and what is open, in time and
// late, and apart from these what was returned; a task
// that was handed over is in the list of who has it now.
func testTaskSides(t *testing.T, back Backend) {
	b := newBench(t, back)
	first := b.tasked([]hub.AgencyID{"r1", "r2"}, "2026-03-10", "2026-03-01")
	second := b.tasked([]hub.AgencyID{"r1"}, "")
	query := hub.TaskQuery{Today: "2026-03-02", Soon: "2026-03-05", Page: hub.Page{Limit: 10}}
	count := func(store Store, change func(*hub.TaskQuery), want int) {
		t.Helper()
		asked := query
		change(&asked)
		list, err := store.Tasks(b.ctx, asked)
		b.must(err)
		if len(list.Items) != want || list.Next != "" {
			t.Errorf("%d tasks for %+v, next %q", len(list.Items), asked, list.Next)
		}
	}
	totals := func(store Store, side hub.TaskQuery, want hub.TaskTotals) {
		t.Helper()
		side.Today, side.Soon = query.Today, query.Soon
		got, err := store.TaskTotals(b.ctx, side)
		b.must(err)
		same(t, "totals", got, want)
	}
	for text, want := range map[string]int{"": 5, "kien nghi": 5, "KIẾN nghị 173/UBND-KSTTHC": 5, "kiến trúc": 0, "?": 0} {
		count(b.store, func(q *hub.TaskQuery) { q.Assigner, q.Text = "s1", text }, want)
	}
	count(b.store, func(q *hub.TaskQuery) { q.Assigner, q.With = "s1", "r2" }, 2)
	count(b.store, func(q *hub.TaskQuery) { q.Agency, q.With = "r1", "s1" }, 3)
	count(b.store, func(q *hub.TaskQuery) { q.Agency, q.With = "r1", "s2" }, 0)
	count(b.store, func(q *hub.TaskQuery) { q.Agency, q.Noticed = "r1", true }, 0)
	totals(b.store, hub.TaskQuery{Agency: "r1"}, hub.TaskTotals{OpenInTime: 2, OpenLate: 1})
	totals(b.store, hub.TaskQuery{Assigner: "s1"}, hub.TaskTotals{OpenInTime: 3, OpenLate: 2})
	totals(b.store, hub.TaskQuery{Assigner: "s1", With: "r2"}, hub.TaskTotals{OpenInTime: 1, OpenLate: 1})
	totals(b.store, hub.TaskQuery{Agency: "nobody"}, hub.TaskTotals{})

	// The agency sees what came to it, in the list and in the totals alike.
	shown := hub.TaskQuery{Agency: "r2", Shown: true}
	totals(b.store, shown, hub.TaskTotals{})
	count(b.store, func(q *hub.TaskQuery) { q.Agency, q.Shown = "r2", true }, 0)
	came := b.to(first.Deliveries[1], hub.StateConsigned)
	totals(b.store, shown, hub.TaskTotals{OpenInTime: 1, OpenLate: 1})
	count(b.store, func(q *hub.TaskQuery) { q.Agency, q.Shown = "r2", true }, 2)
	first.Deliveries[1] = came

	b.acted(second.Deliveries[0], hub.TaskDone, "2026-03-02")
	step := b.Step(first.Deliveries[0], first.Deliveries[0].State)
	step.Delivery.Tasks = append([]hub.Assignment(nil), first.Deliveries[0].Tasks...)
	step.Delivery.Tasks[0].State, step.Delivery.Tasks[0].EndedOn = hub.TaskDone, "2026-03-11"
	step.Delivery.Tasks[1].Notice = &hub.TaskNotice{Act: hub.ActOverdue, At: b.Clock.UTC()}
	b.must(b.apply(step))
	totals(b.store, hub.TaskQuery{Agency: "r1"}, hub.TaskTotals{DoneInTime: 1, DoneLate: 1, OpenLate: 1})
	for _, side := range []func(*hub.TaskQuery){func(q *hub.TaskQuery) { q.Agency = "r1" }, func(q *hub.TaskQuery) { q.Assigner = "s1" }} {
		count(b.store, func(q *hub.TaskQuery) { side(q); q.Noticed = true }, 1)
	}

	// Each side takes note for itself, and a deadline to come is no matter of the assigner.
	later := b.Step(step.Next(), step.Delivery.State)
	later.Delivery.Tasks = append([]hub.Assignment(nil), step.Delivery.Tasks...)
	later.Delivery.Tasks[1].Notice = &hub.TaskNotice{Act: hub.ActOverdue, At: b.Clock.UTC(), Noted: b.Clock.UTC()}
	later.Delivery.Tasks[1].Holder = "r2"
	b.must(b.apply(later))
	count(b.store, func(q *hub.TaskQuery) { q.Agency, q.Noticed = "r2", true }, 0)
	count(b.store, func(q *hub.TaskQuery) { q.Assigner, q.Noticed = "s1", true }, 1)
	copied := newBench(t, back)
	b.must(copied.store.Import(b.ctx, reading(b.export())))
	for _, store := range []Store{b.store, copied.store} {
		count(store, func(q *hub.TaskQuery) { q.Agency = "r1" }, 2)
		count(store, func(q *hub.TaskQuery) { q.Agency = "r2" }, 3)
		count(store, func(q *hub.TaskQuery) { q.Assigner, q.Noticed = "s1", true }, 1)
		count(store, func(q *hub.TaskQuery) { q.Assigner, q.Text = "s1", "kien nghi" }, 5)
		totals(store, hub.TaskQuery{Agency: "r2"}, hub.TaskTotals{OpenInTime: 1, OpenLate: 2})
		totals(store, shown, hub.TaskTotals{OpenInTime: 1, OpenLate: 1}) // what was handed over to it is still on its way
	}
	b.acted(first.Deliveries[1], hub.TaskReturned, "")
	totals(b.store, hub.TaskQuery{Agency: "r2"}, hub.TaskTotals{OpenLate: 2, Returned: 1})
}

// testTaskChanges: what an answer does to a task of an earlier delivery takes effect with
// its acceptance, and not where the delivery changed meanwhile.
func testTaskChanges(t *testing.T, back Backend) {
	b := newBench(t, back)
	d := b.to(b.tasked([]hub.AgencyID{"r1"}, "2026-03-10").Deliveries[0], hub.StateConsigned)
	answer := b.Acceptance("s1")
	step := b.Step(d, d.State)
	step.Delivery.Tasks = []hub.Assignment{d.Tasks[0]}
	step.Delivery.Tasks[0].State, step.Delivery.Tasks[0].LastAt = hub.TaskAwaiting, b.Clock.Add(time.Second).UTC()
	answer.Changes = []hub.Step{step}
	b.acceptThis(answer)
	waiting := hub.TaskQuery{Agency: "r1", States: []hub.TaskState{hub.TaskAwaiting}, Page: hub.Page{Limit: 5}}
	list, err := b.store.Tasks(b.ctx, waiting)
	b.must(err)
	if len(list.Items) != 1 {
		t.Fatalf("%d tasks await confirmation", len(list.Items))
	}
	late := b.Acceptance("s1")
	late.Changes = []hub.Step{step}
	_, err = b.store.Accept(b.ctx, late)
	b.wants(hub.KindConflict, err)
}

// testForgedCursors: a cursor that no store gave out is the caller's mistake, not the hub's.
func testForgedCursors(t *testing.T, back Backend) {
	b := newBench(t, back)
	forged := func(listing string, key ...string) hub.Page {
		return hub.Page{Limit: 5, After: base64.RawURLEncoding.EncodeToString([]byte(listing + "\x00" + strings.Join(key, "\x00")))}
	}
	for _, number := range []string{"-1", "2147483648", "9223372036854775807"} {
		_, err := b.store.Tasks(b.ctx, hub.TaskQuery{Agency: "r1", Page: forged("tasks", number, "2026-01-01", "t", "d")})
		b.wants(hub.KindInvalid, err)
		_, err = b.store.Mailbox(b.ctx, hub.MailboxQuery{Agency: "r1", Page: forged("mailbox", number, "d")})
		b.wants(hub.KindInvalid, err)
		_, err = b.store.RegisteredBetween(b.ctx, hub.RegisterQuery{Agency: "r1", From: "2026-01-01", To: "2026-12-31", Page: forged("register", "2026-01-01", number, "1", "d")})
		b.wants(hub.KindInvalid, err)
	}
}
