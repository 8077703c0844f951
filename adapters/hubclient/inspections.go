package hubclient

import (
	"context"
	"net/http"
	"net/url"

	"github.com/lienthong/lienthong/hub"
)

// InspectionQuery selects inspections that an agency sees (code or id, which may be empty
// when the credential speaks for one).
type InspectionQuery struct {
	Agency string
	State  hub.InspectionState // "": all
	Kind   hub.InspectionKind  // "": all
	Page   hub.Page
}

// Inspections lists a page of inspections, those begun last first.
func (c *Client) Inspections(ctx context.Context, q InspectionQuery) (hub.List[hub.InspectionView], error) {
	query := ofAgency(q.Agency)
	setNonEmpty(query, "state", string(q.State))
	setNonEmpty(query, "kind", string(q.Kind))
	return list[hub.InspectionView](ctx, c, pathOf("inspections"), query, q.Page)
}

// Inspection shows one inspection with its events.
func (c *Client) Inspection(ctx context.Context, id hub.InspectionID) (hub.InspectionView, error) {
	var view hub.InspectionView
	err := c.json(ctx, get(pathOf("inspections", string(id)), nil), &view)
	return view, err
}

// Visit registers the inspection of an agency (code or id) by another one, which may be empty
// where the credential speaks for one. It is tried again only where the wish has a key.
func (c *Client) Visit(ctx context.Context, agency, subject string, wish hub.InspectionWish) (hub.InspectionView, error) {
	var view hub.InspectionView
	k, err := call{method: http.MethodPost, path: pathOf("inspections"), idempotent: wish.Key != ""}.withJSON(struct {
		hub.InspectionWish
		Agency  string `json:"agency,omitempty"`
		Subject string `json:"subject"`
	}{wish, agency, subject})
	if err == nil {
		err = c.json(ctx, k, &view)
	}
	return view, err
}

// ActOnInspection records an act of an agency (code or id, empty where only one is meant). It
// is tried again only where the order has a key.
func (c *Client) ActOnInspection(ctx context.Context, id hub.InspectionID, agency string, order hub.InspectionOrder) (hub.InspectionView, error) {
	var view hub.InspectionView
	k, err := call{method: http.MethodPost, path: pathOf("inspections", string(id), "events"), idempotent: order.Key != ""}.withJSON(struct {
		hub.InspectionOrder
		Agency string `json:"agency,omitempty"`
	}{order, agency})
	if err == nil {
		err = c.json(ctx, k, &view)
	}
	return view, err
}

func inspectionsIn(agency string, period hub.Period) url.Values {
	query := ofAgency(agency)
	setNonEmpty(query, "period", string(period))
	return query
}

// InspectionFigures counts the inspections of an agency in a period, this year where it is
// empty.
func (c *Client) InspectionFigures(ctx context.Context, agency string, period hub.Period) (hub.InspectionFigures, error) {
	var figures hub.InspectionFigures
	err := c.json(ctx, get(pathOf("inspections", "figures"), inspectionsIn(agency, period)), &figures)
	return figures, err
}

// CountedInspections lists a page of the inspections behind a figure.
func (c *Client) CountedInspections(ctx context.Context, agency string, period hub.Period, measure hub.InspectionMeasure, page hub.Page) (hub.List[hub.InspectionView], error) {
	query := inspectionsIn(agency, period)
	query.Set("measure", string(measure))
	return list[hub.InspectionView](ctx, c, pathOf("inspections", "counted"), query, page)
}
