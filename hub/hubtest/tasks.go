package hubtest

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/lienthong/lienthong/hub"
)

// Tasks lists assignments: open ones first, then by deadline, those without one last.
func (m *Memory) Tasks(_ context.Context, query hub.TaskQuery) (hub.List[hub.AssignedTask], error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	found := m.assigned(func(item *hub.Item, a *hub.Assignment) bool {
		noticed := a.Notice.ForAgency()
		if query.Assigner != "" {
			noticed = a.Notice.ForAssigner()
		}
		return side(&query, item, a) && (!query.Noticed || noticed) && (query.Text == "" || matches(item, query.Text)) &&
			(len(query.Tasks) == 0 || slices.Contains(query.Tasks, a.Task)) && (len(query.States) == 0 || slices.Contains(query.States, a.State)) &&
			(len(query.Timeliness) == 0 || slices.Contains(query.Timeliness, a.Timeliness(query.Today, query.Soon)))
	})
	page := listing[hub.AssignedTask]{name: "tasks", rows: found, key: func(t hub.AssignedTask) string {
		a, closed := t.Delivery.Assignment(t.Task), 0
		if a.State.Closed() {
			closed = 1
		}
		due := a.Due
		if due == "" {
			due = "9999-12-31"
		}
		return fmt.Sprint(closed, " ", due, " ", t.Task, " ", t.Delivery.ID)
	}}
	rows, next, err := page.cut(query.Page)
	return hub.List[hub.AssignedTask]{Items: rows, Next: next}, err
}

// side reports whether an assignment is one of the side that a query asks for.
func side(query *hub.TaskQuery, item *hub.Item, a *hub.Assignment) bool {
	agency := item.Delivery.Recipient
	if a.Holder != "" {
		agency = a.Holder
	}
	with := query.With == "" || query.Assigner != "" && query.With == agency || query.Assigner == "" && query.With == item.Dispatch.Sender
	return with && (!query.Shown || item.Delivery.ShowsTasks()) && (query.Assigner == "" || item.Dispatch.Sender == query.Assigner) && (query.Agency == "" || agency == query.Agency)
}

// matches reports whether a document, or what it asks for, has words.
func matches(item *hub.Item, text string) bool {
	all := hub.Fold(item.Dispatch.Document.Number() + " " + item.Dispatch.Document.Subject)
	for i := range item.Dispatch.Tasks {
		all += " " + hub.Fold(item.Dispatch.Tasks[i].Content)
	}
	return !slices.ContainsFunc(strings.Fields(hub.Fold(text)), func(word string) bool { return !strings.Contains(all, word) })
}

// TaskTotals counts the tasks of one side.
func (m *Memory) TaskTotals(_ context.Context, query hub.TaskQuery) (hub.TaskTotals, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var t hub.TaskTotals
	m.assigned(func(item *hub.Item, a *hub.Assignment) bool {
		if !side(&query, item, a) {
			return false
		}
		if a.State == hub.TaskReturned {
			t.Returned++
		}
		if !a.State.Counts() {
			return false
		}
		late := a.Timeliness(query.Today, query.Soon) == hub.Overdue
		count := map[[2]bool]*int{{true, false}: &t.DoneInTime, {true, true}: &t.DoneLate, {false, false}: &t.OpenInTime, {false, true}: &t.OpenLate}
		*count[[2]bool{a.State == hub.TaskDone, late}]++
		return false
	})
	return t, nil
}

// DueReminders lists assignments about whose deadline the hub has something to say.
func (m *Memory) DueReminders(_ context.Context, today hub.Date, limit int) ([]hub.AssignedTask, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	found := m.assigned(func(_ *hub.Item, a *hub.Assignment) bool { return a.RemindOn != "" && a.RemindOn <= today })
	slices.SortStableFunc(found, func(a, b hub.AssignedTask) int {
		return strings.Compare(string(a.Delivery.Assignment(a.Task).RemindOn), string(b.Delivery.Assignment(b.Task).RemindOn))
	})
	return found[:min(limit, len(found))], nil
}

func (m *Memory) assigned(fits func(*hub.Item, *hub.Assignment) bool) []hub.AssignedTask {
	var list []hub.AssignedTask
	for _, row := range m.choose(func(r *deliveryRow) bool { return len(r.delivery.Tasks) > 0 }) {
		item := m.item(row)
		for i := range item.Delivery.Tasks {
			if a := &item.Delivery.Tasks[i]; fits(&item, a) {
				list = append(list, hub.AssignedTask{Item: item, Task: a.Task})
			}
		}
	}
	return list
}
