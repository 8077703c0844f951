package sqlite

import (
	"context"
	"database/sql"
	"strings"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/sqlkit"
)

// indexTasks makes the rows of tasks from deliveries as they are; a condition on the
// deliveries v follows, and then replaceTasks.
const indexTasks = `INSERT INTO tasks (task, delivery, dispatch, assigner, agency, state, closed, due, ended, remind, told, reported, shown)
	SELECT t.value ->> 'task', v.id, d.id, d.sender, coalesce(t.value ->> 'holder', v.recipient), t.value ->> 'state', t.value ->> 'state' IN ('done', 'cancelled'),
		coalesce(t.value ->> 'due', '` + sqlkit.NoDue + `'), coalesce(t.value ->> 'ended_on', ''), coalesce(t.value ->> 'remind_on', ''),
		t.value ->> '$.notice' IS NOT NULL AND t.value ->> '$.notice.noted' IS NULL,
		coalesce(t.value ->> '$.notice.act' IN ('overdue', 'escalate', 'hand_over'), 0) AND t.value ->> '$.notice.seen' IS NULL,
		v.state NOT IN ('queued', 'withdrawn') AND NOT (v.state = 'consigned' AND v.body ->> '$.channel' IN ('axis', 'post')) AND v.body ->> '$.destroyed' IS NULL
	FROM deliveries v JOIN dispatches d ON d.id = v.dispatch, json_each(v.body, '$.tasks') t `

const replaceTasks = ` ON CONFLICT (task, delivery) DO UPDATE
	SET agency = excluded.agency, state = excluded.state, closed = excluded.closed, due = excluded.due, ended = excluded.ended, remind = excluded.remind,
		told = excluded.told, reported = excluded.reported, shown = excluded.shown`

// recordTasks makes the rows of the tasks of a delivery that was written before.
func recordTasks(t *tx, d *hub.Delivery) error {
	if len(d.Tasks) == 0 {
		return nil
	}
	return failed("record tasks", t.exec(indexTasks+"WHERE v.id = ?"+replaceTasks, string(d.ID)))
}

func scanTaskKey(rows *sql.Rows) (sqlkit.TaskKey, error) {
	var k sqlkit.TaskKey
	err := rows.Scan(&k.Task, &k.Delivery, &k.Closed, &k.Due)
	return k, err
}

const taskColumns = "SELECT t.task, t.delivery, t.closed, t.due FROM tasks t"

// Tasks lists assignments: open ones first, then by deadline.
func (s *Store) Tasks(ctx context.Context, query hub.TaskQuery) (hub.List[hub.AssignedTask], error) {
	var list hub.List[hub.AssignedTask]
	text, args, err := tasksQuery(&query)
	if err != nil {
		return list, err
	}
	keys, err := collect(ctx, free{s.reader.db}, scanTaskKey, text, args...)
	if err != nil {
		return list, err
	}
	keys, list.Next = sqlkit.Cut(keys, query.Page.Limit, (*sqlkit.TaskKey).Cursor)
	if list.Items, err = s.assigned(ctx, keys); err != nil || list.Next != "" || query.Text == "" {
		return list, err
	}
	text, args, err = tasksEnd(&query)
	if err != nil {
		return list, err
	}
	ends, err := collect(ctx, free{s.reader.db}, scanTaskKey, text, args...)
	if err == nil && len(ends) > 0 {
		list.Next = ends[0].Cursor()
	}
	return list, err
}

// TaskTotals counts the tasks of one side.
func (s *Store) TaskTotals(ctx context.Context, query hub.TaskQuery) (hub.TaskTotals, error) {
	text, args := totalsQuery(&query)
	return one(ctx, free{s.reader.db}, "totals", func(rows *sql.Rows) (hub.TaskTotals, error) {
		var t hub.TaskTotals
		err := rows.Scan(&t.DoneInTime, &t.DoneLate, &t.OpenInTime, &t.OpenLate, &t.Returned, &t.More)
		return t, err
	}, text, args...)
}

// totalsQuery counts the first tasks of the list out of its index.
func totalsQuery(query *hub.TaskQuery) (string, []any) {
	c := tasksOf(query)
	return "SELECT " + sqlkit.TotalsColumns + " FROM (SELECT t.closed, t.due, t.state, t.ended FROM tasks t" + c.where() + " ORDER BY t.closed, t.due LIMIT ?) w",
		append(append([]any{string(query.Today), string(query.Today), hub.MaxTotalled}, c.args...), hub.MaxTotalled+1)
}

// DueReminders lists assignments about whose deadline the hub has something to say on a
// day, the oldest first.
func (s *Store) DueReminders(ctx context.Context, today hub.Date, limit int) ([]hub.AssignedTask, error) {
	keys, err := collect(ctx, s.reader, scanTaskKey, taskColumns+
		" WHERE t.remind <> '' AND t.remind <= ? ORDER BY t.remind, t.task, t.delivery LIMIT ?", string(today), limit)
	if err != nil {
		return nil, err
	}
	return s.assigned(ctx, keys)
}

// assigned reads the deliveries of a page of tasks.
func (s *Store) assigned(ctx context.Context, keys []sqlkit.TaskKey) ([]hub.AssignedTask, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	found, err := s.Items(ctx, sqlkit.DeliveriesOf(keys))
	if err != nil {
		return nil, err
	}
	return sqlkit.Assigned(keys, found)
}

// tasksOf are the tasks of one side, with one on the other where that is asked for.
func tasksOf(query *hub.TaskQuery) *condition {
	var c condition
	if query.Assigner != "" {
		c.add("t.assigner = ?", string(query.Assigner))
	}
	if query.Agency != "" {
		c.add("t.agency = ?", string(query.Agency))
	}
	if query.Shown {
		c.add("t.shown = 1")
	}
	switch {
	case query.With != "" && query.Assigner != "":
		c.add("t.agency = ?", string(query.With))
	case query.With != "":
		c.add("t.assigner = ?", string(query.With))
	}
	return &c
}

// tasksCondition says which tasks a query is about, but for its text.
func tasksCondition(query *hub.TaskQuery) (*condition, error) {
	after, err := sqlkit.ParseCursor("tasks", query.Page, 4)
	if err != nil {
		return nil, err
	}
	c := tasksOf(query)
	if len(query.Tasks) > 0 {
		c.add("t.task IN (SELECT value FROM json_each(?))", list(query.Tasks))
	}
	if len(query.States) > 0 {
		c.add("t.state IN (SELECT value FROM json_each(?))", list(query.States))
	}
	switch {
	case query.Noticed && query.Assigner != "":
		c.add("t.reported = 1")
	case query.Noticed:
		c.add("t.told = 1")
	}
	if len(query.Timeliness) > 0 {
		var terms []string
		var args []any
		for _, wanted := range query.Timeliness {
			term, values := sqlkit.TimelinessTerm(query, wanted)
			terms = append(terms, "("+term+")")
			for _, v := range values {
				args = append(args, v)
			}
		}
		c.add("("+strings.Join(terms, " OR ")+")", args...)
	}
	if after != nil {
		closed, err := sqlkit.ParseSmall(after[0], 1)
		if err != nil {
			return nil, err
		}
		c.add("(t.closed, t.due, t.task, t.delivery) > (?, ?, ?, ?)", closed, after[1], after[2], after[3])
	}
	return c, nil
}

const taskOrder = " ORDER BY t.closed, t.due, t.task, t.delivery LIMIT ?"

// tasksQuery returns the statement for a page; with a text it looks at the next
// sqlkit.Stretch tasks alone.
func tasksQuery(query *hub.TaskQuery) (string, []any, error) {
	c, err := tasksCondition(query)
	if err != nil {
		return "", nil, err
	}
	asked, some := sqlkit.Ask(query.Text)
	if !some {
		return taskColumns + c.where() + taskOrder, append(c.args, query.Page.Limit+1), nil
	}
	var matches condition
	matches.matching(&asked)
	if len(asked.Patterns) == 0 {
		matches.add("1 = 0")
	}
	args := append(append(c.args, sqlkit.Stretch), matches.args...)
	return "SELECT w.task, w.delivery, w.closed, w.due FROM (SELECT t.* FROM tasks t" + c.where() + taskOrder + ") w CROSS JOIN dispatches d ON d.id = w.dispatch" +
		matches.where() + " ORDER BY w.closed, w.due, w.task, w.delivery LIMIT ?", append(args, query.Page.Limit+1), nil
}

// tasksEnd returns the statement for the last task that a search looked at, where there
// are more.
func tasksEnd(query *hub.TaskQuery) (string, []any, error) {
	c, err := tasksCondition(query)
	if err != nil {
		return "", nil, err
	}
	return taskColumns + c.where() + taskOrder + " OFFSET ?", append(c.args, 1, sqlkit.Stretch-1), nil
}
