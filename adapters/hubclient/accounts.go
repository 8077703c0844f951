package hubclient

import (
	"context"
	"net/http"

	"github.com/lienthong/lienthong/hub"
)

// NewAccount describes an account to be made. Agencies are codes or ids.
type NewAccount struct {
	Name        string           `json:"name"`
	FullName    string           `json:"full_name"`
	Memberships []hub.Membership `json:"memberships"`
	// Login is as whom the identity provider names the person, who then has no password
	// here; optional.
	Login string `json:"login,omitempty"`
}

// GivenAccount is an account with its temporary password, which the hub shows this once;
// without one where the person signs in by an identity provider.
type GivenAccount struct {
	Account  hub.Account `json:"account"`
	Password string      `json:"password,omitempty"`
}

// CreateAccount makes an account. It is not repeated after a failure: the first might
// have made it.
func (c *Client) CreateAccount(ctx context.Context, account NewAccount) (GivenAccount, error) {
	k, err := call{method: http.MethodPost, path: pathOf("accounts")}.withJSON(account)
	if err != nil {
		return GivenAccount{}, err
	}
	var given GivenAccount
	err = c.json(ctx, k, &given)
	return given, err
}

// Accounts lists the accounts that the caller keeps.
func (c *Client) Accounts(ctx context.Context) ([]hub.Account, error) {
	l, err := list[hub.Account](ctx, c, pathOf("accounts"), nil, hub.Page{})
	return l.Items, err
}

// ResetAccount gives an account a new temporary password.
func (c *Client) ResetAccount(ctx context.Context, name string) (GivenAccount, error) {
	var given GivenAccount
	err := c.json(ctx, call{method: http.MethodDelete, path: pathOf("accounts", name, "password")}, &given)
	return given, err
}

// LockAccount shuts an account or opens it again.
func (c *Client) LockAccount(ctx context.Context, name string, locked bool) (hub.Account, error) {
	k, err := call{method: http.MethodPut, path: pathOf("accounts", name, "lock"), idempotent: true}.withJSON(map[string]bool{"locked": locked})
	if err != nil {
		return hub.Account{}, err
	}
	var account hub.Account
	err = c.json(ctx, k, &account)
	return account, err
}

// LinkAccount says as whom the identity provider names the person of an account; an empty
// login ends that.
func (c *Client) LinkAccount(ctx context.Context, name, login string) (hub.Account, error) {
	k, err := call{method: http.MethodPut, path: pathOf("accounts", name, "login"), idempotent: true}.withJSON(map[string]string{"login": login})
	if err != nil {
		return hub.Account{}, err
	}
	var account hub.Account
	err = c.json(ctx, k, &account)
	return account, err
}
