package app

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"

	"github.com/lienthong/lienthong/hub/directory"
)

// How often the jobs run.
const (
	refreshEvery = 5 * time.Second
	houseEvery   = 5 * time.Second
	workEvery    = time.Second // of what somebody waits for
	remindEvery  = 10 * time.Second
	dayEvery     = 12 * time.Hour  // a job of every day, with one try to spare
	lastWords    = 2 * time.Second // for what a node writes when it ends
)

// every calls act at a steady pace until ctx ends and logs its errors.
func (a *App) every(ctx context.Context, pace time.Duration, what string, act func(context.Context) error) {
	tick := time.NewTicker(pace)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := act(ctx); err != nil && ctx.Err() == nil {
			a.log.Warn(what+" will be tried again", "error", err)
		}
	}
}

// refresh keeps up with what other nodes change in the directory, in the rules for
// signatures in the calendar, in the terms of the law and for routing, with whom the operator trusts, and with the list of evidence keys. Every node does it.
func (a *App) refresh(ctx context.Context) error {
	var uses sync.WaitGroup
	defer uses.Wait()
	uses.Go(func() {
		a.every(ctx, directory.UseMemory, "recording the use of keys", a.services.keys.RecordUses)
		ending, stop := context.WithTimeout(context.WithoutCancel(ctx), lastWords)
		defer stop()
		if err := a.services.keys.RecordUses(ending); err != nil {
			a.log.Warn("the last use of some keys is lost", "error", err)
		}
	})
	a.every(ctx, refreshEvery, "reading directory, trust and keys again", func(ctx context.Context) error {
		return errors.Join(a.services.directory.Refresh(ctx), a.services.rules.Refresh(ctx), a.services.routing.Refresh(ctx), a.services.calendar.Refresh(ctx), a.services.law.Refresh(ctx), a.refreshTrust(ctx), a.refreshKeys(ctx), a.services.passages.Refresh(ctx))
	})
	return nil
}

// schedule is what one node at a time does: sweeping, expiry, house-keeping, retention,
// judging again what could not be decided, forwarding by rules, following recommendations,
// telling operators what they must know, having the post carry things. Its context ends when the node may no longer be the one.
func (a *App) schedule(ctx context.Context, epoch int64) error {
	a.log.Info("this node holds the schedule", "epoch", epoch)
	defer a.log.Info("this node has given the schedule away", "epoch", epoch)
	jobs, stop := context.WithCancel(ctx)
	defer stop()
	var house sync.WaitGroup
	house.Go(func() {
		a.every(jobs, houseEvery, "removing expired uploads", func(ctx context.Context) error {
			_, err := a.services.intake.SweepUploads(ctx)
			return err
		})
	})
	house.Go(func() {
		a.every(jobs, dayEvery, "preparing the coming months", func(ctx context.Context) error {
			return a.store.Maintain(ctx, a.now())
		})
	})
	house.Go(func() {
		a.every(jobs, houseEvery, "judging signatures again", a.newRechecker(settleAfter).Run)
	})
	house.Go(func() {
		a.every(jobs, cmp.Or(a.config.RemindEvery, remindEvery), "reminding of deadlines", func(ctx context.Context) error {
			_, err := a.services.tasks.Remind(ctx)
			return err
		})
	})
	house.Go(func() { a.every(jobs, houseEvery, "counting dossiers anew", a.services.dossiers.Recount) })
	house.Go(func() {
		a.every(jobs, houseEvery, "following recommendations", a.services.inspected.Follow)
	})
	house.Go(func() {
		a.every(jobs, cmp.Or(a.config.RemindEvery, remindEvery), "reminding of dossiers", func(ctx context.Context) error {
			_, err := a.services.dossiers.Remind(ctx)
			return err
		})
	})
	house.Go(func() {
		a.every(jobs, houseEvery, "putting packages into their dossiers", a.services.dossiers.TakePackages)
	})
	house.Go(func() { a.every(jobs, workEvery, "evaluating", a.services.evaluated.Work) })
	house.Go(func() { a.newRetention().Run(jobs) })
	house.Go(func() { a.newForwarder().Run(jobs) })
	house.Go(func() { a.services.alerts.Lead(jobs) })
	house.Go(func() { a.carryPost(jobs) })
	err := a.services.delivery.RunSweeper(jobs)
	stop()
	house.Wait()
	return err
}

// count is what one node at a time does: it counts what the log has got.
func (a *App) count(ctx context.Context, _ int64) error { return a.services.figures.Run(ctx) }

// sweepGrace leaves fresh deliveries to the broker for a moment, where there is one.
func (a *App) sweepGrace() time.Duration {
	if a.config.Broker == "" {
		return 0
	}
	return 5 * time.Second
}
