package accounts_test

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/accounts"
	"github.com/lienthong/lienthong/hub/hubtest"
)

// fixture is a service with an operator and one clerk, whose password is known.
type fixture struct {
	*accounts.Service
	*testing.T
	store *hubtest.Persons
	clock *hubtest.Clock
}

const chosen = "đường ray xanh lá"

var operator = hub.Actor{Name: "op", Kind: hub.ActorOperator, Scopes: []hub.Scope{hub.ScopeOperate}}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	return fixtureOf(t, accounts.Cost{Memory: 64, Passes: 1})
}

func fixtureOf(t *testing.T, cost accounts.Cost) *fixture {
	t.Helper()
	f := &fixture{T: t, store: hubtest.NewPersons(), clock: hubtest.NewClock()}
	var err error
	f.Service, err = accounts.New(accounts.Options{
		Store: f.store, Sessions: f.store, Directory: hubtest.NewDirectory(hubtest.Agencies()...), Now: f.clock.Now, Vault: plainVault{}, Random: rand.Reader, Cost: cost, Wrong: time.Nanosecond,
	})
	f.must(err)
	return f
}

func (f *fixture) must(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

func (f *fixture) wants(kind hub.ErrorKind, err error) {
	f.Helper()
	if err == nil || hub.KindOf(err) != kind {
		f.Errorf("got %v, want an error of kind %s", err, kind)
	}
}

func (f *fixture) create(name string, memberships ...hub.Membership) string {
	f.Helper()
	_, password, err := f.Create(f.Context(), operator, hub.Account{Name: name, FullName: "Trần Thị Mẫu", Memberships: memberships})
	f.must(err)
	return password
}

// settled creates an account and has its owner choose a password.
func (f *fixture) settled(name string, memberships ...hub.Membership) (token string) {
	f.Helper()
	temporary := f.create(name, memberships...)
	token, _, err := f.ChangePassword(f.Context(), f.visit(f.signIn(name, temporary)), temporary, chosen)
	f.must(err)
	return token
}

func (f *fixture) signIn(name, password string) string {
	f.Helper()
	token, _, err := f.SignIn(f.Context(), name, password, "", "")
	f.must(err)
	return token
}

func (f *fixture) visit(token string) hub.Visit {
	f.Helper()
	v, err := f.Visit(f.Context(), token)
	f.must(err)
	return v
}

func clerk(agency hub.AgencyID) hub.Membership {
	return hub.Membership{Agency: agency, Role: hub.RoleClerk}
}

// TestTimeTellsNoName: the answer to a wrong password and to an unknown name takes as long.
func TestTimeTellsNoName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		f.settled("van.thu", clerk(hubtest.Office))
		s, err := accounts.New(accounts.Options{
			Store: &slow{f.store}, Sessions: f.store, Now: f.clock.Now, Random: rand.Reader, Cost: accounts.Cost{Memory: 64, Passes: 1},
		})
		f.must(err)
		for _, name := range []string{"van.thu", "khong.co"} {
			begun := time.Now()
			_, _, err := s.SignIn(t.Context(), name, "wrong", "", "")
			f.wants(hub.KindUntrusted, err)
			if took := time.Since(begun); took != 500*time.Millisecond {
				t.Errorf("%s: after %v", name, took)
			}
		}
	})
}

// slow is a store where to write takes time.
type slow struct{ *hubtest.Persons }

func (s *slow) SaveAccount(ctx context.Context, a hub.Account) error {
	time.Sleep(20 * time.Millisecond)
	return s.Persons.SaveAccount(ctx, a)
}

// meanwhile is a store where something happens before a session begins, or before an
// account is saved.
type meanwhile struct {
	*hubtest.Persons
	begins, saves func()
}

func (m *meanwhile) BeginSession(ctx context.Context, s hub.Session) error {
	if m.begins != nil {
		m.begins()
	}
	return m.Persons.BeginSession(ctx, s)
}

func (m *meanwhile) SaveAccount(ctx context.Context, a hub.Account) error {
	if do := m.saves; do != nil {
		m.saves = nil
		do()
	}
	return m.Persons.SaveAccount(ctx, a)
}

// TestResetWinsOverTheOldPassword: who has the old password gets neither a session nor
// another password out of being at it when it is reset.
func TestResetWinsOverTheOldPassword(t *testing.T) {
	f := newFixture(t)
	token := f.settled("van.thu", clerk(hubtest.Office))
	m := &meanwhile{Persons: f.store}
	s, err := accounts.New(accounts.Options{
		Store: m, Sessions: m, Directory: hubtest.NewDirectory(hubtest.Agencies()...), Now: f.clock.Now, Random: rand.Reader,
		Cost: accounts.Cost{Memory: 64, Passes: 1}, Wrong: time.Nanosecond,
	})
	f.must(err)
	visit := f.visit(token)
	var temporary string
	reset := func() {
		_, temporary, err = f.Reset(t.Context(), operator, "van.thu")
		f.must(err)
	}
	m.saves = reset
	_, _, err = s.ChangePassword(t.Context(), visit, chosen, "mây trắng trên đồi chè")
	f.wants(hub.KindUntrusted, err)
	f.signIn("van.thu", temporary)

	m.begins = reset
	before := temporary
	late, _, err := s.SignIn(t.Context(), "van.thu", before, "", "")
	f.must(err)
	if _, err := s.Visit(t.Context(), late); err == nil {
		t.Error("a session of the old password goes on after the reset")
	}
	m.begins = nil
	f.signIn("van.thu", temporary)
}

func TestFirstPasswordIsTemporary(t *testing.T) {
	f := fixtureOf(t, accounts.Cost{}) // the usual one
	temporary := f.create("Van.Thu", clerk(hubtest.Office))
	stored, err := f.store.Account(t.Context(), "van.thu")
	f.must(err)
	if strings.Contains(stored.Password, temporary) || !strings.HasPrefix(stored.Password, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("kept as %q", stored.Password)
	}
	token := f.signIn(" VAN.THU ", temporary)
	v := f.visit(token)
	if len(v.Actor.Scopes) != 0 || len(v.Actor.Agencies) != 0 {
		t.Errorf("with a temporary password: %+v", v.Actor)
	}
	_, _, err = f.ChangePassword(t.Context(), v, "wrong", chosen)
	f.wants(hub.KindUntrusted, err)
	next, _, err := f.ChangePassword(t.Context(), v, temporary, chosen)
	f.must(err)
	if _, err = f.Visit(t.Context(), token); err == nil {
		t.Error("a session outlives its password")
	}
	a := f.visit(next).Actor
	if a.Name != "van.thu" || a.SpeaksFor(hubtest.Office, hub.ScopeSubmit) != nil || a.SpeaksFor(hubtest.Ward, hub.ScopeCollect) == nil || a.Auth != hub.AuthPassword {
		t.Errorf("the actor %+v", a)
	}
	_, _, err = f.SignIn(t.Context(), "van.thu", temporary, "", "")
	f.wants(hub.KindUntrusted, err)
	f.signIn("van.thu", "đường ray xanh lá") // typed with combining marks is the same password
}

func TestOneOfficeAtATime(t *testing.T) {
	f := newFixture(t)
	token := f.settled("anh", clerk(hubtest.Office), hub.Membership{Agency: hubtest.Ward, Role: hub.RoleLeader},
		hub.Membership{Agency: hubtest.Ward, Role: hub.RoleAdministrator}, hub.Membership{Role: hub.RoleAuditor})
	for _, tt := range []struct {
		office      hub.AgencyID
		kind        hub.ActorKind
		may, mayNot hub.Scope
	}{
		{hubtest.Office, hub.ActorClerk, hub.ScopeSubmit, hub.ScopeAccounts},
		{hubtest.Ward, hub.ActorLeader, hub.ScopeAccounts, hub.ScopeSubmit},
		{"", hub.ActorAuditor, hub.ScopeAudit, hub.ScopeCollect},
	} {
		f.must(f.WorkIn(t.Context(), f.visit(token), tt.office))
		a := f.visit(token).Actor
		if a.Kind != tt.kind || !a.Has(tt.may) || a.Has(tt.mayNot) || len(a.Agencies) > 1 || tt.office != "" && a.SpeaksFor(tt.office, tt.may) != nil {
			t.Errorf("in %q: %+v", tt.office, a)
		}
	}
	f.wants(hub.KindDenied, f.WorkIn(t.Context(), f.visit(token), hubtest.Province))
	open := f.visit(token) // in another window
	f.must(f.WorkIn(t.Context(), f.visit(token), hubtest.Office))
	f.must(f.WorkIn(t.Context(), open, hubtest.Ward))
	if got := f.visit(token).Session.Office; got != hubtest.Ward {
		t.Errorf("of two windows the last one changed to %q", got)
	}
}

func TestGuessingGetsSlower(t *testing.T) {
	f := newFixture(t)
	f.settled("anh", clerk(hubtest.Office))
	guess := func(password string) error { _, _, err := f.SignIn(t.Context(), "anh", password, "", ""); return err }
	for range 4 {
		f.wants(hub.KindUntrusted, guess("x"))
	}
	f.must(guess(chosen)) // some mistakes are free, and forgotten
	for range 5 {
		f.wants(hub.KindUntrusted, guess("x"))
	}
	f.wants(hub.KindUntrusted, guess(chosen))
	f.clock.Advance(29 * time.Second)
	f.wants(hub.KindUntrusted, guess(chosen))
	f.clock.Advance(time.Second)
	f.wants(hub.KindUntrusted, guess("x")) // and the wait doubles
	f.clock.Advance(59 * time.Second)
	f.wants(hub.KindUntrusted, guess(chosen))
	f.clock.Advance(time.Second)
	f.must(guess(chosen))

	a, err := f.store.Account(t.Context(), "anh")
	f.must(err)
	a.Failures, a.Version = 99, a.Version+1
	f.must(f.store.SaveAccount(t.Context(), a))
	f.wants(hub.KindUntrusted, guess("x"))
	f.clock.Advance(1000 * time.Hour)
	f.wants(hub.KindUntrusted, guess(chosen)) // the hundredth was the last
	_, temporary, err := f.Reset(t.Context(), operator, "anh")
	f.must(err)
	f.must(guess(temporary))
}

// TestStrangersShutNobodyOut: where a person signed in before, the mistakes of others do
// not count, and those made there do.
func TestStrangersShutNobodyOut(t *testing.T) {
	f := newFixture(t)
	temporary := f.create("anh", clerk(hubtest.Office))
	_, first, err := f.SignIn(t.Context(), "anh", temporary, "", "")
	f.must(err)
	_, mark, err := f.ChangePassword(t.Context(), f.visit(f.signIn("anh", temporary)), temporary, chosen)
	f.must(err)
	try := func(password, mark string) error {
		_, _, err := f.SignIn(t.Context(), "anh", password, "", mark)
		return err
	}
	shutOut := func() {
		t.Helper()
		a, err := f.store.Account(t.Context(), "anh")
		f.must(err)
		a.Failures, a.Version = 100, a.Version+1
		f.must(f.store.SaveAccount(t.Context(), a))
		f.wants(hub.KindUntrusted, try(chosen, ""))
	}
	shutOut()
	f.wants(hub.KindUntrusted, try(chosen, first)) // of another password
	f.must(try(chosen, mark))
	f.must(try(chosen, "")) // the person was there: all is forgotten
	shutOut()
	for range 5 {
		f.wants(hub.KindUntrusted, try("x", mark))
	}
	f.wants(hub.KindUntrusted, try(chosen, mark))
	f.clock.Advance(30 * time.Second)
	f.must(try(chosen, mark))
}

// TestNoNameIsGivenAway: an unknown name, a wrong password, a locked account and one
// that has to wait get the same answer.
func TestNoNameIsGivenAway(t *testing.T) {
	f := newFixture(t)
	f.settled("anh", clerk(hubtest.Office))
	f.settled("binh", clerk(hubtest.Office))
	_, err := f.Lock(t.Context(), operator, "binh", true)
	f.must(err)
	_, _, unknown := f.SignIn(t.Context(), "nobody", chosen, "", "")
	for what, try := range map[string][2]string{
		"wrong": {"anh", "x"}, "locked": {"binh", chosen}, "no name": {"", ""}, "long": {"anh", strings.Repeat("x", 1<<20)},
	} {
		_, _, err := f.SignIn(t.Context(), try[0], try[1], "", "")
		if err == nil || err.Error() != unknown.Error() {
			t.Errorf("%s: %v, an unknown name: %v", what, err, unknown)
		}
	}
}

// TestGuessesSideBySideCount: those made at once are not free.
func TestGuessesSideBySideCount(t *testing.T) {
	f := newFixture(t)
	f.settled("anh", clerk(hubtest.Office))
	var all sync.WaitGroup
	for range 12 {
		all.Go(func() { _, _, _ = f.SignIn(t.Context(), "anh", "x", "", "") })
	}
	all.Wait()
	a, err := f.store.Account(t.Context(), "anh")
	f.must(err)
	if a.Failures < 5 || a.Failures > 6 || a.RetryAt.IsZero() { // two at most are looked at side by side
		t.Errorf("%d guesses counted", a.Failures)
	}
}

func TestSessionsEnd(t *testing.T) {
	f := newFixture(t)
	ends := func(why string, end func(token string)) {
		t.Helper()
		token := f.signIn("anh", chosen)
		f.visit(token)
		end(token)
		_, err := f.Visit(t.Context(), token)
		if err == nil || hub.KindOf(err) != hub.KindUntrusted {
			t.Errorf("%s: %v", why, err)
		}
	}
	f.settled("anh", clerk(hubtest.Office))
	ends("signed out", func(token string) { f.must(f.SignOut(t.Context(), token)) })
	ends("idle", func(string) { f.clock.Advance(time.Hour) })
	ends("old", func(token string) {
		for range 24 {
			f.visit(token) // used all the time
			f.clock.Advance(30 * time.Minute)
		}
	})
	ends("locked", func(string) {
		_, err := f.Lock(t.Context(), operator, "anh", true)
		f.must(err)
		_, err = f.Lock(t.Context(), operator, "anh", false)
		f.must(err)
	})
	ends("reset", func(string) {
		_, temporary, err := f.Reset(t.Context(), operator, "anh")
		f.must(err)
		v := f.visit(f.signIn("anh", temporary))
		_, _, err = f.ChangePassword(t.Context(), v, temporary, chosen)
		f.must(err)
	})
	if _, err := f.Visit(t.Context(), ""); err == nil {
		t.Error("no token is a session")
	}
}

func TestPasswordRules(t *testing.T) {
	f := newFixture(t)
	v := f.visit(f.settled("nguyen.van.mau", clerk(hubtest.Office)))
	for password, rule := range map[string]string{
		"ngắn quá":                 "min_length",
		strings.Repeat("dài ", 80): "max_length",
		"matkhau123456789":         "guessable",
		"Nguyen.Van.Mau.2026":      "guessable",
		"aaaaaaaaaaaaaaaaaaaa":     "guessable",
		"qwertyuiop1234567890":     "guessable",
		"hàng rào \x00 tím than":   "utf8",
		chosen:                     "same",
		"con trâu đứng cạnh sông":  "",
		"84739 20561 84720 36194":  "",
	} {
		_, _, err := f.ChangePassword(t.Context(), v, chosen, password)
		var e *hub.Error
		switch {
		case rule == "" && err == nil:
			v = f.visit(f.signIn("nguyen.van.mau", password))
			back, _, err := f.ChangePassword(t.Context(), v, password, chosen)
			f.must(err)
			v = f.visit(back)
		case rule == "" || !errors.As(err, &e) || e.Rule != rule || e.Field != "password":
			t.Errorf("%q: %v, want the rule %q", password, err, rule)
		}
	}
}

// TestWhoKeepsAccounts: an administrator keeps those of its own agency alone.
func TestWhoKeepsAccounts(t *testing.T) {
	f := newFixture(t)
	admin := f.visit(f.settled("admin", hub.Membership{Agency: hubtest.Office, Role: hub.RoleAdministrator})).Actor
	plain := f.visit(f.settled("plain", clerk(hubtest.Office))).Actor
	f.create("ward", clerk(hubtest.Ward))
	f.create("both", clerk(hubtest.Ward), clerk(hubtest.Office))
	f.create("top", hub.Membership{Role: hub.RoleOperator})
	for _, name := range []string{"ward", "both", "top", "nobody"} {
		_, _, err := f.Reset(t.Context(), admin, name)
		f.wants(hub.KindNotFound, err)
		_, err = f.Lock(t.Context(), admin, name, true)
		f.wants(hub.KindNotFound, err)
	}
	for _, m := range []hub.Membership{clerk(hubtest.Ward), {Role: hub.RoleOperator}, {Role: hub.RoleAuditor}} {
		_, _, err := f.Create(t.Context(), admin, hub.Account{Name: "new", FullName: "Mới", Memberships: []hub.Membership{m}})
		f.wants(hub.KindDenied, err)
	}
	_, _, err := f.Create(t.Context(), admin, hub.Account{Name: "new", FullName: "Mới", Memberships: []hub.Membership{clerk(hubtest.Office)}})
	f.must(err)
	_, _, err = f.Create(t.Context(), operator, hub.Account{Name: "NEW", FullName: "Mới", Memberships: []hub.Membership{clerk(hubtest.Office)}})
	f.wants(hub.KindConflict, err)
	list, err := f.List(t.Context(), admin)
	f.must(err)
	if len(list) != 3 { // admin, new, plain
		t.Errorf("an administrator sees %+v", list)
	}
	_, err = f.List(t.Context(), plain)
	f.wants(hub.KindDenied, err)
	_, _, err = f.Reset(t.Context(), plain, "plain")
	f.wants(hub.KindDenied, err)
}

func TestAccountsThatMakeNoSense(t *testing.T) {
	f := newFixture(t)
	_, _, err := f.Create(t.Context(), operator, hub.Account{Name: "a b", FullName: "\x07", Memberships: []hub.Membership{
		{Agency: "nowhere", Role: hub.RoleClerk}, {Role: hub.RoleClerk}, {Agency: hubtest.Office, Role: hub.RoleOperator}, {Role: "king"},
	}})
	var fields []string
	for _, v := range hub.ViolationsOf(err) {
		fields = append(fields, v.Field)
	}
	if got := strings.Join(fields, " "); got != "name full_name memberships[0].agency memberships[1] memberships[2] memberships[3].role" {
		t.Error(got, err)
	}
}
