package web

import (
	"encoding/base64"
	"math/rand/v2"
	"net/url"
	"testing"

	"github.com/lienthong/lienthong/hub"
)

// TestCarriedReports: a page brings back what it was given, unless no form has room for it,
// and nothing that was made for somebody else.
func TestCarriedReports(t *testing.T) {
	x, _ := reading(t, nil, "")
	report := hub.FileReport{Name: "công văn.pdf", Kind: hub.FilePDF}
	given, err := x.carry(&report)
	if err != nil || given == nil {
		t.Fatalf("%v, %v", given, err)
	}
	bring := func() (examination, error) {
		x.r.PostForm = url.Values{"report": {given.Text}, "proof": {given.Proof}}
		_, e, err := x.carriedBack()
		return e, err
	}
	if e, err := bring(); err != nil || e.Report.Name != report.Name || e.Report.Kind != report.Kind {
		t.Errorf("%+v, %v", e, err)
	}
	x.visit.Account.Name = "nguoi.khac"
	if _, err := bring(); hub.KindOf(err) != hub.KindDenied {
		t.Errorf("somebody else gets %v", err)
	}
	random := rand.NewChaCha8([32]byte{1}) // what cannot be packed
	noise := make([]byte, maxCarried)
	_, _ = random.Read(noise)
	report.Findings = []string{base64.RawURLEncoding.EncodeToString(noise)}
	if given, err := x.carry(&report); err != nil || given != nil {
		t.Errorf("a report without end is carried: %v", err)
	}
}
