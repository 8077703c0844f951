package cli

import (
	"bytes"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
)

func TestRechecksAsText(t *testing.T) {
	at := time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC)
	report := func(i hub.Indication, sub hub.SubReason) *hub.SignatureReport {
		return &hub.SignatureReport{Indication: i, Sub: sub}
	}
	var out bytes.Buffer
	printRechecks(&out, []hub.Recheck{
		{At: at, Part: "p1", Report: report(hub.Indeterminate, hub.SubRevokedNoPOE)},
		{At: at, Part: "p1", Report: report(hub.TotalPassed, "")},
		{At: at, Skipped: hub.SkipPurged},
	})
	const want = `23/11/2026 10:00  p1 judged again: INDETERMINATE (REVOKED_NO_POE)
23/11/2026 10:00  p1 judged again: TOTAL-PASSED
23/11/2026 10:00  signatures are not judged again: purged
`
	if out.String() != want {
		t.Errorf("got\n%s", &out)
	}
}
