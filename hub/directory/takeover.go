package directory

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Heirs are the agencies that stand in for one at an instant: itself while it lives, else
// all that its successors lead to.
func (d *Directory) Heirs(id hub.AgencyID, at time.Time) []hub.AgencyID {
	s := d.current.Load()
	a, ok := s.agency(id)
	if !ok {
		return nil
	}
	var list []hub.AgencyID
	for _, heir := range s.heirs(a, at) {
		list = append(list, heir.ID)
	}
	return list
}

// TookOver lists the closed agencies for which others act at an instant since they were
// handed over, by id. They are among those that ReceivesFor returns; who has closed acts for
// nobody.
func (d *Directory) TookOver(by []hub.AgencyID, at time.Time) []hub.AgencyID {
	s := d.current.Load()
	var list []hub.AgencyID
	for _, id := range by {
		if a, ok := s.agency(id); ok && a.LivesAt(at) {
			list = append(list, s.handedTo(id, at)...)
		}
	}
	slices.Sort(list)
	return list
}

// HandedTo lists the closed agencies that were handed over to one, which may have closed
// itself since.
func (d *Directory) HandedTo(id hub.AgencyID, at time.Time) []hub.AgencyID {
	return d.current.Load().handedTo(id, at)
}

func (s *snapshot) handedTo(id hub.AgencyID, at time.Time) []hub.AgencyID {
	var list []hub.AgencyID
	for _, i := range s.served[id] {
		if a := &s.agencies[i]; a.TookOverAt(at) == id {
			list = append(list, a.ID)
		}
	}
	return list
}

// TakeOver lets an agency act for closed ones from an instant on, which save makes durable
// together with what belongs to the same act. Where another node changes the directory at
// the same moment, everything is worked out anew.
func (d *Directory) TakeOver(ctx context.Context, by hub.AgencyID, closed []hub.AgencyID, at time.Time, save func(ctx context.Context, version int64, changed []hub.Agency) error) error {
	d.writing.Lock()
	defer d.writing.Unlock()
	for tries := 1; ; tries++ {
		if err := d.refresh(ctx); err != nil {
			return err
		}
		s := d.current.Load()
		changed := make([]hub.Agency, 0, len(closed))
		for _, id := range closed {
			was, ok := s.agency(id)
			if !ok || was.LivesAt(at) {
				return hub.Errorf(hub.KindConflict, "agency", "open", "the agency %s is not closed any more", id)
			}
			a := *was
			a.ReceivedBy = append(history(a.ReceivedBy, at), hub.Dated[hub.AgencyID]{Value: by, Valid: hub.Interval{From: at}})
			a.Version = s.version + 1
			changed = append(changed, a)
		}
		err := save(ctx, s.version, changed)
		switch {
		case err == nil:
			return d.load(ctx)
		case hub.KindOf(err) != hub.KindConflict || tries == saveTries:
			return fmt.Errorf("handing over: %w", err)
		}
	}
}
