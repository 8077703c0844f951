package hubclient

import (
	"context"
	"net/http"

	"github.com/lienthong/lienthong/hub"
)

// Recall takes a document back from recipients, named by code or id, or from all where
// none is named, and tells what it came to at each. The same recall again changes
// nothing.
func (c *Client) Recall(ctx context.Context, id hub.DispatchID, recipients []string, reason string) ([]hub.RecallOutcome, error) {
	k, err := call{method: http.MethodPost, path: pathOf("dispatches", string(id), "recall"), idempotent: true}.withJSON(struct {
		Recipients []string `json:"recipients,omitempty"`
		Reason     string   `json:"reason"`
	}{recipients, reason})
	if err != nil {
		return nil, err
	}
	var answer page[hub.RecallOutcome]
	err = c.json(ctx, k, &answer)
	return answer.Items, err
}

// Links lists the dispatches that a dispatch recalls, updates, replaces or answers, and
// those that do so to it, as far as the credential may see them.
func (c *Client) Links(ctx context.Context, id hub.DispatchID) ([]hub.Related, error) {
	l, err := list[hub.Related](ctx, c, pathOf("dispatches", string(id), "links"), nil, hub.Page{})
	return l.Items, err
}
