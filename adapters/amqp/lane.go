package amqp

import (
	"sync"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"
)

// publication is one message on its way into the broker.
type publication struct {
	exchange, key string
	message       amqp091.Publishing
	done          chan error // gets the outcome, for whoever still waits

	// Guarded by lane.mu.
	placed    bool // has a place in the window
	abandoned bool // nobody waits any more
	returned  bool // the broker gave it back
}

func (p *publication) finish(err error) {
	select {
	case p.done <- err:
	default: // it has an outcome
	}
}

// lane is one channel of a publisher. One goroutine writes, one listens: the broker
// can stop either, but never a caller.
type lane struct {
	*publisher
	channel  *amqp091.Channel
	closed   <-chan *amqp091.Error
	returns  <-chan amqp091.Return
	confirms <-chan amqp091.Confirmation
	requests chan *publication
	window   chan struct{} // a place for each message that somebody waits for

	mu     sync.Mutex
	tag    uint64
	flying map[uint64]*publication
	until  time.Time // a message waited too long, and none was confirmed since
}

func newLane(p *publisher, c *connection, window int) (*lane, error) {
	ch, err := c.Channel()
	if err != nil {
		return nil, err
	}
	if err := ch.Confirm(false); err != nil {
		return nil, err
	}
	return &lane{
		publisher: p, channel: ch, requests: make(chan *publication), window: make(chan struct{}, window),
		flying: map[uint64]*publication{}, closed: ch.NotifyClose(make(chan *amqp091.Error, 1)),
		// Without buffers: the client hands over a return before the confirm that follows.
		returns: ch.NotifyReturn(make(chan amqp091.Return)), confirms: ch.NotifyPublish(make(chan amqp091.Confirmation)),
	}, nil
}

// write gives messages to the broker, one after the other.
func (l *lane) write() {
	for {
		select {
		case <-l.over:
			return
		case l.window <- struct{}{}:
		}
		request := l.next()
		if request == nil {
			return
		}
		l.queue.count.published.Add(1)
		if err := l.channel.Publish(request.exchange, request.key, true, false, request.message); err != nil {
			request.finish(away(err, "the broker did not take the message"))
			l.end(err)
			return
		}
	}
}

// next waits for a message that somebody waits for, and notes it as flying.
func (l *lane) next() *publication {
	for {
		select {
		case <-l.over:
			return nil
		case request := <-l.requests:
			if l.fly(request) {
				return request
			}
		}
	}
}

func (l *lane) fly(request *publication) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if request.abandoned {
		return false
	}
	request.placed = true
	l.tag++
	l.flying[l.tag] = request
	return true
}

// leave ends the waiting for a message, and makes a place in the window.
func (l *lane) leave(request *publication) {
	l.mu.Lock()
	defer l.mu.Unlock()
	request.abandoned = true
	if request.placed {
		request.placed = false
		<-l.window
	}
}

// listen hears what becomes of messages until the channel ends. It listens on while
// the connection is being closed: the client waits for its listeners.
func (l *lane) listen() {
	closed := l.closed
	for l.returns != nil || l.confirms != nil {
		select {
		case why := <-closed:
			l.end(lostError(why))
			closed = nil
		case r, ok := <-l.returns:
			if ok {
				l.noRoute(r)
			} else {
				l.returns = nil
			}
		case c, ok := <-l.confirms:
			if ok {
				l.settle(c)
			} else {
				l.confirms = nil
			}
		}
	}
}

// end ends the session of the publisher.
func (l *lane) end(err error) {
	select {
	case l.broken <- err:
	default: // another lane was first
	}
}

// settle brings the broker's verdict to whoever waits for it.
func (l *lane) settle(c amqp091.Confirmation) {
	l.mu.Lock()
	request := l.flying[c.DeliveryTag]
	delete(l.flying, c.DeliveryTag)
	l.until = time.Time{}
	l.mu.Unlock()
	if request == nil {
		return
	}
	l.heard()
	switch count := &l.queue.count; {
	case request.returned: // confirmed, and in no queue
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
func (l *lane) noRoute(r amqp091.Return) {
	l.mu.Lock()
	for _, request := range l.flying {
		if request.message.MessageId == r.MessageId && request.key == r.RoutingKey && request.exchange == r.Exchange {
			request.returned = true
		}
	}
	l.mu.Unlock()
	if r.Exchange == workExchange {
		l.queue.repair()
	}
}

// stall notes that a message was not confirmed in time: others fail at once until one
// of them is, or the pause is over.
func (l *lane) stall() {
	l.mu.Lock()
	waiting := len(l.flying) > 0 // else it never went away: this process is slow
	if waiting {
		l.until = time.Now().Add(stallPause)
	}
	l.mu.Unlock()
	if waiting {
		l.unheard(l)
	}
}

func (l *lane) stalled() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !tryAgain(&l.until)
}
