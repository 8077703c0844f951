package hub

import (
	"slices"
	"sync"
	"time"
)

// ConnectionWay is a way in which an agency is connected, as a connection test walks it.
type ConnectionWay string

// The ways.
const (
	WayHub     ConnectionWay = "hub"     // what every document takes inside the hub
	WayREST    ConnectionWay = "rest"    // the API, which the folders of lienthong drop use, too
	WayVXP     ConnectionWay = "vxp"     // the protocol of the national axis, spoken here
	WayLGSP    ConnectionWay = "lgsp"    // the provincial API, spoken here
	WayAMQP    ConnectionWay = "amqp"    // the agency's queue in RabbitMQ
	WayAxis    ConnectionWay = "axis"    // another axis, over which the agency is reached
	WayWebhook ConnectionWay = "webhook" // a subscription
	WayMail    ConnectionWay = "mail"    // a subscription
	WayClient  ConnectionWay = "client"  // from the machine of the caller to the hub; the hub cannot walk it
)

// ConnectionWays lists the ways.
func ConnectionWays() []ConnectionWay {
	return []ConnectionWay{WayHub, WayREST, WayVXP, WayLGSP, WayAMQP, WayAxis, WayWebhook, WayMail, WayClient}
}

// TestHop is one part of a way that is tested by itself.
type TestHop string

// The hops.
const (
	HopHealth   TestHop = "health"   // the hub can serve
	HopAgency   TestHop = "agency"   // the agency is in force and has a code
	HopStore    TestHop = "store"    // the file of the test document is stored and read back
	HopRules    TestHop = "rules"    // the test document passes the checks of a submission
	HopPackage  TestHop = "package"  // it is packed as edXML, and the package read again
	HopBox      TestHop = "box"      // the box of the agency can be read
	HopKey      TestHop = "key"      // the agency has a credential in force
	HopName     TestHop = "name"     // the name of the machine is found
	HopConnect  TestHop = "connect"  // a connection opens
	HopTLS      TestHop = "tls"      // TLS is trusted
	HopSignIn   TestHop = "sign_in"  // the other side lets in who calls
	HopAnswer   TestHop = "answer"   // the other side answers as it must
	HopInUse    TestHop = "in_use"   // the subscription is not paused
	HopQueue    TestHop = "queue"    // the queue is there
	HopConsumer TestHop = "consumer" // somebody reads it
	HopMessage  TestHop = "message"  // a message of the test is taken over
)

// TestHops lists the hops.
func TestHops() []TestHop {
	return []TestHop{
		HopHealth, HopAgency, HopStore, HopRules, HopPackage, HopBox, HopKey, HopName, HopConnect, HopTLS, HopSignIn, HopAnswer,
		HopInUse, HopQueue, HopConsumer, HopMessage,
	}
}

// TestedHop is what came of a hop.
type TestedHop struct {
	Hop    TestHop `json:"hop"`
	Passed bool    `json:"passed"`
	TookMS float64 `json:"took_ms"` // milliseconds
	// Count is how many were found: bytes of store and package, credentials of key, what
	// waits for the agency of answer and queue, readers of consumer.
	Count  *int      `json:"count,omitempty"`
	Until  time.Time `json:"until,omitzero"`   // when the last credential of key ends
	Detail string    `json:"detail,omitempty"` // what was found besides, in English
	Error  string    `json:"error,omitempty"`  // why it failed, in English; tells no secret
	Said   *Sentence `json:"said,omitempty"`   // detail or error, for readers of other languages
}

// TestedWay is what came of a way. It ends with the first hop that the next ones need.
type TestedWay struct {
	Way    ConnectionWay `json:"way"`
	Target string        `json:"target,omitempty"` // which of several
	Passed bool          `json:"passed"`
	Hops   []TestedHop   `json:"hops"`
}

// ConnectionTest is what came of testing how an agency is connected. Nothing of it is
// recorded: its document is none.
type ConnectionTest struct {
	Agency AgencyID    `json:"agency"`
	Code   Code        `json:"code"`
	Begun  time.Time   `json:"begun"`   // UTC
	TookMS float64     `json:"took_ms"` // milliseconds
	Passed bool        `json:"passed"`
	Ways   []TestedWay `json:"ways"`
}

// Hops times the hops of a way, one behind the other. It is safe for concurrent use; nil
// times nothing.
type Hops struct {
	now func() time.Time
	// failed is told why a hop failed, for the log of the hub.
	failed func(TestHop, error)
	mu     sync.Mutex
	mark   time.Time // when the last hop ended
	list   []TestedHop
}

// NewHops begins with the first hop. failed is told why a hop failed, in full.
func NewHops(now func() time.Time, failed func(TestHop, error)) *Hops {
	return &Hops{now: now, failed: failed, mark: now(), list: []TestedHop{}}
}

// Pass ends a hop that was made.
func (h *Hops) Pass(hop TestHop, detail string) {
	h.end(TestedHop{Hop: hop, Passed: true, Detail: detail})
}

// PassCount ends a hop that was made and found so many, and until when it holds.
func (h *Hops) PassCount(hop TestHop, count int, until time.Time) {
	h.end(TestedHop{Hop: hop, Passed: true, Count: &count, Until: until})
}

// Fail ends a hop that failed. What is the hub's own business stays with it.
func (h *Hops) Fail(hop TestHop, err error) {
	if h == nil {
		return
	}
	h.failed(hop, err)
	h.end(TestedHop{Hop: hop, Error: Told(err), Said: SaidOf(err)})
}

// FailNext ends, of hops in their order, the one behind the last that was made.
func (h *Hops) FailNext(err error, order ...TestHop) {
	next := 0
	for i, hop := range order {
		if h.Has(hop) {
			next = min(i+1, len(order)-1)
		}
	}
	h.Fail(order[next], err)
}

// Do makes a hop and reports whether the next can be made.
func (h *Hops) Do(hop TestHop, do func() (detail string, err error)) bool {
	return h.DoSaying(hop, func() (string, *Sentence, error) {
		detail, err := do()
		return detail, nil, err
	})
}

// DoSaying is Do of a hop whose detail is a sentence.
func (h *Hops) DoSaying(hop TestHop, do func() (detail string, said *Sentence, err error)) bool {
	detail, said, err := do()
	if err != nil {
		h.Fail(hop, err)
		return false
	}
	h.end(TestedHop{Hop: hop, Passed: true, Detail: detail, Said: said})
	return true
}

// Count makes a hop that counts, as Do does.
func (h *Hops) Count(hop TestHop, do func() (count int, err error)) bool {
	count, err := do()
	if err != nil {
		h.Fail(hop, err)
		return false
	}
	h.PassCount(hop, count, time.Time{})
	return true
}

func (h *Hops) end(t TestedHop) {
	if h == nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.now()
	t.TookMS, h.mark = Milliseconds(now.Sub(h.mark)), now
	h.list = append(h.list, t)
}

// List returns the hops that have ended.
func (h *Hops) List() []TestedHop {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.list)
}

// Has reports whether a hop has ended.
func (h *Hops) Has(hop TestHop) bool {
	return h != nil && slices.ContainsFunc(h.List(), func(t TestedHop) bool { return t.Hop == hop })
}

// Way sums hops up.
func (h *Hops) Way(way ConnectionWay, target string) TestedWay {
	list := h.List()
	failed := slices.ContainsFunc(list, func(t TestedHop) bool { return !t.Passed })
	return TestedWay{Way: way, Target: target, Passed: !failed && len(list) > 0, Hops: list}
}

// Milliseconds is a time as connection tests tell it, to the microsecond.
func Milliseconds(d time.Duration) float64 { return float64(max(d, 0).Microseconds()) / 1000 }

// TestTurn is the turn of an agency at having its connection tested.
type TestTurn struct {
	Agency AgencyID
	Ends   time.Time // when the test is over; while it runs, when it is over at the latest
	Free   time.Time // from when on the agency may be tested again
}
