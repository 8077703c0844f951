package web

import (
	"net/url"
	"slices"
	"strings"

	"github.com/lienthong/lienthong/hub"
)

// response is a document that another one responds to.
type response struct {
	Value                        string // as the form carries it
	Number, From, Subject, Dated string
}

// Change is what the letter does to a document that was sent before.
func (l *letter) Change() hub.Operation {
	if o := hub.Operation(l.Fields["change"]); o.Code() > 0 {
		return o
	}
	return hub.OperationNew
}

// referenceText writes a reference for a form, and readReference reads it. What a form
// says here is only looked for among what the agency got: it opens nothing.
func referenceText(r hub.Reference) string {
	return query("agency", r.Agency, "number", r.Number, "id", r.ExternalID, "date", string(r.Promulgated))
}

func readReference(text string) hub.Reference {
	values, _ := url.ParseQuery(text) // what is broken is missing
	return hub.Reference{
		Agency: values.Get("agency"), Number: values.Get("number"), ExternalID: values.Get("id"), Promulgated: hub.Date(values.Get("date")),
	}
}

// responses are what the letter responds to: what was typed first, then what was chosen.
func (l *letter) responses() []hub.Reference {
	var list []hub.Reference
	if typed := strings.TrimSpace(l.Fields["answers"]); typed != "" {
		list = append(list, hub.Reference{Number: typed})
	}
	for _, a := range l.Answers {
		list = append(list, readReference(a))
	}
	return list
}

// received is a document in the box as something to respond to.
func received(d *hub.Dispatch) response {
	return response{
		Value: referenceText(hub.Reference{
			Agency: string(d.SenderCode), Number: d.Document.Number(), ExternalID: d.ExternalID, Promulgated: d.Document.Promulgated,
		}),
		Number: d.Document.Number(), From: d.SenderName, Subject: d.Document.Subject, Dated: string(d.Document.Promulgated),
	}
}

// receivedShown bounds what a search among received documents shows.
const receivedShown = 20

// findReceived looks among what the agency got for documents to respond to.
func (x *exchange) findReceived(p *sendPage, f *letterForm) error {
	for _, a := range f.Answers {
		r := readReference(a)
		shown := response{Value: a, Number: r.Number, From: r.Agency, Dated: string(r.Promulgated)}
		if found, err := x.Directory.Resolve(r.Agency, x.Now()); err == nil {
			shown.From = found.Agency.NameAt(x.Now())
		}
		p.Responses = append(p.Responses, shown)
	}
	p.Receives = x.visit.Actor.Has(hub.ScopeCollect)
	text := strings.TrimSpace(f.Fields["findin"])
	if text == "" || !p.Receives {
		return nil
	}
	found, err := x.Boxes.Mailbox(x.r.Context(), x.visit.Actor, hub.MailboxQuery{
		Agency: x.office(), Text: text, Page: hub.Page{Limit: receivedShown},
		States: []hub.DeliveryState{hub.StateConsigned, hub.StateHandedOver, hub.StateAccepted},
	})
	if err != nil {
		return err
	}
	for i := range found.Items {
		if r := received(&found.Items[i].Dispatch); !slices.Contains(f.Answers, r.Value) {
			p.Received = append(p.Received, r)
		}
	}
	if len(found.Items) == 0 {
		f.problem("findin", x.texts.text(x.lang, "empty.search", visible(text)))
	}
	return nil
}

// begin fills a new letter with what its address names: a document to respond to, or
// one that was sent and is changed.
func (x *exchange) begin(f *letterForm) error {
	q := x.r.URL.Query()
	if id := q.Get("answer"); id != "" {
		item, err := x.Documents.Item(x.r.Context(), x.visit.Actor, hub.DeliveryID(id))
		if err != nil {
			return err
		}
		if x.visit.Actor.SpeaksFor(item.Delivery.Recipient, hub.ScopeCollect) == nil && !item.Delivery.TakenBack() {
			f.To = []string{string(item.Dispatch.SenderCode)}
			f.Answers = []string{received(&item.Dispatch).Value}
			if task := q.Get("task"); task != "" {
				f.ForTasks = []string{task}
			}
		}
		return nil
	}
	f.Fields["change"] = q.Get("change")
	if f.Change() == hub.OperationNew {
		f.Fields["change"] = ""
		return nil
	}
	item, err := x.Documents.Dispatch(x.r.Context(), x.visit.Actor, hub.DispatchID(q.Get("of")))
	if err != nil {
		return err
	}
	if x.visit.Actor.SpeaksFor(item.Dispatch.Sender, hub.ScopeSubmit) != nil {
		return hub.Errorf(hub.KindNotFound, "dispatch", "", "there is no such dispatch")
	}
	return x.copyEarlier(f, &item)
}

// copyEarlier begins the letter that changes a document like that document. An update
// keeps number, date and files; what recalls or replaces has its own.
func (x *exchange) copyEarlier(f *letterForm, item *hub.SentItem) error {
	d := &item.Dispatch.Document
	for field, value := range map[string]string{
		"earlier": item.Dispatch.ExternalID, "named": d.Number(), "notation": d.CodeNotation, "type": d.TypeName, "subject": d.Subject,
		"position": d.Signer.Position, "signer": d.Signer.FullName, "place": d.Place,
	} {
		f.Fields[field] = value
	}
	for i := range item.Deliveries {
		if v := &item.Deliveries[i]; !v.Recalled() {
			f.To = append(f.To, string(v.AddressedAs))
		}
	}
	if f.Change() != hub.OperationUpdate {
		return nil
	}
	f.Fields["number"], f.Fields["date"], f.Fields["due"] = d.CodeNumber, string(d.Promulgated), string(d.DueDate)
	for _, p := range item.Dispatch.Parts {
		if p.Role == hub.RoleEnvelope || item.Dispatch.Purged != nil {
			continue
		}
		claim, err := x.claim(p) // the agency sent these bytes itself
		if err != nil {
			return err
		}
		f.Files = append(f.Files, file{p, claim})
	}
	return nil
}

// changing says in a submission what it does to the document that it changes.
func (x *exchange) changing(l *letter, sub *hub.Submission) error {
	if sub.Operation == hub.OperationNew {
		return nil
	}
	b := &sub.Document.Business
	b.EarlierID, b.Reason = l.Fields["earlier"], strings.TrimSpace(l.Fields["reason"])
	if b.Reason == "" {
		return hub.Invalid("document.business.reason", "required", "say why")
	}
	if sub.Operation != hub.OperationUpdate {
		return nil
	}
	had, err := x.recipientsOf(b.EarlierID)
	if err != nil {
		return err
	}
	var added []string
	b.Receivers, added = x.compare(had, l.To)
	b.ToChanged, b.InfoChanged = len(b.Receivers) > 0, l.Fields["only"] == ""
	if b.InfoChanged {
		return nil
	}
	if sub.Recipients = added; len(added) == 0 {
		return hub.Invalid("recipients", "added", "who keeps the content adds a recipient; to take one away is a recall")
	}
	return nil
}

// recipientsOf are those who were sent a document and from whom it was not taken back.
func (x *exchange) recipientsOf(external string) ([]hub.Delivery, error) {
	found, err := x.Boxes.Sent(x.r.Context(), x.visit.Actor, hub.SentQuery{Agency: x.office(), ExternalID: external, Page: hub.Page{Limit: rows}})
	if err != nil {
		return nil, err
	}
	var had []hub.Delivery
	for i := range found.Items {
		if found.Items[i].Dispatch.Operation == hub.OperationRecall {
			continue
		}
		for _, d := range found.Items[i].Deliveries {
			if !d.Recalled() {
				had = append(had, d)
			}
		}
	}
	return had, nil
}

// compare says who comes and who goes between the recipients of a document and those of
// its update, and names those who come. A code that nobody has is left to the intake.
func (x *exchange) compare(had []hub.Delivery, to []string) (changes []hub.ReceiverChange, added []string) {
	var wanted []hub.AgencyID
	for _, code := range to {
		found, err := x.Directory.Resolve(code, x.Now())
		if err != nil {
			added = append(added, code)
			continue
		}
		wanted = append(wanted, found.Agency.ID)
		if !slices.ContainsFunc(had, func(d hub.Delivery) bool { return d.Recipient == found.Agency.ID }) {
			added = append(added, code)
			changes = append(changes, hub.ReceiverChange{Agency: code, Added: true})
		}
	}
	for i := range had {
		d := &had[i]
		now, err := x.Directory.Resolve(string(d.AddressedAs), x.Now())
		stayed := err == nil && now.Agency.ID == d.Recipient // else its successor takes its place
		if stayed && !slices.Contains(wanted, d.Recipient) {
			changes = append(changes, hub.ReceiverChange{Agency: string(d.AddressedAs)})
		}
	}
	return changes, added
}
