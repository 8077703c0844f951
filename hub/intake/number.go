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
	return inYear(s.Numbers.CheckOutgoing(ctx, &hub.Dispatch{Sender: sender.ID, Operation: sub.Operation, Document: sub.Document}))
}

// refusesEntry returns an error of the store that says that a document cannot stand in the
// register of its sender, under its number or in its year; nil for any other. That is a refusal
// of the submission like those before it.
func refusesEntry(err error) error {
	if err = inYear(err); hub.RefusesNumber(err) || isYearClosed(err) {
		return err
	}
	return nil
}

// inYear names the field of the submission by which it would come into a closed year.
func inYear(err error) error {
	if isYearClosed(err) {
		return inField(err, "document.promulgated")
	}
	return err
}

func isYearClosed(err error) bool {
	return err != nil && hub.ViolationsOf(err)[0].Rule == hub.RuleYearClosed
}
