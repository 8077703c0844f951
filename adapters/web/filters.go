package web

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/lienthong/lienthong/hub"
)

// Filters keeps what a person chose in lists, in the office where it works.
type Filters interface {
	ChangeFilter(ctx context.Context, visit hub.Visit, act hub.FilterAct) error
}

// savedFilter is a filter that was kept, as a link.
type savedFilter struct {
	hub.SavedFilter
	Path    string
	Current bool // the list shows what it chooses
}

// pathOf is where a list shows what a filter chooses.
func pathOf(f *hub.SavedFilter) string {
	return "/" + string(f.List) + "?" + query("show", f.Show, "q", f.Text, "for", string(f.For))
}

// chosen is what the list shows, as a filter.
func (x *exchange) chosen(list hub.FilterList, p *listPage) hub.SavedFilter {
	f := hub.SavedFilter{List: list, Office: x.office(), Text: strings.TrimSpace(p.Text), For: p.Box}
	if list == hub.FilterInbox {
		f.Show = p.Filter
	}
	return f
}

// saved fills in the filters of the person, and what was done with one.
func (x *exchange) saved(list hub.FilterList, p *listPage) {
	now := x.chosen(list, p)
	p.Change = "/filters?" + query("list", string(list), "show", now.Show, "q", now.Text, "for", string(now.For))
	for _, f := range x.visit.Account.SavedFilters(x.office(), list) {
		p.Saved = append(p.Saved, savedFilter{f, pathOf(&f), f.Show == now.Show && f.Text == now.Text && f.For == now.For})
	}
	if removed, ok := x.visit.Account.RemovedFilter(x.office(), x.r.URL.Query().Get("removed")); ok && removed.List == list {
		p.Removed = &removed
	}
}

// opening is the address of the filter that a list opens with when nothing else is asked
// for; empty where there is none.
func (x *exchange) opening(list hub.FilterList) string {
	if x.r.URL.RawQuery != "" {
		return ""
	}
	all := x.visit.Account.SavedFilters(x.office(), list)
	if i := slices.IndexFunc(all, func(f hub.SavedFilter) bool { return f.Default }); i >= 0 {
		return pathOf(&all[i])
	}
	return ""
}

// changeFilter does what a button about filters says, and shows the list that it stands on.
func (x *exchange) changeFilter() error {
	list := hub.FilterList(x.r.URL.Query().Get("list"))
	scope := hub.ScopeCollect
	if list == hub.FilterSent {
		scope = hub.ScopeRead
	}
	if !x.visit.Actor.Has(scope) {
		return hub.Errorf(hub.KindDenied, "", "scope", "your role does not allow this")
	}
	value := x.r.PostFormValue
	act := hub.FilterAct{Do: hub.FilterDeed(value("do")), Filter: hub.SavedFilter{ID: value("id")}}
	p, _ := x.list("/" + string(list))
	if act.Do == hub.FilterKeep {
		act.Filter = x.chosen(list, &p)
		act.Filter.ID = x.NewID()
		act.Filter.Default = value("default") != ""
	}
	act.Filter.Name = value("name")
	to := x.chosen(list, &p)
	switch err := x.Filters.ChangeFilter(x.r.Context(), *x.visit, act); {
	case err == nil && act.Do == hub.FilterRemove:
		return x.redirect(pathOf(&to) + "&" + query("removed", act.Filter.ID))
	case err == nil:
		return x.redirect(pathOf(&to))
	case again(err):
		field := "filter-" + value("id")
		problems := map[string]string{field: x.problems(err)[""]}
		return x.showList(list, statusOf(hub.KindOf(err)), filterTyped{field, act.Filter.Name}, problems)
	default:
		return err
	}
}

// filterTyped is a name that somebody typed and that did not do.
type filterTyped struct{ Field, Name string }

// NameOf is what stands in the field of a name.
func (p *listPage) NameOf(field, kept string) string {
	if p.Typed.Field == field {
		return p.Typed.Name
	}
	return kept
}

// showList shows a page of a list.
func (x *exchange) showList(list hub.FilterList, status int, typed filterTyped, problems map[string]string) error {
	if list == hub.FilterSent {
		return x.showSent(status, typed, problems)
	}
	return x.showInbox(status, typed, problems)
}

func (x *exchange) inbox() error {
	if to := x.opening(hub.FilterInbox); to != "" {
		return x.redirect(to)
	}
	return x.showInbox(http.StatusOK, filterTyped{}, nil)
}

func (x *exchange) sent() error {
	if to := x.opening(hub.FilterSent); to != "" {
		return x.redirect(to)
	}
	return x.showSent(http.StatusOK, filterTyped{}, nil)
}
