package signing

import (
	"errors"
	"sync"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/signing/jose"
)

// gatherPace is from the beginning of one signature to that of the next, where acts come
// faster: about what it takes to make their transaction durable, for which they wait anyway.
const gatherPace = 5 * time.Millisecond

// mostSpared is how many signatures in a row do not wait for others where nobody came.
const mostSpared = 64

// gatherer lets acts share a signature that come at nearly the same moment. Who comes when
// nothing was signed for a while signs at once: an act that is alone is not delayed. Else
// signatures keep a pace, and the first who waits signs for all who came meanwhile; a key
// that is slower than the pace serves any number of acts as fast as it can. Acts that come
// one behind the other share nothing, so that a rest for which nobody came is not taken
// again for the next signature, then the next two, and so on.
type gatherer struct {
	sign func(batch []*hub.SealedEvidence) error // one signature; it writes their JWS
	pace time.Duration

	mu      sync.Mutex
	signing bool
	waiting []*waiter // oldest first
	last    time.Time // when the last signature began
	spare   int       // so many signatures from now on take no rest
	idle    int       // what spare becomes with the next rest for which nobody comes
}

// waiter is an act that wants its evidences signed.
type waiter struct {
	batch []hub.SealedEvidence
	err   error
	turn  chan bool // true: it was signed for, err says how; false: its turn to sign
}

var errBrokenOff = errors.New("signing was broken off")

// do signs 1 to jose.MaxBatch evidences, together with what else waits.
func (g *gatherer) do(batch []hub.SealedEvidence) error {
	w := &waiter{batch: batch, err: errBrokenOff, turn: make(chan bool, 1)}
	g.mu.Lock()
	g.waiting = append(g.waiting, w)
	follow := g.signing
	g.signing = true
	g.mu.Unlock()
	if !follow || !<-w.turn {
		g.lead()
	}
	return w.err
}

// lead signs for those who wait, the first of whom is the caller, as far as a batch
// reaches, and hands over to the next.
func (g *gatherer) lead() {
	g.rest()
	group := g.take()
	defer g.pass(group) // also when the key panics: the others must not wait for ever
	var all []*hub.SealedEvidence
	for _, w := range group {
		for i := range w.batch {
			all = append(all, &w.batch[i])
		}
	}
	err := g.sign(all)
	for _, w := range group {
		w.err = err
	}
}

// rest keeps the pace, for others to come meanwhile.
func (g *gatherer) rest() {
	g.mu.Lock()
	defer g.mu.Unlock()
	wait := g.pace - time.Since(g.last)
	if wait <= 0 {
		return
	}
	if g.spare > 0 {
		g.spare--
		return
	}
	g.mu.Unlock()
	time.Sleep(wait)
	g.mu.Lock()
	if len(g.waiting) > 1 {
		g.idle = 1
		return
	}
	g.spare, g.idle = g.idle, min(2*g.idle, mostSpared)
}

func (g *gatherer) take() []*waiter {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.last = time.Now()
	n, size := 0, 0
	for n < len(g.waiting) && size+len(g.waiting[n].batch) <= jose.MaxBatch {
		size += len(g.waiting[n].batch)
		n++
	}
	group := g.waiting[:n:n]
	g.waiting = g.waiting[n:]
	return group
}

// pass wakes the next to sign and those who were signed for.
func (g *gatherer) pass(group []*waiter) {
	g.mu.Lock()
	if g.signing = len(g.waiting) > 0; g.signing {
		g.waiting[0].turn <- false
	}
	g.mu.Unlock()
	for _, w := range group[1:] {
		w.turn <- true
	}
}
