package figures

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// maxUnits is how many agencies a page has at most, and where nothing is said.
const maxUnits = 200

// Report returns the figures of an agency with all that were under it, for a period in the
// calendar of Viet Nam, to who speaks for that agency, or for one that is above it at the
// end of the period (or now), with the scope "figures". Errors: KindInvalid with the fields
// "period", "kind", "after"; KindDenied.
func (s *Service) Report(ctx context.Context, actor hub.Actor, query hub.FiguresQuery) (hub.FigureReport, error) {
	if err := actor.Require(hub.ScopeFigures); err != nil {
		return hub.FigureReport{}, err
	}
	if err := hub.CheckFigures(query.Period, query.Kind); err != nil {
		return hub.FigureReport{}, err
	}
	if query.Level != "" && !slices.Contains(hub.Levels(), query.Level) {
		return hub.FigureReport{}, hub.Unlisted("level", query.Level, hub.Levels())
	}
	if query.Agency == "" && len(actor.Agencies) > 0 {
		query.Agency = actor.Agencies[0]
	}
	last := s.last(query.Agency, query.Period)
	a, ok := s.Directory.ByID(query.Agency)
	if !ok || a.Test || !s.mayCount(&actor, query.Agency, last) {
		return hub.FigureReport{}, hub.Errorf(hub.KindDenied, "agency", "agency", "this credential may not see the figures of that agency")
	}
	progress, end, err := s.Store.FigureProgress(ctx)
	if err != nil {
		return hub.FigureReport{}, err
	}
	report := hub.FigureReport{
		Agency: query.Agency, Name: a.NameAt(last), Period: query.Period, Kind: query.Kind, Level: query.Level,
		Own: actor.SpeaksFor(query.Agency, hub.ScopeFigures) == nil, CountedTo: progress.At, Pending: progress.Place < end,
	}
	q := hub.FigureQuery{Agency: query.Agency, Kind: query.Kind, Periods: query.Period.Kept()}
	rows, err := s.Sums.FiguresByUnit(ctx, q)
	if err != nil {
		return hub.FigureReport{}, err
	}
	s.fill(&report, rows, last)
	if report.Units, report.Next, err = page(report.Units, query.Page); err != nil {
		return hub.FigureReport{}, err
	}
	refusals, err := s.Sums.Refusals(ctx, q)
	if err != nil {
		return hub.FigureReport{}, err
	}
	report.Refusals = joined(refusals)
	return report, s.fillSteps(ctx, &report, q)
}

// Whole is Report with all units on one page, for files. Its errors are those of Report.
func (s *Service) Whole(ctx context.Context, actor hub.Actor, query hub.FiguresQuery) (hub.FigureReport, error) {
	query.Page = hub.Page{Limit: maxUnits}
	whole, err := s.Report(ctx, actor, query)
	for next := whole.Next; err == nil && next != ""; {
		query.Page.After = next
		var page hub.FigureReport
		if page, err = s.Report(ctx, actor, query); err == nil {
			whole.Units, next = append(whole.Units, page.Units[1:]...), page.Next
		}
	}
	whole.Next = ""
	return whole, err
}

// last is the last instant of a period that has come and at which an agency lives.
func (s *Service) last(id hub.AgencyID, p hub.Period) time.Time {
	_, to := p.Span()
	if now := s.Now(); now.Before(to) {
		to = now
	}
	if a, ok := s.Directory.ByID(id); ok && !a.Valid.To.IsZero() && a.Valid.To.Before(to) {
		to = a.Valid.To
	}
	return to.Add(-time.Nanosecond)
}

// mayCount reports whether the actor speaks for an agency or for one above it.
func (s *Service) mayCount(actor *hub.Actor, id hub.AgencyID, at time.Time) bool {
	return slices.Contains(actor.Agencies, id) ||
		slices.ContainsFunc(s.above(id, at), func(up hub.AgencyID) bool { return slices.Contains(actor.Agencies, up) })
}

// fill sums up rows by units, by levels, and in all. Agencies that are directly under the
// one that was asked for are there without figures, too, unless those of one level are wanted.
func (s *Service) fill(report *hub.FigureReport, rows []hub.FigureRow, last time.Time) {
	units, levels := map[hub.AgencyID]*hub.FigureUnit{}, map[hub.Level]*hub.FigureLevelSums{}
	unit := func(id hub.AgencyID) *hub.FigureUnit {
		if units[id] == nil {
			units[id] = s.unit(id, report.Period)
		}
		return units[id]
	}
	unit(report.Agency)
	if report.Level == "" {
		for _, a := range s.Tree.Children(report.Agency, last) {
			unit(a.ID)
		}
	}
	for i := range rows {
		r := &rows[i]
		if levels[r.Level] == nil {
			levels[r.Level] = &hub.FigureLevelSums{Level: r.Level}
		}
		report.Total.On(r.Side).Add(&r.Tally, 1)
		levels[r.Level].On(r.Side).Add(&r.Tally, 1)
		if report.Level == "" || r.Level == report.Level || r.Unit == report.Agency {
			unit(r.Unit).On(r.Side).Add(&r.Tally, 1)
		}
	}
	report.Levels = []hub.FigureLevelSums{}
	for _, level := range hub.Levels() {
		if l := levels[level]; l != nil {
			report.Levels = append(report.Levels, *l)
		}
	}
	for _, u := range units {
		report.Units = append(report.Units, *u)
	}
	slices.SortFunc(report.Units, func(a, b hub.FigureUnit) int {
		switch report.Agency {
		case a.Agency:
			return -1
		case b.Agency:
			return 1
		}
		return cmp.Or(cmp.Compare(hub.Fold(a.Name), hub.Fold(b.Name)), cmp.Compare(a.Agency, b.Agency))
	})
}

func (s *Service) unit(id hub.AgencyID, p hub.Period) *hub.FigureUnit {
	last := s.last(id, p)
	u := &hub.FigureUnit{Agency: id, Level: s.level(id, last)}
	if a, ok := s.Directory.ByID(id); ok {
		u.Name = a.NameAt(last)
	}
	return u
}

// page cuts the agencies behind the first, which is the one that was asked for.
func page(units []hub.FigureUnit, p hub.Page) (cut []hub.FigureUnit, next string, err error) {
	limit := p.Limit
	if limit <= 0 || limit > maxUnits {
		limit = maxUnits
	}
	first := 1
	if p.After != "" {
		n := slices.IndexFunc(units, func(u hub.FigureUnit) bool { return string(u.Agency) == p.After })
		if n < 0 {
			return nil, "", hub.Invalid("after", "cursor", "there is no such page; begin again without it")
		}
		first = n + 1
	}
	end := min(first+limit, len(units))
	if end < len(units) {
		next = string(units[end-1].Agency)
	}
	return append([]hub.FigureUnit{units[0]}, units[first:end]...), next, nil
}

func (s *Service) fillSteps(ctx context.Context, report *hub.FigureReport, q hub.FigureQuery) error {
	if q.Kind == "" {
		q.Periods = report.Period.Steps()
	}
	rows, err := s.Sums.FiguresByPeriod(ctx, q)
	if err != nil {
		return err
	}
	report.Steps = make([]hub.FigureStepSums, len(q.Periods))
	for i, p := range q.Periods {
		report.Steps[i].Period = p
	}
	for i := range rows {
		if n := slices.Index(q.Periods, rows[i].Period); n >= 0 {
			report.Steps[n].On(rows[i].Side).Add(&rows[i].Tally, 1)
		}
	}
	return nil
}

func joined(rows []hub.RefusalRow) []hub.Refusals {
	list := []hub.Refusals{}
	for _, code := range hub.ReasonCodes() {
		sum := hub.Refusals{Reason: code}
		for i := range rows {
			switch {
			case rows[i].Reason != code:
			case rows[i].Side == hub.SideSent:
				sum.Sent += rows[i].Count
				sum.OwnSent += rows[i].Own
			default:
				sum.Received += rows[i].Count
				sum.OwnReceived += rows[i].Own
			}
		}
		if sum.Sent+sum.Received > 0 {
			list = append(list, sum)
		}
	}
	return list
}
