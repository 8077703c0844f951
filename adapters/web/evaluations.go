package web

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/lienthong/lienthong/adapters/internal/sheet"
	"github.com/lienthong/lienthong/hub"
)

// Evaluations scores agencies.
type Evaluations interface {
	Tables(ctx context.Context) ([]hub.ScoreTable, error)
	Start(ctx context.Context, actor hub.Actor, key hub.EvaluationKey) (hub.EvaluationRun, error)
	Show(ctx context.Context, actor hub.Actor, key hub.EvaluationKey) (hub.Evaluation, error)
}

type evaluationPage struct {
	hub.EvaluationKey
	Name    string
	Found   bool // there is a result, or one is being computed
	Result  hub.Evaluation
	Rows    []scoreRow
	Tables  []hub.ScoreTable
	Periods []hub.Period // to choose from
}

// scoreRow is an indicator with what it came to.
type scoreRow struct {
	hub.ScoreIndicator
	Score hub.IndicatorScore
}

// evaluationKey reads which evaluation the person asks for.
func (x *exchange) evaluationKey(get func(string) string) hub.EvaluationKey {
	key := hub.EvaluationKey{Agency: hub.AgencyID(get("agency")), Table: get("table"), Period: hub.Period(strings.TrimSpace(get("period")))}
	if key.Agency == "" {
		key.Agency = x.office()
	}
	if key.Period == "" {
		key.Period = hub.Period(strconv.Itoa(x.Now().In(hub.Vietnam()).Year()))
	}
	return key
}

// address is that of a page about an evaluation.
func evaluationAddress(path string, key hub.EvaluationKey, further ...string) string {
	return path + "?" + query(append([]string{"agency", string(key.Agency), "table", key.Table, "period", string(key.Period)}, further...)...)
}

// evaluations shows what an agency scored, and how far it is while that is computed.
func (x *exchange) evaluations() error {
	return x.showEvaluation(http.StatusOK, x.evaluationKey(x.r.URL.Query().Get), nil)
}

func (x *exchange) showEvaluation(status int, key hub.EvaluationKey, problems map[string]string) error {
	p := evaluationPage{EvaluationKey: key, Periods: periodsAt(x.Now())[1:]}
	var err error
	if p.Tables, err = x.Evaluations.Tables(x.r.Context()); err != nil {
		return err
	}
	if a, ok := x.Directory.ByID(key.Agency); ok {
		p.Name = a.NameAt(x.Now())
	}
	p.Result, err = x.Evaluations.Show(x.r.Context(), x.visit.Actor, key)
	switch kind := hub.KindOf(err); {
	case err == nil:
		p.Found, p.Table = true, p.Result.EvaluationKey.Table
	case kind == hub.KindInvalid && problems == nil:
		status, problems = http.StatusUnprocessableEntity, x.problems(err, "period", "table")
	case kind != hub.KindNotFound && kind != hub.KindInvalid:
		return err
	}
	for i := range p.Result.Indicators {
		row := scoreRow{Score: p.Result.Indicators[i]}
		for _, indicator := range p.Result.Table.Indicators {
			if indicator.ID == row.Score.ID {
				row.ScoreIndicator = indicator
			}
		}
		p.Rows = append(p.Rows, row)
	}
	if p.Result.Run != nil && p.Result.Run.Error == "" {
		x.w.Header().Set("Refresh", "2") // until it is computed
	}
	return x.show(status, "evaluations", &p, problems)
}

// evaluate asks for an evaluation.
func (x *exchange) evaluate() error {
	key := x.evaluationKey(x.r.PostFormValue)
	run, err := x.Evaluations.Start(x.r.Context(), x.visit.Actor, key)
	switch {
	case err != nil && again(err):
		return x.showEvaluation(statusOf(hub.KindOf(err)), key, x.problems(err, "period", "table"))
	case err != nil:
		return err
	}
	return x.redirect(evaluationAddress("/evaluations", run.EvaluationKey))
}

type scoredPage struct {
	hub.EvaluationKey
	Name          string
	Measure       hub.DossierMeasure
	Rows          []hub.DossierCounted
	Units         []hub.EvaluationStand // directly under the agency, each with its own
	Back          string
	First, Follow string
}

// address is that of the same page of another agency, or behind another row.
func (p *scoredPage) address(agency hub.AgencyID, further ...string) string {
	key := p.EvaluationKey
	key.Agency = agency
	return evaluationAddress("/evaluations/dossiers", key, append([]string{"measure", string(p.Measure)}, further...)...)
}

// scoredDossiers lists the dossiers of an agency itself behind a number, and leads to those
// of the units under it.
func (x *exchange) scoredDossiers() error {
	q := x.r.URL.Query()
	p := scoredPage{EvaluationKey: x.evaluationKey(q.Get), Measure: hub.DossierMeasure(q.Get("measure"))}
	if a, ok := x.Directory.ByID(p.Agency); ok {
		p.Name = a.NameAt(x.Now())
	}
	p.Back = evaluationAddress("/evaluations", p.EvaluationKey)
	list, err := x.Dossiers.Counted(x.r.Context(), x.visit.Actor, hub.DossierFigureQuery{Unit: p.Agency, Period: p.Period, Measure: p.Measure, Page: hub.Page{After: q.Get("after"), Limit: rows}})
	if err != nil {
		return err
	}
	if p.Rows = list.Items; list.Next != "" {
		p.Follow = p.address(p.Agency, "after", list.Next)
	}
	if q.Get("after") != "" {
		p.First = p.address(p.Agency)
	}
	result, err := x.Evaluations.Show(x.r.Context(), x.visit.Actor, p.EvaluationKey)
	if err != nil && hub.KindOf(err) != hub.KindNotFound {
		return err
	}
	for i := range result.Units {
		if result.Units[i].Direct {
			p.Units = append(p.Units, result.Units[i])
		}
	}
	return x.show(http.StatusOK, "scored", &p, nil)
}

// evaluationFile answers with an evaluation as a file.
func (x *exchange) evaluationFile() error {
	q := x.r.URL.Query()
	e, err := x.Evaluations.Show(x.r.Context(), x.visit.Actor, x.evaluationKey(q.Get))
	if err != nil {
		return err
	}
	word := func(name string) string {
		if strings.HasPrefix(name, "level.") {
			return x.say(name)
		}
		return x.say("evaluation." + name)
	}
	write, kind, ending := sheet.WritePDF, "application/pdf", ".pdf"
	if q.Get("as") == "xlsx" {
		write, kind, ending = sheet.WriteXLSX, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", ".xlsx"
	}
	h := x.w.Header()
	h.Set("Content-Security-Policy", sandbox)
	h.Set("Content-Type", kind)
	h.Set("Content-Disposition", disposition("attachment", x.say("title.evaluations")+" "+string(e.Period)+ending))
	table := sheet.EvaluationTable(&e, x.lang, word)
	table.Below[0] = (&view{x: x}).PeriodName(e.Period)
	return write(x.w, table, sheet.EvaluationRows(&e, x.lang, word))
}

// EvaluationPath is the page of an agency, by the same table for the same period.
func (v *view) EvaluationPath(key hub.EvaluationKey, agency hub.AgencyID) string {
	key.Agency = agency
	return evaluationAddress("/evaluations", key)
}

// EvaluationOf is the page of an agency for another period.
func (v *view) EvaluationOf(key hub.EvaluationKey, period hub.Period) string {
	key.Period = period
	return evaluationAddress("/evaluations", key)
}

// ScoredPath is the page of the dossiers behind a number.
func (v *view) ScoredPath(key hub.EvaluationKey, measure hub.DossierMeasure) string {
	return evaluationAddress("/evaluations/dossiers", key, "measure", string(measure))
}

// ScoredUnit is the page of the dossiers of a unit behind the same number.
func (v *view) ScoredUnit(p *scoredPage, agency hub.AgencyID) string { return p.address(agency) }

// EvaluationFile is the address of an evaluation as a file.
func (v *view) EvaluationFile(key hub.EvaluationKey, as string) string {
	return evaluationAddress("/evaluations/file", key, "as", as)
}

// Bilingual is a text in the language of the reader.
func (v *view) Bilingual(b hub.Bilingual) string { return b.In(v.x.lang) }

// Points is a number with decimals, or what stands in the place of none.
func (v *view) Points(number string) string {
	if number == "" {
		return v.T("evaluation.na")
	}
	return v.Decimal(number)
}
