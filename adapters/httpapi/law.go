package httpapi

import (
	"context"
	"net/http"

	"github.com/lienthong/lienthong/hub"
)

// Law keeps how much time the law gives.
type Law interface {
	Terms() *hub.LegalTerms
	Import(ctx context.Context, actor hub.Actor, source string, terms []hub.LegalTerm, dryRun bool) (hub.LegalTermImport, error)
}

func lawRoutes() []route {
	return []route{
		{method: http.MethodGet, pattern: "/v1/legal-terms", handle: (*api).legalTerms},
		{method: http.MethodPost, pattern: "/v1/legal-terms", scopes: []hub.Scope{hub.ScopeOperate}, limit: jsonLimit, handle: (*api).importLegalTerms},
	}
}

func (a *api) legalTerms(x *exchange) error {
	if err := x.query().done(); err != nil {
		return err
	}
	return x.json(http.StatusOK, a.Law.Terms())
}

// termsWish is the body of POST /v1/legal-terms.
type termsWish struct {
	Source string          `json:"source"`
	Terms  []hub.LegalTerm `json:"terms"`
	DryRun bool            `json:"dry_run"`
}

func (a *api) importLegalTerms(x *exchange) error {
	var wish termsWish
	if err := x.read(&wish); err != nil {
		return err
	}
	report, err := a.Law.Import(x.r.Context(), x.actor, wish.Source, wish.Terms, wish.DryRun)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, report)
}
