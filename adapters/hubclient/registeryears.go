package hubclient

import (
	"context"
	"net/http"

	"github.com/lienthong/lienthong/hub"
)

// ClosedYears lists the years whose registers an agency has closed, the newest first.
func (c *Client) ClosedYears(ctx context.Context, agency string) ([]hub.RegisterYear, error) {
	l, err := list[hub.RegisterYear](ctx, c, pathOf("register-years"), ofAgency(agency), hub.Page{})
	return l.Items, err
}

// CloseYear closes the registers of a year for good (administrator of the agency). The same
// again changes nothing.
func (c *Client) CloseYear(ctx context.Context, agency string, year int) (hub.RegisterYear, error) {
	var closed hub.RegisterYear
	k, err := call{method: http.MethodPost, path: pathOf("register-years"), idempotent: true}.withJSON(struct {
		Agency string `json:"agency,omitempty"`
		Year   int    `json:"year"`
	}{agency, year})
	if err == nil {
		err = c.json(ctx, k, &closed)
	}
	return closed, err
}
