package cli

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/text"
	"github.com/lienthong/lienthong/hub"
)

type accountCommand struct {
	Create accountCreate `cmd:"" help:"Create an account for a person; its temporary password is shown this once."`
	List   accountList   `cmd:"" help:"List accounts."`
	Reset  accountReset  `cmd:"" help:"Give an account a new temporary password and end its sessions."`
	Lock   accountLock   `cmd:"" help:"Lock an account at once; --open opens it again."`
	Link   accountLink   `cmd:"" help:"Let a person in by the identity provider of the hub, or no longer."`
}

type accountCreate struct {
	connection `embed:""`
	Name       string   `arg:"" help:"What the person signs in with: 3 to 64 letters a-z, digits and . @ _ -"`
	FullName   string   `required:"" help:"Full name of the person."`
	Role       []string `required:"" help:"ROLE@AGENCY (code or id) with the role clerk, leader, auditor or administrator; operator or auditor alone for the hub as a whole. Repeat for several."`
	Subject    string   `name:"oidc-subject" help:"As whom the identity provider of the hub names the person, who signs in there: the value of the claim of --oidc-claim. There is no password then."`
}

// Run creates an account.
func (c *accountCreate) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	account := hubclient.NewAccount{Name: c.Name, FullName: c.FullName, Login: c.Subject}
	for _, role := range c.Role {
		name, agency, _ := strings.Cut(role, "@")
		account.Memberships = append(account.Memberships, hub.Membership{Role: hub.Role(name), Agency: hub.AgencyID(agency)})
	}
	given, err := client.CreateAccount(ctx, account)
	if err != nil {
		return err
	}
	return printGiven(e, given)
}

func printGiven(e *env, given hubclient.GivenAccount) error {
	return e.print(given, func(w io.Writer) {
		if given.Password == "" {
			e.note("%s signs in by the identity provider as %s", given.Account.Name, given.Account.Login.Value)
			return
		}
		fmt.Fprintln(w, given.Password)
		e.note("temporary password of %s; it is not shown again and must be changed when signing in", given.Account.Name)
	})
}

type accountList struct {
	connection `embed:""`
}

// Run lists accounts.
func (c *accountList) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	list, err := client.Accounts(ctx)
	if err != nil {
		return err
	}
	return e.print(list, func(w io.Writer) {
		t := text.Table{Head: []string{"ACCOUNT", "FULL NAME", "ROLES", "STATE"}}
		for i := range list {
			a := &list[i]
			var roles []string
			for _, m := range a.Memberships {
				roles = append(roles, strings.TrimSuffix(string(m.Role)+"@"+string(m.Agency), "@"))
			}
			state := "in use"
			switch {
			case !a.Locked.IsZero():
				state = "locked " + text.Clock(a.Locked)
			case a.Temporary:
				state = "temporary password"
			}
			if a.Login != nil {
				state += ", signs in as " + a.Login.Value
			}
			t.Add(a.Name, a.FullName, strings.Join(roles, ","), state)
		}
		t.Write(w)
	})
}

type accountReset struct {
	connection `embed:""`
	Name       string `arg:"" help:"Name of the account."`
}

// Run resets an account.
func (c *accountReset) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	given, err := client.ResetAccount(ctx, c.Name)
	if err != nil {
		return err
	}
	return printGiven(e, given)
}

type accountLock struct {
	connection `embed:""`
	Name       string `arg:"" help:"Name of the account."`
	Open       bool   `help:"Open the account again."`
}

// Run locks or opens an account.
func (c *accountLock) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	account, err := client.LockAccount(ctx, c.Name, !c.Open)
	if err != nil {
		return err
	}
	return e.print(account, func(w io.Writer) {
		if c.Open {
			fmt.Fprintln(w, "opened", account.Name)
		} else {
			fmt.Fprintln(w, "locked", account.Name)
		}
	})
}

type accountLink struct {
	connection `embed:""`
	Name       string `arg:"" help:"Name of the account."`
	Subject    string `name:"oidc-subject" xor:"link" required:"" help:"As whom the identity provider names the person: the value of the claim of --oidc-claim."`
	None       bool   `xor:"link" required:"" help:"End the link: the person signs in with a password again."`
}

// Run links an account.
func (c *accountLink) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	account, err := client.LinkAccount(ctx, c.Name, c.Subject)
	if err != nil {
		return err
	}
	return e.print(account, func(w io.Writer) {
		if account.Login == nil {
			fmt.Fprintln(w, "ended the link of", account.Name)
		} else {
			fmt.Fprintln(w, "linked", account.Name)
		}
	})
}
