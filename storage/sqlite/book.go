package sqlite

import (
	"context"
	"database/sql"

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
	c.add("d.sender = ? AND d.id >= ? AND d.id < ?", string(span.Sender), string(span.First), string(span.End))
	if after != nil {
		c.add("d.id > ?", after[0])
	}
	dispatches, err := collect(ctx, free{s.reader.db}, scanBody[hub.Dispatch],
		"SELECT d.body FROM dispatches d"+c.where()+" ORDER BY d.id LIMIT ?", append(c.args, span.Page.Limit+1)...)
	if err != nil {
		return list, err
	}
	dispatches, list.Next = sqlkit.Cut(dispatches, span.Page.Limit, func(d *hub.Dispatch) string {
		return sqlkit.Cursor("sent between", string(d.ID))
	})
	list.Items, err = s.withDeliveries(ctx, dispatches)
	return list, err
}

// What the index deliveries_registered is made of.
const (
	registeredDay    = "json_extract(v.body, '$.registration.date')"
	registeredNumber = "ltrim(json_extract(v.body, '$.registration.number'), '0')"
	registeredOrder  = registeredDay + ", length(" + registeredNumber + "), " + registeredNumber + ", v.id"
)

// RegisteredBetween lists what an agency registered in a period, by day and number.
func (s *Store) RegisteredBetween(ctx context.Context, query hub.RegisterQuery) (hub.List[hub.RegisterEntry], error) {
	var entries hub.List[hub.RegisterEntry]
	text, args, err := registeredQuery(&query)
	if err != nil {
		return entries, err
	}
	found, err := items(ctx, free{s.reader.db}, s.reader, text, args...)
	if err != nil {
		return entries, err
	}
	found, entries.Next = sqlkit.Cut(found, query.Page.Limit, sqlkit.RegisterCursor)
	links, err := collect(ctx, s.reader, scanAnswer, `SELECT l.earlier, d.number FROM dispatch_links l JOIN dispatches d ON d.id = l.later
		WHERE l.earlier IN (SELECT value FROM json_each(?)) AND l.kind = ? AND d.sender = ? ORDER BY l.later`,
		list(sqlkit.DispatchesOf(found)), string(hub.LinkAnswers), string(query.Agency))
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
		c.add("v.recipient = ? AND v.state = 'accepted'", string(query.Agency))
	} else {
		c.add("v.recipient IN (SELECT value FROM json_each(?)) AND v.state = 'accepted'", list(append([]hub.AgencyID{query.Agency}, query.TookOver...)))
	}
	c.add(registeredDay+" BETWEEN ? AND ?", string(query.From), string(query.To))
	if after != nil {
		c.add("("+registeredOrder+") > (?, ?, ?, ?)", after.Day, after.Length, after.Number, after.ID)
	}
	return "SELECT " + deliveryColumns + " FROM deliveries v" + c.where() + " ORDER BY " + registeredOrder + " LIMIT ?",
		append(c.args, query.Page.Limit+1), nil
}

func scanAnswer(rows *sql.Rows) (sqlkit.Answer, error) {
	var a sqlkit.Answer
	err := rows.Scan(&a.Earlier, &a.Number)
	return a, err
}
