package tracking

import (
	"context"

	"github.com/lienthong/lienthong/hub"
)

// Remind tells the recipients of a dispatch who have not collected it that it waits for
// them, and returns how many were told. Each reminder is evidence (ConsignmentNotification)
// and moves nothing; who was reminded within a day is left alone, who collects at the same
// moment needs none. Errors: KindNotFound for a dispatch of another agency.
func (s *Service) Remind(ctx context.Context, actor hub.Actor, id hub.DispatchID) (int, error) {
	if err := actor.Require(hub.ScopeSubmit); err != nil {
		return 0, err
	}
	item, err := s.Store.DispatchItem(ctx, id)
	if err != nil {
		return 0, err
	}
	if actor.SpeaksFor(item.Dispatch.Sender, hub.ScopeSubmit) != nil {
		return 0, noDispatch()
	}
	steps, drafts := s.reminders(actor, &item)
	if len(steps) == 0 {
		return 0, nil
	}
	sealed, err := s.Notary.Seal(ctx, drafts...)
	if err != nil {
		return 0, err
	}
	for i := range steps {
		steps[i].Prove(sealed[i])
	}
	results, err := s.Store.ApplySteps(ctx, steps...)
	told := 0
	for i, conflict := range results {
		if conflict == nil {
			told++
			s.Bell.Ring(steps[i].Delivery.Recipient)
		}
	}
	return told, err
}

func (s *Service) reminders(actor hub.Actor, item *hub.SentItem) (steps []hub.Step, drafts []hub.Evidence) {
	for i := range item.Deliveries {
		before := &item.Deliveries[i]
		now := before.Moment(s.now())
		if !before.Remindable(now) {
			continue
		}
		next := *before
		next.Version, next.UpdatedAt, next.RemindedAt = before.Version+1, now, now
		draft := hub.DeliveryEvidence(hub.EventConsignmentNotification, &item.Dispatch, before, now)
		draft.Sender.Auth = &hub.AuthFact{Method: actor.Auth, Actor: actor.Name}
		draft.Note = "the sender reminds the recipient that the document waits"
		steps = append(steps, hub.Step{From: before.State, Version: before.Version, Delivery: next})
		drafts = append(drafts, draft)
	}
	return steps, drafts
}
