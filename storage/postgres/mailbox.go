package postgres

import (
	"context"
	"fmt"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/sqlkit"
)

// Mailbox lists deliveries to an agency by state: urgent ones first, then oldest
// first.
func (s *Store) Mailbox(ctx context.Context, query hub.MailboxQuery) (hub.List[hub.Item], error) {
	var list hub.List[hub.Item]
	text, args, err := mailboxQuery(&query)
	if err != nil {
		return list, err
	}
	found, err := s.items(ctx, text, args...)
	if err != nil {
		return list, err
	}
	list.Items, list.Next = sqlkit.Cut(found, query.Page.Limit, func(it *hub.Item) string {
		return sqlkit.Cursor("mailbox", sqlkit.Calm(&it.Delivery), string(it.Delivery.ID))
	})
	return list, nil
}

// mailboxQuery looks for a page of each state: each comes sorted out of the index,
// whatever the history of the agency, and they are merged.
func mailboxQuery(query *hub.MailboxQuery) (string, []any, error) {
	after, err := sqlkit.ParseCursor("mailbox", query.Page, 2)
	if err != nil {
		return "", nil, err
	}
	var c condition
	states := "" // of the parameter; an open request may be in any state
	if !query.Asked {
		states = c.arg(texts(sqlkit.States(query)))
	}
	rows := query.Page.Limit + 1
	limit := c.arg(rows)
	c.add("v.recipient = %s", string(query.Agency))
	if query.Asked {
		c.add("v.asked")
	} else {
		c.add("v.state = w.state")
	}
	if query.Free {
		c.add("v.lease_until <= %s", sqlkit.Micros(query.Now))
	}
	if after != nil {
		calm, err := sqlkit.ParseNumber(after[0])
		if err != nil {
			return "", nil, err
		}
		c.add("(v.calm, v.id) > (%s, %s)", calm, after[1])
	}
	matching := ""
	if words := sqlkit.Patterns(query.Text); len(words) > 0 {
		matching = " CROSS JOIN LATERAL (SELECT FROM dispatches d WHERE d.id = v.dispatch AND d.search LIKE ALL (" + c.arg(words) + ") LIMIT 1) d"
	}
	if query.Asked {
		return itemsOf("(SELECT * FROM (SELECT v.* FROM deliveries v"+matching+c.where()+" ORDER BY v.calm, v.id "+atMost(rows)+") v LIMIT "+limit+") v", "calm, id"), c.args, nil
	}
	from := fmt.Sprintf(`(SELECT v.* FROM unnest(%s::text[]) AS w (state) CROSS JOIN LATERAL (
		SELECT v.* FROM deliveries v%s%s ORDER BY v.calm, v.id %s) v ORDER BY v.calm, v.id LIMIT %s) v`, states, matching, c.where(), atMost(rows), limit)
	return itemsOf(from, "calm, id"), c.args, nil
}

// Sent lists dispatches of a sender, newest first, with all their deliveries.
func (s *Store) Sent(ctx context.Context, query hub.SentQuery) (hub.List[hub.SentItem], error) {
	var list hub.List[hub.SentItem]
	text, args, err := sentQuery(&query)
	if err != nil {
		return list, err
	}
	found, err := s.sent(ctx, text, args...)
	if err != nil {
		return list, err
	}
	list.Items, list.Next = sqlkit.Cut(found, query.Page.Limit, func(it *hub.SentItem) string {
		return sqlkit.Cursor("sent", string(it.Dispatch.ID))
	})
	return list, nil
}

func sentQuery(query *hub.SentQuery) (string, []any, error) {
	after, err := sqlkit.ParseCursor("sent", query.Page, 1)
	if err != nil {
		return "", nil, err
	}
	var c condition
	from := "dispatches d"
	c.add("d.sender = %s", string(query.Agency))
	if query.ExternalID != "" { // a few rows by their external id and sorted, not all of the sender's in order
		from = "acceptances a CROSS JOIN LATERAL (SELECT * FROM dispatches WHERE id = a.dispatch LIMIT 1) d"
		c.add("a.sender = $1 AND a.external_id = %s", query.ExternalID)
	}
	if query.Number != "" {
		c.add("d.number = %s", query.Number)
	}
	if words := sqlkit.Patterns(query.Text); len(words) > 0 {
		c.add("d.search LIKE ALL (%s)", words)
	}
	if len(query.States) > 0 {
		from += ` CROSS JOIN LATERAL (SELECT FROM deliveries v WHERE v.dispatch = d.id
			AND v.id BETWEEN d.first_delivery AND d.last_delivery AND v.state = ANY (` + c.arg(texts(query.States)) + ") LIMIT 1) v"
	}
	if after != nil {
		c.add("d.id < %s", after[0])
	}
	rows := query.Page.Limit + 1
	limit := c.arg(rows)
	return sentOf("(SELECT * FROM (SELECT d.* FROM "+from+c.where()+" ORDER BY d.id DESC "+atMost(rows)+") d LIMIT "+limit+") d", "d.id DESC"), c.args, nil
}
