package web

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/lienthong/lienthong/hub"
)

// Tasks follows what documents ask of agencies.
type Tasks interface {
	Tasks(ctx context.Context, actor hub.Actor, query hub.TaskQuery) (hub.List[hub.TaskView], error)
	Totals(ctx context.Context, actor hub.Actor, query hub.TaskQuery) (hub.TaskTotals, error)
	Task(ctx context.Context, actor hub.Actor, id hub.TaskID) ([]hub.TaskView, error)
	History(ctx context.Context, actor hub.Actor, id hub.TaskID, agency hub.AgencyID) ([]hub.SealedEvidence, error)
	Act(ctx context.Context, actor hub.Actor, id hub.TaskID, order hub.TaskOrder) (hub.SealedEvidence, error)
}

// tasksPage is a list of the tasks of one side.
type tasksPage struct {
	Set   bool           // those that the agency set; else those that it has
	Box   hub.AgencyID   // in whose place the person looks; empty: the office
	Boxes []hub.AgencyID // others whose tasks the person can see on this side
	// What is asked for, as it was typed.
	State, When, With, Text string
	Noticed                 bool
	States, Whens           []string
	Totals                  hub.TaskTotals
	Rows                    []hub.TaskView
	First, Follow           string
	Partial                 bool
}

// address is this list, with what is chosen; extra are further parameters.
func (p *tasksPage) address(extra ...string) string {
	side, noticed := "", ""
	if p.Set {
		side = "set"
	}
	if p.Noticed {
		noticed = "1"
	}
	return "/tasks?" + query(append([]string{"as", side, "for", string(p.Box), "state", p.State, "when", p.When, "with", p.With, "q", p.Text, "noticed", noticed}, extra...)...)
}

// SidePath is the list of a side, of the office or of another box.
func (p *tasksPage) SidePath(side string, box hub.AgencyID) string {
	return "/tasks?" + query("as", side, "for", string(box))
}

// MorePath is the list of this side by a state and how the tasks stand to their deadline.
func (p *tasksPage) MorePath(state, when string) string {
	next := *p
	next.State, next.When, next.Noticed = state, when, false
	return next.address()
}

// tasks lists tasks.
func (x *exchange) tasks() error {
	q := x.r.URL.Query()
	p := tasksPage{
		Set: q.Get("as") == "set", State: q.Get("state"), When: q.Get("when"), With: strings.TrimSpace(q.Get("with")), Text: strings.TrimSpace(q.Get("q")),
		Noticed: q.Get("noticed") != "", States: []string{openTasks}, Whens: []string{timelyTasks},
	}
	for _, s := range hub.TaskStates() {
		p.States = append(p.States, string(s))
	}
	for _, w := range hub.Timelinesses() {
		p.Whens = append(p.Whens, string(w))
	}
	actor := &x.visit.Actor
	if !actor.Has(hub.ScopeCollect) {
		p.Set = true
	}
	p.Boxes = actor.ReceivesFor
	if p.Set {
		p.Boxes = actor.TookOver
	}
	if box := hub.AgencyID(q.Get("for")); slices.Contains(p.Boxes, box) {
		p.Box = box
	}
	wanted := hub.TaskQuery{Text: p.Text, Noticed: p.Noticed, Page: hub.Page{After: q.Get("after"), Limit: rows}}
	of := p.Box
	if of == "" {
		of = x.office()
	}
	if wanted.Agency = of; p.Set {
		wanted.Agency, wanted.Assigner = "", of
	}
	wanted.States, wanted.Timeliness = statesOfTasks(p.State), timelinessOf(p.When)
	problems := map[string]string{}
	if p.With != "" {
		other, err := x.oneAgency(p.With)
		if err != nil {
			problems["with"] = x.problems(err)[""]
		}
		wanted.With = other
	}
	if len(problems) == 0 {
		found, err := x.Tasks.Tasks(x.r.Context(), *actor, wanted)
		if err != nil {
			return err
		}
		p.Rows, p.Partial = found.Items, found.Next != "" && len(found.Items) < rows
		if found.Next != "" {
			p.Follow = p.address("after", found.Next)
		}
	}
	if wanted.Page.After != "" {
		p.First = p.address()
	}
	var err error
	if p.Totals, err = x.Tasks.Totals(x.r.Context(), *actor, wanted); err != nil {
		return err
	}
	return x.show(http.StatusOK, "tasks", &p, problems)
}

// Choices of more than one state, or of more than one way to stand to a deadline.
const (
	openTasks   = "open"   // neither done nor cancelled
	timelyTasks = "timely" // not overdue
)

// statesOfTasks are the states that a choice means; none for all.
func statesOfTasks(choice string) []hub.TaskState {
	switch choice {
	case "":
		return nil
	case openTasks:
		return slices.DeleteFunc(hub.TaskStates(), hub.TaskState.Closed)
	}
	return []hub.TaskState{hub.TaskState(choice)}
}

// timelinessOf are the ways to stand to a deadline that a choice means; none for all.
func timelinessOf(choice string) []hub.Timeliness {
	switch choice {
	case "":
		return nil
	case timelyTasks:
		return []hub.Timeliness{hub.InTime, hub.DueSoon, hub.NoDeadline}
	}
	return []hub.Timeliness{hub.Timeliness(choice)}
}

// oneAgency is the agency that a person means by a code or by words of its name, of which
// it has to be the only one.
func (x *exchange) oneAgency(text string) (hub.AgencyID, error) {
	now := x.Now()
	if a, err := x.Directory.Resolve(text, now); err == nil {
		return a.Agency.ID, nil
	}
	switch found := x.Directory.Search(text, now, hub.Page{Limit: 2}); len(found.Items) {
	case 0:
		return "", hub.Errorf(hub.KindUnknownAgency, "with", "unknown_agency", "no agency has this code or name")
	case 1:
		return found.Items[0].ID, nil
	}
	return "", hub.Errorf(hub.KindInvalid, "with", "several", "several agencies have this in their name: give the code")
}

// taskPage is one task at one agency, or at all that have it.
type taskPage struct {
	Views   []hub.TaskView // at all agencies where the person may see it
	One     *hub.TaskView  // that is chosen; nil while there are several
	Course  []hub.SealedEvidence
	Acts    []offeredAct
	Related []hub.Related
	Set     bool // the person looks as the assigner
	Answers bool // the person may answer by a document
	For     bool // in the place of another
	Done    hub.TaskAct
	Notice  hub.TaskAct // by which the person takes note; empty: there is nothing to
}

// offeredAct is an act that the person may do now, and what was typed.
type offeredAct struct {
	Act           hub.TaskAct
	Text, Day     string
	Until         bool // Day is a day before which, not the last one
	Percent       string
	Term, Counted bool // asks for a deadline; for how much is done
	Open          bool // something in it is wrong
}

// Needs reports whether the act says why.
func (a offeredAct) Needs() bool { return a.Act.NeedsReason() }

// Plain reports whether the act is one button.
func (a offeredAct) Plain() bool { return !a.Needs() && !a.Term && !a.Counted }

// Danger reports whether the act ends something.
func (a offeredAct) Danger() bool { return a.Act == hub.ActCancel || a.Act == hub.ActGiveBack }

func (x *exchange) task() error { return x.showTask(http.StatusOK, nil, nil) }

// showTask shows a task with the acts that are possible now; typed is one that did not do.
func (x *exchange) showTask(status int, typed *offeredAct, problems map[string]string) error {
	id := hub.TaskID(x.r.PathValue("task"))
	views, err := x.Tasks.Task(x.r.Context(), x.visit.Actor, id)
	if err != nil {
		return err
	}
	p := taskPage{Views: views, Done: hub.TaskAct(x.r.URL.Query().Get("done"))}
	if !p.Done.OfAssignee() && !p.Done.OfAssigner() {
		p.Done = ""
	}
	at := hub.AgencyID(x.r.FormValue("at"))
	if i := slices.IndexFunc(views, func(v hub.TaskView) bool { return v.Agency == at || len(views) == 1 }); i >= 0 {
		p.One = &views[i]
	}
	p.Set = x.assigns(&views[0])
	if p.One == nil {
		return x.show(status, "task", &p, problems)
	}
	if p.Course, err = x.Tasks.History(x.r.Context(), x.visit.Actor, id, p.One.Agency); err != nil {
		return err
	}
	if len(p.One.Assignment.Answers) > 0 {
		if p.Related, err = x.Documents.Related(x.r.Context(), x.visit.Actor, p.One.Dispatch); err != nil && hub.KindOf(err) != hub.KindNotFound {
			return err
		}
	}
	x.offerActs(&p, typed)
	return x.show(status, "task", &p, problems)
}

// assigns reports whether the person acts, or reads, for who set a task.
func (x *exchange) assigns(v *hub.TaskView) bool {
	actor := &x.visit.Actor
	return actor.SpeaksFor(v.Sender, hub.ScopeRead) == nil
}

// has reports whether the person acts for the agency that has a task.
func (x *exchange) has(v *hub.TaskView) bool {
	actor := &x.visit.Actor
	if actor.Receives(v.Agency) != nil {
		return false
	}
	return v.Assignment.Holder == "" || slices.Contains(actor.Recipients(), v.Assignment.Holder)
}

// offerActs fills in what the person may do about the chosen task.
func (x *exchange) offerActs(p *taskPage, typed *offeredAct) {
	v, actor := p.One, &x.visit.Actor
	p.For = !slices.Contains(actor.Agencies, v.Agency) && !p.Set
	received := v.DeliveryState == hub.StateHandedOver || v.DeliveryState == hub.StateAccepted
	confirms := p.Set && v.MayAssign(actor)
	for _, act := range []hub.TaskAct{
		hub.ActStart, hub.ActProgress, hub.ActFinish, hub.ActAsk, hub.ActGiveBack,
		hub.ActConfirm, hub.ActRedo, hub.ActExtend, hub.ActDeny, hub.ActSuspend, hub.ActResume, hub.ActCancel,
	} {
		_, possible := v.Assignment.State.After(act)
		may := act.OfAssignee() && received && x.has(v) || act.OfAssigner() && confirms
		late := act == hub.ActDeny && v.Assignment.Asked == nil || act == hub.ActAsk && v.Assignment.Due == ""
		if !possible || !may || late {
			continue
		}
		a := offeredAct{Act: act}
		if typed != nil && typed.Act == act {
			a = *typed
		}
		a.Term, a.Counted = act == hub.ActAsk || act == hub.ActExtend, act == hub.ActProgress
		p.Acts = append(p.Acts, a)
		p.Answers = p.Answers || act == hub.ActFinish && actor.SpeaksFor(v.Assignment.At(v.Agency), hub.ScopeSubmit) == nil
	}
	switch {
	case x.has(v) && v.Assignment.Notice.ForAgency():
		p.Notice = hub.ActNote
	case p.Set && v.Assignment.Notice.ForAssigner():
		p.Notice = hub.ActSee
	}
}

// actOnTask does what a form says.
func (x *exchange) actOnTask() error {
	value := func(name string) string { return strings.TrimSpace(x.r.PostFormValue(name)) }
	a := offeredAct{Act: hub.TaskAct(value("act")), Text: value("text"), Day: value("day"), Until: value("kind") == "before", Percent: value("percent"), Open: true}
	id, at := hub.TaskID(x.r.PathValue("task")), hub.AgencyID(value("at"))
	order := hub.TaskOrder{Act: a.Act, Agency: at, Text: a.Text}
	if order.Due = hub.Date(a.Day); a.Until {
		order.Due, order.Before = "", hub.Date(a.Day)
	}
	err := error(nil)
	if a.Percent != "" {
		if order.Percent, err = strconv.Atoi(a.Percent); err != nil {
			err = hub.Invalid("percent", "range", "percent is a number from 0 to 100")
		}
	}
	if err == nil {
		_, err = x.Tasks.Act(x.r.Context(), x.visit.Actor, id, order)
	}
	switch {
	case err == nil && value("back") != "":
		return x.redirect(ownAddress(value("back")))
	case err == nil:
		return x.redirect("/tasks/" + url.PathEscape(string(id)) + "?" + query("at", string(at), "done", string(a.Act)))
	case again(err):
		found := map[string]string{}
		for field, text := range x.problems(err, "text", "due", "before", "percent") {
			if field == "before" {
				field = "due"
			}
			if field != "" {
				field = string(a.Act) + "-" + field
			}
			found[field] = strings.TrimSpace(found[field] + " " + text)
		}
		kind := hub.KindOf(err)
		if list := hub.ViolationsOf(err); len(list) > 0 {
			kind = hub.KindOf(list[0])
		}
		return x.showTask(statusOf(kind), &a, found)
	}
	return err
}

// notices are what the hub said last about tasks of a box, and of which nobody took note:
// of those that it has, then of those that it set.
type notices struct {
	Rows []noticeRow
	More bool // there are more in the list of tasks
}

type noticeRow struct {
	hub.TaskView
	Act hub.TaskAct // by which it is taken note of
}

// Path is where the task is.
func (r *noticeRow) Path() string {
	return "/tasks/" + url.PathEscape(string(r.ID)) + "?" + query("at", string(r.Agency))
}

// noticesShown bounds the notices of each side above the inbox.
const noticesShown = 10

// noticesOf reads the notices of a box. They are told to both sides alike.
func (x *exchange) noticesOf(box hub.AgencyID) (notices, error) {
	var n notices
	for i, query := range []hub.TaskQuery{{Agency: box}, {Assigner: box}} {
		act := []hub.TaskAct{hub.ActNote, hub.ActSee}[i]
		query.Noticed, query.Page = true, hub.Page{Limit: noticesShown}
		list, err := x.Tasks.Tasks(x.r.Context(), x.visit.Actor, query)
		if hub.KindOf(err) == hub.KindDenied && err != nil {
			continue // who receives for another reads nothing of what that set
		}
		if err != nil {
			return n, err
		}
		for i := range list.Items {
			n.Rows = append(n.Rows, noticeRow{list.Items[i], act})
		}
		n.More = n.More || list.Next != ""
	}
	slices.SortStableFunc(n.Rows, func(a, b noticeRow) int { return b.Assignment.Notice.At.Compare(a.Assignment.Notice.At) })
	return n, nil
}

// taskRow is a task on the page of a document: at the agency that looks, or counted over
// all that have it.
type taskRow struct {
	hub.Task
	Here   *hub.Assignment
	At     hub.AgencyID
	Counts []taskCount
	Late   int // of them, how many are open and overdue
}

type taskCount struct {
	State hub.TaskState
	Count int
}

// TaskRows are the tasks of a document as its page shows them.
func (v *view) TaskRows(p *documentPage) []taskRow {
	var all []taskRow
	for i := range p.Dispatch.Tasks {
		row := taskRow{Task: p.Dispatch.Tasks[i]}
		if p.Delivery != nil {
			if row.Here, row.At = p.Delivery.Assignment(row.ID), p.Delivery.Recipient; row.Here != nil {
				all = append(all, row)
			}
			continue
		}
		for _, state := range hub.TaskStates() {
			n := 0
			for j := range p.Deliveries {
				if a := p.Deliveries[j].Assignment(row.ID); a != nil && a.State == state {
					n++
					if !state.Closed() && v.Stands(a) == hub.Overdue {
						row.Late++
					}
				}
			}
			if n > 0 {
				row.Counts = append(row.Counts, taskCount{state, n})
			}
		}
		all = append(all, row)
	}
	return all
}

// Stands says how an assignment stands to its deadline today.
func (v *view) Stands(a *hub.Assignment) hub.Timeliness {
	today := hub.DateOf(v.x.Now())
	return a.Timeliness(today, v.x.Calendar().Soon(today))
}

// Worst is the open assignment of a delivery that needs most attention; nil for none.
func (v *view) Worst(d hub.Delivery) *hub.Assignment {
	var worst *hub.Assignment
	for i := range d.Tasks {
		a := &d.Tasks[i]
		if !a.State.Closed() && (worst == nil || a.Due != "" && (worst.Due == "" || a.Due < worst.Due)) {
			worst = a
		}
	}
	return worst
}

// Sign is the style of how a task stands to its deadline.
func (v *view) Sign(t hub.Timeliness) string {
	switch t {
	case hub.Overdue:
		return "bad"
	case hub.DueSoon:
		return "open"
	case hub.InTime:
		return "good"
	}
	return ""
}

// AnswerPath is where a document that answers is read, if it can be.
func (v *view) AnswerPath(p *taskPage, id hub.DispatchID) string {
	for _, r := range p.Related {
		if r.Dispatch == id {
			return v.RelatedPath(r)
		}
	}
	if v.x.has(p.One) && slices.Contains(v.x.visit.Actor.Agencies, p.One.Assignment.At(p.One.Agency)) && v.x.visit.Actor.Has(hub.ScopeRead) {
		return "/sent/" + url.PathEscape(string(id))
	}
	return ""
}

// DocumentPath is where the document that set a task is read.
func (v *view) DocumentPath(p *taskPage) string {
	if p.Set {
		return "/sent/" + url.PathEscape(string(p.Views[0].Dispatch))
	}
	return "/inbox/" + url.PathEscape(string(p.Views[0].Delivery))
}

// InboxPath is the inbox as it is shown, to come back to.
func (v *view) InboxPath() string {
	q := v.x.r.URL.Query()
	return "/inbox?" + query("show", q.Get("show"), "q", q.Get("q"), "for", q.Get("for"))
}
