package inspection

import (
	"context"
	"slices"

	"github.com/lienthong/lienthong/hub"
)

// mayCount refuses who asks for figures of others.
func mayCount(actor *hub.Actor, agency hub.AgencyID) error {
	if sees(actor, agency) {
		return nil
	}
	return actor.SpeaksFor(agency, hub.ScopeFigures)
}

// Figures counts the inspections that an agency began in a period, as they stand now.
func (s *Service) Figures(ctx context.Context, actor hub.Actor, agency hub.AgencyID, period hub.Period) (hub.InspectionFigures, error) {
	f := hub.InspectionFigures{Agency: agency, Period: period, AsOf: s.now(), Counts: map[hub.InspectionMeasure]int{}}
	for _, m := range hub.InspectionMeasures() {
		f.Counts[m] = 0
	}
	span, err := s.span(&actor, agency, period)
	if err != nil {
		return f, err
	}
	span.Page.Limit = maxPage
	for walked := 0; ; {
		found, err := s.Store.InspectionsBetween(ctx, span)
		if err != nil {
			return f, err
		}
		for i := range found.Items {
			v := s.view(&actor, &found.Items[i])
			for _, m := range v.Counts() {
				f.Counts[m]++
			}
		}
		walked += len(found.Items)
		if span.Page.After = found.Next; found.Next == "" {
			return f, nil
		}
		if walked >= hub.MaxInspectionsCounted {
			f.More = true
			return f, nil
		}
	}
}

// Counted is a page of the inspections behind a figure: a page may be short though there is
// a next one. It is for who sees the inspections themselves.
func (s *Service) Counted(ctx context.Context, actor hub.Actor, agency hub.AgencyID, period hub.Period, measure hub.InspectionMeasure, page hub.Page) (hub.List[hub.InspectionView], error) {
	list := hub.List[hub.InspectionView]{}
	if !sees(&actor, agency) {
		return list, actor.SpeaksFor(agency, hub.ScopeRead)
	}
	if !slices.Contains(hub.InspectionMeasures(), measure) {
		return list, hub.Unlisted("measure", measure, hub.InspectionMeasures())
	}
	span, err := s.span(&actor, agency, period)
	if err != nil {
		return list, err
	}
	limit := limitOf(page)
	span.Page = page
	for walked := 0; walked < maxWalk; {
		span.Page.Limit = limit - len(list.Items)
		found, err := s.Store.InspectionsBetween(ctx, span)
		if err != nil {
			return list, err
		}
		walked += span.Page.Limit
		for i := range found.Items {
			if v := s.row(&actor, &found.Items[i]); slices.Contains(v.Counts(), measure) {
				list.Items = append(list.Items, v)
			}
		}
		list.Next, span.Page.After = found.Next, found.Next
		if found.Next == "" || len(list.Items) == limit {
			break
		}
	}
	return list, nil
}

func (s *Service) span(actor *hub.Actor, agency hub.AgencyID, period hub.Period) (hub.InspectionSpan, error) {
	if err := mayCount(actor, agency); err != nil {
		return hub.InspectionSpan{}, err
	}
	if _, err := hub.ParsePeriod(string(period)); err != nil {
		return hub.InspectionSpan{}, err
	}
	from, until := period.Span()
	return hub.InspectionSpan{Agency: agency, From: hub.DateOf(from), Until: hub.DateOf(until)}, nil
}
