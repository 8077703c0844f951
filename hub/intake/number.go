package intake

import (
	"context"

	"github.com/lienthong/lienthong/hub"
)

// Numbers knows the numbers that senders keep on this hub.
type Numbers interface {
	// CheckOutgoing tells what a dispatch could not be accepted for because of its number:
	// KindInvalid with a rule of hub.RefusesNumber. Accept of the store decides.
	CheckOutgoing(ctx context.Context, d *hub.Dispatch) error
}

// numbered checks the number of what is not accepted yet.
func (s *Service) numbered(ctx context.Context, sender *hub.Agency, sub *hub.Submission) error {
	if s.Numbers == nil {
		return nil
	}
	return s.Numbers.CheckOutgoing(ctx, &hub.Dispatch{Sender: sender.ID, Operation: sub.Operation, Document: sub.Document})
}
