package postgres

import (
	"context"
	"fmt"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/sqlkit"
)

// Mailbox lists deliveries to an agency by state: urgent ones first, then oldest
// first. Of a search, see sqlkit.Search; of what presses, sqlkit.PressLister.
func (s *Store) Mailbox(ctx context.Context, query hub.MailboxQuery) (hub.List[hub.Item], error) {
	if query.Pressed != nil {
		return s.pressing(ctx, &query)
	}
	if asked, some := sqlkit.Ask(query.Text); some {
		return s.searchMailbox(ctx, &query, &asked)
	}
	var list hub.List[hub.Item]
	text, args, err := mailboxQuery(&query)
	if err != nil {
		return list, err
	}
	found, err := s.items(ctx, text, args...)
	if err != nil {
		return list, err
	}
	list.Items, list.Next = sqlkit.Cut(found, query.Page.Limit, sqlkit.MailboxCursor)
	return list, nil
}

func mailboxQuery(query *hub.MailboxQuery) (string, []any, error) {
	var c condition
	from, err := c.mailboxRows(query, "v.*", query.Page.Limit+1)
	return itemsOf("("+from+") v", "calm, id"), c.args, err
}

// mailboxRows yields columns of the deliveries that a query is about in their order, at
// most so many. It looks for as many of each state: each comes sorted out of the index,
// whatever the history of the agency, and they are merged.
func (c *condition) mailboxRows(query *hub.MailboxQuery, columns string, rows int) (string, error) {
	states := "" // of the parameter; an open request may be in any state
	if !query.Asked {
		states = c.arg(texts(sqlkit.States(query)))
	}
	limit := c.arg(rows)
	if err := c.inMailbox(query); err != nil {
		return "", err
	}
	if query.Asked {
		return "SELECT * FROM (SELECT " + columns + " FROM deliveries v" + c.where() + " ORDER BY v.calm, v.id " + atMost(rows) + ") v LIMIT " + limit, nil
	}
	c.add("v.state = w.state")
	return fmt.Sprintf(`SELECT v.* FROM unnest(%s::text[]) AS w (state) CROSS JOIN LATERAL (
		SELECT %s FROM deliveries v%s ORDER BY v.calm, v.id %s) v ORDER BY v.calm, v.id LIMIT %s`, states, columns, c.where(), atMost(rows), limit), nil
}

// inMailbox adds what a query asks of deliveries, but for states and text.
func (c *condition) inMailbox(query *hub.MailboxQuery) error {
	after, err := sqlkit.ParseCursor("mailbox", query.Page, 2)
	if err != nil {
		return err
	}
	c.add("v.recipient = %s", string(query.Agency))
	if query.Asked {
		c.add("v.asked")
	}
	if query.Free {
		c.add("v.lease_until <= %s", sqlkit.Micros(query.Now))
	}
	if after == nil {
		return nil
	}
	calm, err := sqlkit.ParseSmall(after[0], 1)
	c.add("(v.calm, v.id) > (%s, %s)", calm, after[1])
	return err
}

// Sent lists dispatches of a sender, newest first, with all their deliveries. Of a search,
// see sqlkit.Search.
func (s *Store) Sent(ctx context.Context, query hub.SentQuery) (hub.List[hub.SentItem], error) {
	if asked, some := sqlkit.Ask(query.Text); some {
		return s.searchSent(ctx, &query, &asked)
	}
	var list hub.List[hub.SentItem]
	text, args, err := sentQuery(&query)
	if err != nil {
		return list, err
	}
	found, err := s.sent(ctx, text, args...)
	if err != nil {
		return list, err
	}
	list.Items, list.Next = sqlkit.Cut(found, query.Page.Limit, sqlkit.SentCursor)
	return list, nil
}

func sentQuery(query *hub.SentQuery) (string, []any, error) {
	var c condition
	from, err := c.sentFrom(query)
	if err != nil {
		return "", nil, err
	}
	from += c.withStates(query)
	rows := query.Page.Limit + 1
	limit := c.arg(rows)
	return sentOf("(SELECT * FROM (SELECT d.* FROM "+from+c.where()+" ORDER BY d.id DESC "+atMost(rows)+") d LIMIT "+limit+") d", "d.id DESC"), c.args, nil
}

// sentFrom adds what a query asks of dispatches, but for states and text, and returns
// where they are read.
func (c *condition) sentFrom(query *hub.SentQuery) (string, error) {
	after, err := sqlkit.ParseCursor("sent", query.Page, 1)
	if err != nil {
		return "", err
	}
	from, sender := "dispatches d", c.arg(string(query.Agency))
	c.terms = append(c.terms, "d.sender = "+sender)
	if query.ExternalID != "" { // a few rows by their external id and sorted, not all of the sender's in order
		from = "acceptances a CROSS JOIN LATERAL (SELECT * FROM dispatches WHERE id = a.dispatch LIMIT 1) d"
		c.add("a.sender = "+sender+" AND a.external_id = %s", query.ExternalID)
	}
	if query.Number != "" {
		c.add("d.number = %s", query.Number)
	}
	if after != nil {
		c.add("d.id < %s", after[0])
	}
	return from, nil
}

// withStates joins what keeps dispatches with a delivery in one of the states.
func (c *condition) withStates(query *hub.SentQuery) string {
	if len(query.States) == 0 {
		return ""
	}
	return ` CROSS JOIN LATERAL (SELECT FROM deliveries v WHERE v.dispatch = d.id
		AND v.id BETWEEN d.first_delivery AND d.last_delivery AND v.state = ANY (` + c.arg(texts(query.States)) + ") LIMIT 1) s"
}
