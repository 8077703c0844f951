package tracking

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Recall takes a document back from recipients, or from all of them where none is named.
// Before the hand-over it is withdrawn at once; after it the recipient is asked (status
// 13) and answers with 15 or 16. Whichever of recall and hand-over is recorded first
// holds. The same recall again gives the same evidence; one with another reason asks
// again where the recipient had refused.
//
// Errors: KindNotFound for a dispatch of another agency, KindInvalid (recipients,
// reason), KindConflict for a recall of a recall.
func (s *Service) Recall(ctx context.Context, actor hub.Actor, id hub.DispatchID, recipients []string, reason string) ([]hub.RecallOutcome, error) {
	if err := actor.Require(hub.ScopeSubmit); err != nil {
		return nil, err
	}
	if err := checkText(nil, "reason", reason, true, maxReason).AsError(); err != nil {
		return nil, err
	}
	item, err := s.Store.DispatchItem(ctx, id)
	if err != nil {
		return nil, err
	}
	if actor.SpeaksFor(item.Dispatch.Sender, hub.ScopeSubmit) != nil {
		return nil, noDispatch()
	}
	chosen, err := s.chosen(&item, recipients)
	if err != nil {
		return nil, err
	}
	return s.recall(ctx, actor, id, chosen, reason, nil)
}

// chosen returns the deliveries of a dispatch to the recipients that are named by code
// or id, or to all where none is.
func (s *Service) chosen(item *hub.SentItem, recipients []string) ([]hub.DeliveryID, error) {
	if item.Dispatch.Operation == hub.OperationRecall {
		return nil, hub.Errorf(hub.KindConflict, "dispatch", "operation", "this dispatch is itself a recall: it cannot be recalled")
	}
	var ids []hub.DeliveryID
	for _, d := range item.Deliveries {
		if len(recipients) == 0 {
			ids = append(ids, d.ID)
		}
	}
	for _, name := range recipients {
		name = strings.TrimSpace(name)
		i := slices.IndexFunc(item.Deliveries, func(d hub.Delivery) bool {
			return string(d.Recipient) == name || strings.EqualFold(string(d.AddressedAs), name)
		})
		if i < 0 {
			r, err := s.Directory.Resolve(name, s.now())
			if err != nil {
				return nil, inField(err, "recipients")
			}
			i = slices.IndexFunc(item.Deliveries, func(d hub.Delivery) bool { return d.Recipient == r.Agency.ID })
		}
		if i < 0 {
			return nil, hub.Invalid("recipients", "unknown", "%.60q is not a recipient of this dispatch", name)
		}
		ids = append(ids, item.Deliveries[i].ID)
	}
	return ids, nil
}

// recall runs until every delivery is settled: what a race left out is looked at anew.
func (s *Service) recall(ctx context.Context, actor hub.Actor, dispatch hub.DispatchID, ids []hub.DeliveryID, reason string, message *hub.StatusMessage) ([]hub.RecallOutcome, error) {
	for try := 0; ; try++ {
		found, err := s.Store.DispatchItem(ctx, dispatch)
		if err != nil {
			return nil, err
		}
		chosen := among(found.Deliveries, ids)
		aims := make([]hub.Aim, len(chosen))
		for i, d := range chosen {
			item := hub.Item{Dispatch: found.Dispatch, Delivery: d}
			aims[i] = hub.Aim{Item: item, Operation: hub.OperationRecall, Reason: reason, Message: message}
		}
		steps, err := s.Change(ctx, actor, aims)
		if err != nil {
			return nil, err
		}
		lost, err := s.applyChanges(ctx, steps)
		switch {
		case err != nil:
			return nil, err
		case lost == nil:
			return s.outcomes(ctx, dispatch, ids)
		case try == conflictRetries:
			return nil, lost
		}
	}
}

// among returns the deliveries with these ids, each once.
func among(deliveries []hub.Delivery, ids []hub.DeliveryID) []hub.Delivery {
	return slices.DeleteFunc(deliveries, func(d hub.Delivery) bool { return !slices.Contains(ids, d.ID) })
}

// applyChanges records steps and tells recipients. The first result is a conflict with
// somebody else's act, if there was one.
func (s *Service) applyChanges(ctx context.Context, steps []hub.Step) (lost, err error) {
	if len(steps) == 0 {
		return nil, nil
	}
	results, err := s.Store.ApplySteps(ctx, steps...)
	for i, conflict := range results {
		if conflict != nil {
			lost = conflict
			continue
		}
		s.Bell.Ring(steps[i].Delivery.Recipient)
	}
	return lost, err
}

// outcomes tells what a recall came to, with its evidence.
func (s *Service) outcomes(ctx context.Context, dispatch hub.DispatchID, ids []hub.DeliveryID) ([]hub.RecallOutcome, error) {
	item, err := s.Store.DispatchItem(ctx, dispatch)
	if err != nil {
		return nil, err
	}
	chosen := among(item.Deliveries, ids)
	list := make([]hub.RecallOutcome, len(chosen))
	for i := range chosen {
		d := &chosen[i]
		list[i] = hub.RecallOutcome{Delivery: d.ID, Recipient: d.Recipient, Name: d.Name, Outcome: hub.ResultOf(d)}
		if list[i].Outcome == hub.RecallEnded {
			continue
		}
		sealed, found, err := s.recorded(ctx, d.ID, func(e *hub.Evidence) bool {
			return e.Event == hub.EventWithdrawal || e.Status != nil && e.Status.Code == hub.StatusRecallAsked
		})
		if err != nil {
			return nil, err
		}
		if found {
			list[i].Receipt = &sealed
		}
	}
	return list, nil
}

// Change seals what aims do to deliveries as they are, and returns the steps for a store
// to record; none for an aim that is reached already or can't be any more. Before the
// hand-over the delivery is withdrawn; after it, it keeps its state and the recipient is
// asked.
func (s *Service) Change(ctx context.Context, actor hub.Actor, aims []hub.Aim) ([]hub.Step, error) {
	now := s.now()
	var steps []hub.Step
	var drafts []hub.Evidence
	for i := range aims {
		step, draft, ok := s.changed(actor, &aims[i], now)
		if ok {
			steps, drafts = append(steps, step), append(drafts, draft)
		}
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

// changed is what one aim does, and the draft of its evidence.
func (s *Service) changed(actor hub.Actor, a *hub.Aim, now time.Time) (hub.Step, hub.Evidence, bool) {
	before := &a.Item.Delivery
	now = before.Moment(now)
	next := *before
	next.Version, next.UpdatedAt = before.Version+1, now
	step := hub.Step{From: before.State, Version: before.Version}
	draft := hub.DeliveryEvidence("", &a.Item.Dispatch, before, now)
	draft.Sender.Auth = &hub.AuthFact{Method: actor.Auth, Actor: actor.Name}
	if a.By != "" {
		draft.Links = []hub.Link{{Kind: hub.LinkOf(a.Operation).Inverse(), Dispatch: a.By}}
	}
	switch {
	case before.State.MayBecome(hub.StateWithdrawn) && !before.Relayed():
		next.State, next.Reason = hub.StateWithdrawn, &hub.Reason{Code: hub.ReasonRecalled, Detail: a.Reason}
		draft.Event, draft.Reasons = hub.EventWithdrawal, []hub.Reason{*next.Reason}
	case !mayAsk(before, a):
		return step, draft, false
	case a.Operation == hub.OperationRecall:
		draft.Event = hub.EventStatusReport
	default:
		draft.Event, draft.Note = hub.EventCorrection, a.Reason
	}
	if next.State != hub.StateWithdrawn {
		next.Request = &hub.ChangeRequest{Operation: a.Operation, By: a.By, Reason: a.Reason, AskedAt: now}
	}
	if a.Operation == hub.OperationRecall {
		report := s.recallReport(a, now)
		step.Reports, draft.Status = []hub.StatusReport{report}, report.Fact()
	}
	step.Delivery = next
	return step, draft, true
}

// recallReport is the sender's status 13 as it is kept beside the reports of the
// recipient.
func (s *Service) recallReport(a *hub.Aim, now time.Time) hub.StatusReport {
	r := hub.StatusReport{
		ID: s.NewID(), Dispatch: a.Item.Dispatch.ID, Delivery: a.Item.Delivery.ID, Reporter: a.Item.Dispatch.Sender,
		Code: hub.StatusRecallAsked, Description: a.Reason, StatedAt: now, RecordedAt: now,
	}
	if m := a.Message; m != nil {
		r.Staff, r.Envelope = m.Staff, m.Envelope
		if !m.StatedAt.IsZero() {
			r.StatedAt = m.StatedAt
		}
	}
	r.StatedAt = r.StatedAt.UTC().Truncate(time.Second)
	return r
}

// mayAsk reports whether there is something to ask of a recipient: it has the document,
// and was not asked for the same before.
func mayAsk(d *hub.Delivery, a *hub.Aim) bool {
	r := d.Request
	switch {
	case !d.Reached() && !d.Relayed(): // what another axis has is asked for there
		return false
	case d.Recalled():
		return false
	case r == nil || r.Operation != a.Operation:
		return true
	case r.Open():
		return r.By != a.By
	}
	return r.By != a.By || r.Reason != a.Reason
}
