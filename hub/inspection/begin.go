package inspection

import (
	"context"
	"slices"

	"github.com/lienthong/lienthong/hub"
)

// Receive makes an inspection of a document that an agency has received and that a rule of
// it means. The same copy again changes nothing; a recall is no document, and nobody
// inspects itself.
func (s *Service) Receive(ctx context.Context, item *hub.Item, rule hub.RuleRef) error {
	d, v := &item.Dispatch, &item.Delivery
	author, _, name := d.Author()
	if d.Operation == hub.OperationRecall || author == v.Recipient {
		return nil
	}
	if _, err := s.Store.FindInspection(ctx, hub.InspectionKey{Delivery: v.ID}); err == nil || hub.KindOf(err) != hub.KindNotFound {
		return err
	}
	now := s.now()
	f := hub.InspectionFile{Inspection: hub.Inspection{
		ID: hub.InspectionID(s.NewID()), Kind: hub.InspectDocument, Agency: v.Recipient, AgencyName: v.Name, Subject: author, SubjectName: name,
		Day: hub.DateOf(now), Parties: []hub.AgencyID{v.Recipient},
		Document: &hub.InspectedDocument{Dispatch: d.ID, Delivery: v.ID, Number: d.Document.Number(), TypeName: d.Document.TypeName, Date: d.Document.Promulgated, Subject: d.Document.Subject},
	}}
	err := s.begin(ctx, &f, hub.InspectionEvent{Act: hub.InspectBegin, By: hubName, Rule: &rule})
	if err != nil && hub.KindOf(err) == hub.KindConflict { // another node was faster
		return nil
	}
	return err
}

// Visit registers the inspection of an agency, announced or by surprise. The same key again
// returns the first one, and says that it was not made anew; with something else it is a
// conflict.
func (s *Service) Visit(ctx context.Context, actor hub.Actor, wish hub.InspectionWish) (view hub.InspectionView, made bool, err error) {
	if !actsFor(&actor, wish.Agency) {
		return view, false, actor.SpeaksFor(wish.Agency, hub.ScopeSubmit)
	}
	if err := s.checkVisit(&wish).AsError(); err != nil {
		return view, false, err
	}
	if first, err := s.before(ctx, &wish); err != nil || first != nil {
		return s.shown(&actor, first), false, err
	}
	now := s.now()
	inspector, _ := s.Directory.ByID(wish.Agency)
	visited, ok := s.Directory.ByID(wish.Subject)
	if !ok || inspector == nil || !visited.LivesAt(now) {
		return view, false, hub.Invalid("subject", "unknown_agency", "name a living agency that is inspected")
	}
	f := hub.InspectionFile{Inspection: hub.Inspection{
		ID: hub.InspectionID(s.NewID()), Kind: wish.Kind, Agency: wish.Agency, AgencyName: inspector.NameAt(now), Subject: wish.Subject, SubjectName: visited.NameAt(now),
		Day: wish.Day, Title: wish.Title, Key: wish.Key, Parties: []hub.AgencyID{wish.Agency},
	}}
	err = s.begin(ctx, &f, hub.InspectionEvent{Act: hub.InspectBegin, Agency: wish.Agency, Name: f.AgencyName, By: actor.Name})
	if err != nil && hub.KindOf(err) == hub.KindConflict {
		if first, again := s.before(ctx, &wish); again != nil || first != nil {
			return s.shown(&actor, first), false, again
		}
	}
	if err != nil {
		return view, false, err
	}
	return s.shown(&actor, &f), true, nil
}

func (s *Service) shown(actor *hub.Actor, f *hub.InspectionFile) hub.InspectionView {
	if f == nil {
		return hub.InspectionView{}
	}
	return s.view(actor, f)
}

// checkVisit fills in the day and says what is wrong with a visit.
func (s *Service) checkVisit(w *hub.InspectionWish) hub.Violations {
	var found hub.Violations
	if !w.Kind.Visit() {
		found = append(found, hub.Unlisted("kind", w.Kind, slices.DeleteFunc(hub.InspectionKinds(), func(k hub.InspectionKind) bool { return !k.Visit() })))
	}
	if w.Subject == w.Agency {
		found = append(found, hub.Invalid("subject", "self", "an agency inspects others"))
	}
	today := hub.DateOf(s.now())
	if w.Day == "" {
		w.Day = today
	}
	found = append(found, pastDay(w.Day, today)...)
	found = append(found, text("title", w.Title, maxWord, true)...)
	return append(found, text("key", w.Key, maxWord, false)...)
}

// pastDay says what is wrong with a day on which something has happened.
func pastDay(day, today hub.Date) hub.Violations {
	switch _, err := hub.ParseDate(string(day)); {
	case err != nil:
		return hub.Violations{hub.Invalid("day", "date", "%.20q is not a date of the form YYYY-MM-DD that exists", string(day))}
	case day < "1990-01-01" || day > today:
		return hub.Violations{hub.Invalid("day", "range", "the day lies between the year 1990 and today")}
	}
	return nil
}

// before is the visit that was registered under the key of a wish, or nil.
func (s *Service) before(ctx context.Context, w *hub.InspectionWish) (*hub.InspectionFile, error) {
	if w.Key == "" {
		return nil, nil //nolint:nilnil // there is none, and no reason to look
	}
	f, err := s.Store.FindInspection(ctx, hub.InspectionKey{Agency: w.Agency, Key: w.Key})
	switch {
	case err != nil && hub.KindOf(err) == hub.KindNotFound:
		return nil, nil //nolint:nilnil // there is none
	case err != nil:
		return nil, err
	case f.Kind != w.Kind || f.Subject != w.Subject || f.Title != w.Title:
		return nil, hub.Errorf(hub.KindConflict, "key", "taken", "another inspection of the agency has this key")
	}
	return &f, nil
}

// begin records an inspection with its first event.
func (s *Service) begin(ctx context.Context, f *hub.InspectionFile, e hub.InspectionEvent) error {
	note, err := s.append(f, e)
	if err == nil {
		err = s.Store.AddInspection(ctx, *f, note)
	}
	if err == nil {
		s.Log.InfoContext(ctx, "an inspection has begun", "inspection", f.ID, "kind", f.Kind, "agency", f.Agency)
	}
	return err
}

// append adds an event to a file in memory, with the note that is recorded with it.
func (s *Service) append(f *hub.InspectionFile, e hub.InspectionEvent) (hub.LogNote, error) {
	e.Seq, e.At, e.Previous, e.Note = f.Version+1, s.now(), f.Digest, s.NewID()
	digest, err := e.SHA256()
	if err != nil {
		return hub.LogNote{}, err
	}
	f.Events = append(slices.Clone(f.Events), e)
	f.Version, f.Digest = e.Seq, digest
	v := f.View("", "")
	f.State, f.Waits = v.State, v.Waits
	return s.Chronicle.InspectionNote(f.ID, &e, digest)
}
