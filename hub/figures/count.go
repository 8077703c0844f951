package figures

import (
	"cmp"
	"context"
	"reflect"
	"slices"
	"time"

	"github.com/lienthong/lienthong/hub"
)

const (
	// stepEntries is how many entries of the log a step counts at most; a large dispatch
	// ends a step before, at about stepFacts: a step stays short beside what waits for the
	// same database.
	stepEntries = 2000
	stepFacts   = 2000
)

// Count counts all that the log holds.
func (s *Service) Count(ctx context.Context) error {
	for {
		more, err := s.Step(ctx)
		if err != nil || !more {
			return err
		}
	}
}

// Step counts a part of what is new in the log, and reports whether there is more.
func (s *Service) Step(ctx context.Context) (more bool, err error) {
	progress, end, err := s.Store.FigureProgress(ctx)
	if err != nil {
		return false, err
	}
	today := hub.Day(s.Now())
	c := &counting{Service: s, today: max(today, progress.Day), facts: map[factsKey]*counted{}}
	next := progress
	switch {
	case progress.Day < today:
		more, err = c.look(ctx, &next)
	case s.Traffic != nil && progress.Traffic < 0:
		more = true
		next.Traffic, err = s.Traffic.Begin(ctx, end)
	case c.from(&progress) < end:
		more, err = c.read(ctx, &next, end)
	default:
		return false, nil
	}
	if err != nil {
		return false, err
	}
	step := c.step()
	if next == progress && len(step.Facts) == 0 {
		return false, nil
	}
	step.Version, step.Next = progress.Version, next
	return more, s.Store.SaveFigures(ctx, step)
}

type factsKey struct {
	dispatch hub.DispatchID
	position int
}

// counted is what a delivery counted for before a step, and what it counts for now.
type counted struct {
	before *hub.DeliveryFacts // nil for nothing
	now    hub.DeliveryFacts
}

// counting is one step.
type counting struct {
	*Service
	today hub.Date
	facts map[factsKey]*counted
	order []factsKey // of first appearance
	hours []hub.HourCount
	since time.Time // hours before it are forgotten
}

func (c *counting) add(before *hub.DeliveryFacts, now hub.DeliveryFacts) {
	key := factsKey{now.Dispatch, now.Position}
	if c.facts[key] != nil {
		return
	}
	c.facts[key] = &counted{before, now}
	c.order = append(c.order, key)
}

// look finds what became overdue since the day of the last look.
func (c *counting) look(ctx context.Context, next *hub.FigureProgress) (more bool, err error) {
	due, err := c.Store.FigureFactsDue(ctx, c.today, stepFacts)
	for i := range due {
		now := due[i]
		now.Look(c.today)
		c.add(&due[i], now)
	}
	if len(due) < stepFacts {
		next.Day = c.today
	}
	return true, err
}

// from is the place of the first entry that was not counted for everything. Figures that
// are counted anew are behind the traffic; those of a hub whose traffic is begun, before it.
func (c *counting) from(progress *hub.FigureProgress) int64 {
	if c.Traffic == nil {
		return progress.Place
	}
	return min(progress.Place, progress.Traffic)
}

// read takes entries of the log.
func (c *counting) read(ctx context.Context, next *hub.FigureProgress, end int64) (more bool, err error) {
	entries, err := c.Log.FigureEntries(ctx, c.from(next), stepEntries)
	if err != nil {
		return false, err
	}
	if len(entries) == 0 { // the log goes on in another shard
		return false, nil
	}
	entries = short(entries)
	behind := entries[len(entries)-1].Place + 1
	if c.Traffic != nil && behind > next.Traffic {
		var last time.Time
		c.hours, last, c.since = c.Traffic.Count(since(entries, next.Traffic))
		next.Traffic = behind
		if last.After(next.TrafficAt) {
			next.TrafficAt = last
		}
	}
	if behind > next.Place {
		if err := c.take(ctx, since(entries, next.Place), next); err != nil {
			return false, err
		}
		next.Place = behind
	}
	return behind < end, nil
}

// since are the entries from a place on.
func since(entries []hub.PlacedEvidence, place int64) []hub.PlacedEvidence {
	n, _ := slices.BinarySearchFunc(entries, place, func(e hub.PlacedEvidence, place int64) int { return cmp.Compare(e.Place, place) })
	return entries[n:]
}

// take adds entries to the facts of their deliveries.
func (c *counting) take(ctx context.Context, entries []hub.PlacedEvidence, next *hub.FigureProgress) error {
	if err := c.load(ctx, entries); err != nil {
		return err
	}
	for i := range entries {
		e := &entries[i].Evidence.Evidence
		if e.Delivery != "" {
			if f := c.facts[keyOf(e)]; f != nil {
				f.now.Take(e)
				f.now.Look(c.today)
			}
		}
		if e.Time.After(next.At) {
			next.At = e.Time
		}
	}
	return nil
}

// short cuts entries where they are about too many deliveries; one entry stays.
func short(entries []hub.PlacedEvidence) []hub.PlacedEvidence {
	n := 0
	for i := range entries {
		n += len(entries[i].Evidence.Evidence.Recipients)
		if i > 0 && n > stepFacts {
			return entries[:i]
		}
	}
	return entries
}

// keyOf names the delivery of an evidence.
func keyOf(e *hub.Evidence) factsKey {
	key := factsKey{e.Dispatch, -1}
	if len(e.Recipients) == 1 && e.Recipients[0].Index != nil {
		key.position = *e.Recipients[0].Index
	}
	return key
}

// load makes the facts of what was accepted, and reads those of all other deliveries that
// entries are about.
func (c *counting) load(ctx context.Context, entries []hub.PlacedEvidence) error {
	accepted := map[hub.DispatchID]*hub.Evidence{}
	var ids []hub.DispatchID
	for i := range entries {
		e := &entries[i].Evidence.Evidence
		if e.Event == hub.EventSubmissionAcceptance && accepted[e.Dispatch] == nil {
			accepted[e.Dispatch] = e
			ids = append(ids, e.Dispatch)
		}
	}
	var sources []hub.FigureSource
	if len(ids) > 0 {
		var err error
		if sources, err = c.Log.FigureSources(ctx, ids); err != nil {
			return err
		}
	}
	wanted := map[hub.FactsKey]bool{}
	for i := range entries {
		e := &entries[i].Evidence.Evidence
		if key := keyOf(e); e.Delivery != "" && accepted[e.Dispatch] == nil {
			wanted[hub.FactsKey{Dispatch: key.dispatch, Position: key.position}] = true
		}
	}
	for i := range sources {
		for _, link := range sources[i].Answers {
			wanted[hub.FactsKey{Dispatch: link, Position: -1, Recipient: sources[i].Sender}] = true
		}
	}
	if err := c.loadFacts(ctx, wanted); err != nil {
		return err
	}
	for i := range sources {
		c.accept(&sources[i], accepted[sources[i].Dispatch])
	}
	for i := range sources {
		c.answer(&sources[i])
	}
	return nil
}

func (c *counting) loadFacts(ctx context.Context, wanted map[hub.FactsKey]bool) error {
	if len(wanted) == 0 {
		return nil
	}
	keys := make([]hub.FactsKey, 0, len(wanted))
	for key := range wanted {
		keys = append(keys, key)
	}
	facts, err := c.Store.FigureFacts(ctx, keys)
	for i := range facts {
		c.add(&facts[i], facts[i])
	}
	return err
}

// accept begins the facts of a dispatch, which its acceptance names.
func (c *counting) accept(s *hub.FigureSource, e *hub.Evidence) {
	if s.Operation == hub.OperationRecall || s.Forwards || c.isTest(s.Sender) {
		return
	}
	f := hub.DeliveryFacts{
		Dispatch: s.Dispatch, Sender: s.Sender, Kind: c.kindOf(s.TypeName), Leads: true, SentAt: s.AcceptedAt, Signing: -1,
		PaperFollows: s.PaperFollows, State: hub.StateQueued,
		SenderAbove: c.above(s.Sender, s.AcceptedAt), SenderLevel: c.level(s.Sender, s.AcceptedAt),
	}
	if _, err := hub.ParseDate(string(s.DueDate)); err == nil {
		f.Due = s.DueDate
	}
	if !s.SignedAt.IsZero() {
		f.Signing = max(0, int64(s.AcceptedAt.Sub(s.SignedAt).Seconds()))
	}
	f.Look(c.today)
	for i := range e.Recipients {
		party := &e.Recipients[i]
		if c.isTest(party.ID) {
			continue
		}
		f.Position, f.Recipient, f.ForInformation, f.Delivery = i, party.ID, party.ForInformation, s.Deliveries[i]
		f.Tasks = hub.CountedTasks(e, i)
		f.RecipientAbove, f.RecipientLevel = c.above(party.ID, s.AcceptedAt), c.level(party.ID, s.AcceptedAt)
		c.add(nil, f)
		f.Leads = false
	}
}

// answer adds to what a document answers that it was answered.
func (c *counting) answer(s *hub.FigureSource) {
	for _, id := range s.Answers {
		for _, key := range c.order {
			if f := &c.facts[key].now; key.dispatch == id && f.Recipient == s.Sender {
				f.Answer(s.AcceptedAt)
			}
		}
	}
}

func (c *counting) isTest(id hub.AgencyID) bool {
	a, ok := c.Directory.ByID(id)
	return ok && a.Test
}

func (s *Service) kindOf(typeName string) string {
	if key := hub.KindKey(typeName); s.kinds[key] {
		return key
	}
	return hub.OtherKind
}

func (s *Service) above(id hub.AgencyID, at time.Time) []hub.AgencyID {
	return hub.Above(s.Directory.ByID, id, at)
}

// level is that of an agency at an instant, or the last that it had.
func (s *Service) level(id hub.AgencyID, at time.Time) hub.Level {
	a, ok := s.Directory.ByID(id)
	if !ok {
		return hub.LevelUnit
	}
	if level, ok := hub.At(a.Levels, at); ok {
		return level
	}
	if n := len(a.Levels); n > 0 {
		return a.Levels[n-1].Value
	}
	return hub.LevelUnit
}

// refusalKey names a row of refusals.
type refusalKey struct {
	hub.FigureRow
	reason hub.ReasonCode
}

// refusals are how many there are of the agency and all under it, and of itself.
type refusals struct{ all, own int64 }

// sums are what a step adds to rows, by their keys without tallies.
type sums struct {
	rows     map[hub.FigureRow]*hub.Tally
	refusals map[refusalKey]refusals
}

// step is what the step adds to facts and rows.
func (c *counting) step() hub.FigureStep {
	step := hub.FigureStep{Hours: c.hours, Since: c.since}
	sums := sums{map[hub.FigureRow]*hub.Tally{}, map[refusalKey]refusals{}}
	for _, key := range c.order {
		f := c.facts[key]
		if f.before != nil && reflect.DeepEqual(*f.before, f.now) {
			continue
		}
		step.Facts = append(step.Facts, f.now)
		if f.before != nil {
			sums.add(f.before, -1)
		}
		sums.add(&f.now, 1)
	}
	for key, tally := range sums.rows {
		if *tally != (hub.Tally{}) {
			key.Tally = *tally
			step.Rows = append(step.Rows, key)
		}
	}
	for key, n := range sums.refusals {
		if n != (refusals{}) {
			step.Reasons = append(step.Reasons, hub.RefusalRow{
				Agency: key.Agency, Kind: key.Kind, Period: key.Period, Side: key.Side, Reason: key.reason, Count: n.all, Own: n.own,
			})
		}
	}
	// In the order in which they lie.
	slices.SortFunc(step.Rows, func(a, b hub.FigureRow) int {
		return cmp.Or(cmp.Compare(a.Agency, b.Agency), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Period, b.Period), cmp.Compare(a.Side, b.Side), cmp.Compare(a.Unit, b.Unit))
	})
	return step
}

// add adds what a delivery counts for to rows, factor times.
func (s *sums) add(f *hub.DeliveryFacts, factor int64) {
	s.addSide(f, hub.SideSent, f.Sender, f.SenderAbove, f.SenderLevel, factor)
	s.addSide(f, hub.SideReceived, f.Recipient, f.RecipientAbove, f.RecipientLevel, factor)
}

func (s *sums) addSide(f *hub.DeliveryFacts, side hub.Side, agency hub.AgencyID, above []hub.AgencyID, level hub.Level, factor int64) {
	tally := f.Tally(side)
	key := hub.FigureRow{Side: side, Unit: agency, Level: level}
	for _, key.Agency = range append([]hub.AgencyID{agency}, above...) {
		for _, key.Period = range f.Periods() {
			for _, key.Kind = range key.Period.Kinds(f.Kind) {
				if s.rows[key] == nil {
					s.rows[key] = &hub.Tally{}
				}
				s.rows[key].Add(&tally, factor)
				if f.State == hub.StateRefused {
					refusal := refusalKey{key, f.Reason}
					refusal.Unit, refusal.Level = "", ""
					n := s.refusals[refusal]
					n.all += factor
					if key.Agency == agency {
						n.own += factor
					}
					s.refusals[refusal] = n
				}
			}
		}
		key.Unit = key.Agency
	}
}
