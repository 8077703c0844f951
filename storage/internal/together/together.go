// Package together does at once what mostly waits for a disk or a network, and knows neither.
package together

import (
	"errors"
	"sync"
	"sync/atomic"
)

// atOnce is how many things are done at a time: enough for a disk to make files durable by
// one journal entry, few enough for others to get their turn.
const atOnce = 8

// Each calls do with each number below n and returns when all have ended, with all errors.
// Behind an error nothing new is begun.
func Each(n int, do func(i int) error) error {
	var group sync.WaitGroup
	var next atomic.Int64
	failures := make([]error, min(n, atOnce))
	for worker := range failures {
		group.Go(func() {
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				if failures[worker] = do(int(i)); failures[worker] != nil {
					next.Store(int64(n))
				}
			}
		})
	}
	group.Wait()
	return errors.Join(failures...)
}
