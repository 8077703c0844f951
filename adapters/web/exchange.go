package web

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/lienthong/lienthong/hub"
)

// exchange is one request and its answer.
type exchange struct {
	*site
	w     http.ResponseWriter
	r     *http.Request
	lang  string
	token string
	visit *hub.Visit // nil: nobody is signed in
}

// maxForm bounds forms without files, in bytes.
const maxForm = 64 << 10

// endpoint lets in who may, and answers with what the handler says.
func (s *site) endpoint(rt route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := &exchange{site: s, w: w, r: r, lang: s.language(r)}
		w.Header().Set("Cache-Control", "no-store")
		if err := x.admit(rt); err != nil {
			x.fail(err)
			return
		}
		if x.visit == nil && !rt.public {
			if !rt.files || !x.keepLetter() {
				x.askToSignIn()
			}
			return
		}
		if err := rt.handle(x); err != nil {
			x.fail(err)
		}
	})
}

func (x *exchange) admit(rt route) error {
	if err := x.whoIsThere(); err != nil {
		return err
	}
	if x.visit != nil && !rt.public && !rt.anybody && !may(&x.visit.Actor, rt.scopes) {
		return hub.Errorf(hub.KindDenied, "", "scope", "your role does not allow this")
	}
	if x.r.Method != http.MethodPost || rt.files {
		return nil // a form with files carries its token before them
	}
	x.r.Body = http.MaxBytesReader(x.w, x.r.Body, maxForm)
	if err := x.r.ParseForm(); err != nil {
		return hub.Errorf(hub.KindTooLarge, "", "max_size", "the form is too large or broken")
	}
	if x.visit != nil && !x.ownForm(x.r.PostFormValue("form")) {
		return hub.Errorf(hub.KindDenied, "", "cross_origin", "this form was not made for this session")
	}
	return nil
}

// whoIsThere finds the session of the cookie. One that has ended is nobody.
func (x *exchange) whoIsThere() error {
	cookie, err := x.r.Cookie(x.cookieName())
	if err != nil {
		return nil //nolint:nilerr // nobody is signed in
	}
	visit, err := x.Persons.Visit(x.r.Context(), cookie.Value)
	switch {
	case err == nil:
		x.token, x.visit = cookie.Value, &visit
	case hub.KindOf(err) != hub.KindUntrusted:
		return err
	}
	return nil
}

// formToken ties forms to a session, for browsers that do not say where a request comes from.
func (x *exchange) formToken() string {
	mac := hmac.New(sha256.New, []byte(x.token))
	mac.Write([]byte("form"))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func (x *exchange) ownForm(token string) bool {
	return x.token != "" && hmac.Equal([]byte(token), []byte(x.formToken()))
}

func (x *exchange) redirect(to string) error {
	http.Redirect(x.w, x.r, to, http.StatusSeeOther)
	return nil
}

// askToSignIn keeps where a person wanted to go.
func (x *exchange) askToSignIn() {
	to := "/sign-in"
	if x.r.Method == http.MethodGet && x.r.URL.Path != "/" {
		to += "?" + query("next", x.r.URL.RequestURI())
	} else if x.r.Method == http.MethodPost {
		to += "?ended=1"
	}
	_ = x.redirect(to)
}

// show answers with a page.
func (x *exchange) show(status int, name string, data any, problems map[string]string) error {
	v := &view{x: x, Page: name, Data: data, Problems: problems}
	var b bytes.Buffer
	if err := x.pages.write(&b, name, v); err != nil {
		return err
	}
	x.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	x.w.Header().Set("Content-Language", x.lang)
	x.w.WriteHeader(status)
	_, err := x.w.Write(b.Bytes())
	if err != nil {
		return nil //nolint:nilerr // the browser has gone: there is nobody to tell
	}
	return nil
}

// statuses maps kinds of errors to answers.
func statusOf(kind hub.ErrorKind) int {
	switch kind {
	case hub.KindInvalid, hub.KindUnknownAgency, hub.KindUntrusted, hub.KindUnsupported:
		return http.StatusUnprocessableEntity
	case hub.KindDenied:
		return http.StatusForbidden
	case hub.KindNotFound:
		return http.StatusNotFound
	case hub.KindConflict:
		return http.StatusConflict
	case hub.KindTooLarge:
		return http.StatusRequestEntityTooLarge
	case hub.KindBusy, hub.KindUnavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// fail answers with a page that says what went wrong. What a stranger may not see and
// what is not there look the same.
func (x *exchange) fail(err error) {
	kind := hub.KindOf(err)
	if kind == hub.KindInternal {
		x.Log.ErrorContext(x.r.Context(), "page failed", "path", x.r.URL.Path, "error", err)
	}
	problems := x.problems(err)
	text := problems[""]
	for _, other := range problems {
		if text == "" {
			text = other
		}
	}
	if err := x.show(statusOf(kind), "problem", text, nil); err != nil {
		x.Log.ErrorContext(x.r.Context(), "page failed", "path", x.r.URL.Path, "error", err)
	}
}

// problems says by field what is wrong, in the language of the person. What belongs to
// no field of the form is under "".
func (x *exchange) problems(err error, fields ...string) map[string]string {
	found := map[string]string{}
	for _, v := range hub.ViolationsOf(err) {
		field := v.Field
		if !slices.Contains(fields, field) {
			field = ""
		}
		found[field] = strings.TrimSpace(found[field] + " " + x.explain(v))
	}
	return found
}

// explain says what an error means: by its rule where the catalogue knows it, else by
// its kind.
func (x *exchange) explain(e *hub.Error) string {
	for _, key := range []string{"rule." + e.Field + "." + e.Rule, "rule." + e.Rule} {
		if text, ok := x.texts[x.lang][key]; ok && e.Rule != "" {
			return text
		}
	}
	text := x.texts.text(x.lang, "kind."+string(e.Kind))
	if e.Kind != hub.KindInternal && e.Kind != hub.KindNotFound && e.Message != "" && x.lang == english {
		return e.Message
	}
	return text
}

// again shows a form once more with what is wrong, where the person can mend it; other
// errors stay errors.
func again(err error) bool {
	switch hub.KindOf(err) {
	case hub.KindInvalid, hub.KindConflict, hub.KindUntrusted, hub.KindUnknownAgency, hub.KindTooLarge:
		return true
	}
	var e *hub.Error
	return !errors.As(err, &e) && len(hub.ViolationsOf(err)) > 1
}
