package web

import (
	"net/http"
	"strings"

	"github.com/lienthong/lienthong/hub"
)

type accountsPage struct {
	Accounts []hub.Account
	Roles    []hub.Role // that the person may give
	Wide     bool       // for any agency and for the hub, not for the person's own alone
	Form     accountForm
	// Password is the temporary one of Fresh: it is shown this once.
	Fresh, Password string
}

type accountForm struct{ Name, FullName, Role, Agency, Login string }

// accountsShown shows the accounts that the person keeps.
func (x *exchange) accountsShown(status int, p accountsPage, problems map[string]string) error {
	var err error
	if p.Accounts, err = x.Keeper.List(x.r.Context(), x.visit.Actor); err != nil {
		return err
	}
	p.Wide = x.visit.Actor.Has(hub.ScopeOperate)
	p.Roles = []hub.Role{hub.RoleClerk, hub.RoleLeader, hub.RoleAuditor, hub.RoleAdministrator}
	if p.Wide {
		p.Roles = hub.Roles()
	}
	return x.show(status, "accounts", p, problems)
}

func (x *exchange) accounts() error { return x.accountsShown(http.StatusOK, accountsPage{}, nil) }

func (x *exchange) createAccount() error {
	value := x.r.PostFormValue
	form := accountForm{value("name"), value("full_name"), value("role"), value("agency"), strings.TrimSpace(value("login"))}
	account := hub.Account{Name: form.Name, FullName: form.FullName, Memberships: []hub.Membership{{Agency: x.office(), Role: hub.Role(form.Role)}}}
	if form.Login != "" {
		account.Login = &hub.Login{Value: form.Login}
	}
	if x.visit.Actor.Has(hub.ScopeOperate) {
		account.Memberships[0].Agency = ""
		if form.Agency != "" {
			found, err := x.Directory.Resolve(form.Agency, x.Now())
			if err != nil {
				problems := x.problems(err)
				return x.accountsShown(http.StatusUnprocessableEntity, accountsPage{Form: form}, map[string]string{"agency": problems[""]})
			}
			account.Memberships[0].Agency = found.Agency.ID
		}
	}
	fresh, password, err := x.Keeper.Create(x.r.Context(), x.visit.Actor, account)
	if err != nil && again(err) {
		problems := x.problems(err, "name", "full_name", "login", "memberships[0]", "memberships[0].role")
		if problems["role"] = problems["memberships[0].role"]; problems["role"] == "" {
			problems["role"] = problems["memberships[0]"]
		}
		return x.accountsShown(statusOf(hub.KindOf(err)), accountsPage{Form: form}, problems)
	}
	if err != nil {
		return err
	}
	return x.accountsShown(http.StatusOK, accountsPage{Fresh: fresh.Name, Password: password}, nil)
}

func (x *exchange) resetAccount() error {
	account, password, err := x.Keeper.Reset(x.r.Context(), x.visit.Actor, x.r.PathValue("name"))
	if err != nil {
		return err
	}
	return x.accountsShown(http.StatusOK, accountsPage{Fresh: account.Name, Password: password}, nil)
}

func (x *exchange) lockAccount() error {
	if _, err := x.Keeper.Lock(x.r.Context(), x.visit.Actor, x.r.PathValue("name"), x.r.PostFormValue("locked") == "true"); err != nil {
		return err
	}
	return x.redirect("/accounts")
}
