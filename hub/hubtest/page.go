package hubtest

import (
	"encoding/base64"
	"slices"
	"strings"

	"github.com/lienthong/lienthong/hub"
)

// listing is a sorted list that is read in pages. A cursor holds the sort key of
// the last row that was shown, so that rows which came or went in between move
// nothing.
type listing[T any] struct {
	name string
	rows []T
	key  func(T) string
	// order compares sort keys; nil for strings.Compare.
	order func(a, b string) int
}

// cut returns one page and the cursor of the next. A cursor of another listing
// is KindInvalid.
func (l listing[T]) cut(page hub.Page) ([]T, string, error) {
	if page.Limit < 1 {
		return nil, "", hub.Invalid("limit", "range", "a page has at least one row")
	}
	order := l.order
	if order == nil {
		order = strings.Compare
	}
	slices.SortFunc(l.rows, func(a, b T) int { return order(l.key(a), l.key(b)) })
	rows := l.rows
	if page.After != "" {
		last, err := l.keyIn(page.After)
		if err != nil {
			return nil, "", err
		}
		rows = slices.DeleteFunc(slices.Clone(rows), func(r T) bool { return order(l.key(r), last) <= 0 })
	}
	if len(rows) <= page.Limit {
		return rows, "", nil
	}
	rows = rows[:page.Limit]
	return rows, l.cursor(l.key(rows[len(rows)-1])), nil
}

func (l listing[T]) cursor(key string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(l.name + "\x00" + key + "\x00"))
}

// keyIn returns the key in a cursor. Whatever this listing did not give out is
// KindInvalid.
func (l listing[T]) keyIn(cursor string) (string, error) {
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	parts := strings.Split(string(raw), "\x00")
	if err != nil || len(parts) != 3 || l.cursor(parts[1]) != cursor {
		return "", hub.Invalid("after", "cursor", "this is not a cursor of this listing")
	}
	return parts[1], nil
}
