package httpapi

import (
	"context"
	"fmt"
	"net/http"

	"github.com/lienthong/lienthong/hub"
)

// Accounts keeps the accounts of persons.
type Accounts interface {
	Create(ctx context.Context, actor hub.Actor, account hub.Account) (hub.Account, string, error)
	List(ctx context.Context, actor hub.Actor) ([]hub.Account, error)
	Reset(ctx context.Context, actor hub.Actor, name string) (hub.Account, string, error)
	Lock(ctx context.Context, actor hub.Actor, name string, locked bool) (hub.Account, error)
	Link(ctx context.Context, actor hub.Actor, name, login string) (hub.Account, error)
}

func accountRoutes() []route {
	keep := []hub.Scope{hub.ScopeOperate, hub.ScopeAccounts}
	return []route{
		{method: http.MethodGet, pattern: "/v1/accounts", scopes: keep, handle: (*api).listAccounts},
		{method: http.MethodPost, pattern: "/v1/accounts", scopes: keep, limit: jsonLimit, handle: (*api).createAccount},
		{method: http.MethodDelete, pattern: "/v1/accounts/{name}/password", scopes: keep, handle: (*api).resetAccount},
		{method: http.MethodPut, pattern: "/v1/accounts/{name}/lock", scopes: keep, limit: jsonLimit, handle: (*api).lockAccount},
		{method: http.MethodPut, pattern: "/v1/accounts/{name}/login", scopes: []hub.Scope{hub.ScopeOperate}, limit: jsonLimit, handle: (*api).linkAccount},
	}
}

// givenAccount is an account with its temporary password.
type givenAccount struct {
	Account  hub.Account `json:"account"`
	Password string      `json:"password,omitempty"`
}

func (a *api) listAccounts(x *exchange) error {
	list, err := a.Accounts.List(x.r.Context(), x.actor)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, listed(hub.List[hub.Account]{Items: list}))
}

// accountWish is the body of POST /v1/accounts.
type accountWish struct {
	Name        string           `json:"name"`
	FullName    string           `json:"full_name"`
	Memberships []hub.Membership `json:"memberships"` // agencies are codes or ids
	Login       string           `json:"login"`       // at the identity provider
}

func (a *api) createAccount(x *exchange) error {
	var wish accountWish
	if err := x.read(&wish); err != nil {
		return err
	}
	for i := range wish.Memberships {
		m := &wish.Memberships[i]
		if m.Agency == "" {
			continue
		}
		id, err := a.anyAgency(fmt.Sprintf("memberships[%d].agency", i), string(m.Agency))
		if err != nil {
			return err
		}
		m.Agency = id
	}
	wanted := hub.Account{Name: wish.Name, FullName: wish.FullName, Memberships: wish.Memberships}
	if wish.Login != "" {
		wanted.Login = &hub.Login{Value: wish.Login}
	}
	account, password, err := a.Accounts.Create(x.r.Context(), x.actor, wanted)
	if err != nil {
		return err
	}
	return x.json(http.StatusCreated, givenAccount{account, password})
}

func (a *api) resetAccount(x *exchange) error {
	account, password, err := a.Accounts.Reset(x.r.Context(), x.actor, x.param("name"))
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, givenAccount{account, password})
}

func (a *api) lockAccount(x *exchange) error {
	var wish struct {
		Locked bool `json:"locked"`
	}
	if err := x.read(&wish); err != nil {
		return err
	}
	account, err := a.Accounts.Lock(x.r.Context(), x.actor, x.param("name"), wish.Locked)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, account)
}

// linkWish is the body of PUT /v1/accounts/{name}/login.
type linkWish struct {
	Login string `json:"login"`
}

func (a *api) linkAccount(x *exchange) error {
	var wish linkWish
	if err := x.read(&wish); err != nil {
		return err
	}
	account, err := a.Accounts.Link(x.r.Context(), x.actor, x.param("name"), wish.Login)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, account)
}
