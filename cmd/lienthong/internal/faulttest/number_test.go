package faulttest

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/lienthong/lienthong/adapters/hubclient"
)

// TestNumbersThroughKills takes numbers from many sides of a hub that is killed meanwhile:
// every wish gets one number in the end, none is given twice, and the series has no gap.
func TestNumbersThroughKills(t *testing.T) {
	throughKills(t, takeThroughKills)
}

func takeThroughKills(t *testing.T, env []string, kills int) {
	t.Helper()
	h := startMortal(t, env)
	take := func(key string) (number int64, err error) {
		err = h.call(func(c *hubclient.Client) error {
			n, err := c.TakeNumber(t.Context(), hubclient.NumberWish{Kind: "Quyết định", Notation: "QĐ-UBND", Key: key})
			number = n.Number
			return err
		})
		return number, err
	}
	var mu sync.Mutex
	given := map[string]int64{}
	var stop atomic.Bool
	var takers sync.WaitGroup
	for i := range 6 {
		takers.Go(func() {
			for n := 0; !stop.Load(); n++ {
				key := fmt.Sprintf("%d-%d", i, n)
				var number int64
				h.insist(func() (err error) {
					number, err = take(key)
					return err
				})
				mu.Lock()
				given[key] = number
				mu.Unlock()
			}
		})
	}
	h.kill(kills, func() int {
		mu.Lock()
		defer mu.Unlock()
		return len(given)
	})
	stop.Store(true)
	takers.Wait()
	numbers := make([]int64, 0, len(given))
	for key, number := range given {
		if again, err := take(key); err != nil || again != number {
			t.Errorf("the key of %d took %d afterwards, %v", number, again, err)
		}
		numbers = append(numbers, number)
	}
	slices.Sort(numbers)
	for i, n := range numbers {
		if n != int64(i+1) {
			t.Fatalf("of %d numbers the %dth is %d", len(numbers), i+1, n)
		}
	}
	t.Logf("%d numbers, %d kills", len(numbers), kills)
}
