package tracking

import (
	"context"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Report records a status report 01 to 06 of the recipient. 02 refuses and 03
// accepts the delivery if it is still open; every report is kept as it came, the
// furthest is shown. The same report again gives the first evidence.
func (s *Service) Report(ctx context.Context, actor hub.Actor, id hub.DeliveryID, r hub.StatusReport) (hub.SealedEvidence, error) {
	if !r.Code.Progress() {
		return hub.SealedEvidence{}, hub.Invalid("code", "code_list", "status %q is none of 01 to 06", r.Code)
	}
	if err := plainText("description", r.Description, r.Code == hub.StatusRefused, maxReason); err != nil {
		return hub.SealedEvidence{}, err
	}
	item, err := s.own(ctx, actor, id)
	if err != nil {
		return hub.SealedEvidence{}, err
	}
	now := s.Now().UTC()
	r.ID, r.RecordedAt = s.NewID(), now
	r.Dispatch, r.Delivery, r.Reporter = item.Dispatch.ID, id, item.Delivery.Recipient
	if r.StatedAt.IsZero() {
		r.StatedAt = now
	}
	r.StatedAt = r.StatedAt.UTC().Truncate(time.Second)
	if first, found, err := s.repeated(ctx, &r); found || err != nil {
		return first, err
	}
	return s.perform(ctx, actor, id, s.reportAct(actor, &item.Delivery, r))
}

// reportAct chooses what a report does: the first 03 of a delivery that was
// handed over is its acceptance, the first 02 its refusal, all else is progress.
func (s *Service) reportAct(actor hub.Actor, d *hub.Delivery, r hub.StatusReport) act {
	reports := []hub.StatusReport{r}
	switch {
	case r.Code == hub.StatusAccepted && d.State == hub.StateHandedOver && d.Registers:
		date := hub.Date(r.StatedAt.In(hub.Vietnam()).Format(time.DateOnly))
		return s.acceptance(actor, hub.Registration{Date: date}, reports)
	case r.Code == hub.StatusRefused && d.State.MayBecome(hub.StateRefused) && !d.Final():
		fence := int64(0)
		if d.Lease != nil && s.Now().Before(d.Lease.Until) && d.Lease.Holder == actor.Name {
			fence = d.Lease.Fence
		}
		return s.refusal(actor, fence, hub.Reason{Code: hub.ReasonOther, Detail: r.Description}, reports)
	}
	return act{
		event:   hub.EventStatusReport,
		reports: reports,
		same:    func(*hub.Delivery) bool { return false },
		change: func(item *hub.Item, _ time.Time) error {
			if item.Delivery.State == hub.StateQueued || item.Delivery.State == hub.StateWithdrawn {
				return hub.Errorf(hub.KindConflict, "delivery", "state", "the delivery is %s", item.Delivery.State)
			}
			item.Delivery.Progress = item.Delivery.Progress.Further(r.Code)
			return nil
		},
		describe: func(e *hub.Evidence, _ *hub.Delivery) { e.Status = statusFact(&r) },
	}
}

func statusFact(r *hub.StatusReport) *hub.StatusFact {
	return &hub.StatusFact{Code: r.Code, Description: r.Description, StatedAt: r.StatedAt}
}

// repeated finds the evidence of the same report recorded before: same code,
// time and text.
func (s *Service) repeated(ctx context.Context, r *hub.StatusReport) (hub.SealedEvidence, bool, error) {
	query := hub.EvidenceQuery{Delivery: r.Delivery, Page: hub.Page{Limit: s.MaxPage}}
	for {
		list, err := s.Evidences.Evidences(ctx, query)
		if err != nil {
			return hub.SealedEvidence{}, false, err
		}
		for _, e := range list.Items {
			if f := e.Evidence.Status; f != nil && f.Code == r.Code && f.Description == r.Description && f.StatedAt.Equal(r.StatedAt) {
				return e, true, nil
			}
		}
		if query.Page.After = list.Next; list.Next == "" {
			return hub.SealedEvidence{}, false, nil
		}
	}
}

// ReportMessage records a status package: it finds the delivery by what the
// package says of the document and reports on it.
func (s *Service) ReportMessage(ctx context.Context, actor hub.Actor, m hub.StatusMessage) (hub.SealedEvidence, error) {
	now := s.Now().UTC()
	from, err := s.Directory.Resolve(m.From, now)
	if err != nil {
		return hub.SealedEvidence{}, inField(err, "from")
	}
	if err := actor.SpeaksFor(from.Agency.ID, hub.ScopeCollect); err != nil {
		return hub.SealedEvidence{}, err
	}
	if !m.Code.Progress() {
		return hub.SealedEvidence{}, hub.Errorf(hub.KindUnsupported, "status_code", "code_list", "status %q is none of 01 to 06", m.Code)
	}
	sender, err := s.Directory.Resolve(m.For.Agency, now)
	if err != nil {
		return hub.SealedEvidence{}, inField(err, "response_for.agency")
	}
	item, err := s.Options.Reports.MatchDelivery(ctx, sender.Agency.ID, from.Agency.ID, m.For)
	if err != nil {
		return hub.SealedEvidence{}, inField(err, "response_for")
	}
	return s.Report(ctx, actor, item.Delivery.ID, hub.StatusReport{
		Code: m.Code, Description: m.Description, Staff: m.Staff, StatedAt: m.StatedAt, Envelope: m.Envelope,
	})
}

// inField puts the errors of a shared check under the caller's field.
func inField(err error, field string) error {
	for _, e := range hub.ViolationsOf(err) {
		named := *e
		named.Field = field
		return &named
	}
	return err
}
