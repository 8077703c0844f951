package dossiers

import (
	"context"
	"slices"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Reminders finds the dossiers about which there may be something to say.
type Reminders interface {
	// DossiersToRemind lists those whose next look has come, the longest waiting first.
	DossiersToRemind(ctx context.Context, now time.Time, limit int) ([]hub.DossierFile, error)
	// RemindLater puts off the next look at a dossier that is at the version, else nothing.
	RemindLater(ctx context.Context, id hub.DossierID, version int64, at time.Time) error
}

const (
	remindedBy  = "reminders" // who reminds
	remindBatch = 100
	remindFrom  = 8                  // o'clock in Vietnam: what is told by mail comes together then
	lookAhead   = 14                 // days; what ends later is looked at
	lookSeldom  = 7 * time.Hour * 24 // every so often
)

// Remind tells of dossiers that are about to be late while there is time for something: that
// the end is near, that an apology is due today, or that the share of an agency ends too
// late. Each is an event of the dossier, so that it is told once, on however many nodes, and
// once more only where the end has moved. It returns how many it told of.
func (s *Service) Remind(ctx context.Context) (int, error) {
	told := 0
	if s.Now().In(hub.Vietnam()).Hour() < remindFrom {
		return told, nil
	}
	for ctx.Err() == nil {
		found, err := s.Reminders.DossiersToRemind(ctx, s.now(), remindBatch)
		if err != nil {
			return told, err
		}
		for i := range found {
			n, err := s.remind(ctx, &found[i])
			if told += n; err != nil {
				return told, err
			}
		}
		if len(found) < remindBatch {
			return told, nil
		}
	}
	return told, ctx.Err()
}

// remind tells of one dossier, and says when to look again. Who changes it at the same moment
// makes it looked at again.
func (s *Service) remind(ctx context.Context, f *hub.DossierFile) (int, error) {
	v := s.view(f)
	rules := untold(&v, f.Events)
	next := s.nextLook(&v)
	if len(rules) == 0 || f.Erased != nil || len(f.Events) >= maxEvents {
		return 0, s.Reminders.RemindLater(ctx, f.ID, f.Version, next)
	}
	e := hub.DossierEvent{Act: hub.DossierRemind, At: s.now(), Agency: f.Unit, Name: f.UnitName, Finding: rules[0], Due: v.Clock.Due}
	note, err := s.append(f, e, &hub.Actor{Name: remindedBy})
	if err != nil {
		return 0, err
	}
	if f.Remind = next; len(rules) > 1 {
		f.Remind = s.now()
	}
	if err := s.Store.AddDossierEvent(ctx, *f, note); err != nil {
		if hub.KindOf(err) == hub.KindConflict {
			err = nil
		}
		return 0, err
	}
	return 1, nil
}

// untold is what there is to say about a dossier and was not said of this end of its time.
// Who is told that an apology is due today needs not be told that the end is near.
func untold(v *hub.DossierView, events []hub.DossierEvent) []hub.DossierRule {
	told := func(rule hub.DossierRule) bool {
		return slices.ContainsFunc(events, func(e hub.DossierEvent) bool {
			return e.Act == hub.DossierRemind && e.Finding == rule && e.Due.Equal(v.Clock.Due)
		})
	}
	var list []hub.DossierRule
	for _, rule := range []hub.DossierRule{hub.FindingLetterDue, hub.FindingForeseen} {
		if v.Has(rule) && !told(rule) {
			list = append(list, rule)
		}
	}
	if v.Clock.Timeliness == hub.DueSoon && !v.Has(hub.FindingLetterDue) && !told(hub.FindingDueSoon) {
		list = append(list, hub.FindingDueSoon)
	}
	return list
}

// concerned are the agencies that can do something about a dossier: the unit, and who leads.
func (s *Service) concerned(f *hub.DossierFile) []hub.AgencyID {
	list := []hub.AgencyID{f.Unit}
	if lead := s.view(f).Lead; lead != f.Unit {
		list = append(list, lead)
	}
	return list
}

// nextLook is when there may be something to say again: the next morning, or later where the
// end is far. The calendar may change meanwhile, so it is looked at all the same.
func (s *Service) nextLook(v *hub.DossierView) time.Time {
	now := s.now()
	first := v.Clock.Due
	for i := range v.Shares {
		if k := &v.Shares[i].Clock; !k.Ended && k.Due.Before(first) {
			first = k.Due
		}
	}
	if !first.IsZero() && first.After(now.AddDate(0, 0, lookAhead)) {
		return now.Add(lookSeldom)
	}
	return morningAfter(now)
}

// morningAfter is when the hub begins to remind on the next day.
func morningAfter(now time.Time) time.Time {
	local := now.In(hub.Vietnam())
	return time.Date(local.Year(), local.Month(), local.Day()+1, remindFrom, 0, 0, 0, local.Location()).UTC()
}
