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
// again (same code, text and time stated; without a time, same code and text) gives the
// first evidence.
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
			return s.recorded(ctx, item.Delivery.ID, same.on(&item.Delivery))
		}
		return a
	})
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
		return f != nil && f.Code == s.r.Code && f.Description == s.r.Description &&
			(s.timeless || f.StatedAt.Equal(s.r.StatedAt)) && e.Time.After(since)
	}
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
		describe: func(e *hub.Evidence, _ *hub.Delivery) { e.Status = statusFact(r) },
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
			break
		}
	}
	if err != nil {
		s.Log.WarnContext(ctx, "an early acceptance waits", "delivery", id, "error", err)
	}
}

func statusFact(r *hub.StatusReport) *hub.StatusFact {
	if r == nil {
		return nil
	}
	return &hub.StatusFact{Code: r.Code, Description: r.Description, StatedAt: r.StatedAt}
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
