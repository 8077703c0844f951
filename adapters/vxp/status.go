package vxp

import (
	"cmp"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// found is what an id of the axis stands for: a document, with those of its deliveries
// that are the system's own, or a status message.
type found struct {
	dispatch *hub.Dispatch
	own      []hub.Delivery
	notice   *hub.Notice
}

// maxDocID is far above the length of an id, in bytes.
const maxDocID = 100

// find looks an id up: that of a delivery, of a dispatch or of a status report. What is
// not the system's does not exist.
func (s *Server) find(x *call, id string) (found, error) {
	if id == "" || len(id) > maxDocID {
		return found{}, hub.Invalid("docId", "required", "the id of the document is required")
	}
	ctx := x.context()
	item, err := s.Mailbox.Item(ctx, x.actor, hub.DeliveryID(id))
	if err == nil {
		return found{dispatch: &item.Dispatch, own: s.own(x, []hub.Delivery{item.Delivery})}, nil
	}
	if hub.KindOf(err) != hub.KindNotFound {
		return found{}, err
	}
	sent, err := s.Dispatches.Dispatch(ctx, x.actor, hub.DispatchID(id))
	if err == nil {
		f := found{dispatch: &sent.Dispatch, own: s.own(x, sent.Deliveries)}
		return f, s.seenByRecipient(x, f.own)
	}
	if hub.KindOf(err) != hub.KindNotFound {
		return found{}, err
	}
	notice, err := s.Notices.Notice(ctx, x.actor, id)
	if err != nil && hub.KindOf(err) == hub.KindNotFound {
		return found{}, hub.Errorf(hub.KindNotFound, "docId", "unknown", "there is no such document for this system")
	}
	return found{notice: &notice}, err
}

func (s *Server) own(x *call, all []hub.Delivery) []hub.Delivery {
	var own []hub.Delivery
	for _, d := range all {
		if x.actor.SpeaksFor(d.Recipient, hub.ScopeCollect) == nil {
			own = append(own, d)
		}
	}
	return own
}

// seenByRecipient reads deliveries as their recipient sees them: a system that sends to
// agencies of its own finds them as the sender, who is not told of leases.
func (s *Server) seenByRecipient(x *call, own []hub.Delivery) error {
	for i := range own {
		item, err := s.Mailbox.Item(x.context(), x.actor, own[i].ID)
		if err != nil {
			return err
		}
		own[i] = item.Delivery
	}
	return nil
}

// leaseFor is how long others leave a delivery alone that a system has begun to collect.
// The system itself may come again at any time.
const leaseFor = 15 * time.Minute

// lease takes or renews the right to work on a delivery and notes it there.
func (s *Server) lease(x *call, d *hub.Delivery) error {
	now := s.Now()
	items, err := s.Mailbox.Lease(x.context(), x.actor, hub.LeaseRequest{
		Agency: d.Recipient, IDs: []hub.DeliveryID{d.ID}, Now: now, Until: now.Add(leaseFor),
	})
	if err != nil {
		return err
	}
	for i := range items {
		d.Lease = items[i].Delivery.Lease
	}
	return nil
}

// updateStatus acknowledges what was received. Every act may be repeated.
func (s *Server) updateStatus(x *call) error {
	f, err := s.find(x, x.first("docid", "docId"))
	if err != nil {
		return err
	}
	status := x.param("status")
	switch {
	case f.notice != nil:
		err = s.settleNotice(x, f.notice, status)
	case len(f.own) == 0:
		err = hub.Errorf(hub.KindDenied, "docId", "recipient", "only a recipient can acknowledge a document")
	}
	for i := range f.own {
		if err == nil {
			d := &f.own[i]
			err = s.unmoved(x, d, func() error { return s.settle(x, f.dispatch, d, status) })
		}
	}
	if err != nil {
		return err
	}
	return x.ok(nil)
}

// races bounds how often an act meets one of another thread of the same system.
const races = 5

// unmoved acts on a delivery until nothing came between: another thread of the system
// that fetches the document takes a lease of its own, or acknowledges it first.
func (s *Server) unmoved(x *call, d *hub.Delivery, act func() error) error {
	for try := 0; ; try++ {
		seen := *d
		err := act()
		if err == nil || hub.KindOf(err) != hub.KindConflict || try == races {
			return err
		}
		now, gone := s.Mailbox.Item(x.context(), x.actor, d.ID)
		if gone != nil || now.Delivery.Version == seen.Version && fenceOf(&now.Delivery) == fenceOf(&seen) {
			return err
		}
		*d = now.Delivery
	}
}

func fenceOf(d *hub.Delivery) int64 {
	if d.Lease == nil {
		return 0
	}
	return d.Lease.Fence
}

func (s *Server) settleNotice(x *call, n *hub.Notice, status string) error {
	switch status {
	case stateWaiting, stateProcessing:
		return nil // it goes on waiting
	case stateDone, stateFail:
		return s.Notices.TakeNotice(x.context(), x.actor, n.Report.ID)
	}
	return unknownStatus(status)
}

// settle does to a delivery what a status says.
func (s *Server) settle(x *call, dispatch *hub.Dispatch, d *hub.Delivery, status string) error {
	switch status {
	case stateWaiting:
		return nil
	case stateProcessing:
		if d.State != hub.StateConsigned {
			return nil // it was taken into work before
		}
		return s.lease(x, d)
	case stateDone:
		return s.handOver(x, dispatch, d)
	case stateFail:
		return s.sendBack(x, d)
	}
	if code := progressOf(status); code != "" {
		return s.report(x, d, code)
	}
	return unknownStatus(status)
}

func unknownStatus(status string) error {
	return hub.Invalid("status", "code_list", "%.40q is none of processing, done, fail", status)
}

// handOver acknowledges the document. The protocol returns no digest: the word of the
// system stands for those of what it was given, and the evidence names this way of
// acknowledging. So it counts only after the system has fetched the document.
func (s *Server) handOver(x *call, dispatch *hub.Dispatch, d *hub.Delivery) error {
	var fence int64
	switch {
	case d.State == hub.StateHandedOver || d.State == hub.StateAccepted:
		return nil // acknowledged before
	case d.State == hub.StateWithdrawn:
		return hub.Errorf(hub.KindConflict, "docId", "recalled", "the document was taken back by its sender")
	case d.State == hub.StateConsigned && (d.Lease == nil || d.Lease.Holder != x.actor.Name):
		return hub.Errorf(hub.KindConflict, "docId", "fetch_first", "this system has not fetched the document: getEdoc comes before done")
	default:
		fence = fenceOf(d)
	}
	digests := map[string]hub.Digest{}
	if envelope := dispatch.PartByID(string(hub.RoleEnvelope)); envelope != nil {
		digests[envelope.ID] = envelope.Digest
	} else {
		for _, p := range dispatch.Parts {
			digests[p.ID] = p.Digest
		}
	}
	_, err := s.Recipient.Acknowledge(x.context(), x.actor, d.ID, fence, digests)
	return err
}

// sendBack refuses the document: a system that could not store it does not fetch it
// again, so its sender must know.
func (s *Server) sendBack(x *call, d *hub.Delivery) error {
	if d.State == hub.StateRefused {
		return nil
	}
	var fence int64
	if d.Lease != nil && d.Lease.Holder == x.actor.Name {
		fence = d.Lease.Fence
	}
	_, err := s.Recipient.Refuse(x.context(), x.actor, d.ID, fence, hub.Reason{
		Code: hub.ReasonOther, Detail: cmp.Or(x.param("description"), "Hệ thống nhận báo lỗi, không lưu được văn bản (updateStatus fail)"),
	})
	return err
}

// progressOf maps the business words that some gateways send here. They belong into
// status messages, but who says them means them.
func progressOf(status string) hub.StatusCode {
	switch status {
	case "inbox":
		return hub.StatusArrived
	case "rejection":
		return hub.StatusRefused
	case "acceptance":
		return hub.StatusAccepted
	case "assignment":
		return hub.StatusAssigned
	case "finish":
		return hub.StatusCompleted
	}
	return ""
}

func (s *Server) report(x *call, d *hub.Delivery, code hub.StatusCode) error {
	description := x.param("description")
	if reasoned(code) {
		description = cmp.Or(description, noReason)
	}
	_, err := s.Recipient.Report(x.context(), x.actor, d.ID, hub.StatusReport{Code: code, Description: description})
	return err
}
