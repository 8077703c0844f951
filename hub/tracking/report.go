package tracking

import (
	"context"
	"errors"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Report records a status report 01 to 06 of the recipient, or its answer 15 or 16 to
// what the sender asks, which it may also give about the delivery that carries the
// question. The first 02 refuses and the first 03 accepts a delivery that is still open;
// every report is kept as it came, the furthest is shown. Reports may come in any order,
// after the end of the delivery too, and change no state that is final. The same report
// again (same code, text, staff and time stated; without a time, the others) gives the
// first evidence; an assignment without a time only until the next one, since a document
// may be assigned back.
func (s *Service) Report(ctx context.Context, actor hub.Actor, id hub.DeliveryID, r hub.StatusReport) (hub.SealedEvidence, error) {
	if err := checkReport(&r); err != nil {
		return hub.SealedEvidence{}, err
	}
	same := sameReport{r: &r, timeless: r.StatedAt.IsZero()}
	r.ID, r.RecordedAt = s.NewID(), s.now()
	if same.timeless {
		r.StatedAt = r.RecordedAt
	}
	r.StatedAt = r.StatedAt.UTC().Truncate(time.Second)
	if r.Code.ChangeAnswer() {
		if err := s.answersItself(ctx, actor, id); err != nil {
			return hub.SealedEvidence{}, err
		}
		asked, first, found, err := s.aimOf(ctx, actor, id, same)
		if found || err != nil {
			return first, err
		}
		id = asked
	}
	return s.perform(ctx, actor, id, func(item *hub.Item) act {
		d := &item.Delivery
		r.Dispatch, r.Delivery, r.Reporter = d.Dispatch, d.ID, d.Recipient
		a := s.reported(actor, d, &r)
		a.reports = []hub.StatusReport{r}
		a.done = func(ctx context.Context, item *hub.Item) (hub.SealedEvidence, bool, error) {
			first, found, err := s.recordedReport(ctx, &item.Delivery, same)
			if err == nil && !found && gives(&item.Delivery, r.Code) {
				err = s.kept(ctx, &item.Delivery)
			}
			return first, found, err
		}
		return a
	})
}

// answersItself refuses that somebody who receives for an agency gives its documents away.
func (s *Service) answersItself(ctx context.Context, actor hub.Actor, id hub.DeliveryID) error {
	item, err := s.own(ctx, actor, id)
	if err != nil {
		return err
	}
	if actor.SpeaksFor(item.Delivery.Recipient, hub.ScopeCollect) != nil {
		return hub.Errorf(hub.KindDenied, "code", "delegate", "%s itself answers what its sender asks", item.Delivery.Name)
	}
	return nil
}

// sameReport tells the evidence of a report that was recorded before.
type sameReport struct {
	r        *hub.StatusReport
	timeless bool // the reporter stated no time
}

// on returns what fits the evidence of one delivery. An answer without a time is never
// one to an earlier question.
func (s sameReport) on(d *hub.Delivery) func(*hub.Evidence) bool {
	var since time.Time
	if s.timeless && s.r.Code.ChangeAnswer() && d.Request.Open() {
		since = d.Request.AskedAt
	}
	return func(e *hub.Evidence) bool {
		f := e.Status
		return f != nil && !f.Automatic && f.Code == s.r.Code && f.Description == s.r.Description &&
			(s.timeless || f.StatedAt.Equal(s.r.StatedAt)) && e.Time.After(since)
	}
}

// recordedReport is recorded for a report of progress. The evidence does not hold who is
// in charge; the reports do, which are recorded in the same order.
func (s *Service) recordedReport(ctx context.Context, d *hub.Delivery, same sameReport) (hub.SealedEvidence, bool, error) {
	fits := same.on(d)
	first, found, err := s.recorded(ctx, d.ID, fits)
	if !found || err != nil || !same.r.Code.Progress() {
		return first, found, err
	}
	reports, err := s.Options.Reports.StatusReports(ctx, d.Dispatch)
	if err != nil {
		return first, false, err
	}
	staff := map[int64][]hub.Staff{} // by the time stated, of reports that say the same
	for i := range reports {
		if r := &reports[i]; r.Delivery == d.ID && !r.Automatic && r.Code == same.r.Code && r.Description == same.r.Description {
			staff[r.StatedAt.Unix()] = append(staff[r.StatedAt.Unix()], staffOf(r))
		}
	}
	last := false // of its code
	first, found, err = s.recorded(ctx, d.ID, func(e *hub.Evidence) bool {
		if e.Status == nil || e.Status.Code != same.r.Code {
			return false
		}
		if last = fits(e); !last {
			return false
		}
		at := e.Status.StatedAt.Unix()
		if of := staff[at]; len(of) > 0 {
			staff[at], last = of[1:], of[0] == staffOf(same.r)
		}
		return last
	})
	back := same.timeless && same.r.Code == hub.StatusAssigned && !last
	return first, found && !back, err
}

// staffOf is who a report names; nobody is the same as a name that is left out.
func staffOf(r *hub.StatusReport) hub.Staff {
	if r.Staff == nil {
		return hub.Staff{}
	}
	return *r.Staff
}

func checkReport(r *hub.StatusReport) error {
	found := hub.Violations{}
	if !r.Code.Progress() && !r.Code.ChangeAnswer() {
		found = append(found, hub.Invalid("code", "code_list", "status %.10q is none of 01 to 06, 15 and 16", string(r.Code)))
	}
	reasoned := r.Code == hub.StatusRefused || r.Code == hub.StatusChangeRefused
	found = checkText(found, "description", r.Description, reasoned, maxReason)
	return checkStaff(found, r.Staff).AsError()
}

// reported chooses what a report does to the delivery as it is.
func (s *Service) reported(actor hub.Actor, d *hub.Delivery, r *hub.StatusReport) act {
	switch {
	case r.Code.ChangeAnswer():
		return s.answered(d, r)
	case r.Code == hub.StatusAccepted && d.State == hub.StateHandedOver && !d.Final():
		return s.acceptance(actor, registrationOf(r), r)
	case r.Code == hub.StatusRefused && d.State.MayBecome(hub.StateRefused) && !d.Final():
		return s.refusal(actor, fenceOf(d, actor, s.now()), hub.Reason{Code: hub.ReasonOther, Detail: r.Description}, r)
	}
	return act{
		event: hub.EventStatusReport,
		change: func(d *hub.Delivery, _ time.Time) error {
			switch d.State {
			case hub.StateQueued, hub.StateFailed, hub.StateWithdrawn:
				return hub.Errorf(hub.KindConflict, "delivery", "state", "the delivery is %s: there is nothing to report on", d.State)
			}
			d.Progress = d.Progress.Further(r.Code)
			return nil
		},
		describe: func(e *hub.Evidence, _ *hub.Delivery) { e.Status = r.Fact() },
	}
}

// registrationOf is what a report 03 says of the register: only the day.
func registrationOf(r *hub.StatusReport) hub.Registration {
	return hub.Registration{Date: hub.Date(r.StatedAt.In(hub.Vietnam()).Format(time.DateOnly))}
}

// fenceOf returns the fence of the actor's own running lease, else 0: a status
// package cannot name one.
func fenceOf(d *hub.Delivery, actor hub.Actor, now time.Time) int64 {
	if d.Lease != nil && now.Before(d.Lease.Until) && d.Lease.Holder == actor.Name {
		return d.Lease.Fence
	}
	return 0
}

// catchUp accepts a delivery whose recipient had reported 03 before it
// acknowledged. It may fail: the next acknowledgement or report tries again.
func (s *Service) catchUp(ctx context.Context, actor hub.Actor, id hub.DeliveryID) {
	item, err := s.Store.Item(ctx, id)
	if err != nil || item.Delivery.State != hub.StateHandedOver || item.Delivery.Final() || item.Delivery.Progress < hub.StatusAccepted {
		return
	}
	reports, err := s.Options.Reports.StatusReports(ctx, item.Dispatch.ID)
	for i := range reports {
		r := &reports[i]
		if r.Delivery == id && r.Code == hub.StatusAccepted {
			_, err = s.perform(ctx, actor, id, func(*hub.Item) act { return s.acceptance(actor, registrationOf(r), r) })
			if v := hub.ViolationsOf(err); err != nil && v[0].Rule == hub.RuleYearClosed {
				_, err = s.perform(ctx, actor, id, func(*hub.Item) act { return s.acceptance(actor, s.lateEntry(), r) })
			}
			break
		}
	}
	if err != nil {
		s.Log.WarnContext(ctx, "an early acceptance waits", "delivery", id, "error", err)
	}
}

// inField puts the error of a shared check under the caller's field.
func inField(err error, field string) error {
	var e *hub.Error
	if !errors.As(err, &e) {
		return err
	}
	named := *e
	named.Field = field
	return &named
}
