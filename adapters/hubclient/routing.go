package hubclient

import (
	"context"
	"net/http"
	"strconv"

	"github.com/lienthong/lienthong/hub"
)

// RoutingTrial asks what rules would have done with past traffic. Agency is a code or an
// id, empty when the credential speaks for one; without Rules those in force are tried.
type RoutingTrial struct {
	Agency string            `json:"agency,omitempty"`
	Rules  []hub.RoutingRule `json:"rules,omitempty"`
	Days   int               `json:"days"`
	After  string            `json:"after,omitempty"`
}

// RoutingRules returns the routing rules of an agency, those in force with version 0.
func (c *Client) RoutingRules(ctx context.Context, agency string, version int64) (hub.RoutingRules, error) {
	query := ofAgency(agency)
	if version != 0 {
		query.Set("version", strconv.FormatInt(version, 10))
	}
	var set hub.RoutingRules
	err := c.json(ctx, call{method: http.MethodGet, path: pathOf("routing-rules"), query: query}, &set)
	return set, err
}

// SetRoutingRules puts a whole set into force. The same again changes nothing.
func (c *Client) SetRoutingRules(ctx context.Context, set hub.RoutingRules) (hub.RoutingRules, error) {
	k, err := call{method: http.MethodPut, path: pathOf("routing-rules"), idempotent: true}.withJSON(set)
	if err != nil {
		return hub.RoutingRules{}, err
	}
	var saved hub.RoutingRules
	err = c.json(ctx, k, &saved)
	return saved, err
}

// TryRoutingRules returns one part of a trial; Next of it is After of the following.
func (c *Client) TryRoutingRules(ctx context.Context, trial RoutingTrial) (hub.RoutingTrialPart, error) {
	k, err := call{method: http.MethodPost, path: pathOf("routing-rules", "trials"), idempotent: true}.withJSON(trial)
	if err != nil {
		return hub.RoutingTrialPart{}, err
	}
	var part hub.RoutingTrialPart
	err = c.json(ctx, k, &part)
	return part, err
}

// RoutingFailures lists forwards that rules of an agency could not make.
func (c *Client) RoutingFailures(ctx context.Context, agency string) ([]hub.RoutingFailure, error) {
	l, err := list[hub.RoutingFailure](ctx, c, pathOf("routing-rules", "failures"), ofAgency(agency), hub.Page{})
	return l.Items, err
}
