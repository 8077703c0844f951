package postgres

import (
	"context"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/sqlkit"
)

// indexTasks makes the rows of tasks from deliveries as they are; a condition on the
// deliveries v follows, and then replaceTasks.
const indexTasks = `INSERT INTO tasks (task, delivery, dispatch, assigner, agency, state, closed, due, ended, remind, told, reported, shown)
	SELECT t.value ->> 'task', v.id, v.dispatch, d.sender, coalesce(t.value ->> 'holder', v.recipient), t.value ->> 'state', (t.value ->> 'state' IN ('done', 'cancelled'))::integer,
		coalesce(t.value ->> 'due', '` + sqlkit.NoDue + `'), coalesce(t.value ->> 'ended_on', ''), coalesce(t.value ->> 'remind_on', ''),
		(t.value -> 'notice' IS NOT NULL AND t.value -> 'notice' -> 'noted' IS NULL)::integer,
		(coalesce(t.value -> 'notice' ->> 'act' IN ('overdue', 'escalate', 'hand_over'), false) AND t.value -> 'notice' -> 'seen' IS NULL)::integer,
		(v.state NOT IN ('queued', 'withdrawn') AND NOT (v.state = 'consigned' AND v.body::json ->> 'channel' IN ('axis', 'post')) AND v.body::json -> 'destroyed' IS NULL)::integer
	FROM deliveries v CROSS JOIN LATERAL (SELECT sender FROM dispatches WHERE id = v.dispatch LIMIT 1) d
		CROSS JOIN LATERAL json_array_elements(v.body::json -> 'tasks') t (value) `

const replaceTasks = ` ON CONFLICT (task, delivery) DO UPDATE
	SET agency = excluded.agency, state = excluded.state, closed = excluded.closed, due = excluded.due, ended = excluded.ended, remind = excluded.remind,
		told = excluded.told, reported = excluded.reported, shown = excluded.shown`

// recordTasks makes the rows of the tasks of deliveries that were written before.
const recordTasks = indexTasks + "WHERE v.id = ANY ($1::text[])" + replaceTasks

// withTasks are the ids of those of n deliveries that have tasks.
func withTasks(n int, delivery func(int) *hub.Delivery) []string {
	var ids []string
	for i := range n {
		if d := delivery(i); len(d.Tasks) > 0 {
			ids = append(ids, string(d.ID))
		}
	}
	return ids
}

// setTasks records the tasks of an acceptance within its transaction.
func setTasks(ctx context.Context, tx pgx.Tx, a *hub.Acceptance) error {
	ids := withTasks(len(a.Deliveries), func(i int) *hub.Delivery { return &a.Deliveries[i] })
	if len(ids) == 0 {
		return nil
	}
	_, err := tx.Exec(ctx, recordTasks, ids)
	return err
}

func scanTaskKey(row pgx.CollectableRow) (sqlkit.TaskKey, error) {
	var k sqlkit.TaskKey
	err := row.Scan(&k.Task, &k.Delivery, &k.Closed, &k.Due)
	return k, err
}

const taskColumns = "SELECT t.task, t.delivery, t.closed::bigint, t.due FROM tasks t"

// Tasks lists assignments: open ones first, then by deadline.
func (s *Store) Tasks(ctx context.Context, query hub.TaskQuery) (hub.List[hub.AssignedTask], error) {
	var list hub.List[hub.AssignedTask]
	text, args, err := tasksQuery(&query)
	if err != nil {
		return list, err
	}
	keys, err := collect(ctx, s, scanTaskKey, text, args...)
	if err != nil {
		return list, err
	}
	keys, list.Next = sqlkit.Cut(keys, query.Page.Limit, (*sqlkit.TaskKey).Cursor)
	if list.Items, err = s.assigned(ctx, keys); err != nil || list.Next != "" || query.Text == "" {
		return list, err
	}
	c, err := tasksCondition(&query)
	if err != nil {
		return list, err
	}
	ends, err := collect(ctx, s, scanTaskKey, taskColumns+c.where()+taskOrder+" OFFSET "+c.arg(sqlkit.Stretch-1)+" LIMIT 1", c.args...)
	if err == nil && len(ends) > 0 {
		list.Next = ends[0].Cursor()
	}
	return list, err
}

// TaskTotals counts the tasks of one side, the first of the list out of its index.
func (s *Store) TaskTotals(ctx context.Context, query hub.TaskQuery) (hub.TaskTotals, error) {
	c := &condition{}
	columns := sqlkit.TotalsColumns
	for _, v := range []any{string(query.Today), string(query.Today), hub.MaxTotalled} {
		columns = strings.Replace(columns, "?", c.arg(v), 1)
	}
	c.tasksOf(&query)
	found, err := collect(ctx, s, func(row pgx.CollectableRow) (hub.TaskTotals, error) {
		var t hub.TaskTotals
		err := row.Scan(&t.DoneInTime, &t.DoneLate, &t.OpenInTime, &t.OpenLate, &t.Returned, &t.More)
		return t, err
	}, "SELECT "+columns+" FROM (SELECT t.closed, t.due, t.state, t.ended FROM tasks t"+c.where()+" ORDER BY t.closed, t.due LIMIT "+c.arg(hub.MaxTotalled+1)+") w", c.args...)
	return first(found, "totals", err)
}

// DueReminders lists assignments about whose deadline the hub has something to say on a
// day, the oldest first.
func (s *Store) DueReminders(ctx context.Context, today hub.Date, limit int) ([]hub.AssignedTask, error) {
	keys, err := collect(ctx, s, scanTaskKey, "SELECT * FROM ("+taskColumns+" WHERE t.remind <> '' AND t.remind <= $1 ORDER BY t.remind, t.task, t.delivery "+
		atMost(limit)+") t LIMIT $2", string(today), limit)
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

// tasksOf asks for the tasks of one side, with one on the other where that is wanted.
func (c *condition) tasksOf(query *hub.TaskQuery) {
	if query.Assigner != "" {
		c.add("t.assigner = %s", string(query.Assigner))
	}
	if query.Agency != "" {
		c.add("t.agency = %s", string(query.Agency))
	}
	if query.Shown {
		c.terms = append(c.terms, "t.shown = 1")
	}
	switch {
	case query.With != "" && query.Assigner != "":
		c.add("t.agency = %s", string(query.With))
	case query.With != "":
		c.add("t.assigner = %s", string(query.With))
	}
}

// tasksCondition says which tasks a query is about, but for its text.
func tasksCondition(query *hub.TaskQuery) (*condition, error) {
	after, err := sqlkit.ParseCursor("tasks", query.Page, 4)
	if err != nil {
		return nil, err
	}
	c := &condition{}
	c.tasksOf(query)
	if len(query.Tasks) > 0 {
		c.add("t.task = ANY (%s::text[])", texts(query.Tasks))
	}
	if len(query.States) > 0 {
		c.add("t.state = ANY (%s::text[])", texts(query.States))
	}
	switch {
	case query.Noticed && query.Assigner != "":
		c.add("t.reported = 1")
	case query.Noticed:
		c.add("t.told = 1")
	}
	if len(query.Timeliness) > 0 {
		var terms []string
		for _, wanted := range query.Timeliness {
			term, values := sqlkit.TimelinessTerm(query, wanted)
			for _, v := range values {
				term = strings.Replace(term, "?", c.arg(v), 1)
			}
			terms = append(terms, "("+term+")")
		}
		c.terms = append(c.terms, "("+strings.Join(terms, " OR ")+")")
	}
	if after != nil {
		closed, err := sqlkit.ParseSmall(after[0], 1)
		if err != nil {
			return nil, err
		}
		c.add("(t.closed, t.due, t.task, t.delivery) > (%s::smallint, %s, %s, %s)", closed, after[1], after[2], after[3])
	}
	return c, nil
}

const taskOrder = " ORDER BY t.closed, t.due, t.task, t.delivery "

// tasksQuery returns the statement for a page; with a text it looks at the next
// sqlkit.Stretch tasks alone.
func tasksQuery(query *hub.TaskQuery) (string, []any, error) {
	c, err := tasksCondition(query)
	if err != nil {
		return "", nil, err
	}
	rows := query.Page.Limit + 1
	asked, some := sqlkit.Ask(query.Text)
	if !some {
		limit := c.arg(rows)
		return "SELECT * FROM (" + taskColumns + c.where() + taskOrder + atMost(rows) + ") t ORDER BY closed, due, task, delivery LIMIT " + limit, c.args, nil
	}
	if len(asked.Patterns) == 0 {
		c.add("false")
	}
	stretch := c.arg(sqlkit.Stretch)
	return "SELECT t.task, t.delivery, t.closed::bigint, t.due FROM (SELECT t.task, t.delivery, t.dispatch, t.closed, t.due FROM tasks t" + c.where() + taskOrder + "LIMIT " + stretch +
		") t CROSS JOIN LATERAL (SELECT FROM dispatches d WHERE d.id = t.dispatch AND d.search LIKE ALL (" + c.arg(asked.Patterns) + ") LIMIT 1) d" + taskOrder + "LIMIT " + c.arg(rows), c.args, nil
}
