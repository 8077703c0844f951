// Package accounts knows the persons who work with the pages of a hub: who they are,
// which roles they have in which agencies, and who is signed in.
//
// It promises that a password is kept only as an argon2id hash (RFC 9106) and obeys the
// rules of NIST SP 800-63B-4, 3.1.1; that guessing gets slower with every try and ends
// at the hundredth, without shutting the person out of a browser that it signed in from
// before; that neither an answer nor its time tells whether a name exists; that a session
// ends with its time, with the next password and with the lock of its account, on every
// node at once. Who may do what is decided by hub.Actor alone, which Visit makes for
// one office of the person at a time.
//
// The operator of the hub keeps all accounts, an administrator those of persons who
// belong to its agencies and to no other. Nobody learns a password but its owner: a new
// account and a reset give a temporary one, with which nothing works but choosing
// another.
package accounts

import (
	"context"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/lienthong/lienthong/hub"
)

// Options are what a Service needs. Times without a value take the default named beside.
type Options struct {
	Store     Store
	Sessions  SessionStore
	Directory Directory
	Vault     Vault // of the secrets of second factors
	Now       func() time.Time
	Random    io.Reader // cryptographically secure, safe for concurrent use

	// Logins are those of the identity provider that people may sign in by: issuer and
	// claim, without a value. Empty where there is no provider.
	Logins hub.Login

	Idle time.Duration // after which a session that is not used ends; default 1 h
	Life time.Duration // after which every session ends; default 12 h
	Cost Cost          // of a hash; default 19 MiB and two passes

	// Wrong is the time before which nobody hears that name and password do not fit,
	// whether the name exists or not; default 500 ms.
	Wrong time.Duration
}

// Service keeps accounts and sessions. It is safe for concurrent use.
type Service struct {
	Options
	hashing chan struct{} // bounds memory and guesses side by side
	nobody  string        // the hash that the password of an unknown name is held against
}

// hashesAtOnce bounds the hashes that are made side by side, 19 MiB each.
const hashesAtOnce = 2

// New returns a Service.
func New(o Options) (*Service, error) {
	if o.Idle == 0 {
		o.Idle = time.Hour
	}
	if o.Life == 0 {
		o.Life = 12 * time.Hour
	}
	if o.Wrong == 0 {
		o.Wrong = 500 * time.Millisecond
	}
	if o.Cost == (Cost{}) {
		o.Cost = usualCost()
	}
	s := &Service{Options: o, hashing: make(chan struct{}, hashesAtOnce)}
	var err error
	s.nobody, err = hashOfNobody(o.Cost, o.Random)
	return s, err
}

func (s *Service) now() time.Time { return s.Now().UTC().Truncate(time.Millisecond) }

// Create makes an account and returns it with its temporary password, which is not kept.
// With the value of a login there is no password: the person signs in by the identity
// provider. That takes ScopeOperate. Errors: KindDenied; hub.Violations of KindInvalid by
// field; KindConflict when the name or the login is taken.
func (s *Service) Create(ctx context.Context, actor hub.Actor, account hub.Account) (hub.Account, string, error) {
	if err := mayKeep(actor, &account); err != nil {
		return hub.Account{}, "", err
	}
	fresh := hub.Account{
		Name: strings.ToLower(strings.TrimSpace(account.Name)), FullName: strings.TrimSpace(account.FullName),
		Memberships: slices.Clone(account.Memberships), Temporary: true, Created: s.now(), Version: 1,
	}
	if err := s.check(&fresh); err != nil {
		return hub.Account{}, "", err
	}
	var password string
	var err error
	if account.Login != nil {
		fresh.Temporary = false
		fresh.Login, err = s.loginOf(ctx, actor, fresh.Name, account.Login.Value)
	} else {
		password, err = s.temporary(ctx, &fresh)
	}
	if err != nil {
		return hub.Account{}, "", err
	}
	if err := s.Store.SaveAccount(ctx, fresh); err != nil {
		if hub.KindOf(err) == hub.KindConflict {
			err = hub.Errorf(hub.KindConflict, "name", "unique", "there is an account of the name %q already, or another one got the login at this moment", fresh.Name)
		}
		return hub.Account{}, "", err
	}
	return fresh, password, nil
}

// names are short, easy to type and to tell apart.
var names = regexp.MustCompile(`^[a-z0-9]([a-z0-9.@_-]{1,62}[a-z0-9])$`)

const maxFullName = 100

func (s *Service) check(a *hub.Account) error {
	var found hub.Violations
	if !names.MatchString(a.Name) {
		found = append(found, hub.Invalid("name", "account_name", "a name has 3 to 64 letters a-z, digits and . @ _ - between them"))
	}
	if n := utf8.RuneCountInString(a.FullName); n == 0 || n > maxFullName || strings.ContainsFunc(a.FullName, func(r rune) bool { return !unicode.IsPrint(r) }) {
		found = append(found, hub.Invalid("full_name", "required", "the full name has 1 to %d characters without control characters", maxFullName))
	}
	if len(a.Memberships) == 0 {
		found = append(found, hub.Invalid("memberships", "required", "an account has a role in at least one agency or in the hub"))
	}
	for i, m := range a.Memberships {
		field := fmt.Sprintf("memberships[%d]", i)
		_, known := s.Directory.ByID(m.Agency)
		switch {
		case !slices.Contains(hub.Roles(), m.Role):
			found = append(found, hub.Invalid(field+".role", "code_list", "%.40q is no role; they are %v", string(m.Role), hub.Roles()))
		case m.Agency != "" && !known:
			found = append(found, hub.Errorf(hub.KindUnknownAgency, field+".agency", "unknown_agency", "no agency has the id %.60q", string(m.Agency)))
		case !m.Valid():
			found = append(found, hub.Invalid(field, "membership", "the role %s %s", m.Role, whereTo(m)))
		}
	}
	return found.AsError()
}

func whereTo(m hub.Membership) string {
	if m.Agency == "" {
		return "belongs to an agency"
	}
	return "belongs to the hub as a whole, not to an agency"
}

// mayKeep decides who keeps which accounts.
func mayKeep(actor hub.Actor, a *hub.Account) error {
	if actor.Has(hub.ScopeOperate) {
		return nil
	}
	if err := actor.Require(hub.ScopeAccounts); err != nil {
		return err
	}
	for _, m := range a.Memberships {
		if err := actor.SpeaksFor(m.Agency, hub.ScopeAccounts); err != nil {
			return err
		}
	}
	return nil
}

// List returns the accounts that the actor keeps, by name.
func (s *Service) List(ctx context.Context, actor hub.Actor) ([]hub.Account, error) {
	if err := mayKeep(actor, &hub.Account{}); err != nil {
		return nil, err
	}
	list, err := s.Store.Accounts(ctx)
	return slices.DeleteFunc(list, func(a hub.Account) bool { return mayKeep(actor, &a) != nil }), err
}

// Reset gives an account a new temporary password, ends its sessions and its second factor
// and forgets wrong guesses. Accounts that the actor does not keep do not exist for it.
func (s *Service) Reset(ctx context.Context, actor hub.Actor, name string) (hub.Account, string, error) {
	var password string
	account, err := s.keep(ctx, actor, name, func(a *hub.Account) (err error) {
		a.Temporary, a.TwoStep, a.SecondFactor = true, false, nil // who lost the program lost the second factor
		forget(a)
		password, err = s.temporary(ctx, a)
		return err
	})
	return account, password, err
}

// Lock shuts an account at once, or opens it again. A second time changes nothing.
func (s *Service) Lock(ctx context.Context, actor hub.Actor, name string, locked bool) (hub.Account, error) {
	return s.keep(ctx, actor, name, func(a *hub.Account) error {
		switch {
		case !locked:
			a.Locked = time.Time{}
		case a.Locked.IsZero():
			a.Locked = s.now()
		}
		return nil
	})
}

// keep changes an account that the actor keeps, and ends its sessions.
func (s *Service) keep(ctx context.Context, actor hub.Actor, name string, change func(*hub.Account) error) (hub.Account, error) {
	if err := mayKeep(actor, &hub.Account{}); err != nil {
		return hub.Account{}, err
	}
	account, err := s.change(ctx, name, func(a *hub.Account) error {
		if mayKeep(actor, a) != nil {
			return hub.Errorf(hub.KindNotFound, "account", "", "there is no such account")
		}
		return change(a)
	})
	if err != nil {
		return hub.Account{}, err
	}
	return account, s.Sessions.EndSessions(ctx, account.Name)
}

// changeTries bounds how often a change is tried against others of the same account.
const changeTries = 20

// change reads an account, changes it and writes it back, again where another change
// came between.
func (s *Service) change(ctx context.Context, name string, change func(*hub.Account) error) (hub.Account, error) {
	for try := 1; ; try++ {
		account, err := s.Store.Account(ctx, strings.ToLower(strings.TrimSpace(name)))
		if err != nil {
			return hub.Account{}, err
		}
		if err := change(&account); err != nil {
			return hub.Account{}, err
		}
		account.Version++
		err = s.Store.SaveAccount(ctx, account)
		if err == nil || hub.KindOf(err) != hub.KindConflict || try == changeTries {
			return account, err
		}
	}
}
