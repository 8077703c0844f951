package bench

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"
)

// round is one load on one target.
type round struct {
	*session
	sc        *Scenario
	target    *target
	documents map[int]document
	cancel    context.CancelFunc
	begin     time.Time
	first     int64 // number of the first document

	mu       sync.Mutex
	free     *sync.Cond // something was handed over, or the round was given up
	tally    tally
	issued   int64               // documents begun
	sentAt   map[int64]time.Time // of those not handed over to all who collect
	left     map[int64]int       // collectors that have not got it, by document
	sending  int                 // senders that have not ended
	failure  error
	complete chan struct{} // closed when all is sent and collected
}

// outstanding bounds the documents between acceptance and hand-over: the rate of
// submissions is then one that the recipients can follow. It is far more than what
// is under way at the same time.
const outstanding = 256

// collectorsPerRecipient work beside one another: one downloads while another
// acknowledges.
const collectorsPerRecipient = 2

// lostPause is how long a patient client waits before it asks again.
const lostPause = 50 * time.Millisecond

// drainLimit is how long the last documents of a round may take.
const drainLimit = 5 * time.Minute

// round sends documents through a target until the count or the time is over and
// waits until all of them are handed over.
func (s *session) round(outer context.Context, sc *Scenario, t *target, documents map[int]document, warm bool) (*tally, error) {
	ctx, cancel := context.WithCancel(outer)
	defer cancel()
	length := sc.For
	if warm {
		length = min(length, time.Second)
	}
	r := &round{
		session: s, sc: sc, target: t, documents: documents, cancel: cancel, first: s.sent,
		sentAt: map[int64]time.Time{}, left: map[int64]int{}, sending: sc.Clients, complete: make(chan struct{}),
	}
	r.free = sync.NewCond(&r.mu)
	defer context.AfterFunc(ctx, r.free.Broadcast)()
	cpu := t.cpu()
	r.begin = time.Now()
	sendUntil := r.begin.Add(length)
	var workers sync.WaitGroup
	for i := range sc.Clients {
		workers.Go(func() { r.note(r.send(ctx, i, sendUntil)) })
	}
	for i := range sc.collectors() {
		for range collectorsPerRecipient {
			workers.Go(func() { r.note(r.collect(ctx, t.recipients[i].key)) })
		}
	}
	if sc.KillEvery > 0 {
		workers.Go(func() { r.note(r.kill(ctx, sendUntil)) })
	}
	if t.name == theHub && sc.KillEvery == 0 {
		workers.Go(func() { r.watchLog(ctx) })
	}
	r.await(ctx, length)
	workers.Wait()
	s.sent += r.issued
	if r.failure != nil {
		return nil, r.failure
	}
	t.awaitCalm(outer)
	r.tally.cpu = t.cpu() - cpu
	return &r.tally, outer.Err()
}

// kill kills the server again and again while documents are sent.
func (r *round) kill(ctx context.Context, until time.Time) error {
	for next := r.begin.Add(r.sc.KillEvery); next.Before(until); next = time.Now().Add(r.sc.KillEvery) {
		waitUntil(ctx, next)
		if r.ended(ctx) {
			return nil
		}
		if err := r.target.kill(ctx); err != nil {
			return err
		}
	}
	return nil
}

// ended reports whether the round was completed or given up.
func (r *round) ended(ctx context.Context) bool { return ctx.Err() != nil || r.over() }

// client is one that lives with the disturbances of the scenario.
func (r *round) client(key string) *client {
	c := newClient(r.target.url, key)
	c.patient = r.sc.KillEvery > 0
	return c
}

// await ends the round when it is complete, or fails it when that takes too long.
func (r *round) await(ctx context.Context, length time.Duration) {
	select {
	case <-r.complete:
	case <-ctx.Done():
	case <-time.After(length + drainLimit):
		r.mu.Lock()
		left := len(r.left)
		r.mu.Unlock()
		r.note(fmt.Errorf("%d documents were not handed over within %v", left, drainLimit))
	}
	r.cancel()
}

// note keeps the first failure and gives the round up.
func (r *round) note(err error) {
	if err == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failure == nil && !r.over() {
		r.failure = err
	}
	r.cancel()
}

// over reports whether the round was completed.
func (r *round) over() bool {
	select {
	case <-r.complete:
		return true
	default:
		return false
	}
}

// finish closes complete once nothing is under way. It is called under the lock.
func (r *round) finish() {
	if r.sending == 0 && len(r.left) == 0 && !r.over() {
		close(r.complete)
	}
}

func (r *round) send(ctx context.Context, worker int, until time.Time) error {
	sender := r.target.senders[worker%len(r.target.senders)]
	c := r.client(sender.key)
	defer c.close()
	defer r.stopped()
	for {
		n, begin, more := r.next(ctx, until)
		if !more {
			return nil
		}
		waitUntil(ctx, begin)
		p := r.parcel(n, sender.code)
		refused, err := c.submit(ctx, r.sc.Form, p)
		if err != nil {
			return fmt.Errorf("document %d: %w", n, err)
		}
		r.accepted(begin, refused)
	}
}

func (r *round) stopped() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sending--
	r.finish()
}

// next gives the number of the next document and when it begins: now, or, at a fixed
// rate, when its turn is. A document whose turn is past is late, and the time for
// which it was kept waiting counts.
func (r *round) next(ctx context.Context, until time.Time) (n int64, begin time.Time, more bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.sc.Rate == 0 && len(r.left) >= outstanding && ctx.Err() == nil {
		r.free.Wait()
	}
	begin = time.Now()
	if r.sc.Rate > 0 {
		begin = r.begin.Add(time.Duration(float64(r.issued) / r.sc.Rate * float64(time.Second)))
	}
	over := begin.After(until)
	if r.sc.Count > 0 {
		over = r.issued >= int64(r.sc.Count)
	}
	if over || ctx.Err() != nil {
		return 0, begin, false
	}
	n = r.first + r.issued
	r.issued++
	if r.sc.Collecting > 0 {
		r.sentAt[n], r.left[n] = begin, r.sc.Collecting
	}
	return n, begin, true
}

// waitUntil waits for the turn of a document, unless the round is given up.
func waitUntil(ctx context.Context, turn time.Time) {
	wait := time.Until(turn)
	if wait <= 0 {
		return
	}
	select {
	case <-time.After(wait):
	case <-ctx.Done():
	}
}

func (r *round) parcel(n int64, sender string) *parcelOf {
	p := &parcelOf{document: r.documents[r.sc.pick(n).Size], n: n, id: externalID(r.nonce, n), sender: sender}
	all := r.target.recipients
	for i := range r.sc.FanOut {
		p.recipients = append(p.recipients, all[(int(n)+i)%len(all)].code)
	}
	return p
}

func (r *round) accepted(begin time.Time, refused int) {
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tally.refusals += refused
	r.tally.accepts = append(r.tally.accepts, now.Sub(begin))
	r.tally.sending = now.Sub(r.begin)
}

func (r *round) collect(ctx context.Context, key string) error {
	c := r.client(key)
	defer c.close()
	for !r.over() {
		items, err := c.lease(ctx, 16)
		if err == nil && len(items) == 0 {
			err = c.awaitArrival(ctx)
		}
		if c.lost(ctx, err) {
			waitUntil(ctx, time.Now().Add(lostPause))
			continue
		}
		if err != nil {
			return r.unlessOver(err)
		}
		for i := range items {
			if err := r.handOver(ctx, c, &items[i]); err != nil {
				return r.unlessOver(err)
			}
		}
	}
	return nil
}

// unlessOver drops the errors of waits that the end of the round has cut off.
func (r *round) unlessOver(err error) error {
	if r.over() && errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

func (r *round) handOver(ctx context.Context, c *client, it *item) error {
	err := c.collect(ctx, it)
	for c.lost(ctx, err) {
		waitUntil(ctx, time.Now().Add(lostPause))
		err = c.collect(ctx, it)
	}
	var no *refusal
	if c.patient && errors.As(err, &no) && no.status == http.StatusConflict {
		return nil // its lease ran out meanwhile: who has it now counts it
	}
	if err != nil {
		return err
	}
	now := time.Now()
	n, mine := it.number(r.nonce)
	if !mine {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	begin, open := r.sentAt[n]
	if !open && c.patient {
		return nil // two had it one after the other, and both were told of the one hand-over
	}
	if !open {
		return fmt.Errorf("document %d was handed over more often than it has recipients", n)
	}
	r.tally.handovers = append(r.tally.handovers, now.Sub(begin))
	r.tally.consigned = append(r.tally.consigned, max(0, it.Delivery.UpdatedAt.Sub(begin)))
	r.tally.collecting = now.Sub(r.begin)
	if r.left[n]--; r.left[n] == 0 {
		delete(r.left, n)
		delete(r.sentAt, n)
		r.free.Signal()
	}
	r.finish()
	return nil
}

// tally is what was counted in one round, or in several.
type tally struct {
	accepts    []time.Duration // from the begin of a submission to its answer
	consigned  []time.Duration // to the time of its consignment
	handovers  []time.Duration // to the answer of the acknowledgement
	published  []time.Duration // oldest entries of checkpoints, until everybody could read them
	sending    time.Duration   // until the last submission was accepted
	collecting time.Duration   // until the last delivery was handed over
	cpu        time.Duration   // of the server
	refusals   int             // answers that asked to come again
}

func (t *tally) add(o *tally) {
	t.accepts = append(t.accepts, o.accepts...)
	t.consigned = append(t.consigned, o.consigned...)
	t.handovers = append(t.handovers, o.handovers...)
	t.published = append(t.published, o.published...)
	t.sending += o.sending
	t.collecting += o.collecting
	t.cpu += o.cpu
	t.refusals += o.refusals
}

// submissionRate is what went through in a second: up to the last hand-over where
// somebody collects, so that a backlog is no speed.
func (t *tally) submissionRate() float64 {
	return perSecond(len(t.accepts), max(t.sending, t.collecting))
}

func (t *tally) deliveryRate() float64 { return perSecond(len(t.handovers), t.collecting) }

func (t *tally) cpuPerDispatch() float64 {
	if len(t.accepts) == 0 {
		return 0
	}
	return ms(t.cpu) / float64(len(t.accepts))
}

func perSecond(n int, d time.Duration) float64 {
	if d <= 0 {
		return 0
	}
	return float64(n) / d.Seconds()
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// percentile returns the least value that at least a part q of all does not exceed
// (nearest rank); 0 of nothing. It sorts the list.
func percentile(d []time.Duration, q float64) time.Duration {
	if len(d) == 0 {
		return 0
	}
	slices.Sort(d)
	rank := int(q*float64(len(d)) + 0.999999)
	return d[min(max(rank, 1), len(d))-1]
}
