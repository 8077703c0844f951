package signing

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// paced is a gatherer whose key takes no time, and how many evidences each signature covered.
func paced() (*gatherer, *[]int) {
	var sizes []int
	g := &gatherer{pace: gatherPace, idle: 1, sign: func(batch []*hub.SealedEvidence) error {
		sizes = append(sizes, len(batch))
		return nil
	}}
	return g, &sizes
}

func (g *gatherer) one(t *testing.T) time.Duration {
	begun := time.Now()
	if err := g.do(make([]hub.SealedEvidence, 1)); err != nil {
		t.Error(err)
	}
	return time.Since(begun)
}

// Acts share a signature that come within the pace behind the last one; none waits longer.
func TestActsThatComeWithinThePaceShareASignature(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, sizes := paced()
		if took := g.one(t); took != 0 {
			t.Errorf("the first act waited %s", took)
		}
		var group sync.WaitGroup
		for i := range 10 {
			group.Go(func() {
				time.Sleep(time.Duration(i) * gatherPace / 20)
				if took := g.one(t); took > gatherPace {
					t.Errorf("act %d waited %s", i, took)
				}
			})
		}
		group.Wait()
		if len(*sizes) != 2 || (*sizes)[1] != 10 {
			t.Errorf("signatures over %v evidences, want one and ten", *sizes)
		}
	})
}

// An act that comes alone waits for nobody.
func TestAnActThatIsAloneIsNotDelayed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, sizes := paced()
		for i := range 5 {
			if took := g.one(t); took != 0 {
				t.Errorf("act %d waited %s", i, took)
			}
			time.Sleep(gatherPace)
		}
		if len(*sizes) != 5 {
			t.Errorf("%d signatures for 5 acts", len(*sizes))
		}
	})
}

// Acts one behind the other share nothing, and soon stop waiting for others; once others
// come again they share again.
func TestActsOneBehindTheOtherHardlyWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, sizes := paced()
		const acts = 1000
		var waited time.Duration
		for range acts {
			waited += g.one(t)
		}
		if rests := waited / gatherPace; rests > 25 {
			t.Errorf("%d acts took %d rests", acts, rests)
		}
		time.Sleep(gatherPace)
		var group sync.WaitGroup
		for range 20 * mostSpared {
			group.Go(func() { g.one(t) })
			time.Sleep(gatherPace / 10)
		}
		group.Wait()
		if extra := len(*sizes) - acts; extra > 5*mostSpared {
			t.Errorf("%d signatures for %d acts at ten times the pace", extra, 20*mostSpared)
		}
	})
}
