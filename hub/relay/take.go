package relay

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// take fetches what waits on the axis and is not here yet, and acknowledges again what
// is. What is held is left to retryHeld. One package that fails keeps no other waiting.
func (s *Service) take(ctx context.Context, kind hub.PackageKind, untold *atomic.Int64) error {
	if kind == hub.PackageDocument && !s.Leaving() {
		if err := s.Busy(); err != nil {
			return err
		}
	}
	rows, err := s.Axis.Waiting(ctx, kind)
	if err != nil {
		return err
	}
	var mu sync.Mutex
	var all []error
	var running sync.WaitGroup
	places := make(chan struct{}, s.Parallel)
	seen := map[string]bool{}
	var still atomic.Bool
	for _, row := range rows {
		if seen[row.ID] || ctx.Err() != nil {
			continue
		}
		seen[row.ID] = true
		if places <- struct{}{}; still.Load() {
			break
		}
		running.Go(func() {
			defer func() { <-places }()
			if err := s.takeOne(ctx, row, untold); err != nil {
				if stalled(err) {
					still.Store(true)
				}
				mu.Lock()
				defer mu.Unlock()
				all = append(all, err)
			}
		})
	}
	running.Wait()
	return errors.Join(all...)
}

// takeOne takes one package: its bytes and the note of it are durable before anything is
// made of it, and what is made of it before it is acknowledged.
func (s *Service) takeOne(ctx context.Context, row hub.AxisRow, untold *atomic.Int64) error {
	giveBack, err := s.turns.take(ctx, row.ID)
	if err != nil {
		return err
	}
	defer giveBack()
	id := named(row.ID)
	var done settled
	if _, found, err := s.load(ctx, settledNotes+id, &done); err != nil {
		return err
	} else if found {
		untold.Add(1) // until a list is without it, whatever the axis answers
		return s.acknowledge(ctx, row.ID, &done)
	}
	if s.Leaving() {
		return nil // whose it is takes it there
	}
	held := hub.HeldPackage{ID: row.ID, Kind: row.Kind, From: row.From, To: row.To, Since: s.now()}
	if _, found, err := s.load(ctx, heldNotes+id, &held); found || err != nil {
		return err
	}
	return s.consider(ctx, &held)
}

// consider fetches a held package where it is not here, and makes of it what it is. It
// goes on being held where that fails, which is an error only where the axis or the hub
// failed.
func (s *Service) consider(ctx context.Context, held *hub.HeldPackage) error {
	if held.Package == nil {
		if err := s.Busy(); err != nil {
			return err // before its bytes fill what is full
		}
		if err := s.fetch(ctx, held); err != nil {
			return errors.Join(err, s.hold(ctx, held, err))
		}
	}
	done, err := s.settle(ctx, held)
	if err != nil {
		if passed, why := s.stray(ctx, held, err); why != nil {
			return why
		} else if passed {
			done, err = settled{Outcome: outcomeStray, Reason: told(err)}, nil
		}
	}
	if err != nil {
		if moot, why := s.moot(ctx, held, err); why != nil {
			return why
		} else if moot {
			done, err = settled{Outcome: outcomeMoot, Reason: told(err)}, nil
		}
	}
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err() // the hub stops: it is tried again
		}
		s.Log.WarnContext(ctx, "a package from the axis is held", "axis_id", held.ID, "kind", held.Kind, "from", held.From, "error", err)
		return s.hold(ctx, held, err)
	}
	done.Kind, done.At = held.Kind, s.now()
	settledNote, err := note(settledNotes+named(held.ID), &done)
	if err != nil {
		return err
	}
	if err := s.Notes.SaveNotes(ctx, settledNote, gone(heldNotes+named(held.ID)), gone(keepHeld(held).Name)); err != nil {
		return err
	}
	s.Observed("in", string(held.Kind), done.Outcome)
	s.Log.InfoContext(ctx, "a package came from the axis", "axis_id", held.ID, "kind", held.Kind, "from", held.From,
		"outcome", done.Outcome, "dispatch", done.Dispatch)
	return s.acknowledge(ctx, held.ID, &done)
}

// acknowledge tells the axis what became of a package, as often as it asks.
func (s *Service) acknowledge(ctx context.Context, id string, done *settled) error {
	if done.Outcome == outcomeSentBack {
		return s.Axis.SendBack(ctx, id, done.Reason)
	}
	return s.Axis.Acknowledge(ctx, id)
}

// keepHeld is the note by which the bytes of a held package are kept.
func keepHeld(held *hub.HeldPackage) hub.RetentionNote {
	return hub.KeepNote(held.Package.Digest, held.Package.Size, "axis-"+named(held.ID))
}

// fetch makes the bytes of a package durable, with the note that names them.
func (s *Service) fetch(ctx context.Context, held *hub.HeldPackage) error {
	w, err := s.Blobs.CreateBlob(ctx)
	if err != nil {
		return err
	}
	defer w.Discard()
	if err := s.Axis.Fetch(ctx, held.ID, w); err != nil {
		return err
	}
	digest, size, err := w.Commit()
	if err != nil {
		return err
	}
	held.Package = &hub.Part{
		ID: string(hub.RoleEnvelope), Role: hub.RoleEnvelope, Name: held.ID + ".edxml", MediaType: "application/xml", Size: size, Digest: digest,
	}
	kept, err := note(heldNotes+named(held.ID), held)
	if err != nil {
		return err
	}
	return s.Notes.SaveNotes(ctx, kept, keepHeld(held))
}

// patience is how often a package is tried again whose error may pass by itself.
const patience = 10

// hold notes why a package is not in the exchange yet, and when it is tried again.
func (s *Service) hold(ctx context.Context, held *hub.HeldPackage, cause error) error {
	held.Attempts++
	held.Reason, held.Errors, held.Waits = "", nil, false
	for _, v := range hub.ViolationsOf(cause) {
		e := hub.HeldError{Kind: v.Kind, Field: v.Field, Rule: v.Rule, Message: v.Message}
		if v.Kind == hub.KindInternal {
			e.Message = "the hub failed; the cause is in its log"
		}
		if held.Errors = append(held.Errors, e); held.Reason == "" {
			held.Reason = e.Message
		}
		held.Waits = held.Waits || s.forOperator(held, v.Kind)
	}
	held.Next = time.Time{}
	if !held.Waits {
		held.Next = s.now().Add(s.pause(held.Attempts))
	}
	outcome := "retried"
	if held.Waits {
		outcome = "held"
	}
	s.Observed("in", string(held.Kind), outcome)
	kept, err := note(heldNotes+named(held.ID), held)
	if err != nil {
		return err
	}
	return s.Notes.SaveNotes(ctx, kept)
}

// forOperator reports whether trying again by itself cannot help. A status message may
// come before what it is about is recorded, so it is tried for a while.
func (s *Service) forOperator(held *hub.HeldPackage, kind hub.ErrorKind) bool {
	switch kind {
	case hub.KindInternal, hub.KindUnavailable, hub.KindBusy:
		return false
	case hub.KindNotFound, hub.KindConflict:
		return held.Attempts >= patience || held.Package != nil && held.Kind != hub.PackageStatus
	}
	return held.Attempts >= patience || held.Package != nil // what the axis answers to a fetch may change
}

// pause grows with the attempts.
func (s *Service) pause(attempts int) time.Duration {
	pause := s.RetryMin
	for n := 1; n < attempts && pause < s.RetryMax; n++ {
		pause *= 2
	}
	pause = min(pause, s.RetryMax)
	return (pause + s.Jitter(pause/4)).Truncate(time.Millisecond)
}

// retryHeld tries again what is due, whether the axis still lists it or not. Of a system
// that leaves it ends what may have been taken in the instant before the hub failed.
func (s *Service) retryHeld(ctx context.Context) error {
	var due []hub.HeldPackage
	now := s.now()
	err := each(ctx, s.Notes, heldNotes, func(_ string, held hub.HeldPackage) (bool, error) {
		if !held.Waits && !held.Next.After(now) && (!s.Leaving() || inDoubt(&held)) {
			due = append(due, held)
		}
		return len(due) < notePage, nil
	})
	all := []error{err}
	for i := range due {
		if ctx.Err() != nil {
			break
		}
		giveBack, err := s.turns.take(ctx, due[i].ID)
		if err != nil {
			return err
		}
		err = s.tryAgain(ctx, due[i].ID)
		giveBack()
		if all = append(all, err); stalled(err) {
			break
		}
	}
	return errors.Join(all...)
}

// inDoubt reports whether a held package may be in the exchange already: it is here, and the
// hub has still to say what became of it.
func inDoubt(held *hub.HeldPackage) bool { return held.Package != nil && !held.Waits }

// tryAgain considers a held package as it is now; the operator may have given it up.
func (s *Service) tryAgain(ctx context.Context, id string) error {
	var held hub.HeldPackage
	_, found, err := s.load(ctx, heldNotes+named(id), &held)
	if err != nil || !found || held.Waits {
		return err
	}
	return s.consider(ctx, &held)
}
