package hubtest_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/audit"
	"github.com/lienthong/lienthong/hub/hubtest"
	"github.com/lienthong/lienthong/hub/intake"
	"github.com/lienthong/lienthong/hub/tasks"
	"github.com/lienthong/lienthong/hub/tracking"
)

// bureau2020 is a hub in January 2020, with the calendar of that year.
type bureau2020 struct {
	*hubtest.World
	intake   *intake.Service
	tracking *tracking.Service
	tasks    *tasks.Service
	other    *tasks.Service // on another node
}

func newBureau2020() *bureau2020 {
	b := &bureau2020{World: hubtest.NewWorld()}
	b.at("2020-01-10T09:00:00+07:00")
	days := []hub.CalendarDay{}
	for d := hub.Date("2020-01-23"); d <= "2020-01-29"; d = d.Plus(1) {
		days = append(days, hub.CalendarDay{Date: d, Kind: hub.DayOff, Name: "Tết"})
	}
	calendar := hub.NewCalendar(hub.CalendarYear{Year: 2020, Days: days})
	b.tracking = tracking.New(tracking.Options{
		Store: b, Leases: b, Reports: b, Links: b, Evidences: b, Blobs: b.Blobs, Directory: b.Directory, Notary: b.Notary, Now: b.Clock.Now, NewID: b.IDs.New,
	})
	o := tasks.Options{Store: b, Directory: b.Directory, Notary: b.Notary, Bell: b.tracking, Calendar: func() *hub.Calendar { return calendar }, Now: b.Clock.Now}
	b.tasks, b.other = tasks.New(o), tasks.New(o)
	b.intake = intake.New(intake.Options{
		Store: b, Uploads: b, Blobs: b.Blobs, Staging: b.Blobs, Directory: b.Directory, Verifier: b.Verifier, Changes: b.tracking, Tasks: b.tasks,
		Calendar: func() *hub.Calendar { return calendar }, Steering: []int{2}, Notary: b.Notary, Queue: b.Queue, Bell: b.tracking, Now: b.Clock.Now, NewID: b.IDs.New, Canonical: hubtest.CanonicalReport,
	})
	return b
}

// at sets the clock.
func (b *bureau2020) at(when string) {
	t, err := time.Parse(time.RFC3339, when)
	if err != nil {
		panic(err)
	}
	b.Clock.Advance(t.Sub(b.Clock.Now()))
}

// directive is công văn 173/UBND-KSTTHC with the tasks that it sets: answers to the
// recommendations before 28 February, the portal upgraded before 30 June.
func (b *bureau2020) directive() hub.Submission {
	sub := b.Submission("173", "000.00.12.H47", "000.00.13.H47", "000.31.05.H47", "000.00.14.H47")
	sub.ForInformation = []string{"000.00.14.H47"}
	sub.Tasks = []hub.TaskWish{
		{
			Content: "Trả lời bằng văn bản các kiến nghị tại mục V Báo cáo số 2773/BC-SNV", Section: "mục 5", Assigner: "Chủ tịch UBND tỉnh",
			TaskTerm: hub.TaskTerm{Before: "2020-02-28"}, Each: []string{"H47.12", "000.00.13.H47", "000.31.05.H47"},
		},
		{
			Content: "Nâng cấp Cổng dịch vụ công và Hệ thống thông tin một cửa điện tử", Section: "mục 3", Answer: hub.AnswerReport,
			TaskTerm: hub.TaskTerm{Before: "2020-06-30"}, Lead: "000.00.12.H47", Co: []hub.CoWish{{Agency: "000.00.13.H47", TaskTerm: hub.TaskTerm{WorkingDays: 60}}},
		},
	}
	return sub
}

func (b *bureau2020) submit(t *testing.T, actor hub.Actor, sub hub.Submission) hub.Accepted {
	t.Helper()
	a, err := b.intake.Submit(t.Context(), actor, sub)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// received has an agency acknowledge a delivery.
func (b *bureau2020) received(t *testing.T, a hub.Accepted, agency hub.AgencyID) {
	t.Helper()
	i := slices.IndexFunc(a.Deliveries, func(d hub.Delivery) bool { return d.Recipient == agency })
	if _, err := b.tracking.Acknowledge(t.Context(), hubtest.System(agency), a.Deliveries[i].ID, 0, hubtest.Digests(&a.Dispatch)); err != nil {
		t.Fatal(err)
	}
}

// answer sends a document of an agency to the province.
func (b *bureau2020) answer(t *testing.T, agency hub.AgencyID, code, number string, change func(*hub.Document)) hub.Accepted {
	t.Helper()
	sub := b.Submission(number, "000.00.00.H47")
	sub.Sender, sub.Document.CodeNumber = code, number
	change(&sub.Document)
	return b.submit(t, hubtest.System(agency), sub)
}

// remind lets both nodes remind and returns what was said to which agency.
func (b *bureau2020) remind(t *testing.T, dispatch hub.DispatchID, want ...string) {
	t.Helper()
	count := func() []string {
		var said []string
		list, err := b.Evidences(t.Context(), hub.EvidenceQuery{Dispatch: dispatch, Page: hub.Page{Limit: 1000}})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range list.Items {
			if e.Evidence.Event == hub.EventTask && strings.HasPrefix(e.Evidence.Note, "the hub reminds") {
				said = append(said, string(e.Evidence.Recipients[0].ID)+" "+string(e.Evidence.Tasks[0].Act))
			}
		}
		return said
	}
	before := len(count())
	for range 2 {
		for _, node := range []*tasks.Service{b.tasks, b.other} {
			if _, err := node.Remind(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	got := count()[before:]
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("%s: reminded %q, want %q", b.Clock.Now().Format(time.DateOnly), got, want)
	}
}

func (b *bureau2020) act(t *testing.T, actor hub.Actor, task hub.TaskID, order hub.TaskOrder) hub.SealedEvidence {
	t.Helper()
	sealed, err := b.tasks.Act(t.Context(), actor, task, order)
	if err != nil {
		t.Fatalf("%s: %v", order.Act, err)
	}
	return sealed
}

// slowList lists reminders as a store does that reads which tasks are due, and then their
// deliveries: meanwhile something happens.
type slowList struct {
	tasks.Store
	item      func(hub.DeliveryID) hub.Delivery
	meanwhile func()
}

func (s *slowList) DueReminders(ctx context.Context, today hub.Date, limit int) ([]hub.AssignedTask, error) {
	found, err := s.Store.DueReminders(ctx, today, limit)
	if happens := s.meanwhile; happens != nil {
		s.meanwhile = nil
		happens()
	}
	for i := range found {
		found[i].Delivery = s.item(found[i].Delivery.ID)
	}
	return found, err
}

// TestRemindersMeetActs: of a deadline is told once, and not of what was done at the same
// moment.
func TestRemindersMeetActs(t *testing.T) {
	b := newBureau2020()
	a := b.submit(t, hubtest.System(hubtest.Province), b.directive())
	reply := a.Dispatch.Tasks[0].ID
	for _, agency := range []hub.AgencyID{hubtest.Office, hubtest.Bureau, hubtest.Ward} {
		b.received(t, a, agency)
	}
	slow := &slowList{Store: b, item: func(id hub.DeliveryID) hub.Delivery {
		item, err := b.Item(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		return item.Delivery
	}}
	o := b.tasks.Options
	o.Store = slow
	b.tasks = tasks.New(o)
	b.at("2020-02-24T08:00:00+07:00")
	slow.meanwhile = func() {
		if _, err := b.other.Act(t.Context(), hubtest.System(hubtest.Bureau), reply, hub.TaskOrder{Act: hub.ActFinish}); err != nil {
			t.Fatal(err)
		}
		if n, err := b.other.Remind(t.Context()); err != nil || n != 2 {
			t.Errorf("the other node told of %d: %v", n, err)
		}
	}
	b.remind(t, a.Dispatch.ID, "office due_soon", "ward due_soon")
	b.stands(t, reply, hubtest.Bureau, hub.TaskAwaiting, hub.InTime)
}

// stands checks how a task stands at an agency.
func (b *bureau2020) stands(t *testing.T, task hub.TaskID, agency hub.AgencyID, state hub.TaskState, timeliness hub.Timeliness) {
	t.Helper()
	views, err := b.tasks.Task(t.Context(), hubtest.System(hubtest.Province), task)
	if err != nil {
		t.Fatal(err)
	}
	for i := range views {
		if v := &views[i]; v.Agency == agency && (v.Assignment.State != state || v.Timeliness != timeliness) {
			t.Errorf("%s: %s %s, want %s %s", agency, v.Assignment.State, v.Timeliness, state, timeliness)
		}
	}
}

// wholeChain checks the evidence of a dispatch.
func (b *bureau2020) wholeChain(t *testing.T, dispatch hub.DispatchID) {
	t.Helper()
	list, err := b.Evidences(t.Context(), hub.EvidenceQuery{Dispatch: dispatch, Page: hub.Page{Limit: 1000}})
	if err == nil {
		err = audit.CheckChain(list.Items)
	}
	if err != nil {
		t.Errorf("the chain: %v", err)
	}
}

// TestDirective173 is the case that a province knows: some answer in time, one asks for an
// extension, one is late and reminded, and every step is in the chain.
func TestDirective173(t *testing.T) {
	b := newBureau2020()
	province, office, bureau := hubtest.System(hubtest.Province), hubtest.System(hubtest.Office), hubtest.System(hubtest.Bureau)
	a := b.submit(t, province, b.directive())
	reply, portal := a.Dispatch.Tasks[0].ID, a.Dispatch.Tasks[1].ID
	if facts := a.Receipt.Evidence.Tasks; len(facts) != 2 || facts[0].Assignees[2] != (hub.AssigneeFact{Due: "2020-02-27", Recipient: 2, Role: hub.RoleEach}) ||
		facts[1].Assignees[0].Due != "2020-06-29" || facts[1].Assignees[1].Due != "2020-04-10" {
		t.Errorf("the acceptance says %+v", facts)
	}
	for _, agency := range []hub.AgencyID{hubtest.Office, hubtest.Bureau, hubtest.Ward} {
		b.received(t, a, agency)
		b.stands(t, reply, agency, hub.TaskNotStarted, hub.InTime)
	}
	b.at("2020-02-20T10:00:00+07:00")
	b.remind(t, a.Dispatch.ID)
	b.act(t, office, portal, hub.TaskOrder{Act: hub.ActProgress, Text: "Đã chọn nhà thầu", Percent: 30})
	answered := b.answer(t, hubtest.Office, "000.00.12.H47", "55", func(d *hub.Document) { d.ResponseTasks = []string{string(reply), "không có"} })
	b.stands(t, reply, hubtest.Office, hub.TaskAwaiting, hub.InTime)
	b.act(t, province, reply, hub.TaskOrder{Act: hub.ActConfirm, Agency: hubtest.Office})

	b.at("2020-02-24T07:00:00+07:00")
	b.remind(t, a.Dispatch.ID) // it is too early in the day
	b.at("2020-02-24T08:00:00+07:00")
	b.remind(t, a.Dispatch.ID, "bureau due_soon", "ward due_soon")
	b.stands(t, reply, hubtest.Ward, hub.TaskNotStarted, hub.DueSoon)
	b.at("2020-02-26T08:00:00+07:00")
	b.act(t, bureau, reply, hub.TaskOrder{Act: hub.ActAsk, Text: "Chờ số liệu của các huyện", TaskTerm: hub.TaskTerm{Due: "2020-03-10"}})
	b.act(t, province, reply, hub.TaskOrder{Act: hub.ActExtend, Agency: hubtest.Bureau, Text: "Đồng ý"})
	b.at("2020-02-27T23:00:00+07:00")
	b.remind(t, a.Dispatch.ID, "ward due_today")
	b.stands(t, reply, hubtest.Ward, hub.TaskNotStarted, hub.DueSoon)
	b.at("2020-02-28T09:00:00+07:00")
	b.remind(t, a.Dispatch.ID, "ward overdue")
	b.stands(t, reply, hubtest.Ward, hub.TaskNotStarted, hub.Overdue)
	b.at("2020-03-05T09:00:00+07:00")
	b.remind(t, a.Dispatch.ID, "bureau due_soon", "ward escalate")
	b.answer(t, hubtest.Bureau, "000.00.13.H47", "7", func(d *hub.Document) { d.ResponseTasks = []string{string(reply)} })
	// The ward has one task of the document: whatever answers the document answers it.
	b.answer(t, hubtest.Ward, "000.31.05.H47", "9", func(d *hub.Document) {
		d.ResponseFor = []hub.Reference{{Agency: "000.00.00.H47", ExternalID: "173"}}
	})
	for _, agency := range []hub.AgencyID{hubtest.Bureau, hubtest.Ward} {
		b.act(t, province, reply, hub.TaskOrder{Act: hub.ActConfirm, Agency: agency})
	}
	b.at("2020-07-01T09:00:00+07:00")
	b.stands(t, reply, hubtest.Office, hub.TaskDone, hub.InTime)
	b.stands(t, reply, hubtest.Bureau, hub.TaskDone, hub.InTime)
	b.stands(t, reply, hubtest.Ward, hub.TaskDone, hub.Overdue)
	b.stands(t, portal, hubtest.Office, hub.TaskInProgress, hub.Overdue)
	b.remind(t, a.Dispatch.ID, "bureau escalate", "office overdue")

	late, err := b.tasks.Tasks(t.Context(), province, hub.TaskQuery{Assigner: hubtest.Province, Timeliness: []hub.Timeliness{hub.Overdue}})
	if err != nil || len(late.Items) != 3 || late.Items[2].Agency != hubtest.Ward {
		t.Errorf("%d are late, %v", len(late.Items), err)
	}
	history, err := b.tasks.History(t.Context(), bureau, reply, "")
	var acts []hub.TaskAct
	for _, e := range history {
		acts = append(acts, e.Evidence.Tasks[0].Act)
	}
	if want := []hub.TaskAct{hub.ActDueSoon, hub.ActAsk, hub.ActExtend, hub.ActDueSoon, hub.ActAnswer, hub.ActConfirm}; err != nil || !slices.Equal(acts, want) {
		t.Errorf("the history is %v, %v", acts, err)
	}
	b.wholeChain(t, a.Dispatch.ID)
	b.wholeChain(t, answered.Dispatch.ID)
}

// TestTasksRefused: what is wrong with a task is named with field and rule, and then
// nothing is sent.
func TestTasksRefused(t *testing.T) {
	b := newBureau2020()
	for _, tt := range []struct {
		change      func(*hub.Submission)
		field, rule string
	}{
		{func(s *hub.Submission) { s.Tasks[0].Before = "2020-01-10" }, "tasks[0].before", "past"},
		{func(s *hub.Submission) { s.Tasks[0].Before = "2020-02-30" }, "tasks[0].before", "date"},
		{func(s *hub.Submission) { s.Tasks[0].Due = "2020-02-27" }, "tasks[0].due", "exclusive"},
		{func(s *hub.Submission) { s.Tasks[1].Co[0].WorkingDays = -1 }, "tasks[1].co[0].working_days", "range"},
		{func(s *hub.Submission) { s.Tasks[0].Content = " " }, "tasks[0].content", "required"},
		{func(s *hub.Submission) { s.Tasks[0].Answer = "song" }, "tasks[0].answer", "code_list"},
		{func(s *hub.Submission) { s.Tasks[0].Section = "a\u202e" }, "tasks[0].section", "control_character"},
		{func(s *hub.Submission) { s.Tasks[1].Lead = hubtest.UnknownCode }, "tasks[1].lead", "unknown_agency"},
		{func(s *hub.Submission) { s.Tasks[1].Lead = "000.00.00.H48" }, "tasks[1].lead", "recipient"},
		{func(s *hub.Submission) { s.Tasks[1].Lead = "000.00.14.H47" }, "tasks[1].lead", "for_information"},
		{func(s *hub.Submission) { s.Tasks[1].Lead = "" }, "tasks[1].lead", "required"},
		{func(s *hub.Submission) { s.Tasks[1].Co[0].Agency = "H47.12" }, "tasks[1].co[0].agency", "unique"},
		{func(s *hub.Submission) { s.Tasks[1].Each = []string{"H47.12"} }, "tasks[1].each", "exclusive"},
		{func(s *hub.Submission) { s.Tasks[0].Each = []string{"H47.12", "000.00.12.H47"} }, "tasks[0].each[1]", "unique"},
		{func(s *hub.Submission) { s.Tasks[0].Each = []string{"list:Không có"} }, "tasks[0].each[0]", "unknown_agency"},
		{func(s *hub.Submission) { s.Tasks = make([]hub.TaskWish, 21) }, "tasks", "max_items"},
		{func(s *hub.Submission) { s.Operation = hub.OperationRecall }, "tasks", "operation"},
	} {
		sub := b.directive()
		tt.change(&sub)
		_, err := b.intake.Submit(t.Context(), hubtest.System(hubtest.Province), sub)
		named := func(v *hub.Error) bool { return v.Field == tt.field && v.Rule == tt.rule }
		if err == nil || !slices.ContainsFunc(hub.ViolationsOf(err), named) {
			t.Errorf("%s [%s]: %v", tt.field, tt.rule, err)
		}
	}
}

// TestTaskActs: acts follow the one table, each only of its side, and the last one asked
// for again gives the same evidence.
func TestTaskActs(t *testing.T) {
	b := newBureau2020()
	ctx := t.Context()
	province, office, bureau := hubtest.System(hubtest.Province), hubtest.System(hubtest.Office), hubtest.System(hubtest.Bureau)
	a := b.submit(t, province, b.directive())
	portal := a.Dispatch.Tasks[1].ID
	refuse := func(actor hub.Actor, order hub.TaskOrder, kind hub.ErrorKind, field, rule string) {
		t.Helper()
		_, err := b.tasks.Act(ctx, actor, portal, order)
		if v := hub.ViolationsOf(err); err == nil || v[0].Kind != kind || v[0].Field != field || v[0].Rule != rule {
			t.Errorf("%s: %v, want %s %s [%s]", order.Act, err, kind, field, rule)
		}
	}
	refuse(office, hub.TaskOrder{Act: hub.ActStart}, hub.KindConflict, "task", "state") // not received yet
	b.received(t, a, hubtest.Office)
	start := b.act(t, office, portal, hub.TaskOrder{Act: hub.ActStart})
	if again := b.act(t, office, portal, hub.TaskOrder{Act: hub.ActStart}); again.Digest != start.Digest {
		t.Error("the same act again has other evidence")
	}
	said := hub.TaskOrder{Act: hub.ActProgress, Text: "Đã lập kế hoạch", Percent: 10}
	first := b.act(t, office, portal, said)
	if again := b.act(t, office, portal, said); again.Digest != first.Digest {
		t.Error("the same words again have other evidence")
	}
	if first.Evidence.DeliveryInfo.Ack.Actor != office.Name || first.Evidence.Tasks[0].Percent != 10 {
		t.Errorf("%+v", first.Evidence)
	}
	refuse(office, hub.TaskOrder{Act: "sing"}, hub.KindInvalid, "act", "code_list")
	refuse(office, hub.TaskOrder{Act: hub.ActOverdue}, hub.KindInvalid, "act", "code_list")
	refuse(office, hub.TaskOrder{Act: hub.ActProgress, Percent: 101}, hub.KindInvalid, "percent", "range")
	refuse(office, hub.TaskOrder{Act: hub.ActFinish, Percent: 1}, hub.KindInvalid, "percent", "superfluous")
	refuse(office, hub.TaskOrder{Act: hub.ActGiveBack}, hub.KindInvalid, "text", "required")
	refuse(office, hub.TaskOrder{Act: hub.ActProgress, Text: "a\x00"}, hub.KindInvalid, "text", "control_character")
	refuse(office, hub.TaskOrder{Act: hub.ActProgress, Text: strings.Repeat("ả", 2001)}, hub.KindInvalid, "text", "max_length")
	refuse(office, hub.TaskOrder{Act: hub.ActAsk, Text: "x"}, hub.KindInvalid, "due", "required")
	refuse(office, hub.TaskOrder{Act: hub.ActAsk, Text: "x", TaskTerm: hub.TaskTerm{Due: "2020-06-29"}}, hub.KindInvalid, "due", "later")
	refuse(office, hub.TaskOrder{Act: hub.ActAsk, Text: "x", TaskTerm: hub.TaskTerm{Due: "2020-01-01"}}, hub.KindInvalid, "due", "past")
	refuse(office, hub.TaskOrder{Act: hub.ActFinish, TaskTerm: hub.TaskTerm{Due: "2020-06-29"}}, hub.KindInvalid, "due", "superfluous")
	refuse(office, hub.TaskOrder{Act: hub.ActConfirm}, hub.KindDenied, "act", "assigner")
	refuse(province, hub.TaskOrder{Act: hub.ActFinish, Agency: hubtest.Office}, hub.KindDenied, "act", "assignee")
	refuse(province, hub.TaskOrder{Act: hub.ActConfirm}, hub.KindInvalid, "agency", "required")
	refuse(province, hub.TaskOrder{Act: hub.ActConfirm, Agency: hubtest.Ward}, hub.KindNotFound, "task", "")
	refuse(province, hub.TaskOrder{Act: hub.ActRedo, Agency: hubtest.Office, Text: "x"}, hub.KindConflict, "task", "state")
	refuse(province, hub.TaskOrder{Act: hub.ActDeny, Agency: hubtest.Office, Text: "x"}, hub.KindConflict, "task", "state")
	refuse(province, hub.TaskOrder{Act: hub.ActExtend, Agency: hubtest.Office}, hub.KindInvalid, "due", "required")
	refuse(bureau, hub.TaskOrder{Act: hub.ActStart, Agency: hubtest.Office}, hub.KindNotFound, "task", "")

	walk := func(actor hub.Actor, order hub.TaskOrder, state hub.TaskState) {
		t.Helper()
		if actor.Name == province.Name {
			order.Agency = hubtest.Office
		}
		if got := b.act(t, actor, portal, order).Evidence.Tasks[0]; got.State != state {
			t.Errorf("%s leads to %s, want %s", order.Act, got.State, state)
		}
	}
	walk(office, hub.TaskOrder{Act: hub.ActFinish, Text: "Xong"}, hub.TaskAwaiting)
	walk(province, hub.TaskOrder{Act: hub.ActRedo, Text: "Còn thiếu"}, hub.TaskInProgress)
	walk(province, hub.TaskOrder{Act: hub.ActSuspend, Text: "Chờ vốn"}, hub.TaskSuspended)
	refuse(office, hub.TaskOrder{Act: hub.ActProgress, Text: "x"}, hub.KindConflict, "task", "state")
	walk(province, hub.TaskOrder{Act: hub.ActResume}, hub.TaskInProgress)
	walk(office, hub.TaskOrder{Act: hub.ActAsk, Text: "Chờ vốn", TaskTerm: hub.TaskTerm{Before: "2020-08-01"}}, hub.TaskInProgress)
	walk(province, hub.TaskOrder{Act: hub.ActDeny, Text: "Không"}, hub.TaskInProgress)
	walk(province, hub.TaskOrder{Act: hub.ActExtend, TaskTerm: hub.TaskTerm{Due: "2020-07-15"}}, hub.TaskInProgress)
	walk(province, hub.TaskOrder{Act: hub.ActExtend, TaskTerm: hub.TaskTerm{Due: "2020-07-15"}}, hub.TaskInProgress) // the same again
	refuse(province, hub.TaskOrder{Act: hub.ActExtend, Agency: hubtest.Office, TaskTerm: hub.TaskTerm{Due: "2020-07-10"}}, hub.KindInvalid, "due", "later")
	walk(office, hub.TaskOrder{Act: hub.ActGiveBack, Text: "Không đúng thẩm quyền"}, hub.TaskReturned)
	walk(province, hub.TaskOrder{Act: hub.ActResume}, hub.TaskInProgress)
	walk(province, hub.TaskOrder{Act: hub.ActCancel, Text: "Thôi"}, hub.TaskCancelled)
	refuse(province, hub.TaskOrder{Act: hub.ActResume, Agency: hubtest.Office}, hub.KindConflict, "task", "state")
	b.wholeChain(t, a.Dispatch.ID)
}

// TestResumedTaskHasNotEnded: a task that was said to be done, went back with the document
// that was refused then, and is resumed has a deadline to keep again; until it is resumed it
// is none of the four totals, and a hand-over takes it along.
func TestResumedTaskHasNotEnded(t *testing.T) {
	b := newBureau2020()
	ctx := t.Context()
	province, office := hubtest.System(hubtest.Province), hubtest.System(hubtest.Office)
	a := b.submit(t, province, b.directive())
	portal := a.Dispatch.Tasks[1].ID
	b.received(t, a, hubtest.Office)
	b.act(t, office, portal, hub.TaskOrder{Act: hub.ActFinish, Text: "Xong"})
	wants := func(want hub.TaskTotals) {
		t.Helper()
		got, err := b.tasks.Totals(ctx, office, hub.TaskQuery{Agency: hubtest.Office})
		if err != nil || got != want {
			t.Errorf("%+v, want %+v: %v", got, want, err)
		}
	}
	all, err := b.tasks.Totals(ctx, office, hub.TaskQuery{Agency: hubtest.Office})
	if err != nil || all.OpenInTime == 0 {
		t.Fatalf("%+v %v", all, err)
	}
	delivery := a.Deliveries[slices.IndexFunc(a.Deliveries, func(d hub.Delivery) bool { return d.Recipient == hubtest.Office })].ID
	if _, err := b.tracking.Refuse(ctx, office, delivery, 0, hub.Reason{Code: hub.ReasonIncomplete, Detail: "thiếu"}); err != nil {
		t.Fatal(err)
	}
	wants(hub.TaskTotals{Returned: all.OpenInTime})
	if n, err := b.tasks.Open(ctx, hubtest.Office); err != nil || n != all.OpenInTime {
		t.Errorf("a hand-over takes %d of %d tasks: %v", n, all.OpenInTime, err)
	}
	b.act(t, province, portal, hub.TaskOrder{Act: hub.ActResume, Agency: hubtest.Office})
	b.at("2020-12-01T09:00:00+07:00") // the deadline is over
	wants(hub.TaskTotals{OpenLate: 1, Returned: all.OpenInTime - 1})
	b.wholeChain(t, a.Dispatch.ID)
}

// TestTaskAccess: agencies see their own assignments, the assigner all, others nothing.
func TestTaskAccess(t *testing.T) {
	b := newBureau2020()
	ctx := t.Context()
	a := b.submit(t, hubtest.System(hubtest.Province), b.directive())
	reply, portal := a.Dispatch.Tasks[0].ID, a.Dispatch.Tasks[1].ID
	for agency, want := range map[hub.AgencyID][2]int{hubtest.Province: {3, 2}, hubtest.Office: {1, 1}, hubtest.Ward: {1, 0}, hubtest.Remote: {0, 0}, hubtest.Stranger: {0, 0}} {
		for i, id := range []hub.TaskID{reply, portal} {
			views, err := b.tasks.Task(ctx, hubtest.System(agency), id)
			if len(views) != want[i] || (want[i] == 0) != (hub.KindOf(err) == hub.KindNotFound) {
				t.Errorf("%s sees %d of task %d: %v", agency, len(views), i, err)
			}
		}
	}
	stranger := hubtest.System(hubtest.Stranger)
	if _, err := b.tasks.Tasks(ctx, stranger, hub.TaskQuery{Agency: hubtest.Office}); hub.KindOf(err) != hub.KindDenied {
		t.Errorf("a stranger lists tasks: %v", err)
	}
	if _, err := b.tasks.Tasks(ctx, hubtest.System(hubtest.Office), hub.TaskQuery{Assigner: hubtest.Province}); hub.KindOf(err) != hub.KindDenied {
		t.Errorf("an agency lists what another assigned: %v", err)
	}
	if _, err := b.tasks.Tasks(ctx, stranger, hub.TaskQuery{}); hub.KindOf(err) != hub.KindInvalid {
		t.Errorf("tasks of nobody: %v", err)
	}
	if _, err := b.tasks.Act(ctx, stranger, reply, hub.TaskOrder{Act: hub.ActStart}); hub.KindOf(err) != hub.KindNotFound {
		t.Errorf("a stranger acts: %v", err)
	}
	if _, err := b.tasks.History(ctx, stranger, reply, hubtest.Office); hub.KindOf(err) != hub.KindNotFound {
		t.Errorf("a stranger reads the history: %v", err)
	}
	if _, err := b.tasks.History(ctx, hubtest.System(hubtest.Ward), reply, hubtest.Office); hub.KindOf(err) != hub.KindNotFound {
		t.Errorf("an agency reads the history of another: %v", err)
	}
	if list, err := b.tasks.Tasks(ctx, hubtest.System(hubtest.Office), hub.TaskQuery{Agency: hubtest.Office}); err != nil || len(list.Items) != 2 {
		t.Errorf("%d tasks: %v", len(list.Items), err)
	}

	// What is taken back is no task any more, for the agency; the assigner sees the end.
	if _, err := b.tracking.Recall(ctx, hubtest.System(hubtest.Province), a.Dispatch.ID, []string{"H47.12"}, "Gửi nhầm"); err != nil {
		t.Fatal(err)
	}
	if list, err := b.tasks.Tasks(ctx, hubtest.System(hubtest.Office), hub.TaskQuery{Agency: hubtest.Office}); err != nil || len(list.Items) != 0 {
		t.Errorf("%d tasks after the recall: %v", len(list.Items), err)
	}
	b.stands(t, reply, hubtest.Office, hub.TaskCancelled, hub.InTime)
	b.wholeChain(t, a.Dispatch.ID)
}

// TestTasksOfPackages: a package that directs sets a task by its due date, another does
// not, nor one whose day is over.
func TestTasksOfPackages(t *testing.T) {
	b := newBureau2020()
	for i, tt := range []struct {
		due      hub.Date
		steering int
		format   hub.Format
		want     int
	}{
		{"2020-01-10", 2, hub.FormatEdXML, 1}, {"2020-01-09", 2, hub.FormatEdXML, 0}, {"2020-02-10", 1, hub.FormatEdXML, 0}, {"2020-02-10", 2, hub.FormatREST, 0}, {"", 2, hub.FormatEdXML, 0},
	} {
		sub := b.Submission("p"+string(rune('0'+i)), "000.00.12.H47", "000.31.05.H47")
		sub.Document.DueDate, sub.Document.SteeringType, sub.Format = tt.due, tt.steering, tt.format
		a := b.submit(t, hubtest.System(hubtest.Province), sub)
		if len(a.Dispatch.Tasks) != tt.want || len(a.Deliveries[1].Tasks) != tt.want {
			t.Errorf("%+v: %d tasks", tt, len(a.Dispatch.Tasks))
		}
		if tt.want == 1 && (!a.Dispatch.Tasks[0].Derived || a.Deliveries[0].Tasks[0].Due != tt.due) {
			t.Errorf("%+v", a.Dispatch.Tasks[0])
		}
	}
}

// TestAnswerOfSeveral: an answer to a document that set several tasks advances each, and
// ends none; one that goes elsewhere is no answer.
func TestAnswerOfSeveral(t *testing.T) {
	b := newBureau2020()
	sub := b.directive()
	sub.Tasks[1].Answer = hub.AnswerDocument
	a := b.submit(t, hubtest.System(hubtest.Province), sub)
	b.received(t, a, hubtest.Office)
	b.answer(t, hubtest.Office, "000.00.12.H47", "1", func(d *hub.Document) { d.ResponseFor = []hub.Reference{{Agency: "000.00.00.H47", ExternalID: "173"}} })
	for _, task := range a.Dispatch.Tasks {
		b.stands(t, task.ID, hubtest.Office, hub.TaskInProgress, hub.InTime)
	}
	elsewhere := b.Submission("2", "000.31.05.H47")
	elsewhere.Sender, elsewhere.Document.ResponseTasks = "000.00.12.H47", []string{string(a.Dispatch.Tasks[0].ID)}
	b.submit(t, hubtest.System(hubtest.Office), elsewhere)
	b.stands(t, a.Dispatch.Tasks[0].ID, hubtest.Office, hub.TaskInProgress, hub.InTime)
	// Who is no assignee answers nothing.
	b.answer(t, hubtest.Stranger, "000.00.00.H48", "3", func(d *hub.Document) { d.ResponseTasks = []string{string(a.Dispatch.Tasks[0].ID)} })
	b.stands(t, a.Dispatch.Tasks[0].ID, hubtest.Office, hub.TaskInProgress, hub.InTime)
	b.wholeChain(t, a.Dispatch.ID)
}
