package inspect

import (
	"fmt"

	"github.com/lienthong/lienthong/hub"
)

// book is a register of an agency in a year.
type book struct {
	agency   hub.AgencyID
	year     int
	incoming bool
}

// booksOf are the registers that are to be compared with what closed them.
func booksOf(closed []hub.RegisterYear) map[book]*hub.BookSum {
	books := map[book]*hub.BookSum{}
	for i := range closed {
		for _, incoming := range []bool{false, true} {
			books[book{closed[i].Agency, closed[i].Year, incoming}] = &hub.BookSum{}
		}
	}
	return books
}

// enter adds what a dispatch is in closed registers.
func (c *checker) enter(d *hub.DispatchFile) {
	if len(c.books) == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if year, entry, ok := hub.OutgoingEntry(d.Dispatch, d.Deliveries); ok {
		if sum := c.books[book{d.Dispatch.Sender, year, false}]; sum != nil {
			sum.Add(entry)
		}
	}
	for i := range d.Deliveries {
		if agency, year, entry, ok := hub.IncomingEntry(d.Dispatch, &d.Deliveries[i]); ok {
			if sum := c.books[book{agency, year, true}]; sum != nil {
				sum.Add(entry)
			}
		}
	}
}

// closedBooks compares closed registers with what the log says of them.
func (c *checker) closedBooks() {
	for i := range c.Closed {
		y := &c.Closed[i]
		for _, then := range []struct {
			incoming bool
			name     string
			digest   *hub.BookDigest
		}{{false, "outgoing", y.Outgoing}, {true, "incoming", y.Incoming}} {
			now := c.books[book{y.Agency, y.Year, then.incoming}].Digest()
			if then.digest == nil || *then.digest != now {
				c.found("closed_register", fmt.Sprintf("register of %s documents of %s in %d", then.name, y.Agency, y.Year),
					"it has %d entries with the digest %s, which is not what was closed on %s by %s", now.Entries, now.SHA256, y.ClosedAt.Format("2006-01-02"), y.ClosedBy)
			}
		}
	}
}
