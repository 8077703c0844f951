package evaluation

import (
	"cmp"
	"context"
	"encoding/json"
	"math/big"
	"slices"
	"time"

	"github.com/lienthong/lienthong/hub"
)

const (
	runPlace     = "evaluation-run/"
	resultPlace  = "evaluation/"
	maxRuns      = 100                    // that wait at a time
	progressPace = 200 * time.Millisecond // between two notes of how far a run is
	savedAtOnce  = 50                     // results in one transaction
	maxEarlier   = 25                     // periods that are compared
)

func noteOf(place string, key hub.EvaluationKey) string {
	return place + string(key.Agency) + "/" + key.Table + "/" + string(key.Period)
}

// Start asks for an evaluation of an agency with all that were under it; without a table by
// that which is in force at the end of the period. While one waits or runs, it is that one.
// It needs the scope "figures" for the agency, or for one above it.
func (s *Service) Start(ctx context.Context, actor hub.Actor, key hub.EvaluationKey) (hub.EvaluationRun, error) {
	if err := s.mayEvaluate(&actor, key.Agency, key.Period); err != nil {
		return hub.EvaluationRun{}, err
	}
	if _, err := s.Desk.Look(key.Agency, key.Period); err != nil {
		return hub.EvaluationRun{}, err
	}
	t, err := s.table(ctx, key.Table, key.Period)
	if err != nil {
		return hub.EvaluationRun{}, err
	}
	key.Table = t.ID
	runs, err := all[hub.EvaluationRun](ctx, s.Notes, runPlace)
	if err != nil {
		return hub.EvaluationRun{}, err
	}
	runs = slices.DeleteFunc(runs, func(r hub.EvaluationRun) bool { return r.Error != "" })
	for _, r := range runs {
		if r.EvaluationKey == key {
			return r, nil
		}
	}
	if len(runs) >= maxRuns {
		return hub.EvaluationRun{}, hub.Errorf(hub.KindBusy, "", "busy", "%d evaluations wait: try again in a minute", len(runs))
	}
	run := hub.EvaluationRun{EvaluationKey: key, By: actor.Name, Asked: s.now()}
	return run, s.note(ctx, &run)
}

// note keeps how far a run is.
func (s *Service) note(ctx context.Context, run *hub.EvaluationRun) error {
	body, err := json.Marshal(run)
	if err != nil {
		return hub.Internal("encode a run", err)
	}
	return s.Notes.SaveNotes(ctx, hub.RetentionNote{Name: noteOf(runPlace, run.EvaluationKey), Body: body})
}

// Work computes the evaluations that wait. One node at a time does it. One that fails says
// so, and is asked for anew; one that a crash interrupts begins again.
func (s *Service) Work(ctx context.Context) error {
	runs, err := all[hub.EvaluationRun](ctx, s.Notes, runPlace)
	if err != nil {
		return err
	}
	slices.SortFunc(runs, func(a, b hub.EvaluationRun) int { return a.Asked.Compare(b.Asked) })
	for i := range runs {
		run := &runs[i]
		if run.Error != "" {
			continue
		}
		switch err := s.run(ctx, run); {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			s.Log.WarnContext(ctx, "an evaluation has failed", "agency", run.Agency, "table", run.Table, "period", run.Period, "error", err)
			run.Error = string(hub.KindOf(err))
			if err := s.note(ctx, run); err != nil {
				return err
			}
		}
	}
	return nil
}

// sums are the facts of one agency, of all under it and of itself.
type sums struct {
	whole, own part
	level      hub.Level
	name       string
	above      []hub.AgencyID // at the end of the look
}

// part is a sum of facts.
type part struct {
	dossiers   hub.DossierTally
	procedures map[string]bool
	feedback   hub.FeedbackSum
	inputs     map[string]int64
}

// course is one computation.
type course struct {
	*Service
	run      *hub.EvaluationRun
	table    *table
	look     hub.DossierLook
	agencies map[hub.AgencyID]*sums
	online   map[string]bool // of a procedure, whether it is an online service
	told     time.Time
}

func (s *Service) run(ctx context.Context, run *hub.EvaluationRun) error {
	c := &course{Service: s, run: run, agencies: map[hub.AgencyID]*sums{}, online: map[string]bool{}}
	var err error
	if c.table, err = s.table(ctx, run.Table, run.Period); err != nil {
		return err
	}
	if c.look, err = s.Desk.Look(run.Agency, run.Period); err != nil {
		return err
	}
	for _, gather := range []func(context.Context) error{c.gatherDossiers, c.gatherFeedback, c.gatherInputs, c.lookUp} {
		if err := gather(ctx); err != nil {
			return err
		}
	}
	c.of(run.Agency)
	return c.save(ctx)
}

// of are the sums of an agency.
func (c *course) of(id hub.AgencyID) *sums {
	if c.agencies[id] == nil {
		made := &sums{whole: newPart(), own: newPart()}
		if a, ok := c.Directory.ByID(id); ok {
			last := c.lastOf(a)
			made.name = a.NameAt(last)
			made.level, _ = hub.At(a.Levels, last)
			made.above = c.above(id, last)
		}
		c.agencies[id] = made
	}
	return c.agencies[id]
}

// lastOf is the last instant of the look at which an agency lived.
func (c *course) lastOf(a *hub.Agency) time.Time { return lastOf(a, c.look.At) }

func lastOf(a *hub.Agency, at time.Time) time.Time {
	if !a.Valid.To.IsZero() && a.Valid.To.Before(at) {
		at = a.Valid.To
	}
	return at.Add(-time.Nanosecond)
}

func newPart() part { return part{procedures: map[string]bool{}, inputs: map[string]int64{}} }

// each calls add for the sums of a unit, and of all above it in a place up to the agency that
// is evaluated; for none where that is not above it.
func (c *course) each(unit hub.AgencyID, above []hub.AgencyID, add func(*part)) {
	chain := append([]hub.AgencyID{unit}, above...)
	top := slices.Index(chain, c.run.Agency)
	if top < 0 {
		return
	}
	add(&c.of(unit).own)
	for _, id := range chain[:top+1] {
		add(&c.of(id).whole)
	}
}

func (c *course) gatherDossiers(ctx context.Context) error {
	units, err := c.Dossiers.DossierUnits(ctx)
	if err != nil {
		return err
	}
	for i, unit := range units {
		c.run.Done, c.run.Total = i, len(units)
		if err := c.tell(ctx); err != nil {
			return err
		}
		for _, place := range c.Desk.Places(unit) {
			if unit != c.run.Agency && !slices.Contains(place.Above, c.run.Agency) {
				continue
			}
			look := c.look
			look.Unit, look.Begun = unit, place.During
			found, err := c.Dossiers.DossierSums(ctx, look)
			if err != nil {
				return err
			}
			c.each(unit, place.Above, func(p *part) {
				for n := range found {
					p.dossiers.Add(&found[n].DossierTally)
					p.procedures[found[n].Procedure] = true
				}
			})
		}
	}
	c.run.Done = len(units)
	return nil
}

// tell keeps how far the run is, not too often.
func (c *course) tell(ctx context.Context) error {
	if now := c.Now(); now.Sub(c.told).Abs() >= progressPace {
		c.told = now
		return c.note(ctx, c.run)
	}
	return nil
}

// above are the agencies above one at an instant.
func (c *course) above(id hub.AgencyID, at time.Time) []hub.AgencyID {
	for _, place := range c.Desk.Places(id) {
		if place.During.Contains(at) {
			return place.Above
		}
	}
	return nil
}

func (c *course) gatherFeedback(ctx context.Context) error {
	found, err := c.Feedbacks.FeedbackSums(ctx, c.look.From, c.look.At)
	if err != nil {
		return err
	}
	for i := range found {
		f := &found[i]
		a, ok := c.Directory.ByID(f.Agency)
		if !ok {
			continue
		}
		c.each(f.Agency, c.above(f.Agency, c.lastOf(a)), func(p *part) {
			s := &p.feedback
			s.Ratings, s.Satisfied, s.Points = s.Ratings+f.Ratings, s.Satisfied+f.Satisfied, s.Points+f.Points
			s.Complaints, s.InTime, s.Answered = s.Complaints+f.Complaints, s.InTime+f.InTime, s.Answered+f.Answered
		})
	}
	return nil
}

func (c *course) gatherInputs(ctx context.Context) error {
	found, err := all[fed](ctx, c.Notes, inputPrefix(c.run.Period))
	if err != nil {
		return err
	}
	for _, f := range found {
		a, ok := c.Directory.ByID(f.Agency)
		if !ok {
			continue
		}
		c.each(f.Agency, c.above(f.Agency, c.lastOf(a)), func(p *part) {
			for name, n := range f.Values {
				p.inputs[name] += n
			}
		})
	}
	return nil
}

// lookUp finds which of the procedures are online services at the end of the look.
func (c *course) lookUp(ctx context.Context) error {
	for _, s := range c.agencies {
		for code := range s.whole.procedures {
			if _, known := c.online[code]; known {
				continue
			}
			versions, err := c.Procedures.Versions(ctx, code)
			if err != nil && hub.KindOf(err) != hub.KindNotFound {
				return err
			}
			c.online[code] = slices.ContainsFunc(versions, func(v hub.ProcedureVersion) bool {
				return v.InForce(c.look.At.Add(-time.Nanosecond)) && v.Online != hub.OnlineInformation
			})
		}
	}
	return nil
}

// facts are the numbers that formulas use. What nobody fed is not there.
func (c *course) facts(p *part) map[string]*big.Rat {
	facts := map[string]*big.Rat{}
	set := func(name string, n int64) { facts[name] = new(big.Rat).SetInt64(n) }
	for _, m := range hub.DossierMeasures() {
		set(string(m), p.dossiers.Counts[m])
	}
	set(factWorked, p.dossiers.Worked)
	set(factAllowed, p.dossiers.Allowed)
	set(factAgencies, p.dossiers.Parties)
	online := int64(0)
	for code := range p.procedures {
		if c.online[code] {
			online++
		}
	}
	set(factProcedures, int64(len(p.procedures)))
	set(factOnline, online)
	if f := &p.feedback; f.Ratings > 0 {
		set(factRatings, f.Ratings)
		set(factSatisfied, f.Satisfied)
		set(factPoints, f.Points)
	}
	if f := &p.feedback; f.Complaints > 0 {
		set(factComplaints, f.Complaints)
		set(factInTime, f.InTime)
		set(factAnswered, f.Answered)
	}
	for _, i := range c.table.Inputs {
		if n, ok := p.inputs[i.Name]; ok {
			set(i.Name, n)
		}
	}
	return facts
}

// save records what all agencies scored, that which was asked for last, and ends the run.
func (c *course) save(ctx context.Context) error {
	at := c.now()
	results := make(map[hub.AgencyID]*result, len(c.agencies))
	var stands []hub.EvaluationStand
	for id, s := range c.agencies {
		r := c.table.score(c.facts(&s.whole))
		if results[id] = r; id != c.run.Agency {
			stands = append(stands, hub.EvaluationStand{Agency: id, Name: s.name, Level: s.level, Points: rounded(r.points), Score: rounded(r.score), Grade: r.grade})
		}
	}
	slices.SortFunc(stands, func(a, b hub.EvaluationStand) int {
		return cmp.Or(compare(results[b.Agency].score, results[a.Agency].score), cmp.Compare(hub.Fold(a.Name), hub.Fold(b.Name)), cmp.Compare(a.Agency, b.Agency))
	})
	var notes []hub.RetentionNote
	for _, id := range append(ids(stands), c.run.Agency) {
		e := c.evaluation(id, results[id], at)
		for _, stand := range stands {
			above := c.agencies[stand.Agency].above
			if stand.Direct = len(above) > 0 && above[0] == id; id == c.run.Agency && stand.Agency != id || slices.Contains(above, id) {
				e.Units = append(e.Units, stand)
			}
		}
		body, err := json.Marshal(e)
		if err != nil {
			return hub.Internal("encode an evaluation", err)
		}
		if id != c.run.Agency && len(notes) >= savedAtOnce {
			if err := c.Notes.SaveNotes(ctx, notes...); err != nil {
				return err
			}
			notes = notes[:0]
		}
		notes = append(notes, hub.RetentionNote{Name: noteOf(resultPlace, e.EvaluationKey), Body: body})
	}
	notes = append(notes, hub.RetentionNote{Name: noteOf(runPlace, c.run.EvaluationKey)})
	if err := c.Notes.SaveNotes(ctx, notes...); err != nil {
		return err
	}
	c.Log.InfoContext(ctx, "an agency was evaluated", "agency", c.run.Agency, "table", c.run.Table, "period", c.run.Period, "units", len(stands), "actor", c.run.By)
	return nil
}

func (c *course) evaluation(id hub.AgencyID, r *result, at time.Time) *hub.Evaluation {
	s := c.agencies[id]
	key := c.run.EvaluationKey
	key.Agency = id
	return &hub.Evaluation{
		EvaluationKey: key, Name: s.name, Level: s.level, TableVersion: c.table.Version, AsOf: c.look.At, At: at, By: c.run.By, Facts: written(c.facts(&s.whole)), Own: written(c.facts(&s.own)),
		Indicators: r.lines, Points: rounded(r.points), Reachable: rounded(r.reachable), Max: rounded(c.table.max), Score: rounded(r.score), Grade: r.grade, Units: []hub.EvaluationStand{},
	}
}

func ids(stands []hub.EvaluationStand) []hub.AgencyID {
	list := make([]hub.AgencyID, len(stands))
	for i := range stands {
		list[i] = stands[i].Agency
	}
	return list
}

// compare orders scores; none is below all.
func compare(a, b *big.Rat) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return -1
	case b == nil:
		return 1
	}
	return a.Cmp(b)
}
