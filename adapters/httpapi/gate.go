package httpapi

import (
	"sync"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// unknownLength is what a body of unknown length counts against the budget.
const unknownLength = 64 << 20

// gate keeps the work under way within budgets. What does not fit is refused at
// once, before it costs anything, and told when to come again.
type gate struct {
	limits Limits
	mu     sync.Mutex
	total  [2]int            // requests under way: working, waiting
	actors map[string][2]int // the same by key
	bytes  int64             // of the bodies under way
}

func newGate(l Limits) *gate { return &gate{limits: l, actors: map[string][2]int{}} }

// kindOf is the place of a kind of request in the counts.
func kindOf(waits bool) int {
	if waits {
		return 1
	}
	return 0
}

// enter lets a request in whose body has the given length, -1 when unknown.
func (g *gate) enter(waits bool, length int64) (leave func(), err error) {
	if length < 0 {
		length = unknownLength
	}
	k := kindOf(waits)
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.total[k] >= [2]int{g.limits.Requests, g.limits.Waits}[k]:
		return nil, busy("requests", "the hub is working on as many requests as it can")
	case g.bytes > 0 && g.bytes+length > g.limits.Bytes:
		return nil, busy("bytes", "the hub is receiving as much as it can")
	}
	g.total[k]++
	g.bytes += length
	return func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.total[k]--
		g.bytes -= length
	}, nil
}

// admit lets a key have one more request under way.
func (g *gate) admit(actor string, waits bool) (leave func(), err error) {
	k := kindOf(waits)
	g.mu.Lock()
	defer g.mu.Unlock()
	counts := g.actors[actor]
	if counts[k] >= [2]int{g.limits.PerActor, g.limits.ActorWaits}[k] {
		return nil, busy("actor", "this key has too many requests under way")
	}
	counts[k]++
	g.actors[actor] = counts
	return func() { g.dismiss(actor, k) }, nil
}

func (g *gate) dismiss(actor string, k int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	counts := g.actors[actor]
	counts[k]--
	if counts == [2]int{} {
		delete(g.actors, actor)
		return
	}
	g.actors[actor] = counts
}

func busy(rule, message string) error {
	return &hub.Error{Kind: hub.KindBusy, Rule: rule, Message: message, RetryAfter: time.Second}
}
