package hub_test

import (
	"testing"

	"github.com/lienthong/lienthong/hub"
)

// TestNotations: the notations that offices print pass, those with spaces or parts that are
// missing do not.
func TestNotations(t *testing.T) {
	for _, good := range []string{"QĐ-UBND", "UBND-KSTTHC", "2026/QĐ-UBND", "CV/TU", "QH15", "BC-VP.1", "QĐ-UBND-HC"} {
		if err := hub.CheckNotation(good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []string{"QĐ SNV/2", "QĐ - UBND", "QĐ\u00a0UBND", "/QĐ-UBND", "QĐ-", "QĐ--UBND", "QĐ-/UBND", "-", ""} {
		if err := hub.CheckNotation(bad); err == nil || hub.KindOf(err) != hub.KindInvalid || hub.ViolationsOf(err)[0].Field != "notation" {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
