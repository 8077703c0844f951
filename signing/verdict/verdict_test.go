package verdict_test

import (
	"testing"

	"github.com/lienthong/lienthong/signing/verdict"
)

func TestWorstProblemDecides(t *testing.T) {
	doubt := verdict.Doubt(verdict.NoCertificateChain, "no anchor")
	failure := verdict.Fail(verdict.HashFailure, "byte %d", 7)
	later := verdict.Fail(verdict.FormatFailure, "later")
	var s verdict.Signature
	if s.Indication() != verdict.Passed || !s.Check("a", "fine", nil) {
		t.Error("nothing is wrong yet")
	}
	for _, step := range []struct{ problem, want *verdict.Problem }{{doubt, doubt}, {failure, failure}, {later, failure}, {doubt, failure}} {
		if s.Check("b", "", step.problem) || s.Problem != step.want {
			t.Errorf("after %v: %v, want %v", step.problem, s.Problem, step.want)
		}
	}
	s.Skip("revocation", "not checked")
	if last := s.Checks[len(s.Checks)-1]; last.Passed || len(s.Checks) != 6 || s.Indication() != verdict.Failed {
		t.Errorf("%+v", s)
	}
	if got := failure.String(); got != "TOTAL-FAILED/HASH_FAILURE: byte 7" {
		t.Error(got)
	}
}
