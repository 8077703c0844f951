package web

import (
	"context"
	"slices"

	"github.com/lienthong/lienthong/hub"
)

// Lists keeps the distribution lists of an office.
type Lists interface {
	Lists(ctx context.Context, actor hub.Actor, agency hub.AgencyID) ([]hub.DistributionList, error)
	Save(ctx context.Context, actor hub.Actor, list hub.DistributionList) (hub.DistributionList, error)
	Remove(ctx context.Context, actor hub.Actor, agency hub.AgencyID, name string) error
}

// doList does what a button about distribution lists says: takes the members of one,
// keeps the chosen recipients as one, or ends one.
func (x *exchange) doList(f *letterForm) error {
	ctx, actor := x.r.Context(), x.visit.Actor
	switch f.do {
	case "list":
		return x.takeList(f)
	case "list-save":
		_, err := x.Lists.Save(ctx, actor, hub.DistributionList{Agency: x.office(), Name: f.listName, Recipients: f.To})
		return x.listProblem(f, err)
	case "list-end":
		return x.listProblem(f, x.Lists.Remove(ctx, actor, x.office(), f.list))
	}
	return nil
}

func (x *exchange) takeList(f *letterForm) error {
	all, err := x.Lists.Lists(x.r.Context(), x.visit.Actor, x.office())
	if err != nil {
		return err
	}
	i := slices.IndexFunc(all, func(l hub.DistributionList) bool { return l.Name == f.list })
	if i < 0 {
		return nil // somebody ended it since the page was made; the page shows what there is
	}
	for _, code := range all[i].Recipients {
		if slices.Contains(f.To, code) {
			continue
		}
		if len(f.To) >= maxTaken {
			f.problem("to", x.texts.text(x.lang, "rule.max_items"))
			return nil
		}
		f.To = append(f.To, code)
	}
	return nil
}

// listProblem shows at the field of the list what is wrong.
func (x *exchange) listProblem(f *letterForm, err error) error {
	if err == nil || !again(err) && hub.KindOf(err) != hub.KindNotFound {
		return err
	}
	for _, text := range x.problems(err) {
		f.problem("list", text)
	}
	return nil
}
