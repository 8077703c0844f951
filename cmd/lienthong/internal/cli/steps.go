package cli

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// steps shows the counts of long work on a terminal, one line for each step.
type steps struct {
	mu    sync.Mutex
	w     io.Writer
	doing string
	last  time.Time
}

func newSteps(w io.Writer) *steps { return &steps{w: w} }

// tell shows how far a step is; total is 0 while it is unknown. Counts of parallel
// work may come out of order.
func (s *steps) tell(doing string, done, total int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.doing == doing && done != total && time.Since(s.last) < 200*time.Millisecond {
		return
	}
	if s.doing != "" && s.doing != doing {
		fmt.Fprintln(s.w)
	}
	s.doing, s.last = doing, time.Now()
	if total > 0 {
		fmt.Fprintf(s.w, "\r%s: %d of %d", doing, done, total)
	} else {
		fmt.Fprintf(s.w, "\r%s: %d", doing, done)
	}
	if done == total {
		fmt.Fprintln(s.w)
		s.doing = ""
	}
}
