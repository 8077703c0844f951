package tracking

import (
	"context"
	"slices"

	"github.com/lienthong/lienthong/hub"
)

// Held returns a delivery with its whole dispatch to who may act for its recipient;
// KindNotFound for everybody else.
func (s *Service) Held(ctx context.Context, actor hub.Actor, id hub.DeliveryID) (hub.Item, error) {
	return s.own(ctx, actor, id)
}

// Forward seals the step by which the recipient of a delivery, as it is, forwards its
// document by another dispatch. Its evidence is for the sender, too, and says that, and not
// to whom: what a recipient does inside is its own. Errors are those of hub.Item.Forwardable.
func (s *Service) Forward(ctx context.Context, actor hub.Actor, item hub.Item, by hub.DispatchID) (hub.Step, error) {
	if err := item.Forwardable(); err != nil {
		return hub.Step{}, err
	}
	before, next := item.Delivery, item.Delivery
	next.Version, next.UpdatedAt = before.Version+1, before.Moment(s.now())
	draft := hub.DeliveryEvidence(hub.EventForward, &item.Dispatch, &before, next.UpdatedAt)
	draft.DeliveryInfo = acknowledged(actor, &before)
	draft.Links = []hub.Link{{Kind: hub.LinkForwardedBy, Dispatch: by}}
	sealed, err := s.Notary.Seal(ctx, draft)
	if err != nil {
		return hub.Step{}, err
	}
	next.LastEvidence = sealed[0].Ref()
	return hub.Step{Delivery: next, From: before.State, Version: before.Version, Evidence: sealed}, nil
}

// kept refuses that a document is given back while others have it from its recipient: the
// sender would read that it is back. The recipient takes it back from them first.
func (s *Service) kept(ctx context.Context, d *hub.Delivery) error {
	query := hub.EvidenceQuery{Delivery: d.ID, Page: hub.Page{Limit: s.MaxPage}}
	for {
		list, err := s.Evidences.Evidences(ctx, query)
		if err != nil {
			return err
		}
		for i := range list.Items {
			e := &list.Items[i].Evidence
			if e.Event != hub.EventForward {
				continue
			}
			for _, l := range e.Links {
				if err := s.givenBack(ctx, l.Dispatch); err != nil {
					return err
				}
			}
		}
		if query.Page.After = list.Next; list.Next == "" {
			return nil
		}
	}
}

// givenBack refuses while a recipient of a dispatch has it, or may yet get it.
func (s *Service) givenBack(ctx context.Context, id hub.DispatchID) error {
	item, err := s.Store.DispatchItem(ctx, id)
	if err != nil {
		return err
	}
	for i := range item.Deliveries {
		d := &item.Deliveries[i]
		never := !d.Reached() && (d.State == hub.StateFailed || d.State == hub.StateExpired)
		if !never && !d.TakenBack() {
			return hub.Errorf(hub.KindConflict, "code", "forwarded", "%s has it by dispatch %s: take it back from there first", d.Name, id)
		}
	}
	return nil
}

// forwarderKeeps tells whether the sender of a dispatch may still see what it said: a
// forwarder that gave the document back has none of it, by what it forwarded neither.
func (s *Service) forwarderKeeps(ctx context.Context, d *hub.Dispatch) (bool, error) {
	if d.Origin == nil {
		return true, nil
	}
	item, err := s.Store.Item(ctx, d.Origin.Delivery)
	return err == nil && !item.Delivery.TakenBack(), err
}

// forwardersView leaves out what documents said that their forwarder gave back. Auditors,
// who open no content, go on seeing what it was.
func (s *Service) forwardersView(ctx context.Context, actor *hub.Actor, dispatches ...*hub.Dispatch) error {
	var origins []hub.DeliveryID
	for _, d := range dispatches {
		if d.Origin != nil && !slices.Contains(origins, d.Origin.Delivery) {
			origins = append(origins, d.Origin.Delivery)
		}
	}
	if len(origins) == 0 || actor.Has(hub.ScopeAudit) {
		return nil
	}
	found, err := s.Links.Items(ctx, origins)
	if err != nil {
		return err
	}
	kept := make(map[hub.DeliveryID]bool, len(found))
	for i := range found {
		kept[found[i].Delivery.ID] = !found[i].Delivery.TakenBack()
	}
	for _, d := range dispatches {
		if d.Origin != nil && !kept[d.Origin.Delivery] {
			*d = hub.Item{Dispatch: *d}.Stub().Dispatch
		}
	}
	return nil
}
