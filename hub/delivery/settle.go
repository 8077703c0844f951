package delivery

import (
	"context"
	"errors"
	"fmt"

	"github.com/lienthong/lienthong/hub"
)

// move is one step with the delivery as it was before.
type move struct {
	item  *hub.Item
	step  hub.Step
	warns bool // it is a warning, which moves nothing
}

// outcome turns what came of an attempt into the transition that it means. next
// counts the attempt already.
func (s *Service) outcome(item *hub.Item, next hub.Delivery, err error) move {
	next.LastError = ""
	switch {
	case err == nil && (next.Channel == hub.ChannelPull || next.Channel == hub.ChannelAMQP):
		// What lies in an agency's queue is a notice: the content waits in its box.
		next.State = hub.StateConsigned
	case err == nil:
		next.State = hub.StateHandedOver
		s.Deadlines.HandedOver(&next, item.Dispatch.Document.Priority, s.now())
	case permanent(err):
		fail(&next, hub.ReasonUnreachable, err)
	case next.Attempts >= s.Retry.Attempts:
		fail(&next, hub.ReasonAttemptsExhausted, err)
	default:
		next.LastError = told(err)
		next.NextAttempt = s.now().Add(s.Retry.after(next.Attempts, s.Jitter))
		s.Log.Warn("a delivery will be tried again", "delivery", next.ID, "channel", next.Channel,
			"attempts", next.Attempts, "next", next.NextAttempt, "error", err)
	}
	return s.transition(item, next)
}

func fail(d *hub.Delivery, reason hub.ReasonCode, err error) {
	d.State, d.LastError = hub.StateFailed, told(err)
	d.Reason = &hub.Reason{Code: reason, Detail: fmt.Sprintf("not delivered after attempt %d: %s", d.Attempts, d.LastError)}
}

// permanent reports whether trying again cannot help.
func permanent(err error) bool {
	var e *hub.Error
	if !errors.As(err, &e) {
		return false
	}
	switch e.Kind {
	case hub.KindInvalid, hub.KindUnsupported, hub.KindUnknownAgency, hub.KindNotFound:
		return true
	}
	return false
}

// told is what parties are told of an error. The text of an unknown one never
// leaves the hub; it is in the log.
func told(err error) string {
	var e *hub.Error
	if !errors.As(err, &e) || e.Kind == hub.KindInternal {
		return "the carrier failed"
	}
	return fmt.Sprintf("%s: %s", e.Kind, e.Message)
}

func (s *Service) transition(item *hub.Item, next hub.Delivery) move {
	from := &item.Delivery
	next.Version, next.UpdatedAt = from.Version+1, from.Moment(s.now())
	return move{item: item, step: hub.Step{Delivery: next, From: from.State, Version: from.Version}}
}

// apply seals the evidences of all moves together, records everything in one
// transaction and rings for what arrived. To lose a race against another worker
// is normal.
func (s *Service) apply(ctx context.Context, moves []move) (tally, error) {
	var t tally
	if len(moves) == 0 {
		return t, nil
	}
	if err := s.seal(ctx, moves); err != nil {
		return t, err
	}
	steps := make([]hub.Step, len(moves))
	for i := range moves {
		steps[i] = moves[i].step
	}
	results, err := s.Store.ApplySteps(ctx, steps...)
	if err != nil {
		return t, err
	}
	for i, m := range moves {
		d, stepErr := &steps[i].Delivery, results[i]
		switch {
		case stepErr == nil:
			t.count(&steps[i])
			switch {
			case m.warns:
				s.warned(&m)
			case d.State == hub.StateConsigned:
				s.Bell.Ring(d.Recipient)
			}
		case hub.KindOf(stepErr) != hub.KindConflict:
			s.Log.ErrorContext(ctx, "a delivery could not be settled", "delivery", d.ID, "error", stepErr)
		}
	}
	return t, nil
}

// tally says what became of a batch.
type tally struct {
	recorded int // steps
	settled  int // those that changed the state of their delivery
}

func (t *tally) count(step *hub.Step) {
	t.recorded++
	if step.Delivery.State != step.From {
		t.settled++
	}
}

func (s *Service) seal(ctx context.Context, moves []move) error {
	var drafts []hub.Evidence
	var owners []*hub.Step
	for i := range moves {
		if event, ok := eventOf(&moves[i]); ok {
			drafts = append(drafts, evidence(event, &moves[i]))
			owners = append(owners, &moves[i].step)
		}
	}
	if len(drafts) == 0 {
		return nil
	}
	sealed, err := s.Notary.Seal(ctx, drafts...)
	if err != nil {
		return err
	}
	for i, step := range owners {
		step.Evidence = []hub.SealedEvidence{sealed[i]}
		step.Delivery.LastEvidence = sealed[i].Ref()
	}
	return nil
}

// eventOf names the evidence that a step needs; a claim or retry needs none.
func eventOf(m *move) (hub.Event, bool) {
	if m.warns {
		return hub.EventExpiryWarning, true
	}
	step := &m.step
	switch step.Delivery.State {
	case hub.StateConsigned:
		return hub.EventContentConsignment, true
	case hub.StateHandedOver:
		return hub.EventContentHandover, true
	case hub.StateFailed:
		if step.From == hub.StateQueued {
			return hub.EventContentConsignmentFailure, true
		}
		return hub.EventContentHandoverFailure, true
	case hub.StateExpired:
		if step.From == hub.StateHandedOver {
			return hub.EventAcceptanceRejectionExpiry, true
		}
		return hub.EventContentHandoverFailure, true
	}
	return "", false
}

func evidence(event hub.Event, m *move) hub.Evidence {
	d := &m.step.Delivery
	e := hub.DeliveryEvidence(event, &m.item.Dispatch, &m.item.Delivery, d.UpdatedAt)
	e.DeliveryInfo = &hub.DeliveryInfo{Attempt: d.Attempts, Channel: d.Channel}
	if event.Negative() {
		e.Reasons = []hub.Reason{*d.Reason}
	}
	if m.warns || d.State == hub.StateExpired {
		e.DeliveryInfo.ExpiresAt = d.ExpiresAt
	}
	return e
}
