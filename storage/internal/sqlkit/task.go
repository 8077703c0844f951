package sqlkit

import "github.com/lienthong/lienthong/hub"

// NoDue stands for no deadline in a row of a task: it sorts behind all days.
const NoDue = "9999-12-31"

// TaskKey is the key of a row of a task, in the order of lists.
type TaskKey struct {
	Task     hub.TaskID
	Delivery hub.DeliveryID
	Closed   int64
	Due      string
}

// Cursor is where a list goes on behind the row.
func (k *TaskKey) Cursor() string {
	closed := "0"
	if k.Closed != 0 {
		closed = "1"
	}
	return Cursor("tasks", closed, k.Due, string(k.Task), string(k.Delivery))
}

// TimelinessTerm is a condition on rows of tasks under the name t, in which ? stands for
// the values in turn.
func TimelinessTerm(query *hub.TaskQuery, wanted hub.Timeliness) (term string, values []string) {
	today, soon := string(query.Today), string(query.Soon)
	switch wanted {
	case hub.NoDeadline:
		return "t.due = ?", []string{NoDue}
	case hub.Overdue:
		return "t.due < CASE WHEN t.ended = '' THEN ? ELSE t.ended END", []string{today}
	case hub.DueSoon:
		return "t.ended = '' AND t.due BETWEEN ? AND ?", []string{today, soon}
	case hub.InTime:
		return "t.due <> ? AND CASE WHEN t.ended = '' THEN t.due > ? AND t.due >= ? ELSE t.due >= t.ended END", []string{NoDue, soon, today}
	}
	return "1 = 0", nil
}

// TotalsColumns count rows of tasks under the name w: done in time and late, open in time and
// late (hub.TaskState.Counts), returned, and whether there are too many. The values are today, twice, and how many are
// counted.
const TotalsColumns = `coalesce(sum(CASE WHEN w.state = 'done' AND w.due >= w.ended THEN 1 ELSE 0 END), 0),
	coalesce(sum(CASE WHEN w.state = 'done' AND w.due < w.ended THEN 1 ELSE 0 END), 0),
	coalesce(sum(CASE WHEN w.closed = 0 AND w.state <> 'returned' AND w.due >= CASE WHEN w.ended = '' THEN ? ELSE w.ended END THEN 1 ELSE 0 END), 0),
	coalesce(sum(CASE WHEN w.closed = 0 AND w.state <> 'returned' AND w.due < CASE WHEN w.ended = '' THEN ? ELSE w.ended END THEN 1 ELSE 0 END), 0),
	coalesce(sum(CASE WHEN w.state = 'returned' THEN 1 ELSE 0 END), 0), count(*) > ?`

// DeliveriesOf are the deliveries of tasks.
func DeliveriesOf(keys []TaskKey) []hub.DeliveryID {
	ids := make([]hub.DeliveryID, len(keys))
	for i := range keys {
		ids[i] = keys[i].Delivery
	}
	return ids
}

// Assigned puts a page of tasks together from their keys and deliveries.
func Assigned(keys []TaskKey, items []hub.Item) ([]hub.AssignedTask, error) {
	byID := make(map[hub.DeliveryID]*hub.Item, len(items))
	for i := range items {
		byID[items[i].Delivery.ID] = &items[i]
	}
	list := make([]hub.AssignedTask, len(keys))
	for i, k := range keys {
		item, ok := byID[k.Delivery]
		if !ok {
			return nil, hub.Internal("the task "+string(k.Task)+" has no delivery", nil)
		}
		list[i] = hub.AssignedTask{Item: *item, Task: k.Task}
	}
	return list, nil
}
