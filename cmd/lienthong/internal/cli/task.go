package cli

import (
	"context"
	"fmt"
	"io"
	"strconv"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/text"
	"github.com/lienthong/lienthong/hub"
)

// taskCommand is for agencies that have tasks, and for those that set them.
type taskCommand struct {
	List     taskList     `cmd:"" help:"List the tasks that an agency has, or set."`
	Totals   taskTotals   `cmd:"" help:"Count the tasks of an agency: done in time and late, open in time and overdue; returned ones apart."`
	Show     taskShow     `cmd:"" help:"Show a task with what was done about it."`
	Start    taskStart    `cmd:"" help:"Say that work has begun."`
	Progress taskProgress `cmd:"" help:"Say what was done, and how much."`
	Finish   taskFinish   `cmd:"" help:"Say that it is done; the assigner confirms. An answering document says it, too."`
	GiveBack taskGiveBack `cmd:"" help:"Give a task back to its assigner, with a reason."`
	Ask      taskAsk      `cmd:"" help:"Ask for a later deadline."`
	Confirm  taskConfirm  `cmd:"" help:"Confirm that it is done (assigner)."`
	Redo     taskRedo     `cmd:"" help:"Say that it is not done yet (assigner)."`
	Extend   taskExtend   `cmd:"" help:"Grant the later deadline that was asked for, or set one unasked (assigner)."`
	Deny     taskDeny     `cmd:"" help:"Deny a later deadline (assigner)."`
	Suspend  taskSuspend  `cmd:"" help:"Suspend a task for now (assigner)."`
	Resume   taskResume   `cmd:"" help:"Have a task that was suspended or given back go on (assigner)."`
	Cancel   taskCancel   `cmd:"" help:"End a task that is not done (assigner)."`
	Note     taskNote     `cmd:"" help:"Take note of what the hub said of a task, for the agency that has it."`
	See      taskSee      `cmd:"" help:"Take note of what the hub said of a task (assigner)."`
}

type taskList struct {
	connection `embed:""`
	ownAgency  `embed:""`
	Assigned   bool     `help:"Those that the agency set, at every agency that has them."`
	State      []string `help:"Only those that are so: not_started, in_progress, awaiting, done, returned, suspended, cancelled."`
	Timeliness []string `help:"Only those that stand so: in_time, due_soon, overdue, no_deadline."`
	With       string   `placeholder:"CODE" help:"Only those with this agency on the other side."`
	Text       string   `help:"Only those with these words in the document or in what it asks for; diacritics are not needed."`
	Noticed    bool     `help:"Only those with a notice of the hub that the agency has not taken note of."`
}

// Run lists tasks.
func (c *taskList) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	query := hubclient.TaskQuery{Agency: c.Agency, Assigned: c.Assigned, States: named[hub.TaskState](c.State), Timeliness: named[hub.Timeliness](c.Timeliness), With: c.With, Text: c.Text, Noticed: c.Noticed}
	all, err := whole(func(p hub.Page) (hub.List[hub.TaskView], error) {
		query.Page = p
		return client.Tasks(ctx, query)
	})
	if err != nil {
		return err
	}
	return e.print(all, func(w io.Writer) {
		t := text.Table{Head: []string{"TASK", "DUE", "STANDS", "STATE", "AGENCY", "DOCUMENT", "WHAT"}}
		for i := range all {
			v := &all[i]
			t.Add(string(v.ID), string(v.Assignment.Due), string(v.Timeliness), string(v.Assignment.State), string(v.Code), v.DocNumber, text.Short(text.Printable(v.Content), 60))
		}
		t.Write(w)
	})
}

type taskTotals struct {
	connection `embed:""`
	ownAgency  `embed:""`
	Assigned   bool   `help:"Those that the agency set, at every agency that has them."`
	With       string `placeholder:"CODE" help:"Only those with this agency on the other side."`
}

// Run counts tasks.
func (c *taskTotals) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	totals, err := client.TaskTotals(ctx, hubclient.TaskQuery{Agency: c.Agency, Assigned: c.Assigned, With: c.With})
	if err != nil {
		return err
	}
	return e.print(totals, func(w io.Writer) {
		fmt.Fprintf(w, "done in time: %d\ndone late: %d\nopen in time: %d\nopen overdue: %d\nreturned: %d\n",
			totals.DoneInTime, totals.DoneLate, totals.OpenInTime, totals.OpenLate, totals.Returned)
		if totals.More {
			fmt.Fprintf(w, "there are more: the first %d were counted\n", hub.MaxTotalled)
		}
	})
}

// named are values of a closed list, as the hub checks them.
func named[T ~string](names []string) []T {
	list := make([]T, len(names))
	for i, name := range names {
		list[i] = T(name)
	}
	return list
}

type taskShow struct {
	connection `embed:""`
	taskPlace  `embed:""`
}

// taskPlace names a task at an agency.
type taskPlace struct {
	Task string `arg:"" help:"The task, as listed by task list."`
	At   string `placeholder:"CODE" help:"At which agency; not needed where only one has it, or for an agency that has it."`
}

// taskDetail is what task show prints.
type taskDetail struct {
	Task    []hub.TaskView       `json:"task"`
	History []hub.SealedEvidence `json:"history,omitempty"`
}

// Run shows a task, with its history where one agency is meant.
func (c *taskShow) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	detail := taskDetail{}
	if detail.Task, err = client.Task(ctx, hub.TaskID(c.Task)); err != nil {
		return err
	}
	if c.At != "" || len(detail.Task) == 1 {
		if detail.History, err = client.TaskHistory(ctx, hub.TaskID(c.Task), c.At); err != nil {
			return err
		}
	}
	return e.print(detail, func(w io.Writer) {
		first := &detail.Task[0]
		fmt.Fprintf(w, "%s (%s, %d) of %s: %s\n", first.ID, first.DocNumber, first.Number, first.SenderName, text.Printable(first.Content))
		t := text.Table{Head: []string{"AGENCY", "NAME", "ROLE", "DUE", "STANDS", "STATE", "SAID"}}
		for i := range detail.Task {
			v := &detail.Task[i]
			t.Add(string(v.Code), v.AgencyName, string(v.Assignment.Role), string(v.Assignment.Due), string(v.Timeliness), string(v.Assignment.State), text.Short(text.Printable(v.Assignment.Said), 60))
		}
		t.Write(w)
		if len(detail.History) == 0 {
			return
		}
		h := text.Table{Head: []string{"WHEN", "ACT", "STATE", "DUE", "DONE", "TEXT"}}
		for i := range detail.History {
			fact, done := &detail.History[i].Evidence.Tasks[0], ""
			if fact.Percent > 0 {
				done = strconv.Itoa(fact.Percent) + "%"
			}
			h.Add(text.Clock(detail.History[i].Evidence.Time), string(fact.Act), string(fact.State), string(fact.Due), done, text.Short(text.Printable(fact.Text), 60))
		}
		h.Write(w)
	})
}

// taskAct is what all acts have in common.
type taskAct struct {
	connection `embed:""`
	taskPlace  `embed:""`
}

func (c *taskAct) do(ctx context.Context, e *env, order hub.TaskOrder) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	sealed, err := client.ActOnTask(ctx, hub.TaskID(c.Task), c.At, order)
	if err != nil {
		return err
	}
	return e.print(sealed, func(w io.Writer) {
		fmt.Fprintf(w, "%s: %s, receipt %s\n", c.Task, sealed.Evidence.Tasks[0].State, sealed.Evidence.ID)
	})
}

// taskDay is a deadline on the command line.
type taskDay struct {
	Due         string `help:"The last day, YYYY-MM-DD."`
	Before      string `help:"The day before which it is to be done, YYYY-MM-DD."`
	WorkingDays int    `help:"Working days from now, by the calendar of the hub."`
}

func (d taskDay) term() hub.TaskTerm {
	return hub.TaskTerm{Due: hub.Date(d.Due), Before: hub.Date(d.Before), WorkingDays: d.WorkingDays}
}

type taskStart struct {
	taskAct `embed:""`
	Text    string `help:"A note."`
}

// Run starts.
func (c *taskStart) Run(ctx context.Context, e *env) error {
	return c.do(ctx, e, hub.TaskOrder{Act: hub.ActStart, Text: c.Text})
}

type taskProgress struct {
	taskAct `embed:""`
	Text    string `required:"" help:"What was done."`
	Percent int    `help:"How much of it is done, 0 to 100."`
}

// Run tells of progress.
func (c *taskProgress) Run(ctx context.Context, e *env) error {
	return c.do(ctx, e, hub.TaskOrder{Act: hub.ActProgress, Text: c.Text, Percent: c.Percent})
}

type taskFinish struct {
	taskAct `embed:""`
	Text    string `help:"What came of it."`
}

// Run finishes.
func (c *taskFinish) Run(ctx context.Context, e *env) error {
	return c.do(ctx, e, hub.TaskOrder{Act: hub.ActFinish, Text: c.Text})
}

type taskGiveBack struct {
	taskAct `embed:""`
	Reason  string `required:"" help:"Why."`
}

// Run gives back.
func (c *taskGiveBack) Run(ctx context.Context, e *env) error {
	return c.do(ctx, e, hub.TaskOrder{Act: hub.ActGiveBack, Text: c.Reason})
}

type taskAsk struct {
	taskAct `embed:""`
	taskDay `embed:""`
	Reason  string `required:"" help:"Why."`
}

// Run asks for a later deadline.
func (c *taskAsk) Run(ctx context.Context, e *env) error {
	return c.do(ctx, e, hub.TaskOrder{Act: hub.ActAsk, Text: c.Reason, TaskTerm: c.term()})
}

type taskConfirm struct {
	taskAct `embed:""`
	Text    string `help:"A note."`
}

// Run confirms.
func (c *taskConfirm) Run(ctx context.Context, e *env) error {
	return c.do(ctx, e, hub.TaskOrder{Act: hub.ActConfirm, Text: c.Text})
}

type taskRedo struct {
	taskAct `embed:""`
	Reason  string `required:"" help:"What is missing."`
}

// Run does not confirm.
func (c *taskRedo) Run(ctx context.Context, e *env) error {
	return c.do(ctx, e, hub.TaskOrder{Act: hub.ActRedo, Text: c.Reason})
}

type taskExtend struct {
	taskAct `embed:""`
	taskDay `embed:""`
	Text    string `help:"A note."`
}

// Run extends.
func (c *taskExtend) Run(ctx context.Context, e *env) error {
	return c.do(ctx, e, hub.TaskOrder{Act: hub.ActExtend, Text: c.Text, TaskTerm: c.term()})
}

type taskDeny struct {
	taskAct `embed:""`
	Reason  string `required:"" help:"Why."`
}

// Run denies.
func (c *taskDeny) Run(ctx context.Context, e *env) error {
	return c.do(ctx, e, hub.TaskOrder{Act: hub.ActDeny, Text: c.Reason})
}

type taskSuspend struct {
	taskAct `embed:""`
	Reason  string `required:"" help:"Why."`
}

// Run suspends.
func (c *taskSuspend) Run(ctx context.Context, e *env) error {
	return c.do(ctx, e, hub.TaskOrder{Act: hub.ActSuspend, Text: c.Reason})
}

type taskResume struct {
	taskAct `embed:""`
	Text    string `help:"A note."`
}

// Run resumes.
func (c *taskResume) Run(ctx context.Context, e *env) error {
	return c.do(ctx, e, hub.TaskOrder{Act: hub.ActResume, Text: c.Text})
}

type taskCancel struct {
	taskAct `embed:""`
	Reason  string `required:"" help:"Why."`
}

// Run cancels.
func (c *taskCancel) Run(ctx context.Context, e *env) error {
	return c.do(ctx, e, hub.TaskOrder{Act: hub.ActCancel, Text: c.Reason})
}

type taskNote struct {
	taskAct `embed:""`
}

// Run takes note for the agency.
func (c *taskNote) Run(ctx context.Context, e *env) error {
	return c.do(ctx, e, hub.TaskOrder{Act: hub.ActNote})
}

type taskSee struct {
	taskAct `embed:""`
}

// Run takes note for the assigner.
func (c *taskSee) Run(ctx context.Context, e *env) error {
	return c.do(ctx, e, hub.TaskOrder{Act: hub.ActSee})
}
