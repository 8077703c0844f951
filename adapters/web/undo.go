package web

import (
	"net/url"
	"slices"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// What was done is said once, above the page that the act leads to, with the way back
// where there is a true one (decision 42).

// deeds are what an address may say was done.
func deeds() []string {
	return []string{"sent", "forwarded", "assigned", "reported", "registered", "refused", "answered"}
}

// done is what the address says was done; empty for nothing that is known.
func (x *exchange) done() string {
	if deed := x.r.URL.Query().Get("done"); slices.Contains(deeds(), deed) {
		return deed
	}
	return ""
}

// afterwards is the page of a document after something was done.
func afterwards(path, id, deed string) string {
	return path + url.PathEscape(id) + "?" + query("done", deed)
}

// assignedBefore is who was in charge of a document before the last assignment, to whom it
// can be given back; nil for nobody.
func assignedBefore(p *documentPage) *hub.Staff {
	var all []hub.Staff
	for i := range p.Reports {
		if r := &p.Reports[i]; r.Delivery == p.Delivery.ID && r.Code == hub.StatusAssigned && r.Staff != nil {
			all = append(all, *r.Staff)
		}
	}
	if len(all) < 2 || all[len(all)-2] == all[len(all)-1] {
		return nil
	}
	return &all[len(all)-2]
}

// removeDraft puts a draft aside. It can come back for as long as it would have been kept.
func (x *exchange) removeDraft() error {
	id := x.r.PostFormValue("draft")
	if err := x.markDraft(id, x.Now().UTC()); err != nil && hub.KindOf(err) != hub.KindNotFound {
		return err
	}
	return x.redirect("/send?" + query("removed", id))
}

func (x *exchange) restoreDraft() error {
	if err := x.markDraft(x.r.PostFormValue("draft"), time.Time{}); err != nil {
		return err
	}
	return x.redirect("/send?" + query("draft", x.r.PostFormValue("draft")))
}

// markDraft says of a draft of the person in this office when it was removed, zero: it is not.
func (x *exchange) markDraft(id string, removed time.Time) error {
	d, err := x.ownDraft(id)
	if err != nil {
		return err
	}
	d.Removed = removed
	return x.Drafts.SaveDraft(x.r.Context(), d)
}

func (x *exchange) ownDraft(id string) (hub.Draft, error) {
	d, err := x.Drafts.Draft(x.r.Context(), x.visit.Account.Name, id)
	if err == nil && d.Office != x.office() {
		err = hub.Errorf(hub.KindNotFound, "draft", "", "there is no such draft in this office")
	}
	return d, err
}

// removedDraft is the draft that the address says was removed; nil for none.
func (x *exchange) removedDraft() (*hub.Draft, error) {
	id := x.r.URL.Query().Get("removed")
	if id == "" {
		return nil, nil
	}
	d, err := x.ownDraft(id)
	if err != nil || d.Removed.IsZero() {
		if err != nil && hub.KindOf(err) != hub.KindNotFound {
			return nil, err
		}
		return nil, nil
	}
	return &d, nil
}
