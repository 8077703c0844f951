package httpapi

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/lienthong/lienthong/hub"
)

// fakeEvaluations scores agencies.
type fakeEvaluations struct{ *fakeHub }

func (fakeEvaluations) table() hub.ScoreTable {
	text := hub.Bilingual{VI: "Đúng hạn", EN: "In time"}
	return hub.ScoreTable{
		ID: "qd766", Version: 1, Name: text, Basis: "QĐ 766/QĐ-TTg", From: "2022-06-23", Inputs: []hub.ScoreInput{{Name: "payments_due", Text: text}}, Groups: []hub.ScoreGroup{{ID: "II", Name: text}},
		Indicators: []hub.ScoreIndicator{{ID: "II.1", Group: "II", Name: text, Formula: "100 * in_time / all", Unit: "%", Max: "20", Bands: []hub.ScoreBand{{AtLeast: "90", Points: "20"}}, Opens: hub.DossiersLate, Uncertain: "chưa đối chiếu"}},
		Grades:     []hub.ScoreGrade{{AtLeast: "80", Name: text}}, SetBy: "op", SetAt: testTime,
	}
}

func (f fakeEvaluations) Tables(context.Context) ([]hub.ScoreTable, error) {
	return []hub.ScoreTable{f.table()}, f.err
}

func (f fakeEvaluations) Apply(_ context.Context, _ hub.Actor, table hub.ScoreTable, dryRun bool) (hub.ScoreTableChange, error) {
	if table.ID == "" {
		return hub.ScoreTableChange{}, hub.Invalid("id", "name", "no table")
	}
	return hub.ScoreTableChange{DryRun: dryRun, Changed: true, Table: f.table()}, f.err
}

func (f fakeEvaluations) Start(_ context.Context, actor hub.Actor, key hub.EvaluationKey) (hub.EvaluationRun, error) {
	return hub.EvaluationRun{EvaluationKey: key, By: actor.Name, Asked: testTime, Total: 3}, f.err
}

func (f fakeEvaluations) Show(_ context.Context, actor hub.Actor, key hub.EvaluationKey) (hub.Evaluation, error) {
	grade := &hub.Bilingual{VI: "Tốt"}
	return hub.Evaluation{
		EvaluationKey: key, Name: "UBND", Level: hub.LevelProvince, TableVersion: 1, AsOf: testTime, At: testTime, By: actor.Name, Facts: map[string]string{"all": "3"}, Own: map[string]string{},
		Indicators: []hub.IndicatorScore{{ID: "II.1", Value: "66.67", Points: "13.33"}, {ID: "IV.1", Missing: []string{"payments_due"}}}, Points: "13.33", Reachable: "20.00", Max: "20.00", Score: "13.33", Grade: grade,
		Units: []hub.EvaluationStand{{Agency: "a2", Name: "Sở", Level: hub.LevelDepartment, Direct: true, Points: "20.00", Score: "20.00", Grade: grade}}, Table: f.table(), Run: &hub.EvaluationRun{EvaluationKey: key, By: "an", Asked: testTime, Error: "internal"},
		Earlier: []hub.EvaluationEarly{{Period: "2025", At: testTime, Points: "1.00", Score: "1.00", Grade: grade}}, Places: map[hub.Level]hub.RankedAt{hub.LevelDepartment: {Units: 1, Mean: "20.00"}},
	}, f.err
}

func (f fakeEvaluations) Feed(_ context.Context, _ hub.Actor, list []hub.Feedback) (hub.FeedbackFed, error) {
	if len(list) == 0 || list[0].Agency != "a1" {
		return hub.FeedbackFed{}, hub.Invalid("items", "max_items", "one")
	}
	return hub.FeedbackFed{New: len(list)}, f.err
}

func (f fakeEvaluations) Input(_ context.Context, actor hub.Actor, in hub.EvaluationInput) (hub.EvaluationInput, error) {
	in.By, in.At = actor.Name, testTime
	return in, f.err
}

// TestEvaluationRequests: who is meant, and what is fed, is read by code, and what is wrong is
// said by field and rule.
func TestEvaluationRequests(t *testing.T) {
	s := newTestServer(t)
	for _, c := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{http.MethodGet, "/v1/evaluations?agency=000.00.00.H47&period=2026-Q1&table=qd766", "", 200, `"missing":["payments_due"]`},
		{http.MethodGet, "/v1/evaluations?level=x", "", 422, `"field":"level"`},
		{http.MethodGet, "/v1/evaluations?agency=x", "", 422, `"field":"agency"`},
		{http.MethodPost, "/v1/evaluations", `{"agency": "000.00.00.H47", "period": "2026-Q1"}`, 202, `"period":"2026-Q1"`},
		{http.MethodPost, "/v1/evaluations", `{"unit": "x"}`, 422, `"rule":"unknown_member"`},
		{http.MethodPost, "/v1/evaluations/tables", `{"table": {"id": "x", "secret": 1}, "dry_run": true}`, 422, `"rule":"unknown_member"`},
		{http.MethodPost, "/v1/evaluations/feedback", `{"items": [{"agency": "000.00.00.H47", "id": "1", "kind": "rating", "at": "2026-03-02T02:30:00Z", "score": 5}]}`, 200, `"new":1`},
		{http.MethodPost, "/v1/evaluations/feedback", `{"items": [{"agency": "làng", "id": "1", "kind": "rating", "at": "2026-03-02T02:30:00Z"}]}`, 422, `"field":"items[0].agency"`},
		{http.MethodPut, "/v1/evaluations/inputs", `{"agency": "làng", "period": "2026", "values": {}, "source": "x"}`, 422, `"field":"agency"`},
	} {
		a := s.call(t, c.method, c.path, c.body, "Content-Type", "application/json")
		if a.StatusCode != c.status || !strings.Contains(string(a.body), c.want) {
			t.Errorf("%s %s: %d %s, want %d with %s", c.method, c.path, a.StatusCode, a.body, c.status, c.want)
		}
	}
}
