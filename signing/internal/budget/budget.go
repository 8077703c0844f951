// Package budget bounds what tests may spend. It counts processor time: the clock on the
// wall would measure what else the machine does.
package budget

import (
	"syscall"
	"testing"
	"time"
)

// Check runs f and fails the test when the process spends more processor time meanwhile
// than limit, or slowdown times that. Nothing else may run beside it in the process.
func Check(t testing.TB, limit time.Duration, f func()) {
	t.Helper()
	limit *= slowdown
	before := spent(t)
	f()
	if took := spent(t) - before; took > limit {
		t.Errorf("took %v of processor time, at most %v", took, limit)
	}
}

// spent is what the process has spent since its start.
func spent(t testing.TB) time.Duration {
	t.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		t.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
