package hub

import (
	"slices"
	"time"
)

// TaskID identifies a task: a UUIDv7. It is the code by which an answer names the task
// (edXML ResponseForTask).
type TaskID string

// The bounds of tasks.
const (
	MaxTasks     = 20   // of one dispatch
	MaxAssignees = 1000 // of all tasks of one dispatch
)

// TaskAnswer says what a task asks for.
type TaskAnswer string

// The kinds of answers.
const (
	AnswerDocument TaskAnswer = "document" // a document that answers this one
	AnswerReport   TaskAnswer = "report"   // words about what was done
	AnswerNone     TaskAnswer = "none"     // that it is done
)

// Valid reports whether the kind is one of the list.
func (a TaskAnswer) Valid() bool {
	return a == AnswerDocument || a == AnswerReport || a == AnswerNone
}

// TaskRole is what an agency is to a task.
type TaskRole string

// The roles.
const (
	RoleLead TaskRole = "lead" // chủ trì; one at most for a task
	RoleCo   TaskRole = "co"   // phối hợp
	RoleEach TaskRole = "each" // does it for itself, as others do
)

// TaskTerm is a deadline as it is written, in one of three ways or none.
type TaskTerm struct {
	Due    Date `json:"due,omitempty"`    // the last day, in Vietnam
	Before Date `json:"before,omitempty"` // the day before which it is to be done: the last day is the one before
	// WorkingDays are counted from the day after, by the calendar of that moment.
	WorkingDays int `json:"working_days,omitempty"`
}

// IsZero reports whether the term is none.
func (t TaskTerm) IsZero() bool { return t == TaskTerm{} }

// Last returns the last day of the term as of a day; "" for none. Errors are of
// KindInvalid, with the field of the term.
func (t TaskTerm) Last(today Date, calendar *Calendar) (Date, error) {
	given := 0
	for _, said := range []bool{t.Due != "", t.Before != "", t.WorkingDays != 0} {
		if said {
			given++
		}
	}
	last, field := t.Due, "due"
	switch {
	case given == 0:
		return "", nil
	case given > 1:
		return "", Invalid("due", "exclusive", "a term is given by one of due, before and working_days")
	case t.WorkingDays != 0:
		if t.WorkingDays < 0 || t.WorkingDays > maxCalendarDays {
			return "", Invalid("working_days", "range", "a term has from 1 to %d working days", maxCalendarDays)
		}
		return calendar.After(today, t.WorkingDays), nil
	case t.Before != "":
		last, field = t.Before, "before"
	}
	if _, err := ParseDate(string(last)); err != nil {
		return "", Invalid(field, "date", "%q is not a date of the form YYYY-MM-DD that exists", string(last))
	}
	if t.Before != "" {
		last = last.Plus(-1)
	}
	if last < today {
		return "", Invalid(field, "past", "the term ended on %s, before today, %s", last, today)
	}
	return last, nil
}

// TaskWish is a task as a sender writes it. It has a lead, with co-agencies or without, or
// agencies that each do it for themselves. All of them are recipients of the document, and
// not for information alone.
type TaskWish struct {
	Content  string     `json:"content"`
	Section  string     `json:"section,omitempty"`  // where the document says it, "mục V"
	Assigner string     `json:"assigner,omitempty"` // person or body who assigns, as printed
	Answer   TaskAnswer `json:"answer,omitempty"`   // default: a document
	TaskTerm
	Lead string   `json:"lead,omitempty"` // code as written
	Co   []CoWish `json:"co,omitempty"`
	Each []string `json:"each,omitempty"` // codes as written
}

// CoWish is a co-agency as a sender writes it; without a term it has that of the task.
type CoWish struct {
	Agency string `json:"agency"` // code as written
	TaskTerm
}

// Task is what a document asks of agencies, as it was accepted. It never changes: what
// became of it stands in the assignments, one on each delivery.
type Task struct {
	ID        TaskID     `json:"id"`
	Number    int        `json:"number"` // in the dispatch, from 1
	Content   string     `json:"content"`
	Section   string     `json:"section,omitempty"`
	Assigner  string     `json:"assigner,omitempty"`
	Answer    TaskAnswer `json:"answer"`
	Assignees []Assignee `json:"assignees"`         // the lead first
	Derived   bool       `json:"derived,omitempty"` // read from due date and steering type of a package
}

// Assignee is an agency that a task was given to.
type Assignee struct {
	Agency AgencyID `json:"agency"`
	Code   Code     `json:"code"`
	Name   string   `json:"name"`
	Role   TaskRole `json:"role"`
	Due    Date     `json:"due,omitempty"` // as it was first set; "" for none
}

// TaskByID returns the task of a dispatch with the id, or nil.
func (d *Dispatch) TaskByID(id TaskID) *Task {
	for i := range d.Tasks {
		if d.Tasks[i].ID == id {
			return &d.Tasks[i]
		}
	}
	return nil
}

// TaskState is how far an agency has come with a task.
type TaskState string

// The states of tasks.
const (
	TaskNotStarted TaskState = "not_started"
	TaskInProgress TaskState = "in_progress"
	TaskAwaiting   TaskState = "awaiting"  // the agency says that it is done; the assigner has to confirm
	TaskDone       TaskState = "done"      // confirmed
	TaskReturned   TaskState = "returned"  // the agency gave it back, or did not take the document
	TaskSuspended  TaskState = "suspended" // by the assigner, for now
	TaskCancelled  TaskState = "cancelled" // by the assigner, or with the document that was taken back
)

// TaskStates lists all states.
func TaskStates() []TaskState {
	return []TaskState{TaskNotStarted, TaskInProgress, TaskAwaiting, TaskDone, TaskReturned, TaskSuspended, TaskCancelled}
}

// Counts reports whether the task counts for the agency that has it and for the assigner, as
// done or as open: what was returned or cancelled is no task of the agency any more.
func (s TaskState) Counts() bool { return s != TaskReturned && s != TaskCancelled }

// Closed reports whether nothing more can happen to the task.
func (s TaskState) Closed() bool { return s == TaskDone || s == TaskCancelled }

// TaskAct is one act on a task.
type TaskAct string

// The acts on tasks, by who does them.
const (
	ActAssign TaskAct = "assign" // with the acceptance of the document

	// Of the agency that has the task.
	ActStart    TaskAct = "start"
	ActProgress TaskAct = "progress" // words, and how much is done
	ActFinish   TaskAct = "finish"   // it is done
	ActGiveBack TaskAct = "give_back"
	ActAsk      TaskAct = "ask_extension"
	ActAnswer   TaskAct = "answer"  // a document of the agency answers, and the task awaits confirmation
	ActAdvance  TaskAct = "advance" // a document of the agency answers one of several tasks
	ActNote     TaskAct = "note"    // the agency takes note of what the hub said of the task

	// Of the assigner.
	ActConfirm TaskAct = "confirm"
	ActRedo    TaskAct = "redo" // not done yet: not confirmed
	ActSuspend TaskAct = "suspend"
	ActResume  TaskAct = "resume"
	ActCancel  TaskAct = "cancel"
	ActExtend  TaskAct = "extend" // grants what was asked for, or a new deadline unasked
	ActDeny    TaskAct = "deny"   // an extension
	ActSee     TaskAct = "see"    // the assigner takes note of what the hub said of the task

	// Of the hub.
	ActDueSoon  TaskAct = "due_soon"
	ActDueToday TaskAct = "due_today"
	ActOverdue  TaskAct = "overdue"
	ActEscalate TaskAct = "escalate" // overdue for long; for the assigner
	// The agency has closed and was handed over: its successor has the task from then on.
	ActHandOver TaskAct = "hand_over"
)

// TaskActs lists all acts.
func TaskActs() []TaskAct {
	return []TaskAct{
		ActAssign, ActStart, ActProgress, ActFinish, ActGiveBack, ActAsk, ActAnswer, ActAdvance, ActNote,
		ActConfirm, ActRedo, ActSuspend, ActResume, ActCancel, ActExtend, ActDeny, ActSee,
		ActDueSoon, ActDueToday, ActOverdue, ActEscalate, ActHandOver,
	}
}

// Ended is the day on which a task ended behind the act, of the day on which it had ended
// before and that of the act; "" while it has not. It is the day on which the agency said
// that the task is done, not that of the confirmation, and what is taken up again has not
// ended.
func (a TaskAct) Ended(before, on Date) Date {
	switch {
	case a == ActRedo, a == ActResume:
		return ""
	case a == ActFinish, before == "" && (a == ActAnswer || a == ActConfirm || a == ActCancel):
		return on
	}
	return before
}

// OfAssignee reports whether the agency that has the task does the act.
func (a TaskAct) OfAssignee() bool {
	switch a {
	case ActStart, ActProgress, ActFinish, ActGiveBack, ActAsk, ActNote:
		return true
	}
	return false
}

// OfAssigner reports whether the act is one of the assigner.
func (a TaskAct) OfAssigner() bool {
	switch a {
	case ActConfirm, ActRedo, ActSuspend, ActResume, ActCancel, ActExtend, ActDeny, ActSee:
		return true
	}
	return false
}

// NeedsReason reports whether the act says why in words.
func (a TaskAct) NeedsReason() bool {
	switch a {
	case ActGiveBack, ActAsk, ActRedo, ActSuspend, ActCancel, ActDeny:
		return true
	}
	return false
}

// After is the one table of transitions: the state of a task after an act, and whether the
// act may be done in a state at all.
func (s TaskState) After(a TaskAct) (TaskState, bool) {
	in := func(states ...TaskState) bool { return slices.Contains(states, s) }
	switch a {
	case ActStart:
		return TaskInProgress, in(TaskNotStarted)
	case ActProgress:
		return TaskInProgress, in(TaskNotStarted, TaskInProgress)
	case ActAdvance:
		if in(TaskNotStarted) {
			return TaskInProgress, true
		}
		return s, in(TaskInProgress, TaskAwaiting)
	case ActFinish:
		return TaskAwaiting, in(TaskNotStarted, TaskInProgress)
	case ActAnswer:
		return TaskAwaiting, in(TaskNotStarted, TaskInProgress, TaskAwaiting)
	case ActGiveBack:
		return TaskReturned, in(TaskNotStarted, TaskInProgress)
	case ActAsk, ActDueSoon, ActDueToday, ActOverdue, ActEscalate:
		return s, in(TaskNotStarted, TaskInProgress)
	case ActConfirm:
		return TaskDone, in(TaskNotStarted, TaskInProgress, TaskAwaiting, TaskReturned)
	case ActRedo:
		return TaskInProgress, in(TaskAwaiting)
	case ActSuspend:
		return TaskSuspended, in(TaskNotStarted, TaskInProgress)
	case ActResume:
		return TaskInProgress, in(TaskSuspended, TaskReturned)
	case ActCancel:
		return TaskCancelled, !s.Closed()
	case ActNote, ActSee, ActHandOver:
		return s, !s.Closed()
	case ActExtend, ActDeny:
		return s, in(TaskNotStarted, TaskInProgress, TaskSuspended)
	}
	return s, false
}

// Timeliness is how a task stands to its deadline. It is computed and never stored.
type Timeliness string

// The values of timeliness.
const (
	InTime     Timeliness = "in_time"
	DueSoon    Timeliness = "due_soon"
	Overdue    Timeliness = "overdue"
	NoDeadline Timeliness = "no_deadline"
)

// Timelinesses lists all values.
func Timelinesses() []Timeliness { return []Timeliness{InTime, DueSoon, Overdue, NoDeadline} }

// Assignment is a task at one agency. It is a part of the delivery of the document to that
// agency and changes with it, by steps with evidence.
type Assignment struct {
	Task     TaskID     `json:"task"`
	Role     TaskRole   `json:"role"`
	State    TaskState  `json:"state"`
	Due      Date       `json:"due,omitempty"`       // the last day, after extensions; "" for none
	EndedOn  Date       `json:"ended_on,omitempty"`  // when it was said to be done, or cancelled; by this it was in time or late
	RemindOn Date       `json:"remind_on,omitempty"` // the hub has something to say about the deadline
	LastAct  TaskAct    `json:"last_act"`
	LastAt   time.Time  `json:"last_at"` // UTC, milliseconds
	Percent  int        `json:"percent,omitempty"`
	Said     string     `json:"said,omitempty"`     // words of the last act
	Asked    *Extension `json:"asked,omitempty"`    // an extension that nobody has decided about
	Extended int        `json:"extended,omitempty"` // how often it was extended
	// Answers are documents of the agency that answer, the newest last.
	Answers []DispatchID `json:"answers,omitempty"`
	// Holder has the task since the agency closed and was handed over; empty for the agency
	// itself.
	Holder AgencyID `json:"holder,omitempty"`
	// Notice is what the hub said last of the task, until that is over; nil for nothing.
	Notice *TaskNotice `json:"notice,omitempty"`
}

// TaskNotice is what the hub said of a task at an agency: how its deadline stands, or that
// the task was handed over. It stands in the inbox of each side until that takes note of it.
type TaskNotice struct {
	Act   TaskAct   `json:"act"`
	At    time.Time `json:"at"`             // UTC, milliseconds
	Noted time.Time `json:"noted,omitzero"` // UTC; when the agency took note
	Seen  time.Time `json:"seen,omitzero"`  // UTC; when the assigner did
}

// ForAgency reports whether the agency that has the task has yet to take note.
func (n *TaskNotice) ForAgency() bool { return n != nil && n.Noted.IsZero() }

// ForAssigner reports whether the assigner has yet to take note: of a deadline that is over,
// and of a hand-over. Deadlines to come are a matter of the agency.
func (n *TaskNotice) ForAssigner() bool {
	return n != nil && n.Seen.IsZero() && (n.Act == ActOverdue || n.Act == ActEscalate || n.Act == ActHandOver)
}

// Extension is a later deadline that an agency asks for.
type Extension struct {
	Due     Date      `json:"due"`
	Reason  string    `json:"reason"`
	AskedAt time.Time `json:"asked_at"` // UTC, milliseconds
}

// Timeliness is how the assignment stands to its deadline on a day; soon is the last day
// that counts as near.
func (a *Assignment) Timeliness(today, soon Date) Timeliness {
	last := today
	if a.EndedOn != "" {
		last = a.EndedOn
	}
	switch {
	case a.Due == "":
		return NoDeadline
	case last > a.Due:
		return Overdue
	case a.EndedOn == "" && a.Due <= soon:
		return DueSoon
	}
	return InTime
}

// Assignment returns that of a task, or nil.
func (d *Delivery) Assignment(id TaskID) *Assignment {
	for i := range d.Tasks {
		if d.Tasks[i].Task == id {
			return &d.Tasks[i]
		}
	}
	return nil
}

// Next is the delivery as a store records it. Where the document does not reach its
// recipient, or is taken back, so do its tasks: those that are open are returned, or
// cancelled. The evidence of the step says it.
func (s *Step) Next() Delivery {
	next := s.Delivery
	next.Version = s.Version + 1
	var state TaskState
	switch {
	case len(next.Tasks) == 0:
		return next
	case next.TakenBack():
		state = TaskCancelled
	case next.State == s.From:
		return next
	case next.State == StateRefused, next.State == StateFailed, next.State == StateExpired:
		state = TaskReturned
	default:
		return next
	}
	next.Tasks = slices.Clone(next.Tasks)
	for i := range next.Tasks {
		t := &next.Tasks[i]
		if t.State.Closed() {
			continue
		}
		t.State, t.RemindOn, t.Asked, t.Notice = state, "", nil, nil
		if state.Closed() && t.EndedOn == "" {
			t.EndedOn = DateOf(next.UpdatedAt)
		}
	}
	return next
}

// TaskFact is a task in an evidence: of a SubmissionAcceptance as it was set, of a Task
// what was done to it.
type TaskFact struct {
	Act        TaskAct        `json:"act"`
	Answer     TaskAnswer     `json:"answer,omitempty"`
	AnsweredBy DispatchID     `json:"answered_by,omitempty"`
	Assignees  []AssigneeFact `json:"assignees,omitempty"` // of an acceptance
	Assigner   string         `json:"assigner,omitempty"`
	Content    string         `json:"content,omitempty"`
	Due        Date           `json:"due,omitempty"` // that was asked for or set, or is near or over
	ID         TaskID         `json:"id"`
	Number     int            `json:"number,omitempty"`
	Percent    int            `json:"percent,omitempty"`
	Section    string         `json:"section,omitempty"`
	State      TaskState      `json:"state"` // after the act
	Text       string         `json:"text,omitempty"`
}

// AssigneeFact is an assignee in the evidence of the acceptance.
type AssigneeFact struct {
	Due       Date     `json:"due,omitempty"`
	Recipient int      `json:"recipient"` // place among the recipients, from 0
	Role      TaskRole `json:"role"`
}

// TaskFacts are tasks as the evidence of their acceptance names them.
func TaskFacts(d *Dispatch, deliveries []Delivery) []TaskFact {
	if len(d.Tasks) == 0 {
		return nil
	}
	places := make(map[AgencyID]int, len(deliveries))
	for i := range deliveries {
		places[deliveries[i].Recipient] = deliveries[i].Index
	}
	facts := make([]TaskFact, len(d.Tasks))
	for i := range d.Tasks {
		t := &d.Tasks[i]
		facts[i] = TaskFact{
			Act: ActAssign, Answer: t.Answer, Assigner: t.Assigner, Content: t.Content, ID: t.ID, Number: t.Number, Section: t.Section, State: TaskNotStarted,
		}
		for _, a := range t.Assignees {
			facts[i].Assignees = append(facts[i].Assignees, AssigneeFact{Due: a.Due, Recipient: places[a.Agency], Role: a.Role})
		}
	}
	return facts
}

// TaskQuery selects assignments of one assigner or one agency, or by ids of tasks alone:
// open ones first, then by deadline, those without one last.
type TaskQuery struct {
	Assigner   AgencyID
	Agency     AgencyID     // that has them: by the document, or since the one that it names was handed over
	With       AgencyID     // of one of both, only those with this agency on the other side; empty: with any
	Tasks      []TaskID     // empty: all
	States     []TaskState  // empty: all
	Timeliness []Timeliness // empty: all
	// Text is words that the document has, or what it asks for; diacritics and case aside.
	// A search may give a short page though there is a next one.
	Text    string
	Shown   bool // only those of documents that the agency sees: see Delivery.ShowsTasks
	Noticed bool // only those of which the agency, or the assigner, has yet to take note
	Today   Date
	Soon    Date // the last day that counts as near
	Page    Page
}

// TaskTotals are the four totals of the tasks of one side (quy chế theo dõi nhiệm vụ, by QĐ
// 42/2014/QĐ-TTg), of those that count (TaskState.Counts), as figures count them; what has no
// deadline counts as in time.
type TaskTotals struct {
	DoneInTime int  `json:"done_in_time"`
	DoneLate   int  `json:"done_late"`
	OpenInTime int  `json:"open_in_time"`
	OpenLate   int  `json:"open_late"`
	Returned   int  `json:"returned"`       // besides: the assigner has yet to resume, confirm or cancel them
	More       bool `json:"more,omitempty"` // only the first MaxTotalled of the list were counted
}

// ShowsTasks reports whether the recipient sees the tasks of a delivery: what is on its way or
// was taken back it does not.
func (d *Delivery) ShowsTasks() bool {
	return d.State != StateQueued && !d.Relayed() && !d.TakenBack()
}

// MaxTotalled bounds the tasks that totals count.
const MaxTotalled = 20_000

// AssignedTask is a task at one agency, with its document.
type AssignedTask struct {
	Item
	Task TaskID
}

// TaskView is a task at one agency as a party of it sees it.
type TaskView struct {
	Task
	Assignment Assignment `json:"assignment"`
	Timeliness Timeliness `json:"timeliness"`
	Agency     AgencyID   `json:"agency"` // that has the task
	AgencyName string     `json:"agency_name"`
	HolderName string     `json:"holder_name,omitempty"` // that has it now, where the agency was handed over
	Code       Code       `json:"code"`
	Delivery   DeliveryID `json:"delivery"`
	// DeliveryState is how far the document itself has come.
	DeliveryState DeliveryState `json:"delivery_state"`
	Dispatch      DispatchID    `json:"dispatch"`
	Sender        AgencyID      `json:"sender"` // the assigner
	SenderName    string        `json:"sender_name"`
	SenderCode    Code          `json:"sender_code"`
	DocNumber     string        `json:"document_number"`
	Subject       string        `json:"subject"`
	AssignedAt    time.Time     `json:"assigned_at"` // UTC
}

// MayAssign reports whether the actor acts as the assigner of the task: it sends for that
// agency, is its leader, or sends for the successor since that agency was handed over.
func (v *TaskView) MayAssign(actor *Actor) bool { return mayAssign(actor, v.Sender) }

func mayAssign(actor *Actor, sender AgencyID) bool {
	leads := actor.Kind == ActorLeader && actor.SpeaksFor(sender, ScopeRead) == nil
	tookOver := actor.Has(ScopeSubmit) && slices.Contains(actor.TookOver, sender)
	return leads || tookOver || actor.SpeaksFor(sender, ScopeSubmit) == nil
}

// MayAssign reports whether the actor acts as the assigner of the tasks of the dispatch.
func (d *Dispatch) MayAssign(actor *Actor) bool { return mayAssign(actor, d.Sender) }

// At is the agency that has the assignment now, of the one that it was given to.
func (a *Assignment) At(agency AgencyID) AgencyID {
	if a.Holder != "" {
		return a.Holder
	}
	return agency
}

// TaskOrder is an act on a task as somebody asks for it.
type TaskOrder struct {
	Act     TaskAct  `json:"act"`
	Agency  AgencyID `json:"-"`                 // at which agency; may be empty where only one has it
	Text    string   `json:"text,omitempty"`    // what was done, or why
	Percent int      `json:"percent,omitempty"` // of progress, 0 to 100
	TaskTerm
}
