package sqlite

import (
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// micros is the form of times in the database: microseconds in UTC, 0 for none.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func encode(v any) (string, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return "", hub.Internal("encode a row", err)
	}
	return string(body), nil
}

func decode[T any](body string) (T, error) {
	var v T
	if err := json.Unmarshal([]byte(body), &v); err != nil {
		return v, hub.Internal("decode a row", err)
	}
	return v, nil
}

// missing turns "no row" into KindNotFound and wraps everything else.
func missing(err error, what string) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, sql.ErrNoRows):
		return hub.Errorf(hub.KindNotFound, what, "", "there is no such %s", what)
	}
	return failed("read "+what, err)
}

// failed wraps a failure of the database and leaves our own errors as they are.
func failed(doing string, err error) error {
	var e *hub.Error
	if err == nil || errors.As(err, &e) {
		return err
	}
	return hub.Internal(doing, err)
}

// queryer is what reads: the pool, or a transaction.
type queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// collect reads all rows through scan.
func collect[T any](ctx context.Context, q queryer, scan func(*sql.Rows) (T, error), query string, args ...any) ([]T, error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, failed("query", err)
	}
	defer rows.Close()
	var list []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, failed("read a row", err)
		}
		list = append(list, v)
	}
	return list, failed("read rows", rows.Err())
}

// bodies reads rows whose one column is a JSON object.
func bodies[T any](rows *sql.Rows) (T, error) {
	var body string
	if err := rows.Scan(&body); err != nil {
		var zero T
		return zero, err
	}
	return decode[T](body)
}

// cursor packs the sort key of a page's last row; opaque to clients.
func cursor(parts ...string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(strings.Join(parts, "\x00")))
}

// parseCursor unpacks a cursor of n parts. Empty stands for the first page.
func parseCursor(after string, n int) ([]string, error) {
	if after == "" {
		return nil, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(after)
	parts := strings.Split(string(raw), "\x00")
	if err != nil || len(parts) != n || len(raw) > 200 {
		return nil, hub.Invalid("after", "cursor", "this is not a cursor that the hub gave out")
	}
	return parts, nil
}

// condition gathers the WHERE clause of a query.
type condition struct {
	terms []string
	args  []any
}

func (c *condition) add(term string, args ...any) {
	c.terms = append(c.terms, term)
	c.args = append(c.args, args...)
}

// in adds column IN (...) unless the list is empty.
func in[T ~string](c *condition, column string, values []T) {
	if len(values) == 0 {
		return
	}
	args := make([]any, len(values))
	for i, v := range values {
		args[i] = string(v)
	}
	c.add(column+" IN (?"+strings.Repeat(",?", len(values)-1)+")", args...)
}

// words adds one LIKE for each folded word of a search.
func (c *condition) words(column, text string) {
	escape := strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)
	for word := range strings.FieldsSeq(hub.Fold(text)) {
		c.add(column+` LIKE ? ESCAPE '\'`, "%"+escape.Replace(word)+"%")
	}
}

func (c *condition) where() string {
	if len(c.terms) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(c.terms, " AND ")
}
