package sqlkit

import (
	"encoding/json"

	"github.com/lienthong/lienthong/hub"
)

// PostalMoved says that somebody else changed an order at the post, or gave one first.
func PostalMoved() error {
	return hub.Errorf(hub.KindConflict, "", "version", "the order, its key or its delivery has been taken or changed meanwhile")
}

// PostalBody is an order as it is stored: without what is computed with each answer.
func PostalBody(o hub.PostalOrder) (string, error) {
	o.Findings = nil
	return Encode(&o)
}

// PostalNext is the column next of an order; 0 where it wants no work.
func PostalNext(o *hub.PostalOrder) int64 {
	if o.Next.IsZero() {
		return 0
	}
	return Micros(o.Next)
}

// PostalOutgoing reports whether the agency of an order sends the item.
func PostalOutgoing(o *hub.PostalOrder) bool { return o.Kind != hub.PostalPickUp }

const postalListing = "postal orders"

// PostalCursor is the place of an order among those of an agency.
func PostalCursor(o *hub.PostalOrder) string { return Cursor(postalListing, string(o.ID)) }

// ParsePostalCursor unpacks a cursor: the order behind which a page begins.
func ParsePostalCursor(page hub.Page) (string, error) {
	after, err := ParseCursor(postalListing, page, 1)
	if err != nil || after == nil {
		return "", err
	}
	return after[0], nil
}

// ErasedPostal are orders without what they say of persons.
func ErasedPostal(bodies []json.RawMessage) ([]hub.PostalOrder, error) {
	orders := make([]hub.PostalOrder, len(bodies))
	for i, body := range bodies {
		if err := json.Unmarshal(body, &orders[i]); err != nil {
			return nil, badRecord(hub.RecordPostal, err)
		}
		orders[i].Erase()
	}
	return orders, nil
}
