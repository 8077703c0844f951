package hub

import (
	"fmt"
	"time"
)

// RegisterQuery selects a page of a printed register of one agency (NĐ 30/2020/NĐ-CP,
// annex IV) for a period of days, both included, as people in Viet Nam count them.
type RegisterQuery struct {
	Agency AgencyID
	// TookOver are closed agencies whose documents stand in its register since they were
	// handed over to it.
	TookOver []AgencyID
	From, To Date
	Page     Page
}

// Check refuses periods that are none.
func (q *RegisterQuery) Check() error {
	if _, err := ParseDate(string(q.From)); err != nil {
		return Invalid("from", "date", "the first day has the form YYYY-MM-DD and exists")
	}
	if _, err := ParseDate(string(q.To)); err != nil {
		return Invalid("to", "date", "the last day has the form YYYY-MM-DD and exists")
	}
	if q.To < q.From {
		return Invalid("to", "period", "the last day comes before the first")
	}
	return nil
}

// Span is the time from the beginning of the first day to the end of the last.
func (q *RegisterQuery) Span() (begin, end time.Time) {
	begin, _ = time.ParseInLocation(time.DateOnly, string(q.From), Vietnam()) // Check has seen both
	end, _ = time.ParseInLocation(time.DateOnly, string(q.To), Vietnam())
	return begin, end.AddDate(0, 0, 1)
}

// RegisterEntry is a document in the register of incoming documents, with the numbers
// under which the agency answered it.
type RegisterEntry struct {
	Item
	Answers []string
}

// SentSpan selects dispatches of one sender by their ids, oldest first: from First up to
// but not including End.
type SentSpan struct {
	Sender     AgencyID
	First, End DispatchID
	Page       Page
}

// IDAt is the beginning of all UUIDv7 made at an instant (RFC 9562, 5.7). It sorts before
// them and after all that were made before; instants before 1970 are taken as 1970.
func IDAt(t time.Time) string {
	ms := max(t.UnixMilli(), 0)
	return fmt.Sprintf("%08x-%04x", ms>>16, ms&0xffff)
}
