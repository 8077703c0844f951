package hubclient

import (
	"bytes"
	"context"
	"io"
	"net/http"

	"github.com/lienthong/lienthong/hub"
)

// ReformReports lists a page of the reports of an agency (code or id, which may be empty when
// the credential speaks for one), those made last first.
func (c *Client) ReformReports(ctx context.Context, agency string, page hub.Page) (hub.List[hub.ReformReport], error) {
	return list[hub.ReformReport](ctx, c, pathOf("reform-reports"), ofAgency(agency), page)
}

// MakeReport makes a report and keeps it.
func (c *Client) MakeReport(ctx context.Context, agency string, period hub.Period, scope hub.ReportScope) (hub.ReformReport, error) {
	var report hub.ReformReport
	k, err := call{method: http.MethodPost, path: pathOf("reform-reports")}.withJSON(struct {
		Agency string          `json:"agency,omitempty"`
		Period hub.Period      `json:"period"`
		Scope  hub.ReportScope `json:"scope"`
	}{agency, period, scope})
	if err == nil {
		err = c.json(ctx, k, &report)
	}
	return report, err
}

// PreviewReport counts the numbers of a report and keeps nothing.
func (c *Client) PreviewReport(ctx context.Context, agency string, period hub.Period, scope hub.ReportScope) (hub.ReformReport, error) {
	query := ofAgency(agency)
	query.Set("period", string(period))
	query.Set("scope", string(scope))
	var report hub.ReformReport
	err := c.json(ctx, get(pathOf("reform-reports", "preview"), query), &report)
	return report, err
}

// ReformReport shows a report.
func (c *Client) ReformReport(ctx context.Context, agency string, id hub.ReportID) (hub.ReformReport, error) {
	var report hub.ReformReport
	err := c.json(ctx, get(pathOf("reform-reports", string(id)), ofAgency(agency)), &report)
	return report, err
}

// ReportFile downloads a report in a format.
func (c *Client) ReportFile(ctx context.Context, agency string, id hub.ReportID, format hub.ReportFormat, w io.Writer) error {
	query := ofAgency(agency)
	query.Set("format", string(format))
	return c.copy(ctx, get(pathOf("reform-reports", string(id), "file"), query), w)
}

// DueReports says how the reports stand that an agency owes by its schedule.
func (c *Client) DueReports(ctx context.Context, agency string) ([]hub.ReportDue, error) {
	due, err := list[hub.ReportDue](ctx, c, pathOf("reform-reports", "due"), ofAgency(agency), hub.Page{})
	return due.Items, err
}

// ReportTemplate is how an agency writes its reports.
func (c *Client) ReportTemplate(ctx context.Context, agency string) (hub.ReportTemplate, error) {
	var template hub.ReportTemplate
	err := c.json(ctx, get(pathOf("reform-reports", "template"), ofAgency(agency)), &template)
	return template, err
}

// SetReportTemplate puts a new version of what a template says into force.
func (c *Client) SetReportTemplate(ctx context.Context, agency string, t hub.ReportTemplate) (hub.ReportTemplate, error) {
	var now hub.ReportTemplate
	k, err := call{method: http.MethodPut, path: pathOf("reform-reports", "template")}.withJSON(struct {
		Agency string            `json:"agency,omitempty"`
		Left   []string          `json:"left,omitempty"`
		Right  []string          `json:"right,omitempty"`
		Title  string            `json:"title"`
		Blocks []hub.ReportBlock `json:"blocks"`
		Signed []string          `json:"signed,omitempty"`
	}{agency, t.Left, t.Right, t.Title, t.Blocks, t.Signed})
	if err == nil {
		err = c.json(ctx, k, &now)
	}
	return now, err
}

// SetReportFile puts a document of a word processor into the template of an agency; without
// content, the document goes.
func (c *Client) SetReportFile(ctx context.Context, agency, name string, content []byte) (hub.ReportTemplate, error) {
	query := ofAgency(agency)
	k := call{method: http.MethodDelete, path: pathOf("reform-reports", "template", "file"), query: query}
	if len(content) > 0 {
		query.Set("name", name)
		k.method, k.size = http.MethodPut, int64(len(content))
		k.body = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil }
		k = k.with("Content-Type", "application/octet-stream")
	}
	var now hub.ReportTemplate
	err := c.json(ctx, k, &now)
	return now, err
}

// ReportSchedule says when reports of an agency are due.
func (c *Client) ReportSchedule(ctx context.Context, agency string) (hub.ReportSchedule, error) {
	var schedule hub.ReportSchedule
	err := c.json(ctx, get(pathOf("reform-reports", "schedule"), ofAgency(agency)), &schedule)
	return schedule, err
}

// SetReportSchedule says when reports of an agency are due: the terms given are all that
// there are.
func (c *Client) SetReportSchedule(ctx context.Context, agency string, terms []hub.ReportTerm) (hub.ReportSchedule, error) {
	var now hub.ReportSchedule
	k, err := call{method: http.MethodPut, path: pathOf("reform-reports", "schedule")}.withJSON(struct {
		Agency string           `json:"agency,omitempty"`
		Terms  []hub.ReportTerm `json:"terms"`
	}{agency, terms})
	if err == nil {
		err = c.json(ctx, k, &now)
	}
	return now, err
}
