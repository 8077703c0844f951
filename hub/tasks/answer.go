package tasks

import (
	"context"
	"slices"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// maxAnswers is how many answers an assignment remembers; the chain has all of them.
const maxAnswers = 20

// maxClosed bounds at how many agencies one has the same task: its own and those of which it
// is the successor.
const maxClosed = 10

// Answered seals what a new document does to tasks of its sender, as steps for the store
// that records it. A document that names tasks (response_tasks) answers these. One that
// answers a document which set its sender a single open task for a document answers that;
// where there are several of them, each is in progress, and the agency says which is done.
// Only what goes to the assigner, or to its heir since it closed, is an answer.
func (s *Service) Answered(ctx context.Context, actor hub.Actor, a *hub.Acceptance) ([]hub.Step, error) {
	found, act, err := s.meant(ctx, a)
	if err != nil {
		return nil, err
	}
	var steps []hub.Step
	for len(found) > 0 { // the tasks of one delivery are one step
		same := func(t hub.AssignedTask) bool { return t.Delivery.ID == found[0].Delivery.ID }
		of := slices.DeleteFunc(slices.Clone(found), func(t hub.AssignedTask) bool { return !same(t) })
		step, err := s.answer(ctx, actor, a, of, act)
		if err != nil {
			return nil, err
		}
		steps = append(steps, step)
		found = slices.DeleteFunc(slices.Clone(found), same)
	}
	return steps, nil
}

// meant are the open assignments of the sender that a document answers, and how.
func (s *Service) meant(ctx context.Context, a *hub.Acceptance) ([]hub.AssignedTask, hub.TaskAct, error) {
	d := &a.Dispatch
	answerable := func(t *hub.AssignedTask, act hub.TaskAct) bool {
		_, ok := t.Delivery.Assignment(t.Task).State.After(act)
		toAssigner := slices.ContainsFunc(a.Deliveries, func(v hub.Delivery) bool { return s.standsFor(v.Recipient, t.Dispatch.Sender, d.AcceptedAt) })
		has := t.Delivery.State == hub.StateHandedOver || t.Delivery.State == hub.StateAccepted
		return ok && toAssigner && has && t.Delivery.ShowsTasks()
	}
	if named := d.Document.ResponseTasks; len(named) > 0 {
		query := hub.TaskQuery{Agency: d.Sender, Page: hub.Page{Limit: s.MaxPage}}
		for _, id := range named[:min(len(named), s.MaxPage)] {
			query.Tasks = append(query.Tasks, hub.TaskID(id))
		}
		list, err := s.find(ctx, query)
		if err != nil {
			return nil, "", err
		}
		return slices.DeleteFunc(list.Items, func(t hub.AssignedTask) bool { return !answerable(&t, hub.ActAnswer) }), hub.ActAnswer, nil
	}
	var found []hub.AssignedTask
	for _, l := range d.Links {
		if l.Kind != hub.LinkAnswers {
			continue
		}
		share, err := s.Store.DispatchShare(ctx, l.Dispatch, []hub.AgencyID{d.Sender})
		if err != nil {
			return nil, "", err
		}
		query := hub.TaskQuery{Agency: d.Sender, Page: hub.Page{Limit: hub.MaxTasks * maxClosed}}
		for i := range share.Dispatch.Tasks {
			if share.Dispatch.Tasks[i].Answer == hub.AnswerDocument {
				query.Tasks = append(query.Tasks, share.Dispatch.Tasks[i].ID)
			}
		}
		if len(query.Tasks) == 0 {
			continue
		}
		list, err := s.find(ctx, query)
		if err != nil {
			return nil, "", err
		}
		for i := range list.Items {
			if answerable(&list.Items[i], hub.ActAnswer) {
				found = append(found, list.Items[i])
			}
		}
	}
	if len(found) > 1 {
		return found, hub.ActAdvance, nil
	}
	return found, hub.ActAnswer, nil
}

// standsFor reports whether an agency is another one, or its heir since that closed.
func (s *Service) standsFor(agency, other hub.AgencyID, at time.Time) bool {
	if agency == other {
		return true
	}
	a, ok := s.Directory.ByID(other)
	return ok && !a.LivesAt(at) && slices.Contains(s.Directory.Heirs(other, at), agency)
}

// answer is the step of one delivery by which assignments of it are answered: each has its
// evidence, one behind the other.
func (s *Service) answer(ctx context.Context, actor hub.Actor, a *hub.Acceptance, of []hub.AssignedTask, act hub.TaskAct) (hub.Step, error) {
	before := of[0].Delivery
	now := before.Moment(a.Dispatch.AcceptedAt)
	var next []hub.Assignment
	var sealed []hub.SealedEvidence
	for i := range of {
		assignment := answered(before.Assignment(of[i].Task), act, &a.Dispatch, now)
		draft := hub.DeliveryEvidence(hub.EventTask, &of[i].Dispatch, &before, now)
		draft.Tasks = []hub.TaskFact{{Act: act, ID: assignment.Task, State: assignment.State, AnsweredBy: a.Dispatch.ID, Text: assignment.Said}}
		draft.DeliveryInfo = &hub.DeliveryInfo{Attempt: before.Attempts, Channel: before.Channel, Ack: &hub.AuthFact{Method: actor.Auth, Actor: actor.Name}}
		one, err := s.Notary.Seal(ctx, draft)
		if err != nil {
			return hub.Step{}, err
		}
		next, sealed = append(next, assignment), append(sealed, one...)
		before.LastEvidence = one[0].Ref()
	}
	return stepOf(&of[0].Delivery, next, sealed, now), nil
}

// answered is an assignment behind an answer.
func answered(a *hub.Assignment, act hub.TaskAct, by *hub.Dispatch, now time.Time) hub.Assignment {
	next := *a
	next.State, _ = a.State.After(act)
	next.LastAct, next.LastAt, next.Said = act, now, by.Document.Number()
	next.EndedOn = act.Ended(a.EndedOn, hub.DateOf(now))
	next.Answers = append(slices.Clone(a.Answers), by.ID)
	next.Answers = next.Answers[max(0, len(next.Answers)-maxAnswers):]
	if act == hub.ActAnswer {
		next.RemindOn, next.Notice = "", nil
	}
	return next
}
