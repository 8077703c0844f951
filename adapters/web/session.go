package web

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// cookieName binds the cookie to this host and to HTTPS, where people come over it
// (draft-ietf-httpbis-rfc6265bis, 4.1.3.2).
func (s *site) cookieName() string {
	if s.Secure {
		return "__Host-lienthong"
	}
	return "lienthong"
}

// markLife is how long a browser is known without somebody signing in.
const markLife = 365 * 24 * time.Hour

// markName is the cookie by which a browser is known to the last person who signed in.
func (s *site) markName() string { return s.cookieName() + "-known" }

// mark is that of the browser, empty where nobody signed in yet.
func (x *exchange) mark() string {
	cookie, err := x.r.Cookie(x.markName())
	if err != nil {
		return ""
	}
	return cookie.Value
}

// setMark makes a browser known.
func (x *exchange) setMark(mark string) {
	http.SetCookie(x.w, &http.Cookie{ //nolint:gosec // Secure is set wherever people come by https
		Name: x.markName(), Value: mark, Path: "/", MaxAge: int(markLife.Seconds()), HttpOnly: true, Secure: x.Secure, SameSite: http.SameSiteLaxMode,
	})
}

// setSession gives the browser a token, or with an empty one takes it away.
func (x *exchange) setSession(token string) {
	c := &http.Cookie{ //nolint:gosec // Secure is set wherever people come by https
		Name: x.cookieName(), Value: token, Path: "/", HttpOnly: true, Secure: x.Secure, SameSite: http.SameSiteLaxMode,
	}
	if token == "" {
		c.MaxAge = -1
	}
	http.SetCookie(x.w, c)
}

type signInPage struct {
	Name, Next string
	Ended      bool
	Kept       string // a letter that was being written when the session ended
	Typed      string // another form that came when it had ended
	Of         string // who may have what was typed, see heldBy
	Unknown    string // as whom the identity provider names somebody without an account
}

func (x *exchange) signInShown(status int, p signInPage, problems map[string]string) error {
	return x.show(status, "signin", p, problems)
}

func (x *exchange) signInForm() error {
	if x.visit != nil {
		return x.redirect("/")
	}
	q := x.r.URL.Query()
	return x.show(http.StatusOK, "signin", signInPage{Next: q.Get("next"), Ended: q.Get("ended") != ""}, nil)
}

func (x *exchange) signIn() error {
	form := signInPage{Name: x.r.PostFormValue("name"), Next: x.r.PostFormValue("next"), Kept: x.r.PostFormValue("kept"), Typed: x.r.PostFormValue("typed"), Of: x.r.PostFormValue("of")}
	token, mark, err := x.Persons.SignIn(x.r.Context(), form.Name, x.r.PostFormValue("password"), x.r.PostFormValue("code"), x.mark())
	if err != nil && again(err) {
		return x.show(http.StatusUnprocessableEntity, "signin", form, x.problems(err, "name", "password"))
	}
	if err != nil {
		return err
	}
	x.setSession(token)
	x.setMark(mark)
	if (form.Kept != "" || form.Typed != "") && form.Of != heldBy(mark) {
		return x.redirect("/")
	}
	if form.Kept != "" {
		return x.resumeLetter(token, form.Kept)
	}
	if form.Typed != "" {
		return x.resumeForm(token, form.Typed)
	}
	return x.redirect(ownAddress(form.Next))
}

// ownAddress is where to go after signing in: an address of this site, else the first page.
func ownAddress(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.IsAbs() || u.Host != "" || !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") || strings.Contains(next, `\`) {
		return "/"
	}
	return next
}

func (x *exchange) signOut() error {
	if err := x.Persons.SignOut(x.r.Context(), x.token); err != nil {
		return err
	}
	x.setSession("")
	if x.Provider != nil && x.visit.Session.Auth == hub.AuthProvider {
		return x.leaveProvider()
	}
	return x.redirect("/sign-in")
}

func (x *exchange) chooseLanguage() error {
	x.setLanguage(x.r.PostFormValue("language"))
	return x.redirect(ownAddress(x.r.PostFormValue("next")))
}

func (x *exchange) setLanguage(chosen string) {
	if chosen != english {
		chosen = vietnamese
	}
	x.lang = chosen
	http.SetCookie(x.w, &http.Cookie{ //nolint:gosec // Secure is set wherever people come by https
		Name: languageCookie, Value: chosen, Path: "/", MaxAge: 365 * 24 * 3600, HttpOnly: true, Secure: x.Secure, SameSite: http.SameSiteLaxMode,
	})
}

func (x *exchange) chooseOffice() error {
	if err := x.Persons.WorkIn(x.r.Context(), *x.visit, hub.AgencyID(x.r.PostFormValue("office"))); err != nil {
		return err
	}
	return x.redirect("/")
}

func (x *exchange) passwordForm() error {
	return x.show(http.StatusOK, "password", nil, nil)
}

func (x *exchange) changePassword() error {
	chosen := x.r.PostFormValue("password")
	err := error(hub.Invalid("again", "repeat", "the two are not the same"))
	var token, mark string
	if chosen == x.r.PostFormValue("again") {
		token, mark, err = x.Persons.ChangePassword(x.r.Context(), *x.visit, x.r.PostFormValue("current"), chosen)
	}
	if err != nil && again(err) {
		return x.show(http.StatusUnprocessableEntity, "password", nil, x.problems(err, "current", "password", "again"))
	}
	if err != nil {
		return err
	}
	x.setSession(token)
	x.setMark(mark)
	return x.redirect("/")
}
