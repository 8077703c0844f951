package httpapi

import (
	"context"
	"net/http"

	"github.com/lienthong/lienthong/hub"
)

// Axis is the membership of this hub in another axis.
type Axis interface {
	Status(ctx context.Context, actor hub.Actor) (hub.AxisStatus, error)
	Units(ctx context.Context, actor hub.Actor) ([]hub.AxisUnit, error)
	HeldPackages
}

// HeldPackages are those of the axis that are not in the exchange.
type HeldPackages interface {
	Held(ctx context.Context, actor hub.Actor, page hub.Page) (hub.List[hub.HeldPackage], error)
	Open(ctx context.Context, actor hub.Actor, id string) (hub.Part, hub.Blob, error)
	Retry(ctx context.Context, actor hub.Actor, id string) (hub.HeldPackage, error)
	GiveUp(ctx context.Context, actor hub.Actor, id, reason string) error
}

// Passages have systems pass through this hub to the axis at which they are.
type Passages interface {
	List(ctx context.Context, actor hub.Actor) ([]hub.PassageStatus, error)
	SwitchOn(ctx context.Context, actor hub.Actor, wish hub.PassageWish) (hub.PassageStatus, error)
	SwitchOff(ctx context.Context, actor hub.Actor, system string) (hub.PassageStatus, error)
}

func axisRoutes() []route {
	act := []hub.Scope{hub.ScopeOperate}
	look := []hub.Scope{hub.ScopeOperate, hub.ScopeAudit}
	routes := []route{
		{method: http.MethodGet, pattern: "/v1/axis", scopes: look, handle: (*api).axisStatus},
		{method: http.MethodGet, pattern: "/v1/axis/agencies", scopes: act, handle: (*api).axisUnits},
		{method: http.MethodGet, pattern: "/v1/axis/held", scopes: look, handle: (*api).axisHeld},
		{method: http.MethodGet, pattern: "/v1/axis/held/{package}", scopes: act, handle: (*api).axisPackage},
		{method: http.MethodPost, pattern: "/v1/axis/held/{package}/retry", scopes: act, handle: (*api).axisRetry},
		{method: http.MethodPost, pattern: "/v1/axis/held/{package}/give-up", scopes: act, limit: jsonLimit, handle: (*api).axisGiveUp},
	}
	for i := range routes {
		handle := routes[i].handle
		routes[i].handle = func(a *api, x *exchange) error {
			if a.Axis == nil {
				return a.noRoute(x)
			}
			return handle(a, x)
		}
	}
	return routes
}

func (a *api) axisStatus(x *exchange) error {
	if err := x.query().done(); err != nil {
		return err
	}
	st, err := a.Axis.Status(x.r.Context(), x.actor)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, st)
}

func (a *api) axisUnits(x *exchange) error {
	if err := x.query().done(); err != nil {
		return err
	}
	units, err := a.Axis.Units(x.r.Context(), x.actor)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, listed(hub.List[hub.AxisUnit]{Items: units}))
}

func (a *api) axisHeld(x *exchange) error { return paged(x, a.Axis.Held) }

func (a *api) axisPackage(x *exchange) error {
	part, content, err := a.Axis.Open(x.r.Context(), x.actor, x.param("package"))
	if err != nil {
		return err
	}
	return x.serve(part, content)
}

func (a *api) axisRetry(x *exchange) error {
	held, err := a.Axis.Retry(x.r.Context(), x.actor, x.param("package"))
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, held)
}

func (a *api) axisGiveUp(x *exchange) error {
	var wish struct {
		Reason string `json:"reason"`
	}
	if err := x.read(&wish); err != nil {
		return err
	}
	if err := a.Axis.GiveUp(x.r.Context(), x.actor, x.param("package"), wish.Reason); err != nil {
		return err
	}
	x.w.WriteHeader(http.StatusNoContent)
	return nil
}
