package intake

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// changeRetries bounds how often an acceptance is tried against earlier deliveries that
// others change at the same moment.
const changeRetries = 5

// addressees are those that a submission names and, in an update, without those that it
// removes and with those that it adds.
func (s *Service) addressees(ctx context.Context, sender hub.AgencyID, sub *hub.Submission, now time.Time) ([]hub.Resolution, hub.Violations, error) {
	all, unlisted, err := s.spread(ctx, sender, "recipients", sub.Recipients)
	if err != nil {
		return nil, nil, err
	}
	list, violations := s.resolve(all, now)
	violations = append(unlisted, violations...)
	receivers := sub.Document.Business.Receivers
	if sub.Operation != hub.OperationUpdate || len(receivers) == 0 || len(receivers) > maxList || len(violations) > 0 {
		return list, violations, nil
	}
	for i, r := range receivers {
		found, err := s.Directory.Resolve(r.Agency, now)
		if err != nil {
			field := fmt.Sprintf("document.business.receivers[%d].agency", i)
			violations = append(violations, hub.ViolationsOf(inField(err, field))...)
			continue
		}
		at := slices.IndexFunc(list, func(have hub.Resolution) bool { return have.Agency.ID == found.Agency.ID })
		switch {
		case r.Added && at < 0:
			list = append(list, found)
		case !r.Added && at >= 0:
			list = slices.Delete(list, at, at+1)
		}
	}
	switch {
	case len(list) == 0 && len(violations) == 0:
		violations = append(violations, hub.Invalid("recipients", "required", "an update that leaves no recipient is a recall: recall the document instead"))
	case len(list) > s.MaxRecipients:
		violations = append(violations, hub.Errorf(hub.KindTooLarge, "recipients", "max_items", "%d recipients, at most %d are allowed", len(list), s.MaxRecipients))
	}
	return list, violations, nil
}

// earlier asks what a submission says of documents that were sent before; most say
// nothing, and then nobody is asked.
func (s *Service) earlier(ctx context.Context, sender *hub.Agency, sub *hub.Submission, recipients []hub.Resolution) (hub.Earlier, error) {
	if s.Changes == nil || sub.Operation == hub.OperationNew && len(sub.Document.ResponseFor) == 0 {
		return hub.Earlier{}, nil
	}
	ids := make([]hub.AgencyID, len(recipients))
	for i, r := range recipients {
		ids[i] = r.Agency.ID
	}
	return s.Changes.Earlier(ctx, sender.ID, sub, ids)
}

// record makes an acceptance durable together with what it does to earlier deliveries as
// they are at that moment: its own that it changes, and those with tasks that it answers.
func (s *Service) record(ctx context.Context, actor hub.Actor, a *hub.Acceptance, aims []hub.Aim) (hub.Accepted, error) {
	answering := s.Tasks != nil && answers(&a.Dispatch)
	if len(aims) == 0 && !answering {
		return s.Store.Accept(ctx, *a)
	}
	for i := range aims {
		if aims[i].Operation == a.Dispatch.Operation {
			aims[i].By = a.Dispatch.ID
		}
	}
	for try := 0; ; try++ {
		var err error
		if a.Changes, err = s.changes(ctx, actor, a, aims, answering); err != nil {
			return hub.Accepted{}, err
		}
		accepted, err := s.Store.Accept(ctx, *a)
		if err == nil || try == changeRetries || !isChanged(err) {
			return accepted, err
		}
		if len(aims) == 0 {
			continue
		}
		if err := s.Changes.Refresh(ctx, aims); err != nil {
			return hub.Accepted{}, err
		}
	}
}

// changes are the steps of earlier deliveries that belong to an acceptance.
func (s *Service) changes(ctx context.Context, actor hub.Actor, a *hub.Acceptance, aims []hub.Aim, answering bool) ([]hub.Step, error) {
	var steps []hub.Step
	if len(aims) > 0 {
		changed, err := s.Changes.Change(ctx, actor, aims)
		if err != nil {
			return nil, err
		}
		steps = changed
	}
	if !answering {
		return steps, nil
	}
	answered, err := s.Tasks.Answered(ctx, actor, a)
	return append(steps, answered...), err
}

func isChanged(err error) bool {
	var e *hub.Error
	return errors.As(err, &e) && e.Kind == hub.KindConflict && e.Rule == hub.RuleChanged
}
