package amqp

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/lienthong/lienthong/hub"
)

// publication is one message on its way into the broker.
type publication struct {
	exchange, key string
	message       amqp091.Publishing
	done          chan error // gets the outcome once, for whoever still waits
	abandoned     atomic.Bool
	returned      bool // guarded by publisher.mu
}

func (p *publication) finish(err error) {
	select {
	case p.done <- err:
	default: // it has an outcome
	}
}

var (
	errAway     = &hub.Error{Kind: hub.KindUnavailable, Message: "the broker is away"}
	errBlocked  = &hub.Error{Kind: hub.KindUnavailable, Message: "the broker takes nothing: it is short of memory or disk"}
	errStalled  = &hub.Error{Kind: hub.KindUnavailable, Message: "the broker has stopped confirming"}
	errSlow     = &hub.Error{Kind: hub.KindUnavailable, Message: "the broker did not confirm in time"}
	errLost     = &hub.Error{Kind: hub.KindUnavailable, Message: "the connection to the broker was lost before it confirmed"}
	errRefused  = &hub.Error{Kind: hub.KindUnavailable, Message: "the broker refused the message: the queue is full or has no majority"}
	errNoRoute  = &hub.Error{Kind: hub.KindUnavailable, Message: "the broker has no queue for the message"}
	errFinished = errors.New("the queue was closed")
)

// publisher is a connection on which messages wait for their confirms, many at a time.
// One goroutine writes, one listens; the broker can stop either, but never a caller.
type publisher struct {
	queue    *Queue
	channel  *amqp091.Channel
	requests chan *publication
	window   chan struct{} // a place for each message without a confirm

	mu      sync.Mutex
	tag     uint64
	flying  map[uint64]*publication
	halted  chan struct{} // closed while the broker takes nothing
	blocked bool
	stalled atomic.Bool // a message waited too long, and none was confirmed since
	over    chan struct{}
}

// ears are what a publisher hears of the broker. Nothing has a buffer: the client hands
// over a return before the confirm that follows it.
type ears struct {
	lost, closed <-chan *amqp091.Error
	blocked      <-chan amqp091.Blocking
	returns      <-chan amqp091.Return
	confirms     <-chan amqp091.Confirmation
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
	if err := ch.Confirm(false); err != nil {
		return err
	}
	p := &publisher{
		queue: q, channel: ch, requests: make(chan *publication), window: make(chan struct{}, q.Window),
		flying: map[uint64]*publication{}, halted: make(chan struct{}), over: make(chan struct{}),
	}
	e := ears{
		c.lost, ch.NotifyClose(make(chan *amqp091.Error, 1)), c.NotifyBlocked(make(chan amqp091.Blocking)),
		ch.NotifyReturn(make(chan amqp091.Return)), ch.NotifyPublish(make(chan amqp091.Confirmation)),
	}
	q.publisher.Store(p)
	sound()
	var working sync.WaitGroup
	working.Go(p.write)
	err = p.listen(ctx, e)
	q.publisher.Store(nil)
	close(p.over)
	working.Go(func() { p.drain(e) })
	c.close()
	working.Wait()
	p.giveUp(errLost)
	return err
}

// listen hears what becomes of messages until the connection or ctx ends.
func (p *publisher) listen(ctx context.Context, e ears) error {
	for {
		select {
		case <-ctx.Done():
			return errFinished
		case why := <-e.lost:
			return lostError(why)
		case why := <-e.closed:
			return lostError(why)
		case b, ok := <-e.blocked:
			if ok {
				p.halt(ctx, b)
			} else {
				e.blocked = nil
			}
		case r, ok := <-e.returns:
			if !ok {
				return errLost
			}
			p.noRoute(r)
		case c, ok := <-e.confirms:
			if !ok {
				return errLost
			}
			p.settle(c)
		}
	}
}

// drain hears the rest while the connection ends: the client waits for its listeners.
func (p *publisher) drain(e ears) {
	for e.returns != nil || e.confirms != nil || e.blocked != nil {
		select {
		case _, ok := <-e.blocked:
			if !ok {
				e.blocked = nil
			}
		case r, ok := <-e.returns:
			if ok {
				p.noRoute(r)
			} else {
				e.returns = nil
			}
		case c, ok := <-e.confirms:
			if ok {
				p.settle(c)
			} else {
				e.confirms = nil
			}
		}
	}
}

func lostError(e *amqp091.Error) error {
	if e == nil {
		return errLost
	}
	return e
}

// publish hands a message over and waits for its outcome, for PublishLimit at most.
func (q *Queue) publish(ctx context.Context, exchange, key string, m amqp091.Publishing) error {
	p := q.publisher.Load()
	if p == nil {
		return errAway
	}
	halted := p.halting()
	if p.stalled.Load() {
		return errStalled
	}
	request := &publication{exchange: exchange, key: key, message: m, done: make(chan error, 1)}
	limit := time.NewTimer(q.PublishLimit)
	defer limit.Stop()
	handOver := p.requests
	for {
		select {
		case handOver <- request:
			handOver = nil
		case err := <-request.done:
			return err
		case <-halted:
			request.abandoned.Store(true)
			return errBlocked
		case <-p.over:
			return errLost
		case <-ctx.Done():
			request.abandoned.Store(true)
			return away(ctx.Err(), "nobody waited for the broker's confirm")
		case <-limit.C:
			request.abandoned.Store(true)
			p.stall()
			return errSlow
		}
	}
}

// write gives messages to the broker, one after the other.
func (p *publisher) write() {
	for {
		select {
		case <-p.over:
			return
		case p.window <- struct{}{}:
		}
		request := p.next()
		if request == nil {
			return
		}
		p.queue.count.published.Add(1)
		if err := p.channel.Publish(request.exchange, request.key, true, false, request.message); err != nil {
			request.finish(away(err, "the broker did not take the message"))
			return // the connection is lost, and what else flies with it
		}
	}
}

// next waits for a message that somebody waits for, and notes it as flying.
func (p *publisher) next() *publication {
	for {
		select {
		case <-p.over:
			return nil
		case request := <-p.requests:
			if request.abandoned.Load() {
				continue
			}
			p.mu.Lock()
			p.tag++
			p.flying[p.tag] = request
			p.mu.Unlock()
			return request
		}
	}
}

// settle brings the broker's verdict to whoever waits for it.
func (p *publisher) settle(c amqp091.Confirmation) {
	p.mu.Lock()
	request, returned := p.flying[c.DeliveryTag], false
	if request != nil {
		returned = request.returned
	}
	delete(p.flying, c.DeliveryTag)
	p.stalled.Store(false)
	p.mu.Unlock()
	if request == nil {
		return
	}
	<-p.window
	switch count := &p.queue.count; {
	case returned: // confirmed, and in no queue
		count.returned.Add(1)
		request.finish(errNoRoute)
	case !c.Ack:
		count.nacked.Add(1)
		request.finish(errRefused)
	default:
		count.confirmed.Add(1)
		request.finish(nil)
	}
}

// noRoute marks the messages that the broker gave back. The same message twice goes
// the same way twice.
func (p *publisher) noRoute(r amqp091.Return) {
	p.mu.Lock()
	for _, request := range p.flying {
		if request.message.MessageId == r.MessageId && request.key == r.RoutingKey && request.exchange == r.Exchange {
			request.returned = true
		}
	}
	p.mu.Unlock()
	if r.Exchange == workExchange {
		p.queue.repair()
	}
}

// halt begins and ends the time in which the broker takes nothing.
func (p *publisher) halt(ctx context.Context, b amqp091.Blocking) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case b.Active && !p.blocked:
		p.blocked = true
		close(p.halted)
		for _, request := range p.flying {
			request.finish(errBlocked)
		}
		p.queue.state.down(ctx, "blocked: "+b.Reason)
	case !b.Active && p.blocked:
		p.blocked = false
		p.halted = make(chan struct{})
		p.stalled.Store(false)
		p.queue.state.up(ctx)
	}
}

// stall lets everybody else fail at once until a message that flies is confirmed, or
// the connection ends.
func (p *publisher) stall() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stalled.Store(len(p.flying) > 0)
}

func (p *publisher) halting() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.halted
}

func (p *publisher) giveUp(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, request := range p.flying {
		request.finish(err)
	}
}
