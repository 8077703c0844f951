package tasks

import (
	"context"

	"github.com/lienthong/lienthong/hub"
)

// remindBatch is how many reminders are looked for at once.
const remindBatch = 100

// remindFrom is the hour of the day in Vietnam from which the hub reminds: what is told by
// mail comes together then, once a day.
const remindFrom = 8

// Remind tells of deadlines that are near, today, over, or over for long, and returns how
// many it told of. Each is evidence in the chain of the delivery, for agency and assigner,
// which subscriptions tell of. The same cause is told of once, on however many nodes:
// the step that says so sets the day of the next one. What the hub missed while it was
// away is told of as it stands now.
func (s *Service) Remind(ctx context.Context) (int, error) {
	if s.Now().In(hub.Vietnam()).Hour() < remindFrom {
		return 0, nil
	}
	told := 0
	for ctx.Err() == nil {
		found, err := s.Store.DueReminders(ctx, s.today(), remindBatch)
		if err != nil {
			return told, err
		}
		n, err := s.remindOf(ctx, found)
		told += n
		if err != nil || n == 0 || len(found) < remindBatch {
			return told, err
		}
	}
	return told, ctx.Err()
}

// remindOf tells of deadlines; who changes a delivery at the same moment is told next time.
func (s *Service) remindOf(ctx context.Context, found []hub.AssignedTask) (int, error) {
	told := 0
	seen := map[hub.DeliveryID]bool{}
	for i := range found {
		t := &found[i]
		if seen[t.Delivery.ID] { // another task of it: its step comes in the next round
			continue
		}
		seen[t.Delivery.ID] = true
		if !s.toRemind(t) {
			continue
		}
		step, err := s.reminder(ctx, t)
		if err != nil {
			return told, err
		}
		results, err := s.Store.ApplySteps(ctx, step)
		if err != nil {
			return told, err
		}
		if results[0] == nil {
			told++
			s.Bell.Ring(t.Delivery.Recipient)
			s.Bell.Ring(t.Dispatch.Sender)
		}
	}
	return told, nil
}

// toRemind reports whether there is still something to say: what became of a task between
// the look into the list and the reading of its delivery, here or by another node, counts.
func (s *Service) toRemind(t *hub.AssignedTask) bool {
	a := t.Delivery.Assignment(t.Task)
	return a.RemindOn != "" && a.RemindOn <= s.today() && remindable(a.State)
}

// reminder is the step that says how a deadline stands.
func (s *Service) reminder(ctx context.Context, t *hub.AssignedTask) (hub.Step, error) {
	a, now := *t.Delivery.Assignment(t.Task), t.Delivery.Moment(s.now())
	today, calendar := s.today(), s.Calendar()
	act := calendar.Reminds(a.Due, today)
	a.RemindOn = calendar.NextReminder(a.Due, today)
	a.Notice = &hub.TaskNotice{Act: act, At: now}
	fact := hub.TaskFact{Act: act, ID: a.Task, State: a.State, Due: a.Due}
	return s.step(ctx, t, a, fact, now, func(e *hub.Evidence) { e.Note = "the hub reminds of a deadline" })
}
