package httpapi

import (
	"cmp"
	"context"
	"net"
	"net/http"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Enrolments let the systems of agencies in by a code.
type Enrolments interface {
	Create(ctx context.Context, actor hub.Actor, wish hub.Enrolment) (hub.Enrolment, string, error)
	List(ctx context.Context, actor hub.Actor) ([]hub.Enrolment, error)
	Revoke(ctx context.Context, actor hub.Actor, id string) error
	// Redeem spends a code; peer is the address that it comes from.
	Redeem(ctx context.Context, code, peer string) (hub.Enrolled, error)
}

func enrolmentRoutes() []route {
	operate := []hub.Scope{hub.ScopeOperate}
	return []route{
		{method: http.MethodGet, pattern: "/v1/enrolments", scopes: operate, handle: (*api).listEnrolments},
		{method: http.MethodPost, pattern: "/v1/enrolments", scopes: operate, limit: jsonLimit, handle: (*api).createEnrolment},
		{method: http.MethodDelete, pattern: "/v1/enrolments/{enrolment}", scopes: operate, handle: (*api).revokeEnrolment},
		{method: http.MethodPost, pattern: "/v1/enrol", public: true, shared: true, limit: jsonLimit, handle: (*api).enrol},
	}
}

// enrolmentWish is the body of POST /v1/enrolments.
type enrolmentWish struct {
	Agency   string                 `json:"agency"` // code or id
	Channels []hub.EnrolmentChannel `json:"channels"`
	System   string                 `json:"system"`
	Client   string                 `json:"client"`
	Contact  string                 `json:"contact"`
	Expires  time.Time              `json:"expires"` // absent: in three days
	Replace  bool                   `json:"replace"`
	Overlap  int64                  `json:"overlap"` // seconds
}

// enrolmentLife is how long a code is good where the operator does not say.
const enrolmentLife = 72 * time.Hour

// givenEnrolment is an enrolment with its code.
type givenEnrolment struct {
	Enrolment hub.Enrolment `json:"enrolment"`
	Code      string        `json:"code"`
}

func (a *api) createEnrolment(x *exchange) error {
	var wish enrolmentWish
	if err := x.read(&wish); err != nil {
		return err
	}
	agency, err := a.anyAgency("agency", wish.Agency)
	if err != nil {
		return err
	}
	e, code, err := a.Enrolments.Create(x.r.Context(), x.actor, hub.Enrolment{
		Agency: agency, Channels: wish.Channels, System: wish.System, Client: wish.Client, Contact: wish.Contact,
		Expires: cmp.Or(wish.Expires, a.Now().Add(enrolmentLife)), Replace: wish.Replace, Overlap: wish.Overlap,
	})
	if err != nil {
		return err
	}
	return x.json(http.StatusCreated, givenEnrolment{e, code})
}

func (a *api) listEnrolments(x *exchange) error {
	list, err := a.Enrolments.List(x.r.Context(), x.actor)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, listed(hub.List[hub.Enrolment]{Items: list}))
}

func (a *api) revokeEnrolment(x *exchange) error {
	if err := a.Enrolments.Revoke(x.r.Context(), x.actor, x.param("enrolment")); err != nil {
		return err
	}
	x.w.WriteHeader(http.StatusNoContent)
	return nil
}

func (a *api) enrol(x *exchange) error {
	var wish struct {
		Code string `json:"code"`
	}
	if err := x.read(&wish); err != nil {
		return err
	}
	peer, _, _ := net.SplitHostPort(x.r.RemoteAddr) // "" for a peer without an address
	enrolled, err := a.Enrolments.Redeem(x.r.Context(), wish.Code, peer)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, enrolled)
}
