package hub

import "time"

// Item is a delivery together with the dispatch that it belongs to.
type Item struct {
	Dispatch Dispatch `json:"dispatch"`
	Delivery Delivery `json:"delivery"`
	// Clocks are those of the recipient, as of the reading; they are never stored.
	Clocks []LegalClock `json:"clocks,omitempty"`
	// Timeliness is how the document stands to its deadlines as of the reading (Item.Pressing).
	Timeliness Timeliness `json:"timeliness,omitempty"`
}

// Page bounds a listing. After is the opaque cursor of the previous page's last
// row, empty for the first page; Limit is at least 1.
type Page struct {
	After string
	Limit int
}

// MaxSearch is the longest text of a search, in bytes: a word costs a look at each row.
const MaxSearch = 500

// CheckSearch refuses a text that is too long to be looked for, with the field "q".
func CheckSearch(text string) error {
	if len(text) > MaxSearch {
		return Invalid("q", "max_length", "a search has at most %d bytes", MaxSearch)
	}
	return nil
}

// MailboxQuery selects deliveries to one agency. A mailbox is always read by
// state, never by "sequence greater than the last one seen", because the order
// of identifiers is not the order of commits.
type MailboxQuery struct {
	Agency AgencyID
	States []DeliveryState // empty: consigned, what is waiting to be collected; of what presses, and handed over and accepted
	Free   bool            // only deliveries without a running lease at Now
	Asked  bool            // only those with an open change request, in any state
	Text   string          // search over number, subject, sender, signer: whole words, all of them; may be empty
	// Timeliness selects what presses: Overdue, DueSoon, or both; empty for all. The list is
	// then in the order of what is urgent, and of both urgent ones and others those with the
	// first deadline of a task before those that arrived first.
	Timeliness []Timeliness
	Pressed    *Pressed // what Timeliness means now; the service fills it in
	Now        time.Time
	Page       Page
}

// SentQuery selects dispatches of one sender.
type SentQuery struct {
	Agency     AgencyID
	ExternalID string          // exact; may be empty
	Number     string          // exact number and notation; may be empty
	Text       string          // search as in a mailbox; may be empty
	States     []DeliveryState // dispatches with at least one delivery in these; may be empty
	Page       Page
}

// SentItem is one dispatch with all its deliveries.
type SentItem struct {
	Dispatch   Dispatch   `json:"dispatch"`
	Deliveries []Delivery `json:"deliveries"`
	// Clocks are that of the sender and, where one dispatch is read, those of its recipients;
	// as of the reading, and never stored.
	Clocks []LegalClock `json:"clocks,omitempty"`
}

// List is one page of a listing. Next is the cursor of the following page,
// empty when there is none. A page has as many items as were asked for, but for the last
// one and for those of a search, which goes through a bounded part of the list at a time.
type List[T any] struct {
	Items []T
	Next  string
}

// LeaseRequest asks for the right to work on deliveries of an agency.
type LeaseRequest struct {
	Agency AgencyID
	Holder string       // Actor.Name
	IDs    []DeliveryID // exactly these; empty means the next Max that are free
	Max    int
	Now    time.Time
	Until  time.Time
}

// Notice is a status report that waits for whom it is for: the sender of the document
// or, where the sender itself reports, the recipient.
type Notice struct {
	Report StatusReport
	Item   Item // what it is about
}

// For is the agency that the report is for.
func (n *Notice) For() AgencyID {
	if n.Report.Reporter == n.Item.Dispatch.Sender {
		return n.Item.Delivery.Recipient
	}
	return n.Item.Dispatch.Sender
}

// NoticeQuery selects the status reports that wait for an agency. Where it reads for the
// first time, it gets those recorded since Since; from then on none is missed.
type NoticeQuery struct {
	Agency AgencyID
	Since  time.Time
	Now    time.Time
	Page   Page
}

// EvidenceQuery selects sealed evidences, oldest first. Exactly one of Dispatch,
// Delivery, Sender is set; all empty selects everything (audit).
type EvidenceQuery struct {
	Dispatch DispatchID
	Delivery DeliveryID
	Whole    bool     // with Dispatch: only what is about no single delivery
	Sender   AgencyID // rejections of this sender's submissions
	Page     Page
}
