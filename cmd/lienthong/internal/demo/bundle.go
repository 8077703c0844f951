package demo

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/examine"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/audit"
	"github.com/lienthong/lienthong/hub/audit/bundle"
)

// bundleFolder holds evidence bundles, with roots and keys of the log beside them.
const bundleFolder = "bundles"

// pack downloads evidence bundles of the directive: of a recipient that accepted it, of one
// that refused it, and of another one with the document; and one of a task that was answered
// late.
func (s *show) pack(ctx context.Context) error {
	numbered := func(number string) int {
		return slices.IndexFunc(s.sheets, func(sheet Sheet) bool { return sheet.Number == number })
	}
	sheet, tasks := &s.sheets[numbered(directive().Number)], &s.sheets[numbered(tasksNumber)]
	var accepted, refused []hub.DeliveryID
	for _, row := range sheet.Rows {
		switch row.State {
		case hub.StateAccepted:
			accepted = append(accepted, row.Delivery)
		case hub.StateRefused:
			refused = append(refused, row.Delivery)
		}
	}
	s.check(len(accepted) > 1 && len(refused) > 0, "%s was accepted by two at least, and refused by one", sheet.Number)
	late := slices.IndexFunc(tasks.Rows, func(row Row) bool { return row.Code == interior })
	if len(accepted) < 2 || len(refused) == 0 || late < 0 {
		return nil
	}
	for name, order := range map[string]hub.BundleOrder{
		"accepted.asice":              {Dispatch: sheet.Dispatch, Delivery: accepted[0]},
		"refused.asice":               {Dispatch: sheet.Dispatch, Delivery: refused[0]},
		"accepted-with-content.asice": {Dispatch: sheet.Dispatch, Delivery: accepted[1], Content: true, XML: true},
		"task-late.asice":             {Dispatch: tasks.Dispatch, Delivery: tasks.Rows[late].Delivery},
	} {
		var out bytes.Buffer
		if err := s.partyOf(sheet.agency).client.Bundle(ctx, order, &out, nil); err != nil {
			return err
		}
		if err := s.save(out.Bytes(), bundleFolder, name); err != nil {
			return err
		}
	}
	for name, from := range map[string]string{"anchors.pem": s.path("anchors.pem"), "policy.tlog": s.path("hub-data", "policy.tlog")} {
		content, err := os.ReadFile(from)
		if err != nil {
			return err
		}
		if err := s.save(content, bundleFolder, name); err != nil {
			return err
		}
	}
	s.say("%s", s.path(bundleFolder))
	return nil
}

// checkBundles verifies the evidence bundles by what lies beside them.
func (f *folder) checkBundles(ctx context.Context) error {
	files, err := f.glob(bundleFolder + "/*.asice")
	if err != nil {
		return err
	}
	f.check(len(files) == 4, "there are four evidence bundles (%d)", len(files))
	verifier, err := verifierOf(filepath.Join(f.dir, bundleFolder, "anchors.pem"))
	if err != nil {
		return err
	}
	text, err := os.ReadFile(filepath.Join(f.dir, bundleFolder, "policy.tlog"))
	if err != nil {
		return err
	}
	policy, err := audit.ParsePolicy(text)
	if err != nil {
		return err
	}
	for _, file := range files {
		content, err := openFile(file)
		if err != nil {
			return err
		}
		report, err := bundle.Verify(ctx, examine.Question(verifier, &examine.Auditor{Policy: policy}, time.Now(), content, content.Size()))
		content.Close()
		if err != nil {
			return err
		}
		f.check(report.Indication == hub.TotalPassed, "the bundle %s passes (%s %s)", filepath.Base(file), report.Indication, report.Sub)
	}
	return nil
}
