package post

import (
	"context"
	"fmt"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// enter puts what the post did for a dossier into its course, at the time that the bill says.
func (s *Service) enter(ctx context.Context, o *hub.PostalOrder, e *hub.PostalEvent) error {
	key := fmt.Sprintf("post/%s/%d", o.ID, e.Seq)
	return s.Dossiers.Posted(ctx, o.Dossier, o.Agency, key, e.At, hub.DossierPost{Order: o.ID, Kind: o.Kind, Act: e.Act, Bill: e.Bill})
}

// prove says in the evidence of a delivery what the post did with the document: that it has
// it, that it delivered it, or that it came back. A delivery that has ended, or that the
// sender has taken back, stays as it is.
func (s *Service) prove(ctx context.Context, o *hub.PostalOrder, e *hub.PostalEvent) error {
	for _, wanted := range wayOf(e.Act) {
		item, err := s.Deliveries.Item(ctx, o.Delivery)
		if err != nil {
			return err
		}
		if d := &item.Delivery; d.Channel != hub.ChannelPaper || d.Final() || d.State == wanted || !d.State.MayBecome(wanted) {
			continue
		}
		if err := s.step(ctx, &item, wanted, o, e); err != nil {
			return err
		}
	}
	return nil
}

// wayOf are the states that a delivery goes through when the post did something.
func wayOf(act hub.PostalAct) []hub.DeliveryState {
	switch {
	case act.Posted():
		return []hub.DeliveryState{hub.StateConsigned}
	case act == hub.PostalDelivered:
		return []hub.DeliveryState{hub.StateConsigned, hub.StateHandedOver}
	case act == hub.PostalReturned:
		return []hub.DeliveryState{hub.StateFailed}
	}
	return nil
}

func (s *Service) step(ctx context.Context, item *hub.Item, to hub.DeliveryState, o *hub.PostalOrder, e *hub.PostalEvent) error {
	before := &item.Delivery
	next := *before
	next.State, next.Version, next.UpdatedAt = to, before.Version+1, before.Moment(s.now())
	next.Attempts, next.LastError, next.LastSaid = before.Attempts+1, "", nil
	event := hub.EventRelayToNonERDS
	switch to {
	case hub.StateHandedOver:
		event, next.HandedOverAt = hub.EventPostalDelivery, next.UpdatedAt
	case hub.StateFailed:
		event = hub.EventRelayToNonERDSFailure
		next.Reason = &hub.Reason{Code: hub.ReasonUnreachable, Detail: "the post brought it back: " + said(o, e)}
	}
	draft := hub.DeliveryEvidence(event, &item.Dispatch, before, next.UpdatedAt)
	draft.DeliveryInfo, draft.Note = &hub.DeliveryInfo{Attempt: next.Attempts, Channel: hub.ChannelPaper}, said(o, e)
	if event.Negative() {
		draft.Reasons = []hub.Reason{*next.Reason}
	}
	sealed, err := s.Notary.Seal(ctx, draft)
	if err != nil {
		return err
	}
	step := hub.Step{Delivery: next, From: before.State, Version: before.Version}
	step.Prove(sealed[0])
	results, err := s.Deliveries.ApplySteps(ctx, step)
	if err != nil {
		return err
	}
	if results[0] != nil {
		return &hub.Error{Kind: hub.KindBusy, Message: "the delivery changed meanwhile", Err: results[0]}
	}
	return nil
}

// said is what the operator or the bill says, for the note of an evidence.
func said(o *hub.PostalOrder, e *hub.PostalEvent) string {
	who := "the post says"
	if e.By != "" {
		who = "the sender says, from the bill"
	}
	bill := e.Bill
	if bill == "" {
		bill = o.Bill
	}
	return fmt.Sprintf("%s: %s at %s, bill %q, order %s", who, e.Act, e.At.In(hub.Vietnam()).Format(time.RFC3339), bill, o.ID)
}
