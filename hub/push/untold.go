package push

import (
	"context"
	"fmt"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Where a notice that something waits for its recipient is not told and will not be, the
// delivery has that on record: ConsignmentNotificationFailure, in one transaction with the
// mark on the delivery, at most once for each delivery and only while it waits to be
// collected. It names no address and nothing that the target said. A notice fails when the
// target refused it for good, and when the hub pauses the subscription for which it waits,
// or has paused it when the notice comes. That a notice was heard proves nothing that the
// hand-over does not prove better, and is no evidence.

// untoldBatch is how many notices are given up in one transaction.
const untoldBatch = 100

// giveUp has on record of a subscription that the hub has paused what it does not tell: all
// that waits for it by then, and what comes later. How far that went is kept with the
// pause; what is repeated after a crash finds the deliveries marked.
func (s *Service) giveUp(ctx context.Context, sub *hub.Subscription) error {
	for pause := sub.Paused; pause != nil && pause.Reason != hub.PauseAsked && ctx.Err() == nil; pause = sub.Paused {
		list, err := s.Outbox.Pushes(ctx, hub.PushQuery{Subscription: sub.ID, State: hub.PushWaiting, From: pause.Untold, Page: hub.Page{Limit: untoldBatch}})
		if err != nil || len(list.Items) == 0 {
			return err
		}
		if err := s.untold(ctx, sub, list.Items, whyPaused(sub)); err != nil {
			return err
		}
		next := list.Items[len(list.Items)-1].Place + 1
		*sub, err = s.change(ctx, sub.ID, func(sub *hub.Subscription) error {
			if sub.Paused != nil && sub.Paused.At.Equal(pause.At) { // else somebody let it go on
				further := *sub.Paused
				further.Untold = next
				sub.Paused = &further
			}
			return nil
		})
		if err != nil {
			return ignoreMissing(err)
		}
	}
	return ctx.Err()
}

// whyPaused is the reason of what a subscription that the hub has paused does not tell.
func whyPaused(sub *hub.Subscription) hub.Reason {
	switch {
	case sub.Paused.Reason != hub.PauseGone:
		since := sub.Health.FailingSince
		if since.IsZero() {
			since = sub.Paused.At
		}
		return hub.Reason{Code: hub.ReasonUnreachable, Detail: fmt.Sprintf("nothing could be told by %s since %s", sub.Kind, since.UTC().Format(time.RFC3339))}
	case sub.Kind == hub.SubscriptionMail:
		return hub.Reason{Code: hub.ReasonNoBox, Detail: "the mail server does not know the address"}
	}
	return hub.Reason{Code: hub.ReasonUnreachable, Detail: fmt.Sprintf("the address of the %s is gone", sub.Kind)}
}

// setAside has on record which deliveries those pushes tell of that are about to be set
// aside. Where that fails they go on waiting, and are refused again.
func (s *Service) setAside(ctx context.Context, sub *hub.Subscription, pushes []hub.Push) {
	for i := range pushes {
		p := &pushes[i]
		if p.State != hub.PushSetAside {
			continue
		}
		reason := hub.Reason{Code: hub.ReasonAttemptsExhausted, Detail: fmt.Sprintf("the notice by %s was refused in %d attempts", sub.Kind, p.Attempts)}
		if err := s.untold(ctx, sub, pushes[i:i+1], reason); err != nil {
			s.Log.WarnContext(ctx, "a refused message is tried again: that it was not told could not be recorded", "subscription", sub.ID, "evidence", p.Evidence, "error", err)
			p.State, p.Due = hub.PushWaiting, s.now().Add(s.pause(p.Attempts))
		}
	}
}

// untold records of the deliveries that wait for the agency of a subscription that they
// were not told. One that moves at the same moment is looked at again.
func (s *Service) untold(ctx context.Context, sub *hub.Subscription, pushes []hub.Push, reason hub.Reason) error {
	var deliveries []hub.DeliveryID
	seen := map[hub.DeliveryID]bool{}
	for i := range pushes {
		if p := &pushes[i]; p.Topic == hub.TopicWaiting && p.Delivery != "" && !seen[p.Delivery] {
			seen[p.Delivery] = true
			deliveries = append(deliveries, p.Delivery)
		}
	}
	ctx = context.WithoutCancel(ctx)
	for tries := 0; len(deliveries) > 0; tries++ {
		steps, err := s.untoldSteps(ctx, sub.Agency, deliveries, reason)
		if err != nil || len(steps) == 0 {
			return err
		}
		results, err := s.Steps.ApplySteps(ctx, steps...)
		if err != nil {
			return err
		}
		deliveries = nil
		for i, failed := range results {
			switch {
			case failed == nil:
				s.Log.WarnContext(ctx, "a recipient could not be told of what waits; it is on record", "delivery", steps[i].Delivery.ID,
					"recipient", sub.Agency, "subscription", sub.ID, "reason", reason.Code)
			case hub.KindOf(failed) != hub.KindConflict || tries == maxTries:
				return failed
			default:
				deliveries = append(deliveries, steps[i].Delivery.ID)
			}
		}
	}
	return nil
}

func (s *Service) untoldSteps(ctx context.Context, agency hub.AgencyID, deliveries []hub.DeliveryID, reason hub.Reason) ([]hub.Step, error) {
	var steps []hub.Step
	var drafts []hub.Evidence
	for _, id := range deliveries {
		item, err := s.Items.Item(ctx, id)
		if hub.KindOf(err) == hub.KindNotFound && err != nil {
			continue
		}
		if err != nil {
			return nil, err
		}
		before := &item.Delivery
		if before.Recipient != agency || before.State != hub.StateConsigned || !before.UntoldAt.IsZero() {
			continue
		}
		now := before.Moment(s.now())
		next := *before
		next.Version, next.UpdatedAt, next.UntoldAt = before.Version+1, now, now
		draft := hub.DeliveryEvidence(hub.EventNotificationFailure, &item.Dispatch, before, now)
		draft.Reasons = []hub.Reason{reason}
		steps = append(steps, hub.Step{From: before.State, Version: before.Version, Delivery: next})
		drafts = append(drafts, draft)
	}
	if len(steps) == 0 {
		return nil, nil
	}
	sealed, err := s.Notary.Seal(ctx, drafts...)
	if err != nil {
		return nil, err
	}
	for i := range steps {
		steps[i].Prove(sealed[i])
	}
	return steps, nil
}
