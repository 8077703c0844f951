// Package connection tests how an agency is connected: it walks each way that leads to
// the agency and its systems, hop by hop, and tells the time and the error of each.
//
// A test leaves nothing behind. Its document goes through the checks of a submission, the
// store and the codec, and is never accepted: there is no dispatch, no evidence and no
// number of it, so nothing can count it (decision 32). What it tells others says that it
// is a test: the event of a webhook, the mail, the message in a queue.
//
// Tests are bounded: one of an agency at a time, with a pause behind it, few of all at
// once, and each ends in time whoever does not answer. The bounds hold over all nodes of
// a hub, which share the store of turns; that of a node that died in a test ends by itself.
package connection

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Directory finds agencies.
type Directory interface {
	ByID(id hub.AgencyID) (*hub.Agency, bool)
}

// Turns lets tests in, for all nodes of a hub.
type Turns interface {
	// TakeTestTurn records a turn and returns nothing, unless the agency has one that is
	// not over at that time: then it returns that one. It returns full while so many
	// tests run.
	TakeTestTurn(ctx context.Context, turn hub.TestTurn, now time.Time, atOnce int) (standing *hub.TestTurn, full bool, err error)
	// EndTestTurn sets when a turn that was taken is over, unless it is another's by now.
	EndTestTurn(ctx context.Context, taken, ended hub.TestTurn) error
}

// Way finds what leads to an agency in one way.
type Way interface {
	// Routes lists what is to be walked; none where the agency does not use the way.
	Routes(ctx context.Context, agency *hub.Agency) ([]Route, error)
}

// Route is one thing to walk. Walk returns when ctx ends at the latest.
type Route struct {
	Way    hub.ConnectionWay
	Target string // which of several; empty where there is one
	Walk   func(ctx context.Context, hops *hub.Hops)
}

// Options are what a Service needs. Times and numbers without a value take the default
// named beside.
type Options struct {
	Directory Directory
	Turns     Turns
	Ways      []Way
	Now       func() time.Time
	Log       *slog.Logger

	Limit   time.Duration // of a test; default 25 s
	Pause   time.Duration // between two tests of an agency; default 15 s
	AtOnce  int           // tests of different agencies; default 4
	Abreast int           // routes of a test; default 8
}

// Service tests connections. It is safe for concurrent use.
type Service struct{ Options }

// New returns a Service with defaults filled in.
func New(o Options) *Service {
	if o.Limit == 0 {
		o.Limit = 25 * time.Second
	}
	if o.Pause == 0 {
		o.Pause = 15 * time.Second
	}
	if o.AtOnce == 0 {
		o.AtOnce = 4
	}
	if o.Abreast == 0 {
		o.Abreast = 8
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Service{o}
}

// may decides who tests the connection of an agency: its own systems and people who send,
// collect or keep its accounts, and the operator.
func may(actor hub.Actor, agency hub.AgencyID) error {
	if actor.Has(hub.ScopeOperate) {
		return nil
	}
	for _, scope := range []hub.Scope{hub.ScopeCollect, hub.ScopeSubmit} {
		if actor.SpeaksFor(agency, scope) == nil {
			return nil
		}
	}
	return actor.SpeaksFor(agency, hub.ScopeAccounts)
}

// Test walks all ways of an agency. Errors are about the test itself: KindDenied,
// KindUnknownAgency, KindBusy with RetryAfter; what a hop finds is in the result.
func (s *Service) Test(ctx context.Context, actor hub.Actor, id hub.AgencyID) (hub.ConnectionTest, error) {
	if err := may(actor, id); err != nil {
		return hub.ConnectionTest{}, err
	}
	agency, ok := s.Directory.ByID(id)
	if !ok {
		return hub.ConnectionTest{}, hub.Errorf(hub.KindUnknownAgency, "agency", "unknown_agency", "no agency has the id %q", id)
	}
	turn, err := s.enter(ctx, id)
	if err != nil {
		return hub.ConnectionTest{}, err
	}
	defer s.leave(ctx, turn)
	limited, cancel := context.WithTimeout(ctx, s.Limit)
	defer cancel()
	begun := s.Now()
	var routes []Route
	for _, way := range s.Ways {
		found, err := way.Routes(limited, agency)
		if err != nil {
			return hub.ConnectionTest{}, fmt.Errorf("looking up how agency %s is connected: %w", id, err)
		}
		routes = append(routes, found...)
	}
	test := hub.ConnectionTest{
		Agency: id, Code: agency.CodeAt(begun), Begun: begun.UTC().Truncate(time.Millisecond), Ways: s.walk(limited, routes),
	}
	test.Passed = !slices.ContainsFunc(test.Ways, func(w hub.TestedWay) bool { return !w.Passed })
	test.TookMS = hub.Milliseconds(s.Now().Sub(begun))
	s.Log.Info("connection tested", "agency", id, "actor", actor.Name, "passed", test.Passed, "ways", len(test.Ways), "took", test.TookMS)
	return test, ctx.Err()
}

// walk walks routes side by side, so that one that stands still leaves the others time.
func (s *Service) walk(ctx context.Context, routes []Route) []hub.TestedWay {
	ways := make([]hub.TestedWay, len(routes))
	places := make(chan struct{}, s.Abreast)
	var walking sync.WaitGroup
	for i, route := range routes {
		places <- struct{}{}
		walking.Go(func() {
			defer func() { <-places }()
			hops := hub.NewHops(s.Now, func(hop hub.TestHop, err error) {
				s.Log.Warn("a connection test failed", "way", route.Way, "target", route.Target, "hop", hop, "error", err)
			})
			route.Walk(ctx, hops)
			ways[i] = hops.Way(route.Way, route.Target)
		})
	}
	walking.Wait()
	return ways
}

// enter lets one test of an agency in, when the pause behind its last one is over. Times
// are those of the store, which keeps microseconds.
func (s *Service) enter(ctx context.Context, id hub.AgencyID) (hub.TestTurn, error) {
	now := s.Now()
	turn := hub.TestTurn{Agency: id, Ends: now.Add(s.Limit).Truncate(time.Microsecond), Free: now.Add(s.Limit + s.Pause)}
	standing, full, err := s.Turns.TakeTestTurn(ctx, turn, now, s.AtOnce)
	switch {
	case err != nil:
		return turn, err
	case standing != nil:
		return turn, busy("tested", "the connection of this agency is being tested, or was a moment ago", standing.Free.Sub(now))
	case full:
		return turn, busy("tests", "the hub is testing as many connections as it does at once", time.Second)
	}
	return turn, nil
}

// leaveFor bounds what is waited for a store that is away; the turn ends by itself then.
const leaveFor = 5 * time.Second

// leave ends a turn, also of a caller who has gone.
func (s *Service) leave(ctx context.Context, turn hub.TestTurn) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveFor)
	defer cancel()
	now := s.Now()
	if err := s.Turns.EndTestTurn(ctx, turn, hub.TestTurn{Agency: turn.Agency, Ends: now, Free: now.Add(s.Pause)}); err != nil {
		s.Log.Warn("the turn of a connection test ends late", "agency", turn.Agency, "error", err)
	}
}

func busy(rule, message string, wait time.Duration) error {
	e := hub.Errorf(hub.KindBusy, "", rule, "%s", message)
	e.RetryAfter = wait
	return e
}
