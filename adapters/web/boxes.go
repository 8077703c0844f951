package web

import (
	"net/http"
	"net/url"

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
	return []string{"waiting", "collected", "registered", "refused", "ended", "all"}
}

func statesOf(filter string) []hub.DeliveryState {
	switch filter {
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
	Filter, Text  string
	Filters       []string
	Incoming      []incomingRow
	Sent          []sentRow
	First, Follow string // addresses of pages; empty where there are none
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
	if after != "" {
		p.First = path + "?" + query("show", p.Filter, "q", p.Text)
	}
	return p, hub.Page{After: after, Limit: rows}
}

func (p *listPage) follow(path, next string) {
	if next != "" {
		p.Follow = path + "?" + query("show", p.Filter, "q", p.Text, "after", next)
	}
}

func (x *exchange) office() hub.AgencyID { return x.visit.Session.Office }

func (x *exchange) inbox() error {
	p, page := x.list("/inbox")
	found, err := x.Boxes.Mailbox(x.r.Context(), x.visit.Actor, hub.MailboxQuery{
		Agency: x.office(), States: statesOf(p.Filter), Text: p.Text, Page: page,
	})
	if err != nil {
		return err
	}
	ids := make([]hub.DeliveryID, len(found.Items))
	for i := range found.Items {
		ids[i] = found.Items[i].Delivery.ID
	}
	verdicts, err := x.Verdicts.VerdictsNow(x.r.Context(), x.visit.Actor, x.office(), ids)
	if err != nil {
		return err
	}
	for i, item := range found.Items {
		reports, judged := verdicts[ids[i]]
		p.Incoming = append(p.Incoming, incomingRow{item, judged, worst(reports)})
	}
	p.follow("/inbox", found.Next)
	return x.show(http.StatusOK, "inbox", p, nil)
}

// worst is the worst verdict on the originals of a document.
func worst(reports []hub.SignatureReport) hub.Indication {
	file := hub.FileReport{Kind: hub.FileEdXML, Parts: reports}
	file.ConcludeParts()
	return file.Indication
}

func (x *exchange) sent() error {
	p, page := x.list("/sent")
	found, err := x.Boxes.Sent(x.r.Context(), x.visit.Actor, hub.SentQuery{Agency: x.office(), Text: p.Text, Page: page})
	if err != nil {
		return err
	}
	for _, item := range found.Items {
		p.Sent = append(p.Sent, sentRow{item, countStates(item.Deliveries)})
	}
	p.follow("/sent", found.Next)
	return x.show(http.StatusOK, "sent", p, nil)
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
