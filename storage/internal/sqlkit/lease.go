package sqlkit

import (
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Named puts the found deliveries into the order of a request by ids, each once.
// One that is not there is KindNotFound, one that can't be leased KindConflict.
func Named(r *hub.LeaseRequest, found []hub.Item) ([]hub.Item, error) {
	byID := make(map[hub.DeliveryID]hub.Item, len(found))
	for _, it := range found {
		byID[it.Delivery.ID] = it
	}
	named := make([]hub.Item, 0, len(found))
	for _, id := range r.IDs {
		it, ok := byID[id]
		if !ok {
			return nil, hub.Errorf(hub.KindNotFound, "deliveries", "", "there is no delivery %s in this mailbox", id)
		}
		if it.Delivery.ID == "" {
			continue // named before
		}
		if err := leasable(&it.Delivery, r); err != nil {
			return nil, err
		}
		named = append(named, it)
		byID[id] = hub.Item{}
	}
	return named, nil
}

func leasable(d *hub.Delivery, r *hub.LeaseRequest) error {
	if d.State != hub.StateConsigned {
		return hub.Errorf(hub.KindConflict, "deliveries", "state", "delivery %s is %s and cannot be leased", d.ID, d.State)
	}
	if d.Lease != nil && r.Now.Before(d.Lease.Until) && d.Lease.Holder != r.Holder {
		return hub.Errorf(hub.KindConflict, "deliveries", "lease", "delivery %s is leased until %s", d.ID, d.Lease.Until.Format(time.RFC3339))
	}
	return nil
}

// LeaseEnd is the end of a lease as it comes back from a database.
func LeaseEnd(until time.Time) time.Time { return until.UTC().Truncate(time.Microsecond) }

// StaleLease turns the lack of a row under a lease's fence into KindConflict.
func StaleLease(err error) error {
	if err != nil && hub.KindOf(err) == hub.KindNotFound {
		return hub.Errorf(hub.KindConflict, "fence", "lease", "the lease has run out or was taken over")
	}
	return err
}
