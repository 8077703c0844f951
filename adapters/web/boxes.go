package web

import (
	"cmp"
	"net/url"
	"slices"

	"github.com/lienthong/lienthong/hub"
)

// rows is the length of a page of a list.
const rows = 25

// query writes parameters of an address; what is empty is left out.
func query(pairs ...string) string {
	values := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			values.Set(pairs[i], pairs[i+1])
		}
	}
	return values.Encode()
}

// filters are the choices above the inbox, in their order.
func filters() []string {
	return []string{"waiting", "collected", "registered", "overdue", "due_soon", "asked", "refused", "ended", "all"}
}

// pressingOf is what a choice above the inbox says of deadlines; none for all.
func pressingOf(filter string) []hub.Timeliness {
	if t := hub.Timeliness(filter); t == hub.Overdue || t == hub.DueSoon {
		return []hub.Timeliness{t}
	}
	return nil
}

// statesOf are the states that a choice means; none where others than states decide.
func statesOf(filter string) []hub.DeliveryState {
	switch filter {
	case "overdue", "due_soon":
		return nil
	case "collected":
		return []hub.DeliveryState{hub.StateHandedOver}
	case "registered":
		return []hub.DeliveryState{hub.StateAccepted}
	case "refused":
		return []hub.DeliveryState{hub.StateRefused}
	case "ended":
		return []hub.DeliveryState{hub.StateFailed, hub.StateExpired, hub.StateWithdrawn}
	case "all":
		return []hub.DeliveryState{
			hub.StateConsigned, hub.StateHandedOver, hub.StateAccepted, hub.StateRefused,
			hub.StateFailed, hub.StateExpired, hub.StateWithdrawn,
		}
	}
	return []hub.DeliveryState{hub.StateConsigned}
}

type listPage struct {
	Box           hub.AgencyID   // for whom the person receives in this list; empty: for the office
	Boxes         []hub.AgencyID // others whose boxes the person can open
	Filter, Text  string
	Filters       []string
	Incoming      []incomingRow
	Sent          []sentRow
	First, Follow string // addresses of pages; empty where there are none
	Live, Mark    string // address of what changes, empty for none; what the list looks like
	Done          []outcome
	DoneWell      int    // how many of them were received
	Partial       bool   // a search has not come to a whole page yet and goes on with the next one
	Change        string // where filters are changed: the address has what the list shows
	Saved         []savedFilter
	Removed       *hub.SavedFilter // the filter that was just removed, nil for none
	Typed         filterTyped
	Asked         bool // something waits for an answer, and another filter is chosen
	Notices       notices
}

type incomingRow struct {
	hub.Item
	Judged  bool // false: it was taken back
	Verdict hub.Indication
}

type sentRow struct {
	hub.SentItem
	Counts []stateCount
}

type stateCount struct {
	State hub.DeliveryState
	Count int
}

// list reads what the address asks for and fills in where to go on.
func (x *exchange) list(path string) (listPage, hub.Page) {
	q := x.r.URL.Query()
	p := listPage{Filter: q.Get("show"), Text: q.Get("q"), Filters: filters()}
	if p.Filter == "" {
		p.Filter = "waiting"
	}
	after := q.Get("after")
	if path == "/inbox" {
		p.Boxes = x.visit.Actor.ReceivesFor
		if box := hub.AgencyID(q.Get("for")); slices.Contains(p.Boxes, box) {
			p.Box = box
		}
	}
	if after != "" {
		p.First = path + "?" + query("show", p.Filter, "q", p.Text, "for", string(p.Box))
	}
	return p, hub.Page{After: after, Limit: rows}
}

func (p *listPage) follow(path, next string) {
	p.Partial = next != "" && len(p.Incoming)+len(p.Sent) < rows
	if next != "" {
		p.Follow = path + "?" + query("show", p.Filter, "q", p.Text, "for", string(p.Box), "after", next)
	}
}

func (x *exchange) office() hub.AgencyID { return x.visit.Session.Office }

func (x *exchange) showInbox(status int, typed filterTyped, problems map[string]string) error {
	p, err := x.inboxList()
	if err != nil {
		return err
	}
	p.Typed = typed
	if p.First == "" { // what is new comes on the first page
		p.Live = "/live/inbox?" + query("show", p.Filter, "q", p.Text, "for", string(p.Box), "mark", p.Mark)
	}
	return x.show(status, "inbox", &p, problems)
}

// inboxList reads a page of the inbox.
func (x *exchange) inboxList() (listPage, error) {
	p, page := x.list("/inbox")
	box := cmp.Or(p.Box, x.office())
	found, err := x.Boxes.Mailbox(x.r.Context(), x.visit.Actor, hub.MailboxQuery{
		Agency: box, States: statesOf(p.Filter), Timeliness: pressingOf(p.Filter), Asked: p.Filter == "asked", Text: p.Text, Page: page,
	})
	if err != nil {
		return p, err
	}
	if p.Filter != "asked" {
		open, err := x.Boxes.Mailbox(x.r.Context(), x.visit.Actor, hub.MailboxQuery{Agency: box, Asked: true, Page: hub.Page{Limit: 1}})
		if err != nil {
			return p, err
		}
		p.Asked = len(open.Items) > 0
	}
	ids := make([]hub.DeliveryID, len(found.Items))
	for i := range found.Items {
		ids[i] = found.Items[i].Delivery.ID
	}
	verdicts, err := x.Verdicts.VerdictsNow(x.r.Context(), x.visit.Actor, box, ids)
	if err != nil {
		return p, err
	}
	for i, item := range found.Items {
		item.Dispatch.Document.DueDate = askedBy(&item)
		reports, judged := verdicts[ids[i]]
		p.Incoming = append(p.Incoming, incomingRow{item, judged, worst(reports)})
		p.Mark = markOf(p.Mark, item.Delivery.ID, item.Delivery.Version, judged, worst(reports))
	}
	if p.First == "" {
		if p.Notices, err = x.noticesOf(box); err != nil {
			return p, err
		}
		for i := range p.Notices.Rows {
			p.Mark = markOf(p.Mark, p.Notices.Rows[i].ID, p.Notices.Rows[i].Act, p.Notices.Rows[i].Assignment.Notice.At)
		}
	}
	p.follow("/inbox", found.Next)
	x.saved(hub.FilterInbox, &p)
	return p, nil
}

// worst is the worst verdict on the originals of a document.
func worst(reports []hub.SignatureReport) hub.Indication {
	file := hub.FileReport{Kind: hub.FileEdXML, Parts: reports}
	file.ConcludeParts()
	return file.Indication
}

func (x *exchange) showSent(status int, typed filterTyped, problems map[string]string) error {
	p, page := x.list("/sent")
	found, err := x.Boxes.Sent(x.r.Context(), x.visit.Actor, hub.SentQuery{Agency: x.office(), Text: p.Text, Page: page})
	if err != nil {
		return err
	}
	for _, item := range found.Items {
		p.Sent = append(p.Sent, sentRow{item, countStates(item.Deliveries)})
	}
	p.follow("/sent", found.Next)
	p.Typed = typed
	x.saved(hub.FilterSent, &p)
	return x.show(status, "sent", &p, problems)
}

// countStates counts deliveries by state, in the order of the way.
func countStates(deliveries []hub.Delivery) []stateCount {
	var counts []stateCount
	for _, state := range hub.DeliveryStates() {
		n := 0
		for i := range deliveries {
			if deliveries[i].State == state {
				n++
			}
		}
		if n > 0 {
			counts = append(counts, stateCount{state, n})
		}
	}
	return counts
}
