package tracking

import (
	"context"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// answered is the recipient's 15 or 16 to what the sender asked. With 15 to a recall the
// recipient's copy is destroyed on this hub: nobody gives it to the recipient any more,
// and what the document said is no longer shown to it; the sender's copy and the record
// of the act stay (NĐ 30/2020/NĐ-CP, annex VI, part III.8).
func (s *Service) answered(d *hub.Delivery, r *hub.StatusReport) act {
	a := act{
		event: hub.EventStatusReport,
		change: func(d *hub.Delivery, now time.Time) error {
			if !d.Request.Open() {
				return hub.Errorf(hub.KindConflict, "code", "request", "nothing is asked of this recipient that it has not answered")
			}
			request := *d.Request
			request.Answer, request.AnswerReason, request.AnsweredAt = r.Code, r.Description, d.Moment(now)
			d.Request = &request
			return nil
		},
		describe: func(e *hub.Evidence, d *hub.Delivery) {
			e.Status = r.Fact()
			if d.Request.By != "" {
				e.Links = []hub.Link{{Kind: hub.LinkOf(d.Request.Operation).Inverse(), Dispatch: d.Request.By}}
			}
		},
	}
	if gives(d, r.Code) {
		a.then = destruction
	}
	return a
}

// gives reports whether an answer gives the document back to its sender.
func gives(d *hub.Delivery, code hub.StatusCode) bool {
	return d.Request.Open() && d.Request.Operation == hub.OperationRecall && code == hub.StatusChangeAccepted
}

// destruction drafts the end of a recipient's copy; the sender's stays.
func destruction(item *hub.Item, d *hub.Delivery, now time.Time) hub.Evidence {
	e := hub.DeliveryEvidence(hub.EventContentPurge, &item.Dispatch, d, now)
	e.Reasons = []hub.Reason{{Code: hub.ReasonRecalled, Detail: d.Request.Reason}}
	e.Note = "given back by the recipient: its copy is destroyed, the sender's stays"
	return e
}

// destroy marks the recipient's copy as gone and adds the evidence of it, unless the
// content was purged for all before.
func (s *Service) destroy(ctx context.Context, item *hub.Item, d *hub.Delivery, sealed []hub.SealedEvidence, draft hub.Evidence) ([]hub.SealedEvidence, error) {
	d.Destroyed = &hub.Destruction{At: draft.Time}
	if purged := item.Dispatch.Purged; purged != nil {
		d.Destroyed.Evidence = purged.Evidence
		return sealed, nil
	}
	last, err := s.Notary.Seal(ctx, draft)
	if err != nil {
		return nil, err
	}
	d.Destroyed.Evidence, d.LastEvidence = last[0].Evidence.ID, last[0].Ref()
	return append(sealed, last...), nil
}

// aimOf returns the delivery that an answer is about: the one that is named, or, where
// that carries a recall, update or replacement, an earlier one about which it asks. What
// is open comes first. An answer that was given before is found on any of them.
func (s *Service) aimOf(ctx context.Context, actor hub.Actor, id hub.DeliveryID, same sameReport) (asked hub.DeliveryID, first hub.SealedEvidence, found bool, err error) {
	item, err := s.own(ctx, actor, id)
	if err != nil {
		return id, first, false, err
	}
	candidates, err := s.askedBy(ctx, &item)
	if err != nil {
		return id, first, false, err
	}
	for i := range candidates {
		d := &candidates[i]
		if first, found, err = s.recorded(ctx, d.ID, same.on(d)); found || err != nil {
			return d.ID, first, found, err
		}
	}
	if d := unanswered(candidates, &item); d != nil {
		return d.ID, first, false, nil
	}
	return id, first, false, nil
}

// unanswered finds the delivery about which something is asked: the item's own, or an
// earlier one where the item carries the question; nil for none.
func unanswered(candidates []hub.Delivery, item *hub.Item) *hub.Delivery {
	for i := range candidates {
		d := &candidates[i]
		if d.Request.Open() && (d.ID == item.Delivery.ID || d.Request.By == item.Dispatch.ID) {
			return d
		}
	}
	return nil
}

// Question returns the delivery about which the recipient of a delivery has yet to answer
// with 15 or 16, and whether there is one: the delivery itself, or an earlier one where
// it carries the recall, update or replacement.
func (s *Service) Question(ctx context.Context, actor hub.Actor, id hub.DeliveryID) (hub.Delivery, bool, error) {
	item, err := s.own(ctx, actor, id)
	if err != nil {
		return hub.Delivery{}, false, err
	}
	candidates, err := s.askedBy(ctx, &item)
	if err != nil {
		return hub.Delivery{}, false, err
	}
	if d := unanswered(candidates, &item); d != nil {
		return recipientsView(*d), true, nil
	}
	return hub.Delivery{}, false, nil
}

// askedBy lists a delivery and those to the same recipient that its dispatch is about.
func (s *Service) askedBy(ctx context.Context, item *hub.Item) ([]hub.Delivery, error) {
	list := []hub.Delivery{item.Delivery}
	for _, l := range item.Dispatch.Links {
		if l.Kind == hub.LinkAnswers || l.Kind == hub.LinkForwards {
			continue
		}
		share, err := s.Options.Reports.DispatchShare(ctx, l.Dispatch, []hub.AgencyID{item.Delivery.Recipient})
		if err != nil {
			return nil, err
		}
		list = append(list, share.Deliveries...)
	}
	return list, nil
}
