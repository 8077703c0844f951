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
