package hubclient

import (
	"context"
	"io"
	"net/http"
	"net/url"

	"github.com/lienthong/lienthong/hub"
)

// EvaluationQuery names an evaluation.
type EvaluationQuery struct {
	Agency string     // code or id; "" for the only one of the key
	Table  string     // "" for the one in force at the end of the period
	Period hub.Period // "" for this year
}

func (q *EvaluationQuery) values() url.Values {
	values := url.Values{}
	setNonEmpty(values, "agency", q.Agency)
	setNonEmpty(values, "table", q.Table)
	setNonEmpty(values, "period", string(q.Period))
	return values
}

// Evaluation is a result with the table by which it was made.
type Evaluation struct {
	hub.Evaluation
	ScoreTable hub.ScoreTable `json:"score_table"`
}

// Evaluation shows the last result, and the run that computes it anew.
func (c *Client) Evaluation(ctx context.Context, q EvaluationQuery) (Evaluation, error) {
	var e Evaluation
	err := c.json(ctx, get(pathOf("evaluations"), q.values()), &e)
	e.Table = e.ScoreTable
	return e, err
}

// Evaluate asks for an evaluation, which is computed behind the request.
func (c *Client) Evaluate(ctx context.Context, q EvaluationQuery) (hub.EvaluationRun, error) {
	var run hub.EvaluationRun
	k, err := call{method: http.MethodPost, path: pathOf("evaluations"), idempotent: true}.withJSON(struct {
		Agency string     `json:"agency,omitempty"`
		Table  string     `json:"table,omitempty"`
		Period hub.Period `json:"period,omitempty"`
	}{q.Agency, q.Table, q.Period})
	if err == nil {
		err = c.json(ctx, k, &run)
	}
	return run, err
}

// ExportEvaluation writes an evaluation as a file, "xlsx" or "pdf".
func (c *Client) ExportEvaluation(ctx context.Context, q EvaluationQuery, format string, w io.Writer) error {
	return c.copy(ctx, get(pathOf("evaluations."+format), q.values()), w)
}

// ScoreTables lists the last version of each table.
func (c *Client) ScoreTables(ctx context.Context) ([]hub.ScoreTable, error) {
	l, err := list[hub.ScoreTable](ctx, c, pathOf("evaluations", "tables"), url.Values{}, hub.Page{})
	return l.Items, err
}

// ApplyScoreTable puts a table into force (operator).
func (c *Client) ApplyScoreTable(ctx context.Context, table hub.ScoreTable, dryRun bool) (hub.ScoreTableChange, error) {
	var change hub.ScoreTableChange
	k, err := call{method: http.MethodPost, path: pathOf("evaluations", "tables"), idempotent: true}.withJSON(struct {
		Table  hub.ScoreTable `json:"table"`
		DryRun bool           `json:"dry_run,omitempty"`
	}{table, dryRun})
	if err == nil {
		err = c.json(ctx, k, &change)
	}
	return change, err
}

// FeedEvaluation feeds ratings and complaints; Agency of each is a code or an id.
func (c *Client) FeedEvaluation(ctx context.Context, items []hub.Feedback) (hub.FeedbackFed, error) {
	var fed hub.FeedbackFed
	k, err := call{method: http.MethodPost, path: pathOf("evaluations", "feedback"), idempotent: true}.withJSON(struct {
		Items []hub.Feedback `json:"items"`
	}{items})
	if err == nil {
		err = c.json(ctx, k, &fed)
	}
	return fed, err
}

// SetEvaluationInput feeds numbers that the hub does not have: those given are all that there
// are for the agency and the period.
func (c *Client) SetEvaluationInput(ctx context.Context, agency string, in hub.EvaluationInput) (hub.EvaluationInput, error) {
	k, err := call{method: http.MethodPut, path: pathOf("evaluations", "inputs"), idempotent: true}.withJSON(struct {
		Agency string           `json:"agency,omitempty"`
		Period hub.Period       `json:"period"`
		Values map[string]int64 `json:"values"`
		Source string           `json:"source"`
	}{agency, in.Period, in.Values, in.Source})
	if err == nil {
		err = c.json(ctx, k, &in)
	}
	return in, err
}
