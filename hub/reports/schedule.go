package reports

import (
	"context"
	"fmt"
	"net/url"
	"slices"

	"github.com/lienthong/lienthong/hub"
)

const (
	maxTerms = 6 // each pace in each scope
	maxDays  = 200
)

func scheduleName(agency hub.AgencyID, version int64) string {
	return fmt.Sprintf("%s%s/%012d", schedulePrefix, url.PathEscape(string(agency)), version)
}

// Schedule says when reports of an agency are due.
func (s *Service) Schedule(ctx context.Context, actor hub.Actor, agency hub.AgencyID) (hub.ReportSchedule, error) {
	if err := s.may(&actor, agency); err != nil {
		return hub.ReportSchedule{}, err
	}
	return s.schedule(ctx, agency)
}

func (s *Service) schedule(ctx context.Context, agency hub.AgencyID) (hub.ReportSchedule, error) {
	set, ok, err := newest[hub.ReportSchedule](ctx, s.Notes, schedulePrefix, agency)
	if err == nil && !ok {
		set = hub.ReportSchedule{Agency: agency, Terms: []hub.ReportTerm{}}
	}
	return set, err
}

// SetSchedule puts a new version into force: the terms given are all that there are. It needs
// ScopeFigures in the agency itself.
func (s *Service) SetSchedule(ctx context.Context, actor hub.Actor, agency hub.AgencyID, terms []hub.ReportTerm) (hub.ReportSchedule, error) {
	if err := actor.SpeaksFor(agency, hub.ScopeFigures); err != nil {
		return hub.ReportSchedule{}, err
	}
	if err := checkTerms(terms).AsError(); err != nil {
		return hub.ReportSchedule{}, err
	}
	for try := 1; ; try++ {
		version, err := s.Notes.RulesVersion(ctx)
		if err != nil {
			return hub.ReportSchedule{}, err
		}
		was, err := s.schedule(ctx, agency)
		if err != nil {
			return was, err
		}
		set := hub.ReportSchedule{Agency: agency, Version: was.Version + 1, Terms: append([]hub.ReportTerm{}, terms...), SetBy: actor.Name, SetAt: s.now()}
		note, err := encode(scheduleName(agency, set.Version), set)
		if err != nil {
			return set, err
		}
		err = s.Notes.ChangeRules(ctx, version, note)
		if err == nil || hub.KindOf(err) != hub.KindConflict || try == maxTries {
			return set, err
		}
	}
}

func checkTerms(terms []hub.ReportTerm) hub.Violations {
	var found hub.Violations
	if len(terms) > maxTerms {
		return hub.Violations{hub.Errorf(hub.KindTooLarge, "terms", "max_items", "at most %d terms", maxTerms)}
	}
	for i, t := range terms {
		field := fmt.Sprintf("terms[%d].", i)
		if !slices.Contains(hub.ReportPaces(), t.Every) {
			v := hub.Unlisted(field+"every", t.Every, hub.ReportPaces())
			found = append(found, v)
		}
		if !slices.Contains(hub.ReportScopes(), t.Scope) {
			found = append(found, hub.Unlisted(field+"scope", t.Scope, hub.ReportScopes()))
		}
		if t.Days < 0 || t.Days > maxDays {
			found = append(found, hub.Invalid(field+"working_days", "range", "a report is due within %d working days", maxDays))
		}
		if slices.ContainsFunc(terms[:i], func(o hub.ReportTerm) bool { return o.Every == t.Every && o.Scope == t.Scope }) {
			found = append(found, hub.Invalid(field+"every", "unique", "this report stands above already"))
		}
	}
	return found
}

// maxLooked is how many reports are looked through for one that is due.
const maxLooked = 200

// Due says of each term of an agency how the report of the period that ended last stands:
// when it is due, and whether it was made. A report that was made before its period ended is
// not the one that is due.
func (s *Service) Due(ctx context.Context, actor hub.Actor, agency hub.AgencyID) ([]hub.ReportDue, error) {
	set, err := s.Schedule(ctx, actor, agency)
	if err != nil || len(set.Terms) == 0 {
		return []hub.ReportDue{}, err
	}
	made, err := s.List(ctx, actor, agency, hub.Page{Limit: maxLooked})
	if err != nil {
		return nil, err
	}
	today, calendar := hub.DateOf(s.now()), s.Calendar()
	list := make([]hub.ReportDue, 0, len(set.Terms))
	for _, t := range set.Terms {
		begin, _ := t.Every.PeriodOf(today).Span()
		last := hub.DateOf(begin).Plus(-1)
		d := hub.ReportDue{Every: t.Every, Scope: t.Scope, Period: t.Every.PeriodOf(last), Due: calendar.After(last, t.Days)}
		_, end := d.Period.Span()
		for i := range made.Items {
			r := &made.Items[i]
			if r.Period == d.Period && r.Scope == d.Scope && !r.MadeAt.Before(end) {
				d.Report, d.MadeAt = r.ID, r.MadeAt // the first one comes last
			}
		}
		stands := hub.Assignment{Due: d.Due}
		if d.Report != "" {
			stands.EndedOn = hub.DateOf(d.MadeAt)
		}
		d.Timeliness = stands.Timeliness(today, calendar.Soon(today))
		list = append(list, d)
	}
	return list, nil
}
