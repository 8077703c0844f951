package hubclient

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// ClassesChange is a set of retention classes that is in force or, with a forecast,
// would be.
type ClassesChange struct {
	Classes  hub.RetentionClasses   `json:"classes"`
	Forecast *hub.RetentionForecast `json:"forecast,omitempty"`
}

// RetentionClasses shows the classes in force (operator, auditor).
func (c *Client) RetentionClasses(ctx context.Context) (hub.RetentionClasses, error) {
	var set hub.RetentionClasses
	err := c.json(ctx, get(pathOf("retention", "classes"), nil), &set)
	return set, err
}

// SetRetentionClasses puts a whole set into force, or tells what it would purge
// (dryRun). A version in the set must be that of the set which it replaces; then a
// repetition after a lost answer is a conflict (operator).
func (c *Client) SetRetentionClasses(ctx context.Context, set hub.RetentionClasses, dryRun bool) (ClassesChange, error) {
	var answer ClassesChange
	k, err := call{
		method: http.MethodPut, path: pathOf("retention", "classes"), query: url.Values{"dry_run": {strconv.FormatBool(dryRun)}}, idempotent: dryRun,
	}.withJSON(struct {
		Version int64                `json:"version"`
		Classes []hub.RetentionClass `json:"classes"`
	}{set.Version, set.Classes})
	if err == nil {
		err = c.json(ctx, k, &answer)
	}
	return answer, err
}

// HoldRequest asks for a legal hold on a dispatch, on all of an agency (code or id), or
// on all whose number contains a text: exactly one.
type HoldRequest struct {
	Dispatch hub.DispatchID `json:"dispatch,omitempty"`
	Agency   string         `json:"agency,omitempty"`
	Number   string         `json:"number,omitempty"`
	Reason   string         `json:"reason"`
	Until    time.Time      `json:"until,omitzero"` // zero: until it is released
}

// PlaceHold places a legal hold (operator).
func (c *Client) PlaceHold(ctx context.Context, r HoldRequest) (hub.LegalHold, error) {
	var hold hub.LegalHold
	k, err := call{method: http.MethodPost, path: pathOf("retention", "holds")}.withJSON(r)
	if err == nil {
		err = c.json(ctx, k, &hold)
	}
	return hold, err
}

// ReleaseHold releases a legal hold (operator).
func (c *Client) ReleaseHold(ctx context.Context, id, reason string) (hub.LegalHold, error) {
	var hold hub.LegalHold
	err := c.json(ctx, call{
		method: http.MethodDelete, path: pathOf("retention", "holds", id), query: url.Values{"reason": {reason}}, idempotent: true,
	}, &hold)
	return hold, err
}

// Holds lists legal holds: those that were not released, or those that were (operator,
// auditor).
func (c *Client) Holds(ctx context.Context, released bool, p hub.Page) (hub.List[hub.LegalHold], error) {
	return list[hub.LegalHold](ctx, c, pathOf("retention", "holds"), url.Values{"released": {strconv.FormatBool(released)}}, p)
}

// RetentionRuns lists runs that are over, newest first (operator, auditor).
func (c *Client) RetentionRuns(ctx context.Context, p hub.Page) (hub.List[hub.RetentionRun], error) {
	return list[hub.RetentionRun](ctx, c, pathOf("retention", "runs"), nil, p)
}

// RetentionRun shows one run; KindNotFound while it is not over (operator, auditor).
func (c *Client) RetentionRun(ctx context.Context, id string) (hub.RetentionRun, error) {
	var run hub.RetentionRun
	err := c.json(ctx, get(pathOf("retention", "runs", id), nil), &run)
	return run, err
}

// AskPurge asks for a purge now and returns the id of its run (operator).
func (c *Client) AskPurge(ctx context.Context) (string, error) {
	var answer struct {
		ID string `json:"id"`
	}
	err := c.json(ctx, call{method: http.MethodPost, path: pathOf("retention", "runs")}, &answer)
	return answer.ID, err
}

// Findings lists content that is missing or damaged (operator, auditor).
func (c *Client) Findings(ctx context.Context, p hub.Page) (hub.List[hub.RetentionFinding], error) {
	return list[hub.RetentionFinding](ctx, c, pathOf("retention", "findings"), nil, p)
}
