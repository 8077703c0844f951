package hubclient

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// NewSubscription describes a subscription to be made. The agency is a code or an id, and
// may be empty where the key speaks for one.
type NewSubscription struct {
	Agency  string               `json:"agency,omitempty"`
	Kind    hub.SubscriptionKind `json:"kind"`
	Target  string               `json:"target"`
	Topics  []hub.Topic          `json:"topics,omitempty"`
	Content bool                 `json:"content,omitempty"`
	Details bool                 `json:"details,omitempty"`
	Gather  int                  `json:"gather_seconds,omitempty"`
	Digest  bool                 `json:"digest,omitempty"`
}

// Subscribed is a subscription with the secret that the hub shows this once.
type Subscribed struct {
	Subscription hub.Subscription `json:"subscription"`
	Secret       string           `json:"secret"`
}

// Subscribe has an agency told of what happens. It is not repeated after a failure: the
// first might have made it.
func (c *Client) Subscribe(ctx context.Context, s NewSubscription) (Subscribed, error) {
	var answer Subscribed
	k, err := call{method: http.MethodPost, path: pathOf("subscriptions")}.withJSON(s)
	if err == nil {
		err = c.json(ctx, k, &answer)
	}
	return answer, err
}

// Subscriptions lists the subscriptions that the caller keeps, of an agency or all.
func (c *Client) Subscriptions(ctx context.Context, agency string) ([]hub.Subscription, error) {
	l, err := list[hub.Subscription](ctx, c, pathOf("subscriptions"), ofAgency(agency), hub.Page{})
	return l.Items, err
}

// Subscription shows a subscription and how it fares.
func (c *Client) Subscription(ctx context.Context, id string) (hub.Subscription, error) {
	var sub hub.Subscription
	err := c.json(ctx, get(pathOf("subscriptions", id), nil), &sub)
	return sub, err
}

// Unsubscribe ends a subscription.
func (c *Client) Unsubscribe(ctx context.Context, id string) error {
	return c.json(ctx, call{method: http.MethodDelete, path: pathOf("subscriptions", id)}, nil)
}

// RotateSubscription gives a webhook a new secret; the present one signs beside it for the
// overlap.
func (c *Client) RotateSubscription(ctx context.Context, id string, overlap time.Duration) (Subscribed, error) {
	var answer Subscribed
	k, err := call{method: http.MethodPost, path: pathOf("subscriptions", id, "secret")}.withJSON(map[string]int64{"overlap_seconds": int64(overlap / time.Second)})
	if err == nil {
		err = c.json(ctx, k, &answer)
	}
	return answer, err
}

// PauseSubscription lets a subscription tell nothing, or go on.
func (c *Client) PauseSubscription(ctx context.Context, id string, paused bool) (hub.Subscription, error) {
	var sub hub.Subscription
	k, err := call{method: http.MethodPut, path: pathOf("subscriptions", id, "pause"), idempotent: true}.withJSON(map[string]bool{"paused": paused})
	if err == nil {
		err = c.json(ctx, k, &sub)
	}
	return sub, err
}

// ReplaySubscription has messages told again and returns how many.
func (c *Client) ReplaySubscription(ctx context.Context, id string, which hub.Replay) (int, error) {
	var answer struct {
		Count int `json:"count"`
	}
	k, err := call{method: http.MethodPost, path: pathOf("subscriptions", id, "replays"), idempotent: true}.withJSON(which)
	if err == nil {
		err = c.json(ctx, k, &answer)
	}
	return answer.Count, err
}

// SubscriptionTest is what came of a test.
type SubscriptionTest struct {
	Told  bool   `json:"told"`
	Error string `json:"error,omitempty"`
}

// TestSubscription tells a test event at once.
func (c *Client) TestSubscription(ctx context.Context, id string) (SubscriptionTest, error) {
	var answer SubscriptionTest
	k, err := call{method: http.MethodPost, path: pathOf("subscriptions", id, "tests")}.withJSON(struct{}{})
	if err == nil {
		err = c.json(ctx, k, &answer)
	}
	return answer, err
}

// Pushes lists what a subscription tells, all of it with the empty state.
func (c *Client) Pushes(ctx context.Context, id string, state hub.PushState, p hub.Page) (hub.List[hub.Push], error) {
	query := url.Values{}
	setNonEmpty(query, "state", string(state))
	return list[hub.Push](ctx, c, pathOf("subscriptions", id, "pushes"), query, p)
}
