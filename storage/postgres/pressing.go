package postgres

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/sqlkit"
)

// pressing lists what presses in a mailbox.
func (s *Store) pressing(ctx context.Context, query *hub.MailboxQuery) (hub.List[hub.Item], error) {
	return sqlkit.PressLister{
		Query: query,
		Keys: func(lane sqlkit.PressLane, after *sqlkit.PressKey, rows int) ([]sqlkit.PressKey, error) {
			text, args := pressingQuery(query, lane, after, rows)
			return collect(ctx, s, scanPressKey, text, args...)
		},
		Items: func(ids []hub.DeliveryID) ([]hub.Item, error) { return s.Items(ctx, ids) },
	}.List()
}

func scanPressKey(row pgx.CollectableRow) (sqlkit.PressKey, error) {
	var k sqlkit.PressKey
	err := row.Scan(&k.Due, &k.Arrived, &k.ID)
	return k, err
}

// pressingQuery returns the statement for the first places of a lane: it looks for as many in
// each range of an index, and they are merged.
func pressingQuery(query *hub.MailboxQuery, lane sqlkit.PressLane, after *sqlkit.PressKey, rows int) (string, []any) {
	var c condition
	states := c.arg(texts(sqlkit.States(query)))
	from, order := "unnest("+states+"::text[]) AS w (state)", "v.due, v.id"
	if !lane.Tasks {
		from, order = c.spans(states, lane.Spans(query.Pressed.Spans)), "v.arrived, v.id"
	}
	c.add("v.recipient = %s", string(query.Agency))
	c.add("v.state = w.state AND v.calm = %s", lane.Calm)
	if query.Free {
		c.add("v.lease_until <= %s", sqlkit.Micros(query.Now))
	}
	if lane.Tasks {
		c.add("v.due <> '' AND v.due >= %s AND v.due <= %s", string(query.Pressed.DueFrom), string(query.Pressed.DueUntil))
		for _, worse := range lane.Spans(query.Pressed.Worse) {
			c.add("NOT (v.awaits = %s AND v.arrived >= %s AND v.arrived < %s)", int(worse.Awaits), sqlkit.Micros(worse.From), sqlkit.Micros(worse.To))
		}
	} else {
		c.terms = append(c.terms, "v.awaits > 0 AND v.awaits = w.awaits AND v.arrived >= w.since AND v.arrived < w.until")
		c.add("NOT (v.due <> '' AND v.due <= %s)", string(query.Pressed.DueUntil))
	}
	switch {
	case after != nil && lane.Tasks:
		c.add("(v.due, v.id) > (%s, %s)", after.Due, after.ID)
	case after != nil:
		c.add("(v.arrived, v.id) > (%s, %s)", after.Arrived, after.ID)
	}
	return fmt.Sprintf(`SELECT v.due, v.arrived, v.id FROM %s CROSS JOIN LATERAL (
		SELECT v.due, v.arrived, v.id FROM deliveries v%s ORDER BY %[3]s %[4]s) v ORDER BY %[3]s LIMIT %[5]s`,
		from, c.where(), order, atMost(rows), c.arg(rows)), c.args
}

// spans are intervals of arrivals, each in all states.
func (c *condition) spans(states string, spans []hub.ArrivalSpan) string {
	var awaits []int16
	var since, until []int64
	for span := range slices.Values(spans) {
		awaits = append(awaits, int16(span.Awaits))
		since, until = append(since, sqlkit.Micros(span.From)), append(until, sqlkit.Micros(span.To))
	}
	return "(SELECT * FROM unnest(" + states + "::text[]) AS s (state), unnest(" + c.arg(awaits) + "::smallint[], " +
		c.arg(since) + "::bigint[], " + c.arg(until) + "::bigint[]) AS t (awaits, since, until)) w"
}
