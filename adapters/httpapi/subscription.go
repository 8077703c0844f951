package httpapi

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Subscriptions keeps who wants to be told of what happens.
type Subscriptions interface {
	Create(ctx context.Context, actor hub.Actor, wish hub.Subscription) (hub.Subscription, string, error)
	List(ctx context.Context, actor hub.Actor, agency hub.AgencyID) ([]hub.Subscription, error)
	Get(ctx context.Context, actor hub.Actor, id string) (hub.Subscription, error)
	Rotate(ctx context.Context, actor hub.Actor, id string, overlap time.Duration) (hub.Subscription, string, error)
	Remove(ctx context.Context, actor hub.Actor, id string) error
}

// Telling is what subscriptions tell.
type Telling interface {
	Pause(ctx context.Context, actor hub.Actor, id string) (hub.Subscription, error)
	Resume(ctx context.Context, actor hub.Actor, id string) (hub.Subscription, error)
	Replay(ctx context.Context, actor hub.Actor, id string, which hub.Replay) (int, error)
	// Test tells a test event and returns what came of it.
	Test(ctx context.Context, actor hub.Actor, id string) error
	Pushes(ctx context.Context, actor hub.Actor, query hub.PushQuery) (hub.List[hub.Push], error)
}

func subscriptionRoutes() []route {
	keep := []hub.Scope{hub.ScopeCollect, hub.ScopeOperate}
	const one = "/v1/subscriptions/{subscription}"
	return []route{
		{method: http.MethodGet, pattern: "/v1/subscriptions", scopes: keep, handle: (*api).listSubscriptions},
		{method: http.MethodPost, pattern: "/v1/subscriptions", scopes: keep, limit: jsonLimit, handle: (*api).subscribe},
		{method: http.MethodGet, pattern: one, scopes: keep, handle: (*api).subscription},
		{method: http.MethodDelete, pattern: one, scopes: keep, handle: (*api).unsubscribe},
		{method: http.MethodPost, pattern: one + "/secret", scopes: keep, limit: jsonLimit, handle: (*api).rotateSubscription},
		{method: http.MethodPut, pattern: one + "/pause", scopes: keep, limit: jsonLimit, handle: (*api).pauseSubscription},
		{method: http.MethodPost, pattern: one + "/replays", scopes: keep, limit: jsonLimit, handle: (*api).replaySubscription},
		{method: http.MethodPost, pattern: one + "/tests", scopes: keep, limit: jsonLimit, handle: (*api).testSubscription},
		{method: http.MethodGet, pattern: one + "/pushes", scopes: keep, handle: (*api).pushes},
	}
}

// subscriptionWish is the body of POST /v1/subscriptions. The agency is a code or an id.
type subscriptionWish struct {
	Agency  string               `json:"agency"`
	Kind    hub.SubscriptionKind `json:"kind"`
	Target  string               `json:"target"`
	Topics  []hub.Topic          `json:"topics"`
	Content bool                 `json:"content"`
	Details bool                 `json:"details"`
	Gather  int                  `json:"gather_seconds"`
	Digest  bool                 `json:"digest"`
}

// subscribed is a subscription with the secret that is shown this once.
type subscribed struct {
	Subscription hub.Subscription `json:"subscription"`
	Secret       string           `json:"secret,omitempty"`
}

func (a *api) listSubscriptions(x *exchange) error {
	q := x.query()
	code := q.text("agency")
	if err := q.done(); err != nil {
		return err
	}
	agency, err := a.agencyOrNone("agency", code)
	if err != nil {
		return err
	}
	list, err := a.Subscriptions.List(x.r.Context(), x.actor, agency)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, listed(hub.List[hub.Subscription]{Items: list}))
}

func (a *api) subscribe(x *exchange) error {
	var wish subscriptionWish
	if err := x.read(&wish); err != nil {
		return err
	}
	agency, err := a.subscriber(x.actor, wish.Agency)
	if err != nil {
		return err
	}
	sub, secret, err := a.Subscriptions.Create(x.r.Context(), x.actor, hub.Subscription{
		Agency: agency, Kind: wish.Kind, Target: wish.Target, Topics: wish.Topics, Content: wish.Content, Details: wish.Details, Gather: wish.Gather, Digest: wish.Digest,
	})
	if err != nil {
		return err
	}
	return x.json(http.StatusCreated, subscribed{sub, secret})
}

// subscriber is the agency that is to be told: the one of the key unless it is named.
func (a *api) subscriber(actor hub.Actor, code string) (hub.AgencyID, error) {
	if actor.Has(hub.ScopeOperate) && code != "" {
		return a.anyAgency("agency", code)
	}
	return a.agencyOf(actor, code)
}

func (a *api) subscription(x *exchange) error {
	sub, err := a.Subscriptions.Get(x.r.Context(), x.actor, x.param("subscription"))
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, sub)
}

func (a *api) unsubscribe(x *exchange) error {
	if err := a.Subscriptions.Remove(x.r.Context(), x.actor, x.param("subscription")); err != nil {
		return err
	}
	x.w.WriteHeader(http.StatusNoContent)
	return nil
}

func (a *api) rotateSubscription(x *exchange) error {
	var wish struct {
		Overlap int64 `json:"overlap_seconds"`
	}
	if err := x.read(&wish); err != nil {
		return err
	}
	if wish.Overlap < 0 || wish.Overlap > int64(365*24*time.Hour/time.Second) {
		return hub.Invalid("overlap_seconds", "range", "the overlap is a number of seconds")
	}
	sub, secret, err := a.Subscriptions.Rotate(x.r.Context(), x.actor, x.param("subscription"), time.Duration(wish.Overlap)*time.Second)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, subscribed{sub, secret})
}

func (a *api) pauseSubscription(x *exchange) error {
	var wish struct {
		Paused bool `json:"paused"`
	}
	if err := x.read(&wish); err != nil {
		return err
	}
	act := a.Telling.Resume
	if wish.Paused {
		act = a.Telling.Pause
	}
	sub, err := act(x.r.Context(), x.actor, x.param("subscription"))
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, sub)
}

func (a *api) replaySubscription(x *exchange) error {
	var wish hub.Replay
	if err := x.read(&wish); err != nil {
		return err
	}
	n, err := a.Telling.Replay(x.r.Context(), x.actor, x.param("subscription"), wish)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, map[string]int{"count": n})
}

// testSubscription answers with what came of the test: that the target cannot be reached
// is no failure of this request.
func (a *api) testSubscription(x *exchange) error {
	var wish struct{}
	if err := x.read(&wish); err != nil {
		return err
	}
	id := x.param("subscription")
	if _, err := a.Subscriptions.Get(x.r.Context(), x.actor, id); err != nil {
		return err
	}
	answer := struct {
		Told  bool   `json:"told"`
		Error string `json:"error,omitempty"`
	}{Told: true}
	if err := a.Telling.Test(x.r.Context(), x.actor, id); err != nil {
		var known *hub.Error
		if !errors.As(err, &known) || known.Kind == hub.KindInternal {
			return err
		}
		answer.Told, answer.Error = false, known.Message
	}
	return x.json(http.StatusOK, answer)
}

func (a *api) pushes(x *exchange) error {
	q := x.query()
	query := hub.PushQuery{Subscription: x.param("subscription"), State: hub.PushState(q.text("state")), Page: q.page()}
	if err := q.done(); err != nil {
		return err
	}
	list, err := a.Telling.Pushes(x.r.Context(), x.actor, query)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, listed(list))
}
