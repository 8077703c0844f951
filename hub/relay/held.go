package relay

import (
	"context"
	"strings"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Status tells how the membership goes.
func (s *Service) Status(ctx context.Context, actor hub.Actor) (hub.AxisStatus, error) {
	if err := actor.Oversees(); err != nil {
		return hub.AxisStatus{}, err
	}
	return s.Look(ctx)
}

// Look is Status for the hub itself.
func (s *Service) Look(ctx context.Context) (hub.AxisStatus, error) {
	st, err := s.Fault(ctx)
	if err != nil {
		return st, err
	}
	err = each(ctx, s.Notes, openNotes, func(_ string, f following) (bool, error) {
		if f.AxisID != "" {
			st.Relayed++
		}
		return st.Relayed < hub.MaxHeld, nil
	})
	return st, err
}

// Fault is Look without what merely goes on, which may be much: what wants somebody's
// attention.
func (s *Service) Fault(ctx context.Context) (hub.AxisStatus, error) {
	s.mu.Lock()
	st := hub.AxisStatus{Endpoint: s.Endpoint, System: s.System, Leads: s.leads.Load(), LastPoll: s.last, Waiting: s.waiting}
	if s.fault != nil {
		st.LastError = told(s.fault)
	}
	s.mu.Unlock()
	for _, prefix := range []string{heldNotes, onwardNotes, unsentNotes} {
		err := each(ctx, s.Notes, prefix, func(_ string, held hub.HeldPackage) (bool, error) {
			if held.Waits {
				st.Held++
			} else {
				st.Retrying++
			}
			return st.Held+st.Retrying < hub.MaxHeld, nil
		})
		if err != nil {
			return st, err
		}
	}
	return st, nil
}

// told is what the operator is told of an error; what is internal is in the log.
func told(err error) string {
	for _, v := range hub.ViolationsOf(err) {
		if v.Kind != hub.KindInternal {
			return v.Message
		}
	}
	return "the hub failed; the cause is in its log"
}

// Held lists packages that are not in the exchange: those from the axis by their ids
// there, then status messages that it did not take.
func (s *Service) Held(ctx context.Context, actor hub.Actor, page hub.Page) (hub.List[hub.HeldPackage], error) {
	var list hub.List[hub.HeldPackage]
	if err := actor.Oversees(); err != nil {
		return list, err
	}
	limit := min(max(page.Limit, 1), hub.MaxHeld)
	last := ""
	for _, prefix := range []string{heldNotes, onwardNotes, unsentNotes} {
		if page.After > prefix && !strings.HasPrefix(page.After, prefix) {
			continue // the page before ended behind these
		}
		err := each(ctx, s.Notes, prefix, func(id string, held hub.HeldPackage) (bool, error) {
			name := prefix + id
			if name <= page.After {
				return true, nil
			}
			if len(list.Items) == limit {
				list.Next = last
				return false, nil
			}
			list.Items, last = append(list.Items, held), name
			return true, nil
		})
		if err != nil || list.Next != "" {
			return list, err
		}
	}
	return list, nil
}

// find returns a held package with its note; KindNotFound when there is none.
func (s *Service) find(ctx context.Context, id string) (hub.HeldPackage, hub.RetentionNote, error) {
	for _, name := range []string{heldNotes + named(id), onwardNotes + named(id), unsentNotes + id} {
		var held hub.HeldPackage
		if n, found, err := s.load(ctx, name, &held); found || err != nil {
			return held, n, err
		}
	}
	return hub.HeldPackage{}, hub.RetentionNote{}, hub.Errorf(hub.KindNotFound, "package", "", "no package with this id is held")
}

// Open opens the bytes of a held package as they came.
func (s *Service) Open(ctx context.Context, actor hub.Actor, id string) (hub.Part, hub.Blob, error) {
	if err := actor.Require(hub.ScopeOperate); err != nil {
		return hub.Part{}, nil, err
	}
	held, _, err := s.find(ctx, id)
	switch {
	case err != nil:
		return hub.Part{}, nil, err
	case held.Package == nil:
		return hub.Part{}, nil, hub.Errorf(hub.KindNotFound, "package", "", "nothing of this package could be fetched yet")
	}
	content, err := s.Blobs.OpenBlob(ctx, held.Package.Digest)
	return *held.Package, content, err
}

// Retry has a held package tried again in the next round, after the operator has mended
// what was wrong.
func (s *Service) Retry(ctx context.Context, actor hub.Actor, id string) (hub.HeldPackage, error) {
	if err := actor.Require(hub.ScopeOperate); err != nil {
		return hub.HeldPackage{}, err
	}
	held, was, err := s.find(ctx, id)
	if err != nil {
		return held, err
	}
	if !held.Out && s.Leaving() {
		return held, hub.Errorf(hub.KindConflict, "package", "state", "its system leaves: the axis gives the package to that")
	}
	held.Waits, held.Attempts, held.Next = false, 0, s.now()
	next, err := note(was.Name, &held)
	if err != nil {
		return held, err
	}
	s.Log.InfoContext(ctx, "a held package is tried again", "axis_id", id, "by", actor.Name)
	return held, s.Notes.SwapNote(ctx, was, next)
}

// GiveUp ends the waiting of a package that waits for the operator, for good: the axis is
// told why it is not taken, and its bytes are kept; a status message that the axis does
// not take is no longer sent. KindConflict for one that the hub tries by itself.
func (s *Service) GiveUp(ctx context.Context, actor hub.Actor, id, reason string) error {
	if err := actor.Require(hub.ScopeOperate); err != nil {
		return err
	}
	if reason = strings.TrimSpace(reason); reason == "" || len(reason) > maxGiveUp {
		return hub.Invalid("reason", "required", "say in 1 to %d bytes why it is given up", maxGiveUp)
	}
	held, was, err := s.find(ctx, id)
	if err != nil {
		return err
	}
	if !held.Waits {
		return hub.Errorf(hub.KindConflict, "package", "state", "the hub tries this package again by itself at %s", held.Next.Format(time.RFC3339))
	}
	s.Log.WarnContext(ctx, "a held package is given up", "axis_id", id, "by", actor.Name, "reason", reason)
	if held.Out && held.Package != nil { // a stray; its content goes with it
		return s.Notes.SaveNotes(ctx, goneOnward(&held)...)
	}
	if held.Out {
		return s.giveUpUnsent(ctx, &held, was)
	}
	done := settled{Kind: held.Kind, Outcome: outcomeSentBack, Reason: reason, By: actor.Name, At: s.now()}
	end, err := note(settledNotes+named(id), &done)
	if err != nil {
		return err
	}
	// Whoever has it tried again at this moment wins. A crash before the end is noted has
	// the package fetched and held anew.
	if err := s.Notes.SwapNote(ctx, was, gone(was.Name)); err != nil {
		return err
	}
	if err := s.Notes.SaveNotes(ctx, end); err != nil {
		return err
	}
	s.Observed("in", string(held.Kind), outcomeSentBack)
	return s.Axis.SendBack(ctx, id, reason) // where it fails, the next round tells the axis
}

// maxGiveUp bounds a reason, in bytes.
const maxGiveUp = 500

func (s *Service) giveUpUnsent(ctx context.Context, held *hub.HeldPackage, was hub.RetentionNote) error {
	to, err := s.Directory.Resolve(held.To, s.now())
	if err != nil {
		return err
	}
	if err := s.Notices.TakeNotice(ctx, as(to.Agency.ID), held.ID); err != nil {
		return err
	}
	return s.Notes.SaveNotes(ctx, gone(was.Name))
}
