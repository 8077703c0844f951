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

// Version tells which software a hub runs.
type Version struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	API     string `json:"api"`
}

// Me tells who the hub takes the credential for.
type Me struct {
	Name     string        `json:"name"`
	Kind     hub.ActorKind `json:"kind"`
	Agencies []MyAgency    `json:"agencies"`
	Receives []MyAgency    `json:"receives_for"` // in whose place it may receive now
	Scopes   []hub.Scope   `json:"scopes"`
}

// MyAgency is an agency that the credential speaks for.
type MyAgency struct {
	ID   hub.AgencyID `json:"id"`
	Code hub.Code     `json:"code"` // primary code now
	Name string       `json:"name"`
}

// Resolution is what a code means: see hub.Resolution.
type Resolution struct {
	Agency hub.Agency `json:"agency"`
	Code   hub.Code   `json:"code"`
	Note   string     `json:"note"`
}

// Health returns nil when the hub answers that it serves.
func (c *Client) Health(ctx context.Context) error {
	return c.json(ctx, get("/healthz", nil), nil)
}

// Version asks which software the hub runs.
func (c *Client) Version(ctx context.Context) (Version, error) {
	var v Version
	err := c.json(ctx, get(pathOf("version"), nil), &v)
	return v, err
}

// Specification writes the OpenAPI description that the hub serves.
func (c *Client) Specification(ctx context.Context, w io.Writer) error {
	return c.copy(ctx, get(pathOf("openapi.yaml"), nil), w)
}

// Me asks who the credential belongs to.
func (c *Client) Me(ctx context.Context) (Me, error) {
	var m Me
	err := c.json(ctx, get(pathOf("me"), nil), &m)
	return m, err
}

// AgencyQuery looks up agencies by folded name or code; empty Text lists all.
// A zero At means now.
type AgencyQuery struct {
	Text string
	At   time.Time
	Page hub.Page
}

// Agencies searches the directory.
func (c *Client) Agencies(ctx context.Context, q AgencyQuery) (hub.List[hub.Agency], error) {
	query := atQuery(q.At)
	setNonEmpty(query, "q", q.Text)
	return list[hub.Agency](ctx, c, pathOf("agencies"), query, q.Page)
}

// Agency resolves a code or an id; a zero at means now.
func (c *Client) Agency(ctx context.Context, code string, at time.Time) (Resolution, error) {
	var r Resolution
	err := c.json(ctx, get(pathOf("agencies", code), atQuery(at)), &r)
	return r, err
}

// Children lists the agencies directly below one; a zero at means now.
func (c *Client) Children(ctx context.Context, code string, at time.Time) ([]hub.Agency, error) {
	l, err := list[hub.Agency](ctx, c, pathOf("agencies", code, "children"), atQuery(at), hub.Page{})
	return l.Items, err
}

func atQuery(at time.Time) url.Values {
	query := url.Values{}
	if !at.IsZero() {
		query.Set("at", at.UTC().Format(time.RFC3339Nano))
	}
	return query
}

// ImportAgencies imports a CSV file, or tells what it would do (dryRun): see ImportList.
func (c *Client) ImportAgencies(ctx context.Context, csv io.Reader, dryRun bool) (hub.ImportReport, error) {
	return c.ImportList(ctx, csv, hub.ImportOptions{DryRun: dryRun})
}

// ImportList imports a list of agencies, or tells what it would do. The same
// file again changes nothing, but a reader cannot be read twice, so it is not
// repeated after a failure.
func (c *Client) ImportList(ctx context.Context, list io.Reader, o hub.ImportOptions) (hub.ImportReport, error) {
	query := url.Values{"dry_run": {strconv.FormatBool(o.DryRun)}}
	if !o.From.IsZero() {
		query.Set("from", o.From.In(hub.Vietnam()).Format(time.DateOnly))
	}
	setNonEmpty(query, "basis", o.Basis)
	setNonEmpty(query, "since", o.Since)
	if o.Follow {
		query.Set("follow", "true")
	}
	k := call{
		method: http.MethodPost, path: pathOf("agencies", "import"), query: query,
		body: func() (io.ReadCloser, error) { return io.NopCloser(list), nil },
		size: -1,
	}
	contentType := "text/csv; charset=utf-8"
	if o.Format == hub.ListJSON {
		contentType = "application/json"
	}
	var report hub.ImportReport
	err := c.json(ctx, k.with("Content-Type", contentType), &report)
	return report, err
}

// ExportAgencies writes the directory as CSV; a zero at means now.
func (c *Client) ExportAgencies(ctx context.Context, w io.Writer, at time.Time) error {
	return c.copy(ctx, get(pathOf("agencies.csv"), atQuery(at)), w)
}

// Directory writes the directory as CSV as it is now, and returns its position: a list that is
// made from it and imported with that (hub.ImportOptions.Since) changes nothing where somebody
// else changed the directory meanwhile.
func (c *Client) Directory(ctx context.Context, w io.Writer) (position string, err error) {
	resp, err := c.open(ctx, get(pathOf("agencies.csv"), nil))
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	_, err = io.Copy(w, resp.Body)
	return resp.Header.Get("Directory-Position"), err
}

// ExportHistory writes the directory as JSON with all that agencies ever were.
func (c *Client) ExportHistory(ctx context.Context, w io.Writer) error {
	return c.copy(ctx, get(pathOf("agencies.json"), nil), w)
}

// Reorganise has agencies renamed, merged, split, moved or abolished, or tells what that
// would change. The same act again is refused, so it is not repeated after a failure.
func (c *Client) Reorganise(ctx context.Context, change hub.AgencyChange, dryRun bool) (hub.ImportReport, error) {
	k, err := call{method: http.MethodPost, path: pathOf("agencies", "acts"), query: url.Values{"dry_run": {strconv.FormatBool(dryRun)}}}.withJSON(change)
	if err != nil {
		return hub.ImportReport{}, err
	}
	var report hub.ImportReport
	err = c.json(ctx, k, &report)
	return report, err
}

// AgencyActs lists the acts by which agencies changed, oldest day first.
func (c *Client) AgencyActs(ctx context.Context, page hub.Page) (hub.List[hub.Reorganisation], error) {
	return list[hub.Reorganisation](ctx, c, pathOf("agencies", "acts"), url.Values{}, page)
}

// AgencyChanges returns all agencies that changed behind a position (empty: all), each
// once and as it is, and the position from which to ask the next time.
func (c *Client) AgencyChanges(ctx context.Context, since string) (hub.AgencyChanges, error) {
	all := hub.AgencyChanges{Position: since, More: true}
	place := map[hub.AgencyID]int{}
	for all.More {
		query := url.Values{}
		setNonEmpty(query, "since", all.Position)
		var page hub.AgencyChanges
		if err := c.json(ctx, get(pathOf("agencies", "changes"), query), &page); err != nil {
			return all, err
		}
		for i := range page.Items {
			at, again := place[page.Items[i].ID] // it changed while this was read
			if !again {
				at, all.Items = len(all.Items), append(all.Items, hub.Agency{})
				place[page.Items[i].ID] = at
			}
			all.Items[at] = page.Items[i]
		}
		all.Position, all.More = page.Position, page.More
	}
	return all, nil
}

// AgencyHistory tells what an agency was, who came before and who after it.
func (c *Client) AgencyHistory(ctx context.Context, code string) (hub.AgencyHistory, error) {
	var h hub.AgencyHistory
	err := c.json(ctx, get(pathOf("agencies", code, "history"), nil), &h)
	return h, err
}

// copy writes the body of an answer to w. It is not repeated: w may have bytes.
func (c *Client) copy(ctx context.Context, k call, w io.Writer) error {
	resp, err := c.open(ctx, k)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.Copy(w, resp.Body)
	return err
}
