package delivery

import (
	"context"
	"sync"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// How many jobs wait in a lane, for each worker of the lane and of the recipient.
const waitingPerWorker = 8

// lane is one channel with its workers. Jobs wait in it in their order, but no
// recipient can fill it: what has no room stays in the database for later.
type lane struct {
	carrier      Carrier
	workers      int
	perRecipient int
	breaker      Breaker

	mu      sync.Mutex
	running int
	waiting []*job
	known   map[hub.DeliveryID]bool // waiting or being carried
	share   map[hub.AgencyID]*share
	// circuits of recipients whose last carry failed.
	circuits map[hub.AgencyID]*circuit
}

// share is what one recipient has of a lane.
type share struct{ waiting, running int }

// job is one carry that was asked for.
type job struct {
	item hub.Item
	live context.Context //nolint:containedctx // when it ends before the carry begins, there is none
	work context.Context //nolint:containedctx // when it ends, the carry is cut off
	done func(settled bool)
}

func newLane(carrier Carrier, o *Options) *lane {
	return &lane{
		carrier: carrier, workers: o.Workers, perRecipient: o.PerRecipient, breaker: o.Breaker,
		known: map[hub.DeliveryID]bool{}, share: map[hub.AgencyID]*share{}, circuits: map[hub.AgencyID]*circuit{},
	}
}

// admission is what became of an offer.
type admission int

const (
	admitted admission = iota
	known              // the delivery is in the lane already
	crowded            // no room, for now
)

// offer lets a job wait in the lane, and starts a worker for it if one is free. When
// the recipient's endpoint is left alone, the job is crowded out until the time returned.
func (l *lane) offer(j *job, now time.Time, carry func(*lane, *job) bool) (admission, time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	recipient := j.item.Delivery.Recipient
	mine := l.share[recipient]
	if mine == nil {
		mine = &share{}
	}
	switch {
	case l.known[j.item.Delivery.ID]:
		return known, time.Time{}
	case len(l.waiting) >= waitingPerWorker*l.workers || mine.waiting >= waitingPerWorker*l.perRecipient:
		return crowded, now.Add(crowdedPause)
	}
	if until := l.closedUntil(recipient, now); !until.IsZero() {
		return crowded, until
	}
	l.known[j.item.Delivery.ID] = true
	l.share[recipient] = mine
	mine.waiting++
	l.waiting = append(l.waiting, j)
	if l.running < l.workers {
		l.running++
		go l.serve(carry)
	}
	return admitted, time.Time{}
}

// serve is one worker: it lives as long as there is a job for it. A job that
// waits for its recipient's share is taken by the worker that frees it.
func (l *lane) serve(carry func(*lane, *job) bool) {
	for {
		j := l.next()
		if j == nil {
			return
		}
		settled := j.live.Err() == nil && carry(l, j)
		l.untried(j.item.Delivery.Recipient)
		l.leave(j)
		j.done(settled)
	}
}

// next takes the first job whose recipient has a share left; without one the
// worker ends.
func (l *lane) next() *job {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, j := range l.waiting {
		mine := l.share[j.item.Delivery.Recipient]
		if mine.running < l.perRecipient {
			mine.waiting--
			mine.running++
			l.waiting = append(l.waiting[:i:i], l.waiting[i+1:]...)
			return j
		}
	}
	l.running--
	return nil
}

func (l *lane) leave(j *job) {
	l.mu.Lock()
	defer l.mu.Unlock()
	recipient := j.item.Delivery.Recipient
	mine := l.share[recipient]
	mine.running--
	if mine.running == 0 && mine.waiting == 0 {
		delete(l.share, recipient)
	}
	delete(l.known, j.item.Delivery.ID)
}
