package httpapi

import (
	"context"
	"net/http"

	"github.com/lienthong/lienthong/hub"
)

// Lists keeps the distribution lists of agencies.
type Lists interface {
	Lists(ctx context.Context, actor hub.Actor, agency hub.AgencyID) ([]hub.DistributionList, error)
	Save(ctx context.Context, actor hub.Actor, list hub.DistributionList) (hub.DistributionList, error)
	Remove(ctx context.Context, actor hub.Actor, agency hub.AgencyID, name string) error
}

func listRoutes() []route {
	send := []hub.Scope{hub.ScopeSubmit}
	return []route{
		{method: http.MethodGet, pattern: "/v1/lists", scopes: send, handle: (*api).lists},
		{method: http.MethodPut, pattern: "/v1/lists", scopes: send, limit: jsonLimit, handle: (*api).saveList},
		{method: http.MethodDelete, pattern: "/v1/lists", scopes: send, handle: (*api).removeList},
	}
}

func (a *api) lists(x *exchange) error {
	agency, err := a.agencyAsked(x)
	if err != nil {
		return err
	}
	list, err := a.Lists.Lists(x.r.Context(), x.actor, agency)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, listed(hub.List[hub.DistributionList]{Items: list}))
}

// listWish is the body of PUT /v1/lists. The agency is a code or an id.
type listWish struct {
	Agency     string   `json:"agency"`
	Name       string   `json:"name"`
	Recipients []string `json:"recipients"`
}

func (a *api) saveList(x *exchange) error {
	var wish listWish
	if err := x.read(&wish); err != nil {
		return err
	}
	agency, err := a.agencyOf(x.actor, wish.Agency)
	if err != nil {
		return err
	}
	saved, err := a.Lists.Save(x.r.Context(), x.actor, hub.DistributionList{Agency: agency, Name: wish.Name, Recipients: wish.Recipients})
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, saved)
}

func (a *api) removeList(x *exchange) error {
	q := x.query()
	name := q.text("name")
	agency, err := a.agencyIn(x, q)
	if err != nil {
		return err
	}
	if err := a.Lists.Remove(x.r.Context(), x.actor, agency, name); err != nil {
		return err
	}
	x.w.WriteHeader(http.StatusNoContent)
	return nil
}
