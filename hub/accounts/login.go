package accounts

import (
	"cmp"
	"context"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/lienthong/lienthong/hub"
)

// maxLogin bounds the value of a login in bytes, as that of a subject is bounded
// (OpenID Connect Core 1.0, section 2).
const maxLogin = 255

// SignInAs begins a session of the person whom an identity provider vouches for, and
// returns its token and the mark as SignIn does. A second factor is the provider's business.
// KindUntrusted with the rule "login" where nobody has the login, or the account is
// locked.
func (s *Service) SignInAs(ctx context.Context, login hub.Login) (token, mark string, err error) {
	account, err := s.Store.AccountByLogin(ctx, login)
	if err != nil && hub.KindOf(err) != hub.KindNotFound {
		return "", "", err
	}
	if err != nil || !account.Locked.IsZero() {
		return "", "", hub.Errorf(hub.KindUntrusted, "login", "login", "no account is open for this login: the operator of the hub can link one")
	}
	if account.Secret() == "" {
		if account, err = s.seed(ctx, account.Name); err != nil {
			return "", "", err
		}
	}
	token, err = s.begin(ctx, &account, hub.AuthProvider)
	return token, markOf(&account), err
}

// seed gives an account without a password a secret.
func (s *Service) seed(ctx context.Context, name string) (hub.Account, error) {
	fresh, err := s.draw(tokenBytes)
	if err != nil {
		return hub.Account{}, err
	}
	return s.change(ctx, name, func(a *hub.Account) error {
		a.Seed = cmp.Or(a.Seed, fresh) // of two browsers, the first one's
		return nil
	})
}

// Link lets the person of an account in by the identity provider, as whom the value names
// there; an empty one ends that. It ends the sessions of the account and takes
// ScopeOperate. Errors: KindDenied; KindNotFound; KindInvalid with the field "login", also
// where ending it would leave no way in; KindConflict where another account has the login;
// KindUnsupported without a provider.
func (s *Service) Link(ctx context.Context, actor hub.Actor, name, value string) (hub.Account, error) {
	return s.keep(ctx, actor, name, func(a *hub.Account) error {
		if value == "" {
			if err := actor.Require(hub.ScopeOperate); err != nil {
				return err
			}
			if a.Password == "" {
				return hub.Invalid("login", "only_way", "the account has no password: reset it first, which gives it one")
			}
			a.Login = nil
			return nil
		}
		login, err := s.loginOf(ctx, actor, a.Name, value)
		a.Login = login
		return err
	})
}

// loginOf is the login of an account with a value, if the account may have it.
func (s *Service) loginOf(ctx context.Context, actor hub.Actor, name, value string) (*hub.Login, error) {
	login := s.Logins
	login.Value = value
	if err := actor.Require(hub.ScopeOperate); err != nil {
		return nil, err
	}
	switch {
	case login.Issuer == "":
		return nil, hub.Errorf(hub.KindUnsupported, "login", "provider", "this hub knows no identity provider")
	case value == "" || len(value) > maxLogin || !utf8.ValidString(value) || strings.ContainsFunc(value, func(r rune) bool { return !unicode.IsPrint(r) }) || strings.TrimSpace(value) != value:
		return nil, hub.Invalid("login", "login_value", "a login has 1 to %d bytes of printable characters, and no blanks around them", maxLogin)
	}
	switch other, err := s.Store.AccountByLogin(ctx, login); {
	case err == nil && other.Name != name:
		return nil, hub.Errorf(hub.KindConflict, "login", "unique", "the account %q has this login", other.Name)
	case err != nil && hub.KindOf(err) != hub.KindNotFound:
		return nil, err
	}
	return &login, nil
}

// proofOf is what a session stands on: it ends when that is another.
func proofOf(a *hub.Account, auth hub.AuthMethod) hub.Digest {
	if auth != hub.AuthProvider {
		return hashOf(a.Password)
	}
	if a.Login == nil {
		return hub.Digest{}
	}
	return hashOf("login " + a.Login.Key())
}
