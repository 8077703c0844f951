package intake

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Longest values of tasks in characters.
const (
	maxTask    = 1000
	maxSection = 200
)

// taskSearch reads the tasks of one submission.
type taskSearch struct {
	*Service
	ctx        context.Context //nolint:containedctx // that of the one call
	sender     hub.AgencyID
	recipients []hub.Resolution
	informed   map[hub.AgencyID]bool
	now        time.Time
	calendar   *hub.Calendar
	given      int // assignees of all tasks
	c          checker
}

// tasks are what a submission sets, and what is wrong with that. A package can't name
// tasks: its due date and steering type make one where the hub is set up to read them so.
func (s *Service) tasks(ctx context.Context, sender hub.AgencyID, sub *hub.Submission, recipients []hub.Resolution, informed map[hub.AgencyID]bool, now time.Time) ([]hub.Task, hub.Violations, error) {
	t := &taskSearch{Service: s, ctx: ctx, sender: sender, recipients: recipients, informed: informed, now: now, calendar: s.Calendar()}
	switch {
	case len(sub.Tasks) == 0:
		return t.derived(sub), nil, nil
	case sub.Operation == hub.OperationRecall:
		return nil, hub.Violations{hub.Invalid("tasks", "operation", "a recall sets no tasks")}, nil
	case len(sub.Tasks) > hub.MaxTasks:
		return nil, hub.Violations{hub.Errorf(hub.KindTooLarge, "tasks", "max_items", "%d tasks, at most %d are allowed", len(sub.Tasks), hub.MaxTasks)}, nil
	}
	tasks := make([]hub.Task, len(sub.Tasks))
	for i := range sub.Tasks {
		task, err := t.task(fmt.Sprintf("tasks[%d].", i), &sub.Tasks[i])
		if err != nil {
			return nil, nil, err
		}
		task.ID, task.Number = hub.TaskID(s.NewID()), i+1
		tasks[i] = task
	}
	if t.given > hub.MaxAssignees {
		t.c.add(hub.Errorf(hub.KindTooLarge, "tasks", "max_items", "the tasks have %d agencies, at most %d are allowed", t.given, hub.MaxAssignees))
	}
	return tasks, t.c.found, nil
}

// task reads one task. Its error is one of the store, which says nothing about the task.
func (t *taskSearch) task(field string, w *hub.TaskWish) (hub.Task, error) {
	task := hub.Task{Content: strings.TrimSpace(w.Content), Section: w.Section, Assigner: w.Assigner, Answer: w.Answer}
	if task.Answer == "" {
		task.Answer = hub.AnswerDocument
	}
	if task.Content == "" {
		t.c.fail(field+"content", "required", "a task says what is to be done")
	}
	t.c.lines(field+"content", w.Content, maxTask)
	t.c.text(field+"section", w.Section, false, maxSection)
	t.c.text(field+"assigner", w.Assigner, false, maxName)
	if !task.Answer.Valid() {
		t.c.fail(field+"answer", "code_list", "answer is document, report or none")
	}
	due := t.term(field, w.TaskTerm)
	switch {
	case w.Lead == "" && len(w.Each) == 0:
		t.c.fail(field+"lead", "required", "a task has a lead, or agencies that each do it")
	case w.Lead != "" && len(w.Each) > 0:
		t.c.fail(field+"each", "exclusive", "a task has a lead, or agencies that each do it, not both")
	case w.Lead == "" && len(w.Co) > 0:
		t.c.fail(field+"co", "exclusive", "co-agencies work with a lead")
	case w.Lead != "":
		t.assign(&task, field+"lead", w.Lead, hub.RoleLead, due)
		for i, co := range w.Co[:min(len(w.Co), hub.MaxAssignees)] {
			place := fmt.Sprintf("%sco[%d].", field, i)
			term := due
			if !co.TaskTerm.IsZero() {
				term = t.term(place, co.TaskTerm)
			}
			t.assign(&task, place+"agency", co.Agency, hub.RoleCo, term)
		}
		t.given += len(w.Co) + 1
	default:
		all, violations, err := t.spread(t.ctx, t.sender, field+"each", w.Each)
		if err != nil {
			return task, err
		}
		t.c.found = append(t.c.found, violations...)
		t.given += max(len(all), len(w.Each))
		for _, a := range all[:min(len(all), hub.MaxAssignees)] {
			if a.listed && t.has(&task, a.code) {
				continue
			}
			t.assign(&task, a.field, a.code, hub.RoleEach, due)
		}
	}
	return task, nil
}

// has reports whether a task was given to the agency that a code means.
func (t *taskSearch) has(task *hub.Task, code string) bool {
	r, err := t.Directory.Resolve(code, t.now)
	return err == nil && slices.ContainsFunc(task.Assignees, func(a hub.Assignee) bool { return a.Agency == r.Agency.ID })
}

func (t *taskSearch) term(field string, term hub.TaskTerm) hub.Date {
	last, err := term.Last(hub.DateOf(t.now), t.calendar)
	for _, v := range hub.ViolationsOf(err) {
		t.c.add(hub.Errorf(v.Kind, field+v.Field, v.Rule, "%s", v.Message))
	}
	return last
}

// assign gives a task to an agency, which is a recipient of the document and not for
// information alone.
func (t *taskSearch) assign(task *hub.Task, field, code string, role hub.TaskRole, due hub.Date) {
	r, err := t.Directory.Resolve(code, t.now)
	if err != nil {
		t.c.found = append(t.c.found, hub.ViolationsOf(inField(err, field))...)
		return
	}
	id := r.Agency.ID
	switch {
	case slices.ContainsFunc(task.Assignees, func(a hub.Assignee) bool { return a.Agency == id }):
		t.c.fail(field, "unique", "%.40s has this task already", code)
	case !slices.ContainsFunc(t.recipients, func(r hub.Resolution) bool { return r.Agency.ID == id }):
		t.c.fail(field, "recipient", "%.40s gets a task and is not among the recipients", code)
	case t.informed[id]:
		t.c.fail(field, "for_information", "%.40s gets the document for information: nothing is asked of it", code)
	default:
		task.Assignees = append(task.Assignees, assignee(&r, role, due, t.now))
	}
}

func assignee(r *hub.Resolution, role hub.TaskRole, due hub.Date, now time.Time) hub.Assignee {
	return hub.Assignee{Agency: r.Agency.ID, Code: r.Code, Name: r.Agency.NameAt(now), Role: role, Due: due}
}

// derived is the task of a package with a due date to come, where its steering type says
// that it directs (QCVN 102:2016, elements DueDate and SteeringType; peers read the type in
// two ways, so the hub is told which values mean it).
func (t *taskSearch) derived(sub *hub.Submission) []hub.Task {
	d := &sub.Document
	if sub.Format != hub.FormatEdXML || sub.Operation != hub.OperationNew || d.DueDate < hub.DateOf(t.now) || !slices.Contains(t.Steering, d.SteeringType) {
		return nil
	}
	task := hub.Task{ID: hub.TaskID(t.NewID()), Number: 1, Content: d.Subject, Answer: hub.AnswerDocument, Derived: true}
	for i := range t.recipients[:min(len(t.recipients), hub.MaxAssignees)] {
		task.Assignees = append(task.Assignees, assignee(&t.recipients[i], hub.RoleEach, d.DueDate, t.now))
	}
	return []hub.Task{task}
}

// assignments are the tasks of one recipient as they begin.
func assignments(tasks []hub.Task, agency hub.AgencyID, calendar *hub.Calendar, now time.Time) []hub.Assignment {
	var list []hub.Assignment
	for i := range tasks {
		for _, a := range tasks[i].Assignees {
			if a.Agency != agency {
				continue
			}
			list = append(list, hub.Assignment{
				Task: tasks[i].ID, Role: a.Role, State: hub.TaskNotStarted, Due: a.Due, LastAct: hub.ActAssign, LastAt: now,
				RemindOn: calendar.NextReminder(a.Due, hub.DateOf(now)),
			})
		}
	}
	return list
}

// answers reports whether a dispatch may answer tasks of its sender.
func answers(d *hub.Dispatch) bool {
	return d.Operation == hub.OperationNew && d.Origin == nil && (len(d.Document.ResponseTasks) > 0 ||
		slices.ContainsFunc(d.Links, func(l hub.Link) bool { return l.Kind == hub.LinkAnswers }))
}
