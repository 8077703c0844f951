package httpapi

import (
	"context"
	"net/http"

	"github.com/lienthong/lienthong/hub"
)

// Post has the post carry things for agencies.
type Post interface {
	Order(ctx context.Context, actor hub.Actor, wish hub.PostalWish) (order hub.PostalOrder, made bool, err error)
	Show(ctx context.Context, actor hub.Actor, id hub.PostalID) (hub.PostalOrder, error)
	List(ctx context.Context, actor hub.Actor, query hub.PostalQuery) (hub.List[hub.PostalOrder], error)
	Report(ctx context.Context, actor hub.Actor, id hub.PostalID, report hub.PostalReport) (hub.PostalOrder, error)
}

func postRoutes() []route {
	look, act := []hub.Scope{hub.ScopeRead, hub.ScopeSubmit}, []hub.Scope{hub.ScopeSubmit}
	return []route{
		{method: http.MethodGet, pattern: "/v1/post/orders", scopes: look, handle: (*api).postalOrders},
		{method: http.MethodPost, pattern: "/v1/post/orders", scopes: act, limit: jsonLimit, handle: (*api).orderPost},
		{method: http.MethodGet, pattern: "/v1/post/orders/{order}", scopes: look, handle: (*api).postalOrder},
		{method: http.MethodPost, pattern: "/v1/post/orders/{order}/events", scopes: act, limit: jsonLimit, handle: (*api).reportPost},
	}
}

func (a *api) postalOrders(x *exchange) error {
	q := x.query()
	wanted := hub.PostalQuery{
		Open: q.flag("open"), Outgoing: q.flag("outgoing"), Oldest: q.flag("oldest"), Dossier: hub.DossierID(q.text("dossier")), Dispatch: hub.DispatchID(q.text("dispatch")),
		From: hub.Date(q.text("from")), To: hub.Date(q.text("to")), Page: q.page(), Finding: oneIn(q, "finding", hub.PostalRules()),
	}
	var err error
	if wanted.Agency, err = a.agencyIn(x, q); err != nil {
		return err
	}
	list, err := a.Post.List(x.r.Context(), x.actor, wanted)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, listed(list))
}

func (a *api) orderPost(x *exchange) error {
	var wish struct {
		hub.PostalWish
		Agency string `json:"agency"`
	}
	if err := x.read(&wish); err != nil {
		return err
	}
	w := wish.PostalWish
	var err error
	if w.Agency, err = a.agencyOf(x.actor, wish.Agency); err != nil {
		return err
	}
	order, made, err := a.Post.Order(x.r.Context(), x.actor, w)
	if err != nil {
		return err
	}
	return x.made(made, order)
}

func (a *api) postalOrder(x *exchange) error {
	if err := x.query().done(); err != nil {
		return err
	}
	order, err := a.Post.Show(x.r.Context(), x.actor, hub.PostalID(x.param("order")))
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, order)
}

func (a *api) reportPost(x *exchange) error {
	var report hub.PostalReport
	if err := x.read(&report); err != nil {
		return err
	}
	order, err := a.Post.Report(x.r.Context(), x.actor, hub.PostalID(x.param("order")), report)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, order)
}
