package amqp

import (
	"context"
	"errors"
	"hash/fnv"
	"sync"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/lienthong/lienthong/hub"
)

var (
	errAway     = &hub.Error{Kind: hub.KindUnavailable, Rule: "broker_away", Message: "the broker is away"}
	errBlocked  = &hub.Error{Kind: hub.KindUnavailable, Rule: "broker_blocked", Message: "the broker takes nothing: it is short of memory or disk"}
	errStalled  = &hub.Error{Kind: hub.KindUnavailable, Rule: "broker_stalled", Message: "the broker has stopped confirming"}
	errSlow     = &hub.Error{Kind: hub.KindUnavailable, Rule: "broker_slow", Message: "the broker did not confirm in time"}
	errLost     = &hub.Error{Kind: hub.KindUnavailable, Rule: "broker_lost", Message: "the connection to the broker was lost before it confirmed"}
	errRefused  = &hub.Error{Kind: hub.KindUnavailable, Rule: "broker_full", Message: "the broker refused the message: the queue is full or has no majority"}
	errNoRoute  = &hub.Error{Kind: hub.KindUnavailable, Rule: "broker_route", Message: "the broker has no queue for the message"}
	errFinished = errors.New("the queue was closed")
)

// publisher is a connection on which messages wait for their confirms, many at a time,
// on a channel for each queue: in the broker, a queue that does not answer holds the
// channels that write to it.
type publisher struct {
	queue  *Queue
	lanes  []*lane
	over   chan struct{} // closed when the session ends
	broken chan error    // gets the reason when a lane ends first

	mu      sync.Mutex
	halted  chan struct{} // closed while the broker takes nothing
	blocked bool
	// silent is a lane that stalled after the last confirm. When another one does, the
	// broker is stalled and not the queue, until the time that follows.
	silent *lane
	until  time.Time
}

// stallPause is how long what does not confirm is left alone, before somebody tries.
const stallPause = 10 * time.Second

// Lanes follow those of the shards.
const (
	urgentLane = iota
	deadLane
	agencyLanes
	otherLanes = agencyLanes + 4 // in all
)

// agencyLane is the lane of an agency, which it shares with others.
func (q *Queue) agencyLane(code hub.Code) int {
	h := fnv.New32a()
	h.Write([]byte(code))
	return q.Shards + agencyLanes + int(h.Sum32()%(otherLanes-agencyLanes))
}

// publishing is the session in which a Queue publishes.
func (q *Queue) publishing(ctx context.Context, c *connection, sound func()) error {
	ch, err := c.Channel()
	if err != nil {
		return err
	}
	if err := q.declare(ch); err != nil {
		return err
	}
	p := &publisher{queue: q, over: make(chan struct{}), broken: make(chan error, 1), halted: make(chan struct{})}
	lanes := q.Shards + otherLanes
	for range lanes {
		l, err := newLane(p, c, max(1, q.Window/lanes))
		if err != nil {
			return err
		}
		p.lanes = append(p.lanes, l)
	}
	blocked := c.NotifyBlocked(make(chan amqp091.Blocking, 1))
	q.publisher.Store(p)
	sound()
	var working sync.WaitGroup
	for _, l := range p.lanes {
		working.Go(l.write)
		working.Go(l.listen)
	}
	err = p.watch(ctx, c, blocked)
	q.publisher.Store(nil)
	close(p.over)
	c.close()
	working.Wait()
	return err
}

// watch waits for the end of the connection or of ctx.
func (p *publisher) watch(ctx context.Context, c *connection, blocked <-chan amqp091.Blocking) error {
	for {
		select {
		case <-ctx.Done():
			return errFinished
		case why := <-c.lost:
			return lostError(why)
		case err := <-p.broken:
			return err
		case b, ok := <-blocked:
			if !ok {
				blocked = nil
				continue
			}
			p.halt(ctx, b)
		}
	}
}

func lostError(e *amqp091.Error) error {
	if e == nil {
		return errLost
	}
	return e
}

// halt begins and ends the time in which the broker takes nothing.
func (p *publisher) halt(ctx context.Context, b amqp091.Blocking) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case b.Active && !p.blocked:
		p.blocked = true
		close(p.halted)
		p.queue.state.down(ctx, "blocked: "+b.Reason)
	case !b.Active && p.blocked:
		p.blocked = false
		p.halted = make(chan struct{})
		p.until = time.Time{}
		p.queue.state.up(ctx)
	}
}

// obstacles tells what stands before a message: when the broker takes nothing, and
// whether it has stopped confirming. After the pause one message may try.
func (p *publisher) obstacles() (halted <-chan struct{}, stalled bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.halted, !tryAgain(&p.until)
}

// tryAgain reports whether the time has come, and sets the next one.
func tryAgain(until *time.Time) bool {
	switch now := time.Now(); {
	case until.IsZero():
		return true
	case now.Before(*until):
		return false
	default:
		*until = now.Add(stallPause)
		return true
	}
}

// heard notes that the broker confirms.
func (p *publisher) heard() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.silent, p.until = nil, time.Time{}
}

// unheard notes that a lane has stalled.
func (p *publisher) unheard(l *lane) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.silent != nil && p.silent != l {
		p.until = time.Now().Add(stallPause)
	}
	p.silent = l
}

// publish hands a message over and waits for its outcome, for PublishLimit at most.
func (q *Queue) publish(ctx context.Context, laneNumber int, exchange, key string, m amqp091.Publishing) error {
	p := q.publisher.Load()
	if p == nil {
		return errAway
	}
	halted, stalled := p.obstacles()
	l := p.lanes[laneNumber]
	if stalled || l.stalled() {
		return errStalled
	}
	request := &publication{exchange: exchange, key: key, message: m, done: make(chan error, 1)}
	defer l.leave(request)
	limit := time.NewTimer(q.PublishLimit)
	defer limit.Stop()
	handOver := l.requests
	for {
		select {
		case handOver <- request:
			handOver = nil
		case err := <-request.done:
			return err
		case <-halted:
			return errBlocked
		case <-p.over:
			return errLost
		case <-ctx.Done():
			return away(ctx.Err(), "nobody waited for the broker's confirm")
		case <-limit.C:
			l.stall()
			return errSlow
		}
	}
}
