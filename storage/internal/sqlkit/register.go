package sqlkit

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/lienthong/lienthong/hub"
)

// RegisterPlace is where an entry stands in a register: by day, then by the number, for
// which its length comes first.
type RegisterPlace struct {
	Day    string
	Length int64
	Number string // without leading zeros
	ID     string
}

const registerListing = "register"

// RegisterCursor is the cursor behind an entry.
func RegisterCursor(item *hub.Item) string {
	var r hub.Registration
	if item.Delivery.Registration != nil {
		r = *item.Delivery.Registration
	}
	number := strings.TrimLeft(r.Number, "0")
	return Cursor(registerListing, string(r.Date), strconv.Itoa(utf8.RuneCountInString(number)), number, string(item.Delivery.ID))
}

// ParseRegisterCursor unpacks it; nil stands for the first page.
func ParseRegisterCursor(page hub.Page) (*RegisterPlace, error) {
	parts, err := ParseCursor(registerListing, page, 4)
	if err != nil || parts == nil {
		return nil, err
	}
	length, err := ParseSmall(parts[1], math.MaxInt16)
	return &RegisterPlace{parts[0], length, parts[2], parts[3]}, err
}

// Answer is the number of a document that answers an earlier one.
type Answer struct{ Earlier, Number string }

// RegisterEntries puts the answers to what they answer.
func RegisterEntries(items []hub.Item, answers []Answer) []hub.RegisterEntry {
	numbers := map[hub.DispatchID][]string{}
	for _, a := range answers {
		numbers[hub.DispatchID(a.Earlier)] = append(numbers[hub.DispatchID(a.Earlier)], a.Number)
	}
	entries := make([]hub.RegisterEntry, len(items))
	for i := range items {
		entries[i] = hub.RegisterEntry{Item: items[i], Answers: numbers[items[i].Dispatch.ID]}
	}
	return entries
}

// DispatchesOf are the ids of the dispatches of items.
func DispatchesOf(items []hub.Item) []hub.DispatchID {
	ids := make([]hub.DispatchID, len(items))
	for i := range items {
		ids[i] = items[i].Dispatch.ID
	}
	return ids
}
