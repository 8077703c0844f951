package web

import (
	"bytes"
	"compress/gzip"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lienthong/lienthong/adapters/internal/gzipped"
	"github.com/lienthong/lienthong/hub"
)

// formTime is how long a form without files may take to come.
const formTime = time.Minute

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
const maxForm = 128 << 10

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
			if rt.files && x.keepLetter() || !rt.files && x.keepForm() {
				return
			}
			x.askToSignIn()
			return
		}
		if err := rt.handle(x); err != nil {
			x.fail(err)
		}
	})
}

func (x *exchange) admit(rt route) error {
	if err := x.whoIsThere(rt.open); err != nil {
		return err
	}
	if x.visit != nil && !rt.public && !rt.anybody && !may(&x.visit.Actor, rt.scopes) {
		return hub.Errorf(hub.KindDenied, "", "scope", "your role does not allow this")
	}
	if x.r.Method != http.MethodPost || rt.files {
		return nil // a form with files carries its token before them
	}
	x.r.Body = http.MaxBytesReader(x.w, x.r.Body, maxForm)
	control := http.NewResponseController(x.w)
	_ = control.SetReadDeadline(time.Now().Add(formTime)) // writers in tests have none
	err := x.r.ParseForm()
	_ = control.SetReadDeadline(time.Time{})
	if err != nil {
		return hub.Errorf(hub.KindTooLarge, "", "max_size", "the form is too large or broken")
	}
	if x.visit != nil && !x.ownForm(x.r.PostFormValue("form")) {
		return hub.Errorf(hub.KindDenied, "", "cross_origin", "this form was not made for this session")
	}
	return nil
}

// whoIsThere finds the session of the cookie. One that has ended is nobody.
func (x *exchange) whoIsThere(open bool) error {
	cookie, err := x.r.Cookie(x.cookieName())
	if err != nil {
		return nil //nolint:nilerr // nobody is signed in
	}
	look := x.Persons.Visit
	if open {
		look = x.Live.Look
	}
	visit, err := look(x.r.Context(), cookie.Value)
	switch {
	case err == nil:
		x.token, x.visit = cookie.Value, x.enters(&visit)
	case hub.KindOf(err) != hub.KindUntrusted:
		return err
	}
	return nil
}

// enters adds to a visit the agencies for which the person receives at this moment.
func (x *exchange) enters(visit *hub.Visit) *hub.Visit {
	if visit.Actor.Has(hub.ScopeCollect) {
		visit.Actor.ReceivesFor = x.Delegations.ReceivesFor(visit.Actor.Agencies, x.Now())
		visit.Actor.TookOver = x.Delegations.TookOver(visit.Actor.Agencies, x.Now())
	}
	return visit
}

// formToken ties forms to a session, for browsers that do not say where a request comes
// from. It looks different in each answer, so that the lengths of compressed answers tell
// nothing of it: a random mask, and what it hides.
func (x *exchange) formToken() string {
	var masked [2 * sha256.Size]byte
	_, _ = rand.Read(masked[:sha256.Size]) // it never fails
	subtle.XORBytes(masked[sha256.Size:], masked[:sha256.Size], x.formMark())
	return base64.RawURLEncoding.EncodeToString(masked[:])
}

// formMark is what a token of the session hides.
func (x *exchange) formMark() []byte {
	mac := hmac.New(sha256.New, []byte(x.token))
	mac.Write([]byte("form"))
	return mac.Sum(nil)
}

func (x *exchange) ownForm(token string) bool {
	masked, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(masked) != 2*sha256.Size || x.token == "" {
		return false
	}
	var mark [sha256.Size]byte
	subtle.XORBytes(mark[:], masked[:sha256.Size], masked[sha256.Size:])
	return hmac.Equal(mark[:], x.formMark())
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
	body := b.Bytes()
	x.w.Header().Add("Vary", "Accept-Encoding, Sec-Fetch-Site")
	if len(body) > gzipped.Above && x.compressible() && gzipped.Accepted(x.r.Header.Get("Accept-Encoding")) {
		if small, shorter := gzipped.Compress(body, gzip.BestSpeed); shorter {
			x.w.Header().Set("Content-Encoding", "gzip")
			body = small
		}
	}
	x.w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	x.w.WriteHeader(status)
	_, _ = x.w.Write(body) // the browser may have gone: there is nobody to tell
	return nil
}

// compressible reports whether the length of the answer may tell of what stands in it.
// Who sees lengths on the line and makes a browser ask for pages with words of their
// choice could guess what else stands there (BREACH). So an answer is compressed where
// the browser says that the person or a page of the hub asks, not another site; and
// never that to a form, which shows secrets once.
func (x *exchange) compressible() bool {
	site := x.r.Header.Get("Sec-Fetch-Site")
	return x.r.Method == http.MethodGet && (site == "same-origin" || site == "none")
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
		if x.knows(key) && e.Rule != "" {
			return x.texts.text(x.lang, key, shown(e.Values)...)
		}
	}
	text := x.texts.text(x.lang, "kind."+string(e.Kind))
	if e.Kind != hub.KindInternal && e.Kind != hub.KindNotFound && e.Message != "" && x.lang == english {
		return e.Message
	}
	return text
}

// knows reports whether there is a text of the name.
func (x *exchange) knows(name string) bool {
	_, known := x.texts[x.lang][name]
	return known
}

// shown are values for a text, with nothing in them that cannot be seen.
func shown(values []string) []any {
	all := make([]any, len(values))
	for i, value := range values {
		all[i] = visible(value)
	}
	return all
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
