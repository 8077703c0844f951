package alerts

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/lienthong/lienthong/hub"
)

// The bounds of what operators say.
const (
	maxReason = 500 // characters
	maxMute   = 365 // days
	maxMuted  = 500 // causes
	pastPage  = 50
)

// Board shows what is open and what is muted. It needs hub.ScopeOperate, as all here.
func (s *Service) Board(ctx context.Context, actor hub.Actor) (hub.AlertBoard, error) {
	board := hub.AlertBoard{Open: []hub.Alert{}, Muted: []hub.Alert{}, Recipients: len(s.Recipients)}
	if err := actor.Require(hub.ScopeOperate); err != nil {
		return board, err
	}
	st, _, err := s.read(ctx)
	if err != nil {
		return board, err
	}
	for i := range st.Alerts {
		a := &st.Alerts[i]
		if a.Opened.IsZero() || !a.Ended.IsZero() {
			continue
		}
		if m, muted := st.Muted[a.Cause()]; muted {
			a.Muted = m.Muted
			delete(st.Muted, a.Cause())
		}
		board.Open = append(board.Open, *a)
	}
	for cause := range st.Muted {
		board.Muted = append(board.Muted, st.Muted[cause])
	}
	byRank := func(a, b hub.Alert) int { return compare(&a, &b) }
	slices.SortFunc(board.Open, byRank)
	slices.SortFunc(board.Muted, byRank)
	for i := range st.Mails {
		board.Waiting += len(st.Mails[i].Letters)
	}
	board.Problem, board.Said, board.Tried = st.Problem, st.Said, st.Tried
	return board, nil
}

// Past lists alerts that have ended, the last first, for a year.
func (s *Service) Past(ctx context.Context, actor hub.Actor, page hub.Page) (hub.List[hub.Alert], error) {
	list := hub.List[hub.Alert]{Items: []hub.Alert{}}
	if err := actor.Require(hub.ScopeOperate); err != nil {
		return list, err
	}
	if page.Limit <= 0 {
		page.Limit = pastPage
	}
	after := ""
	if page.After != "" {
		after = pastNotes + page.After
	}
	notes, err := s.Notes.Notes(ctx, hub.NotesQuery{Prefix: pastNotes, After: after, Backwards: true, Limit: page.Limit + 1})
	if err != nil {
		return list, fmt.Errorf("reading past alerts: %w", err)
	}
	for i, n := range notes {
		if i == page.Limit {
			list.Next = strings.TrimPrefix(notes[i-1].Name, pastNotes)
			break
		}
		var a hub.Alert
		if err := json.Unmarshal(n.Body, &a); err != nil {
			return list, hub.Internal("decode "+n.Name, err)
		}
		list.Items = append(list.Items, a)
	}
	return list, nil
}

// Acknowledge records that an operator looks after an alert that is open. Mails about it
// are those that they would be. KindInvalid names the reason; KindNotFound: no such alert
// is open.
func (s *Service) Acknowledge(ctx context.Context, actor hub.Actor, id, reason string) error {
	said, err := s.said(actor, reason)
	if err != nil {
		return err
	}
	return s.change(ctx, func(st *state) error {
		a, err := st.open(id)
		if err != nil {
			return err
		}
		a.Seen = &said
		return nil
	})
}

// Mute has no mail written about the cause of an alert that is open, for some days, 1 to
// 365: neither that it ended nor that it came back. What is still there then is told.
func (s *Service) Mute(ctx context.Context, actor hub.Actor, id, reason string, days int) error {
	said, err := s.said(actor, reason)
	if err != nil {
		return err
	}
	if days < 1 || days > maxMute {
		return hub.Invalid("days", "mute_days", "a cause is muted for 1 to %d days", maxMute)
	}
	return s.change(ctx, func(st *state) error {
		a, err := st.open(id)
		if err != nil {
			return err
		}
		if len(st.Muted) >= maxMuted {
			return hub.Errorf(hub.KindTooLarge, "alert", "max_items", "at most %d causes are muted", maxMuted)
		}
		if st.Muted == nil {
			st.Muted = map[string]hub.Alert{}
		}
		muted := *a
		muted.Muted = &hub.AlertMute{AlertNote: said, Until: said.At.Add(time.Duration(days) * 24 * time.Hour)}
		st.Muted[a.Cause()] = muted
		return nil
	})
}

// Unmute has mails written again about the cause that was muted by the alert, or that of
// the alert. KindNotFound: it is not muted.
func (s *Service) Unmute(ctx context.Context, actor hub.Actor, id string) error {
	if err := actor.Require(hub.ScopeOperate); err != nil {
		return err
	}
	return s.change(ctx, func(st *state) error {
		cause := ""
		if a, err := st.open(id); err == nil {
			cause = a.Cause()
		}
		for c, m := range st.Muted {
			if c == cause || m.ID == id {
				delete(st.Muted, c)
				return nil
			}
		}
		return hub.Errorf(hub.KindNotFound, "alert", "muted", "the cause of this alert is not muted")
	})
}

// open finds an alert that counts and has not ended.
func (s *state) open(id string) (*hub.Alert, error) {
	for i := range s.Alerts {
		if a := &s.Alerts[i]; a.ID == id && !a.Opened.IsZero() && a.Ended.IsZero() {
			return a, nil
		}
	}
	return nil, hub.Errorf(hub.KindNotFound, "alert", "", "no alert of this id is open")
}

// said checks who says something and what.
func (s *Service) said(actor hub.Actor, reason string) (hub.AlertNote, error) {
	if err := actor.Require(hub.ScopeOperate); err != nil {
		return hub.AlertNote{}, err
	}
	reason = strings.TrimSpace(reason)
	switch {
	case reason == "":
		return hub.AlertNote{}, hub.Invalid("reason", "required", "say why, for the other operators")
	case !utf8.ValidString(reason) || strings.ContainsFunc(reason, unicode.IsControl):
		return hub.AlertNote{}, hub.Invalid("reason", "control_character", "reason contains control characters or is not UTF-8")
	case utf8.RuneCountInString(reason) > maxReason:
		return hub.AlertNote{}, hub.Invalid("reason", "max_length", "a reason has at most %d characters", maxReason)
	}
	return hub.AlertNote{By: actor.Name, At: s.Now().UTC(), Reason: reason}, nil
}
