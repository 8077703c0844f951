package sqlite

import (
	"context"
	"strings"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/sqlkit"
)

// Mailbox lists deliveries to an agency by state: urgent ones first, then oldest
// first.
func (s *Store) Mailbox(ctx context.Context, query hub.MailboxQuery) (hub.List[hub.Item], error) {
	var list hub.List[hub.Item]
	text, args, err := mailboxQuery(&query)
	if err != nil || text == "" {
		return list, err
	}
	found, err := items(ctx, free{s.reader.db}, s.reader, text, args...)
	if err != nil {
		return list, err
	}
	list.Items, list.Next = sqlkit.Cut(found, query.Page.Limit, func(it *hub.Item) string {
		return sqlkit.Cursor("mailbox", sqlkit.Calm(&it.Delivery), string(it.Delivery.ID))
	})
	return list, nil
}

// mailboxQuery returns the statement, or none when the query wants no state that
// exists. It has one part for each state: each comes sorted out of the index,
// whatever the history of the agency, and they are merged.
func mailboxQuery(query *hub.MailboxQuery) (string, []any, error) {
	c, err := mailboxCondition(query)
	if err != nil {
		return "", nil, err
	}
	from := " FROM deliveries v"
	if query.Text != "" {
		from += " JOIN dispatches d ON d.id = v.dispatch"
	}
	if query.Asked {
		return "SELECT " + deliveryColumns + from + c.where() + " ORDER BY v.calm, v.id LIMIT ?", append(c.args, query.Page.Limit+1), nil
	}
	var parts []string
	var args []any
	for _, state := range sqlkit.States(query) {
		parts = append(parts, "SELECT "+deliveryColumns+", v.calm, v.id"+from+c.where()+" AND v.state = ?")
		args = append(append(args, c.args...), string(state))
	}
	if len(parts) == 0 {
		return "", nil, nil
	}
	return "SELECT body, fence, lease_until, lease_holder FROM (" + strings.Join(parts, " UNION ALL ") +
		" ORDER BY 5, 6 LIMIT ?)", append(args, query.Page.Limit+1), nil
}

func mailboxCondition(query *hub.MailboxQuery) (*condition, error) {
	after, err := sqlkit.ParseCursor("mailbox", query.Page, 2)
	if err != nil {
		return nil, err
	}
	var c condition
	c.add("v.recipient = ?", string(query.Agency))
	if query.Asked {
		c.add("v.asked = 1")
	}
	if query.Free {
		c.add("v.lease_until <= ?", sqlkit.Micros(query.Now))
	}
	c.words("d.search", query.Text)
	if after == nil {
		return &c, nil
	}
	urgency, err := sqlkit.ParseNumber(after[0])
	c.add("(v.calm, v.id) > (?, ?)", urgency, after[1])
	return &c, err
}

// Sent lists dispatches of a sender, newest first, with all their deliveries.
func (s *Store) Sent(ctx context.Context, query hub.SentQuery) (hub.List[hub.SentItem], error) {
	var list hub.List[hub.SentItem]
	text, args, err := sentQuery(&query)
	if err != nil {
		return list, err
	}
	dispatches, err := collect(ctx, free{s.reader.db}, scanBody[hub.Dispatch], text, args...)
	if err != nil {
		return list, err
	}
	dispatches, list.Next = sqlkit.Cut(dispatches, query.Page.Limit, func(d *hub.Dispatch) string {
		return sqlkit.Cursor("sent", string(d.ID))
	})
	list.Items, err = s.withDeliveries(ctx, dispatches)
	return list, err
}

func sentQuery(query *hub.SentQuery) (string, []any, error) {
	after, err := sqlkit.ParseCursor("sent", query.Page, 1)
	if err != nil {
		return "", nil, err
	}
	var c condition
	c.add("d.sender = ?", string(query.Agency))
	order := "d.id"
	if query.ExternalID != "" {
		c.add("d.external_id = ?", query.ExternalID)
		order = "+d.id" // a few rows by their external id and sorted, not all of the sender's in order
	}
	if query.Number != "" {
		c.add("d.number = ?", query.Number)
	}
	c.words("d.search", query.Text)
	if len(query.States) > 0 {
		c.add("EXISTS (SELECT 1 FROM deliveries v WHERE v.dispatch = d.id AND v.state IN (SELECT value FROM json_each(?)))", list(query.States))
	}
	if after != nil {
		c.add("d.id < ?", after[0])
	}
	return "SELECT d.body FROM dispatches d" + c.where() + " ORDER BY " + order + " DESC LIMIT ?", append(c.args, query.Page.Limit+1), nil
}

// withDeliveries loads the deliveries of a whole page in one query.
func (s *Store) withDeliveries(ctx context.Context, dispatches []hub.Dispatch) ([]hub.SentItem, error) {
	if len(dispatches) == 0 {
		return nil, nil
	}
	ids := make([]hub.DispatchID, len(dispatches))
	items := make([]hub.SentItem, len(dispatches))
	place := make(map[hub.DispatchID]int, len(dispatches))
	for i := range dispatches {
		id := dispatches[i].ID
		ids[i], items[i].Dispatch, place[id] = id, dispatches[i], i
	}
	deliveries, err := collect(ctx, s.reader, scanDelivery, "SELECT "+deliveryColumns+
		" FROM deliveries v WHERE v.dispatch IN (SELECT value FROM json_each(?)) ORDER BY v.dispatch, v.position", list(ids))
	for i := range deliveries {
		p := place[deliveries[i].Dispatch]
		items[p].Deliveries = append(items[p].Deliveries, deliveries[i])
	}
	return items, err
}
