package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// maxWait is the longest long poll in seconds.
const maxWait = 60

func (a *api) mailbox(x *exchange) error {
	q := x.query()
	agency := q.text("agency")
	wanted := hub.MailboxQuery{
		States: q.states(), Free: q.flag("free"), Asked: q.flag("asked"), Text: q.text("q"),
		Timeliness: listedIn(q, "timeliness", []hub.Timeliness{hub.Overdue, hub.DueSoon}), Page: q.page(),
	}
	wait := time.Duration(q.number("wait", 0, maxWait, 0)) * time.Second
	if err := q.done(); err != nil {
		return err
	}
	var err error
	if wanted.Agency, err = a.agencyOf(x.actor, agency); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(x.r.Context(), wait)
	defer cancel()
	list, err := a.arrived(ctx, x, wanted)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, listed(list))
}

// arrived lists the mailbox as soon as it is not empty, at the latest when ctx
// ends or the server stops. It listens before it looks, so that nothing which
// comes in between is missed.
func (a *api) arrived(ctx context.Context, x *exchange, wanted hub.MailboxQuery) (hub.List[hub.Item], error) {
	for {
		bell := a.Mailbox.Listen(wanted.Agency)
		list, err := a.Mailbox.Mailbox(x.r.Context(), x.actor, wanted)
		if err != nil || len(list.Items) > 0 || ctx.Err() != nil {
			return list, err
		}
		select {
		case <-bell:
		case <-ctx.Done():
			return list, x.r.Context().Err()
		case <-a.Stopping:
			return list, nil
		}
	}
}

// leaseWish is the body of POST /v1/mailbox/leases.
type leaseWish struct {
	Agency     string           `json:"agency"`
	Max        int              `json:"max"`
	Seconds    int64            `json:"seconds"`
	Deliveries []hub.DeliveryID `json:"deliveries"`
}

func (a *api) lease(x *exchange) error {
	var wish leaseWish
	if err := x.read(&wish); err != nil {
		return err
	}
	agency, err := a.agencyOf(x.actor, wish.Agency)
	if err != nil {
		return err
	}
	d, err := leaseLength(wish.Seconds)
	if err != nil {
		return err
	}
	if wish.Max < 0 {
		return hub.Invalid("max", "range", "max is at least 1")
	}
	request := hub.LeaseRequest{Agency: agency, IDs: wish.Deliveries, Max: wish.Max}
	if d > 0 {
		request.Until = a.Now().Add(d)
	}
	items, err := a.Leases.Lease(x.r.Context(), x.actor, request)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, listed(hub.List[hub.Item]{Items: items}))
}

// leaseLength bounds the wish so that it fits a time.Duration; the service has
// the real limit.
func leaseLength(seconds int64) (time.Duration, error) {
	if seconds < 0 || seconds > 24*60*60 {
		return 0, hub.Invalid("seconds", "range", "a lease lasts from 1 second to what the hub allows")
	}
	return time.Duration(seconds) * time.Second, nil
}

func (a *api) delivery(x *exchange) error {
	item, err := a.Mailbox.Item(x.r.Context(), x.actor, x.delivery())
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, item)
}

func (x *exchange) delivery() hub.DeliveryID { return hub.DeliveryID(x.param("delivery")) }
func (x *exchange) dispatch() hub.DispatchID { return hub.DispatchID(x.param("dispatch")) }

func (a *api) renewLease(x *exchange) error {
	var wish struct {
		Fence   int64 `json:"fence"`
		Seconds int64 `json:"seconds"`
	}
	if err := x.read(&wish); err != nil {
		return err
	}
	d, err := leaseLength(wish.Seconds)
	if err != nil {
		return err
	}
	lease, err := a.Leases.Renew(x.r.Context(), x.actor, x.delivery(), wish.Fence, d)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, lease)
}

func (a *api) releaseLease(x *exchange) error {
	q := x.query()
	fence := q.number("fence", 1, 1<<62, 0)
	if err := q.done(); err != nil {
		return err
	}
	if fence == 0 {
		return hub.Invalid("fence", "required", "the fence of the lease is required")
	}
	if err := a.Leases.Release(x.r.Context(), x.actor, x.delivery(), fence); err != nil {
		return err
	}
	x.w.WriteHeader(http.StatusNoContent)
	return nil
}

// receipt answers an act with the evidence that it made.
func (x *exchange) receipt(status int, sealed hub.SealedEvidence, err error) error {
	if err != nil {
		return err
	}
	return x.jsonReceipt(status, struct{}{}, &sealed, "")
}

func (a *api) acknowledge(x *exchange) error {
	var ack struct {
		Fence int64                 `json:"fence"`
		Parts map[string]hub.Digest `json:"parts"`
	}
	if err := x.read(&ack); err != nil {
		return err
	}
	sealed, err := a.Recipient.Acknowledge(x.r.Context(), x.actor, x.delivery(), ack.Fence, ack.Parts)
	return x.receipt(http.StatusOK, sealed, err)
}

func (a *api) accept(x *exchange) error {
	var registration hub.Registration
	if err := x.read(&registration); err != nil {
		return err
	}
	sealed, err := a.Recipient.Accept(x.r.Context(), x.actor, x.delivery(), registration)
	return x.receipt(http.StatusOK, sealed, err)
}

func (a *api) refuse(x *exchange) error {
	var refusal struct {
		Fence  int64          `json:"fence"`
		Code   hub.ReasonCode `json:"code"`
		Detail string         `json:"detail"`
	}
	if err := x.read(&refusal); err != nil {
		return err
	}
	reason := hub.Reason{Code: refusal.Code, Detail: refusal.Detail}
	sealed, err := a.Recipient.Refuse(x.r.Context(), x.actor, x.delivery(), refusal.Fence, reason)
	return x.receipt(http.StatusOK, sealed, err)
}

func (a *api) reportStatus(x *exchange) error {
	var status struct {
		Code        hub.StatusCode `json:"code"`
		Description string         `json:"description"`
		Staff       *hub.Staff     `json:"staff"`
		StatedAt    time.Time      `json:"stated_at"`
	}
	if err := x.read(&status); err != nil {
		return err
	}
	sealed, err := a.Recipient.Report(x.r.Context(), x.actor, x.delivery(), hub.StatusReport{
		Code: status.Code, Description: status.Description, Staff: status.Staff, StatedAt: status.StatedAt,
	})
	return x.receipt(http.StatusOK, sealed, err)
}
