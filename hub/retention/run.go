package retention

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// retryAfter is the pause after a run that failed.
const retryAfter = 10 * time.Minute

// Run does what is to be done until ctx ends. One node at a time should run it.
func (s *Service) Run(ctx context.Context) {
	var both sync.WaitGroup
	both.Go(func() { s.loop(ctx, "purge", s.Poll, s.Purge) })
	both.Go(func() { s.loop(ctx, "scrub", s.Poll, s.Scrub) })
	both.Wait()
}

// loop calls act again and again; what fails is tried again later.
func (s *Service) loop(ctx context.Context, what string, pause time.Duration, act func(context.Context) error) {
	for {
		rest := pause
		if err := act(ctx); err != nil && ctx.Err() == nil {
			s.Log.WarnContext(ctx, what+" will be tried again", "error", err, "after", retryAfter)
			rest = retryAfter
		}
		if s.Wait(ctx, rest) != nil || ctx.Err() != nil {
			return
		}
	}
}

// Purge makes the runs that operators asked for and, when its time has come, the
// scheduled one. The scheduled one removes the bytes that nothing names first: what it
// purges itself goes at the next, so that a backup which began before finds all content
// that its rows name.
func (s *Service) Purge(ctx context.Context) error {
	done, err := load[progress](ctx, s, progressNote)
	if err != nil {
		return err
	}
	asked, err := all[hub.RetentionRun](ctx, s, askPrefix)
	if err != nil {
		return err
	}
	for i := range asked {
		asked[i].Began = s.now()
		if done, err = s.purgeRun(ctx, asked[i], done); err != nil {
			return err
		}
	}
	now := s.now()
	if now.Sub(done.Ran) < s.Every {
		return nil
	}
	done.Ran = now
	_, err = s.purgeRun(ctx, hub.RetentionRun{ID: s.NewID(), Job: hub.JobPurge, Began: now}, done)
	return err
}

// purgeRun makes one run and records what it did, also when it fails on the way: what
// was purged is purged.
func (s *Service) purgeRun(ctx context.Context, run hub.RetentionRun, done progress) (progress, error) {
	run.ByClass = map[string]int{}
	scheduled := run.AskBy == ""
	var failure error
	if scheduled {
		failure = s.sweep(ctx, &run)
	}
	if failure == nil {
		done, failure = s.purge(ctx, &run, done)
	}
	run.Ended = s.now()
	if failure != nil {
		run.Error = reasonOf(failure)
	}
	record, err := note(runPrefix+run.ID, run)
	if err != nil {
		return done, err
	}
	notes := []hub.RetentionNote{record, {Name: askPrefix + run.ID}}
	if failure == nil {
		reached, err := note(progressNote, done)
		if err != nil {
			return done, err
		}
		notes = append(notes, reached)
	}
	s.Log.InfoContext(ctx, "retention", "purged", run.Purged, "held", run.Held, "swept", run.Swept, "bytes", run.SweptBytes, "error", run.Error)
	return done, errors.Join(failure, s.Notes.SaveNotes(context.WithoutCancel(ctx), notes...))
}

// reasonOf is what is told of a failure: no text of an unknown one.
func reasonOf(err error) string {
	for _, v := range hub.ViolationsOf(err) {
		if v.Kind != hub.KindInternal && v.Message != "" {
			return v.Message
		}
	}
	return "see the log of the node"
}

// Scrub goes on with the scrub under way, or begins one when its time has come, and
// returns when all content was read.
func (s *Service) Scrub(ctx context.Context) error {
	at, err := load[scrubbing](ctx, s, scrubNote)
	if err != nil {
		return err
	}
	switch now := s.now(); {
	case at.Run.ID != "" && at.Run.Ended.IsZero(): // under way
	case at.Run.ID != "" && now.Sub(at.Run.Began) < s.ScrubEvery:
		return nil
	default:
		at = scrubbing{Run: hub.RetentionRun{ID: s.NewID(), Job: hub.JobScrub, Began: now}}
	}
	return s.scrub(ctx, at)
}

// AskPurge asks for a purge soon, outside the schedule, and returns the id under which
// its run will be found when it is over. It needs ScopeOperate.
func (s *Service) AskPurge(ctx context.Context, actor hub.Actor) (string, error) {
	if err := actor.Require(hub.ScopeOperate); err != nil {
		return "", err
	}
	run := hub.RetentionRun{ID: s.NewID(), Job: hub.JobPurge, AskBy: actor.Name, Began: s.now()}
	s.Log.InfoContext(ctx, "a purge was asked for", "run", run.ID, "actor", actor.Name)
	return run.ID, s.save(ctx, askPrefix+run.ID, run)
}

// Runs lists runs that are over, newest first, to an operator or an auditor.
func (s *Service) Runs(ctx context.Context, actor hub.Actor, page hub.Page) (hub.List[hub.RetentionRun], error) {
	if err := actor.Oversees(); err != nil {
		return hub.List[hub.RetentionRun]{}, err
	}
	return list[hub.RetentionRun](ctx, s, hub.NotesQuery{Prefix: runPrefix, Backwards: true}, page)
}

// RunOf returns one run that is over to an operator or an auditor; KindNotFound before.
func (s *Service) RunOf(ctx context.Context, actor hub.Actor, id string) (hub.RetentionRun, error) {
	if err := actor.Oversees(); err != nil {
		return hub.RetentionRun{}, err
	}
	run, err := load[hub.RetentionRun](ctx, s, runPrefix+id)
	if err == nil && run.ID == "" {
		err = hub.Errorf(hub.KindNotFound, "run", "", "no run with this id is over")
	}
	return run, err
}
