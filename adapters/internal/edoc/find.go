package edoc

import (
	"context"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/lienthong/lienthong/hub"
)

// Found is what an id stands for: a document, with those of its deliveries that are the
// caller's own, or a status message.
type Found struct {
	Dispatch *hub.Dispatch
	Own      []hub.Delivery
	Notice   *hub.Notice
	Stray    *hub.Stray
}

// maxDocID is far above the length of an id, in bytes.
const maxDocID = 100

// Find looks an id up: that of a delivery, of a dispatch or of a status report. What is
// not the caller's does not exist.
func (d *Desk) Find(ctx context.Context, c *Caller, id string) (Found, error) {
	if id == "" || len(id) > maxDocID {
		return Found{}, hub.Invalid("docId", "required", "the id of the document is required")
	}
	if !utf8.ValidString(id) || strings.ContainsRune(id, 0) { // a store may not even look for it
		return Found{}, unknownID()
	}
	item, err := d.Mailbox.Item(ctx, c.Actor, hub.DeliveryID(id))
	if err == nil {
		return Found{Dispatch: &item.Dispatch, Own: own(c, []hub.Delivery{item.Delivery})}, nil
	}
	if hub.KindOf(err) != hub.KindNotFound {
		return Found{}, err
	}
	sent, err := d.Dispatches.Dispatch(ctx, c.Actor, hub.DispatchID(id))
	if err == nil {
		f := Found{Dispatch: &sent.Dispatch, Own: own(c, sent.Deliveries)}
		return f, d.seenByRecipient(ctx, c, f.Own)
	}
	if hub.KindOf(err) != hub.KindNotFound {
		return Found{}, err
	}
	notice, err := d.Notices.Notice(ctx, c.Actor, id)
	if err != nil && hub.KindOf(err) == hub.KindNotFound {
		return d.findStray(ctx, c, id)
	}
	return Found{Notice: &notice}, err
}

func (d *Desk) findStray(ctx context.Context, c *Caller, id string) (Found, error) {
	if d.Strays == nil {
		return Found{}, unknownID()
	}
	st, err := d.Strays.Stray(ctx, c.Actor, id)
	if err != nil {
		if hub.KindOf(err) == hub.KindNotFound {
			err = unknownID()
		}
		return Found{}, err
	}
	return Found{Stray: &st}, nil
}

func unknownID() error {
	return hub.Errorf(hub.KindNotFound, "docId", "unknown", "there is no such document for this system")
}

func own(c *Caller, all []hub.Delivery) []hub.Delivery {
	var own []hub.Delivery
	for i := range all {
		if c.Actor.SpeaksFor(all[i].Recipient, hub.ScopeCollect) == nil {
			own = append(own, all[i])
		}
	}
	return own
}

// seenByRecipient reads deliveries as their recipient sees them: a system that sends to
// agencies of its own finds them as the sender, who is not told of leases.
func (d *Desk) seenByRecipient(ctx context.Context, c *Caller, own []hub.Delivery) error {
	for i := range own {
		item, err := d.Mailbox.Item(ctx, c.Actor, own[i].ID)
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
func (d *Desk) lease(ctx context.Context, c *Caller, v *hub.Delivery) error {
	now := d.Now()
	items, err := d.Mailbox.Lease(ctx, c.Actor, hub.LeaseRequest{
		Agency: v.Recipient, IDs: []hub.DeliveryID{v.ID}, Now: now, Until: now.Add(leaseFor),
	})
	if err != nil {
		return err
	}
	for i := range items {
		v.Lease = items[i].Delivery.Lease
	}
	return nil
}

// races bounds how often an act meets one of another thread of the same system.
const races = 5

// unmoved acts on a delivery until nothing came between: another thread of the system
// that fetches the document takes a lease of its own, or acknowledges it first.
func (d *Desk) unmoved(ctx context.Context, c *Caller, v *hub.Delivery, act func() error) error {
	for try := 0; ; try++ {
		seen := *v
		err := act()
		if err == nil || hub.KindOf(err) != hub.KindConflict || try == races {
			return err
		}
		now, gone := d.Mailbox.Item(ctx, c.Actor, v.ID)
		if gone != nil || now.Delivery.Version == seen.Version && fenceOf(&now.Delivery) == fenceOf(&seen) {
			return err
		}
		*v = now.Delivery
	}
}

func fenceOf(v *hub.Delivery) int64 {
	if v.Lease == nil {
		return 0
	}
	return v.Lease.Fence
}
