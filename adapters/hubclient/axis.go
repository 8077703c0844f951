package hubclient

import (
	"context"
	"crypto/sha256"
	"io"
	"net/http"

	"github.com/lienthong/lienthong/hub"
)

// AxisStatus tells how the membership of the hub in another axis goes (operator,
// auditor).
func (c *Client) AxisStatus(ctx context.Context) (hub.AxisStatus, error) {
	var st hub.AxisStatus
	err := c.json(ctx, get(pathOf("axis"), nil), &st)
	return st, err
}

// AxisUnits lists the register of the axis (operator).
func (c *Client) AxisUnits(ctx context.Context) ([]hub.AxisUnit, error) {
	var answer struct {
		Items []hub.AxisUnit `json:"items"`
	}
	err := c.json(ctx, get(pathOf("axis", "agencies"), nil), &answer)
	return answer.Items, err
}

// AxisHeld lists packages of the axis that are not in the exchange (operator, auditor).
func (c *Client) AxisHeld(ctx context.Context, p hub.Page) (hub.List[hub.HeldPackage], error) {
	return list[hub.HeldPackage](ctx, c, pathOf("axis", "held"), nil, p)
}

// AxisPackage writes the bytes of a held package as they came (operator).
func (c *Client) AxisPackage(ctx context.Context, id string, w io.Writer) error {
	d := download{client: c, w: w, hash: sha256.New(), call: get(pathOf("axis", "held", id), nil)}
	return d.run(ctx)
}

// AxisRetry has a held package tried again in the next round (operator).
func (c *Client) AxisRetry(ctx context.Context, id string) (hub.HeldPackage, error) {
	var held hub.HeldPackage
	err := c.json(ctx, call{method: http.MethodPost, path: pathOf("axis", "held", id, "retry")}, &held)
	return held, err
}

// AxisGiveUp ends the waiting of a held package for good (operator).
func (c *Client) AxisGiveUp(ctx context.Context, id, reason string) error {
	k, err := call{method: http.MethodPost, path: pathOf("axis", "held", id, "give-up")}.withJSON(map[string]string{"reason": reason})
	if err != nil {
		return err
	}
	return c.json(ctx, k, nil)
}

// PassageWish asks for a system to pass through. Agencies are codes or ids.
type PassageWish struct {
	Endpoint string   `json:"endpoint"`
	Agencies []string `json:"agencies"`
	Secret   string   `json:"secret"`
}

// Passages lists the systems that pass through (operator, auditor).
func (c *Client) Passages(ctx context.Context) ([]hub.PassageStatus, error) {
	var answer struct {
		Items []hub.PassageStatus `json:"items"`
	}
	err := c.json(ctx, get(pathOf("axis", "pass-through"), nil), &answer)
	return answer.Items, err
}

// PassThrough has a system pass through to its axis (operator).
func (c *Client) PassThrough(ctx context.Context, system string, wish PassageWish) (hub.PassageStatus, error) {
	var st hub.PassageStatus
	k, err := call{method: http.MethodPut, path: pathOf("axis", "pass-through", system), idempotent: true}.withJSON(wish)
	if err != nil {
		return st, err
	}
	err = c.json(ctx, k, &st)
	return st, err
}

// MoveBack has a system move back to its axis (operator).
func (c *Client) MoveBack(ctx context.Context, system string) (hub.PassageStatus, error) {
	var st hub.PassageStatus
	err := c.json(ctx, call{method: http.MethodDelete, path: pathOf("axis", "pass-through", system), idempotent: true}, &st)
	return st, err
}
