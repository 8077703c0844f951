package web

import (
	"net/http"
	"slices"

	"github.com/lienthong/lienthong/hub"
)

// maxBulk is how many documents are received by one press of a button.
const maxBulk = 100

// outcome is what became of one document that was received with others.
type outcome struct {
	Delivery hub.DeliveryID
	Document string // its number
	Number   string // in the register; empty where there is none
	Problem  string // why it was not received; empty: it was
}

// receiveMany receives the marked documents one by one, each with the next number of the
// register and the date of today. What cannot be received is named and stops nothing.
func (x *exchange) receiveMany() error {
	var ids []string
	for _, id := range x.r.PostForm["delivery"] {
		if !slices.Contains(ids, id) && len(ids) <= maxBulk {
			ids = append(ids, id)
		}
	}
	switch {
	case len(ids) == 0:
		return x.showReceived(http.StatusUnprocessableEntity, nil, map[string]string{"delivery": x.texts.text(x.lang, "bulk.none")})
	case len(ids) > maxBulk:
		return hub.Errorf(hub.KindTooLarge, "", "max_items", "at most %d documents are received at once", maxBulk)
	}
	var done []outcome
	for _, id := range ids {
		o, err := x.receiveOne(hub.DeliveryID(id))
		if err != nil && hub.KindOf(err) == hub.KindNotFound && len(ids) == 1 {
			return err
		}
		if err != nil {
			if hub.KindOf(err) == hub.KindInternal {
				x.Log.ErrorContext(x.r.Context(), "receiving one of many failed", "delivery", id, "error", err)
			}
			for _, text := range x.problems(err) {
				o.Problem = text
			}
		}
		done = append(done, o)
	}
	return x.showReceived(http.StatusOK, done, nil)
}

// receiveOne acknowledges the digests of a document and enters it into the register.
func (x *exchange) receiveOne(id hub.DeliveryID) (outcome, error) {
	ctx, actor := x.r.Context(), x.visit.Actor
	o := outcome{Delivery: id}
	item, err := x.Documents.Item(ctx, actor, id)
	if err == nil && actor.Receives(item.Delivery.Recipient) != nil {
		err = hub.Errorf(hub.KindNotFound, "delivery", "", "there is no such delivery")
	}
	if err != nil {
		return o, err
	}
	o.Document = item.Dispatch.Document.Number()
	digests := map[string]hub.Digest{}
	for _, p := range item.Dispatch.Parts {
		digests[p.ID] = p.Digest
	}
	r, err := x.Recipient.RegisterNext(ctx, actor, id, digests)
	if err == nil {
		o.Number = r.Number
	}
	return o, err
}

// showReceived shows the inbox with what became of the marked documents.
func (x *exchange) showReceived(status int, done []outcome, problems map[string]string) error {
	p, err := x.inboxList()
	if err != nil {
		return err
	}
	p.Live = "/live/inbox?" + query("show", p.Filter, "q", p.Text, "for", string(p.Box), "mark", p.Mark)
	p.Done = done
	for _, o := range done {
		if o.Problem == "" {
			p.DoneWell++
		}
	}
	return x.show(status, "inbox", &p, problems)
}

// Receivable reports whether a document can be received with others.
func (r incomingRow) Receivable() bool {
	d := &r.Delivery
	return !d.Final() && (d.State == hub.StateConsigned || d.State == hub.StateHandedOver)
}

// Bulk reports whether the list may hold documents to receive.
func (p *listPage) Bulk() bool {
	return slices.Contains([]string{"waiting", "collected", "overdue", "due_soon", "all"}, p.Filter)
}
