package web

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/lienthong/lienthong/hub"
)

// Reports makes the reports of agencies on reform.
type Reports interface {
	ReportLists
	Make(ctx context.Context, actor hub.Actor, agency hub.AgencyID, period hub.Period, scope hub.ReportScope) (hub.ReformReport, error)
	Template(ctx context.Context, actor hub.Actor, agency hub.AgencyID) (hub.ReportTemplate, error)
	SetFile(ctx context.Context, actor hub.Actor, agency hub.AgencyID, name string, content []byte) (hub.ReportTemplate, error)
}

// ReportLists shows reports, and when they are due.
type ReportLists interface {
	List(ctx context.Context, actor hub.Actor, agency hub.AgencyID, page hub.Page) (hub.List[hub.ReformReport], error)
	Show(ctx context.Context, actor hub.Actor, agency hub.AgencyID, id hub.ReportID) (hub.ReformReport, error)
	File(ctx context.Context, actor hub.Actor, agency hub.AgencyID, id hub.ReportID, format hub.ReportFormat, to io.Writer) error
	Due(ctx context.Context, actor hub.Actor, agency hub.AgencyID) ([]hub.ReportDue, error)
}

type reportsPage struct {
	fields        map[string]string
	Scopes        []hub.ReportScope
	Due           []hub.ReportDue
	Rows          []hub.ReformReport
	Template      hub.ReportTemplate
	First, Follow string
	Done          bool
}

// Get returns what was typed into a field.
func (p *reportsPage) Get(field string) string { return p.fields[field] }

// reports shows what is due, what was made, and by which template.
func (x *exchange) reports() error {
	return x.showReports(http.StatusOK, map[string]string{"scope": string(hub.ReportOwn)}, nil)
}

func (x *exchange) showReports(status int, typed, problems map[string]string) error {
	ctx, actor, office := x.r.Context(), x.visit.Actor, x.office()
	p := reportsPage{fields: typed, Scopes: hub.ReportScopes(), Done: x.r.URL.Query().Get("done") != ""}
	var err error
	if p.Due, err = x.Reports.Due(ctx, actor, office); err != nil {
		return err
	}
	if p.Template, err = x.Reports.Template(ctx, actor, office); err != nil {
		return err
	}
	page := hub.Page{After: x.r.URL.Query().Get("after"), Limit: rows}
	found, err := x.Reports.List(ctx, actor, office, page)
	if err != nil {
		return err
	}
	p.Rows = found.Items
	if found.Next != "" {
		p.Follow = "/reports?" + query("after", found.Next)
	}
	if page.After != "" {
		p.First = "/reports"
	}
	return x.show(status, "reports", &p, problems)
}

// makeReport makes a report of the office.
func (x *exchange) makeReport() error {
	typed := x.typedOf("period", "scope")
	r, err := x.Reports.Make(x.r.Context(), x.visit.Actor, x.office(), hub.Period(typed["period"]), hub.ReportScope(typed["scope"]))
	switch {
	case err != nil && again(err):
		problems := map[string]string{}
		for _, v := range hub.ViolationsOf(err) {
			problems[v.Field] = x.reportWrong(v)
		}
		return x.showReports(statusOf(hub.KindOf(err)), typed, problems)
	case err != nil:
		return err
	}
	return x.redirect("/reports/" + url.PathEscape(string(r.ID)))
}

// reportWrong says what is wrong with an order or a template.
func (x *exchange) reportWrong(v *hub.Error) string {
	if key := "reform.wrong." + v.Rule; x.knows(key) {
		return x.texts.text(x.lang, key, shown(v.Values)...)
	}
	return x.explain(v)
}

type reportPage struct {
	hub.ReformReport
	Formats []hub.ReportFormat
}

// reformReport shows a report with its numbers, each open to what is behind it.
func (x *exchange) reformReport() error {
	r, err := x.Reports.Show(x.r.Context(), x.visit.Actor, x.office(), hub.ReportID(x.r.PathValue("report")))
	if err != nil {
		return err
	}
	return x.show(http.StatusOK, "report", &reportPage{r, hub.ReportFormats()}, nil)
}

// reportFile sends a report as a file, for saving.
func (x *exchange) reportFile() error {
	id, format := hub.ReportID(x.r.PathValue("report")), hub.ReportFormat(x.r.PathValue("format"))
	var file bytes.Buffer // all of it or a page that says why not
	if err := x.Reports.File(x.r.Context(), x.visit.Actor, x.office(), id, format, &file); err != nil {
		return err
	}
	h := x.w.Header()
	h.Set("Content-Type", map[hub.ReportFormat]string{
		hub.ReportDOCX: "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
		hub.ReportXLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", hub.ReportPDF: "application/pdf",
	}[format])
	h.Set("Content-Security-Policy", sandbox)
	h.Set("Content-Disposition", disposition("attachment", x.say("title.report")+"."+string(format)))
	_, _ = file.WriteTo(x.w) // the browser may have gone
	return nil
}

// maxTemplate is a little more than a document of a template may have.
const maxTemplate = 6 << 20

// setReportFile takes a document of a word processor into the template of the office; without
// one, the document goes.
func (x *exchange) setReportFile() error {
	form, err := x.multipart(maxTemplate + maxTyped)
	if err != nil {
		return hub.Invalid("file", "required", "choose a file")
	}
	if err := x.tokenFirst(form); err != nil {
		return err
	}
	name, content := "", []byte(nil)
	for {
		part, err := form.NextPart()
		if err != nil {
			break
		}
		if part.FormName() == "file" && part.FileName() != "" {
			if content, err = io.ReadAll(io.LimitReader(part, maxTemplate)); err != nil {
				return brokenForm(err)
			}
			name = part.FileName()
			break
		}
	}
	_, err = x.Reports.SetFile(x.r.Context(), x.visit.Actor, x.office(), name, content)
	switch {
	case err != nil && again(err):
		said := []string{}
		for _, v := range hub.ViolationsOf(err) {
			said = append(said, x.reportWrong(v))
		}
		return x.showReports(statusOf(hub.KindOf(err)), map[string]string{}, map[string]string{"file": strings.Join(said, " ")})
	case err != nil:
		return err
	}
	return x.redirect("/reports?done=1#template")
}

// Share is the value of a number as it is written; a dash where there is none.
func (v *view) Share(n *hub.ReportNumber) string {
	if n.Value == "" {
		return "–"
	}
	return v.Decimal(n.Value)
}
