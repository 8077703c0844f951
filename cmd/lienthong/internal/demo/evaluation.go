package demo

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/hub"
)

// manifestEvaluation tells scripts about the evaluation of the province.
type manifestEvaluation struct {
	Table    string     `json:"table"`
	Period   hub.Period `json:"period"`
	Score    string     `json:"score"`
	Units    int        `json:"units"` // under the province
	Dossiers string     `json:"dossiers"`
	Late     []string   `json:"late"` // numbers of those of the commune behind its number
	Files    []string   `json:"files"`
}

// evaluate has the province evaluated for the year of its dossier, opens the evaluation of
// the commune to the dossiers behind it, and writes the result as files.
func (s *show) evaluate(ctx context.Context) error {
	client, err := s.clientOf(ctx, province, "evaluation", hub.ScopeFigures)
	if err != nil {
		return err
	}
	defer client.CloseIdle()
	dossier, err := s.parties[hoaThuan].client.Dossier(ctx, s.dossier.Number)
	if err != nil {
		return err
	}
	period := yearOf(dossier.Received)
	e, err := s.evaluated(ctx, client, period)
	if err != nil {
		return err
	}
	s.evaluation = manifestEvaluation{Table: e.Table.ID, Period: e.Period, Score: e.Score, Units: len(e.Units), Dossiers: e.Facts[string(hub.DossiersAll)]}
	all, err := client.DossierFigures(ctx, hubclient.DossierFigureQuery{Period: period, Under: true})
	if err != nil {
		return err
	}
	s.check(all.Total > 0 && e.Facts[string(hub.DossiersAll)] == strconv.Itoa(all.Total), "the province is evaluated by its %d dossiers (%s)", all.Total, e.Facts[string(hub.DossiersAll)])
	unit, err := client.Evaluation(ctx, hubclient.EvaluationQuery{Agency: hoaThuan, Period: period})
	if err != nil {
		return err
	}
	behind, err := client.CountedDossiers(ctx, hubclient.DossierFigureQuery{Agency: hoaThuan, Period: period, Measure: hub.DossiersLate}, hub.Page{Limit: 100})
	if err != nil {
		return err
	}
	for i := range behind.Items {
		s.evaluation.Late = append(s.evaluation.Late, behind.Items[i].Number)
	}
	s.check(slices.Contains(s.evaluation.Late, s.dossier.Number) && unit.Own[string(hub.DossiersLate)] == strconv.Itoa(len(behind.Items)),
		"the number of late dossiers of %s opens to %s (%s, %v)", hoaThuan, s.dossier.Number, unit.Own[string(hub.DossiersLate)], s.evaluation.Late)
	for _, format := range []string{"xlsx", "pdf"} {
		var file bytes.Buffer
		if err := client.ExportEvaluation(ctx, hubclient.EvaluationQuery{Period: period}, format, &file); err != nil {
			return err
		}
		if err := s.save(file.Bytes(), "reports", "danh-gia."+format); err != nil {
			return err
		}
		s.evaluation.Files = append(s.evaluation.Files, s.path("reports", "danh-gia."+format))
	}
	s.say("%s, %s: %s; %s", e.Period, e.Table.ID, e.Score, strings.Join(s.evaluation.Files, ", "))
	// The report is on this year, which may be another than that of the dossier.
	if now := yearOf(s.now()); now != period {
		_, err = s.evaluated(ctx, client, now)
	}
	return err
}

// evaluated runs an evaluation of the province to its end.
func (s *show) evaluated(ctx context.Context, client *hubclient.Client, period hub.Period) (hubclient.Evaluation, error) {
	ctx, cancel := context.WithTimeout(ctx, reportPatience)
	defer cancel()
	q := hubclient.EvaluationQuery{Period: period}
	if _, err := client.Evaluate(ctx, q); err != nil {
		return hubclient.Evaluation{}, err
	}
	for {
		e, err := client.Evaluation(ctx, q)
		switch {
		case err != nil:
			return e, err
		case e.Run == nil:
			return e, nil
		case e.Run.Error != "":
			return e, fmt.Errorf("the evaluation of %s ended: %s", period, e.Run.Error)
		}
		select {
		case <-ctx.Done():
			return e, fmt.Errorf("the evaluation of %s is at %d of %d units: %w", period, e.Run.Done, e.Run.Total, ctx.Err())
		case <-time.After(reportPause):
		}
	}
}

// yearOf is the year of an instant in Vietnam.
func yearOf(at time.Time) hub.Period {
	return hub.Period(strconv.Itoa(at.In(hub.Vietnam()).Year()))
}
