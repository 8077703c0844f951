package web

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Provider is an identity provider, where people sign in instead of here. The secret is
// that of one browser for one attempt: what another one asked for proves nothing.
type Provider interface {
	// Begin returns the address at which the person signs in.
	Begin(ctx context.Context, secret string) (address string, err error)
	// Finish returns whom the provider names in the answer that the browser brought back.
	Finish(ctx context.Context, secret string, answer url.Values) (hub.Login, error)
	// End returns the address at which the person signs out there; "" where there is none.
	End(ctx context.Context) string
}

// Outside lets in whom an identity provider names.
type Outside interface {
	SignInAs(ctx context.Context, login hub.Login) (token, mark string, err error)
}

// Links says as whom an identity provider names the persons of accounts.
type Links interface {
	Link(ctx context.Context, actor hub.Actor, name, login string) (hub.Account, error)
}

// attemptLife is how long somebody may take to sign in at the provider.
const attemptLife = 15 * time.Minute

// maxNext is the longest address to go on at that an attempt keeps, in bytes.
const maxNext = 1024

// endTime bounds the wait for the provider when somebody signs out.
const endTime = 3 * time.Second

func (s *site) attemptName() string { return s.cookieName() + "-attempt" }

// setAttempt gives the browser the secret of an attempt and where to go on after it; an
// empty one takes it away.
func (x *exchange) setAttempt(value string) {
	c := &http.Cookie{ //nolint:gosec // Secure is set wherever people come by https
		Name: x.attemptName(), Value: value, Path: "/", MaxAge: int(attemptLife.Seconds()), HttpOnly: true, Secure: x.Secure, SameSite: http.SameSiteLaxMode,
	}
	if value == "" {
		c.MaxAge = -1
	}
	http.SetCookie(x.w, c)
}

// beginAtProvider sends the browser to the provider.
func (x *exchange) beginAtProvider() error {
	if x.Provider == nil || x.visit != nil {
		return x.redirect("/sign-in")
	}
	next := ownAddress(x.r.URL.Query().Get("next"))
	if len(next) > maxNext {
		next = "/"
	}
	secret := rand.Text() + rand.Text()
	address, err := x.Provider.Begin(x.r.Context(), secret)
	if err != nil {
		return x.notAtProvider(next, err)
	}
	x.setAttempt(secret + "." + url.QueryEscape(next))
	return x.redirect(address)
}

// backFromProvider takes the answer that the browser brings from the provider. The attempt
// is over, however it ends.
func (x *exchange) backFromProvider() error {
	if x.Provider == nil {
		return x.redirect("/sign-in")
	}
	secret, next := "", "/"
	if cookie, err := x.r.Cookie(x.attemptName()); err == nil {
		var kept string
		secret, kept, _ = strings.Cut(cookie.Value, ".")
		if kept, err = url.QueryUnescape(kept); err == nil {
			next = ownAddress(kept)
		}
	}
	x.setAttempt("")
	login, err := x.Provider.Finish(x.r.Context(), secret, x.r.URL.Query())
	if err != nil {
		return x.notAtProvider(next, err)
	}
	token, mark, err := x.Outside.SignInAs(x.r.Context(), login)
	if err != nil && hub.KindOf(err) == hub.KindUntrusted {
		return x.signInShown(http.StatusUnprocessableEntity, signInPage{Next: next, Unknown: login.Value}, x.problems(err))
	}
	if err != nil {
		return err
	}
	x.setSession(token)
	x.setMark(mark)
	return x.redirect(next)
}

// notAtProvider says why nobody was let in, above the form with which people sign in
// here.
func (x *exchange) notAtProvider(next string, err error) error {
	switch kind := hub.KindOf(err); kind {
	case hub.KindUntrusted, hub.KindUnavailable, hub.KindBusy:
		x.Log.WarnContext(x.r.Context(), "nobody signed in by the identity provider", "error", shortened(err))
		return x.signInShown(statusOf(kind), signInPage{Next: next}, x.problems(err))
	}
	return err
}

// shortened is an error for the log: a provider may answer with a whole page.
func shortened(err error) string {
	const most = 500
	text := []rune(err.Error())
	return string(text[:min(len(text), most)])
}

// leaveProvider shows that somebody signed out here, and leads on to where the person
// signs out at the provider, too.
func (x *exchange) leaveProvider() error {
	ctx, stop := context.WithTimeout(x.r.Context(), endTime)
	defer stop()
	address := x.Provider.End(ctx)
	if address == "" {
		return x.redirect("/sign-in")
	}
	x.visit, x.token = nil, ""
	x.w.Header().Set("Refresh", "0; url="+address)
	return x.show(http.StatusOK, "signedout", address, nil)
}

// linkAccount says as whom the provider names the person of an account.
func (x *exchange) linkAccount() error {
	if _, err := x.Links.Link(x.r.Context(), x.visit.Actor, x.r.PathValue("name"), strings.TrimSpace(x.r.PostFormValue("login"))); err != nil {
		if again(err) {
			return x.accountsShown(statusOf(hub.KindOf(err)), accountsPage{}, x.problems(err))
		}
		return err
	}
	return x.redirect("/accounts")
}

// ProviderName is what people call the identity provider; "" where there is none.
func (v *view) ProviderName() string {
	if v.x.Provider == nil {
		return ""
	}
	return v.x.ProviderName
}
