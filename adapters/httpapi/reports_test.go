package httpapi

import (
	"context"
	"io"

	"github.com/lienthong/lienthong/hub"
)

type fakeReports struct{ *fakeHub }

func (f fakeReports) report(agency hub.AgencyID) hub.ReformReport {
	return hub.ReformReport{
		ID: "r1", Agency: agency, Name: "UBND", Period: "2026-Q1", Scope: hub.ReportTree, Template: 1, MadeAt: testTime, By: "an", Units: 3, Digest: hub.Digest{1},
		Numbers: []hub.ReportNumber{
			{Key: "documents.sent", Value: "12", Source: "/v1/figures?agency=a1", Opens: "/v1/figures/documents?agency=a1", Page: "/figures?agency=a1"},
			{Key: "evaluation.score", Why: hub.GapNotScored},
		},
	}
}

func (f fakeReports) Make(_ context.Context, actor hub.Actor, agency hub.AgencyID, _ hub.Period, _ hub.ReportScope) (hub.ReformReport, error) {
	if err := actor.SpeaksFor(agency, hub.ScopeFigures); err != nil {
		return hub.ReformReport{}, err
	}
	return f.report(agency), f.err
}

func (f fakeReports) Preview(ctx context.Context, actor hub.Actor, agency hub.AgencyID, period hub.Period, scope hub.ReportScope) (hub.ReformReport, error) {
	r, err := f.Make(ctx, actor, agency, period, scope)
	r.ID, r.Digest = "", hub.Digest{}
	return r, err
}

func (f fakeReports) List(_ context.Context, actor hub.Actor, agency hub.AgencyID, _ hub.Page) (hub.List[hub.ReformReport], error) {
	if err := actor.SpeaksFor(agency, hub.ScopeFigures); err != nil {
		return hub.List[hub.ReformReport]{}, err
	}
	return hub.List[hub.ReformReport]{Items: []hub.ReformReport{f.report(agency)}}, f.err
}

func (f fakeReports) Show(_ context.Context, _ hub.Actor, agency hub.AgencyID, _ hub.ReportID) (hub.ReformReport, error) {
	return f.report(agency), f.err
}

func (f fakeReports) File(_ context.Context, _ hub.Actor, _ hub.AgencyID, _ hub.ReportID, format hub.ReportFormat, to io.Writer) error {
	_, _ = io.WriteString(to, string(format))
	return f.err
}

func (f fakeReports) Due(context.Context, hub.Actor, hub.AgencyID) ([]hub.ReportDue, error) {
	return []hub.ReportDue{{Every: hub.EveryQuarter, Scope: hub.ReportTree, Period: "2026-Q1", Due: "2026-04-07", Timeliness: hub.InTime, Report: "r1", MadeAt: testTime}}, f.err
}

func (f fakeReports) template(agency hub.AgencyID) hub.ReportTemplate {
	return hub.ReportTemplate{
		Agency: agency, Version: 1, Left: []string{"{agency}"}, Title: "Báo cáo", Blocks: []hub.ReportBlock{{Heading: "I", Rows: []hub.ReportRow{{Label: "Gửi", Key: "documents.sent"}}}},
		File: &hub.ReportFile{Name: "mau.docx", Size: 4, Keys: []hub.ReportKey{"documents.sent"}}, SetBy: "an", SetAt: testTime,
	}
}

func (f fakeReports) Template(_ context.Context, _ hub.Actor, agency hub.AgencyID) (hub.ReportTemplate, error) {
	return f.template(agency), f.err
}

func (f fakeReports) SetTemplate(_ context.Context, actor hub.Actor, t hub.ReportTemplate) (hub.ReportTemplate, error) {
	if err := actor.SpeaksFor(t.Agency, hub.ScopeFigures); err != nil {
		return hub.ReportTemplate{}, err
	}
	return f.template(t.Agency), f.err
}

func (f fakeReports) SetFile(_ context.Context, _ hub.Actor, agency hub.AgencyID, _ string, content []byte) (hub.ReportTemplate, error) {
	t := f.template(agency)
	if content == nil {
		t.File = nil
	}
	return t, f.err
}

func (f fakeReports) Schedule(_ context.Context, _ hub.Actor, agency hub.AgencyID) (hub.ReportSchedule, error) {
	return hub.ReportSchedule{Agency: agency, Version: 1, Terms: []hub.ReportTerm{{Every: hub.EveryQuarter, Scope: hub.ReportTree, Days: 5}}, SetBy: "an", SetAt: testTime}, f.err
}

func (f fakeReports) SetSchedule(ctx context.Context, actor hub.Actor, agency hub.AgencyID, _ []hub.ReportTerm) (hub.ReportSchedule, error) {
	if err := actor.SpeaksFor(agency, hub.ScopeFigures); err != nil {
		return hub.ReportSchedule{}, err
	}
	return f.Schedule(ctx, actor, agency)
}
