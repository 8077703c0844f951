package inspection

import (
	"context"

	"github.com/lienthong/lienthong/hub"
)

// Follow looks at all recommendations that await something and records what became of their
// tasks. What fails of one is tried again the next time and holds up no other.
func (s *Service) Follow(ctx context.Context) error {
	var failed error
	for after := hub.InspectionID(""); ctx.Err() == nil; {
		found, err := s.Store.WaitingInspections(ctx, after, maxPage)
		if err != nil {
			return err
		}
		for i := range found {
			err := s.follow(ctx, &found[i])
			if err != nil && hub.KindOf(err) != hub.KindConflict { // who acts at the same moment is followed next time
				failed = err
			}
		}
		if len(found) < maxPage {
			return failed
		}
		after = found[len(found)-1].ID
	}
	return ctx.Err()
}

// follow records what became of the task of a recommendation.
func (s *Service) follow(ctx context.Context, f *hub.InspectionFile) error {
	v := f.View("", "")
	if !v.Waits || v.Recommendation == nil {
		return nil
	}
	item, err := s.Documents.Item(ctx, v.Recommendation.Delivery)
	if err != nil {
		if hub.KindOf(err) == hub.KindNotFound { // its time was over
			return nil
		}
		return err
	}
	a := item.Delivery.Assignment(v.Recommendation.Task)
	if a == nil {
		return nil
	}
	if a.State == hub.TaskCancelled {
		return s.add(ctx, f, hub.InspectionEvent{Act: hub.InspectRevoke, By: hubName, Text: a.Said})
	}
	if a.Due != v.Due {
		if err := s.add(ctx, f, hub.InspectionEvent{Act: hub.InspectExtend, By: hubName, Due: a.Due}); err != nil {
			return err
		}
	}
	answered := a.EndedOn != "" && (a.State == hub.TaskAwaiting || a.State == hub.TaskDone)
	switch {
	case answered && v.Answer == nil:
		e := hub.InspectionEvent{Act: hub.InspectAnswer, By: hubName, Day: a.EndedOn, Text: a.Said}
		if err := s.answering(ctx, a, &e); err != nil {
			return err
		}
		return s.add(ctx, f, e)
	case !answered && v.Answer != nil && v.Answer.Act == hub.InspectAnswer:
		return s.add(ctx, f, hub.InspectionEvent{Act: hub.InspectReturn, By: hubName, Text: a.Said})
	}
	return nil
}

// answering names the document that answered a task last; there is none where the agency
// said so in words.
func (s *Service) answering(ctx context.Context, a *hub.Assignment, e *hub.InspectionEvent) error {
	if len(a.Answers) == 0 {
		return nil
	}
	item, err := s.Documents.DispatchItem(ctx, a.Answers[len(a.Answers)-1])
	if err != nil {
		if hub.KindOf(err) == hub.KindNotFound {
			return nil
		}
		return err
	}
	e.Dispatch, e.Number, e.Text = item.Dispatch.ID, item.Dispatch.Document.Number(), item.Dispatch.Document.Subject
	return nil
}
