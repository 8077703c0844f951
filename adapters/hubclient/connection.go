package hubclient

import (
	"context"
	"io"
	"net/http"

	"github.com/lienthong/lienthong/adapters/internal/hoptrace"
	"github.com/lienthong/lienthong/hub"
)

// TestConnection has the hub test how an agency is connected; the code or id may be empty
// where the key speaks for one agency. It is not repeated after a failure: the first may
// be under way.
func (c *Client) TestConnection(ctx context.Context, agency string) (hub.ConnectionTest, error) {
	var test hub.ConnectionTest
	wish := map[string]string{}
	if agency != "" {
		wish["agency"] = agency
	}
	k, err := call{method: http.MethodPost, path: pathOf("connection-tests")}.withJSON(wish)
	if err == nil {
		err = c.json(ctx, k, &test)
	}
	return test, err
}

// Walk calls the hub once, without a key and without repeating anything, and tells of each
// hop on the way to it.
func (c *Client) Walk(ctx context.Context, hops *hub.Hops) {
	order := hoptrace.Order(c.base.Scheme == "https")
	r, err := http.NewRequestWithContext(hoptrace.With(ctx, hops), http.MethodGet, c.base.String()+pathOf("version"), nil)
	if err != nil {
		hops.FailNext(hub.Invalid("url", "url", "%v", err), order...)
		return
	}
	r.Header.Set("User-Agent", c.agent)
	response, err := c.http.Do(r)
	if err != nil {
		hops.FailNext(&hub.Error{Kind: hub.KindUnavailable, Rule: "unreachable", Message: err.Error(), Err: err}, order...)
		return
	}
	defer response.Body.Close()
	_, _ = io.CopyN(io.Discard, response.Body, 64<<10) // so that the connection can be used again
	if response.StatusCode != http.StatusOK {
		hops.FailNext(hub.Errorf(hub.KindUnavailable, "", "hub_status", "the hub answers %d", response.StatusCode), order...)
		return
	}
	hops.Pass(hub.HopAnswer, "")
}
