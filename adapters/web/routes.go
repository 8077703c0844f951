package web

import (
	"net/http"
	"slices"

	"github.com/lienthong/lienthong/hub"
)

// route is one address. Deny by default: a route that is not public needs a session,
// and one of the scopes.
type route struct {
	method, pattern string
	public          bool
	anybody         bool        // who is signed in, whatever the scopes; also with a temporary password
	scopes          []hub.Scope // any of them
	files           bool        // the form holds files: the handler reads it, and its token first
	handle          func(*exchange) error
}

// routes are all addresses.
func routes() []route {
	collect, read := []hub.Scope{hub.ScopeCollect}, []hub.Scope{hub.ScopeRead}
	submit := []hub.Scope{hub.ScopeSubmit}
	either := []hub.Scope{hub.ScopeCollect, hub.ScopeRead}
	accounts := []hub.Scope{hub.ScopeAccounts, hub.ScopeOperate}
	operate, verify := []hub.Scope{hub.ScopeOperate}, []hub.Scope{hub.ScopeVerify}
	return []route{
		{method: http.MethodGet, pattern: "/{$}", anybody: true, handle: (*exchange).home},
		{method: http.MethodGet, pattern: "/sign-in", public: true, handle: (*exchange).signInForm},
		{method: http.MethodPost, pattern: "/sign-in", public: true, handle: (*exchange).signIn},
		{method: http.MethodPost, pattern: "/language", public: true, handle: (*exchange).chooseLanguage},
		{method: http.MethodPost, pattern: "/sign-out", anybody: true, handle: (*exchange).signOut},
		{method: http.MethodGet, pattern: "/password", anybody: true, handle: (*exchange).passwordForm},
		{method: http.MethodPost, pattern: "/password", anybody: true, handle: (*exchange).changePassword},
		{method: http.MethodPost, pattern: "/office", anybody: true, handle: (*exchange).chooseOffice},

		{method: http.MethodGet, pattern: "/inbox", scopes: collect, handle: (*exchange).inbox},
		{method: http.MethodGet, pattern: "/inbox/{delivery}", scopes: collect, handle: (*exchange).incoming},
		{method: http.MethodPost, pattern: "/inbox/{delivery}/register", scopes: collect, handle: (*exchange).register},
		{method: http.MethodPost, pattern: "/inbox/{delivery}/refuse", scopes: collect, handle: (*exchange).refuse},
		{method: http.MethodPost, pattern: "/inbox/{delivery}/report", scopes: collect, handle: (*exchange).report},
		{method: http.MethodGet, pattern: "/send", scopes: submit, handle: (*exchange).newLetter},
		{method: http.MethodPost, pattern: "/send", scopes: submit, files: true, handle: (*exchange).sendLetter},
		{method: http.MethodGet, pattern: "/sent", scopes: read, handle: (*exchange).sent},
		{method: http.MethodGet, pattern: "/sent/{dispatch}", scopes: read, handle: (*exchange).board},
		{method: http.MethodGet, pattern: "/documents/{dispatch}/parts/{part}", scopes: either, handle: (*exchange).part},
		{method: http.MethodGet, pattern: "/documents/{dispatch}/bundle", scopes: read, handle: (*exchange).bundle},
		{method: http.MethodGet, pattern: "/evidence/{evidence}", scopes: read, handle: (*exchange).receipt},

		{method: http.MethodGet, pattern: "/examine", scopes: verify, handle: (*exchange).examineForm},
		{method: http.MethodPost, pattern: "/examine", scopes: verify, files: true, handle: (*exchange).examine},
		{method: http.MethodGet, pattern: "/health", scopes: operate, handle: (*exchange).health},
		{method: http.MethodGet, pattern: "/agencies", scopes: operate, handle: (*exchange).agencies},
		{method: http.MethodGet, pattern: "/accounts", scopes: accounts, handle: (*exchange).accounts},
		{method: http.MethodPost, pattern: "/accounts", scopes: accounts, handle: (*exchange).createAccount},
		{method: http.MethodPost, pattern: "/accounts/{name}/reset", scopes: accounts, handle: (*exchange).resetAccount},
		{method: http.MethodPost, pattern: "/accounts/{name}/lock", scopes: accounts, handle: (*exchange).lockAccount},
	}
}

// may reports whether an actor has one of the scopes.
func may(actor *hub.Actor, scopes []hub.Scope) bool { return slices.ContainsFunc(scopes, actor.Has) }

// home leads to the first page of what the person does.
func (x *exchange) home() error {
	a := &x.visit.Actor
	switch {
	case x.visit.Account.Temporary:
		return x.redirect("/password")
	case a.Has(hub.ScopeCollect):
		return x.redirect("/inbox")
	case a.Has(hub.ScopeOperate):
		return x.redirect("/health")
	case a.Has(hub.ScopeVerify):
		return x.redirect("/examine")
	case a.Has(hub.ScopeAccounts):
		return x.redirect("/accounts")
	}
	return x.redirect("/password")
}

func (x *exchange) nothing() error {
	return hub.Errorf(hub.KindNotFound, "", "", "there is no such page")
}
