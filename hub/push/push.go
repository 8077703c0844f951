// Package push tells agencies that chose so of what happens to their documents: their
// webhooks and mail addresses, the subscriptions.
//
// A subscription only rings. What it tells of waits in the box of the agency, or stands
// in its lists, whether the ringing is heard or not: no delivery fails because a web
// server is down, and a hand-over still takes the acknowledgement of the recipient with
// the digests that it got.
//
// The outbox is fed from the log: what is in the log was committed, has its place and
// can't be skipped. A push is recorded, together with how far the log was read, before
// anybody is told, and is settled after the answer; a crash between the two repeats it
// with the same id. Where a repetition can't be recognised (mail), it is marked before it
// goes out, and then not sent twice, whatever happens.
//
// Each subscription is told in the order of the log, one thing at a time, by one node, and
// waits for no other. One that fails is left alone with growing pauses, then paused, with
// the reason, a note in the log of the hub and a line for the operator. What was refused
// for good is set aside; a replay tells it again. A delivery that waits and of which its
// recipient is not told for one of these causes has that on record, as evidence. Nothing of
// a subscription slows the exchange of documents: it reads what the exchange has finished.
package push

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Options are what a Service needs. Times without a value take the default named beside.
type Options struct {
	Subscriptions SubscriptionStore
	Feed          Feed
	Outbox        Outbox
	Items         Items
	Noted         Noted
	Steps         Steps
	Notary        Notary
	Contents      Contents
	Directory     Directory
	Vault         Vault
	Notes         Notes
	Ways          map[hub.SubscriptionKind]Way
	Now           func() time.Time
	NewID         func() string
	Random        func([]byte) error // cryptographically secure
	Log           *slog.Logger       // default: silent
	// Jitter returns a random part of a pause, from 0 to d; default uniform.
	Jitter func(d time.Duration) time.Duration

	Every      time.Duration // how often the log is looked at; default 500 ms
	First, Max time.Duration // pauses after failures in a row; default 10 s doubled up to 1 h
	PauseAfter time.Duration // of failures without a success; default 72 h
	Refusals   int           // after which a message is set aside; default 4
	Keep       time.Duration // how long pushes are kept for a replay; default 720 h
	CallLimit  time.Duration // one call; default 30 s
	Workers    int           // subscriptions told at once; default 256
	PerAgency  int           // subscriptions of one agency; default 20
}

// Way is how subscriptions of a kind are told.
type Way struct {
	Teller Teller
	// Batch is how many pushes one call may tell.
	Batch int
	// Gather is how long a push waits for others, unless the subscription says another
	// time.
	Gather time.Duration
	// Once says that a repetition can't be recognised by its receiver.
	Once bool
	// Signed says that calls are signed with a secret of the subscription.
	Signed bool
	// Hops are those that the Teller tells a connection test of, in their order, and last
	// the answer; nil for the answer alone.
	Hops func(target string) []hub.TestHop
}

// Service keeps subscriptions and tells them. It is safe for concurrent use.
type Service struct{ Options }

// New returns a Service with defaults filled in.
func New(o Options) *Service {
	setDefault(&o.Every, 500*time.Millisecond)
	setDefault(&o.First, 10*time.Second)
	setDefault(&o.Max, time.Hour)
	setDefault(&o.PauseAfter, 72*time.Hour)
	setDefault(&o.Refusals, 4)
	setDefault(&o.Keep, 720*time.Hour)
	setDefault(&o.CallLimit, 30*time.Second)
	setDefault(&o.Workers, 256)
	setDefault(&o.PerAgency, 20)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Jitter == nil {
		o.Jitter = func(d time.Duration) time.Duration { return rand.N(d + 1) }
	}
	return &Service{o}
}

func setDefault[T comparable](value *T, standard T) {
	var zero T
	if *value == zero {
		*value = standard
	}
}

func (s *Service) now() time.Time { return s.Now().UTC().Truncate(time.Millisecond) }

// pause is how long a subscription is left alone after failures in a row.
func (s *Service) pause(failures int) time.Duration {
	pause := s.First
	for n := 1; n < failures && pause < s.Max; n++ {
		pause *= 2
	}
	pause = min(pause, s.Max)
	return (pause + s.Jitter(pause/4)).Truncate(time.Millisecond)
}

// gather is how long a push of a subscription waits for others.
func (s *Service) gather(sub *hub.Subscription) time.Duration {
	if sub.Gather > 0 {
		return time.Duration(sub.Gather) * time.Second
	}
	return s.Ways[sub.Kind].Gather
}

// change saves what alter makes of a subscription, whatever else changes it meanwhile.
func (s *Service) change(ctx context.Context, id string, alter func(*hub.Subscription) error) (hub.Subscription, error) {
	for tries := 0; ; tries++ {
		sub, err := s.Subscriptions.Subscription(ctx, id)
		if err == nil {
			err = alter(&sub)
		}
		if err != nil {
			return sub, err
		}
		sub.Version++
		err = s.Subscriptions.SaveSubscription(ctx, sub)
		if hub.KindOf(err) != hub.KindConflict || tries == maxTries {
			return sub, err
		}
	}
}

// maxTries bounds how often a change begins anew.
const maxTries = 5
