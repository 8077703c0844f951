package httpapi

import (
	"context"
	"net/http"

	"github.com/lienthong/lienthong/hub"
)

// RegisterYears closes the registers of agencies, a year at a time.
type RegisterYears interface {
	CloseYear(ctx context.Context, actor hub.Actor, agency hub.AgencyID, year int) (hub.RegisterYear, error)
	ClosedYears(ctx context.Context, actor hub.Actor, agency hub.AgencyID) ([]hub.RegisterYear, error)
}

func registerRoutes() []route {
	read := []hub.Scope{hub.ScopeAccounts, hub.ScopeCollect, hub.ScopeRead}
	return []route{
		{method: http.MethodGet, pattern: "/v1/register-years", scopes: read, handle: (*api).closedYears},
		{method: http.MethodPost, pattern: "/v1/register-years", scopes: []hub.Scope{hub.ScopeAccounts}, limit: jsonLimit, handle: (*api).closeYear},
	}
}

func (a *api) closedYears(x *exchange) error {
	agency, err := a.agencyAsked(x)
	if err != nil {
		return err
	}
	years, err := a.RegisterYears.ClosedYears(x.r.Context(), x.actor, agency)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, listed(hub.List[hub.RegisterYear]{Items: years}))
}

// yearWish is the body of POST /v1/register-years. The agency is a code or an id.
type yearWish struct {
	Agency string `json:"agency"`
	Year   int    `json:"year"`
}

func (a *api) closeYear(x *exchange) error {
	var wish yearWish
	if err := x.read(&wish); err != nil {
		return err
	}
	agency, err := a.agencyOf(x.actor, wish.Agency)
	if err != nil {
		return err
	}
	closed, err := a.RegisterYears.CloseYear(x.r.Context(), x.actor, agency, wish.Year)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, closed)
}
