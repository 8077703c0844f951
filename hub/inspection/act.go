package inspection

import (
	"context"
	"slices"
	"strings"

	"github.com/lienthong/lienthong/hub"
)

// Act records what an agency does about an inspection. The same key again changes nothing.
// Errors: KindNotFound for an inspection that the actor may not see, KindDenied for an act of
// the other side, KindInvalid with the field, KindConflict (rule state) when the inspection
// does not allow the act.
func (s *Service) Act(ctx context.Context, actor hub.Actor, id hub.InspectionID, order hub.InspectionOrder) (hub.InspectionView, error) {
	if err := actor.Require(hub.ScopeSubmit); err != nil {
		return hub.InspectionView{}, err
	}
	for try := 1; ; try++ {
		f, err := s.file(ctx, &actor, id)
		if err != nil {
			return hub.InspectionView{}, err
		}
		known, err := told(&actor, &f, &order)
		if err != nil || known {
			return s.shownOr(&actor, &f, err)
		}
		e, err := s.event(ctx, &actor, &f, &order)
		if err != nil {
			return hub.InspectionView{}, err
		}
		err = s.add(ctx, &f, e)
		switch {
		case err == nil && e.Act == hub.InspectRecommend:
			// The task may have been answered before it was told of here.
			if err := s.follow(ctx, &f); err != nil {
				s.Log.WarnContext(ctx, "the answer to a recommendation will be looked for again", "inspection", f.ID, "error", err)
			}
			return s.view(&actor, &f), nil
		case err == nil:
			return s.view(&actor, &f), nil
		case hub.KindOf(err) != hub.KindConflict || try == maxTries:
			return hub.InspectionView{}, err
		}
	}
}

func (s *Service) shownOr(actor *hub.Actor, f *hub.InspectionFile, err error) (hub.InspectionView, error) {
	if err != nil {
		return hub.InspectionView{}, err
	}
	return s.view(actor, f), nil
}

// add records an event of a file.
func (s *Service) add(ctx context.Context, f *hub.InspectionFile, e hub.InspectionEvent) error {
	most := maxEvents
	if e.Act == hub.InspectExplain {
		most = maxEvents / 2
	}
	if len(f.Events) >= most {
		return hub.Errorf(hub.KindTooLarge, "inspection", "max_items", "an inspection has at most %d events", most)
	}
	next := *f
	note, err := s.append(&next, e)
	if err == nil {
		err = s.Store.AddInspectionEvent(ctx, next, note)
	}
	if err == nil {
		*f = next
	}
	return err
}

// told reports whether an event was recorded under the key of an order; KindConflict when
// that was another one.
func told(actor *hub.Actor, f *hub.InspectionFile, o *hub.InspectionOrder) (bool, error) {
	for i := range f.Events {
		e := &f.Events[i]
		if o.Key == "" || e.Key != o.Key || e.Agency == "" || !actsFor(actor, e.Agency) {
			continue
		}
		if e.Act != o.Act || e.Item != o.Item || e.Verdict != o.Verdict || e.Finding != o.Finding || e.Outcome != o.Outcome || e.Dispatch != o.Dispatch || e.Text != o.Text {
			return false, hub.Errorf(hub.KindConflict, "key", "taken", "event %d of the inspection has this key and is another", e.Seq)
		}
		return true, nil
	}
	return false, nil
}

// event checks an order and makes an event of it.
func (s *Service) event(ctx context.Context, actor *hub.Actor, f *hub.InspectionFile, o *hub.InspectionOrder) (hub.InspectionEvent, error) {
	agency, err := acting(actor, f, o)
	if err != nil {
		return hub.InspectionEvent{}, err
	}
	if err := check(f, o).AsError(); err != nil {
		return hub.InspectionEvent{}, err
	}
	v := f.View("", "")
	if err := allowed(&v, o.Act); err != nil {
		return hub.InspectionEvent{}, err
	}
	e := hub.InspectionEvent{
		Act: o.Act, Agency: agency, By: actor.Name, Key: o.Key, Item: o.Item, Verdict: o.Verdict, Finding: o.Finding, Outcome: o.Outcome, Text: o.Text,
	}
	if a, ok := s.Directory.ByID(agency); ok {
		e.Name = a.NameAt(s.now())
	}
	switch o.Act {
	case hub.InspectRecommend:
		err = s.recommend(ctx, f, o, &e)
	case hub.InspectReceive:
		e.Number, e.Day = o.Number, o.Day
		if err = pastDay(o.Day, hub.DateOf(s.now())).AsError(); err == nil {
			err = s.notBefore(ctx, v.Recommendation, o.Day)
		}
	case hub.InspectConclude:
		if o.Outcome.ByDocument() {
			err = s.ending(ctx, f, o, &e)
		}
	}
	return e, err
}

// acting is the agency that the actor acts for: who inspects, or for an explanation who was
// inspected.
func acting(actor *hub.Actor, f *hub.InspectionFile, o *hub.InspectionOrder) (hub.AgencyID, error) {
	if !slices.Contains(hub.InspectionActs(), o.Act) {
		return "", hub.Unlisted("act", o.Act, hub.InspectionActs())
	}
	for _, party := range f.Parties {
		right := (party == f.Agency) != (o.Act == hub.InspectExplain)
		if right && actsFor(actor, party) && (o.Agency == "" || o.Agency == party) {
			return party, nil
		}
	}
	return "", hub.Errorf(hub.KindDenied, "act", "party", "the other side of the inspection does this")
}

// allowed says whether the state of an inspection allows an act.
func allowed(v *hub.InspectionView, act hub.InspectionAct) error {
	ok := v.State != hub.InspectionConcluded
	switch act {
	case hub.InspectReopen:
		ok = !ok
	case hub.InspectReceive:
		ok = v.State == hub.InspectionRecommended
	case hub.InspectExplain:
		ok = v.Waits
	case hub.InspectRecommend:
		ok = ok && len(v.Findings) > 0
	}
	if !ok {
		return hub.Errorf(hub.KindConflict, "act", "state", "an inspection that is %s, with %d findings, does not allow this", v.State, len(v.Findings))
	}
	return nil
}

// check says what is wrong with an order by itself.
func check(f *hub.InspectionFile, o *hub.InspectionOrder) hub.Violations {
	needsText := o.Act == hub.InspectFind || o.Act == hub.InspectReopen || o.Act == hub.InspectExplain || o.Act == hub.InspectCheck && o.Verdict == hub.VerdictWrong
	found := slices.Concat(text("text", o.Text, maxText, needsText), text("key", o.Key, maxWord, false), text("number", o.Number, maxWord, false))
	only := func(field string, given bool, acts ...hub.InspectionAct) {
		if given && !slices.Contains(acts, o.Act) {
			found = append(found, hub.Invalid(field, "superfluous", "%s is not said by this act", field))
		}
	}
	only("item", o.Item != "", hub.InspectCheck)
	only("verdict", o.Verdict != "", hub.InspectCheck)
	only("finding", o.Finding != "", hub.InspectFind)
	only("outcome", o.Outcome != "", hub.InspectConclude)
	only("dispatch", o.Dispatch != "", hub.InspectRecommend, hub.InspectConclude)
	only("task", o.Task != "", hub.InspectRecommend)
	only("number", o.Number != "", hub.InspectReceive, hub.InspectConclude)
	only("day", o.Day != "", hub.InspectReceive, hub.InspectConclude)
	switch o.Act {
	case hub.InspectCheck:
		if f.Kind.Visit() || !slices.Contains(hub.InspectionItems(), o.Item) {
			found = append(found, hub.Unlisted("item", o.Item, hub.InspectionItems()))
		}
		if !slices.Contains(hub.InspectionVerdicts(), o.Verdict) {
			found = append(found, hub.Unlisted("verdict", o.Verdict, hub.InspectionVerdicts()))
		}
	case hub.InspectFind:
		if list := ofKind(hub.InspectionFindings(), f.Kind); !slices.Contains(list, o.Finding) {
			found = append(found, hub.Unlisted("finding", o.Finding, list))
		}
	case hub.InspectConclude:
		if list := ofKind(hub.InspectionOutcomes(), f.Kind); !slices.Contains(list, o.Outcome) {
			found = append(found, hub.Unlisted("outcome", o.Outcome, list))
		}
	case hub.InspectRecommend:
		if o.Dispatch == "" {
			found = append(found, hub.Invalid("dispatch", "required", "name the document that recommends"))
		}
	case hub.InspectReceive:
		found = append(found, text("number", o.Number, maxWord, true)...)
	}
	return found
}

func ofKind[T interface {
	Of(kind hub.InspectionKind) bool
}](list []T, kind hub.InspectionKind) []T {
	return slices.DeleteFunc(list, func(v T) bool { return !v.Of(kind) })
}

// recommend finds the task that a document of the agency sets who was inspected.
func (s *Service) recommend(ctx context.Context, f *hub.InspectionFile, o *hub.InspectionOrder, e *hub.InspectionEvent) error {
	item, err := s.Documents.DispatchItem(ctx, o.Dispatch)
	if err != nil && hub.KindOf(err) != hub.KindNotFound {
		return err
	}
	d := &item.Dispatch
	if err != nil || d.Sender != e.Agency || d.Operation == hub.OperationRecall || d.Origin != nil {
		return hub.Invalid("dispatch", "unknown", "the agency sent no such document of its own")
	}
	heirs := s.standIns(f.Subject)
	for i := range item.Deliveries {
		v := &item.Deliveries[i]
		if !slices.Contains(heirs, v.Recipient) || v.TakenBack() {
			continue
		}
		open := slices.DeleteFunc(slices.Clone(v.Tasks), func(a hub.Assignment) bool {
			return o.Task != "" && a.Task != o.Task || a.State == hub.TaskCancelled
		})
		switch {
		case len(open) == 0:
			return hub.Invalid("dispatch", "task", "the document sets who was inspected no task, or not this one: say in it until when the answer is due")
		case len(open) > 1:
			return hub.Invalid("task", "required", "the document sets who was inspected %d tasks: name one", len(open))
		}
		e.Dispatch, e.Delivery, e.Task, e.Number, e.Due = d.ID, v.ID, open[0].Task, d.Document.Number(), open[0].Due
		if !slices.Contains(f.Parties, v.Recipient) {
			f.Parties = append(slices.Clone(f.Parties), v.Recipient)
		}
		if !slices.Contains(f.Parties, f.Subject) {
			f.Parties = append(slices.Clone(f.Parties), f.Subject)
		}
		return nil
	}
	return hub.Invalid("dispatch", "recipient", "the document did not go to who was inspected, or was taken back")
}

// standIns are an agency and those that stand in for it now.
func (s *Service) standIns(id hub.AgencyID) []hub.AgencyID {
	return append([]hub.AgencyID{id}, s.Directory.Heirs(id, s.now())...)
}

// notBefore refuses an answer that came before the document that it answers.
func (s *Service) notBefore(ctx context.Context, recommendation *hub.InspectionEvent, day hub.Date) error {
	item, err := s.Documents.Item(ctx, recommendation.Delivery)
	switch {
	case err != nil && hub.KindOf(err) == hub.KindNotFound: // its time was over
		return nil
	case err != nil:
		return err
	case day < hub.DateOf(item.Dispatch.AcceptedAt):
		return hub.Invalid("day", "range", "nothing answers before it was asked for")
	}
	return nil
}

// ending is the document that amends or repeals the one that was inspected: one of its
// issuer, or of who stands in for it, that this agency got, or one that is named by number
// and day.
func (s *Service) ending(ctx context.Context, f *hub.InspectionFile, o *hub.InspectionOrder, e *hub.InspectionEvent) error {
	if o.Dispatch == "" {
		e.Number, e.Day = o.Number, o.Day
		found := append(text("number", o.Number, maxWord, true), pastDay(o.Day, hub.DateOf(s.now()))...)
		return found.AsError()
	}
	item, err := s.Documents.DispatchItem(ctx, o.Dispatch)
	if err != nil && hub.KindOf(err) != hub.KindNotFound {
		return err
	}
	got := err == nil && slices.ContainsFunc(item.Deliveries, func(v hub.Delivery) bool { return v.Recipient == e.Agency && !v.TakenBack() })
	author, _, _ := item.Dispatch.Author()
	switch {
	case !got:
		return hub.Invalid("dispatch", "unknown", "the agency got no such document")
	case !slices.Contains(s.standIns(f.Subject), author):
		return hub.Invalid("dispatch", "author", "the document is not one of who issued the one that was inspected")
	case item.Dispatch.ID == f.Document.Dispatch:
		return hub.Invalid("dispatch", "self", "this is the document that was inspected")
	}
	e.Dispatch, e.Number, e.Day = item.Dispatch.ID, item.Dispatch.Document.Number(), item.Dispatch.Document.Promulgated
	if strings.TrimSpace(string(e.Day)) == "" {
		e.Day = hub.DateOf(item.Dispatch.AcceptedAt)
	}
	return nil
}
