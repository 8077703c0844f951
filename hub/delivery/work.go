package delivery

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// crowdedPause is how long a delivery waits when its lane has no room for it. It leaves
// the list of due deliveries meanwhile, so that it hides nobody else's there.
const crowdedPause = 10 * time.Second

// Work settles due deliveries, those of the given dispatches or any, waits for
// their carries, and returns how many it settled. Deliveries that another worker
// is busy with, or was faster with, do not count.
func (s *Service) Work(ctx context.Context, dispatches ...hub.DispatchID) (int, error) {
	var carries sync.WaitGroup
	settled, err := s.round(ctx, ctx, &carries, 0, dispatches)
	carries.Wait()
	return int(settled.Load()), err
}

// round settles batch after batch, as long as there are deliveries that have been
// due for the grace and live has not ended. Carries it only starts: carries counts them until they end, and
// the number settled, which is returned, still grows with them.
func (s *Service) round(live, work context.Context, carries *sync.WaitGroup, grace time.Duration, dispatches []hub.DispatchID) (*atomic.Int64, error) {
	settled := &atomic.Int64{}
	for live.Err() == nil {
		items, err := s.Store.DueDeliveries(work, s.now().Add(-grace), s.Batch+s.inLanes(), dispatches...)
		if err != nil || len(items) == 0 {
			return settled, err
		}
		b := batch{Service: s, live: live, work: work, carries: carries, settled: settled}
		for i := range items {
			b.add(&items[i])
		}
		t, err := s.apply(work, b.moves)
		settled.Add(int64(t.settled))
		if err != nil || t.recorded+b.started == 0 || len(items) < s.Batch {
			return settled, err
		}
	}
	return settled, live.Err()
}

// inLanes counts the deliveries that are due in the database and known here.
func (s *Service) inLanes() int {
	n := 0
	for _, l := range s.lanes {
		l.mu.Lock()
		n += len(l.known)
		l.mu.Unlock()
	}
	return n
}

// batch sorts due deliveries into what can be settled at once and what is carried.
type batch struct {
	*Service
	live, work context.Context //nolint:containedctx // lives within one round
	carries    *sync.WaitGroup
	settled    *atomic.Int64
	moves      []move
	started    int
}

func (b *batch) add(item *hub.Item) {
	d := item.Delivery
	if d.Channel != hub.ChannelAxis && b.InBox != nil && b.InBox(d.Recipient) {
		d.Channel = hub.ChannelPull
	}
	if d.Channel == hub.ChannelPaper { // who has it carried says so elsewhere; here its time ends it
		d.NextAttempt = later(d.ExpiresAt, b.now().Add(crowdedPause))
		b.moves = append(b.moves, b.transition(item, d))
		return
	}
	if d.Channel == hub.ChannelPull {
		d.Attempts++
		b.moves = append(b.moves, b.outcome(item, d, nil))
		return
	}
	l, ok := b.lanes[d.Channel]
	if !ok {
		d.Attempts++
		missing := hub.Errorf(hub.KindUnsupported, "channel", "carrier", "this hub has no carrier for the channel %q", d.Channel)
		b.moves = append(b.moves, b.outcome(item, d, missing))
		return
	}
	b.carries.Add(1)
	j := &job{item: *item, live: b.live, work: b.work, done: b.done}
	switch verdict, until := l.offer(j, b.now(), b.carry); verdict {
	case admitted:
		b.started++
		return
	case crowded:
		d.NextAttempt = until.Add(b.Jitter(crowdedPause / 4)).Truncate(time.Millisecond)
		b.moves = append(b.moves, b.transition(item, d))
	}
	b.carries.Done()
}

func (b *batch) done(settled bool) {
	if settled {
		b.settled.Add(1)
	}
	b.carries.Done()
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// carry claims a delivery, brings it, and settles what became of it.
func (s *Service) carry(l *lane, j *job) bool {
	settling := context.WithoutCancel(j.work)
	claimed := j.item.Delivery
	if claimed.Attempts >= s.Retry.Attempts { // the last ones ended in crashes
		lost := hub.Errorf(hub.KindUnavailable, "", "attempt_lost", "no attempt came to an end")
		return s.settle(settling, s.outcome(&j.item, claimed, lost)).settled == 1
	}
	claimed.Attempts++
	claimed.LastError, claimed.LastSaid = "", nil // how this attempt ends is not known
	limit := s.limitOf(&j.item)
	claimed.NextAttempt = s.now().Add(2 * limit)
	if s.settle(settling, s.transition(&j.item, claimed)).recorded == 0 {
		return false
	}
	claimed.Version++
	item := hub.Item{Dispatch: j.item.Dispatch, Delivery: claimed}
	limited, cancel := context.WithTimeout(j.work, limit)
	defer cancel()
	err := l.carrier.Carry(limited, item)
	if trial := l.note(claimed.Recipient, err, s.now()); trial {
		claimed.Attempts--
	}
	m := s.outcome(&item, claimed, err)
	if err == nil && s.Answer != nil {
		m.note = s.Answer(settling, &item)
	}
	return s.settle(settling, m).settled == 1
}

// slowest is how many bytes a second a counterpart takes that is worth waiting for.
const slowest = 16 << 10

// limitOf is how long a carry may take. Over another axis goes the document itself, and
// not a word that it is here.
func (s *Service) limitOf(item *hub.Item) time.Duration {
	limit := s.CarryLimit
	if item.Delivery.Channel != hub.ChannelAxis {
		return limit
	}
	for i := range item.Dispatch.Parts {
		limit += time.Duration(item.Dispatch.Parts[i].Size/slowest) * time.Second
	}
	return limit
}

func (s *Service) settle(ctx context.Context, m move) tally {
	t, err := s.apply(ctx, []move{m})
	if err != nil {
		s.Log.WarnContext(ctx, "a carry will be repeated", "delivery", m.item.Delivery.ID, "error", err)
	}
	return t
}
