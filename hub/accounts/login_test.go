package accounts_test

import (
	"strings"
	"testing"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/hubtest"
)

const issuer = "https://id.example.vn"

func loginOf(value string) hub.Login { return hub.Login{Issuer: issuer, Claim: "sub", Value: value} }

// linked is a fixture whose hub knows a provider.
func linked(t *testing.T) *fixture {
	t.Helper()
	f := newFixture(t)
	f.Logins = hub.Login{Issuer: issuer, Claim: "sub"}
	return f
}

// outsider creates an account whose person signs in by the provider.
func (f *fixture) outsider(name, value string) hub.Account {
	f.Helper()
	a, password, err := f.Create(f.Context(), operator, hub.Account{
		Name: name, FullName: "Mẫu", Login: &hub.Login{Value: value}, Memberships: []hub.Membership{{Agency: hubtest.Office, Role: hub.RoleClerk}},
	})
	if err != nil || password != "" || a.Temporary || a.Password != "" || *a.Login != loginOf(value) {
		f.Fatalf("%+v, %q, %v", a, password, err)
	}
	return a
}

// TestSignInAs: a person whom the provider names works as one with a password does, and
// nobody signs in here under the name.
func TestSignInAs(t *testing.T) {
	f := linked(t)
	f.outsider("lien.ket", "s-1")
	token, mark, err := f.SignInAs(t.Context(), loginOf("s-1"))
	if err != nil {
		t.Fatal(err)
	}
	visit, err := f.Visit(t.Context(), token)
	if err != nil || visit.Actor.Name != "lien.ket" || visit.Actor.Auth != hub.AuthProvider || visit.Actor.SpeaksFor(hubtest.Office, hub.ScopeSubmit) != nil || visit.Actor.SpeaksFor(hubtest.Ward, hub.ScopeCollect) == nil {
		t.Errorf("%+v, %v", visit, err)
	}
	f.outsider("nguoi.khac", "s-other")
	if _, other, err := f.SignInAs(t.Context(), loginOf("s-other")); err != nil || other == mark {
		t.Errorf("the browsers of two persons have the marks %q and %q, %v", mark, other, err)
	}
	if again, same, err := f.SignInAs(t.Context(), loginOf("s-1")); err != nil || same != mark {
		t.Errorf("the browser of one person has the marks %q and %q, %v", mark, same, err)
	} else if second, err := f.Visit(t.Context(), again); err != nil || visit.Account.Secret() == "" || second.Account.Secret() != visit.Account.Secret() {
		t.Errorf("an account without a password has the secret %q, then %q, %v", visit.Account.Secret(), second.Account.Secret(), err)
	}
	for _, other := range []hub.Login{loginOf("s-2"), loginOf(""), {Issuer: issuer + "/", Claim: "sub", Value: "s-1"}, {Issuer: issuer, Claim: "email", Value: "s-1"}} {
		if token, _, err := f.SignInAs(t.Context(), other); hub.KindOf(err) != hub.KindUntrusted || token != "" {
			t.Errorf("%+v is let in: %v", other, err)
		}
	}
	for _, password := range []string{"", "x", chosen} {
		if _, _, err := f.SignIn(t.Context(), "lien.ket", password, "", ""); hub.KindOf(err) != hub.KindUntrusted {
			t.Errorf("the password %q: %v", password, err)
		}
		if _, _, err := f.ChangePassword(t.Context(), visit, password, "một mật khẩu rất khác"); hub.KindOf(err) != hub.KindUntrusted {
			t.Errorf("the password %q is changed: %v", password, err)
		}
	}
	if a, err := f.store.Account(t.Context(), "lien.ket"); err != nil || a.Failures != 0 {
		t.Errorf("strangers wrote on an account that has no password: %+v, %v", a, err)
	}
}

// TestLinksEnd: with the link, the lock and another person's link the sessions end.
func TestLinksEnd(t *testing.T) {
	f := linked(t)
	f.outsider("lien.ket", "s-1")
	begin := func(value string) string {
		t.Helper()
		token, _, err := f.SignInAs(t.Context(), loginOf(value))
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	gone := func(token string) {
		t.Helper()
		if _, err := f.Visit(t.Context(), token); hub.KindOf(err) != hub.KindUntrusted {
			t.Errorf("the session goes on: %v", err)
		}
	}
	token := begin("s-1")
	if _, err := f.Lock(t.Context(), operator, "lien.ket", true); err != nil {
		t.Fatal(err)
	}
	gone(token)
	if _, _, err := f.SignInAs(t.Context(), loginOf("s-1")); hub.KindOf(err) != hub.KindUntrusted {
		t.Errorf("a locked account is let in: %v", err)
	}
	if _, err := f.Lock(t.Context(), operator, "lien.ket", false); err != nil {
		t.Fatal(err)
	}
	token = begin("s-1")
	if _, err := f.Link(t.Context(), operator, "lien.ket", ""); hub.KindOf(err) != hub.KindInvalid {
		t.Errorf("no way in is left: %v", err)
	}
	if _, err := f.Link(t.Context(), operator, "lien.ket", "s-9"); err != nil {
		t.Fatal(err)
	}
	gone(token)
	begin("s-9")

	// A temporary password that nobody used keeps nobody from working.
	if _, password, err := f.Reset(t.Context(), operator, "lien.ket"); err != nil || password == "" {
		t.Fatal(err)
	}
	visit, err := f.Visit(t.Context(), begin("s-9"))
	if err != nil || visit.Actor.SpeaksFor(hubtest.Office, hub.ScopeSubmit) != nil {
		t.Errorf("%+v, %v", visit.Actor, err)
	}
	token = begin("s-9")
	if a, err := f.Link(t.Context(), operator, "lien.ket", ""); err != nil || a.Login != nil {
		t.Errorf("%+v, %v", a, err)
	}
	gone(token)
	if _, _, err := f.SignInAs(t.Context(), loginOf("s-9")); hub.KindOf(err) != hub.KindUntrusted {
		t.Errorf("a login that was taken away is let in: %v", err)
	}
}

// TestWhoLinks: the operator, an account its own login, and only where there is a provider.
func TestWhoLinks(t *testing.T) {
	f := linked(t)
	f.outsider("lien.ket", "s-1")
	f.outsider("thu.hai", "s-2")
	keeper := hub.Actor{Name: "qt", Kind: hub.ActorAdministrator, Agencies: []hub.AgencyID{hubtest.Office}, Scopes: []hub.Scope{hub.ScopeAccounts}}
	for _, value := range []string{"s-3", ""} {
		if _, err := f.Link(t.Context(), keeper, "lien.ket", value); hub.KindOf(err) != hub.KindDenied {
			t.Errorf("an administrator links: %v", err)
		}
	}
	if _, _, err := f.Create(t.Context(), keeper, hub.Account{Name: "moi", FullName: "Mẫu", Login: &hub.Login{Value: "s-3"}, Memberships: []hub.Membership{{Agency: hubtest.Office, Role: hub.RoleClerk}}}); hub.KindOf(err) != hub.KindDenied {
		t.Errorf("an administrator creates: %v", err)
	}
	if _, err := f.Link(t.Context(), operator, "thu.hai", "s-1"); hub.KindOf(err) != hub.KindConflict {
		t.Errorf("two have one login: %v", err)
	}
	if _, err := f.Link(t.Context(), operator, "khong.co", "s-3"); hub.KindOf(err) != hub.KindNotFound {
		t.Error(err)
	}
	for _, value := range []string{" s", "a\nb", "\x00", strings.Repeat("x", 256), "\xff"} {
		if _, err := f.Link(t.Context(), operator, "thu.hai", value); hub.KindOf(err) != hub.KindInvalid {
			t.Errorf("%q: %v", value, err)
		}
	}
	if a, err := f.Link(t.Context(), operator, "thu.hai", "s-2"); err != nil || a.Login.Value != "s-2" { // its own
		t.Error(err)
	}
	f.Logins = hub.Login{}
	if _, err := f.Link(t.Context(), operator, "thu.hai", "s-3"); hub.KindOf(err) != hub.KindUnsupported {
		t.Error(err)
	}
}
