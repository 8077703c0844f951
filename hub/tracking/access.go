package tracking

import (
	"context"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// trackAccess proves that a recipient opens content for the first time, once for each
// of its deliveries. It comes before the bytes: an opening that left no trace could be
// denied, while a trace of an opening that was cut off says only that the content was
// given out. A sender that reads what it sent leaves none.
func (s *Service) trackAccess(ctx context.Context, actor hub.Actor, item *hub.SentItem) error {
	if !s.TrackAccess {
		return nil
	}
	for i := range item.Deliveries {
		d := &item.Deliveries[i]
		if !collects(actor, d) || !d.OpenedAt.IsZero() {
			continue
		}
		if _, err := s.perform(ctx, actor, d.ID, func(*hub.Item) act { return s.opening(actor) }); err != nil {
			return err
		}
	}
	return nil
}

// opening moves nothing: the delivery is as far as it was.
func (s *Service) opening(actor hub.Actor) act {
	return act{
		event: hub.EventContentAccessTracking,
		done: func(ctx context.Context, item *hub.Item) (hub.SealedEvidence, bool, error) {
			if item.Delivery.OpenedAt.IsZero() {
				return hub.SealedEvidence{}, false, nil
			}
			return s.recorded(ctx, item.Delivery.ID, ofEvent(hub.EventContentAccessTracking))
		},
		change: func(d *hub.Delivery, now time.Time) error {
			if !collects(actor, d) { // it ended meanwhile
				return noDelivery()
			}
			d.OpenedAt = now
			return nil
		},
		describe: func(e *hub.Evidence, d *hub.Delivery) { e.DeliveryInfo = acknowledged(actor, d) },
	}
}
