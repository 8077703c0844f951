package delivery

import (
	"context"
	"fmt"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Expire lets silence have its consequences, with evidence, and returns how many
// deliveries it ended: what was never collected as a failed hand-over, what was
// collected but neither registered nor refused as expired acceptance. Before that it
// warns both sides once, in good time; where the hub itself was away meanwhile, the end
// comes without.
func (s *Service) Expire(ctx context.Context) (int, error) { return s.expire(ctx, ctx) }

func (s *Service) expire(live, work context.Context) (int, error) {
	total := 0
	for live.Err() == nil {
		now := s.now()
		items, err := s.Store.ExpiringDeliveries(work, now, s.Batch)
		if err != nil || len(items) == 0 {
			return total, err
		}
		moves := make([]move, len(items))
		for i := range items {
			moves[i] = s.silence(&items[i], now)
		}
		t, err := s.apply(work, moves)
		total += t.settled
		if err != nil || t.recorded == 0 || len(items) < s.Batch {
			return total, err
		}
	}
	return total, live.Err()
}

// silence is what silence until now leads to: a warning or the end.
func (s *Service) silence(item *hub.Item, now time.Time) move {
	next := item.Delivery
	next.WarnAt = time.Time{}
	if now.Before(next.ExpiresAt) {
		next.WarnedAt = now
		m := s.transition(item, next)
		m.warns = true
		return m
	}
	next.State = hub.StateExpired
	what := "collected"
	switch {
	case item.Delivery.Channel == hub.ChannelPaper:
		what = "delivered by post"
	case item.Delivery.Relayed():
		what = "reported by the axis as collected"
	}
	if item.Delivery.State == hub.StateHandedOver {
		what = "registered or refused"
	}
	next.Reason = &hub.Reason{
		Code:   hub.ReasonRetentionExpired,
		Detail: fmt.Sprintf("the document was not %s until %s", what, next.ExpiresAt.UTC().Format(time.RFC3339)),
	}
	return s.transition(item, next)
}

// warned tells both sides that a term ends soon: the recipient, that something waits for
// it, and the sender, whose list shows the warning.
func (s *Service) warned(m *move) {
	d := &m.step.Delivery
	s.Bell.Ring(d.Recipient)
	s.Bell.Ring(m.item.Dispatch.Sender)
	s.Log.Info("the time of a delivery ends soon; both sides are warned", "delivery", d.ID, "recipient", d.Recipient,
		"state", d.State, "ends", d.ExpiresAt)
}
