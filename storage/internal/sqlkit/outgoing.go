package sqlkit

import (
	"strconv"

	"github.com/lienthong/lienthong/hub"
)

// TakenBefore is the answer to a key that took a number already: that number, or KindConflict
// where it was for another series or notation.
func TakenBefore(wish, before *hub.OutgoingNumber) (hub.OutgoingNumber, error) {
	if before.Year != wish.Year || before.Notation != wish.Notation || hub.SeriesOf(before.Kind) != hub.SeriesOf(wish.Kind) || wish.Number != 0 && wish.Number != before.Number {
		return hub.OutgoingNumber{}, hub.Errorf(hub.KindConflict, "key", "duplicate", "this key took the number %s of %d", before.Printed(), before.Year)
	}
	return *before, nil
}

// NextOutgoing is a wish with its number: the next of the series, or the first one of a
// series that begins with it.
func NextOutgoing(wish hub.OutgoingNumber, last int64) (hub.OutgoingNumber, error) {
	switch {
	case wish.Number == 0:
		wish.Number = last + 1
	case last != 0 && wish.Number != last+1:
		return wish, hub.Errorf(hub.KindConflict, "number", hub.RuleNumberSeries, "the next number of the series in %d is %d", wish.Year, last+1)
	}
	return wish, nil
}

// OutgoingTaken says that number and notation stand in another series of the year.
func OutgoingTaken(n *hub.OutgoingNumber) error {
	return hub.Errorf(hub.KindConflict, "notation", "unique", "the number %s stands in the series of %q in %d: number and notation are unique in a year", n.Printed(), n.Kind, n.Year)
}

// Cancelled is a number that is given up, and whether that changes it. KindConflict where
// a document was sent under it.
func Cancelled(held hub.OutgoingNumber, wish *hub.OutgoingNumber) (hub.OutgoingNumber, bool, error) {
	switch held.State {
	case hub.NumberUsed:
		return held, false, hub.Errorf(hub.KindConflict, "number", hub.RuleNumberUsed, "a document was sent under the number %s", held.Printed())
	case hub.NumberCancelled:
		return held, false, nil
	}
	held.State, held.Reason, held.CancelledBy, held.CancelledAt = hub.NumberCancelled, wish.Reason, wish.CancelledBy, wish.CancelledAt
	return held, true, nil
}

const outgoingListing = "outgoing numbers"

// OutgoingCursor is the place of a number in its listing.
func OutgoingCursor(n *hub.OutgoingNumber) string {
	return Cursor(outgoingListing, hub.SeriesOf(n.Kind), strconv.FormatInt(n.Number, 10))
}

// ParseOutgoingCursor unpacks a cursor: series and number; nil for the first page.
func ParseOutgoingCursor(page hub.Page) (after []string, number int64, err error) {
	if after, err = ParseCursor(outgoingListing, page, 2); err != nil || after == nil {
		return nil, 0, err
	}
	number, err = ParseNumber(after[1])
	return after, number, err
}
