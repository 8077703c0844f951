package hubclient

import (
	"context"
	"net/http"
	"net/url"

	"github.com/lienthong/lienthong/hub"
)

// HandOver hands an agency that has closed over, or says what that would be. The same again
// changes nothing.
func (c *Client) HandOver(ctx context.Context, order hub.HandOverOrder, dryRun bool) (hub.HandOver, error) {
	query := url.Values{}
	if dryRun {
		query.Set("dry_run", "true")
	}
	k, err := call{method: http.MethodPost, path: pathOf("agencies", order.Agency, "hand-over"), query: query, idempotent: true}.withJSON(struct {
		To    string `json:"to,omitempty"`
		Basis string `json:"basis,omitempty"`
	}{order.To, order.Basis})
	if err != nil {
		return hub.HandOver{}, err
	}
	var act hub.HandOver
	err = c.json(ctx, k, &act)
	return act, err
}
