package hubclient

import (
	"context"
	"net/http"

	"github.com/lienthong/lienthong/hub"
)

// Alerts shows what operators must know now (operator).
func (c *Client) Alerts(ctx context.Context) (hub.AlertBoard, error) {
	var board hub.AlertBoard
	err := c.json(ctx, get(pathOf("alerts"), nil), &board)
	return board, err
}

// PastAlerts lists alerts that have ended, the last first (operator).
func (c *Client) PastAlerts(ctx context.Context, p hub.Page) (hub.List[hub.Alert], error) {
	return list[hub.Alert](ctx, c, pathOf("alerts", "past"), nil, p)
}

// AcknowledgeAlert says that an operator looks after an alert (operator).
func (c *Client) AcknowledgeAlert(ctx context.Context, id, reason string) error {
	k, err := call{method: http.MethodPut, path: pathOf("alerts", id, "acknowledgement"), idempotent: true}.withJSON(map[string]string{"reason": reason})
	if err != nil {
		return err
	}
	return c.json(ctx, k, nil)
}

// MuteAlert has no mail written about the cause of an alert for some days (operator).
func (c *Client) MuteAlert(ctx context.Context, id, reason string, days int) error {
	k, err := call{method: http.MethodPut, path: pathOf("alerts", id, "mute"), idempotent: true}.withJSON(struct {
		Reason string `json:"reason"`
		Days   int    `json:"days"`
	}{reason, days})
	if err != nil {
		return err
	}
	return c.json(ctx, k, nil)
}

// UnmuteAlert has mails written again about the cause of an alert (operator).
func (c *Client) UnmuteAlert(ctx context.Context, id string) error {
	return c.json(ctx, call{method: http.MethodDelete, path: pathOf("alerts", id, "mute")}, nil)
}
