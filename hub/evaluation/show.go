package evaluation

import (
	"context"
	"encoding/json"
	"math/big"
	"slices"

	"github.com/lienthong/lienthong/hub"
)

// mayEvaluate refuses who does not have the scope "figures" for an agency, or for one above
// it at the end of a period or now.
func (s *Service) mayEvaluate(actor *hub.Actor, agency hub.AgencyID, period hub.Period) error {
	err := actor.SpeaksFor(agency, hub.ScopeFigures)
	a, known := s.Directory.ByID(agency)
	if err == nil || !known || !actor.Has(hub.ScopeFigures) {
		return err
	}
	_, at := period.Span()
	if now := s.Now(); at.IsZero() || now.Before(at) {
		at = now
	}
	at = lastOf(a, at)
	for _, place := range s.Desk.Places(agency) {
		if place.During.Contains(at) && slices.ContainsFunc(place.Above, func(up hub.AgencyID) bool { return slices.Contains(actor.Agencies, up) }) {
			return nil
		}
	}
	return err
}

// Show is the last result for an agency, with the run that computes it anew, and those of
// other periods; KindNotFound while there is neither. Its rights are those of Start.
func (s *Service) Show(ctx context.Context, actor hub.Actor, key hub.EvaluationKey) (hub.Evaluation, error) {
	var e hub.Evaluation
	if err := s.mayEvaluate(&actor, key.Agency, key.Period); err != nil {
		return e, err
	}
	if _, err := hub.ParsePeriod(string(key.Period)); err != nil {
		return e, err
	}
	t, err := s.table(ctx, key.Table, key.Period)
	if err != nil {
		return e, err
	}
	key.Table = t.ID
	run, running, err := one[hub.EvaluationRun](ctx, s.Notes, noteOf(runPlace, key))
	if err != nil {
		return e, err
	}
	e, found, err := one[hub.Evaluation](ctx, s.Notes, noteOf(resultPlace, key))
	switch {
	case err != nil:
		return e, err
	case !found && !running:
		return e, hub.Errorf(hub.KindNotFound, "evaluation", "", "the agency was not evaluated for that period by that table")
	case !found:
		e = hub.Evaluation{EvaluationKey: key, Facts: map[string]string{}, Own: map[string]string{}, Indicators: []hub.IndicatorScore{}, Units: []hub.EvaluationStand{}}
	}
	if running {
		e.Run = &run
	}
	if e.Table, err = s.tableOf(ctx, &t.ScoreTable, e.TableVersion); err != nil {
		return e, err
	}
	e.Places = means(e.Units)
	e.Earlier, err = s.earlier(ctx, key)
	return e, err
}

// earlier are results for the same agency by the same table of other periods, the last first.
func (s *Service) earlier(ctx context.Context, key hub.EvaluationKey) ([]hub.EvaluationEarly, error) {
	notes, err := s.Notes.Notes(ctx, hub.NotesQuery{Prefix: resultPlace + string(key.Agency) + "/" + key.Table + "/", Backwards: true, Limit: maxEarlier})
	if err != nil {
		return nil, err
	}
	var list []hub.EvaluationEarly
	for i := range notes {
		var e hub.EvaluationEarly
		if err := json.Unmarshal(notes[i].Body, &e); err != nil {
			return nil, hub.Internal("decode the note "+notes[i].Name, err)
		}
		if e.Period != key.Period {
			list = append(list, e)
		}
	}
	return list, nil
}

// tableOf is the version of a table by which a result was made.
func (s *Service) tableOf(ctx context.Context, last *hub.ScoreTable, version int64) (hub.ScoreTable, error) {
	if last.Version == version {
		return *last, nil
	}
	if version == 0 {
		list, err := Shipped()
		for i := range list {
			if list[i].ID == last.ID {
				return list[i], err
			}
		}
		return *last, err
	}
	versions, err := all[hub.ScoreTable](ctx, s.Notes, tablePlace+last.ID+"/")
	for i := range versions {
		if versions[i].Version == version {
			return versions[i], nil
		}
	}
	return *last, err
}

// one reads the note of a name.
func one[T any](ctx context.Context, notes Notes, name string) (v T, ok bool, err error) {
	found, err := notes.Notes(ctx, hub.NotesQuery{Prefix: name, Limit: 1})
	if err != nil || len(found) == 0 || found[0].Name != name {
		return v, false, err
	}
	if err := json.Unmarshal(found[0].Body, &v); err != nil {
		return v, false, hub.Internal("decode the note "+name, err)
	}
	return v, true, nil
}

// means are the mean scores of the units of each level.
func means(units []hub.EvaluationStand) map[hub.Level]hub.RankedAt {
	sum, counted := map[hub.Level]*big.Rat{}, map[hub.Level]int64{}
	places := map[hub.Level]hub.RankedAt{}
	for i := range units {
		u := &units[i]
		place := places[u.Level]
		place.Units++
		places[u.Level] = place
		if n, ok := new(big.Rat).SetString(u.Score); ok {
			if sum[u.Level] == nil {
				sum[u.Level] = new(big.Rat)
			}
			sum[u.Level].Add(sum[u.Level], n)
			counted[u.Level]++
		}
	}
	for level, total := range sum {
		place := places[level]
		place.Mean = rounded(total.Quo(total, new(big.Rat).SetInt64(counted[level])))
		places[level] = place
	}
	return places
}
