package web

import (
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// changeForm is what a sender can change of what it sent, and what it typed.
type changeForm struct {
	Reason string
	Some   bool     // from the chosen ones alone
	Chosen []string // ids of recipients
	// From are the deliveries that can be taken back; empty: there is nothing to recall.
	From               []hub.Delivery
	Remind             int  // recipients who may be reminded
	Updatable, Changes bool // by a document: an update; a recall or replacement. What is forwarded, its author changes
}

// offered fills in what is possible now.
func (f changeForm) offered(actor *hub.Actor, item *hub.SentItem) changeForm {
	if !actor.Has(hub.ScopeSubmit) || item.Dispatch.Operation == hub.OperationRecall {
		return changeForm{}
	}
	f.Changes = item.Dispatch.Origin == nil
	for i := range item.Deliveries {
		d := &item.Deliveries[i]
		f.Updatable = f.Updatable || f.Changes && !d.Recalled()
		if canBeAsked(d) && !d.Recalled() {
			f.From = append(f.From, *d)
		}
	}
	return f
}

// canBeAsked reports whether a change of what was sent does anything at a recipient: it
// did not get the document yet, or has it.
func canBeAsked(d *hub.Delivery) bool {
	waits := d.State == hub.StateQueued || d.State == hub.StateConsigned
	return (waits || d.Reached()) && !d.TakenBack()
}

// Takes reports whether a recipient is marked in the form: all are at first.
func (f changeForm) Takes(d *hub.Delivery) bool {
	return !f.Some || slices.Contains(f.Chosen, string(d.Recipient))
}

// recall takes a document back from all recipients, or from those that are marked.
func (x *exchange) recall() error {
	form := changeForm{Reason: x.r.PostFormValue("reason"), Some: x.r.PostFormValue("whom") == "some", Chosen: x.r.PostForm["to"]}
	id := hub.DispatchID(x.r.PathValue("dispatch"))
	var recipients []string
	if form.Some {
		recipients = form.Chosen
	}
	err := error(hub.Invalid("to", "required", "at least one recipient is required"))
	if !form.Some || len(recipients) > 0 {
		_, err = x.Changes.Recall(x.r.Context(), x.visit.Actor, id, recipients, form.Reason)
	}
	switch {
	case err == nil:
		return x.redirect("/sent/" + url.PathEscape(string(id)))
	case again(err):
		problems := x.problems(err, "reason", "to")
		return x.showBoard(statusOf(hub.KindOf(err)), form, problems)
	}
	return err
}

// answer says 15 or 16 to what the sender asks.
func (x *exchange) answer() error {
	form := documentForm{Answer: x.r.PostFormValue("answer"), AnswerReason: x.r.PostFormValue("answer_reason")}
	if code := hub.StatusCode(form.Answer); !code.ChangeAnswer() {
		return x.showIncoming(http.StatusUnprocessableEntity, form, map[string]string{"answer": x.texts.text(x.lang, "rule.code_list")})
	}
	id := hub.DeliveryID(x.r.PathValue("delivery"))
	_, err := x.Recipient.Report(x.r.Context(), x.visit.Actor, id, hub.StatusReport{
		Code: hub.StatusCode(form.Answer), Description: form.AnswerReason,
		Staff: &hub.Staff{Name: x.visit.Account.FullName, ID: x.visit.Account.Name},
	})
	switch {
	case err == nil:
		return x.redirect(afterwards("/inbox/", string(id), "answered"))
	case again(err):
		problems := x.problems(err, "description")
		problems["answer_reason"] = problems["description"]
		return x.showIncoming(statusOf(hub.KindOf(err)), form, problems)
	}
	return err
}

// RelatedPath is where a related document is read.
func (v *view) RelatedPath(r hub.Related) string {
	if r.Sender == v.x.office() && v.x.visit.Actor.Has(hub.ScopeRead) {
		return "/sent/" + url.PathEscape(string(r.Dispatch))
	}
	if r.Delivery != "" {
		return "/inbox/" + url.PathEscape(string(r.Delivery))
	}
	return ""
}

// RelatedTo finds the one related document of an id; nil for none that may be seen.
func (p *documentPage) RelatedTo(id hub.DispatchID) *hub.Related {
	if i := slices.IndexFunc(p.Related, func(r hub.Related) bool { return r.Dispatch == id }); i >= 0 {
		return &p.Related[i]
	}
	return nil
}

// remind tells those who have not collected a document that it waits.
func (x *exchange) remind() error {
	id := hub.DispatchID(x.r.PathValue("dispatch"))
	if _, err := x.Changes.Remind(x.r.Context(), x.visit.Actor, id); err != nil {
		return err
	}
	return x.redirect("/sent/" + url.PathEscape(string(id)))
}

func remindable(item *hub.SentItem, now time.Time) int {
	n := 0
	for i := range item.Deliveries {
		if item.Deliveries[i].Remindable(now) {
			n++
		}
	}
	return n
}
