package bundletest

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// TestBundlesOverAnAxis: both verifiers take what an axis did with a document for what it
// is: that the axis refused it or never answered ends the delivery, that it took it does
// not, and where a document came from is about all of it.
func TestBundlesOverAnAxis(t *testing.T) {
	for _, c := range []struct {
		name   string
		events []hub.Event
		want   hub.Indication
	}{
		{"refused", []hub.Event{hub.EventRelayRejection}, hub.TotalPassed},
		{"no answer", []hub.Event{hub.EventRelayFailure}, hub.TotalPassed},
		{"taken", []hub.Event{hub.EventRelayAcceptance}, hub.Indeterminate},
		{"taken and refused", []hub.Event{hub.EventRelayAcceptance, hub.EventConsignmentRejection}, hub.TotalPassed},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			from := w.evidence[0].Evidence
			ref := w.evidence[0].Ref()
			w.xml = c.want == hub.TotalPassed
			from.ID, from.Event, from.Prev, from.Validation = "", hub.EventReceivedFromNonERDS, &ref, nil
			w.record(from, nil)
			for _, event := range c.events {
				w.event(event)
			}
			w.stamp()
			dir := t.TempDir()
			save := func(name string, content []byte) string {
				file := filepath.Join(dir, name)
				if err := os.WriteFile(file, content, 0o600); err != nil {
					t.Fatal(err)
				}
				return file
			}
			content := w.bundle(false)
			report := w.auditor().verify(t, content)
			if report.Indication != c.want || len(report.Receipts) != 2+len(c.events) {
				t.Errorf("lienthong verify gives %s over %d receipts: %+v", report.Indication, len(report.Receipts), report.Steps)
			}
			code, out := runShell(t, save("x.asice", content), save("anchors.pem", w.pki.AnchorsPEM()), save("policy.tlog", w.policyText(2)),
				w.now.Add(24*time.Hour).Format(time.RFC3339), never)
			if want := map[hub.Indication]int{hub.TotalPassed: 0, hub.Indeterminate: 2}[c.want]; code != want {
				t.Errorf("verify-bundle.sh gives %d instead of %d:\n%s", code, want, out)
			}
		})
	}
}
