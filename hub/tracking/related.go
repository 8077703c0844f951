package tracking

import (
	"context"

	"github.com/lienthong/lienthong/hub"
)

// maxRelated bounds how many later dispatches are looked at: a circular has as many
// answers as recipients.
const maxRelated = 1000

// Related lists the dispatches that a dispatch recalls, updates, replaces or answers,
// and those that do so to it, as far as the actor may see both ends.
func (s *Service) Related(ctx context.Context, actor hub.Actor, id hub.DispatchID) ([]hub.Related, error) {
	item, err := s.Dispatch(ctx, actor, id)
	if err != nil {
		return nil, err
	}
	later, err := s.Links.LinksTo(ctx, id, maxRelated)
	if err != nil {
		return nil, err
	}
	links := append([]hub.Link(nil), item.Dispatch.Links...)
	for _, l := range later {
		links = append(links, hub.Link{Kind: l.Kind.Inverse(), Dispatch: l.Dispatch})
	}
	others, err := s.others(ctx, &actor, links)
	if err != nil {
		return nil, err
	}
	related := []hub.Related{}
	for _, l := range links {
		if other := others[l.Dispatch]; other != nil {
			related = append(related, relatedBy(actor, l, other))
		}
	}
	return related, nil
}

// others are the dispatches of links as the actor sees them, each with its own deliveries;
// what it may not see is not there.
func (s *Service) others(ctx context.Context, actor *hub.Actor, links []hub.Link) (map[hub.DispatchID]*hub.SentItem, error) {
	ids := make([]hub.DispatchID, len(links))
	for i, l := range links {
		ids[i] = l.Dispatch
	}
	if len(ids) == 0 {
		return nil, nil
	}
	shares, err := s.Links.DispatchShares(ctx, ids, actor.Recipients())
	if err != nil {
		return nil, err
	}
	seen := map[hub.DispatchID]*hub.SentItem{}
	var own []*hub.Dispatch
	for i := range shares {
		item := &shares[i]
		d := &item.Dispatch
		if oversees(actor, d) {
			own = append(own, d)
		} else if !s.recipientsShare(actor, item) {
			continue
		}
		seen[d.ID] = item
	}
	return seen, s.forwardersView(ctx, actor, own...)
}

func relatedBy(actor hub.Actor, l hub.Link, item *hub.SentItem) hub.Related {
	d := &item.Dispatch
	related := hub.Related{
		Link: l, Operation: d.Operation, Sender: d.Sender, SenderCode: d.SenderCode, SenderName: d.SenderName,
		ExternalID: d.ExternalID, Number: d.Document.Number(), Subject: d.Document.Subject, AcceptedAt: d.AcceptedAt,
	}
	for i := range item.Deliveries {
		if own := &item.Deliveries[i]; actor.Receives(own.Recipient) == nil {
			related.Delivery = own.ID
			break
		}
	}
	return related
}
