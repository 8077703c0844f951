package signing

import (
	"errors"
	"sync"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/signing/jose"
)

// gatherer lets acts share a signature that wait for one at the same moment. Who finds
// nobody signing signs at once; who comes meanwhile waits for no more than the signature
// under way, and the first of those then signs for all of them. There is no timer: an
// act that is alone is not delayed, and a key that makes a dozen signatures a second
// serves any number of acts.
type gatherer struct {
	sign func(batch []*hub.SealedEvidence) error // one signature; it writes their JWS

	mu      sync.Mutex
	signing bool
	waiting []*waiter // oldest first
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

func (g *gatherer) take() []*waiter {
	g.mu.Lock()
	defer g.mu.Unlock()
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
