package httpapi

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strconv"

	"github.com/lienthong/lienthong/adapters/internal/sheet"
	"github.com/lienthong/lienthong/hub"
)

// Evaluations scores agencies.
type Evaluations interface {
	ScoreTables
	Start(ctx context.Context, actor hub.Actor, key hub.EvaluationKey) (hub.EvaluationRun, error)
	Show(ctx context.Context, actor hub.Actor, key hub.EvaluationKey) (hub.Evaluation, error)
	EvaluationFeeds
}

// ScoreTables keeps the tables by which agencies are scored.
type ScoreTables interface {
	Tables(ctx context.Context) ([]hub.ScoreTable, error)
	Apply(ctx context.Context, actor hub.Actor, table hub.ScoreTable, dryRun bool) (hub.ScoreTableChange, error)
}

// EvaluationFeeds takes what the hub does not know by itself.
type EvaluationFeeds interface {
	Feed(ctx context.Context, actor hub.Actor, list []hub.Feedback) (hub.FeedbackFed, error)
	Input(ctx context.Context, actor hub.Actor, in hub.EvaluationInput) (hub.EvaluationInput, error)
}

func evaluationRoutes() []route {
	figures, submit := []hub.Scope{hub.ScopeFigures}, []hub.Scope{hub.ScopeSubmit}
	return []route{
		{method: http.MethodGet, pattern: "/v1/evaluations", scopes: figures, handle: (*api).evaluation},
		{method: http.MethodPost, pattern: "/v1/evaluations", scopes: figures, limit: jsonLimit, handle: (*api).evaluate},
		{method: http.MethodGet, pattern: "/v1/evaluations.xlsx", scopes: figures, handle: (*api).evaluationXLSX},
		{method: http.MethodGet, pattern: "/v1/evaluations.pdf", scopes: figures, handle: (*api).evaluationPDF},
		{method: http.MethodGet, pattern: "/v1/evaluations/tables", handle: (*api).scoreTables},
		{method: http.MethodPost, pattern: "/v1/evaluations/tables", scopes: []hub.Scope{hub.ScopeOperate}, limit: jsonLimit, handle: (*api).applyScoreTable},
		{method: http.MethodPost, pattern: "/v1/evaluations/feedback", scopes: submit, limit: jsonLimit, handle: (*api).feedEvaluation},
		{method: http.MethodPut, pattern: "/v1/evaluations/inputs", scopes: figures, limit: jsonLimit, handle: (*api).setEvaluationInput},
	}
}

// evaluationAsked reads which evaluation is meant. The period is the year that runs where
// none is named.
func (a *api) evaluationAsked(x *exchange, agency, table, period string) (hub.EvaluationKey, error) {
	key := hub.EvaluationKey{Table: table, Period: a.periodOf(period)}
	var err error
	key.Agency, err = a.agencyOf(x.actor, agency)
	return key, err
}

// shownEvaluation is the evaluation that the query of a request names.
func (a *api) shownEvaluation(x *exchange) (hub.Evaluation, error) {
	q := x.query()
	agency, table, period := q.text("agency"), q.text("table"), q.text("period")
	if err := q.done(); err != nil {
		return hub.Evaluation{}, err
	}
	key, err := a.evaluationAsked(x, agency, table, period)
	if err != nil {
		return hub.Evaluation{}, err
	}
	return a.Evaluations.Show(x.r.Context(), x.actor, key)
}

func (a *api) evaluation(x *exchange) error {
	e, err := a.shownEvaluation(x)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, struct {
		hub.Evaluation
		ScoreTable hub.ScoreTable `json:"score_table"`
	}{e, e.Table})
}

func (a *api) evaluate(x *exchange) error {
	var wish struct {
		Agency string `json:"agency"`
		Table  string `json:"table"`
		Period string `json:"period"`
	}
	if err := x.read(&wish); err != nil {
		return err
	}
	key, err := a.evaluationAsked(x, wish.Agency, wish.Table, wish.Period)
	if err != nil {
		return err
	}
	run, err := a.Evaluations.Start(x.r.Context(), x.actor, key)
	if err != nil {
		return err
	}
	return x.json(http.StatusAccepted, run)
}

func (a *api) evaluationXLSX(x *exchange) error {
	return a.evaluationFile(x, "evaluation.xlsx", xlsxType, sheet.WriteXLSX)
}

func (a *api) evaluationPDF(x *exchange) error {
	return a.evaluationFile(x, "evaluation.pdf", "application/pdf", sheet.WritePDF)
}

// evaluationFile answers with a file that names columns and cells for programs.
func (a *api) evaluationFile(x *exchange, name, kind string, write func(io.Writer, *sheet.Table, [][]string) error) error {
	e, err := a.shownEvaluation(x)
	if err != nil {
		return err
	}
	var file bytes.Buffer
	if err := write(&file, sheet.EvaluationTable(&e, "vi", asWritten), sheet.EvaluationRows(&e, "vi", asWritten)); err != nil {
		return hub.Internal("write an evaluation", err)
	}
	x.w.Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
	return x.text(http.StatusOK, kind, file.Bytes())
}

func (a *api) scoreTables(x *exchange) error {
	if err := x.query().done(); err != nil {
		return err
	}
	tables, err := a.Evaluations.Tables(x.r.Context())
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, listed(hub.List[hub.ScoreTable]{Items: tables}))
}

func (a *api) applyScoreTable(x *exchange) error {
	var wish struct {
		Table  hub.ScoreTable `json:"table"`
		DryRun bool           `json:"dry_run"`
	}
	if err := x.read(&wish); err != nil {
		return err
	}
	change, err := a.Evaluations.Apply(x.r.Context(), x.actor, wish.Table, wish.DryRun)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, change)
}

func (a *api) feedEvaluation(x *exchange) error {
	var wish struct {
		Items []struct {
			hub.Feedback
			Agency string `json:"agency"`
		} `json:"items"`
	}
	if err := x.read(&wish); err != nil {
		return err
	}
	list := make([]hub.Feedback, len(wish.Items))
	for i := range wish.Items {
		list[i] = wish.Items[i].Feedback
		var err error
		if list[i].Agency, err = a.agencyOf(x.actor, wish.Items[i].Agency); err != nil {
			return renamed(err, "agency", "items["+strconv.Itoa(i)+"].agency")
		}
	}
	fed, err := a.Evaluations.Feed(x.r.Context(), x.actor, list)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, fed)
}

func (a *api) setEvaluationInput(x *exchange) error {
	var wish struct {
		Agency string           `json:"agency"`
		Period hub.Period       `json:"period"`
		Values map[string]int64 `json:"values"`
		Source string           `json:"source"`
	}
	if err := x.read(&wish); err != nil {
		return err
	}
	in := hub.EvaluationInput{Period: wish.Period, Values: wish.Values, Source: wish.Source}
	var err error
	if in.Agency, err = a.agencyOf(x.actor, wish.Agency); err != nil {
		return err
	}
	if in, err = a.Evaluations.Input(x.r.Context(), x.actor, in); err != nil {
		return err
	}
	return x.json(http.StatusOK, in)
}
