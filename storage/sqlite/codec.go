package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"

	"github.com/lienthong/lienthong/storage/internal/sqlkit"
)

// collect reads all rows through scan.
func collect[T any](ctx context.Context, q queryer, scan func(*sql.Rows) (T, error), text string, args ...any) ([]T, error) {
	rows, err := q.query(ctx, text, args...)
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

// one reads the one row of a query; without any it answers KindNotFound for what
// was looked for.
func one[T any](ctx context.Context, q queryer, what string, scan func(*sql.Rows) (T, error), text string, args ...any) (T, error) {
	found, err := collect(ctx, q, scan, text, args...)
	if err == nil && len(found) == 0 {
		err = sqlkit.NotFound(what)
	}
	if err != nil {
		var zero T
		return zero, err
	}
	return found[0], nil
}

// scanBody reads a row whose one column is a JSON object.
func scanBody[T any](rows *sql.Rows) (T, error) {
	var body sql.RawBytes
	if err := rows.Scan(&body); err != nil {
		var zero T
		return zero, err
	}
	return sqlkit.Decode[T](body)
}

func scanInt(rows *sql.Rows) (int64, error) {
	var n int64
	err := rows.Scan(&n)
	return n, err
}

// list is the form in which a statement takes any number of ids: a JSON array for
// json_each, so that the text stays the same.
func list[T ~string](ids []T) string {
	if len(ids) == 0 {
		return "[]"
	}
	body, _ := json.Marshal(ids) //nolint:errchkjson // strings cannot fail
	return string(body)
}
