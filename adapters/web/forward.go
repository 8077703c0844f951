package web

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Forwards hands documents that were received on to others.
type Forwards interface {
	Forward(ctx context.Context, actor hub.Actor, order hub.ForwardOrder) (hub.Accepted, error)
}

// maxNear is the most agencies that the form for forwarding lists; others are named by code.
const maxNear = 300

// forwardForm is what a person typed to forward a document.
type forwardForm struct {
	Key   string // of the act: a second press is the same act
	Units []forwardUnit
	More  string // further codes
	Note  string
	Wrong bool // it comes back with what is wrong
}

// forwardUnit is an agency or unit that can be marked.
type forwardUnit struct {
	Code   hub.Code
	Name   string
	Marked bool
}

// near lists who a document can be forwarded to from here: own units, and what stands under
// the same superior.
func (x *exchange) near(office hub.AgencyID, marked []string) []forwardUnit {
	now := x.Now()
	parents := []hub.AgencyID{office}
	if a, ok := x.Directory.ByID(office); ok {
		if superior, ok := hub.At(a.Parents, now); ok && superior != "" {
			parents = append(parents, superior)
		}
	}
	below := x.Directory.Under(parents, now)
	var units []forwardUnit
	for _, parent := range parents {
		for i := range below[parent] {
			a := &below[parent][i]
			if code := a.CodeAt(now); a.ID != office && len(units) < maxNear {
				units = append(units, forwardUnit{Code: code, Name: a.NameAt(now), Marked: slices.Contains(marked, string(code))})
			}
		}
	}
	return units
}

// offerForward fills in the form where the document can be forwarded.
func (x *exchange) offerForward(item *hub.Item, form *forwardForm, marked []string) *forwardForm {
	if x.visit.Actor.SpeaksFor(item.Delivery.Recipient, hub.ScopeSubmit) != nil || item.Forwardable() != nil {
		return nil
	}
	form.Units = x.near(item.Delivery.Recipient, marked)
	if form.Key == "" {
		form.Key = x.NewID()
	}
	return form
}

// forward hands the document on to those who are marked or named, and leads to the board
// of what became of it.
func (x *exchange) forward() error {
	value := x.r.PostFormValue
	marked := x.r.PostForm["unit"]
	form := documentForm{Forward: forwardForm{Key: value("key"), More: value("to"), Note: value("forward_note"), Wrong: true}, marked: marked}
	to := slices.Clone(marked)
	for _, code := range strings.FieldsFunc(form.Forward.More, func(r rune) bool { return strings.ContainsRune(",; \t\r\n", r) }) {
		if !slices.Contains(to, code) {
			to = append(to, code)
		}
	}
	accepted, err := x.Forwards.Forward(x.r.Context(), x.visit.Actor, hub.ForwardOrder{
		Delivery: hub.DeliveryID(x.r.PathValue("delivery")), Recipients: to, Note: strings.TrimSpace(form.Forward.Note), Key: form.Forward.Key,
	})
	switch {
	case err == nil:
		return x.redirect(afterwards("/sent/", string(accepted.Dispatch.ID), "forwarded"))
	case again(err):
		return x.showIncoming(statusOf(hub.KindOf(err)), form, x.forwardProblems(err, to))
	}
	return err
}

// forwardProblems says what is wrong beside the fields; of a recipient by its code.
func (x *exchange) forwardProblems(err error, to []string) map[string]string {
	found := map[string]string{}
	for _, v := range hub.ViolationsOf(err) {
		field, text, at := "", x.explain(v), 0
		switch _, indexed := fmt.Sscanf(v.Field, "recipients[%d]", &at); {
		case indexed == nil && at < len(to):
			field, text = "to", to[at]+": "+text
		case v.Field == "recipients":
			field = "to"
		case v.Field == "note":
			field = "forward_note"
		}
		found[field] = strings.TrimSpace(found[field] + " " + text)
	}
	return found
}

// Delegations tell for whom agencies receive at an instant.
type Delegations interface {
	ReceivesFor(receivers []hub.AgencyID, at time.Time) []hub.AgencyID
	// TookOver lists those of them that have closed and were handed over.
	TookOver(by []hub.AgencyID, at time.Time) []hub.AgencyID
}
