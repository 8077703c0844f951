package sqlkit

import (
	"encoding/base64"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/lienthong/lienthong/hub"
)

// A cursor names a listing and the sort key of a page's last row. It is opaque to
// clients and comes back as foreign input.

// Cursor packs the key of a listing.
func Cursor(listing string, key ...string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(listing + "\x00" + strings.Join(key, "\x00")))
}

// ParseCursor unpacks a key of n parts; nil stands for the first page. Whatever
// no store gave out for this listing is KindInvalid.
func ParseCursor(listing string, page hub.Page, n int) ([]string, error) {
	if page.Limit < 1 {
		return nil, hub.Invalid("limit", "range", "a page has at least one row")
	}
	if page.After == "" {
		return nil, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(page.After)
	parts := strings.Split(string(raw), "\x00")
	if err != nil || len(parts) != n+1 || !utf8.Valid(raw) || Cursor(listing, parts[1:]...) != page.After {
		return nil, badCursor()
	}
	return parts[1:], nil
}

// ParseNumber reads a number of a cursor in the one form that cursors have.
func ParseNumber(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || strconv.FormatInt(n, 10) != s {
		return 0, badCursor()
	}
	return n, nil
}

// ParseSmall is ParseNumber of one from 0 to most: a column has no room for others.
func ParseSmall(s string, most int64) (int64, error) {
	n, err := ParseNumber(s)
	if err == nil && (n < 0 || n > most) {
		err = badCursor()
	}
	return n, err
}

func badCursor() error {
	return hub.Invalid("after", "cursor", "this is not a cursor that the hub gave out for this listing")
}

// Cut shortens rows, read with one row more than the page has, to the page and
// returns the cursor of the next one.
func Cut[T any](rows []T, limit int, cursorOf func(*T) string) ([]T, string) {
	if len(rows) <= limit {
		return rows, ""
	}
	return rows[:limit], cursorOf(&rows[limit-1])
}

// Calm is the place of a delivery's urgency in the order of a mailbox: 0 for
// urgent ones, which sort first, 1 for the others.
func Calm(d *hub.Delivery) string {
	if d.Urgent {
		return "0"
	}
	return "1"
}
