package tasks

import (
	"context"
	"slices"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// conflictRetries bounds how often an act is tried against a delivery that somebody else
// changes at the same moment.
const conflictRetries = 5

// Act does something to a task at one agency and returns the evidence of it. The act that
// was done last, asked for again, gives the evidence of the first. What the agency does
// needs that it has the document: acknowledged it, or registered it.
//
// Errors: KindNotFound for a task that the actor may not see, KindDenied for an act of the
// other side, KindInvalid (act, text, percent, due, agency), KindConflict (rule state) when
// the task does not allow the act, or the document was not received yet.
func (s *Service) Act(ctx context.Context, actor hub.Actor, id hub.TaskID, order hub.TaskOrder) (hub.SealedEvidence, error) {
	if err := check(&order); err != nil {
		return hub.SealedEvidence{}, err
	}
	for try := 0; ; try++ {
		found, err := s.assigned(ctx, actor, id)
		if err != nil {
			return hub.SealedEvidence{}, err
		}
		t, err := s.chosen(actor, found, &order)
		if err != nil {
			return hub.SealedEvidence{}, err
		}
		before := t.Delivery.Version
		sealed, err := s.act(ctx, actor, t, &order)
		if err == nil || hub.KindOf(err) != hub.KindConflict || try == conflictRetries {
			return sealed, err
		}
		again, lost := s.assigned(ctx, actor, id)
		if lost != nil {
			return hub.SealedEvidence{}, lost
		}
		if now, lost := s.chosen(actor, again, &order); lost != nil || now.Delivery.Version == before {
			return sealed, err // the act itself does not fit, and no race was lost
		}
	}
}

func check(o *hub.TaskOrder) error {
	var found hub.Violations
	if !o.Act.OfAssignee() && !o.Act.OfAssigner() {
		found = append(found, hub.Unlisted("act", o.Act, slices.DeleteFunc(hub.TaskActs(), func(a hub.TaskAct) bool { return !a.OfAssignee() && !a.OfAssigner() })))
	}
	if err := checkText(o.Text, o.Act.NeedsReason()); err != nil {
		found = append(found, hub.ViolationsOf(err)...)
	}
	switch {
	case o.Percent < 0 || o.Percent > 100:
		found = append(found, hub.Invalid("percent", "range", "percent is from 0 to 100"))
	case o.Percent != 0 && o.Act != hub.ActProgress:
		found = append(found, hub.Invalid("percent", "superfluous", "only progress says how much is done"))
	}
	switch {
	case o.Act == hub.ActAsk && o.TaskTerm.IsZero():
		found = append(found, hub.Invalid("due", "required", "say until when"))
	case o.Act != hub.ActAsk && o.Act != hub.ActExtend && !o.TaskTerm.IsZero():
		found = append(found, hub.Invalid("due", "superfluous", "this act sets no deadline"))
	}
	return found.AsError()
}

// chosen is the assignment that an order is about, if the actor may do what it says.
func (s *Service) chosen(actor hub.Actor, found []hub.AssignedTask, o *hub.TaskOrder) (*hub.AssignedTask, error) {
	t, err := one(found, o.Agency)
	if err != nil {
		return nil, err
	}
	if o.Act.OfAssigner() {
		may := t.Dispatch.MayAssign(&actor)
		if o.Act == hub.ActSee { // as it reads
			may = may || actor.SpeaksFor(t.Dispatch.Sender, hub.ScopeRead) == nil
		}
		if !may {
			return nil, hub.Errorf(hub.KindDenied, "act", "assigner", "only who assigned the task may do that")
		}
		return t, nil
	}
	if actor.Receives(t.Delivery.Recipient) != nil {
		return nil, hub.Errorf(hub.KindDenied, "act", "assignee", "only the agency that has the task may do that")
	}
	if holder := t.Delivery.Assignment(t.Task).Holder; holder != "" && !slices.Contains(actor.Recipients(), holder) {
		return nil, hub.Errorf(hub.KindDenied, "act", "handed_over", "the agency was handed over: its successor has the task now")
	}
	switch t.Delivery.State {
	case hub.StateHandedOver, hub.StateAccepted:
		return t, nil
	case hub.StateConsigned:
		if o.Act == hub.ActNote {
			return t, nil
		}
	}
	return nil, hub.Errorf(hub.KindConflict, "task", "state", "receive the document first: its delivery is %s", t.Delivery.State)
}

// act makes one try.
func (s *Service) act(ctx context.Context, actor hub.Actor, t *hub.AssignedTask, o *hub.TaskOrder) (hub.SealedEvidence, error) {
	a, now := t.Delivery.Assignment(t.Task), t.Delivery.Moment(s.now())
	next, fact, err := s.changed(a, o, now)
	if err != nil {
		return s.again(ctx, t, o, err)
	}
	if same(a, o, fact) { // said before, word for word
		return s.again(ctx, t, o, nil)
	}
	step, err := s.step(ctx, t, next, fact, now, func(e *hub.Evidence) {
		auth := &hub.AuthFact{Method: actor.Auth, Actor: actor.Name}
		if o.Act.OfAssigner() {
			e.Sender.Auth = auth
			e.Delegate = s.delegate(&actor, t.Dispatch.Sender, now)
			return
		}
		e.DeliveryInfo = &hub.DeliveryInfo{Attempt: t.Delivery.Attempts, Channel: t.Delivery.Channel, Ack: auth}
		e.Delegate = s.delegate(&actor, t.Delivery.Recipient, now)
	})
	if err != nil {
		return hub.SealedEvidence{}, err
	}
	results, err := s.Store.ApplySteps(ctx, step)
	if err != nil {
		return hub.SealedEvidence{}, err
	}
	if results[0] == nil {
		s.Bell.Ring(t.Delivery.Recipient)
		s.Bell.Ring(t.Dispatch.Sender)
	}
	return step.Evidence[0], results[0]
}

// same reports whether the last act on an assignment was this one.
func same(a *hub.Assignment, o *hub.TaskOrder, f hub.TaskFact) bool {
	if a.LastAct != o.Act || a.Said != o.Text || a.Percent != o.Percent && o.Act == hub.ActProgress {
		return false
	}
	switch o.Act {
	case hub.ActAsk:
		return a.Asked != nil && a.Asked.Due == f.Due
	case hub.ActExtend:
		return a.Due == f.Due && a.Asked == nil
	}
	return true
}

// again returns the evidence of an act that was done already, as the last one; else why it
// can't be done.
func (s *Service) again(ctx context.Context, t *hub.AssignedTask, o *hub.TaskOrder, why error) (hub.SealedEvidence, error) {
	a := t.Delivery.Assignment(t.Task)
	noted := a.Notice != nil && (o.Act == hub.ActNote && !a.Notice.Noted.IsZero() || o.Act == hub.ActSee && !a.Notice.Seen.IsZero())
	if !noted && (a.LastAct != o.Act || a.Said != o.Text) {
		return hub.SealedEvidence{}, why
	}
	due, wrong := o.Last(s.today(), s.Calendar())
	if wrong != nil {
		return hub.SealedEvidence{}, why
	}
	acts, err := s.acts(ctx, t, func(f *hub.TaskFact) bool {
		return f.Act == o.Act && f.Text == o.Text && (due == "" || f.Due == due)
	})
	if err != nil {
		return hub.SealedEvidence{}, err
	}
	if len(acts) == 0 || noted && acts[len(acts)-1].Evidence.Time.Before(a.Notice.At) {
		return hub.SealedEvidence{}, why
	}
	return acts[len(acts)-1], nil
}

// changed is an assignment after an order, and what the evidence says of it.
func (s *Service) changed(a *hub.Assignment, o *hub.TaskOrder, now time.Time) (next hub.Assignment, fact hub.TaskFact, err error) {
	next, fact = *a, hub.TaskFact{Act: o.Act, ID: a.Task, Text: o.Text, Percent: o.Percent}
	state, ok := a.State.After(o.Act)
	if !ok {
		return next, fact, hub.Errorf(hub.KindConflict, "task", "state", "a task that is %s does not allow this: %s", a.State, o.Act)
	}
	if o.Act == hub.ActNote || o.Act == hub.ActSee {
		fact.State = state
		next.Notice, err = noted(a.Notice, o.Act, now)
		return next, fact, err
	}
	today := hub.DateOf(now)
	due, err := o.Last(today, s.Calendar())
	if err != nil {
		return next, fact, err
	}
	if o.Act == hub.ActExtend || !remindable(state) {
		next.Notice = nil // it says nothing any more
	}
	next.State, next.LastAct, next.LastAt, next.Said = state, o.Act, now, o.Text
	next.EndedOn = o.Act.Ended(a.EndedOn, today)
	switch o.Act {
	case hub.ActProgress:
		next.Percent = o.Percent
	case hub.ActConfirm, hub.ActCancel, hub.ActGiveBack:
		next.Asked = nil
	case hub.ActAsk:
		if a.Due == "" || due <= a.Due {
			return next, fact, hub.Invalid("due", "later", "an extension ends after %q, the deadline so far", string(a.Due))
		}
		next.Asked, fact.Due = &hub.Extension{Due: due, Reason: o.Text, AskedAt: now}, due
	case hub.ActExtend, hub.ActDeny:
		if err := decide(&next, o, due); err != nil {
			return next, fact, err
		}
		if o.Act == hub.ActExtend {
			fact.Due = next.Due
		}
	}
	fact.State, next.RemindOn = state, ""
	if remindable(state) {
		next.RemindOn = s.Calendar().NextReminder(next.Due, today)
		if o.Act != hub.ActExtend && o.Act != hub.ActRedo && o.Act != hub.ActResume {
			next.RemindOn = a.RemindOn // what was said about the deadline stays said
		}
	}
	return next, fact, nil
}

// remindable reports whether the hub says anything about the deadline of a task in a state.
func remindable(state hub.TaskState) bool {
	_, ok := state.After(hub.ActDueSoon)
	return ok
}

// noted is a notice of which one side has taken note.
func noted(n *hub.TaskNotice, act hub.TaskAct, now time.Time) (*hub.TaskNotice, error) {
	if act == hub.ActNote && n.ForAgency() {
		next := *n
		next.Noted = now
		return &next, nil
	}
	if act == hub.ActSee && n.ForAssigner() {
		next := *n
		next.Seen = now
		return &next, nil
	}
	return n, hub.Errorf(hub.KindConflict, "task", "noted", "there is nothing to take note of")
}

// decide grants or denies an extension that was asked for, or sets a new deadline unasked.
func decide(next *hub.Assignment, o *hub.TaskOrder, due hub.Date) error {
	asked := next.Asked
	switch {
	case o.Act == hub.ActDeny && asked == nil:
		return hub.Errorf(hub.KindConflict, "task", "state", "nobody asks for an extension")
	case o.Act == hub.ActDeny:
		next.Asked = nil
		return nil
	case due == "" && asked == nil:
		return hub.Invalid("due", "required", "nobody asks for an extension: say until when")
	case due == "":
		due = asked.Due
	}
	if next.Due != "" && due <= next.Due {
		return hub.Invalid("due", "later", "an extension ends after %s, the deadline so far", next.Due)
	}
	next.Due, next.Asked, next.Extended = due, nil, next.Extended+1
	return nil
}

// step is the step of a delivery by which one of its assignments becomes another, with its
// evidence.
func (s *Service) step(ctx context.Context, t *hub.AssignedTask, next hub.Assignment, fact hub.TaskFact, now time.Time, describe func(*hub.Evidence)) (hub.Step, error) {
	before := &t.Delivery
	draft := hub.DeliveryEvidence(hub.EventTask, &t.Dispatch, before, now)
	draft.Tasks = []hub.TaskFact{fact}
	describe(&draft)
	sealed, err := s.Notary.Seal(ctx, draft)
	if err != nil {
		return hub.Step{}, err
	}
	return stepOf(before, []hub.Assignment{next}, sealed, now), nil
}

// stepOf is the step of a delivery by which assignments take the place of those of the same
// tasks.
func stepOf(before *hub.Delivery, next []hub.Assignment, sealed []hub.SealedEvidence, now time.Time) hub.Step {
	d := *before
	d.Version, d.UpdatedAt, d.LastEvidence = before.Version+1, now, sealed[len(sealed)-1].Ref()
	d.Tasks = slices.Clone(before.Tasks)
	for _, a := range next {
		*d.Assignment(a.Task) = a
	}
	return hub.Step{Delivery: d, From: before.State, Version: before.Version, Evidence: sealed}
}

// delegate is who acts in the place of an agency; nil where it acts itself.
func (s *Service) delegate(actor *hub.Actor, recipient hub.AgencyID, now time.Time) *hub.Party {
	if slices.Contains(actor.Agencies, recipient) || !slices.Contains(actor.ReceivesFor, recipient) {
		return nil
	}
	served, ok := s.Directory.ByID(recipient)
	if !ok {
		return nil
	}
	by, ok := s.Directory.ByID(served.ReceivedByAt(now))
	if !ok {
		return nil
	}
	code := by.CodeAt(now)
	return &hub.Party{ID: by.ID, Code: code, Scheme: string(code.Form()), Name: by.NameAt(now)}
}
