package connection_test

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/connection"
)

type agencies []*hub.Agency

// ByID implements connection.Directory.
func (list agencies) ByID(id hub.AgencyID) (*hub.Agency, bool) {
	for _, a := range list {
		if a.ID == id {
			return a, true
		}
	}
	return nil, false
}

// turns are those of a hub, which all its nodes share.
type turns struct {
	mu   sync.Mutex
	have map[hub.AgencyID]hub.TestTurn
	err  error
}

// TakeTestTurn implements connection.Turns.
func (s *turns) TakeTestTurn(_ context.Context, turn hub.TestTurn, now time.Time, atOnce int) (*hub.TestTurn, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	running := 0
	for id, other := range s.have {
		switch {
		case !other.Free.After(now):
			delete(s.have, id)
		case id == turn.Agency:
			return &other, false, s.err
		case other.Ends.After(now):
			running++
		}
	}
	if running >= atOnce || s.err != nil {
		return nil, running >= atOnce, s.err
	}
	if s.have == nil {
		s.have = map[hub.AgencyID]hub.TestTurn{}
	}
	s.have[turn.Agency] = turn
	return nil, false, nil
}

// EndTestTurn implements connection.Turns.
func (s *turns) EndTestTurn(_ context.Context, taken, ended hub.TestTurn) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.have[taken.Agency].Ends.Equal(taken.Ends) {
		s.have[taken.Agency] = ended
	}
	return nil
}

type way func(ctx context.Context, agency *hub.Agency) ([]connection.Route, error)

// Routes implements connection.Way.
func (w way) Routes(ctx context.Context, agency *hub.Agency) ([]connection.Route, error) {
	return w(ctx, agency)
}

// walking is a way with one route for each walk.
func walking(walks ...func(ctx context.Context, hops *hub.Hops)) connection.Way {
	return way(func(context.Context, *hub.Agency) ([]connection.Route, error) {
		routes := make([]connection.Route, len(walks))
		for i, walk := range walks {
			routes[i] = connection.Route{Way: hub.WayWebhook, Walk: walk}
		}
		return routes, nil
	})
}

func service(ways ...connection.Way) *connection.Service { return node(&turns{}, ways...) }

// node is the service of one of several nodes that share turns.
func node(all *turns, ways ...connection.Way) *connection.Service {
	list := agencies{}
	for _, id := range []hub.AgencyID{"xa", "so", "tinh", "huyen", "bo", "cuc"} {
		list = append(list, &hub.Agency{ID: id, Codes: []hub.Dated[hub.Code]{{Value: "H47.12"}}})
	}
	return connection.New(connection.Options{Directory: list, Turns: all, Ways: ways, Now: time.Now})
}

func operator() hub.Actor { return hub.Actor{Name: "op", Scopes: []hub.Scope{hub.ScopeOperate}} }

func passes(_ context.Context, hops *hub.Hops) { hops.Pass(hub.HopAnswer, "here") }

// TestWhoMayTest: the agency itself, by whatever it does there, and the operator.
func TestWhoMayTest(t *testing.T) {
	for _, test := range []struct {
		actor hub.Actor
		want  hub.ErrorKind
	}{
		{operator(), ""},
		{hub.Actor{Agencies: []hub.AgencyID{"xa"}, Scopes: []hub.Scope{hub.ScopeSubmit}}, ""},
		{hub.Actor{Agencies: []hub.AgencyID{"xa"}, Scopes: []hub.Scope{hub.ScopeCollect}}, ""},
		{hub.Actor{Agencies: []hub.AgencyID{"xa"}, Scopes: []hub.Scope{hub.ScopeAccounts}}, ""},
		{hub.Actor{Agencies: []hub.AgencyID{"so"}, Scopes: []hub.Scope{hub.ScopeCollect, hub.ScopeSubmit, hub.ScopeAccounts}}, hub.KindDenied},
		{hub.Actor{Agencies: []hub.AgencyID{"xa"}, Scopes: []hub.Scope{hub.ScopeRead, hub.ScopeVerify}}, hub.KindDenied},
		{hub.Actor{Scopes: []hub.Scope{hub.ScopeAudit}}, hub.KindDenied},
		{hub.Actor{}, hub.KindDenied},
	} {
		result, err := service(walking(passes)).Test(t.Context(), test.actor, "xa")
		if test.want != "" && (err == nil || hub.KindOf(err) != test.want) || test.want == "" && (err != nil || !result.Passed) {
			t.Errorf("%+v: %v, want %s", test.actor, err, test.want)
		}
	}
	if _, err := service().Test(t.Context(), operator(), "nobody"); err == nil || hub.KindOf(err) != hub.KindUnknownAgency {
		t.Errorf("an agency that there is not: %v", err)
	}
}

// TestHopsAreTold: each with its time and its error, and nothing of the hub's own business.
func TestHopsAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		result, err := service(walking(func(_ context.Context, hops *hub.Hops) {
			time.Sleep(30 * time.Millisecond)
			hops.Pass(hub.HopConnect, "found")
			time.Sleep(1500 * time.Microsecond)
			hops.FailNext(hub.Errorf(hub.KindUnavailable, "", "", "not trusted"), hub.HopName, hub.HopConnect, hub.HopTLS, hub.HopAnswer)
		}, func(_ context.Context, hops *hub.Hops) {
			hops.Fail(hub.HopKey, hub.Internal("open 10.1.2.3", errors.New("password of the database")))
		}, passes, func(context.Context, *hub.Hops) {})).Test(t.Context(), operator(), "xa")
		if err != nil {
			t.Fatal(err)
		}
		want := []hub.TestedWay{
			{Way: hub.WayWebhook, Hops: []hub.TestedHop{
				{Hop: hub.HopConnect, Passed: true, TookMS: 30, Detail: "found"}, {Hop: hub.HopTLS, TookMS: 1.5, Error: "unavailable: not trusted", Said: hub.Say("unavailable")},
			}},
			{Way: hub.WayWebhook, Hops: []hub.TestedHop{{Hop: hub.HopKey, Error: "it failed inside the hub; see its log", Said: hub.Say("internal")}}},
			{Way: hub.WayWebhook, Passed: true, Hops: []hub.TestedHop{{Hop: hub.HopAnswer, Passed: true, Detail: "here"}}},
			{Way: hub.WayWebhook, Hops: []hub.TestedHop{}}, // what walked nowhere has not passed
		}
		if !reflect.DeepEqual(result.Ways, want) || result.Passed || result.TookMS != 31.5 || result.Code != "H47.12" {
			t.Errorf("got %+v, want %+v", result, want)
		}
	})
}

// TestTestsAreBounded: one of an agency at a time and after a pause, few at once on all
// nodes together, and none longer than its limit, whatever stands still.
func TestTestsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all, still := &turns{}, walking(func(ctx context.Context, hops *hub.Hops) {
			<-ctx.Done()
			hops.Fail(hub.HopAnswer, hub.Errorf(hub.KindUnavailable, "", "", "stands still"))
		}, passes)
		s, other := node(all, still), node(all, still)
		var tests sync.WaitGroup
		begun := time.Now()
		for i, id := range []hub.AgencyID{"xa", "so", "tinh", "huyen"} {
			tests.Go(func() {
				result, err := []*connection.Service{s, other}[i%2].Test(t.Context(), operator(), id)
				if err != nil || result.Passed || !result.Ways[1].Passed || time.Since(begun) != 25*time.Second {
					t.Errorf("%s after %s: %+v, %v", id, time.Since(begun), result, err)
				}
			})
		}
		synctest.Wait()
		wantBusy := func(id hub.AgencyID, rule string) {
			t.Helper()
			for _, s := range []*connection.Service{s, other} {
				_, err := s.Test(t.Context(), operator(), id)
				var e *hub.Error
				if !errors.As(err, &e) || e.Kind != hub.KindBusy || e.Rule != rule || e.RetryAfter <= 0 {
					t.Errorf("%s: %v, want %s", id, err, rule)
				}
			}
		}
		wantBusy("xa", "tested")
		wantBusy("bo", "tests")
		tests.Wait()
		wantBusy("xa", "tested")
		time.Sleep(15 * time.Second)
		stopped, stop := context.WithCancel(t.Context())
		stop()
		if _, err := s.Test(stopped, operator(), "xa"); !errors.Is(err, context.Canceled) {
			t.Errorf("a caller who went away: %v", err)
		}
		time.Sleep(15 * time.Second) // its turn is over all the same
		all.err = errors.New("no database")
		if _, err := s.Test(t.Context(), operator(), "xa"); !errors.Is(err, all.err) {
			t.Errorf("without the store of turns: %v", err)
		}
	})
}

// TestLookingUpFails: who cannot find out how an agency is connected says so, and the next
// test is not kept waiting for longer than others.
func TestLookingUpFails(t *testing.T) {
	s := service(way(func(context.Context, *hub.Agency) ([]connection.Route, error) { return nil, errors.New("no database") }))
	if _, err := s.Test(t.Context(), operator(), "xa"); err == nil || !strings.Contains(err.Error(), "no database") {
		t.Errorf("got %v", err)
	}
}
