package hubclient

import (
	"context"
	"net/http"
	"net/url"

	"github.com/lienthong/lienthong/hub"
)

// ListWish is a distribution list to keep. Agency is a code or an id, empty when the
// credential speaks for one.
type ListWish struct {
	Agency     string   `json:"agency,omitempty"`
	Name       string   `json:"name"`
	Recipients []string `json:"recipients"`
}

// Lists returns the distribution lists of an agency, by name.
func (c *Client) Lists(ctx context.Context, agency string) ([]hub.DistributionList, error) {
	l, err := list[hub.DistributionList](ctx, c, pathOf("lists"), ofAgency(agency), hub.Page{})
	return l.Items, err
}

// SaveList keeps a list under its name. The same again changes nothing.
func (c *Client) SaveList(ctx context.Context, wish ListWish) (hub.DistributionList, error) {
	k, err := call{method: http.MethodPut, path: pathOf("lists"), idempotent: true}.withJSON(wish)
	if err != nil {
		return hub.DistributionList{}, err
	}
	var saved hub.DistributionList
	err = c.json(ctx, k, &saved)
	return saved, err
}

// RemoveList ends a list.
func (c *Client) RemoveList(ctx context.Context, agency, name string) error {
	query := url.Values{"name": {name}}
	setNonEmpty(query, "agency", agency)
	return c.json(ctx, call{method: http.MethodDelete, path: pathOf("lists"), query: query}, nil)
}
