package dossiers

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// handsIn reports whether the actor is a portal of units: it hands in dossiers, sees how
// those stand that it handed in, and does nothing else.
func handsIn(actor *hub.Actor) bool { return actor.Has(hub.ScopePortal) && !actor.Has(scopeOfActs) }

// mayRegister returns nil where the actor may register what it wishes, and says of the wish
// what goes without saying. What a portal hands in comes online, now, and waits for the unit.
func mayRegister(actor *hub.Actor, w *hub.DossierWish) error {
	if !handsIn(actor) {
		w.Channel = cmp.Or(w.Channel, hub.ChannelCounter)
		return actor.SpeaksFor(w.Unit, scopeOfActs)
	}
	if err := actor.SpeaksFor(w.Unit, hub.ScopePortal); err != nil {
		return err
	}
	w.Channel, w.Waits = cmp.Or(w.Channel, hub.ChannelOnline), true
	var found hub.Violations
	for _, of := range []struct {
		field string
		said  bool
	}{
		{"channel", w.Channel != hub.ChannelOnline}, {"number", w.Number != ""}, {"received_at", w.Received != ""}, {"due_at", w.Due != ""}, {"local", w.Local != ""},
	} {
		if of.said {
			found = append(found, hub.Errorf(hub.KindDenied, of.field, "portal", "a portal hands in online and now; number, appointment and status are the unit's to give"))
		}
	}
	return found.AsError()
}

// registered reports whether the actor handed a dossier in.
func registered(actor *hub.Actor, f *hub.DossierFile) bool {
	return len(f.Events) > 0 && f.Events[0].Act == hub.DossierRegister && f.Events[0].By == actor.Name && actor.SpeaksFor(f.Unit, hub.ScopePortal) == nil
}

// filer is the actor by which a file is added to a dossier: of a portal, to what it handed in
// and nothing else, in the name of the unit.
func (s *Service) filer(ctx context.Context, actor hub.Actor, id hub.DossierID) (hub.Actor, error) {
	if !handsIn(&actor) {
		return actor, nil
	}
	f, err := s.lookFor(ctx, hub.DossierKey{ID: id})
	switch {
	case err != nil:
		return actor, err
	case !registered(&actor, &f):
		return actor, noDossier()
	}
	return *onBehalf(&actor, f.Unit), nil
}

// handedIn is of a dossier what a portal handed in itself, as it was then.
func (s *Service) handedIn(actor *hub.Actor, f *hub.DossierFile) (hub.DossierView, error) {
	own := *f
	own.Events = slices.DeleteFunc(slices.Clone(f.Events), func(e hub.DossierEvent) bool { return e.By != actor.Name })
	last := &own.Events[len(own.Events)-1]
	own.Status, own.Local, own.Ended, own.Appointed, own.Parties, own.Version = hub.DossierNew, "", time.Time{}, time.Time{}, []hub.AgencyID{f.Unit}, last.Seq
	var err error
	own.Digest, err = last.SHA256()
	return s.shown(&own), err
}

// again answers who registers what is there already, or says why not.
func (s *Service) again(actor *hub.Actor, first *hub.DossierFile, err error) (view hub.DossierView, made bool, _ error) {
	switch {
	case err == nil && !handsIn(actor):
		return s.shown(first), false, nil
	case err == nil && registered(actor, first):
		view, err = s.handedIn(actor, first)
		return view, false, err
	case handsIn(actor) && (err == nil || hub.KindOf(err) == hub.KindConflict):
		err = hub.Errorf(hub.KindConflict, "key", "taken", "another dossier of the unit has this key")
	}
	return view, false, err
}

// ProgressOf shows how a dossier stands as its owner is shown it, to its agencies and to the
// portal that handed it in. An id or a number names it; to all others it does not exist.
func (s *Service) ProgressOf(ctx context.Context, actor hub.Actor, name string) (hub.DossierProgress, error) {
	f, err := s.named(ctx, name)
	if err != nil {
		return hub.DossierProgress{}, err
	}
	if f.Erased != nil || !registered(&actor, &f) && !party(&actor, &f) {
		return hub.DossierProgress{}, noDossier()
	}
	return s.progress(&f), nil
}
