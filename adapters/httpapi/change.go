package httpapi

import (
	"context"
	"net/http"

	"github.com/lienthong/lienthong/hub"
)

// Changes takes documents back and shows what belongs together. The answers of
// recipients, 15 and 16, are reports.
type Changes interface {
	Recall(ctx context.Context, actor hub.Actor, id hub.DispatchID, recipients []string, reason string) ([]hub.RecallOutcome, error)
	Related(ctx context.Context, actor hub.Actor, id hub.DispatchID) ([]hub.Related, error)
}

// Forwards hands documents that were received on to others.
type Forwards interface {
	Forward(ctx context.Context, actor hub.Actor, order hub.ForwardOrder) (hub.Accepted, error)
}

func changeRoutes() []route {
	parties := []hub.Scope{hub.ScopeRead, hub.ScopeCollect, hub.ScopeAudit}
	return []route{
		{method: http.MethodPost, pattern: "/v1/dispatches/{dispatch}/recall", scopes: []hub.Scope{hub.ScopeSubmit}, limit: jsonLimit, handle: (*api).recall},
		{method: http.MethodPost, pattern: "/v1/deliveries/{delivery}/forward", scopes: []hub.Scope{hub.ScopeSubmit}, limit: jsonLimit, begins: true, handle: (*api).forward},
		{method: http.MethodGet, pattern: "/v1/dispatches/{dispatch}/links", scopes: parties, handle: (*api).links},
	}
}

// recall answers with what it came to at each recipient.
func (a *api) recall(x *exchange) error {
	var order struct {
		Recipients []string `json:"recipients"`
		Reason     string   `json:"reason"`
	}
	if err := x.read(&order); err != nil {
		return err
	}
	outcomes, err := a.Changes.Recall(x.r.Context(), x.actor, x.dispatch(), order.Recipients, order.Reason)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, listed(hub.List[hub.RecallOutcome]{Items: outcomes}))
}

// forward answers as a submission is answered: it is one, of what was received.
func (a *api) forward(x *exchange) error {
	var order struct {
		Recipients []string `json:"recipients"`
		Note       string   `json:"note"`
	}
	if err := x.read(&order); err != nil {
		return err
	}
	accepted, err := a.Forwards.Forward(x.r.Context(), x.actor, hub.ForwardOrder{
		Delivery: x.delivery(), Recipients: order.Recipients, Note: order.Note,
		Key: x.r.Header.Get("Idempotency-Key"), TraceID: x.trace,
	})
	return x.accepted(accepted, err)
}

func (a *api) links(x *exchange) error {
	if err := x.query().done(); err != nil {
		return err
	}
	related, err := a.Changes.Related(x.r.Context(), x.actor, x.dispatch())
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, listed(hub.List[hub.Related]{Items: related}))
}
