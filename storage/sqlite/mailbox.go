package sqlite

import (
	"context"
	"fmt"
	"strings"

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
	if err != nil || text == "" {
		return list, err
	}
	found, err := items(ctx, free{s.reader.db}, s.reader, text, args...)
	if err != nil {
		return list, err
	}
	list.Items, list.Next = sqlkit.Cut(found, query.Page.Limit, sqlkit.MailboxCursor)
	return list, nil
}

// mailboxQuery returns the statement, or none when the query wants no state that exists.
func mailboxQuery(query *hub.MailboxQuery) (string, []any, error) {
	from, args, err := mailboxRows(query, deliveryColumns)
	if err != nil || from == "" {
		return "", nil, err
	}
	return "SELECT body, fence, lease_until, lease_holder FROM (" + from + " LIMIT ?)", append(args, query.Page.Limit+1), nil
}

// mailboxRows yields columns of the deliveries that a query is about in their order, and
// after them calm and id. It has one part for each state: each comes sorted out of the
// index, whatever the history of the agency, and they are merged.
func mailboxRows(query *hub.MailboxQuery, columns string) (string, []any, error) {
	c, err := mailboxCondition(query)
	if err != nil {
		return "", nil, err
	}
	return c.mailboxRows(query, columns)
}

func (c *condition) mailboxRows(query *hub.MailboxQuery, columns string) (string, []any, error) {
	part := "SELECT " + columns + ", v.calm, v.id FROM deliveries v" + c.where()
	order := fmt.Sprintf(" ORDER BY %d, %d", strings.Count(columns, ",")+2, strings.Count(columns, ",")+3)
	if query.Asked {
		return part + order, c.args, nil
	}
	var parts []string
	var args []any
	for _, state := range sqlkit.States(query) {
		parts = append(parts, part+" AND v.state = ?")
		args = append(append(args, c.args...), string(state))
	}
	if len(parts) == 0 {
		return "", nil, nil
	}
	return strings.Join(parts, " UNION ALL ") + order, args, nil
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
	if after == nil {
		return &c, nil
	}
	urgency, err := sqlkit.ParseSmall(after[0], 1)
	c.add("(v.calm, v.id) > (?, ?)", urgency, after[1])
	return &c, err
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
	c, order, err := sentCondition(query)
	if err != nil {
		return "", nil, err
	}
	c.states(query)
	return "SELECT d.body FROM dispatches d" + c.where() + order + " LIMIT ?", append(c.args, query.Page.Limit+1), nil
}

// sentCondition says which dispatches a query is about, but for states and text.
func sentCondition(query *hub.SentQuery) (c *condition, order string, err error) {
	after, err := sqlkit.ParseCursor("sent", query.Page, 1)
	if err != nil {
		return nil, "", err
	}
	c, order = &condition{}, " ORDER BY d.id DESC"
	c.add("d.sender = ?", string(query.Agency))
	if query.ExternalID != "" {
		c.add("d.external_id = ?", query.ExternalID)
		order = " ORDER BY +d.id DESC" // a few rows by their external id and sorted, not all of the sender's in order
	}
	if query.Number != "" {
		c.add("d.number = ?", query.Number)
	}
	if after != nil {
		c.add("d.id < ?", after[0])
	}
	return c, order, nil
}

func (c *condition) states(query *hub.SentQuery) {
	if len(query.States) > 0 {
		c.add("EXISTS (SELECT 1 FROM deliveries v WHERE v.dispatch = d.id AND v.state IN (SELECT value FROM json_each(?)))", list(query.States))
	}
}

// sent reads the dispatches of a page, in order, and all their deliveries.
func (s *Store) sent(ctx context.Context, text string, args ...any) ([]hub.SentItem, error) {
	dispatches, err := collect(ctx, free{s.reader.db}, scanBody[hub.Dispatch], text, args...)
	if err != nil {
		return nil, err
	}
	return s.withDeliveries(ctx, dispatches)
}

// withDeliveries loads the deliveries of a whole page in one query.
func (s *Store) withDeliveries(ctx context.Context, dispatches []hub.Dispatch) ([]hub.SentItem, error) {
	return s.withSome(ctx, dispatches, " FROM deliveries v WHERE v.dispatch IN (SELECT value FROM json_each(?)) ORDER BY v.dispatch, v.position")
}

// withSome adds to dispatches the deliveries that are found among theirs: the first
// argument is the list of their ids, args are the others.
func (s *Store) withSome(ctx context.Context, dispatches []hub.Dispatch, found string, args ...any) ([]hub.SentItem, error) {
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
	deliveries, err := collect(ctx, s.reader, scanDelivery, "SELECT "+deliveryColumns+found, append([]any{list(ids)}, args...)...)
	for i := range deliveries {
		p := place[deliveries[i].Dispatch]
		items[p].Deliveries = append(items[p].Deliveries, deliveries[i])
	}
	return items, err
}
