package sqlite

import (
	"encoding/base64"
	"strconv"
	"strings"

	"github.com/lienthong/lienthong/hub"
)

// A cursor names a listing and the sort key of a page's last row. It is opaque to
// clients and comes back as foreign input.

// cursor packs the key of a listing.
func cursor(listing string, key ...string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(listing + "\x00" + strings.Join(key, "\x00")))
}

// parseCursor unpacks a key of n parts; nil stands for the first page. Whatever
// this store did not give out for this listing is KindInvalid.
func parseCursor(listing string, page hub.Page, n int) ([]string, error) {
	if page.Limit < 1 {
		return nil, hub.Invalid("limit", "range", "a page has at least one row")
	}
	if page.After == "" {
		return nil, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(page.After)
	parts := strings.Split(string(raw), "\x00")
	if err != nil || len(parts) != n+1 || cursor(listing, parts[1:]...) != page.After {
		return nil, badCursor()
	}
	return parts[1:], nil
}

// parseNumber reads a number of a cursor in the one form that cursors have.
func parseNumber(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || strconv.FormatInt(n, 10) != s {
		return 0, badCursor()
	}
	return n, nil
}

func badCursor() error {
	return hub.Invalid("after", "cursor", "this is not a cursor that the hub gave out for this listing")
}

// cut shortens rows, read with one row more than the page has, to the page and
// returns the cursor of the next one.
func cut[T any](rows []T, limit int, cursorOf func(*T) string) ([]T, string) {
	if len(rows) <= limit {
		return rows, ""
	}
	return rows[:limit], cursorOf(&rows[limit-1])
}

// condition gathers the terms of a WHERE clause.
type condition struct {
	terms []string
	args  []any
}

func (c *condition) add(term string, args ...any) {
	c.terms = append(c.terms, term)
	c.args = append(c.args, args...)
}

// words adds one LIKE for each folded word of a search: all must be contained.
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
