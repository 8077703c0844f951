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
	note  string
}

// outcome turns what came of an attempt into the transition that it means. next
// counts the attempt already.
func (s *Service) outcome(item *hub.Item, next hub.Delivery, err error) move {
	next.LastError, next.LastSaid = "", nil
	switch {
	case err == nil && consigns(next.Channel):
		if next.State = hub.StateConsigned; next.Channel != hub.ChannelAxis { // which has no box here
			next.ConsignedAt = next.Moment(s.now())
		}
	case err == nil:
		next.State = hub.StateHandedOver
		s.Deadlines.HandedOver(&next, item.Dispatch.Document.Priority, s.now())
	case permanent(err):
		fail(&next, reasonOf(&next, err), err)
	case next.Attempts >= s.Retry.Attempts:
		fail(&next, hub.ReasonAttemptsExhausted, err)
	default:
		next.LastError, next.LastSaid = told(err), hub.SaidOf(err)
		next.NextAttempt = s.now().Add(s.Retry.after(next.Attempts, s.Jitter))
		s.Log.Warn("a delivery will be tried again", "delivery", next.ID, "channel", next.Channel,
			"attempts", next.Attempts, "next", next.NextAttempt, "error", err)
	}
	return s.transition(item, next)
}

// consigns reports whether what was carried over a channel waits for its recipient: in
// its box, of which a queue of its own has a notice, or with another axis. Everywhere
// else a carry that succeeds hands the document over.
func consigns(c hub.Channel) bool {
	return c == hub.ChannelPull || c == hub.ChannelAMQP || c == hub.ChannelAxis
}

// reasonOf is why a delivery cannot be carried, now or ever: of another axis, what it
// answered.
func reasonOf(d *hub.Delivery, err error) hub.ReasonCode {
	switch {
	case d.Channel != hub.ChannelAxis:
		return hub.ReasonUnreachable
	case hub.KindOf(err) == hub.KindUnknownAgency:
		return hub.ReasonUnknownRecipient
	}
	return hub.ReasonInvalidFormat
}

func fail(d *hub.Delivery, reason hub.ReasonCode, err error) {
	d.State, d.LastError, d.LastSaid = hub.StateFailed, told(err), hub.SaidOf(err)
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
		if stepErr != nil {
			t.left = append(t.left, i)
		}
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
	recorded int   // steps
	settled  int   // those that changed the state of their delivery
	left     []int // moves that were not recorded
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
		event, ok := eventOf(&moves[i])
		if !ok {
			continue
		}
		drafts, owners = append(drafts, evidence(event, &moves[i])), append(owners, &moves[i].step)
		if event != hub.EventContentConsignment {
			continue
		}
		if arrival, ok := s.arrival(&moves[i], &drafts[len(drafts)-1]); ok {
			drafts, owners = append(drafts, arrival), append(owners, &moves[i].step)
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
		step.Prove(sealed[i])
	}
	return nil
}

// arrival adds to a consignment the report that the hub makes of it for the recipient, and
// drafts the evidence of that; false where it makes none.
func (s *Service) arrival(m *move, consignment *hub.Evidence) (hub.Evidence, bool) {
	d := &m.step.Delivery
	r := hub.Arrival(d, s.NewID)
	if r == nil {
		return hub.Evidence{}, false
	}
	consignment.ID = hub.EvidenceID(s.NewID())
	m.step.Reports, d.Progress = []hub.StatusReport{*r}, d.Progress.Further(r.Code)
	before := *d
	before.LastEvidence = hub.EvidenceRef{ID: consignment.ID}
	return hub.ArrivalEvidence(&m.item.Dispatch, &before, r), true
}

// eventOf names the evidence that a step needs; a claim or retry needs none.
func eventOf(m *move) (hub.Event, bool) {
	if m.warns {
		return hub.EventExpiryWarning, true
	}
	step := &m.step
	if step.From == hub.StateQueued && step.Delivery.Channel == hub.ChannelAxis {
		return relayEventOf(&step.Delivery)
	}
	if step.Delivery.Channel == hub.ChannelPaper && step.Delivery.State == hub.StateExpired {
		return hub.EventRelayToNonERDSFailure, true
	}
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

// relayEventOf is the evidence of what another axis did with a delivery: it took it, it
// refused it, or it did not answer in time.
func relayEventOf(d *hub.Delivery) (hub.Event, bool) {
	switch d.State {
	case hub.StateConsigned:
		return hub.EventRelayAcceptance, true
	case hub.StateFailed:
		if d.Reason.Code == hub.ReasonAttemptsExhausted {
			return hub.EventRelayFailure, true
		}
		return hub.EventRelayRejection, true
	case hub.StateExpired:
		return hub.EventRelayFailure, true
	}
	return "", false
}

func evidence(event hub.Event, m *move) hub.Evidence {
	d := &m.step.Delivery
	e := hub.DeliveryEvidence(event, &m.item.Dispatch, &m.item.Delivery, d.UpdatedAt)
	e.DeliveryInfo, e.Note = &hub.DeliveryInfo{Attempt: d.Attempts, Channel: d.Channel}, m.note
	if event.Negative() {
		e.Reasons = []hub.Reason{*d.Reason}
	}
	if m.warns || d.State == hub.StateExpired {
		e.DeliveryInfo.ExpiresAt = d.ExpiresAt
	}
	return e
}
