package relay

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// followUp asks the axis what became of what it took over, as long as one of those
// deliveries lies there: often at first and then less and less.
func (s *Service) followUp(ctx context.Context) error {
	type due struct {
		id string
		following
	}
	var list []due
	now := s.now()
	err := each(ctx, s.Notes, openNotes, func(id string, f following) (bool, error) {
		if !f.Next.After(now) {
			list = append(list, due{id, f})
		}
		return len(list) < notePage, nil
	})
	all := []error{err}
	for i := range list {
		if ctx.Err() != nil {
			break
		}
		err := s.follow(ctx, list[i].id, &list[i].following)
		if all = append(all, err); stalled(err) {
			break
		}
	}
	return errors.Join(all...)
}

// follow asks about one package. id is that of the dispatch, or with that of a delivery
// behind it.
func (s *Service) follow(ctx context.Context, id string, f *following) error {
	dispatch, only, _ := strings.Cut(id, "/")
	sent, err := s.Store.DispatchItem(ctx, hub.DispatchID(dispatch))
	if err != nil {
		return err
	}
	lying := map[string]*hub.Delivery{} // by code
	open := false
	for i := range sent.Deliveries {
		d := &sent.Deliveries[i]
		if only != "" && string(d.ID) != only || d.Channel != hub.ChannelAxis {
			continue
		}
		open = open || d.State == hub.StateQueued // taken over and not settled here yet
		if d.Relayed() {
			lying[string(d.AddressedAs)], open = d, true
		}
	}
	var record sending
	if _, _, err := s.load(ctx, sendingNotes+id, &record); err != nil {
		return err
	}
	if !open {
		ends := []hub.RetentionNote{gone(openNotes + id)}
		if record.Made {
			ends = append(ends, gone(record.keep(sendingNotes+id).Name))
		}
		return s.Notes.SaveNotes(ctx, ends...)
	}
	var failed error
	if f.AxisID = record.AxisID; len(lying) > 0 && f.AxisID != "" {
		outcomes, err := s.Axis.Outcomes(ctx, f.AxisID)
		failed = err
		for _, o := range outcomes {
			if d := lying[o.To]; d != nil {
				failed = errors.Join(failed, s.learn(ctx, &hub.Item{Dispatch: sent.Dispatch, Delivery: *d}, o))
			}
		}
	}
	f.Next = s.now().Add(min(max(s.now().Sub(f.At)/8, time.Second), s.RetryMax))
	next, err := note(openNotes+id, f)
	if err != nil {
		return err
	}
	return errors.Join(failed, s.Notes.SaveNotes(ctx, next))
}

// learn records what the axis says of one recipient.
func (s *Service) learn(ctx context.Context, item *hub.Item, o hub.AxisOutcome) error {
	actor := as(item.Delivery.Recipient)
	var err error
	switch o.State {
	case hub.AxisCollected:
		err = s.collected(ctx, actor, item)
	case hub.AxisRefused:
		reason := hub.Reason{Code: hub.ReasonOther, Detail: "the axis says: " + shown(o.Detail)}
		_, err = s.Recipient.Refuse(ctx, actor, item.Delivery.ID, 0, reason)
	case hub.AxisWithdrawn:
		if !item.Delivery.Request.Open() {
			return nil // its sender did not ask here: nothing is concluded
		}
		_, err = s.Recipient.WithdrawRelayed(ctx, actor, item.Delivery.ID)
	}
	if err != nil && hub.KindOf(err) == hub.KindConflict {
		return nil // it moved meanwhile; the next look sees how
	}
	return err
}

// maxDetail is how much of what the axis says goes into evidence, in characters.
const maxDetail = 500

// shown is a text of the axis without what has no place in evidence.
func shown(text string) string {
	clean := []rune(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\ufffd' {
			return -1
		}
		return r
	}, text))
	return string(clean[:min(len(clean), maxDetail)])
}
