package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/sqlkit"
)

// SentBetween lists dispatches of a sender with all their deliveries, by id.
func (s *Store) SentBetween(ctx context.Context, span hub.SentSpan) (hub.List[hub.SentItem], error) {
	var list hub.List[hub.SentItem]
	after, err := sqlkit.ParseCursor("sent between", span.Page, 1)
	if err != nil {
		return list, err
	}
	var c condition
	c.add("d.sender = %s AND d.id >= %s AND d.id < %s", string(span.Sender), string(span.First), string(span.End))
	if after != nil {
		c.add("d.id > %s", after[0])
	}
	rows := span.Page.Limit + 1
	limit := c.arg(rows)
	list.Items, err = s.sent(ctx, sentOf("(SELECT * FROM (SELECT d.* FROM dispatches d"+c.where()+" ORDER BY d.id "+atMost(rows)+") d LIMIT "+limit+") d", "d.id"), c.args...)
	if err != nil {
		return list, err
	}
	list.Items, list.Next = sqlkit.Cut(list.Items, span.Page.Limit, func(it *hub.SentItem) string {
		return sqlkit.Cursor("sent between", string(it.Dispatch.ID))
	})
	return list, nil
}

// What the index deliveries_registered is made of.
const (
	registeredDay    = `((v.body::jsonb #>> '{registration,date}') COLLATE "C")`
	registeredBare   = `ltrim(v.body::jsonb #>> '{registration,number}', '0')`
	registeredNumber = "(" + registeredBare + ` COLLATE "C")`
	registeredOrder  = registeredDay + ", length(" + registeredBare + "), " + registeredNumber + ", v.id"
)

const answersText = `SELECT l.earlier, d.number FROM dispatch_links l JOIN dispatches d ON d.id = l.later
	WHERE l.earlier = ANY ($1) AND l.kind = $2 AND d.sender = $3 ORDER BY l.later`

// RegisteredBetween lists what an agency registered in a period, by day and number.
func (s *Store) RegisteredBetween(ctx context.Context, query hub.RegisterQuery) (hub.List[hub.RegisterEntry], error) {
	var entries hub.List[hub.RegisterEntry]
	text, args, err := registeredQuery(&query)
	if err != nil {
		return entries, err
	}
	found, err := s.items(ctx, text, args...)
	if err != nil {
		return entries, err
	}
	found, entries.Next = sqlkit.Cut(found, query.Page.Limit, sqlkit.RegisterCursor)
	links, err := collect(ctx, s, pgx.RowToStructByPos[sqlkit.Answer], answersText,
		texts(sqlkit.DispatchesOf(found)), string(hub.LinkAnswers), string(query.Agency))
	entries.Items = sqlkit.RegisterEntries(found, links)
	return entries, err
}

func registeredQuery(query *hub.RegisterQuery) (string, []any, error) {
	after, err := sqlkit.ParseRegisterCursor(query.Page)
	if err != nil {
		return "", nil, err
	}
	var c condition
	if len(query.TookOver) == 0 {
		c.add("v.recipient = %s AND v.state = 'accepted'", string(query.Agency))
	} else {
		c.add("v.recipient = ANY (%s) AND v.state = 'accepted'", texts(append([]hub.AgencyID{query.Agency}, query.TookOver...)))
	}
	c.add(registeredDay+" BETWEEN %s AND %s", string(query.From), string(query.To))
	if after != nil {
		c.add("("+registeredOrder+") > (%s, %s, %s, %s)", after.Day, after.Length, after.Number, after.ID)
	}
	rows := query.Page.Limit + 1
	limit := c.arg(rows)
	return itemsOf("(SELECT * FROM (SELECT v.* FROM deliveries v"+c.where()+" ORDER BY "+registeredOrder+" "+atMost(rows)+") v LIMIT "+limit+") v", registeredOrder), c.args, nil
}
