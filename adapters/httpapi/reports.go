package httpapi

import (
	"bytes"
	"context"
	"io"
	"net/http"

	"github.com/lienthong/lienthong/hub"
)

// Reports makes the reports of agencies on reform.
type Reports interface {
	ReportLists
	ReportTemplates
	Make(ctx context.Context, actor hub.Actor, agency hub.AgencyID, period hub.Period, scope hub.ReportScope) (hub.ReformReport, error)
	Preview(ctx context.Context, actor hub.Actor, agency hub.AgencyID, period hub.Period, scope hub.ReportScope) (hub.ReformReport, error)
}

// ReportLists shows reports, and when they are due.
type ReportLists interface {
	List(ctx context.Context, actor hub.Actor, agency hub.AgencyID, page hub.Page) (hub.List[hub.ReformReport], error)
	Show(ctx context.Context, actor hub.Actor, agency hub.AgencyID, id hub.ReportID) (hub.ReformReport, error)
	File(ctx context.Context, actor hub.Actor, agency hub.AgencyID, id hub.ReportID, format hub.ReportFormat, to io.Writer) error
	Due(ctx context.Context, actor hub.Actor, agency hub.AgencyID) ([]hub.ReportDue, error)
}

// ReportTemplates keeps how reports are written, and when.
type ReportTemplates interface {
	Template(ctx context.Context, actor hub.Actor, agency hub.AgencyID) (hub.ReportTemplate, error)
	SetTemplate(ctx context.Context, actor hub.Actor, template hub.ReportTemplate) (hub.ReportTemplate, error)
	SetFile(ctx context.Context, actor hub.Actor, agency hub.AgencyID, name string, content []byte) (hub.ReportTemplate, error)
	Schedule(ctx context.Context, actor hub.Actor, agency hub.AgencyID) (hub.ReportSchedule, error)
	SetSchedule(ctx context.Context, actor hub.Actor, agency hub.AgencyID, terms []hub.ReportTerm) (hub.ReportSchedule, error)
}

// templateLimit is a little more than a document of a template may have.
func templateLimit(*Limits) int64 { return 6 << 20 }

const (
	docxType = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
	xlsxType = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
)

func reportRoutes() []route {
	figures := []hub.Scope{hub.ScopeFigures}
	return []route{
		{method: http.MethodGet, pattern: "/v1/reform-reports", scopes: figures, handle: (*api).reformReports},
		{method: http.MethodPost, pattern: "/v1/reform-reports", scopes: figures, limit: jsonLimit, handle: (*api).makeReport},
		{method: http.MethodGet, pattern: "/v1/reform-reports/preview", scopes: figures, handle: (*api).previewReport},
		{method: http.MethodGet, pattern: "/v1/reform-reports/due", scopes: figures, handle: (*api).dueReports},
		{method: http.MethodGet, pattern: "/v1/reform-reports/template", scopes: figures, handle: (*api).reportTemplate},
		{method: http.MethodPut, pattern: "/v1/reform-reports/template", scopes: figures, limit: jsonLimit, handle: (*api).setReportTemplate},
		{method: http.MethodPut, pattern: "/v1/reform-reports/template/file", scopes: figures, limit: templateLimit, handle: (*api).setReportFile},
		{method: http.MethodDelete, pattern: "/v1/reform-reports/template/file", scopes: figures, handle: (*api).dropReportFile},
		{method: http.MethodGet, pattern: "/v1/reform-reports/schedule", scopes: figures, handle: (*api).reportSchedule},
		{method: http.MethodPut, pattern: "/v1/reform-reports/schedule", scopes: figures, limit: jsonLimit, handle: (*api).setReportSchedule},
		{method: http.MethodGet, pattern: "/v1/reform-reports/{report}", scopes: figures, handle: (*api).reformReport},
		{method: http.MethodGet, pattern: "/v1/reform-reports/{report}/file", scopes: figures, handle: (*api).reportFile},
	}
}

func (a *api) reformReports(x *exchange) error {
	q := x.query()
	page := q.page()
	agency, err := a.agencyIn(x, q)
	if err != nil {
		return err
	}
	list, err := a.Reports.List(x.r.Context(), x.actor, agency, page)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, listed(list))
}

func (a *api) makeReport(x *exchange) error {
	var wish struct {
		Agency string          `json:"agency"`
		Period hub.Period      `json:"period"`
		Scope  hub.ReportScope `json:"scope"`
	}
	if err := x.read(&wish); err != nil {
		return err
	}
	agency, err := a.agencyOf(x.actor, wish.Agency)
	if err != nil {
		return err
	}
	report, err := a.Reports.Make(x.r.Context(), x.actor, agency, wish.Period, wish.Scope)
	if err != nil {
		return err
	}
	return x.json(http.StatusCreated, report)
}

func (a *api) previewReport(x *exchange) error {
	q := x.query()
	period, scope := hub.Period(q.text("period")), hub.ReportScope(q.text("scope"))
	agency, err := a.agencyIn(x, q)
	if err != nil {
		return err
	}
	report, err := a.Reports.Preview(x.r.Context(), x.actor, agency, period, scope)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, report)
}

func (a *api) dueReports(x *exchange) error {
	agency, err := a.agencyAsked(x)
	if err != nil {
		return err
	}
	due, err := a.Reports.Due(x.r.Context(), x.actor, agency)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, listed(hub.List[hub.ReportDue]{Items: due}))
}

func (a *api) reformReport(x *exchange) error {
	agency, err := a.agencyAsked(x)
	if err != nil {
		return err
	}
	report, err := a.Reports.Show(x.r.Context(), x.actor, agency, hub.ReportID(x.param("report")))
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, report)
}

func (a *api) reportFile(x *exchange) error {
	q := x.query()
	format := hub.ReportFormat(q.text("format"))
	agency, err := a.agencyIn(x, q)
	if err != nil {
		return err
	}
	id := hub.ReportID(x.param("report"))
	var file bytes.Buffer
	if err := a.Reports.File(x.r.Context(), x.actor, agency, id, format, &file); err != nil {
		return err
	}
	kind := map[hub.ReportFormat]string{hub.ReportDOCX: docxType, hub.ReportXLSX: xlsxType, hub.ReportPDF: "application/pdf"}[format]
	x.w.Header().Set("Content-Disposition", `attachment; filename="report.`+string(format)+`"`)
	return x.text(http.StatusOK, kind, file.Bytes())
}

func (a *api) reportTemplate(x *exchange) error {
	agency, err := a.agencyAsked(x)
	if err != nil {
		return err
	}
	template, err := a.Reports.Template(x.r.Context(), x.actor, agency)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, template)
}

func (a *api) setReportTemplate(x *exchange) error {
	var wish struct {
		Agency string            `json:"agency"`
		Left   []string          `json:"left"`
		Right  []string          `json:"right"`
		Title  string            `json:"title"`
		Blocks []hub.ReportBlock `json:"blocks"`
		Signed []string          `json:"signed"`
	}
	if err := x.read(&wish); err != nil {
		return err
	}
	agency, err := a.agencyOf(x.actor, wish.Agency)
	if err != nil {
		return err
	}
	template, err := a.Reports.SetTemplate(x.r.Context(), x.actor, hub.ReportTemplate{
		Agency: agency, Left: wish.Left, Right: wish.Right, Title: wish.Title, Blocks: wish.Blocks, Signed: wish.Signed,
	})
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, template)
}

// setReportFile takes the document of the body into a template.
func (a *api) setReportFile(x *exchange) error {
	q := x.query()
	name := q.text("name")
	agency, err := a.agencyIn(x, q)
	if err != nil {
		return err
	}
	if err := x.plain(); err != nil {
		return err
	}
	if _, err := fileType(x.r.Header.Get("Content-Type")); err != nil {
		return err
	}
	content, err := io.ReadAll(x.r.Body) // within the limit of the route
	if err == nil && len(content) == 0 {
		err = hub.Invalid("", "required", "the body is empty: it is the document of the template")
	}
	if err != nil {
		return err
	}
	template, err := a.Reports.SetFile(x.r.Context(), x.actor, agency, name, content)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, template)
}

func (a *api) dropReportFile(x *exchange) error {
	agency, err := a.agencyAsked(x)
	if err != nil {
		return err
	}
	template, err := a.Reports.SetFile(x.r.Context(), x.actor, agency, "", nil)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, template)
}

func (a *api) reportSchedule(x *exchange) error {
	agency, err := a.agencyAsked(x)
	if err != nil {
		return err
	}
	schedule, err := a.Reports.Schedule(x.r.Context(), x.actor, agency)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, schedule)
}

func (a *api) setReportSchedule(x *exchange) error {
	var wish struct {
		Agency string           `json:"agency"`
		Terms  []hub.ReportTerm `json:"terms"`
	}
	if err := x.read(&wish); err != nil {
		return err
	}
	agency, err := a.agencyOf(x.actor, wish.Agency)
	if err != nil {
		return err
	}
	schedule, err := a.Reports.SetSchedule(x.r.Context(), x.actor, agency, wish.Terms)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, schedule)
}
