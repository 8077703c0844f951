package enrolment_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/enrolment"
)

// ground plays everything behind the service.
type ground struct {
	mu     sync.Mutex
	now    time.Time
	list   map[string]hub.Enrolment
	keys   map[string]hub.APIKey
	drawn  int
	notes  []string
	broker error // of Ready
	grants int
	closed error // of CloseEnrolment
}

func (g *ground) SaveEnrolment(_ context.Context, e hub.Enrolment) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.list[e.ID] = e
	return nil
}

func (g *ground) Enrolments(context.Context) ([]hub.Enrolment, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	var list []hub.Enrolment
	for _, e := range g.list {
		list = append(list, e)
	}
	return list, nil
}

func (g *ground) EnrolmentByHash(_ context.Context, hash hub.Digest) (hub.Enrolment, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, e := range g.list {
		if e.Hash == hash {
			return e, nil
		}
	}
	return hub.Enrolment{}, hub.Errorf(hub.KindNotFound, "", "", "none")
}

func (g *ground) CloseEnrolment(_ context.Context, e hub.Enrolment, issued []hub.APIKey, ended []hub.KeyEnd) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed != nil {
		return g.closed
	}
	if there := g.list[e.ID]; !there.Redeemed.IsZero() || !there.Revoked.IsZero() {
		return hub.Errorf(hub.KindConflict, "", "", "closed")
	}
	g.list[e.ID] = e
	for _, k := range issued {
		g.keys[k.ID] = k
	}
	for _, k := range ended {
		key := g.keys[k.Key]
		key.Revoked = k.At
		g.keys[k.Key] = key
	}
	return nil
}

func (g *ground) Keys(context.Context) ([]hub.APIKey, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	var list []hub.APIKey
	for _, k := range g.keys {
		list = append(list, k)
	}
	return list, nil
}

func (g *ground) Draft(_ context.Context, key hub.APIKey) (hub.APIKey, string, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if strings.Contains(key.Client, " ") {
		return hub.APIKey{}, "", hub.Invalid("drawn", "client_id", "no id of a client")
	}
	g.drawn++
	key.ID = fmt.Sprintf("new%d", g.drawn)
	return key, "secret of " + key.ID, nil
}

func (g *ground) Forget() {}

func (g *ground) ByID(id hub.AgencyID) (*hub.Agency, bool) {
	a := &hub.Agency{ID: id, Codes: []hub.Dated[hub.Code]{{Value: "000.00.12.H47"}}, Names: []hub.Dated[string]{{Value: "Sở Nội vụ (hư cấu)"}}}
	if id == "amqp" {
		a.Channels = []hub.Dated[hub.Channel]{{Value: hub.ChannelAMQP}}
	}
	return a, id != "nobody"
}

func (g *ground) Note(_ context.Context, _ hub.LogNoteKind, body any) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.notes = append(g.notes, fmt.Sprintf("%+v", body))
	return nil
}

func (g *ground) Ready(context.Context) error { return g.broker }

func (g *ground) Grant(context.Context, *hub.Agency, time.Time) (hub.Credential, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.grants++; g.grants > 1 {
		return hub.Credential{}, hub.Errorf(hub.KindUnavailable, "", "", "the broker went away")
	}
	return hub.Credential{User: "agency.x", Secret: "broker secret"}, nil
}

func operator() hub.Actor {
	return hub.Actor{Name: "op", Kind: hub.ActorOperator, Scopes: []hub.Scope{hub.ScopeOperate}}
}

func newGround() (*ground, *enrolment.Service) {
	g := &ground{now: time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC), list: map[string]hub.Enrolment{}, keys: map[string]hub.APIKey{}}
	id := 0
	s := enrolment.New(enrolment.Options{
		Store: g, KeyStore: g, Keys: g, Directory: g, Notes: g, Random: rand.Reader, Wrong: time.Millisecond,
		Addresses: map[hub.EnrolmentChannel]string{hub.EnrolREST: "/v1", hub.EnrolVXP: "/vxp", hub.EnrolLGSP: "/", hub.EnrolAMQP: "amqps://broker/"},
		Grantors:  map[hub.EnrolmentChannel]enrolment.Grantor{hub.EnrolAMQP: g},
		Now:       func() time.Time { g.mu.Lock(); defer g.mu.Unlock(); return g.now },
		NewID:     func() string { id++; return fmt.Sprintf("e%d", id) },
	})
	return g, s
}

func wish(g *ground, channels ...hub.EnrolmentChannel) hub.Enrolment {
	return hub.Enrolment{Agency: "a1", Channels: channels, Contact: "Mẫu", Expires: g.now.Add(time.Hour)}
}

// create makes an enrolment and returns its code.
func create(t *testing.T, s *enrolment.Service, w hub.Enrolment) (hub.Enrolment, string) {
	t.Helper()
	e, code, err := s.Create(t.Context(), operator(), w)
	if err != nil {
		t.Fatal(err)
	}
	return e, code
}

// TestRedeem: a code gives what its channels need, however it is typed, once.
func TestRedeem(t *testing.T) {
	g, s := newGround()
	w := wish(g, hub.EnrolREST, hub.EnrolVXP, hub.EnrolLGSP)
	w.System, w.Client = "777.77.04.D77", "qlvb"
	e, code := create(t, s, w)
	g.drawn = 0 // keys were drawn to see whether they can be
	if len(strings.ReplaceAll(code, "-", "")) != 24 || strings.Contains(fmt.Sprint(g.list, g.notes), code) {
		t.Fatalf("the code %s stands in what is kept", code)
	}
	got, err := s.Redeem(t.Context(), " "+strings.ToLower(strings.ReplaceAll(code, "-", " ")), "1.2.3.4")
	if err != nil {
		t.Fatal(err)
	}
	want := []hub.Credential{
		{Channel: hub.EnrolREST, ID: "new1", Address: "/v1", Secret: "secret of new1"},
		{Channel: hub.EnrolVXP, ID: "new2", User: "777.77.04.D77", Address: "/vxp", Secret: "secret of new2"},
		{Channel: hub.EnrolLGSP, ID: "new3", User: "qlvb", Address: "/", Secret: "secret of new3", UnitSecret: (&hub.APIKey{}).UnitSecret("a1")},
	}
	if !slices.Equal(got.Credentials, want) || got.Code != "000.00.12.H47" || got.Enrolment != e.ID {
		t.Errorf("%+v", got)
	}
	if k := g.keys["new1"]; k.Kind != hub.ActorSystem || !slices.Equal(k.Agencies, []hub.AgencyID{"a1"}) || slices.Contains(k.Scopes, hub.ScopeOperate) || slices.Contains(k.Scopes, hub.ScopeSeal) {
		t.Errorf("%+v", k)
	}
	if kept := g.list[e.ID]; kept.Redeemed != g.now || !slices.Equal(kept.Keys, []string{"new1", "new2", "new3"}) {
		t.Errorf("%+v", kept)
	}
	if len(g.notes) != 2 || !strings.Contains(g.notes[0], "enrolment.create") || !strings.Contains(g.notes[1], "enrolment.redeem") || !strings.Contains(g.notes[1], "1.2.3.4") {
		t.Errorf("%v", g.notes)
	}
}

// TestCodesThatOpenNothing: whatever is wrong with a code, the answer is the same.
func TestCodesThatOpenNothing(t *testing.T) {
	g, s := newGround()
	_, used := create(t, s, wish(g, hub.EnrolREST))
	if _, err := s.Redeem(t.Context(), used, "p"); err != nil {
		t.Fatal(err)
	}
	ended, revoked := create(t, s, wish(g, hub.EnrolREST))
	for range 2 {
		if err := s.Revoke(t.Context(), operator(), ended.ID); err != nil {
			t.Fatal(err)
		}
	}
	_, expired := create(t, s, wish(g, hub.EnrolREST))
	_, raced := create(t, s, wish(g, hub.EnrolREST))
	answers := map[string]string{}
	for name, code := range map[string]string{"used": used, "revoked": revoked, "expired": expired, "unknown": "AAAA-BBBB", "empty": "", "raced": raced} {
		g.closed = nil
		switch name {
		case "expired":
			g.now = g.now.Add(time.Hour)
		case "raced":
			g.closed = hub.Errorf(hub.KindConflict, "enrolment", "closed", "another was faster")
		}
		_, err := s.Redeem(t.Context(), code, "p")
		if name == "expired" {
			g.now = g.now.Add(-time.Hour)
		}
		if err == nil || hub.KindOf(err) != hub.KindUntrusted {
			t.Fatalf("%s: %v", name, err)
		}
		answers[err.Error()] = name
	}
	if len(answers) != 1 || len(g.keys) != 1 {
		t.Errorf("%d answers, %d keys: %v", len(answers), len(g.keys), answers)
	}
	if err := s.Revoke(t.Context(), operator(), "e1"); hub.KindOf(err) != hub.KindConflict || !strings.Contains(err.Error(), "gave: new") {
		t.Errorf("revoke what was redeemed: %v", err)
	}
	if err := s.Revoke(t.Context(), operator(), "e99"); hub.KindOf(err) != hub.KindNotFound {
		t.Error(err)
	}
	if err := s.Revoke(t.Context(), hub.Actor{}, "e2"); hub.KindOf(err) != hub.KindDenied {
		t.Error(err)
	}
}

// TestReplace: the keys of this agency alone, on these channels, end after the overlap.
func TestReplace(t *testing.T) {
	g, s := newGround()
	key := func(id, system string, kind hub.ActorKind, agencies ...hub.AgencyID) {
		g.keys[id] = hub.APIKey{ID: id, System: system, Kind: kind, Agencies: agencies}
	}
	key("mine", "", hub.ActorSystem, "a1")
	key("axis", "sys", hub.ActorSystem, "a1")
	g.keys["client"] = hub.APIKey{ID: "client", Client: "qlvb", Kind: hub.ActorSystem, Agencies: []hub.AgencyID{"a1"}}
	key("two", "", hub.ActorSystem, "a1", "a2")
	key("other", "", hub.ActorSystem, "a2")
	key("clerk", "", hub.ActorClerk, "a1")
	g.keys["sooner"] = hub.APIKey{ID: "sooner", Kind: hub.ActorSystem, Agencies: []hub.AgencyID{"a1"}, Revoked: g.now.Add(time.Minute)}
	w := wish(g, hub.EnrolREST)
	w.Replace, w.Overlap = true, 3600
	_, code := create(t, s, w)
	if _, err := s.Redeem(t.Context(), code, "p"); err != nil {
		t.Fatal(err)
	}
	for id, k := range g.keys {
		want := time.Time{}
		switch id {
		case "mine":
			want = g.now.Add(time.Hour)
		case "sooner":
			want = g.now.Add(time.Minute)
		}
		if !k.Revoked.Equal(want) {
			t.Errorf("%s ends %v, want %v", id, k.Revoked, want)
		}
	}
}

// TestBroker: a broker that is away spends no code; one that goes away in between is told
// beside what is in force.
func TestBroker(t *testing.T) {
	g, s := newGround()
	w := wish(g, hub.EnrolAMQP, hub.EnrolREST)
	if _, _, err := s.Create(t.Context(), operator(), w); hub.ViolationsOf(err)[0].Rule != "directory" {
		t.Errorf("an agency that is reached otherwise: %v", err)
	}
	w.Agency = "amqp"
	_, code := create(t, s, w)
	for _, kind := range []hub.ErrorKind{hub.KindUnavailable, hub.KindNotFound, hub.KindConflict, hub.KindDenied} {
		g.broker = hub.Errorf(kind, "", "", "as the broker says it")
		if _, err := s.Redeem(t.Context(), code, "p"); !errors.Is(err, g.broker) || hub.KindOf(err) != hub.KindUnavailable || strings.Contains(hub.ViolationsOf(err)[0].Message, "broker") {
			t.Fatal(err)
		}
	}
	g.broker = nil
	got, err := s.Redeem(t.Context(), code, "p")
	if err != nil || got.Credentials[0] != (hub.Credential{Channel: hub.EnrolAMQP, User: "agency.x", Address: "amqps://broker/", Secret: "broker secret"}) {
		t.Errorf("%+v %v", got, err)
	}
	_, code = create(t, s, w)
	got, err = s.Redeem(t.Context(), code, "p")
	if err != nil || got.Credentials[0].Problem == "" || got.Credentials[0].Secret != "" || got.Credentials[1].Secret == "" {
		t.Errorf("%+v %v", got, err)
	}
}

// TestGuessing: an address that tries codes is slowed down, and no other.
func TestGuessing(t *testing.T) {
	g, s := newGround()
	_, code := create(t, s, wish(g, hub.EnrolREST))
	busy := 0
	for range 25 {
		if _, err := s.Redeem(t.Context(), "AAAA", "attacker"); hub.KindOf(err) == hub.KindBusy {
			busy++
		}
	}
	if busy != 5 {
		t.Errorf("%d of 25 were refused", busy)
	}
	if _, err := s.Redeem(t.Context(), code, "attacker"); hub.KindOf(err) != hub.KindBusy {
		t.Error(err)
	}
	if _, err := s.Redeem(t.Context(), code, "integrator"); err != nil {
		t.Error(err)
	}
	g.now = g.now.Add(10 * time.Second)
	if _, err := s.Redeem(t.Context(), "AAAA", "attacker"); hub.KindOf(err) != hub.KindUntrusted {
		t.Error(err)
	}
}

// TestCreateRefuses names every field.
func TestCreateRefuses(t *testing.T) {
	g, s := newGround()
	for field, spoil := range map[string]func(*hub.Enrolment){
		"agency":   func(e *hub.Enrolment) { e.Agency = "nobody" },
		"channels": func(e *hub.Enrolment) { e.Channels = []hub.EnrolmentChannel{"fax"} },
		"contact":  func(e *hub.Enrolment) { e.Contact = " " },
		"expires":  func(e *hub.Enrolment) { e.Expires = g.now.Add(31 * 24 * time.Hour) },
		"overlap":  func(e *hub.Enrolment) { e.Overlap = 5 },
		"system":   func(e *hub.Enrolment) { e.System = "x" },
		"client":   func(e *hub.Enrolment) { e.Client = "x" },
		"drawn":    func(e *hub.Enrolment) { e.Channels, e.Client = []hub.EnrolmentChannel{hub.EnrolLGSP}, "no id" },
	} {
		w := wish(g, hub.EnrolREST)
		spoil(&w)
		_, _, err := s.Create(t.Context(), operator(), w)
		if v := hub.ViolationsOf(err); len(v) != 1 || v[0].Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	if _, _, err := s.Create(t.Context(), hub.Actor{Scopes: []hub.Scope{hub.ScopeAccounts}}, wish(g, hub.EnrolREST)); hub.KindOf(err) != hub.KindDenied {
		t.Error(err)
	}
	if len(g.list) != 0 {
		t.Errorf("%d were made", len(g.list))
	}
}
