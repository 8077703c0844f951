// Package relay makes the hub a member of another axis for all its agencies: it hands
// over there what is for agencies behind it, takes what waits there for its own, and
// carries the status messages of both sides.
//
// It promises that nothing is acknowledged to the axis before it is durable here; that
// what cannot be taken is held, with its bytes and its reason, until it can be or the
// operator decides, and is not acknowledged meanwhile; that a package which comes twice,
// under one id of the axis or two, has the effect of one; that a dispatch goes to the axis
// in one call for all its recipients there; and that evidence says no more than what the
// axis said. A dispatch between agencies of this hub never goes there.
//
// A crash between a call and its record repeats the call with the same bytes. Which
// agencies live behind the axis is what the directory says: their channel is
// hub.ChannelAxis. The caller runs Poll on one node at a time; Carry runs on every node.
package relay

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Options configure a Service. All but the values with a default are required.
type Options struct {
	Axis      Axis
	Register  Register
	Codec     Codec
	Blobs     Blobs
	Store     Store
	Notes     Notes
	Intake    Intake
	Recipient Recipient
	Notices   Notices
	Directory Directory
	Now       func() time.Time
	Log       *slog.Logger // default: silent
	Jitter    func(time.Duration) time.Duration
	// Busy tells why nothing new is to be fetched for now; nil: fetch.
	Busy func() error
	// Observed is told of each package that the axis and the hub exchanged; nil: nobody.
	Observed func(direction, kind, outcome string)

	Endpoint string // of the axis, for the operator
	System   string // as which this hub is a member
	NoWishes bool   // do not ask the axis to register agencies
	// Served reports which agencies are those of the system, of all that are reached here;
	// nil: all.
	Served func(hub.AgencyID) bool
	// Here reports which agencies are reached here whatever their channel is; nil: none.
	Here func(hub.AgencyID) bool
	// Trusting has the service take a package of an agency that passes through, and which
	// this hub did not send: the agency was at the axis before.
	Trusting bool
	// Noted keeps what is done with a stray, durably; nil: nobody.
	Noted func(ctx context.Context, st *hub.Stray) error
	// Readers lists agencies behind the axis for whom this service may have status messages,
	// so that it need not look through those of all; nil: it looks.
	Readers func(ctx context.Context) ([]hub.AgencyID, error)
	// Leaving reports whether nothing new is taken from the axis; nil: never.
	Leaving func() bool

	Parallel  int           // packages that are fetched at once; default 4
	ClaimFor  time.Duration // one handing over whose context has no end; default 1 h
	RetryMin  time.Duration // pause before the next try of a held package; default 15 s
	RetryMax  time.Duration // default 1 h
	LookEvery time.Duration // at the register of the axis; default 12 h
}

// Service is the membership. It is safe for concurrent use.
type Service struct {
	Options
	turns   turns
	leads   atomic.Bool
	mu      sync.Mutex
	last    time.Time // the axis answered
	fault   error     // since then
	waiting int       // statuses that the axis did not take in the last round
	untold  int       // packages that are settled here and stood on the list in the last round
	counted bool      // what is left of waiting and untold is all, as of the last round
	looked  time.Time // at the register
}

// New returns a Service with defaults filled in.
func New(o Options) *Service { return &Service{Options: o.withDefaults()} }

func (o Options) withDefaults() Options {
	setDefault(&o.Parallel, 4)
	setDefault(&o.ClaimFor, time.Hour)
	setDefault(&o.RetryMin, 15*time.Second)
	setDefault(&o.RetryMax, time.Hour)
	setDefault(&o.LookEvery, 12*time.Hour)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Jitter == nil {
		o.Jitter = func(time.Duration) time.Duration { return 0 }
	}
	if o.Busy == nil {
		o.Busy = func() error { return nil }
	}
	if o.Served == nil {
		o.Served = func(hub.AgencyID) bool { return true }
	}
	if o.Here == nil {
		o.Here = func(hub.AgencyID) bool { return false }
	}
	if o.Noted == nil {
		o.Noted = func(context.Context, *hub.Stray) error { return nil }
	}
	if o.Leaving == nil {
		o.Leaving = func() bool { return false }
	}
	if o.Observed == nil {
		o.Observed = func(string, string, string) {}
	}
	return o
}

func setDefault[T comparable](value *T, standard T) {
	var zero T
	if *value == zero {
		*value = standard
	}
}

// now is UTC in milliseconds.
func (s *Service) now() time.Time { return s.Now().UTC().Truncate(time.Millisecond) }

// as is the actor for what the axis says in the name of one agency, and no other.
func as(agency hub.AgencyID) hub.Actor {
	return hub.Actor{
		Name: "axis", Kind: hub.ActorSystem, Agencies: []hub.AgencyID{agency}, Auth: hub.AuthAxis,
		Scopes: []hub.Scope{hub.ScopeSubmit, hub.ScopeCollect, hub.ScopeRead},
	}
}

// behind reports whether an agency is reached over the axis.
func (s *Service) behind(a *hub.Agency) bool {
	return a.ChannelAt(s.now()) == hub.ChannelAxis && !s.Here(a.ID)
}

// ours reports whether an agency is one for which this service speaks to the axis.
func (s *Service) ours(a *hub.Agency) bool { return !s.behind(a) && s.Served(a.ID) }

// Lead polls at a steady pace until ctx ends. One node at a time does it.
func (s *Service) Lead(ctx context.Context, every time.Duration) error {
	s.leads.Store(true)
	defer s.leads.Store(false)
	for {
		if err := s.Poll(ctx); err != nil && ctx.Err() == nil {
			s.Log.WarnContext(ctx, "the axis will be asked again", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(every + s.Jitter(every/10)):
		}
	}
}

// Poll is one round: documents, status messages, what is held, what is to be said to the
// axis, what it knows of what it took over, and now and then its register. Each is done
// whatever became of the others.
func (s *Service) Poll(ctx context.Context) error {
	var untold atomic.Int64
	documents := s.take(ctx, hub.PackageDocument, &untold)
	statuses := s.take(ctx, hub.PackageStatus, &untold)
	owed := errors.Join(documents, statuses, s.retryHeld(ctx), s.tell(ctx), s.tellStrays(ctx))
	err := errors.Join(owed, s.followUp(ctx), s.keepRegister(ctx))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.untold, s.counted = int(untold.Load()), owed == nil
	if s.fault = err; documents == nil || statuses == nil {
		s.last = s.now()
	}
	return err
}

// stalled reports whether the axis stood still in a call. Then nothing more of the same is
// asked in this round, which would last as long as its patience many times over; the one
// that was asked waits, so that the next round begins with another.
func stalled(err error) bool { return err != nil && hub.ViolationsOf(err)[0].Rule == RuleStalled }

// RuleStalled is broken by an axis that stands still in a call.
const RuleStalled = "stalled"

// RuleAnswer is broken by an axis that answers, and not what was asked for.
const RuleAnswer = "axis"

// turns lets one act at a time work on each thing in this process. The zero value is
// ready.
type turns struct {
	mu   sync.Mutex
	held map[string]chan struct{} // closed when given back
}

// take waits for the turn on id. The error is ctx's.
func (t *turns) take(ctx context.Context, id string) (giveBack func(), err error) {
	for {
		t.mu.Lock()
		if t.held == nil {
			t.held = map[string]chan struct{}{}
		}
		other, taken := t.held[id]
		if !taken {
			mine := make(chan struct{})
			t.held[id] = mine
			t.mu.Unlock()
			return func() {
				t.mu.Lock()
				defer t.mu.Unlock()
				delete(t.held, id)
				close(mine)
			}, nil
		}
		t.mu.Unlock()
		select {
		case <-other:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
