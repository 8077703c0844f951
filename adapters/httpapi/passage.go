package httpapi

import (
	"fmt"
	"net/http"

	"github.com/lienthong/lienthong/hub"
)

func passageRoutes() []route {
	act := []hub.Scope{hub.ScopeOperate}
	return []route{
		{method: http.MethodGet, pattern: "/v1/axis/pass-through", scopes: []hub.Scope{hub.ScopeOperate, hub.ScopeAudit}, handle: (*api).passages},
		{method: http.MethodPut, pattern: "/v1/axis/pass-through/{system}", scopes: act, limit: jsonLimit, handle: (*api).switchOn},
		{method: http.MethodDelete, pattern: "/v1/axis/pass-through/{system}", scopes: act, handle: (*api).switchOff},
	}
}

func (a *api) passages(x *exchange) error {
	if err := x.query().done(); err != nil {
		return err
	}
	all, err := a.Passages.List(x.r.Context(), x.actor)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, listed(hub.List[hub.PassageStatus]{Items: all}))
}

// passageWish is the body of PUT /v1/axis/pass-through/{system}.
type passageWish struct {
	Endpoint string   `json:"endpoint"`
	Agencies []string `json:"agencies"`
	Secret   string   `json:"secret"`
}

func (a *api) switchOn(x *exchange) error {
	var body passageWish
	if err := x.read(&body); err != nil {
		return err
	}
	wish := hub.PassageWish{System: x.param("system"), Endpoint: body.Endpoint, Secret: body.Secret}
	for i, value := range body.Agencies {
		id, err := a.anyAgency(fmt.Sprintf("agencies[%d]", i), value)
		if err != nil {
			return err
		}
		wish.Agencies = append(wish.Agencies, id)
	}
	st, err := a.Passages.SwitchOn(x.r.Context(), x.actor, wish)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, st)
}

func (a *api) switchOff(x *exchange) error {
	if err := x.query().done(); err != nil {
		return err
	}
	st, err := a.Passages.SwitchOff(x.r.Context(), x.actor, x.param("system"))
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, st)
}
