package intake

import (
	"context"

	"github.com/lienthong/lienthong/hub"
)

// Preview makes every check of Submit and leaves nothing behind, so that a person can
// mend a submission before it is one. Errors are those of Submit, the plain violations
// in the place of a sealed rejection. What it says holds for the moment: Submit decides.
func (s *Service) Preview(ctx context.Context, actor hub.Actor, sub hub.Submission) (hub.Preview, error) {
	now := s.now()
	sub.ReceivedAt = now
	sender, err := s.authorize(actor, sub.Sender, now)
	if err != nil {
		return hub.Preview{}, err
	}
	first, found, err := s.first(ctx, sender.ID, &sub)
	if err != nil {
		return hub.Preview{}, err
	}
	if found {
		return hub.Preview{Accepted: first.Dispatch.ID}, nil
	}
	plan, err := s.examine(ctx, actor, sender, &sub, now)
	if err == nil {
		err = s.numbered(ctx, sender, &sub)
	}
	if err != nil {
		return hub.Preview{}, err
	}
	return hub.Preview{
		Recipients: plan.routed.recipients, Informed: plan.routed.informed, Rules: plan.routed.rules, Routing: plan.routed.trace,
		Reports: plan.reports, Earlier: plan.earlier,
	}, nil
}
