package bundletest

import (
	"testing"

	"github.com/lienthong/lienthong/hub"
)

func TestBundlePasses(t *testing.T) {
	w := newWorld(t).walk()
	r := w.auditor().verify(t, w.bundle(true))
	for _, s := range r.Steps {
		t.Logf("%2d %-24s %s %s %s %v", s.Number, s.Name, s.Outcome, s.Sub, s.Detail, s.Findings)
	}
	if r.Indication != hub.TotalPassed || r.State != hub.StateAccepted {
		t.Errorf("%s %s, %s", r.Indication, r.Sub, r.State)
	}
}
