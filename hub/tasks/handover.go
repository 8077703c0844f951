package tasks

import (
	"context"
	"slices"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Open counts the tasks of an agency that HandOver takes to a successor, those that it
// returned with them, at most hub.MaxTotalled.
func (s *Service) Open(ctx context.Context, agency hub.AgencyID) (int, error) {
	t, err := s.Store.TaskTotals(ctx, hub.TaskQuery{Agency: agency, Today: s.today()})
	return t.OpenInTime + t.OpenLate + t.Returned, err
}

// HandOver returns the steps by which all open tasks of an agency that has closed go to its
// successor, for the store that records the hand-over: it then has them as lead, as
// co-agency or for itself, as the agency had. Each is evidence in the chain of the delivery
// and names the successor as the delegate; deadlines and what was said stay. Whoever
// recorded the steps tells of them by Told.
func (s *Service) HandOver(ctx context.Context, actor hub.Actor, agency, to hub.AgencyID, at time.Time) ([]hub.Step, error) {
	heir, ok := s.Directory.ByID(to)
	if !ok {
		return nil, hub.Errorf(hub.KindUnknownAgency, "to", "unknown_agency", "the successor is not in the directory")
	}
	code := heir.CodeAt(at)
	party := hub.Party{ID: heir.ID, Code: code, Scheme: string(code.Form()), Name: heir.NameAt(at)}
	open := slices.DeleteFunc(hub.TaskStates(), hub.TaskState.Closed)
	query := hub.TaskQuery{Agency: agency, States: open, Page: hub.Page{Limit: s.MaxPage}}
	byDelivery := map[hub.DeliveryID][]hub.AssignedTask{}
	var order []hub.DeliveryID
	for {
		list, err := s.find(ctx, query)
		if err != nil {
			return nil, err
		}
		for _, t := range list.Items {
			if byDelivery[t.Delivery.ID] == nil {
				order = append(order, t.Delivery.ID)
			}
			byDelivery[t.Delivery.ID] = append(byDelivery[t.Delivery.ID], t)
		}
		if query.Page.After = list.Next; list.Next == "" {
			break
		}
	}
	steps := make([]hub.Step, 0, len(order))
	for _, id := range order {
		step, err := s.handOver(ctx, &actor, byDelivery[id], &party, at)
		if err != nil {
			return nil, err
		}
		steps = append(steps, step)
	}
	return steps, nil
}

// handOver is the step of one delivery.
func (s *Service) handOver(ctx context.Context, actor *hub.Actor, of []hub.AssignedTask, to *hub.Party, at time.Time) (hub.Step, error) {
	before := of[0].Delivery
	now := before.Moment(at)
	var next []hub.Assignment
	var sealed []hub.SealedEvidence
	for i := range of {
		a := *of[0].Delivery.Assignment(of[i].Task)
		a.Holder, a.Notice = to.ID, &hub.TaskNotice{Act: hub.ActHandOver, At: now}
		draft := hub.DeliveryEvidence(hub.EventTask, &of[i].Dispatch, &before, now)
		draft.Tasks = []hub.TaskFact{{Act: hub.ActHandOver, ID: a.Task, State: a.State, Due: a.Due}}
		draft.Delegate = to
		draft.DeliveryInfo = &hub.DeliveryInfo{Attempt: before.Attempts, Channel: before.Channel, Ack: &hub.AuthFact{Method: actor.Auth, Actor: actor.Name}}
		one, err := s.Notary.Seal(ctx, draft)
		if err != nil {
			return hub.Step{}, err
		}
		next, sealed = append(next, a), append(sealed, one...)
		before.LastEvidence = one[0].Ref()
	}
	return stepOf(&of[0].Delivery, next, sealed, now), nil
}

// Told wakes the assigners, and who has the tasks now, when a hand-over was recorded.
func (s *Service) Told(to hub.AgencyID, steps []hub.Step) {
	s.Bell.Ring(to)
	for i := range steps {
		for j := range steps[i].Evidence {
			if sender := steps[i].Evidence[j].Evidence.Sender; sender != nil {
				s.Bell.Ring(sender.ID)
			}
		}
	}
}
