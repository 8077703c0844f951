package hub

import "slices"

// CountedTask is what figures remember of a task at one agency.
type CountedTask struct {
	ID      TaskID    `json:"id"`
	State   TaskState `json:"state"`
	Due     Date      `json:"due,omitempty"`      // the last day, after extensions
	EndedOn Date      `json:"ended_on,omitempty"` // when the agency said that it is done, or it ended otherwise
}

// CountedTasks are the tasks that an acceptance sets the recipient at a position.
func CountedTasks(accepted *Evidence, position int) []CountedTask {
	var tasks []CountedTask
	for i := range accepted.Tasks {
		f := &accepted.Tasks[i]
		for _, a := range f.Assignees {
			if a.Recipient == position {
				tasks = append(tasks, CountedTask{ID: f.ID, State: f.State, Due: a.Due})
			}
		}
	}
	return tasks
}

// takeTask adds an act on a task.
func (f *DeliveryFacts) takeTask(fact *TaskFact, on Date) {
	n := slices.IndexFunc(f.Tasks, func(t CountedTask) bool { return t.ID == fact.ID })
	if n < 0 {
		return
	}
	f.Tasks = slices.Clone(f.Tasks)
	t := &f.Tasks[n]
	t.State = fact.State
	t.EndedOn = fact.Act.Ended(t.EndedOn, on)
	if fact.Act == ActExtend {
		t.Due = fact.Due
	}
}

// endTasks adds that the document did not reach its recipient, or was taken back: so were
// its tasks (Step.Next).
func (f *DeliveryFacts) endTasks() {
	state := TaskReturned
	switch {
	case f.GivenBack || f.State == StateWithdrawn:
		state = TaskCancelled
	case f.State == StateRefused || f.State == StateFailed || f.State == StateExpired:
	default:
		return
	}
	f.Tasks = slices.Clone(f.Tasks)
	for i := range f.Tasks {
		if t := &f.Tasks[i]; !t.State.Closed() {
			t.State = state
		}
	}
}

// measure is the one of the four totals that the task counts for, on a day; "" for none
// (TaskState.Counts). Without a deadline it is in time.
func (t *CountedTask) measure(today Date) Measure {
	last := today
	if t.EndedOn != "" {
		last = t.EndedOn
	}
	late := t.Due != "" && last > t.Due
	switch {
	case !t.State.Counts():
		return ""
	case t.State == TaskDone && late:
		return MeasureTasksDoneLate
	case t.State == TaskDone:
		return MeasureTasksDoneInTime
	case late:
		return MeasureTasksOverdue
	}
	return MeasureTasksOpen
}

// Counted are the tasks of the delivery that count for one of the four totals on a day, as
// figures count them.
func (d *Delivery) Counted(m Measure, today Date) []Assignment {
	var list []Assignment
	for i := range d.Tasks {
		a := &d.Tasks[i]
		if of := (&CountedTask{State: a.State, Due: a.Due, EndedOn: a.EndedOn}); of.measure(today) == m {
			list = append(list, *a)
		}
	}
	return list
}

// tasks counts the tasks of the delivery that count for a measure.
func (f *DeliveryFacts) tasks(m Measure) int64 {
	n := int64(0)
	for i := range f.Tasks {
		if f.Tasks[i].measure(f.Looked) == m {
			n++
		}
	}
	return n
}

// taskMeasures are the four totals.
func taskMeasures() []Measure {
	return []Measure{MeasureTasksDoneInTime, MeasureTasksDoneLate, MeasureTasksOpen, MeasureTasksOverdue}
}
