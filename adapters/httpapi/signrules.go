package httpapi

import (
	"context"
	"fmt"
	"net/http"

	"github.com/lienthong/lienthong/hub"
)

// SignatureRules keeps what is asked of the signatures of senders.
type SignatureRules interface {
	Rules(ctx context.Context, actor hub.Actor) (hub.SignatureRules, error)
	SetRules(ctx context.Context, actor hub.Actor, set hub.SignatureRules) (hub.SignatureRules, error)
	Bind(ctx context.Context, actor hub.Actor, b hub.CertificateBinding) (hub.CertificateBinding, error)
	Unbind(ctx context.Context, actor hub.Actor, agency hub.AgencyID, id string) (hub.CertificateBinding, error)
	Bindings(ctx context.Context, actor hub.Actor, agency hub.AgencyID) ([]hub.CertificateBinding, error)
}

func signatureRoutes() []route {
	act := []hub.Scope{hub.ScopeOperate}
	look := []hub.Scope{hub.ScopeOperate, hub.ScopeAudit}
	return []route{
		{method: http.MethodGet, pattern: "/v1/signatures/rules", scopes: look, handle: (*api).signatureRules},
		{method: http.MethodPut, pattern: "/v1/signatures/rules", scopes: act, limit: jsonLimit, handle: (*api).setSignatureRules},
		{method: http.MethodGet, pattern: "/v1/agencies/{code}/certificates", scopes: look, handle: (*api).bindings},
		{method: http.MethodPost, pattern: "/v1/agencies/{code}/certificates", scopes: act, limit: jsonLimit, handle: (*api).bind},
		{method: http.MethodDelete, pattern: "/v1/agencies/{code}/certificates/{binding}", scopes: act, handle: (*api).unbind},
	}
}

func (a *api) signatureRules(x *exchange) error {
	if err := x.query().done(); err != nil {
		return err
	}
	set, err := a.SignatureRules.Rules(x.r.Context(), x.actor)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, set)
}

// rulesWish is the body of PUT /v1/signatures/rules.
type rulesWish struct {
	Version int64               `json:"version"` // that it was made from; 0 for whichever
	Rules   []hub.SignatureRule `json:"rules"`   // senders are codes or ids
}

func (a *api) setSignatureRules(x *exchange) error {
	var wish rulesWish
	if err := x.read(&wish); err != nil {
		return err
	}
	if wish.Rules == nil {
		return hub.Invalid("rules", "required", "rules is required; an empty list leaves the setting of the hub alone in force")
	}
	for i := range wish.Rules {
		if wish.Rules[i].Sender == "" {
			continue
		}
		id, err := a.anyAgency(fmt.Sprintf("rules[%d].sender", i), string(wish.Rules[i].Sender))
		if err != nil {
			return err
		}
		wish.Rules[i].Sender = id
	}
	set, err := a.SignatureRules.SetRules(x.r.Context(), x.actor, hub.SignatureRules{Version: wish.Version, Rules: wish.Rules})
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, set)
}

func (a *api) bindings(x *exchange) error {
	agency, err := a.lookUp(x.param("code"), a.Now())
	if err != nil {
		return err
	}
	list, err := a.SignatureRules.Bindings(x.r.Context(), x.actor, agency.Agency.ID)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, listed(hub.List[hub.CertificateBinding]{Items: list}))
}

// bindingWish is the body of POST /v1/agencies/{code}/certificates.
type bindingWish struct {
	SHA256  hub.Digest          `json:"sha256"`
	Issuer  string              `json:"issuer"`
	Subject []string            `json:"subject"`
	Role    hub.CertificateRole `json:"role"`
	Note    string              `json:"note"`
}

func (a *api) bind(x *exchange) error {
	var wish bindingWish
	if err := x.read(&wish); err != nil {
		return err
	}
	agency, err := a.lookUp(x.param("code"), a.Now())
	if err != nil {
		return err
	}
	bound, err := a.SignatureRules.Bind(x.r.Context(), x.actor, hub.CertificateBinding{
		Agency: agency.Agency.ID, SHA256: wish.SHA256, Issuer: wish.Issuer, Subject: wish.Subject, Role: wish.Role, Note: wish.Note,
	})
	if err != nil {
		return err
	}
	return x.json(http.StatusCreated, bound)
}

func (a *api) unbind(x *exchange) error {
	agency, err := a.lookUp(x.param("code"), a.Now())
	if err != nil {
		return err
	}
	gone, err := a.SignatureRules.Unbind(x.r.Context(), x.actor, agency.Agency.ID, x.param("binding"))
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, gone)
}
