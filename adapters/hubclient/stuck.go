package hubclient

import (
	"context"
	"net/http"

	"github.com/lienthong/lienthong/hub"
)

// Stuck lists deliveries that do not come on (operator).
func (c *Client) Stuck(ctx context.Context) (hub.Stuck, error) {
	var stuck hub.Stuck
	err := c.json(ctx, call{method: http.MethodGet, path: pathOf("stuck-deliveries")}, &stuck)
	return stuck, err
}

// TryAgain has deliveries tried at once, without ids all that wait for another attempt.
func (c *Client) TryAgain(ctx context.Context, ids ...hub.DeliveryID) (hub.StuckOutcome, error) {
	return c.onStuck(ctx, "retry", struct {
		IDs []hub.DeliveryID `json:"ids,omitempty"`
		All bool             `json:"all,omitempty"`
	}{ids, len(ids) == 0})
}

// GiveUp ends deliveries as failed; the sender is told the reason.
func (c *Client) GiveUp(ctx context.Context, reason string, ids ...hub.DeliveryID) (hub.StuckOutcome, error) {
	return c.onStuck(ctx, "give-up", struct {
		IDs    []hub.DeliveryID `json:"ids"`
		Reason string           `json:"reason"`
	}{ids, reason})
}

func (c *Client) onStuck(ctx context.Context, act string, wish any) (hub.StuckOutcome, error) {
	var outcome hub.StuckOutcome
	k, err := call{method: http.MethodPost, path: pathOf("stuck-deliveries", act)}.withJSON(wish)
	if err != nil {
		return outcome, err
	}
	err = c.json(ctx, k, &outcome)
	return outcome, err
}
