package directory

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// ByChannel returns the agencies that live and are reached by a channel at an instant, in
// the order of listings.
func (d *Directory) ByChannel(channel hub.Channel, at time.Time) []*hub.Agency {
	s := d.current.Load()
	var found []*hub.Agency
	for i := range s.agencies {
		if a := &s.agencies[i]; a.LivesAt(at) && a.ChannelAt(at) == channel {
			found = append(found, a)
		}
	}
	return found
}

// SetChannel says by which channel agencies are reached from now on; how they were reached stays as history. It needs ScopeOperate. KindUnknownAgency
// for an id that nobody has; then nothing changes.
func (d *Directory) SetChannel(ctx context.Context, actor hub.Actor, agencies []hub.AgencyID, channel hub.Channel) error {
	if err := actor.Require(hub.ScopeOperate); err != nil {
		return err
	}
	value := channel
	if channel == hub.ChannelPull {
		value = "" // the common one
	}
	return d.changing(ctx, func() ([]hub.Agency, error) {
		s, now := d.current.Load(), d.now().UTC().Truncate(time.Millisecond)
		var changed []hub.Agency
		for i, id := range agencies {
			there, ok := s.agency(id)
			if !ok {
				return nil, hub.Errorf(hub.KindUnknownAgency, fmt.Sprintf("agencies[%d]", i), "unknown_agency", "no agency has the id %q", id)
			}
			if there.ChannelAt(now) == channel {
				continue
			}
			a := *there
			a.Channels = reviseOne(slices.Clone(a.Channels), value, revision{at: now, change: true})
			changed = append(changed, a)
		}
		return changed, nil
	})
}
