package hubclient

import (
	"context"
	"crypto/sha256"
	"io"
	"net/url"

	"github.com/lienthong/lienthong/hub"
)

// Bundle downloads an evidence bundle to w. In the moment before the log has published
// the last receipt the call is repeated, as always when the hub says that it will work
// later. A download that breaks off is an error: the hub makes every bundle anew.
func (c *Client) Bundle(ctx context.Context, order hub.BundleOrder, w io.Writer, progress Progress) error {
	query := url.Values{}
	if order.Delivery != "" {
		query.Set("delivery", string(order.Delivery))
	}
	if order.Content {
		query.Set("content", "true")
	}
	if order.XML {
		query.Set("xml", "true")
	}
	d := download{
		client: c, w: w, hash: sha256.New(), progress: progress,
		call: get(pathOf("dispatches", string(order.Dispatch), "bundle"), query),
	}
	return d.run(ctx)
}
