package dossiers

import (
	"context"
	"slices"

	"github.com/lienthong/lienthong/hub"
)

// fits reports whether a dossier is one of those that a list asks for by what is computed.
func fits(v *hub.DossierView, q *hub.DossierQuery) bool {
	return (len(q.Timeliness) == 0 || slices.Contains(q.Timeliness, v.Clock.Timeliness)) && (q.Finding == "" || v.Has(q.Finding))
}

// mayCount refuses who asks for figures of others.
func mayCount(actor *hub.Actor, unit hub.AgencyID) error {
	if sees(actor, unit) {
		return nil
	}
	return actor.SpeaksFor(unit, hub.ScopeFigures)
}

// Figures counts the dossiers that a unit had in hand in a period, as they stood at its end,
// or now: those accepted before that and not ended before the period began (Cổng DVCQG).
func (s *Service) Figures(ctx context.Context, actor hub.Actor, unit hub.AgencyID, period hub.Period) (hub.DossierFigures, error) {
	f := hub.DossierFigures{Unit: unit, Period: period, Channels: map[hub.DossierChannel]hub.DossierCount{}}
	span, err := s.span(&actor, unit, period)
	if err != nil {
		return f, err
	}
	f.AsOf = span.Until
	span.Page.Limit = maxPage
	walked := 0
	for {
		counted, next, n, err := s.counted(ctx, span)
		if err != nil {
			return f, err
		}
		for i := range counted {
			f.Add(&counted[i])
		}
		walked += n
		if span.Page.After = next; next == "" {
			break
		}
		if walked >= hub.MaxDossiersCounted {
			f.More = true
			break
		}
	}
	return f, nil
}

// Counted is a page of the dossiers behind figures: how each counts, and why.
func (s *Service) Counted(ctx context.Context, actor hub.Actor, unit hub.AgencyID, period hub.Period, page hub.Page) (hub.List[hub.DossierCounted], error) {
	var list hub.List[hub.DossierCounted]
	span, err := s.span(&actor, unit, period)
	if err != nil {
		return list, err
	}
	if span.Page = page; page.Limit <= 0 || page.Limit > maxPage {
		span.Page.Limit = min(max(page.Limit, 50), maxPage)
	}
	list.Items, list.Next, _, err = s.counted(ctx, span)
	return list, err
}

func (s *Service) span(actor *hub.Actor, unit hub.AgencyID, period hub.Period) (hub.DossierSpan, error) {
	var span hub.DossierSpan
	if err := mayCount(actor, unit); err != nil {
		return span, err
	}
	if _, err := hub.ParsePeriod(string(period)); err != nil {
		return span, err
	}
	from, until := period.Span()
	now := s.soon()
	if now.Before(until) {
		until = now
	}
	if !from.Before(until) {
		return span, hub.Invalid("period", "to_come", "the period %s has not begun", period)
	}
	return hub.DossierSpan{Unit: unit, From: from.UTC(), Until: until.UTC()}, nil
}

// counted are the dossiers of a page that count, and how many were looked at. One that was
// not accepted by then, or had ended before the period as it was known at its end, does not
// count.
func (s *Service) counted(ctx context.Context, span hub.DossierSpan) (list []hub.DossierCounted, next string, walked int, err error) {
	found, err := s.Store.DossiersBetween(ctx, span)
	if err != nil {
		return nil, "", 0, err
	}
	w := s.working()
	for i := range found.Items {
		f := &found.Items[i]
		c := follow(f.Events, span.Until)
		k := clockOf(&f.Dossier, c, w, span.Until)
		if k.Start.IsZero() || k.Ended && k.End.Before(span.From) {
			continue // was stopped before, say, and has a result that was told of later
		}
		first := slices.IndexFunc(c.events, func(e hub.DossierEvent) bool { return e.Act == hub.DossierApologise })
		list = append(list, hub.DossierCounted{ID: f.ID, Number: f.Number, Channel: f.Channel, Late: k.Late, Letter: first >= 0, Tardy: first >= 0 && c.events[first].At.After(k.Due), Explain: k.Explain})
	}
	return list, found.Next, len(found.Items), nil
}
