package httpapi

import (
	"bytes"
	"net/http"

	"github.com/lienthong/lienthong/adapters/internal/sheet"
	"github.com/lienthong/lienthong/hub"
)

func figureRoutes() []route {
	figures, operate := []hub.Scope{hub.ScopeFigures}, []hub.Scope{hub.ScopeOperate}
	return []route{
		{method: http.MethodGet, pattern: "/v1/figures", scopes: figures, handle: (*api).figures},
		{method: http.MethodGet, pattern: "/v1/figures.csv", scopes: figures, handle: (*api).figuresCSV},
		{method: http.MethodGet, pattern: "/v1/figures.xlsx", scopes: figures, handle: (*api).figuresXLSX},
		{method: http.MethodGet, pattern: "/v1/figures/documents", scopes: figures, handle: (*api).counted},
		{method: http.MethodPost, pattern: "/v1/figures/rebuild", scopes: operate, handle: (*api).rebuildFigures},
	}
}

// figuresQuery reads what all requests for figures have in common. The period is the year
// that runs where none is named.
func (a *api) figuresQuery(x *exchange, q *query) (hub.FiguresQuery, error) {
	wish := hub.FiguresQuery{Period: a.periodOf(q.text("period")), Kind: q.text("kind")}
	agency := q.text("agency")
	if q.err != nil {
		return wish, q.err
	}
	var err error
	wish.Agency, err = a.agencyOf(x.actor, agency)
	return wish, err
}

func (a *api) figures(x *exchange) error {
	q := x.query()
	page, level := q.page(), q.text("level")
	wish, err := a.figuresQuery(x, q)
	if err == nil {
		err = q.done()
	}
	if err != nil {
		return err
	}
	wish.Page, wish.Level = page, hub.Level(level)
	report, err := a.Figures.Report(x.r.Context(), x.actor, wish)
	if err != nil {
		return err
	}
	if report.Next != "" {
		report.Next = nextCursor(report.Next)
	}
	return x.json(http.StatusOK, report)
}

// wholeFigures reads a report with all its units.
func (a *api) wholeFigures(x *exchange) (hub.FigureReport, error) {
	q := x.query()
	level := q.text("level")
	wish, err := a.figuresQuery(x, q)
	if err == nil {
		err = q.done()
	}
	if err != nil {
		return hub.FigureReport{}, err
	}
	wish.Level = hub.Level(level)
	return a.Figures.Whole(x.r.Context(), x.actor, wish)
}

// asWritten names columns and cells of files for programs.
func asWritten(name string) string { return name[bytes.LastIndexByte([]byte(name), '.')+1:] }

func (a *api) figuresCSV(x *exchange) error {
	report, err := a.wholeFigures(x)
	if err != nil {
		return err
	}
	var file bytes.Buffer
	if err := sheet.WriteCSV(&file, sheet.FigureColumns(asWritten), sheet.FigureRows(&report, asWritten)); err != nil {
		return hub.Internal("write figures", err)
	}
	x.w.Header().Set("Content-Disposition", `attachment; filename="figures.csv"`)
	return x.text(http.StatusOK, "text/csv; charset=utf-8", file.Bytes())
}

func (a *api) figuresXLSX(x *exchange) error {
	report, err := a.wholeFigures(x)
	if err != nil {
		return err
	}
	var file bytes.Buffer
	table := sheet.Table{Title: report.Name, Below: []string{string(report.Period)}, Columns: sheet.FigureColumns(asWritten)}
	if err := sheet.WriteXLSX(&file, &table, sheet.FigureRows(&report, asWritten)); err != nil {
		return hub.Internal("write figures", err)
	}
	x.w.Header().Set("Content-Disposition", `attachment; filename="figures.xlsx"`)
	return x.text(http.StatusOK, xlsxType, file.Bytes())
}

func (a *api) counted(x *exchange) error {
	q := x.query()
	wish := hub.CountedQuery{Side: hub.Side(q.text("side")), Measure: hub.Measure(q.text("measure")), Reason: hub.ReasonCode(q.text("reason")), Page: q.page()}
	of, err := a.figuresQuery(x, q)
	if err == nil {
		err = q.done()
	}
	if err != nil {
		return err
	}
	wish.Agency, wish.Period, wish.Kind = of.Agency, of.Period, of.Kind
	list, err := a.Counted.Counted(x.r.Context(), x.actor, wish)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, listed(list))
}

func (a *api) rebuildFigures(x *exchange) error {
	if err := x.query().done(); err != nil {
		return err
	}
	if err := a.Figures.Rebuild(x.r.Context(), x.actor); err != nil {
		return err
	}
	return x.json(http.StatusAccepted, struct {
		Counting bool `json:"counting"`
	}{true})
}
