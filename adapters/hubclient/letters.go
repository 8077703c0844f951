package hubclient

import (
	"context"
	"net/http"

	"github.com/lienthong/lienthong/hub"
)

// DeadLetters lists messages that the broker between the nodes gave up (operator).
func (c *Client) DeadLetters(ctx context.Context, limit int) ([]hub.DeadLetter, error) {
	l, err := list[hub.DeadLetter](ctx, c, pathOf("dead-letters"), nil, hub.Page{Limit: limit})
	return l.Items, err
}

// ReplayDeadLetters puts dead letters back to work, all of them without ids, and returns
// how many.
func (c *Client) ReplayDeadLetters(ctx context.Context, ids ...string) (int, error) {
	return c.letters(ctx, "replay", ids)
}

// DiscardDeadLetters removes dead letters, all of them without ids, and returns how many.
func (c *Client) DiscardDeadLetters(ctx context.Context, ids ...string) (int, error) {
	return c.letters(ctx, "discard", ids)
}

func (c *Client) letters(ctx context.Context, act string, ids []string) (int, error) {
	k, err := call{method: http.MethodPost, path: pathOf("dead-letters", act)}.withJSON(struct {
		IDs []string `json:"ids,omitempty"`
		All bool     `json:"all,omitempty"`
	}{ids, len(ids) == 0})
	if err != nil {
		return 0, err
	}
	var answer struct {
		Count int `json:"count"`
	}
	err = c.json(ctx, k, &answer)
	return answer.Count, err
}

// GrantQueue gives an agency a queue of its own in the broker, or its user a new password,
// which is shown this once (operator).
func (c *Client) GrantQueue(ctx context.Context, code string) (hub.Credential, error) {
	var given hub.Credential
	err := c.json(ctx, call{method: http.MethodPost, path: pathOf("agencies", code, "queue")}, &given)
	return given, err
}

// RevokeQueue takes the queue of an agency and its user away (operator).
func (c *Client) RevokeQueue(ctx context.Context, code string) error {
	return c.json(ctx, call{method: http.MethodDelete, path: pathOf("agencies", code, "queue"), idempotent: true}, nil)
}
