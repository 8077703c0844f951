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
		raw, err := base64.RawURLEncoding.DecodeString(page.After)
		last, ours := strings.CutPrefix(string(raw), l.name+"\x00")
		if err != nil || !ours {
			return nil, "", hub.Invalid("after", "cursor", "this is not a cursor of this listing")
		}
		rows = slices.DeleteFunc(slices.Clone(rows), func(r T) bool { return order(l.key(r), last) <= 0 })
	}
	if len(rows) <= page.Limit {
		return rows, "", nil
	}
	rows = rows[:page.Limit]
	return rows, base64.RawURLEncoding.EncodeToString([]byte(l.name + "\x00" + l.key(rows[len(rows)-1]))), nil
}
