package hubclient

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Procedures lists a page of the procedures that are in force at an instant, now for the
// zero time, by code.
func (c *Client) Procedures(ctx context.Context, text, agency string, at time.Time, page hub.Page) (hub.List[hub.ProcedureVersion], error) {
	query := url.Values{}
	setNonEmpty(query, "q", text)
	setNonEmpty(query, "agency", agency)
	if !at.IsZero() {
		query.Set("at", at.UTC().Format(time.RFC3339))
	}
	return list[hub.ProcedureVersion](ctx, c, pathOf("procedures"), query, page)
}

// ProcedureVersions are all versions of a procedure, the first one first.
func (c *Client) ProcedureVersions(ctx context.Context, code string) ([]hub.ProcedureVersion, error) {
	var answer struct {
		Items []hub.ProcedureVersion `json:"items"`
	}
	err := c.json(ctx, get(pathOf("procedures", code), nil), &answer)
	return answer.Items, err
}

// ProcedureChanges are the changes behind a number, in their order, and the number of the
// last of them.
func (c *Client) ProcedureChanges(ctx context.Context, after int64, limit int) ([]hub.ProcedureChange, int64, error) {
	query := url.Values{"after": {strconv.FormatInt(after, 10)}, "limit": {strconv.Itoa(limit)}}
	var answer struct {
		Items []hub.ProcedureChange `json:"items"`
		Last  int64                 `json:"last"`
	}
	err := c.json(ctx, get(pathOf("procedures", "changes"), query), &answer)
	return answer.Items, answer.Last, err
}

// ImportProcedures imports a list of procedures by a decision, or tells what it would do.
// A reader cannot be read twice, so it is not repeated after a failure.
func (c *Client) ImportProcedures(ctx context.Context, wish hub.ProcedureWish, list io.Reader) (hub.ProcedureImport, error) {
	query := url.Values{"decision": {string(wish.Decision)}, "dry_run": {strconv.FormatBool(wish.DryRun)}}
	setNonEmpty(query, "from", string(hub.MinuteOf(wish.From)))
	for theirs, ours := range wish.Columns {
		query.Add("column", theirs+"="+ours)
	}
	k := call{
		method: http.MethodPost, path: pathOf("procedures", "import"), query: query,
		body: func() (io.ReadCloser, error) { return io.NopCloser(list), nil },
		size: -1,
	}
	var report hub.ProcedureImport
	err := c.json(ctx, k, &report)
	return report, err
}

// AbolishProcedures ends procedures by a decision, or tells what it would do. The same
// again changes nothing where the minute is given.
func (c *Client) AbolishProcedures(ctx context.Context, wish hub.ProcedureWish, codes ...string) (hub.ProcedureImport, error) {
	var report hub.ProcedureImport
	k, err := call{method: http.MethodPost, path: pathOf("procedures", "abolitions"), idempotent: !wish.From.IsZero()}.withJSON(struct {
		Decision hub.DispatchID      `json:"decision"`
		Codes    []string            `json:"codes"`
		From     hub.ProcedureMinute `json:"from,omitempty"`
		DryRun   bool                `json:"dry_run,omitempty"`
	}{wish.Decision, codes, hub.MinuteOf(wish.From), wish.DryRun})
	if err == nil {
		err = c.json(ctx, k, &report)
	}
	return report, err
}
