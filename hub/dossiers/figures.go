package dossiers

import (
	"context"
	"slices"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// mayCount refuses who asks for figures of others. Who has the scope "figures" also sees
// those of the units under its own.
func (s *Service) mayCount(actor *hub.Actor, unit hub.AgencyID, at time.Time) error {
	if sees(actor, unit) {
		return nil
	}
	err := actor.SpeaksFor(unit, hub.ScopeFigures)
	if err == nil || !actor.Has(hub.ScopeFigures) {
		return err
	}
	if a, ok := s.Directory.ByID(unit); ok && !a.Valid.To.IsZero() && a.Valid.To.Before(at) {
		at = a.Valid.To.Add(-time.Nanosecond)
	}
	for _, up := range s.above(unit, at) {
		if slices.Contains(actor.Agencies, up) {
			return nil
		}
	}
	return err
}

// Figures counts the dossiers that a unit had in hand in a period, as they stood at its end,
// or now: those accepted before that and not ended before the period began (Cổng DVCQG). With
// Under these are also those of all units that were under it on the day of the acceptance.
func (s *Service) Figures(ctx context.Context, actor hub.Actor, query hub.DossierFigureQuery) (hub.DossierFigures, error) {
	f := hub.DossierFigures{Unit: query.Unit, Period: query.Period, Under: query.Under, Channels: map[hub.DossierChannel]hub.DossierCount{}}
	look, err := s.look(&actor, &query)
	if err != nil {
		return f, err
	}
	f.AsOf = look.At
	looks := []hub.DossierLook{look}
	if query.Under {
		if looks, err = s.under(ctx, &actor, &look); err != nil {
			return f, err
		}
	}
	for _, l := range looks {
		sums, err := s.Counts.DossierSums(ctx, l)
		if err != nil {
			return f, err
		}
		for i := range sums {
			f.Add(&sums[i])
		}
	}
	f.Pending, err = s.pending(ctx)
	return f, err
}

// Standing counts the dossiers of a unit as Figures does, all together, for pages that show
// it beside something else. It reports whether some are being counted anew.
func (s *Service) Standing(ctx context.Context, actor hub.Actor, query hub.DossierFigureQuery) (hub.DossierCount, bool, error) {
	look, err := s.look(&actor, &query)
	if err != nil {
		return hub.DossierCount{}, false, err
	}
	count, err := s.Counts.DossierCount(ctx, look)
	if err != nil {
		return count, false, err
	}
	pending, err := s.pending(ctx)
	return count, pending, err
}

// Counted is a page of the dossiers of a unit behind figures: how each counts, and why.
func (s *Service) Counted(ctx context.Context, actor hub.Actor, query hub.DossierFigureQuery) (hub.List[hub.DossierCounted], error) {
	var list hub.List[hub.DossierCounted]
	look, err := s.look(&actor, &query)
	if err != nil {
		return list, err
	}
	if query.Measure == "" {
		query.Measure = hub.DossiersAll
	}
	if !slices.Contains(hub.DossierMeasures(), query.Measure) {
		return list, hub.Unlisted("measure", query.Measure, hub.DossierMeasures())
	}
	if query.Page.Limit <= 0 || query.Page.Limit > maxPage {
		query.Page.Limit = min(max(query.Page.Limit, 50), maxPage)
	}
	found, err := s.Counts.CountedDossiers(ctx, look, query.Measure, query.Page)
	if err != nil {
		return list, err
	}
	list.Next = found.Next
	w := s.working()
	for i := range found.Items {
		f := &found.Items[i]
		c := follow(f.Events, look.At)
		k := clockOf(&f.Dossier, c, w, look.At)
		first := slices.IndexFunc(c.events, func(e hub.DossierEvent) bool { return e.Act == hub.DossierApologise })
		list.Items = append(list.Items, hub.DossierCounted{ID: f.ID, Number: f.Number, Channel: f.Channel, Late: k.Late, Letter: first >= 0, Tardy: first >= 0 && c.events[first].At.After(k.Due), Explain: k.Explain})
	}
	return list, nil
}

// look is what a query is about, for who may ask it.
func (s *Service) look(actor *hub.Actor, query *hub.DossierFigureQuery) (hub.DossierLook, error) {
	look, err := s.Look(query.Unit, query.Period)
	if err == nil || hub.KindOf(err) == hub.KindInvalid { // rights first
		if denied := s.mayCount(actor, query.Unit, look.At.Add(-time.Nanosecond)); denied != nil {
			return look, denied
		}
	}
	return look, err
}

// Look is that at the dossiers of a unit in a period. Errors: KindInvalid with the field
// "period".
func (s *Service) Look(unit hub.AgencyID, period hub.Period) (hub.DossierLook, error) {
	now := s.soon()
	look := hub.DossierLook{Unit: unit, At: now}
	if _, err := hub.ParsePeriod(string(period)); err != nil {
		return look, err
	}
	from, until := period.Span()
	if until.Before(now) {
		look.At = until.UTC()
	}
	if look.From = from.UTC(); !look.From.Before(look.At) {
		return look, hub.Invalid("period", "to_come", "the period %s has not begun", period)
	}
	return look, nil
}

// under are the looks at the dossiers of a unit and of all that were under it.
func (s *Service) under(ctx context.Context, actor *hub.Actor, look *hub.DossierLook) ([]hub.DossierLook, error) {
	if err := actor.Require(hub.ScopeFigures); err != nil {
		return nil, err
	}
	units, err := s.Counts.DossierUnits(ctx)
	if err != nil {
		return nil, err
	}
	var looks []hub.DossierLook
	for _, unit := range units {
		for _, place := range s.Places(unit) {
			if unit == look.Unit || slices.Contains(place.Above, look.Unit) {
				l := *look
				l.Unit, l.Begun = unit, place.During
				looks = append(looks, l)
			}
		}
	}
	return looks, nil
}

// Places are those of a unit one after the other, from the beginning of time to its end.
func (s *Service) Places(unit hub.AgencyID) []hub.AgencyPlace {
	turns := s.turns(unit, map[hub.AgencyID]bool{})
	slices.SortFunc(turns, time.Time.Compare)
	turns = slices.CompactFunc(turns, time.Time.Equal)
	places := []hub.AgencyPlace{{Above: s.above(unit, time.Time{})}}
	for _, at := range turns {
		last := &places[len(places)-1]
		if above := s.above(unit, at); !slices.Equal(above, last.Above) {
			last.During.To = at
			places = append(places, hub.AgencyPlace{During: hub.Interval{From: at}, Above: above})
		}
	}
	return places
}

// turns are the instants at which somebody above a unit may have changed.
func (s *Service) turns(unit hub.AgencyID, seen map[hub.AgencyID]bool) []time.Time {
	a, ok := s.Directory.ByID(unit)
	if !ok || seen[unit] {
		return nil
	}
	seen[unit] = true
	var list []time.Time
	for _, parent := range a.Parents {
		for _, at := range []time.Time{parent.Valid.From, parent.Valid.To} {
			if !at.IsZero() {
				list = append(list, at)
			}
		}
		list = append(list, s.turns(parent.Value, seen)...)
	}
	return list
}

func (s *Service) above(unit hub.AgencyID, at time.Time) []hub.AgencyID {
	return hub.Above(s.Directory.ByID, unit, at)
}
