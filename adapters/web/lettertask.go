package web

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/lienthong/lienthong/hub"
)

// letterTask is a task of a letter as it was typed.
type letterTask struct {
	Content, Section, Assigner, Answer string
	Kind, Day                          string // "before": the day before which; else the last day
	// Who is the code of the lead, or eachOne. Agencies work with the lead, or are those that
	// each do it; without any, all recipients are who do not get it for information.
	Who      string
	Agencies []letterAgency
}

// letterAgency is a further agency of a task; a deadline of its own is one of a co-agency.
type letterAgency struct{ Code, Day string }

// eachOne says in the place of a lead that each agency does the task for itself.
const eachOne = "each"

// maxTaskRows bounds the agencies that are named one by one for a task.
const maxTaskRows = 100

// maxForTasks bounds the tasks that one letter answers.
const maxForTasks = 20

// setTask takes one value of a task: task.N.field, or task.N.M.field of its agency M.
func (f *letterForm) setTask(name, value string) {
	parts := strings.Split(name, ".")
	n, err := strconv.Atoi(parts[1])
	if err != nil || n < 0 || n >= hub.MaxTasks || len(parts) < 3 || len(parts) > 4 {
		return
	}
	for len(f.Tasks) <= n {
		f.Tasks = append(f.Tasks, letterTask{Who: eachOne})
	}
	t := &f.Tasks[n]
	if len(parts) == 3 {
		field := map[string]*string{"content": &t.Content, "section": &t.Section, "assigner": &t.Assigner, "answer": &t.Answer, "kind": &t.Kind, "day": &t.Day, "who": &t.Who}[parts[2]]
		if field != nil {
			*field = value
		}
		return
	}
	m, err := strconv.Atoi(parts[2])
	if err != nil || m < 0 || m >= maxTaskRows {
		return
	}
	for len(t.Agencies) <= m {
		t.Agencies = append(t.Agencies, letterAgency{})
	}
	a := &t.Agencies[m]
	if field := map[string]*string{"agency": &a.Code, "day": &a.Day}[parts[3]]; field != nil {
		*field = value
	}
}

// doTask does what a button about tasks says: adds or removes one, or adds room for an
// agency. Agencies that nobody chose go away.
func (f *letterForm) doTask() {
	for i := range f.Tasks {
		f.Tasks[i].Agencies = slices.DeleteFunc(f.Tasks[i].Agencies, func(a letterAgency) bool { return a.Code == "" })
	}
	deed, number, _ := strings.Cut(strings.TrimPrefix(f.do, "task-"), "-")
	n, err := strconv.Atoi(number)
	switch {
	case f.do == "task-add" && len(f.Tasks) < hub.MaxTasks:
		f.Tasks = append(f.Tasks, letterTask{Who: eachOne})
	case err != nil || n < 0 || n >= len(f.Tasks):
	case deed == "remove":
		f.Tasks = slices.Delete(f.Tasks, n, n+1)
	case deed == "agency" && len(f.Tasks[n].Agencies) < maxTaskRows:
		f.Tasks[n].Agencies = append(f.Tasks[n].Agencies, letterAgency{})
	}
}

// term is a deadline as it was typed.
func term(kind, day string) hub.TaskTerm {
	if kind == "before" {
		return hub.TaskTerm{Before: hub.Date(strings.TrimSpace(day))}
	}
	return hub.TaskTerm{Due: hub.Date(strings.TrimSpace(day))}
}

// wishes are the tasks of a letter as the intake reads them.
func (l *letter) wishes() ([]hub.TaskWish, error) {
	var all []hub.TaskWish
	var found hub.Violations
	for i, t := range l.Tasks {
		w := hub.TaskWish{Content: strings.TrimSpace(t.Content), Section: strings.TrimSpace(t.Section), Assigner: strings.TrimSpace(t.Assigner), Answer: hub.TaskAnswer(t.Answer), TaskTerm: term(t.Kind, t.Day)}
		if t.Who != eachOne {
			w.Lead = t.Who
		}
		for j, a := range t.Agencies {
			if w.Lead != "" {
				w.Co = append(w.Co, hub.CoWish{Agency: a.Code, TaskTerm: term("", a.Day)})
				continue
			}
			w.Each = append(w.Each, a.Code)
			if a.Day != "" {
				found = append(found, hub.Invalid(fmt.Sprintf("tasks[%d].co[%d].due", i, j), "each_term", "a deadline of its own is one of a co-agency: choose a lead"))
			}
		}
		if w.Lead == "" && len(w.Each) == 0 {
			informed := l.informed()
			w.Each = slices.DeleteFunc(slices.Clone(l.To), func(code string) bool { return slices.Contains(informed, code) })
		}
		all = append(all, w)
	}
	return all, found.AsError()
}

var taskField = regexp.MustCompile(`^tasks\[(\d+)\]\.(\w+)(?:\[(\d+)\])?`)

// placeOfTask finds the field of the form for one of a task in a submission, and what in it
// is meant; empty where it is none.
func (f *letterForm) placeOfTask(field string) (name, about string) {
	if field == "tasks" {
		return field, ""
	}
	m := taskField.FindStringSubmatch(field)
	if m == nil {
		return "", ""
	}
	n, err := strconv.Atoi(m[1])
	if err != nil || n >= len(f.Tasks) {
		return "tasks", ""
	}
	base := "task." + m[1] + "."
	if m[3] == "" {
		switch m[2] {
		case "lead", "each", "co":
			return base + "who", ""
		case "due", "before", "working_days":
			return base + "day", ""
		}
		return base + m[2], ""
	}
	j, err := strconv.Atoi(m[3])
	switch {
	case err != nil:
		return base + "who", ""
	case j < len(f.Tasks[n].Agencies) && (strings.HasSuffix(field, ".due") || strings.HasSuffix(field, ".before")):
		return base + m[3] + ".day", ""
	case j < len(f.Tasks[n].Agencies):
		return base + m[3] + ".agency", ""
	case j < len(f.To): // all recipients are meant
		return base + "who", f.To[j]
	}
	return base + "who", ""
}

// taskBox is a task in the form.
type taskBox struct {
	letterTask
	Number  int // from 0
	Answers []hub.TaskAnswer
	Chosen  []recipient // among whom the agencies are
}

// Nth is the number of the task for people, Place that of one of its agencies.
func (b taskBox) Nth() int { return b.Number + 1 }

// Place is the number of an agency of the task for people.
func (b taskBox) Place(n int) int { return n + 1 }

// ID is the name of a field of the task.
func (b taskBox) ID(field string) string { return fmt.Sprintf("task.%d.%s", b.Number, field) }

// AgencyID is the name of a field of one of its agencies.
func (b taskBox) AgencyID(n int, field string) string {
	return fmt.Sprintf("task.%d.%d.%s", b.Number, n, field)
}

// Boxes are the tasks of the form.
func (p *sendPage) Boxes() []taskBox {
	chosen := slices.DeleteFunc(slices.Clone(p.Chosen), func(r recipient) bool { return r.Info })
	boxes := make([]taskBox, len(p.Tasks))
	for i, t := range p.Tasks {
		boxes[i] = taskBox{letterTask: t, Number: i, Answers: []hub.TaskAnswer{hub.AnswerDocument, hub.AnswerReport, hub.AnswerNone}, Chosen: chosen}
	}
	return boxes
}

// MayAdd reports whether another task has room.
func (p *sendPage) MayAdd() bool { return len(p.Tasks) < hub.MaxTasks }

// shownTask is a task before it is sent.
type shownTask struct {
	letterTask
	Lead   string // name; empty where each does it
	Others []shownAgency
	All    bool // each recipient
}

type shownAgency struct{ Name, Day string }

// shownTasks are the tasks of a letter with the names of agencies.
func (x *exchange) shownTasks(l *letter) []shownTask {
	name := func(code string) string {
		if r, err := x.Directory.Resolve(code, x.Now()); err == nil {
			return r.Agency.NameAt(x.Now())
		}
		return code
	}
	var all []shownTask
	for _, t := range l.Tasks {
		shown := shownTask{letterTask: t, All: t.Who == eachOne && len(t.Agencies) == 0}
		if t.Who != eachOne {
			shown.Lead = name(t.Who)
		}
		for _, a := range t.Agencies {
			shown.Others = append(shown.Others, shownAgency{name(a.Code), a.Day})
		}
		all = append(all, shown)
	}
	return all
}

// field is one value that a form carries along.
type field struct{ Name, Value string }

// TaskFields are all values of the tasks, for a form that carries them along.
func (l *letter) TaskFields() []field {
	var all []field
	for i, t := range l.Tasks {
		for _, f := range []field{{"content", t.Content}, {"section", t.Section}, {"assigner", t.Assigner}, {"answer", t.Answer}, {"kind", t.Kind}, {"day", t.Day}, {"who", t.Who}} {
			all = append(all, field{fmt.Sprintf("task.%d.%s", i, f.Name), f.Value})
		}
		for j, a := range t.Agencies {
			for _, f := range []field{{"agency", a.Code}, {"day", a.Day}} {
				all = append(all, field{fmt.Sprintf("task.%d.%d.%s", i, j, f.Name), f.Value})
			}
		}
	}
	return all
}

// answered are the tasks that a letter answers and that the office still has.
func (x *exchange) answered(f *letterForm) ([]hub.TaskView, error) {
	var all []hub.TaskView
	for _, id := range f.ForTasks {
		views, err := x.Tasks.Task(x.r.Context(), x.visit.Actor, hub.TaskID(id))
		if err != nil && statusOf(hub.KindOf(err)) != http.StatusNotFound {
			return nil, err
		}
		if i := slices.IndexFunc(views, func(v hub.TaskView) bool { return v.Assignment.At(v.Agency) == x.office() }); i >= 0 {
			all = append(all, views[i])
		}
	}
	return all, nil
}
