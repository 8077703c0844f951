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
	related := []hub.Related{}
	for _, l := range links {
		other, err := s.Dispatch(ctx, actor, l.Dispatch)
		switch {
		case err == nil:
			related = append(related, relatedBy(l, &other.Dispatch))
		case hub.KindOf(err) != hub.KindNotFound: // what it may not see is not there
			return nil, err
		}
	}
	return related, nil
}

func relatedBy(l hub.Link, d *hub.Dispatch) hub.Related {
	return hub.Related{
		Link: l, Operation: d.Operation, Sender: d.Sender, SenderCode: d.SenderCode, SenderName: d.SenderName,
		ExternalID: d.ExternalID, Number: d.Document.Number(), AcceptedAt: d.AcceptedAt,
	}
}
