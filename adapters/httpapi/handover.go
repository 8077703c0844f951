package httpapi

import (
	"context"
	"net/http"

	"github.com/lienthong/lienthong/hub"
)

// HandOvers hands closed agencies over to those that took over.
type HandOvers interface {
	HandOver(ctx context.Context, actor hub.Actor, order hub.HandOverOrder, dryRun bool) (hub.HandOver, error)
}

func handOverRoutes() []route {
	return []route{
		{method: http.MethodPost, pattern: "/v1/agencies/{code}/hand-over", scopes: []hub.Scope{hub.ScopeOperate}, limit: jsonLimit, handle: (*api).handOver},
	}
}

// handOverWish is the body of POST /v1/agencies/{code}/hand-over.
type handOverWish struct {
	To    string `json:"to"`
	Basis string `json:"basis"`
}

func (a *api) handOver(x *exchange) error {
	q := x.query()
	dryRun := q.flag("dry_run")
	if err := q.done(); err != nil {
		return err
	}
	var wish handOverWish
	if err := x.read(&wish); err != nil {
		return err
	}
	act, err := a.HandOvers.HandOver(x.r.Context(), x.actor, hub.HandOverOrder{Agency: x.param("code"), To: wish.To, Basis: wish.Basis}, dryRun)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, act)
}
