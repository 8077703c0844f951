package demo

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/hub"
)

// manifestReport tells scripts about the report of the province.
type manifestReport struct {
	ID     hub.ReportID `json:"id"`
	Period hub.Period   `json:"period"`
	Units  int          `json:"units"`
	SHA256 hub.Digest   `json:"sha256"`
	Files  []string     `json:"files"`
}

const (
	reportPatience = time.Minute
	reportPause    = 100 * time.Millisecond // between two looks at what was counted
)

// reportReform has the province roll up the year over all its agencies, and writes the report
// in all formats.
func (s *show) reportReform(ctx context.Context) error {
	client, err := s.clientOf(ctx, province, "figures", hub.ScopeFigures)
	if err != nil {
		return err
	}
	defer client.CloseIdle()
	period := yearOf(s.now())
	if err := s.awaitCounted(ctx, client, period); err != nil {
		return err
	}
	r, err := client.MakeReport(ctx, "", period, hub.ReportTree)
	if err != nil {
		return err
	}
	s.reform = manifestReport{ID: r.ID, Period: r.Period, Units: r.Units, SHA256: r.Digest}
	traced := 0
	for i := range r.Numbers {
		n := &r.Numbers[i]
		if n.Source != "" && (n.Value != "" || n.Why != "") {
			traced++
		}
	}
	s.check(traced == len(r.Numbers) && traced > 0, "every number of the report says where it comes from (%d of %d)", traced, len(r.Numbers))
	for key, want := range map[hub.ReportKey]string{"inspections.documents": "1", "inspections.surprise": "1", "inspections.answered_in_time": "1"} {
		n := r.Number(key)
		s.check(n != nil && n.Value == want, "the report counts %s as %s (%+v)", key, want, n)
	}
	if s.evaluation.Period == period {
		n := r.Number("evaluation.score")
		s.check(n != nil && n.Value == s.evaluation.Score && n.Value != "", "the report has the score of the evaluation, %s (%+v)", s.evaluation.Score, n)
	}
	for _, format := range hub.ReportFormats() {
		var file bytes.Buffer
		if err := client.ReportFile(ctx, "", r.ID, format, &file); err != nil {
			return err
		}
		name := "bao-cao-cchc." + string(format)
		if err := s.save(file.Bytes(), "reports", name); err != nil {
			return err
		}
		s.reform.Files = append(s.reform.Files, s.path("reports", name))
	}
	s.say("%s, %d cơ quan / agencies: %s", r.Period, r.Units, strings.Join(s.reform.Files, ", "))
	return nil
}

// awaitCounted waits until the documents that were sent are counted.
func (s *show) awaitCounted(ctx context.Context, client *hubclient.Client, period hub.Period) error {
	ctx, cancel := context.WithTimeout(ctx, reportPatience)
	defer cancel()
	for {
		r, err := client.PreviewReport(ctx, "", period, hub.ReportTree)
		if err != nil {
			return err
		}
		n := r.Number("documents.sent")
		if n != nil && n.Value != "0" && n.Why == "" {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("documents are counted as %+v: %w", n, ctx.Err())
		case <-time.After(reportPause):
		}
	}
}
