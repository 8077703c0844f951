package sqlite

import (
	"context"
	"database/sql"
	"strings"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/sqlkit"
)

// pressing lists what presses in a mailbox.
func (s *Store) pressing(ctx context.Context, query *hub.MailboxQuery) (hub.List[hub.Item], error) {
	return sqlkit.PressLister{
		Query: query,
		Keys: func(lane sqlkit.PressLane, after *sqlkit.PressKey, rows int) ([]sqlkit.PressKey, error) {
			text, args := pressingQuery(query, lane, after, rows)
			if text == "" {
				return nil, nil
			}
			return collect(ctx, free{s.reader.db}, scanPressKey, text, args...)
		},
		Items: func(ids []hub.DeliveryID) ([]hub.Item, error) { return s.Items(ctx, ids) },
	}.List()
}

func scanPressKey(rows *sql.Rows) (sqlkit.PressKey, error) {
	var k sqlkit.PressKey
	err := rows.Scan(&k.Due, &k.Arrived, &k.ID)
	return k, err
}

// pressingQuery returns the statement for the first places of a lane, or none where there can
// be no place: one part for each range of an index, which are merged.
func pressingQuery(query *hub.MailboxQuery, lane sqlkit.PressLane, after *sqlkit.PressKey, rows int) (string, []any) {
	const columns = "SELECT v.due, v.arrived, v.id FROM deliveries v"
	var parts []string
	var args []any
	add := func(c *condition) {
		parts, args = append(parts, columns+c.where()), append(args, c.args...)
	}
	order := "2, 3"
	for _, state := range sqlkit.States(query) {
		if lane.Tasks {
			order = "1, 3"
			add(pressingTasks(query, lane, after, state))
			continue
		}
		for _, span := range lane.Spans(query.Pressed.Spans) {
			add(pressingSpan(query, lane, after, state, &span))
		}
	}
	if len(parts) == 0 {
		return "", nil
	}
	return strings.Join(parts, " UNION ALL ") + " ORDER BY " + order + " LIMIT ?", append(args, rows)
}

// inLane are the deliveries of a lane in a state.
func inLane(query *hub.MailboxQuery, lane sqlkit.PressLane, state hub.DeliveryState) *condition {
	c := &condition{}
	c.add("v.recipient = ? AND v.state = ? AND v.calm = ?", string(query.Agency), string(state), lane.Calm)
	if query.Free {
		c.add("v.lease_until <= ?", sqlkit.Micros(query.Now))
	}
	return c
}

// pressingTasks are those with a deadline as is asked for, and with no duty that stands worse.
func pressingTasks(query *hub.MailboxQuery, lane sqlkit.PressLane, after *sqlkit.PressKey, state hub.DeliveryState) *condition {
	c := inLane(query, lane, state)
	c.add("v.due <> '' AND v.due >= ? AND v.due <= ?", string(query.Pressed.DueFrom), string(query.Pressed.DueUntil))
	for _, worse := range lane.Spans(query.Pressed.Worse) {
		c.add("NOT (v.awaits = ? AND v.arrived >= ? AND v.arrived < ?)", int(worse.Awaits), sqlkit.Micros(worse.From), sqlkit.Micros(worse.To))
	}
	if after != nil {
		c.add("(v.due, v.id) > (?, ?)", after.Due, after.ID)
	}
	return c
}

// pressingSpan are those that arrived in an interval and have no deadline until the last day
// that is asked for.
func pressingSpan(query *hub.MailboxQuery, lane sqlkit.PressLane, after *sqlkit.PressKey, state hub.DeliveryState, span *hub.ArrivalSpan) *condition {
	c := inLane(query, lane, state)
	c.add("v.awaits > 0 AND v.awaits = ? AND v.arrived >= ? AND v.arrived < ?", int(span.Awaits), sqlkit.Micros(span.From), sqlkit.Micros(span.To))
	c.add("NOT (v.due <> '' AND v.due <= ?)", string(query.Pressed.DueUntil))
	if after != nil {
		c.add("(v.arrived, v.id) > (?, ?)", after.Arrived, after.ID)
	}
	return c
}
