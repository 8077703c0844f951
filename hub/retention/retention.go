// Package retention ends the time of content: it decides by classes how long content is
// kept after the last delivery of its dispatch has ended, purges what is over, removes
// the bytes that nothing names any more, and reads all content again and again so that
// damage is found while a copy may still exist.
//
// Without classes nothing is purged. Of several classes that fit, the one with the
// highest priority decides, then the most specific one, then the longest time; where
// none fits, content is kept for ever.
//
// It promises that content of a dispatch with an open delivery, or under a legal hold,
// is never purged; that a purge and its evidence (ContentPurge, behind the
// SubmissionAcceptance) are recorded together or not at all; that receipts, reports and
// the log outlive the content; and that a content which any other dispatch, status
// report or upload names stays. The bytes go later than the reference, at the next
// scheduled run, and never when they were stored again within the grace: whoever
// submits something stores its content first.
//
// Classes of dossiers end the time of what one-stop dossiers hold of persons, counted from
// the end of each: what happened stays.
//
// Run is for one node at a time. Should two run, they disturb each other and break no
// promise.
package retention

import (
	"cmp"
	"context"
	"log/slog"
	"time"
)

// Options configure a Service. Zero values take the defaults named beside them.
type Options struct {
	Store      Store
	Notes      Notes
	Dispatches Dispatches
	Blobs      Blobs
	Desks      Desks
	Notary     Notary
	Now        func() time.Time
	NewID      func() string
	Log        *slog.Logger // default: silent
	// Wait lets time pass; it returns the error of ctx when that ends first. Default:
	// a timer.
	Wait func(ctx context.Context, d time.Duration) error

	Every      time.Duration // pause between the beginnings of scheduled runs; default 24 h
	Poll       time.Duration // pause between two looks for something to do; default 5 s
	Batch      int           // dispatches of one transaction; default 500
	Grace      time.Duration // age of content that nothing names before it goes; default 24 h
	Staged     time.Duration // age of unfinished content before it goes, above the life of uploads; default 48 h
	ScrubRate  int64         // bytes read in a second; default 20 MB
	ScrubEvery time.Duration // pause between the beginnings of two scrubs; default 7 days
	Forecast   int           // dispatches that a forecast examines at most; default 1,000,000
}

// Service keeps content for as long as it must be kept. It is safe for concurrent use.
type Service struct{ Options }

// New returns a Service with defaults filled in.
func New(o Options) *Service {
	o.Every = cmp.Or(o.Every, 24*time.Hour)
	o.Poll = cmp.Or(o.Poll, 2*time.Second)
	o.Batch = cmp.Or(o.Batch, 500)
	o.Grace = cmp.Or(o.Grace, 24*time.Hour)
	o.Staged = cmp.Or(o.Staged, 48*time.Hour)
	o.ScrubRate = cmp.Or(o.ScrubRate, 20_000_000)
	o.ScrubEvery = cmp.Or(o.ScrubEvery, 7*24*time.Hour)
	o.Forecast = cmp.Or(o.Forecast, 1_000_000)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Wait == nil {
		o.Wait = wait
	}
	return &Service{o}
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// now is the time of records and evidences: UTC, milliseconds.
func (s *Service) now() time.Time { return s.Now().UTC().Truncate(time.Millisecond) }
