package alerts

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// sayEvery is how often a node says what it found although that is the same.
const sayEvery = 30 * time.Second

// alone is what a node remembers by itself, because the store may be away.
type alone struct {
	said  time.Time     // when it said last what it found
	found []hub.Finding // what that was
	since time.Time     // since when the store is away; zero while it is there
	alert *hub.Alert    // what was told meanwhile
	mail  outgoing      // and how
}

// Watch says what this node finds until ctx ends: on every node.
func (s *Service) Watch(ctx context.Context) {
	s.every(ctx, func(ctx context.Context) {
		found, err := s.Own(ctx)
		if err != nil {
			if ctx.Err() == nil {
				s.Log.WarnContext(ctx, "looking at this node will be tried again", "error", err)
			}
			return
		}
		if err = s.say(ctx, found); err == nil {
			err = s.back(ctx)
		}
		if err != nil && ctx.Err() == nil {
			s.Log.WarnContext(ctx, "saying what this node found will be tried again", "error", err)
			s.away(ctx)
		}
	})
}

// say leaves what this node found in the store, when it is new or was said some time ago.
func (s *Service) say(ctx context.Context, found []hub.Finding) error {
	now := s.Now().UTC()
	if s.alone.since.IsZero() && sameFound(found, s.alone.found) && now.Sub(s.alone.said) < sayEvery {
		return nil
	}
	body, err := json.Marshal(sighting{s.Node, now, found})
	if err != nil {
		return hub.Internal("encode what was found", err)
	}
	if err := s.Notes.SaveNotes(ctx, hub.RetentionNote{Name: s.seenName(), Body: body}); err != nil {
		return fmt.Errorf("saying what was found: %w", err)
	}
	s.alone.said, s.alone.found = now, found
	return nil
}

// away tells by itself that the store is away, when it has been for some time.
func (s *Service) away(ctx context.Context) {
	a, now := &s.alone, s.Now().UTC()
	if a.since.IsZero() {
		a.since = now
	}
	if len(s.Recipients) == 0 || now.Sub(a.since) < min(urgentAfter, s.Settle) {
		return
	}
	if a.alert == nil {
		a.alert = &hub.Alert{
			ID: s.NewID(), Finding: hub.Finding{Kind: hub.AlertPart, About: "database", Node: s.Node, Urgent: true, Detail: "this node cannot reach the store of its state", Said: hub.Say("store_unreached")},
			First: a.since, Last: now, Opened: now,
		}
		a.mail = compose(now, []*hub.Alert{a.alert}, &s.Options)
	}
	a.alert.Last = now
	var left []letter
	for _, l := range a.mail.Letters {
		if now.Before(l.Next) {
			left = append(left, l)
			continue
		}
		err := s.tell(ctx, a.mail.AlertMail, l.To)
		if err != nil {
			s.Log.WarnContext(ctx, "an operator could not be told that the store is away", "error", err)
		}
		if !l.answered(now, a.mail.At, err) {
			left = append(left, l)
		}
	}
	a.mail.Letters = left
}

// back puts what this node told by itself into the state: it is told no second time, and
// its end is told as that of any other. Letters that were not sent are left to the mails.
func (s *Service) back(ctx context.Context) error {
	a := &s.alone
	if a.alert == nil {
		a.since = time.Time{}
		return nil
	}
	err := s.change(ctx, func(st *state) error {
		cause := a.alert.Cause()
		if i := slices.IndexFunc(st.Alerts, func(o hub.Alert) bool { return o.Ended.IsZero() && o.Cause() == cause }); i >= 0 {
			st.Alerts = slices.Delete(st.Alerts, i, i+1)
		}
		st.Alerts = append(st.Alerts, *a.alert)
		if len(a.mail.Letters) > 0 {
			st.Mails = append(st.Mails, a.mail)
		}
		return nil
	})
	if err == nil {
		a.since, a.alert, a.mail = time.Time{}, nil, outgoing{}
	}
	return err
}
