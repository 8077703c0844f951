package intake_test

import (
	"slices"
	"testing"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/hubtest"
)

// TestPreview: it says what Submit would say, and leaves nothing behind.
func TestPreview(t *testing.T) {
	f := newFixture()
	sub := f.Submission("1", office, hubtest.ClosedCode)
	got, err := f.Preview(t.Context(), f.actor, sub)
	if err != nil || got.Accepted != "" || len(got.Recipients) != 2 || got.Recipients[1].Note == "" || len(got.Reports) != len(sub.Parts) {
		t.Errorf("%+v, %v", got, err)
	}
	wrong := f.Submission("2", office, "000.00.99.H99")
	wrong.Document.Subject = ""
	_, err = f.Preview(t.Context(), f.actor, wrong)
	var fields []string
	for _, v := range hub.ViolationsOf(err) {
		fields = append(fields, v.Field)
	}
	if !slices.Contains(fields, "document.subject") || !slices.Contains(fields, "recipients[1]") {
		t.Errorf("wrong are %v", fields)
	}
	stranger := f.actor
	stranger.Agencies = []hub.AgencyID{hubtest.Office}
	if _, err := f.Preview(t.Context(), stranger, sub); err == nil || hub.KindOf(err) != hub.KindDenied {
		t.Errorf("a stranger gets %v", err)
	}
	if left := f.evidences(t); len(left) != 0 {
		t.Errorf("%d evidences are left", len(left))
	}
	sent := f.submit(t, sub)
	if got, err := f.Preview(t.Context(), f.actor, sub); err != nil || got.Accepted != sent.Dispatch.ID {
		t.Errorf("after it was sent: %+v, %v", got, err)
	}
	sub.Document.Subject = "other"
	if _, err := f.Preview(t.Context(), f.actor, sub); err == nil || hub.KindOf(err) != hub.KindConflict {
		t.Errorf("other content: %v", err)
	}
}
