package tracking

import (
	"context"
	"slices"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// BookStore reads what registers are printed from, a page at a time.
type BookStore interface {
	// SentBetween lists dispatches with all their deliveries, by id.
	SentBetween(ctx context.Context, span hub.SentSpan) (hub.List[hub.SentItem], error)
	// RegisteredBetween lists what an agency registered from the first to the last day of
	// the query: by the day, within it by the number. A number that is not one sorts by
	// its length, as numbers do.
	RegisteredBetween(ctx context.Context, query hub.RegisterQuery) (hub.List[hub.RegisterEntry], error)
	// Counted lists the deliveries behind a number of figures, by day.
	Counted(ctx context.Context, query hub.CountedQuery) (hub.List[hub.Item], error)
}

// idSlack is how far the time in an id may be from the acceptance that it was made for:
// clocks of nodes differ, and are set.
const idSlack = time.Hour

// Outgoing is a page of the register of outgoing documents (sổ đăng ký văn bản đi): what
// was accepted in the period, in that order, to the agency alone. A page may be shorter
// than asked for. Recalls and what is forwarded are no documents of their own; connection tests are left out.
func (s *Service) Outgoing(ctx context.Context, actor hub.Actor, query hub.RegisterQuery) (hub.List[hub.SentItem], error) {
	if err := mayPrint(&actor, &query, hub.ScopeRead); err != nil {
		return hub.List[hub.SentItem]{}, err
	}
	begin, end := query.Span()
	list, err := s.Books.SentBetween(ctx, hub.SentSpan{
		Sender: query.Agency, Page: s.page(query.Page),
		First: hub.DispatchID(hub.IDAt(begin.Add(-idSlack))), End: hub.DispatchID(hub.IDAt(end.Add(idSlack))),
	})
	list.Items = slices.DeleteFunc(list.Items, func(item hub.SentItem) bool {
		at := item.Dispatch.AcceptedAt
		return at.Before(begin) || !at.Before(end) || item.Dispatch.Operation == hub.OperationRecall || item.Dispatch.Origin != nil || s.onlyTests(item.Deliveries)
	})
	for i := range list.Items {
		for n := range list.Items[i].Deliveries {
			list.Items[i].Deliveries[n] = sendersView(list.Items[i].Deliveries[n])
		}
	}
	return list, err
}

// Incoming is a page of the register of incoming documents (sổ đăng ký văn bản đến) and of
// that of their handling: what the agency registered in the period, by day and number, to
// the agency alone. A page may be shorter than asked for. Of what was taken back nothing
// is left but its number; connection tests are left out.
func (s *Service) Incoming(ctx context.Context, actor hub.Actor, query hub.RegisterQuery) (hub.List[hub.RegisterEntry], error) {
	if err := mayPrint(&actor, &query, hub.ScopeCollect); err != nil {
		return hub.List[hub.RegisterEntry]{}, err
	}
	query.Page, query.TookOver = s.page(query.Page), s.Directory.TookOver([]hub.AgencyID{query.Agency}, s.now())
	list, err := s.Books.RegisteredBetween(ctx, query)
	list.Items = slices.DeleteFunc(list.Items, func(e hub.RegisterEntry) bool {
		own := e.Delivery.Recipient == query.Agency && e.Delivery.Register == "" || e.Delivery.Register == query.Agency
		return !own || s.isTest(e.Dispatch.Sender)
	})
	for i := range list.Items {
		list.Items[i].Item = recipientsItem(list.Items[i].Item)
	}
	return list, err
}

// Counted is a page of the deliveries behind a number of an agency's figures, to who speaks
// for that agency alone: of those under it there are numbers and no documents. Errors:
// KindInvalid with the fields "side", "measure", "period", "kind"; KindDenied.
func (s *Service) Counted(ctx context.Context, actor hub.Actor, query hub.CountedQuery) (hub.List[hub.Item], error) {
	var none hub.List[hub.Item]
	scope := hub.ScopeCollect
	if query.Side == hub.SideSent {
		scope = hub.ScopeRead
	}
	for _, scope := range []hub.Scope{hub.ScopeFigures, scope} {
		if err := actor.SpeaksFor(query.Agency, scope); err != nil {
			return none, err
		}
	}
	if err := query.Check(); err != nil {
		return none, err
	}
	query.Page = s.page(query.Page)
	list, err := s.Books.Counted(ctx, query)
	for i := range list.Items {
		if query.Side == hub.SideSent {
			list.Items[i].Delivery = sendersView(list.Items[i].Delivery)
		} else {
			list.Items[i] = recipientsItem(list.Items[i])
		}
	}
	return list, err
}

func mayPrint(actor *hub.Actor, query *hub.RegisterQuery, scope hub.Scope) error {
	if err := actor.SpeaksFor(query.Agency, scope); err != nil {
		return err
	}
	return query.Check()
}

// isTest reports whether an agency is there for connection tests.
func (s *Service) isTest(id hub.AgencyID) bool {
	a, ok := s.Directory.ByID(id)
	return ok && a.Test
}

func (s *Service) onlyTests(deliveries []hub.Delivery) bool {
	return len(deliveries) > 0 && !slices.ContainsFunc(deliveries, func(d hub.Delivery) bool { return !s.isTest(d.Recipient) })
}
