package httpapi

import (
	"context"
	"net/http"

	"github.com/lienthong/lienthong/hub"
)

// Inspections keeps inspections of normative documents and of agencies.
type Inspections interface {
	InspectionLists
	Visit(ctx context.Context, actor hub.Actor, wish hub.InspectionWish) (view hub.InspectionView, made bool, err error)
	Act(ctx context.Context, actor hub.Actor, id hub.InspectionID, order hub.InspectionOrder) (hub.InspectionView, error)
}

// InspectionLists shows inspections, and counts them.
type InspectionLists interface {
	List(ctx context.Context, actor hub.Actor, query hub.InspectionQuery) (hub.List[hub.InspectionView], error)
	Show(ctx context.Context, actor hub.Actor, id hub.InspectionID) (hub.InspectionView, error)
	Figures(ctx context.Context, actor hub.Actor, agency hub.AgencyID, period hub.Period) (hub.InspectionFigures, error)
	Counted(ctx context.Context, actor hub.Actor, agency hub.AgencyID, period hub.Period, measure hub.InspectionMeasure, page hub.Page) (hub.List[hub.InspectionView], error)
}

func inspectionRoutes() []route {
	look, act := []hub.Scope{hub.ScopeRead, hub.ScopeSubmit}, []hub.Scope{hub.ScopeSubmit}
	count := []hub.Scope{hub.ScopeRead, hub.ScopeSubmit, hub.ScopeFigures}
	return []route{
		{method: http.MethodGet, pattern: "/v1/inspections", scopes: look, handle: (*api).inspections},
		{method: http.MethodPost, pattern: "/v1/inspections", scopes: act, limit: jsonLimit, handle: (*api).visit},
		{method: http.MethodGet, pattern: "/v1/inspections/figures", scopes: count, handle: (*api).inspectionFigures},
		{method: http.MethodGet, pattern: "/v1/inspections/counted", scopes: look, handle: (*api).countedInspections},
		{method: http.MethodGet, pattern: "/v1/inspections/{inspection}", scopes: look, handle: (*api).inspection},
		{method: http.MethodPost, pattern: "/v1/inspections/{inspection}/events", scopes: act, limit: jsonLimit, handle: (*api).actOnInspection},
	}
}

func (a *api) inspections(x *exchange) error {
	q := x.query()
	wanted := hub.InspectionQuery{State: hub.InspectionState(q.text("state")), Kind: hub.InspectionKind(q.text("kind")), Page: q.page()}
	var err error
	if wanted.Agency, err = a.agencyIn(x, q); err != nil {
		return err
	}
	list, err := a.Inspections.List(x.r.Context(), x.actor, wanted)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, listed(list))
}

// visit registers the inspection of an agency.
func (a *api) visit(x *exchange) error {
	var wish struct {
		hub.InspectionWish
		Agency  string `json:"agency"`
		Subject string `json:"subject"`
	}
	if err := x.read(&wish); err != nil {
		return err
	}
	w := wish.InspectionWish
	var err error
	if w.Agency, err = a.agencyOf(x.actor, wish.Agency); err != nil {
		return err
	}
	if w.Subject, err = a.anyAgency("subject", wish.Subject); err != nil {
		return err
	}
	view, made, err := a.Inspections.Visit(x.r.Context(), x.actor, w)
	if err != nil {
		return err
	}
	return x.made(made, view)
}

func (a *api) inspection(x *exchange) error {
	if err := x.query().done(); err != nil {
		return err
	}
	view, err := a.Inspections.Show(x.r.Context(), x.actor, hub.InspectionID(x.param("inspection")))
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, view)
}

func (a *api) actOnInspection(x *exchange) error {
	var order struct {
		hub.InspectionOrder
		Agency string `json:"agency"`
	}
	if err := x.read(&order); err != nil {
		return err
	}
	o := order.InspectionOrder
	var err error
	if o.Agency, err = a.agencyOrNone("agency", order.Agency); err != nil {
		return err
	}
	view, err := a.Inspections.Act(x.r.Context(), x.actor, hub.InspectionID(x.param("inspection")), o)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, view)
}

func (a *api) inspectionFigures(x *exchange) error {
	agency, period, err := a.periodAsked(x, x.query())
	if err != nil {
		return err
	}
	figures, err := a.Inspections.Figures(x.r.Context(), x.actor, agency, period)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, figures)
}

func (a *api) countedInspections(x *exchange) error {
	q := x.query()
	page, measure := q.page(), hub.InspectionMeasure(q.text("measure"))
	agency, period, err := a.periodAsked(x, q)
	if err != nil {
		return err
	}
	list, err := a.Inspections.Counted(x.r.Context(), x.actor, agency, period, measure, page)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, listed(list))
}
