package bundletest

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/examine"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/audit"
	"github.com/lienthong/lienthong/signing/trust"
)

// TestRootsByPurpose: one root has issued the keys of hub, people and time-stamps here.
// What it is trusted for decides which signatures count, for both verifiers alike: one for
// time-stamps makes no evidence, nor does one for documents.
func TestRootsByPurpose(t *testing.T) {
	root := must(os.ReadFile(filepath.Join(golden, "anchors.pem")))(t)
	for _, c := range []struct {
		name, line string
		want       hub.Indication
		open       []int // steps that are not decided for want of a root
		shell      bool
	}{
		{"any", "", hub.TotalPassed, nil, false},
		{"evidence and time-stamps", "# purpose: evidence, timestamping\n", hub.TotalPassed, nil, true},
		{"time-stamps", "# purpose: timestamping\r\n", hub.Indeterminate, []int{3}, true},
		{"evidence", "\ufeffPurpose: evidence\n", hub.Indeterminate, []int{7}, true},
		{"documents", "# purpose: signing\n", hub.Indeterminate, []int{3, 7}, false},
		{"ended", "# purpose: signing\n# purpose: any\n", hub.TotalPassed, nil, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "anchors.pem")
			if err := os.WriteFile(file, append([]byte(c.line), root...), 0o600); err != nil {
				t.Fatal(err)
			}
			report := goReport(t, filepath.Join(golden, "good-xml.asice"), file)
			if report.Indication != c.want {
				t.Errorf("lienthong verify gives %s instead of %s", report.Indication, c.want)
			}
			for _, step := range c.open {
				if got := report.Steps[step-1]; got.Outcome != hub.StepIndeterminate {
					t.Errorf("step %d %s is %s", step, got.Name, got.Outcome)
				}
			}
			if !c.shell {
				return
			}
			code, out := runShell(t, filepath.Join(golden, "good-xml.asice"), file, filepath.Join(golden, "policy.tlog"), goldenTime, never)
			if want := map[hub.Indication]int{hub.TotalPassed: 0, hub.Indeterminate: 2}[c.want]; code != want {
				t.Errorf("verify-bundle.sh gives %d instead of %d:\n%s", code, want, out)
			}
		})
	}
	bad := filepath.Join(t.TempDir(), "anchors.pem")
	if err := os.WriteFile(bad, append([]byte("# purpose: evidense\n"), root...), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out := runShell(t, filepath.Join(golden, "good-xml.asice"), bad, filepath.Join(golden, "policy.tlog"), goldenTime, never)
	if _, err := trust.LoadAnchors(must(os.ReadFile(bad))(t)); err == nil || code != 3 || !strings.Contains(string(out), "evidense") {
		t.Errorf("a purpose that is none: %v, %d, %s", err, code, out)
	}
}

// goReport is what lienthong verify says of a bundle of the golden set, with other roots.
func goReport(t *testing.T, name, anchors string) hub.BundleReport {
	t.Helper()
	file, fileErr := os.ReadFile(name)
	roots, rootsErr := os.ReadFile(anchors)
	if err := errors.Join(fileErr, rootsErr); err != nil {
		t.Fatal(err)
	}
	by := &auditor{
		Auditor: examine.Auditor{Policy: must(audit.ParsePolicy(must(os.ReadFile(filepath.Join(golden, "policy.tlog")))(t)))(t)},
		anchors: must(trust.LoadAnchors(roots))(t), at: must(time.Parse(time.RFC3339, goldenTime))(t),
	}
	return by.verify(t, file)
}
