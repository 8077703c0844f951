package httpapi

import (
	"context"
	"net/http"

	"github.com/lienthong/lienthong/hub"
)

// Connections tests how agencies are connected.
type Connections interface {
	// Test walks all ways of an agency; what a hop finds is in the result and no error.
	Test(ctx context.Context, actor hub.Actor, agency hub.AgencyID) (hub.ConnectionTest, error)
}

func connectionRoutes() []route {
	own := []hub.Scope{hub.ScopeCollect, hub.ScopeSubmit, hub.ScopeOperate}
	return []route{{method: http.MethodPost, pattern: "/v1/connection-tests", scopes: own, limit: jsonLimit, handle: (*api).testConnection}}
}

func (a *api) testConnection(x *exchange) error {
	var wish struct {
		Agency string `json:"agency"`
	}
	if err := x.read(&wish); err != nil {
		return err
	}
	agency, err := a.subscriber(x.actor, wish.Agency)
	if err != nil {
		return err
	}
	test, err := a.Connections.Test(x.r.Context(), x.actor, agency)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, test)
}
