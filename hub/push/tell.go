package push

import (
	"context"
	"errors"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// serve tells a subscription what is due, one call after the other, for the time of one
// call at least, so that those with much to tell share the workers with the others. It
// returns when it wants to be served again: the zero time for when it has something new.
func (s *Service) serve(ctx context.Context, id string) (time.Time, error) {
	for end := s.now().Add(s.CallLimit); ; {
		if now := s.now(); now.After(end) {
			return now, nil
		}
		sub, err := s.Subscriptions.Subscription(ctx, id)
		switch {
		case hub.KindOf(err) == hub.KindNotFound && err != nil:
			return time.Time{}, nil //nolint:nilerr // it was removed: there is nobody to tell
		case err != nil:
			return s.now().Add(s.First), err
		case sub.Paused != nil:
			if err := s.giveUp(ctx, &sub); err != nil {
				return s.now().Add(s.First), err
			}
			return time.Time{}, nil
		case sub.Health.Next.After(s.now()):
			return sub.Health.Next, nil
		}
		pushes, next, err := s.due(ctx, &sub)
		if err != nil || len(pushes) == 0 {
			return next, err
		}
		if err := s.tell(ctx, &sub, pushes); err != nil || ctx.Err() != nil {
			return s.now().Add(s.First), err
		}
	}
}

// due are the pushes of the next call. Where they gather, those that would soon be due
// go along with the first one that is.
func (s *Service) due(ctx context.Context, sub *hub.Subscription) ([]hub.Push, time.Time, error) {
	way := s.Ways[sub.Kind]
	gather := s.gather(sub)
	now := s.now()
	pushes, next, err := s.Outbox.DuePushes(ctx, sub.ID, now, max(way.Batch, 1))
	if err == nil && len(pushes) > 0 && gather > 0 {
		pushes, next, err = s.Outbox.DuePushes(ctx, sub.ID, now.Add(gather), max(way.Batch, 1))
	}
	if err != nil {
		next = now.Add(s.First)
	}
	return pushes, next, err
}

// tell makes one call of pushes and settles them. An error is of the hub, not of the
// subscription.
func (s *Service) tell(ctx context.Context, sub *hub.Subscription, pushes []hub.Push) error {
	settling := context.WithoutCancel(ctx)
	told, events, err := s.events(ctx, sub, pushes)
	if err != nil || len(events) == 0 {
		return err
	}
	if s.Ways[sub.Kind].Once {
		for i := range told {
			told[i].State, told[i].LastError = hub.PushUnknown, ""
			told[i].Tried = s.now()
		}
		marked, err := s.Outbox.SavePushes(settling, told...)
		if err == nil && marked < len(told) {
			err = hub.Errorf(hub.KindConflict, "pushes", "marked", "another node tells what was about to be told")
		}
		if err != nil {
			return err
		}
	}
	failure := s.call(ctx, sub, events, nil)
	if ctx.Err() != nil && failure != nil && !errors.Is(failure, hub.ErrUncertain) {
		failure = hub.Errorf(hub.KindUnavailable, "", "stopped", "the hub stopped meanwhile")
	}
	s.settle(sub, told, failure)
	s.setAside(settling, sub, told)
	if _, err := s.Outbox.SavePushes(settling, told...); err != nil {
		return err
	}
	return s.remember(settling, sub, failure)
}

// events loads what pushes are about. What can't be told any more is settled as moot at
// once: what a mail would announce and is not waiting, what was removed.
func (s *Service) events(ctx context.Context, sub *hub.Subscription, pushes []hub.Push) ([]hub.Push, []hub.PushEvent, error) {
	var told, moot []hub.Push
	var events []hub.PushEvent
	for i := range pushes {
		event, open, err := s.event(ctx, sub, &pushes[i])
		if err != nil {
			return nil, nil, err
		}
		if !open {
			pushes[i].State, pushes[i].Tried = hub.PushMoot, s.now()
			moot = append(moot, pushes[i])
			continue
		}
		told, events = append(told, pushes[i]), append(events, event)
	}
	if len(moot) > 0 {
		if _, err := s.Outbox.SavePushes(context.WithoutCancel(ctx), moot...); err != nil {
			return nil, nil, err
		}
	}
	return told, events, nil
}

func (s *Service) event(ctx context.Context, sub *hub.Subscription, p *hub.Push) (hub.PushEvent, bool, error) {
	if p.Topic == hub.TopicDossier {
		return s.dossierEvent(ctx, p)
	}
	sealed, err := s.Items.Evidence(ctx, p.Evidence)
	if err != nil {
		return hub.PushEvent{}, false, ignoreMissing(err)
	}
	event := hub.PushEvent{ID: string(p.Evidence), Topic: p.Topic, At: p.At, Evidence: sealed}
	if p.Delivery == "" {
		return event, true, nil
	}
	item, err := s.Items.Item(ctx, p.Delivery)
	if err != nil {
		return hub.PushEvent{}, false, ignoreMissing(err)
	}
	event.Item = &item
	if sub.Kind == hub.SubscriptionMail && p.Topic == hub.TopicWaiting && !waits(&item.Delivery, sealed.Evidence.Event) {
		return hub.PushEvent{}, false, nil
	}
	if p.Topic == hub.TopicTask && sub.Agency == item.Delivery.Recipient && item.Delivery.TakenBack() {
		return hub.PushEvent{}, false, nil // the task went with the document
	}
	if sub.Content && p.Topic == hub.TopicWaiting && item.Delivery.Recipient == sub.Agency && item.Delivery.State == hub.StateConsigned && item.Dispatch.Purged == nil {
		actor := hub.Actor{Name: "subscription:" + sub.ID, Kind: hub.ActorSystem, Agencies: []hub.AgencyID{sub.Agency}, Scopes: []hub.Scope{hub.ScopeCollect}, Auth: hub.AuthSubscription}
		event.Open = func(ctx context.Context, partID string) (hub.Blob, error) {
			_, blob, err := s.Contents.Open(ctx, actor, item.Dispatch.ID, partID)
			return blob, err
		}
	}
	return event, true, nil
}

func (s *Service) dossierEvent(ctx context.Context, p *hub.Push) (hub.PushEvent, bool, error) {
	note, err := s.Noted.LogNote(ctx, string(p.Evidence))
	if err != nil {
		return hub.PushEvent{}, false, ignoreMissing(err)
	}
	fact, err := factOf(&note)
	return hub.PushEvent{ID: string(p.Evidence), Topic: p.Topic, At: p.At, Dossier: fact}, err == nil, err
}

// waits reports whether a delivery still waits for what an evidence announced: to be
// collected or, after a warning that the term ends, for any act of its recipient.
func waits(d *hub.Delivery, event hub.Event) bool {
	return d.State == hub.StateConsigned || event == hub.EventExpiryWarning && !d.Final()
}

func ignoreMissing(err error) error {
	if hub.KindOf(err) == hub.KindNotFound {
		return nil
	}
	return err
}

// call tells events, with the secrets that are in force. hops are those of a test, or nil.
func (s *Service) call(ctx context.Context, sub *hub.Subscription, events []hub.PushEvent, hops *hub.Hops) error {
	way, ok := s.Ways[sub.Kind]
	agency, known := s.Directory.ByID(sub.Agency)
	if !ok || !known {
		return hub.Errorf(hub.KindUnavailable, "kind", "teller", "this hub tells nobody by %q now, or does not know the agency", sub.Kind)
	}
	call := hub.PushCall{Subscription: *sub, Agency: agency, At: s.now(), Events: events, Hops: hops}
	for i := len(sub.Secrets) - 1; i >= 0; i-- {
		if ended(&sub.Secrets[i], call.At) {
			continue
		}
		secret, err := s.Vault.Open(sub.Secrets[i].Sealed, aboutSecret(sub))
		if err != nil {
			return err
		}
		call.Secrets = append(call.Secrets, secret)
	}
	limited, cancel := context.WithTimeout(ctx, s.CallLimit)
	defer cancel()
	return way.Teller.Tell(limited, call)
}

// settle says what became of pushes.
func (s *Service) settle(sub *hub.Subscription, pushes []hub.Push, failure error) {
	now := s.now()
	for i := range pushes {
		p := &pushes[i]
		p.Tried, p.LastError = now, ""
		p.Attempts++
		if failure != nil {
			p.LastError = hub.Told(failure)
		}
		switch {
		case failure == nil:
			p.State = hub.PushTold
		case errors.Is(failure, hub.ErrUncertain):
			p.State = hub.PushUnknown
		case hub.KindOf(failure) == hub.KindInvalid && p.Attempts >= s.Refusals:
			p.State = hub.PushSetAside
			s.Log.Warn("a subscription refused a message for good; it is set aside", "subscription", sub.ID, "agency", sub.Agency, "evidence", p.Evidence, "error", failure)
		case hub.KindOf(failure) == hub.KindInvalid:
			p.State, p.Due = hub.PushWaiting, now.Add(s.pause(p.Attempts))
		default:
			p.State = hub.PushWaiting
		}
	}
}

// remember notes how a subscription fares, and pauses it where nothing else helps.
func (s *Service) remember(ctx context.Context, sub *hub.Subscription, failure error) error {
	now := s.now()
	if failure == nil || hub.KindOf(failure) == hub.KindInvalid { // an answer: the target is there
		if sub.Health.Failures == 0 && now.Sub(sub.Health.LastSuccess) < time.Minute {
			return nil
		}
		return s.health(ctx, sub, func(h *hub.Reach) {
			*h = h.Fresh()
			if failure == nil {
				h.LastSuccess, h.LastError, h.LastSaid = now, "", nil
			}
		})
	}
	since := sub.Health.FailingSince
	if since.IsZero() {
		since = now
	}
	pause := s.pause(sub.Health.Failures + 1)
	var e *hub.Error
	if errors.As(failure, &e) && e.RetryAfter > pause {
		pause = min(e.RetryAfter, s.Max)
	}
	s.Log.WarnContext(ctx, "a subscription could not be told; it will be tried again", "subscription", sub.ID, "agency", sub.Agency,
		"failures", sub.Health.Failures+1, "next", now.Add(pause), "error", failure)
	err := s.health(ctx, sub, func(h *hub.Reach) {
		h.Failures++
		h.FailingSince, h.Next = since, now.Add(pause)
		h.LastError, h.LastSaid = hub.Told(failure), hub.SaidOf(failure)
	})
	switch {
	case err != nil:
		return err
	case hub.KindOf(failure) == hub.KindNotFound:
		return s.halt(ctx, sub, hub.PauseGone, failure)
	case now.Sub(since) >= s.PauseAfter:
		return s.halt(ctx, sub, hub.PauseUnreachable, failure)
	}
	return nil
}

func (s *Service) health(ctx context.Context, sub *hub.Subscription, alter func(*hub.Reach)) error {
	_, err := s.change(ctx, sub.ID, func(sub *hub.Subscription) error {
		alter(&sub.Health)
		return nil
	})
	return ignoreMissing(err)
}

// halt pauses a subscription in the name of the hub, with a note in the log.
func (s *Service) halt(ctx context.Context, sub *hub.Subscription, reason hub.PauseReason, failure error) error {
	fact := subscriptionFact{Action: "pause", Subscription: sub.ID, Agency: sub.Agency, Kind: sub.Kind, Reason: reason}
	if err := s.Notes.Note(ctx, hub.LogNoteSubscription, fact); err != nil {
		return err
	}
	s.Log.ErrorContext(ctx, "a subscription is paused; what it would tell waits for `lienthong subscription resume`",
		"subscription", sub.ID, "agency", sub.Agency, "reason", reason, "detail", hub.Told(failure))
	_, err := s.change(ctx, sub.ID, func(sub *hub.Subscription) error {
		sub.Paused = &hub.Pause{Reason: reason, At: s.now(), Detail: hub.Told(failure), Said: hub.SaidOf(failure)}
		return nil
	})
	return ignoreMissing(err)
}
