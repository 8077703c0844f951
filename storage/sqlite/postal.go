package sqlite

import (
	"context"
	"database/sql"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/sqlkit"
)

const (
	insertPostal = `INSERT INTO postal_orders (id, agency, key, outgoing, open, day, dossier, dispatch, delivery, sent, next, version, body)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	changePostal  = "UPDATE postal_orders SET open = ?, sent = ?, next = ?, version = ?, body = ? WHERE id = ? AND version = ?"
	postalTaken   = "SELECT count(*) FROM postal_orders WHERE agency = ?1 AND key = ?2 AND key <> '' OR delivery = ?3 AND delivery <> '' AND open = 1"
	postalBacklog = `SELECT count(*), coalesce(sum(sent = 0 AND next > 0), 0), coalesce(min(next) FILTER (WHERE sent = 0 AND next > 0), 0) FROM postal_orders WHERE open = 1`
)

// AddPostalOrder records an order; see the contract in hub/post.
func (s *Store) AddPostalOrder(ctx context.Context, o hub.PostalOrder) error {
	body, err := sqlkit.PostalBody(o)
	if err != nil {
		return err
	}
	return s.do(ctx, 2, func(t *tx) error {
		taken, err := one(ctx, t, "order", scanInt, postalTaken, string(o.Agency), o.Key, string(o.Delivery))
		if err == nil && taken > 0 {
			return sqlkit.PostalMoved()
		}
		if err == nil {
			err = t.putPostal(&o, body)
		}
		return err
	})
}

func (t *tx) putPostal(o *hub.PostalOrder, body string) error {
	err := t.exec(insertPostal, string(o.ID), string(o.Agency), o.Key, sqlkit.PostalOutgoing(o), o.Open(), string(hub.DateOf(o.Created)),
		string(o.Dossier), string(o.Dispatch), string(o.Delivery), !o.SentAt.IsZero(), sqlkit.PostalNext(o), o.Version, body)
	return failed("record an order at the post", err)
}

// ChangePostalOrder replaces an order; see the contract in hub/post.
func (s *Store) ChangePostalOrder(ctx context.Context, o hub.PostalOrder) error {
	return s.do(ctx, 1, func(t *tx) error { return t.changePostal(&o) })
}

func (t *tx) changePostal(o *hub.PostalOrder) error {
	body, err := sqlkit.PostalBody(*o)
	if err != nil {
		return err
	}
	n, err := t.change(changePostal, o.Open(), !o.SentAt.IsZero(), sqlkit.PostalNext(o), o.Version, body, string(o.ID), o.Version-1)
	if err == nil && n == 0 {
		return sqlkit.PostalMoved()
	}
	return failed("record what became of an order at the post", err)
}

// erasePostal takes from the orders of a dossier what they say of persons.
func (t *tx) erasePostal(ctx context.Context, id hub.DossierID) error {
	bodies, err := collect(ctx, t, scanRaw, "SELECT body FROM postal_orders WHERE dossier = ? AND dossier <> ''", string(id))
	if err != nil {
		return err
	}
	orders, err := sqlkit.ErasedPostal(bodies)
	for i := 0; err == nil && i < len(orders); i++ {
		err = t.changePostal(&orders[i])
	}
	return err
}

// FindPostalOrder returns one order; KindNotFound when there is none.
func (s *Store) FindPostalOrder(ctx context.Context, key hub.PostalKey) (hub.PostalOrder, error) {
	if key.ID != "" {
		return one(ctx, s.reader, "order", scanBody[hub.PostalOrder], "SELECT body FROM postal_orders WHERE id = ?", string(key.ID))
	}
	return one(ctx, s.reader, "order", scanBody[hub.PostalOrder], "SELECT body FROM postal_orders WHERE agency = ? AND key = ? AND key <> ''", string(key.Agency), key.Key)
}

// PostalOrders lists those of an agency, the last ordered first.
func (s *Store) PostalOrders(ctx context.Context, query hub.PostalQuery) (hub.List[hub.PostalOrder], error) {
	var l hub.List[hub.PostalOrder]
	text, args, err := postalQuery(&query)
	if err != nil {
		return l, err
	}
	found, err := collect(ctx, s.reader, scanBody[hub.PostalOrder], text, args...)
	if err != nil {
		return l, err
	}
	l.Items, l.Next = sqlkit.Cut(found, query.Page.Limit, sqlkit.PostalCursor)
	return l, nil
}

func postalQuery(query *hub.PostalQuery) (string, []any, error) {
	after, err := sqlkit.ParsePostalCursor(query.Page)
	if err != nil {
		return "", nil, err
	}
	var c condition
	c.add("agency = ?", string(query.Agency))
	if query.Dossier != "" {
		c.add("dossier = ? AND dossier <> ''", string(query.Dossier))
	}
	if query.Dispatch != "" {
		c.add("dispatch = ? AND dispatch <> ''", string(query.Dispatch))
	}
	if query.Open {
		c.add("open = 1")
	}
	if query.Outgoing {
		c.add("outgoing = 1")
	}
	if query.From != "" {
		c.add("day >= ?", string(query.From))
	}
	if query.To != "" {
		c.add("day <= ?", string(query.To))
	}
	order, behind := " ORDER BY id DESC LIMIT ?", "id < ?"
	if query.Oldest {
		order, behind = " ORDER BY id LIMIT ?", "id > ?"
	}
	if after != "" {
		c.add(behind, after)
	}
	return "SELECT body FROM postal_orders" + c.where() + order, append(c.args, query.Page.Limit+1), nil
}

// DuePostalOrders are those whose time has come, the oldest first.
func (s *Store) DuePostalOrders(ctx context.Context, now time.Time, limit int) ([]hub.PostalOrder, error) {
	return collect(ctx, s.reader, scanBody[hub.PostalOrder], "SELECT body FROM postal_orders WHERE next > 0 AND next <= ? ORDER BY next, id LIMIT ?", sqlkit.Micros(now), limit)
}

// PostalBacklog counts what waits for the post.
func (s *Store) PostalBacklog(ctx context.Context) (hub.PostalBacklog, error) {
	return one(ctx, s.reader, "order", scanPostalBacklog, postalBacklog)
}

func scanPostalBacklog(rows *sql.Rows) (b hub.PostalBacklog, err error) {
	var due int64
	if err = rows.Scan(&b.Open, &b.Unsent, &due); err == nil && due > 0 {
		b.Overdue = time.UnixMicro(due).UTC()
	}
	return b, err
}
