package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/sqlkit"
)

const (
	insertPostal = `INSERT INTO postal_orders (id, agency, key, outgoing, open, day, dossier, dispatch, delivery, sent, next, version, body)
		SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::boolean[], $5::boolean[], $6::text[], $7::text[], $8::text[], $9::text[], $10::boolean[], $11::bigint[], $12::bigint[], $13::text[])`
	changePostal  = "UPDATE postal_orders SET open = $1, sent = $2, next = $3, version = $4, body = $5 WHERE id = $6 AND version = $7"
	postalBacklog = `SELECT count(*), count(*) FILTER (WHERE NOT sent AND next > 0), coalesce(min(next) FILTER (WHERE NOT sent AND next > 0), 0) FROM postal_orders WHERE open`
)

// AddPostalOrder records an order; see the contract in hub/post.
func (s *Store) AddPostalOrder(ctx context.Context, o hub.PostalOrder) error {
	body, err := sqlkit.PostalBody(o)
	if err != nil {
		return err
	}
	var c columns
	c.add(postalColumns(&o, body)...)
	return s.act(ctx, "record an order at the post", func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, insertPostal, c.args...)
		if state(err) == uniqueViolation {
			return sqlkit.PostalMoved()
		}
		return err
	})
}

func postalColumns(o *hub.PostalOrder, body string) []any {
	return []any{
		string(o.ID), string(o.Agency), o.Key, sqlkit.PostalOutgoing(o), o.Open(), string(hub.DateOf(o.Created)),
		string(o.Dossier), string(o.Dispatch), string(o.Delivery), !o.SentAt.IsZero(), sqlkit.PostalNext(o), o.Version, body,
	}
}

// ChangePostalOrder replaces an order; see the contract in hub/post.
func (s *Store) ChangePostalOrder(ctx context.Context, o hub.PostalOrder) error {
	args, err := postalChange(&o)
	if err != nil {
		return err
	}
	return s.act(ctx, "record what became of an order at the post", func(ctx context.Context, conn *pgx.Conn) error {
		done, err := conn.Exec(ctx, changePostal, args...)
		if err == nil && done.RowsAffected() == 0 {
			return sqlkit.PostalMoved()
		}
		return err
	})
}

func postalChange(o *hub.PostalOrder) ([]any, error) {
	body, err := sqlkit.PostalBody(*o)
	return []any{o.Open(), !o.SentAt.IsZero(), sqlkit.PostalNext(o), o.Version, body, string(o.ID), o.Version - 1}, err
}

// erasePostal takes from the orders of a dossier what they say of persons.
func erasePostal(ctx context.Context, tx pgx.Tx, id hub.DossierID) error {
	rows, err := tx.Query(ctx, "SELECT body FROM postal_orders WHERE dossier = $1 AND dossier <> '' FOR UPDATE", string(id))
	if err != nil {
		return err
	}
	bodies, err := pgx.CollectRows(rows, scanRaw)
	if err != nil {
		return err
	}
	orders, err := sqlkit.ErasedPostal(bodies)
	for i := 0; err == nil && i < len(orders); i++ {
		var args []any
		if args, err = postalChange(&orders[i]); err == nil {
			_, err = tx.Exec(ctx, changePostal, args...)
		}
	}
	return err
}

// FindPostalOrder returns one order; KindNotFound when there is none.
func (s *Store) FindPostalOrder(ctx context.Context, key hub.PostalKey) (hub.PostalOrder, error) {
	text, args := "SELECT body FROM postal_orders WHERE agency = $1 AND key = $2 AND key <> ''", []any{string(key.Agency), key.Key}
	if key.ID != "" {
		text, args = "SELECT body FROM postal_orders WHERE id = $1", []any{string(key.ID)}
	}
	found, err := collect(ctx, s, scanBody[hub.PostalOrder], text, args...)
	return first(found, "order", err)
}

// PostalOrders lists those of an agency, the last ordered first.
func (s *Store) PostalOrders(ctx context.Context, query hub.PostalQuery) (hub.List[hub.PostalOrder], error) {
	var l hub.List[hub.PostalOrder]
	text, args, err := postalQuery(&query)
	if err != nil {
		return l, err
	}
	found, err := collect(ctx, s, scanBody[hub.PostalOrder], text, args...)
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
	c.add("agency = %s", string(query.Agency))
	if query.Dossier != "" {
		c.add("dossier = %s AND dossier <> ''", string(query.Dossier))
	}
	if query.Dispatch != "" {
		c.add("dispatch = %s AND dispatch <> ''", string(query.Dispatch))
	}
	if query.Open {
		c.add("open")
	}
	if query.Outgoing {
		c.add("outgoing")
	}
	if query.From != "" {
		c.add("day >= %s", string(query.From))
	}
	if query.To != "" {
		c.add("day <= %s", string(query.To))
	}
	order, behind := " ORDER BY id DESC LIMIT ", "id < %s"
	if query.Oldest {
		order, behind = " ORDER BY id LIMIT ", "id > %s"
	}
	if after != "" {
		c.add(behind, after)
	}
	limit := c.arg(query.Page.Limit + 1)
	return "SELECT body FROM postal_orders" + c.where() + order + limit, c.args, nil
}

// DuePostalOrders are those whose time has come, the oldest first.
func (s *Store) DuePostalOrders(ctx context.Context, now time.Time, limit int) ([]hub.PostalOrder, error) {
	return collect(ctx, s, scanBody[hub.PostalOrder], "SELECT body FROM postal_orders WHERE next > 0 AND next <= $1 ORDER BY next, id LIMIT $2", sqlkit.Micros(now), limit)
}

// PostalBacklog counts what waits for the post.
func (s *Store) PostalBacklog(ctx context.Context) (hub.PostalBacklog, error) {
	found, err := collect(ctx, s, scanPostalBacklog, postalBacklog)
	return first(found, "order", err)
}

func scanPostalBacklog(row pgx.CollectableRow) (b hub.PostalBacklog, err error) {
	var due int64
	if err = row.Scan(&b.Open, &b.Unsent, &due); err == nil && due > 0 {
		b.Overdue = time.UnixMicro(due).UTC()
	}
	return b, err
}
