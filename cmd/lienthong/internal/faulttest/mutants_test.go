package faulttest

import "testing"

// TestKillMutants proves that the kill loop and its checker can fail: each
// mutant breaks one rule and must be caught.
func TestKillMutants(t *testing.T) {
	t.Parallel() // mostly waits: for a document that nobody will ever see
	if testing.Short() {
		t.Skip("mutants need many lives")
	}
	for _, mutant := range []string{"answer-before-commit", "no-idempotency-key", "row-before-object", "sequence-cursor"} {
		t.Run(mutant, func(t *testing.T) {
			for range 5 {
				if violations, _ := killLoop(t, mutant, 10, 2); len(violations) > 0 {
					t.Logf("caught: %s (and %d more)", violations[0], len(violations)-1)
					return
				}
			}
			t.Error("the mutant was not caught: the crash test is blind to this fault")
		})
	}
}
