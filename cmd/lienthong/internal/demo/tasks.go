package demo

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/sample"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/text"
	"github.com/lienthong/lienthong/hub"
)

// Agencies that have tasks beside the Department of the Interior, which says that it is done
// without the document that was asked for and sends it too late, and Tam Kỳ, which does not
// answer.
const (
	office      = "000.00.01.H47" // works with the lead on the portal
	information = "000.00.13.H47" // leads the upgrade of the portal
	finance     = "000.00.15.H47" // answers by a document
	health      = "000.00.17.H47" // asks for an extension
	hoaThuan    = "000.06.31.H47" // gets what Tam Kỳ forwards by a rule
)

// The days from the directive, 10 January 2020, to those before which its tasks are to be
// done, 28 February and 30 June; and for how many more days the Department of Health asks.
const (
	replyDays  = 49
	portalDays = 172
	laterDays  = 30
)

const (
	remindPatience = time.Minute
	remindPause    = 100 * time.Millisecond // between two looks at reminders
)

const tasksNumber = "184/UBND-KSTTHC"

// Assignment is how far an agency came with a task.
type Assignment struct {
	Task       string         `json:"task"`
	Agency     string         `json:"agency"`
	Role       hub.TaskRole   `json:"role"`
	Due        hub.Date       `json:"due"`
	State      hub.TaskState  `json:"state"`
	Timeliness hub.Timeliness `json:"timeliness"`
	Extended   int            `json:"extended,omitempty"`
	Percent    int            `json:"percent,omitempty"`
	Ended      hub.Date       `json:"ended,omitempty"`    // when the agency answered
	Reminded   hub.TaskAct    `json:"reminded,omitempty"` // of what the hub told last
}

// manifestTasks tells scripts about the tasks of the directive.
type manifestTasks struct {
	Dispatch    hub.DispatchID `json:"dispatch"`
	SetOn       hub.Date       `json:"set_on"`
	Tasks       []hub.TaskID   `json:"tasks"` // in their order
	Totals      hub.TaskTotals `json:"totals"`
	Assignments []Assignment   `json:"assignments"`
}

// setTasks sends the tasks of directive 173, seven weeks before today by the clock of the
// hub, and lets its agencies work on them while the clock moves on: one answers in time and
// is confirmed, one is sent back to its work and answers a day too late, one asks for an
// extension and gets it, one does not answer, and the hub reminds of it.
func (s *show) setTasks(ctx context.Context) error {
	for _, scene := range []struct {
		day  int
		play func(context.Context) error
	}{{firstDay, s.sendTasks}, {firstDay, s.publishProcedures}, {firstDay, s.fileDossier}, {inTimeDay, s.answerTask}, {inTimeDay, s.lapse}, {inTimeDay, s.apologise}, {extendDay, s.extendTask}, {overdueDay, s.missTask}, {overdueDay, s.giveBack}} {
		s.moveTo(scene.day)
		if err := scene.play(ctx); err != nil {
			return err
		}
		if err := s.sealDay(ctx, s.parties[province], s.tasks.Dispatch); err != nil {
			return err
		}
	}
	s.arrive()
	return s.followTasks(ctx)
}

func (s *show) sendTasks(ctx context.Context) error {
	if err := s.writeOne(ctx, tasksFile, province, tasksLetter().Paper); err != nil {
		return err
	}
	original, err := s.file("p1", hub.RoleOriginal, tasksFile)
	if err != nil {
		return err
	}
	p, recipients := s.parties[province], []string{interior, finance, health, tamKy, information, office}
	sub := hub.Submission{
		Sender: province, Recipients: recipients, ExternalID: tasksID, Key: tasksID, Operation: hub.OperationNew, Document: tasksData(),
		Tasks: []hub.TaskWish{
			{
				Content: "Trả lời bằng văn bản các kiến nghị tại mục V Báo cáo số 2773/BC-SNV", Section: "mục 3", Assigner: "Phó Chủ tịch UBND tỉnh",
				TaskTerm: hub.TaskTerm{Before: s.day(replyDays)}, Each: []string{interior, finance, health, tamKy},
			},
			{
				Content: "Nâng cấp Cổng dịch vụ công và hệ thống thông tin một cửa điện tử", Section: "mục 4", Assigner: "Phó Chủ tịch UBND tỉnh", Answer: hub.AnswerReport,
				TaskTerm: hub.TaskTerm{Before: s.day(portalDays)}, Lead: information, Co: []hub.CoWish{{Agency: office, TaskTerm: hub.TaskTerm{WorkingDays: 60}}},
			},
		},
	}
	past := sub
	past.ExternalID, past.Key, past.Tasks = tasksID+"-x", tasksID+"-x", slices.Clone(sub.Tasks)
	past.Tasks[0].TaskTerm = hub.TaskTerm{Before: "2020-02-28"}
	_, err = p.client.Submit(ctx, past, []hubclient.File{original}, nil)
	refused := slices.ContainsFunc(hub.ViolationsOf(err), func(e *hub.Error) bool { return e.Field == "tasks[0].before" && e.Rule == "past" })
	s.check(err != nil && refused, "a task with a deadline in the past is refused, naming field and rule (%v)", err)
	accepted, err := p.client.Submit(ctx, sub, []hubclient.File{original}, nil)
	if err != nil {
		return err
	}
	s.keep(accepted.Receipt)
	for _, code := range recipients {
		if err := s.empty(ctx, s.parties[code], 1); err != nil {
			return err
		}
	}
	s.tasks = manifestTasks{Dispatch: accepted.Dispatch.ID, SetOn: s.day(firstDay)}
	for i := range accepted.Dispatch.Tasks {
		s.tasks.Tasks = append(s.tasks.Tasks, accepted.Dispatch.Tasks[i].ID)
	}
	return nil
}

// taskStep is an act on a task, as the agency or at it.
type taskStep struct {
	code  string
	task  hub.TaskID
	at    string
	order hub.TaskOrder
}

func (s *show) act(ctx context.Context, steps ...taskStep) error {
	for _, one := range steps {
		if err := s.kept(s.parties[one.code].client.ActOnTask(ctx, one.task, one.at, one.order)); err != nil {
			return fmt.Errorf("%s of %s: %w", one.order.Act, one.code, err)
		}
	}
	return nil
}

// answerTo sends a document that answers the first task, and lets the province confirm it.
func (s *show) answerTo(ctx context.Context, code, file, id string, render func() (sample.Paper, error), answer hub.Document) error {
	reply := s.tasks.Tasks[0]
	if err := s.writeOne(ctx, file, code, render); err != nil {
		return err
	}
	answer.ResponseTasks = []string{string(reply)}
	if _, err := s.submit(ctx, s.parties[code], file, id, answer, province); err != nil {
		return err
	}
	if err := s.empty(ctx, s.parties[province], 1); err != nil {
		return err
	}
	views, err := s.parties[code].client.Task(ctx, reply)
	if err != nil {
		return err
	}
	s.check(len(views) == 1 && views[0].Assignment.State == hub.TaskAwaiting, "the answering document lets the task await confirmation (%d agencies seen)", len(views))
	return s.act(ctx, taskStep{province, reply, code, hub.TaskOrder{Act: hub.ActConfirm, Text: "Đã đủ"}})
}

// answerTask is what happens in time.
func (s *show) answerTask(ctx context.Context) error {
	if err := s.answerTo(ctx, finance, taskAnswerFile, taskAnswerID, taskAnswer().Paper, taskAnswerData()); err != nil {
		return err
	}
	reply, portal := s.tasks.Tasks[0], s.tasks.Tasks[1]
	return s.act(ctx,
		taskStep{interior, reply, "", hub.TaskOrder{Act: hub.ActFinish, Text: "Đã trả lời qua điện thoại"}},
		taskStep{province, reply, interior, hub.TaskOrder{Act: hub.ActRedo, Text: "Đề nghị trả lời bằng văn bản"}},
		taskStep{information, portal, "", hub.TaskOrder{Act: hub.ActProgress, Text: "Đã chọn nhà thầu", Percent: 40}},
	)
}

// extendTask is what happens shortly before the deadline.
func (s *show) extendTask(ctx context.Context) error {
	reply := s.tasks.Tasks[0]
	err := s.act(ctx,
		taskStep{health, reply, "", hub.TaskOrder{Act: hub.ActAsk, Text: "Chờ số liệu của các huyện", TaskTerm: hub.TaskTerm{Before: s.day(replyDays + laterDays)}}},
		taskStep{province, reply, health, hub.TaskOrder{Act: hub.ActExtend, Text: "Đồng ý"}},
	)
	if err != nil {
		return err
	}
	_, err = s.parties[health].client.ActOnTask(ctx, reply, "", hub.TaskOrder{Act: hub.ActConfirm})
	s.check(hub.KindOf(err) == hub.KindDenied, "an agency does not confirm its own task (%v)", err)
	_, err = s.parties[outsider].client.Task(ctx, reply)
	s.check(hub.KindOf(err) == hub.KindNotFound, "%s learns nothing of the tasks of others (%v)", s.parties[outsider].Name, err)
	return nil
}

// missTask is what happens on the day behind the deadline: the hub reminds those who have
// not answered, and one of them does.
func (s *show) missTask(ctx context.Context) error {
	for _, code := range []string{interior, tamKy} {
		if err := s.awaitReminder(ctx, code); err != nil {
			return err
		}
	}
	return s.answerTo(ctx, interior, lateAnswerFile, lateAnswerID, lateAnswer().Paper, lateAnswerData())
}

// awaitReminder waits until the hub has told an agency that its task is overdue.
func (s *show) awaitReminder(ctx context.Context, code string) error {
	ctx, cancel := context.WithTimeout(ctx, remindPatience)
	defer cancel()
	for {
		views, err := s.parties[code].client.Task(ctx, s.tasks.Tasks[0])
		if err != nil {
			return err
		}
		if len(views) == 1 && views[0].Assignment.Notice != nil && views[0].Assignment.Notice.Act == hub.ActOverdue {
			s.check(views[0].Timeliness == hub.Overdue, "the task of %s is overdue (%s)", s.parties[code].Name, views[0].Timeliness)
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the hub does not remind %s of a task that is overdue: %w", code, ctx.Err())
		case <-time.After(remindPause):
		}
	}
}

// followTasks is what the assigner sees today.
func (s *show) followTasks(ctx context.Context) error {
	due := s.day(replyDays - 1)
	want := map[string]Assignment{
		finance + "/reply":      {State: hub.TaskDone, Timeliness: hub.InTime, Due: due, Ended: s.day(inTimeDay)},
		interior + "/reply":     {State: hub.TaskDone, Timeliness: hub.Overdue, Due: due, Ended: s.day(overdueDay)},
		health + "/reply":       {State: hub.TaskNotStarted, Timeliness: hub.InTime, Due: s.day(replyDays + laterDays - 1), Extended: 1},
		tamKy + "/reply":        {State: hub.TaskNotStarted, Timeliness: hub.Overdue, Due: due, Reminded: hub.ActOverdue},
		information + "/portal": {State: hub.TaskInProgress, Timeliness: hub.InTime, Due: s.day(portalDays - 1), Percent: 40},
		office + "/portal":      {State: hub.TaskNotStarted, Timeliness: hub.InTime},
	}
	client := s.parties[province].client
	found, err := client.Tasks(ctx, hubclient.TaskQuery{Assigned: true, Text: "2773 BC SNV cong dich vu"})
	if err != nil {
		return err
	}
	s.check(len(found.Items) == len(want), "words of the tasks find them without diacritics (%d)", len(found.Items))
	for i, name := range []string{"reply", "portal"} {
		views, err := client.Task(ctx, s.tasks.Tasks[i])
		if err != nil {
			return err
		}
		for j := range views {
			a, is := assignmentOf(&views[j]), want[string(views[j].Code)+"/"+name]
			is.Task, is.Agency, is.Role, is.Due = a.Task, a.Agency, a.Role, cmp.Or(is.Due, a.Due)
			s.check(a == is, "the task %q at %s is %s until %s, %s", name, a.Agency, a.State, a.Due, a.Timeliness)
			s.tasks.Assignments = append(s.tasks.Assignments, a)
		}
	}
	if s.tasks.Totals, err = client.TaskTotals(ctx, hubclient.TaskQuery{Assigned: true}); err != nil {
		return err
	}
	s.check(s.tasks.Totals == hub.TaskTotals{DoneInTime: 1, DoneLate: 1, OpenInTime: 3, OpenLate: 1}, "of six tasks one is done in time and one late, one is overdue (%+v)", s.tasks.Totals)
	s.say("%s: %d nhiệm vụ, %d cơ quan thực hiện / tasks, agencies that have them", tasksNumber, len(s.tasks.Tasks), len(s.tasks.Assignments))
	return s.countTasks(ctx)
}

func assignmentOf(v *hub.TaskView) Assignment {
	a := Assignment{
		Task: v.Content, Agency: v.AgencyName, Role: v.Assignment.Role, Due: v.Assignment.Due, State: v.Assignment.State, Timeliness: v.Timeliness,
		Extended: v.Assignment.Extended, Percent: v.Assignment.Percent, Ended: v.Assignment.EndedOn,
	}
	if v.Assignment.Notice != nil {
		a.Reminded = v.Assignment.Notice.Act
	}
	return a
}

// countTasks waits until the figures of the province have counted the tasks: the dashboard
// of its leaders shows the same four totals.
func (s *show) countTasks(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, remindPatience)
	defer cancel()
	client, err := s.clientOf(ctx, province, "leaders", hub.ScopeFigures)
	if err != nil {
		return err
	}
	defer client.CloseIdle()
	year := string(s.tasks.SetOn[:4])
	for {
		report, err := client.Figures(ctx, hubclient.FiguresQuery{Period: hub.Period(year)}, hub.Page{})
		if err != nil {
			return err
		}
		sent := &report.Total.Sent
		counted := hub.TaskTotals{
			DoneInTime: int(sent.Of(hub.MeasureTasksDoneInTime)), DoneLate: int(sent.Of(hub.MeasureTasksDoneLate)),
			OpenInTime: int(sent.Of(hub.MeasureTasksOpen)), OpenLate: int(sent.Of(hub.MeasureTasksOverdue)),
		}
		if !report.Pending && counted == s.tasks.Totals {
			s.check(true, "the figures of %s count the tasks as the list does", year)
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the figures of %s count %+v of the tasks, the list %+v: %w", year, counted, s.tasks.Totals, ctx.Err())
		case <-time.After(remindPause):
		}
	}
}

// writeTasks prints how far the tasks have come.
func writeTasks(w io.Writer, t *manifestTasks) {
	if len(t.Assignments) == 0 {
		return
	}
	fmt.Fprintln(w, "\nNhiệm vụ giao theo Công văn 173/UBND-KSTTHC / tasks of the directive")
	table := text.Table{Head: []string{"NHIỆM VỤ", "CƠ QUAN", "VAI TRÒ", "HẠN", "THỜI HẠN", "TÌNH TRẠNG"}}
	for _, a := range t.Assignments {
		state := string(a.State)
		if a.Percent > 0 {
			state += fmt.Sprintf(" %d%%", a.Percent)
		}
		if a.Extended > 0 {
			state += " (gia hạn / extended)"
		}
		if a.Ended > a.Due {
			state += " (muộn / late: " + string(a.Ended) + ")"
		}
		table.Add(text.Short(a.Task, 40), plainName(a.Agency), string(a.Role), cmp.Or(string(a.Due), "–"), string(a.Timeliness), state)
	}
	table.Write(w)
	fmt.Fprintf(w, "Hoàn thành đúng hạn / done in time: %d, quá hạn / late: %d; chưa xong trong hạn / open in time: %d, quá hạn / overdue: %d\n",
		t.Totals.DoneInTime, t.Totals.DoneLate, t.Totals.OpenInTime, t.Totals.OpenLate)
}
