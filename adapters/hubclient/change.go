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

// Forward hands a document that was received on to agencies and units of the same house.
// The same order again gives the first answer; with a key, another order under it is a
// conflict.
func (c *Client) Forward(ctx context.Context, o hub.ForwardOrder) (hub.Accepted, error) {
	k, err := call{method: http.MethodPost, path: pathOf("deliveries", string(o.Delivery), "forward"), idempotent: true}.withJSON(struct {
		Recipients []string `json:"recipients"`
		Note       string   `json:"note,omitempty"`
	}{o.Recipients, o.Note})
	if err != nil {
		return hub.Accepted{}, err
	}
	if o.Key != "" {
		k = k.with("Idempotency-Key", o.Key)
	}
	var accepted hub.Accepted
	err = c.json(ctx, k, &accepted)
	return accepted, err
}

// Links lists the dispatches that a dispatch recalls, updates, replaces, answers or
// forwards, and those that do so to it, as far as the credential may see them.
func (c *Client) Links(ctx context.Context, id hub.DispatchID) ([]hub.Related, error) {
	l, err := list[hub.Related](ctx, c, pathOf("dispatches", string(id), "links"), nil, hub.Page{})
	return l.Items, err
}
