package hubclient

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"github.com/lienthong/lienthong/hub"
)

// Calendar returns the days off and the swapped days that the hub knows of a year, or of
// all years with 0.
func (c *Client) Calendar(ctx context.Context, year int) ([]hub.CalendarYear, error) {
	query := url.Values{}
	if year != 0 {
		query.Set("year", strconv.Itoa(year))
	}
	l, err := list[hub.CalendarYear](ctx, c, pathOf("calendar"), query, hub.Page{})
	return l.Items, err
}

// ImportCalendar puts a new version of every year into force that the days are of; a dry
// run only tells what would change (operator).
func (c *Client) ImportCalendar(ctx context.Context, source string, days []hub.CalendarDay, dryRun bool) (hub.CalendarImport, error) {
	var report hub.CalendarImport
	k, err := call{method: http.MethodPost, path: pathOf("calendar"), idempotent: true}.withJSON(struct {
		Source string            `json:"source"`
		Days   []hub.CalendarDay `json:"days"`
		DryRun bool              `json:"dry_run,omitempty"`
	}{source, days, dryRun})
	if err == nil {
		err = c.json(ctx, k, &report)
	}
	return report, err
}
