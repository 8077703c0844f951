package httpapi

import (
	"sync"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// unknownLength is what a body of unknown length counts against the budget.
const unknownLength = 16 << 20

// gate keeps the work under way within budgets. What does not fit is refused at
// once, before it costs anything, and told when to come again.
type gate struct {
	limits Limits
	mu     sync.Mutex
	total  [2]int // requests under way: working, waiting
	now    func() time.Time
	actors map[string]*account // by key, of those who asked lately
	swept  time.Time           // when accounts that are full again were forgotten
	bytes  int64               // of the bodies under way
}

// account is what one key has under way and may still ask for now.
type account struct {
	underWay [2]int
	bytes    int64   // of its bodies under way
	tokens   float64 // requests that may begin at once
	at       time.Time
}

func newGate(l Limits, now func() time.Time) *gate {
	return &gate{limits: l, now: now, actors: map[string]*account{}}
}

// anybody is the account of all who need no key. No key has this name.
const anybody = ""

// kindOf is the place of a kind of request in the counts.
func kindOf(waits bool) int {
	if waits {
		return 1
	}
	return 0
}

// enter lets a request in.
func (g *gate) enter(waits bool) (leave func(), err error) {
	k := kindOf(waits)
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.total[k] >= [2]int{g.limits.Requests, g.limits.Waits}[k] {
		return nil, busy("requests", "the hub is working on as many requests as it can")
	}
	g.total[k]++
	return func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.total[k]--
	}, nil
}

// admit lets a key have one more request under way whose body has the given length,
// -1 when unknown, within its budgets: requests at once, in a second, and bytes. No key
// can use up what all keys share.
func (g *gate) admit(actor string, waits bool, length int64) (leave func(), err error) {
	k := kindOf(waits)
	if length < 0 {
		length = unknownLength
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	a := g.account(actor)
	who := "this key"
	if actor == anybody {
		who = "the public together"
	}
	switch {
	case a.underWay[k] >= [2]int{g.limits.PerActor, g.limits.ActorWaits}[k]:
		return nil, busy("actor", who+" has too many requests under way")
	case a.tokens < 1:
		return nil, busy("rate", who+" asks more often than its budget allows")
	case a.bytes > 0 && a.bytes+length > g.limits.ActorBytes:
		return nil, busy("actor_bytes", "this key is sending as much at once as it may")
	case g.bytes > 0 && g.bytes+length > g.limits.Bytes:
		return nil, busy("bytes", "the hub is receiving as much as it can")
	}
	a.tokens--
	a.underWay[k]++
	a.bytes += length
	g.bytes += length
	return func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		a.underWay[k]--
		a.bytes -= length
		g.bytes -= length
	}, nil
}

// account returns what a key has left now.
func (g *gate) account(actor string) *account {
	now, full := g.now(), float64(2*g.limits.Rate)
	if now.Sub(g.swept) > time.Minute {
		g.swept = now
		for name, a := range g.actors {
			if a.underWay == [2]int{} && now.Sub(a.at) > 2*time.Second {
				delete(g.actors, name) // it would be full
			}
		}
	}
	a := g.actors[actor]
	if a == nil {
		a = &account{tokens: full}
		g.actors[actor] = a
	} else if passed := now.Sub(a.at).Seconds(); passed > 0 {
		a.tokens = min(full, a.tokens+passed*float64(g.limits.Rate))
	}
	a.at = now
	return a
}

func busy(rule, message string) error {
	return &hub.Error{Kind: hub.KindBusy, Rule: rule, Message: message, RetryAfter: time.Second}
}
