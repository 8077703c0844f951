package together

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
)

// TestEach: everything is done once, and as many at a time as there may be: each waits here
// until the others of its group have come.
func TestEach(t *testing.T) {
	for _, n := range []int{0, 1, atOnce, 3 * atOnce} {
		done := make([]int, n)
		var group sync.WaitGroup
		group.Add(min(n, atOnce))
		err := Each(n, func(i int) error {
			done[i]++
			if i < atOnce {
				group.Done()
				group.Wait()
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		for i, times := range done {
			if times != 1 {
				t.Errorf("%d of %d was done %d times", i, n, times)
			}
		}
	}
}

// TestEachStops: an error is told, and not followed by all the rest.
func TestEachStops(t *testing.T) {
	wrong := errors.New("wrong")
	var begun atomic.Int64
	err := Each(1000, func(int) error { begun.Add(1); return wrong })
	if !errors.Is(err, wrong) || begun.Load() > atOnce {
		t.Errorf("%v, and %d were begun", err, begun.Load())
	}
}
