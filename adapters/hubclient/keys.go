package hubclient

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// NewKey describes a key to be issued. Agencies are codes or ids.
type NewKey struct {
	Name     string        `json:"name"`
	Kind     hub.ActorKind `json:"kind"`
	Agencies []string      `json:"agencies"`
	Scopes   []hub.Scope   `json:"scopes"`
	Expires  time.Time     `json:"expires,omitzero"`
	System   string        `json:"system,omitempty"` // of a system that signs its requests
	Client   string        `json:"client,omitempty"` // of a client that gets access tokens
}

// IssuedKey is a new key with its secret, which the hub shows this once.
type IssuedKey struct {
	Key    hub.APIKey `json:"key"`
	Secret string     `json:"secret"`
}

// IssueKey issues a key. It is not repeated after a failure: a second key would
// be issued whose secret nobody has seen.
func (c *Client) IssueKey(ctx context.Context, key NewKey) (IssuedKey, error) {
	k, err := call{method: http.MethodPost, path: pathOf("keys")}.withJSON(key)
	if err != nil {
		return IssuedKey{}, err
	}
	var issued IssuedKey
	err = c.json(ctx, k, &issued)
	return issued, err
}

// Keys lists all keys, revoked ones included.
func (c *Client) Keys(ctx context.Context) ([]hub.APIKey, error) {
	l, err := list[hub.APIKey](ctx, c, pathOf("keys"), nil, hub.Page{})
	return l.Items, err
}

// RevokeKey ends a key; it opens nothing from then on.
func (c *Client) RevokeKey(ctx context.Context, id string) error {
	return c.json(ctx, call{method: http.MethodDelete, path: pathOf("keys", id), idempotent: true}, nil)
}

// EndKey has a key end at an instant.
func (c *Client) EndKey(ctx context.Context, id string, at time.Time) error {
	query := url.Values{"at": {at.UTC().Format(time.RFC3339)}}
	return c.json(ctx, call{method: http.MethodDelete, path: pathOf("keys", id), query: query, idempotent: true}, nil)
}
