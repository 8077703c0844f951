package tracking

import (
	"context"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// WithdrawRelayed records what another axis says of a delivery that it had taken over:
// it took it back before its recipient had it, because the sender had asked for that. A
// second time gives the first evidence. KindConflict where the delivery does not lie with
// an axis, or nobody asked.
func (s *Service) WithdrawRelayed(ctx context.Context, actor hub.Actor, id hub.DeliveryID) (hub.SealedEvidence, error) {
	return s.perform(ctx, actor, id, func(*hub.Item) act {
		return act{
			event: hub.EventWithdrawal,
			done: func(ctx context.Context, item *hub.Item) (hub.SealedEvidence, bool, error) {
				if item.Delivery.State != hub.StateWithdrawn {
					return hub.SealedEvidence{}, false, nil
				}
				return s.recorded(ctx, id, ofEvent(hub.EventWithdrawal))
			},
			change: func(d *hub.Delivery, _ time.Time) error {
				if !d.Relayed() || !d.Request.Open() || d.Request.Operation == hub.OperationUpdate {
					return hub.Errorf(hub.KindConflict, "delivery", "state", "nothing that its sender takes back lies with another axis")
				}
				d.State, d.Reason = hub.StateWithdrawn, &hub.Reason{Code: hub.ReasonRecalled, Detail: d.Request.Reason}
				return nil
			},
			describe: func(e *hub.Evidence, d *hub.Delivery) {
				e.Reasons, e.DeliveryInfo = []hub.Reason{*d.Reason}, acknowledged(actor, d)
			},
		}
	})
}
