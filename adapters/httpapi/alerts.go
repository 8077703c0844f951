package httpapi

import (
	"context"
	"net/http"

	"github.com/lienthong/lienthong/hub"
)

// Alerts shows operators what they must know, and takes what they say of it.
type Alerts interface {
	Board(ctx context.Context, actor hub.Actor) (hub.AlertBoard, error)
	Past(ctx context.Context, actor hub.Actor, page hub.Page) (hub.List[hub.Alert], error)
	Acknowledge(ctx context.Context, actor hub.Actor, id, reason string) error
	Mute(ctx context.Context, actor hub.Actor, id, reason string, days int) error
	Unmute(ctx context.Context, actor hub.Actor, id string) error
}

func alertRoutes() []route {
	operate := []hub.Scope{hub.ScopeOperate}
	const one = "/v1/alerts/{alert}"
	return []route{
		{method: http.MethodGet, pattern: "/v1/alerts", scopes: operate, handle: (*api).alerts},
		{method: http.MethodGet, pattern: "/v1/alerts/past", scopes: operate, handle: (*api).pastAlerts},
		{method: http.MethodPut, pattern: one + "/acknowledgement", scopes: operate, limit: jsonLimit, handle: (*api).acknowledgeAlert},
		{method: http.MethodPut, pattern: one + "/mute", scopes: operate, limit: jsonLimit, handle: (*api).muteAlert},
		{method: http.MethodDelete, pattern: one + "/mute", scopes: operate, handle: (*api).unmuteAlert},
	}
}

func (a *api) alerts(x *exchange) error {
	if err := x.query().done(); err != nil {
		return err
	}
	board, err := a.Alerts.Board(x.r.Context(), x.actor)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, board)
}

func (a *api) pastAlerts(x *exchange) error { return paged(x, a.Alerts.Past) }

func (a *api) acknowledgeAlert(x *exchange) error {
	var wish struct {
		Reason string `json:"reason"`
	}
	if err := x.read(&wish); err != nil {
		return err
	}
	return noContent(x, a.Alerts.Acknowledge(x.r.Context(), x.actor, x.param("alert"), wish.Reason))
}

func (a *api) muteAlert(x *exchange) error {
	var wish struct {
		Reason string `json:"reason"`
		Days   int    `json:"days"`
	}
	if err := x.read(&wish); err != nil {
		return err
	}
	return noContent(x, a.Alerts.Mute(x.r.Context(), x.actor, x.param("alert"), wish.Reason, wish.Days))
}

func (a *api) unmuteAlert(x *exchange) error {
	return noContent(x, a.Alerts.Unmute(x.r.Context(), x.actor, x.param("alert")))
}

// noContent answers an act that has nothing to say.
func noContent(x *exchange, err error) error {
	if err == nil {
		x.w.WriteHeader(http.StatusNoContent)
	}
	return err
}
