package edoc

import (
	"cmp"
	"context"

	"github.com/lienthong/lienthong/hub"
)

// Word is what a system says of a package that it received: one of the states, or one of
// the business words that some gateways send there, with a description.
type Word struct{ Status, Description string }

// Settle acknowledges what was received. Every act may be repeated.
func (d *Desk) Settle(ctx context.Context, c *Caller, id string, word Word) error {
	f, err := d.Find(ctx, c, id)
	switch {
	case err != nil:
		return err
	case f.Notice != nil:
		return settleStatus(word, func() error { return d.Notices.TakeNotice(ctx, c.Actor, f.Notice.Report.ID) })
	case f.Stray != nil:
		return settleStatus(word, func() error { return d.Strays.TakeStray(ctx, c.Actor, f.Stray.ID) })
	case len(f.Own) == 0:
		return hub.Errorf(hub.KindDenied, "docId", "recipient", "only a recipient can acknowledge a document")
	}
	for i := range f.Own {
		v := &f.Own[i]
		if err := d.unmoved(ctx, c, v, func() error { return d.settle(ctx, c, f.Dispatch, v, word) }); err != nil {
			return err
		}
	}
	return nil
}

// settleStatus does to a status message what a word says.
func settleStatus(word Word, take func() error) error {
	switch word.Status {
	case StateWaiting, StateProcessing:
		return nil // it goes on waiting
	case StateDone, StateFail:
		return take()
	}
	return unknownStatus(word)
}

// settle does to a delivery what a word says.
func (d *Desk) settle(ctx context.Context, c *Caller, dispatch *hub.Dispatch, v *hub.Delivery, word Word) error {
	switch word.Status {
	case StateWaiting:
		return nil
	case StateProcessing:
		if v.State != hub.StateConsigned {
			return nil // it was taken into work before
		}
		return d.lease(ctx, c, v)
	case StateDone:
		return d.handOver(ctx, c, dispatch, v)
	case StateFail:
		return d.sendBack(ctx, c, v, word)
	}
	if code := progressOf(word.Status); code != "" {
		return d.report(ctx, c, v, code, word)
	}
	return unknownStatus(word)
}

func unknownStatus(word Word) error {
	return hub.Invalid("status", "code_list", "%.40q is none of processing, done, fail", word.Status)
}

// handOver acknowledges the document. The protocols return no digest: the word of the
// system stands for those of what it was given, and the evidence names this way of
// acknowledging. So it counts only after the system has fetched the document.
func (d *Desk) handOver(ctx context.Context, c *Caller, dispatch *hub.Dispatch, v *hub.Delivery) error {
	switch {
	case v.State == hub.StateHandedOver || v.State == hub.StateAccepted:
		return nil // acknowledged before
	case v.State == hub.StateWithdrawn:
		return hub.Errorf(hub.KindConflict, "docId", "recalled", "the document was taken back by its sender")
	case v.State == hub.StateConsigned && (v.Lease == nil || v.Lease.Holder != c.Actor.Name):
		return hub.Errorf(hub.KindConflict, "docId", "fetch_first", "this system has not fetched the document: that comes before done")
	}
	digests := map[string]hub.Digest{}
	if envelope := dispatch.PartByID(string(hub.RoleEnvelope)); envelope != nil {
		digests[envelope.ID] = envelope.Digest
	} else {
		for _, p := range dispatch.Parts {
			digests[p.ID] = p.Digest
		}
	}
	_, err := d.Recipient.Acknowledge(ctx, c.Actor, v.ID, fenceOf(v), digests)
	return err
}

// sendBack refuses the document: a system that could not store it does not fetch it
// again, so its sender must know.
func (d *Desk) sendBack(ctx context.Context, c *Caller, v *hub.Delivery, word Word) error {
	if v.State == hub.StateRefused {
		return nil
	}
	var fence int64
	if v.Lease != nil && v.Lease.Holder == c.Actor.Name {
		fence = v.Lease.Fence
	}
	_, err := d.Recipient.Refuse(ctx, c.Actor, v.ID, fence, hub.Reason{
		Code: hub.ReasonOther, Detail: cmp.Or(word.Description, "Hệ thống nhận báo lỗi, không lưu được văn bản (fail)"),
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

func (d *Desk) report(ctx context.Context, c *Caller, v *hub.Delivery, code hub.StatusCode, word Word) error {
	description := word.Description
	if reasoned(code) {
		description = cmp.Or(description, noReason)
	}
	_, err := d.Recipient.Report(ctx, c.Actor, v.ID, hub.StatusReport{Code: code, Description: description})
	return err
}
