package httpapi

import (
	"context"
	"math"
	"net/http"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// RoutingRules keeps the routing rules of agencies.
type RoutingRules interface {
	Rules(ctx context.Context, actor hub.Actor, agency hub.AgencyID, version int64) (hub.RoutingRules, error)
	SetRules(ctx context.Context, actor hub.Actor, set hub.RoutingRules) (hub.RoutingRules, error)
	Try(ctx context.Context, actor hub.Actor, trial hub.RoutingTrial) (hub.RoutingTrialPart, error)
	Failures(ctx context.Context, actor hub.Actor, agency hub.AgencyID) ([]hub.RoutingFailure, error)
}

func routingRoutes() []route {
	own := []hub.Scope{hub.ScopeAccounts, hub.ScopeSubmit, hub.ScopeCollect}
	read := append([]hub.Scope{hub.ScopeAudit, hub.ScopeOperate}, own...)
	return []route{
		{method: http.MethodGet, pattern: "/v1/routing-rules", scopes: read, handle: (*api).routingRules},
		{method: http.MethodPut, pattern: "/v1/routing-rules", scopes: []hub.Scope{hub.ScopeAccounts}, limit: jsonLimit, handle: (*api).setRoutingRules},
		{method: http.MethodPost, pattern: "/v1/routing-rules/trials", scopes: own, limit: jsonLimit, handle: (*api).tryRoutingRules},
		{method: http.MethodGet, pattern: "/v1/routing-rules/failures", scopes: read, handle: (*api).routingFailures},
	}
}

func (a *api) routingRules(x *exchange) error {
	q := x.query()
	version := q.number("version", 1, math.MaxInt64, 0)
	agency, err := a.agencyIn(x, q)
	if err != nil {
		return err
	}
	set, err := a.RoutingRules.Rules(x.r.Context(), x.actor, agency, version)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, set)
}

// routingWish is the body of PUT /v1/routing-rules: what GET answers can be put again.
type routingWish struct {
	Agency  string            `json:"agency"` // a code or an id
	Version int64             `json:"version"`
	Rules   []hub.RoutingRule `json:"rules"`
	SetBy   string            `json:"set_by"` // ignored, as is SetAt
	SetAt   time.Time         `json:"set_at"`
}

func (a *api) setRoutingRules(x *exchange) error {
	var wish routingWish
	if err := x.read(&wish); err != nil {
		return err
	}
	agency, err := a.agencyOf(x.actor, wish.Agency)
	if err != nil {
		return err
	}
	set, err := a.RoutingRules.SetRules(x.r.Context(), x.actor, hub.RoutingRules{Agency: agency, Version: wish.Version, Rules: wish.Rules})
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, set)
}

// trialWish is the body of POST /v1/routing-rules/trials.
type trialWish struct {
	Agency string            `json:"agency"`
	Rules  []hub.RoutingRule `json:"rules"` // absent: those in force
	Days   int               `json:"days"`
	After  string            `json:"after"`
}

func (a *api) tryRoutingRules(x *exchange) error {
	var wish trialWish
	if err := x.read(&wish); err != nil {
		return err
	}
	agency, err := a.agencyOf(x.actor, wish.Agency)
	if err != nil {
		return err
	}
	part, err := a.RoutingRules.Try(x.r.Context(), x.actor, hub.RoutingTrial{Agency: agency, Rules: wish.Rules, Days: wish.Days, After: wish.After})
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, part)
}

func (a *api) routingFailures(x *exchange) error {
	agency, err := a.agencyAsked(x)
	if err != nil {
		return err
	}
	list, err := a.RoutingRules.Failures(x.r.Context(), x.actor, agency)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, listed(hub.List[hub.RoutingFailure]{Items: list}))
}
