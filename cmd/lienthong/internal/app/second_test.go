package app_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/lienthong/lienthong/hub"
)

// program is an authenticator program: the code for a time (RFC 6238).
func program(t *testing.T, typed string, at time.Time) string {
	t.Helper()
	secret, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(strings.ReplaceAll(typed, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	mac := hmac.New(sha1.New, secret)
	mac.Write(binary.BigEndian.AppendUint64(nil, uint64(at.Unix())/30))
	sum := mac.Sum(nil)
	return fmt.Sprintf("%06d", binary.BigEndian.Uint32(sum[sum[19]&15:])&0x7fffffff%1e6)
}

// nextProgram is the code after the one for a time, or that of now where more time has passed.
func nextProgram(t *testing.T, typed string, last time.Time) string {
	t.Helper()
	next := last.Add(30 * time.Second)
	if now := time.Now(); now.After(next) {
		next = now
	}
	return program(t, typed, next)
}

var secretOnThePage = regexp.MustCompile(`<code>([A-Z2-7 ]{39,41})</code>`)

// TestTwoStepSignIn: a person puts the secret into a program, types its first code, and
// signs in with password and code from then on; a reset by the operator ends it.
func TestTwoStepSignIn(t *testing.T) {
	t.Parallel()
	h := start(t, configIn(t.TempDir()))
	h.enroll(t)
	clerk := h.signIn(t, "van.thu", member(sender, hub.RoleClerk))
	clerk.get("/second-factor").shows(t, "Bật xác thực hai bước", `href="/second-factor"`)
	shown := clerk.post("/second-factor/begin")
	found := secretOnThePage.FindStringSubmatch(shown.text)
	if found == nil || !strings.Contains(shown.text, `<path fill="#000" d="M4 4h1v1h-1z`) {
		t.Fatal(shown.text)
	}
	wrong := clerk.post("/second-factor/confirm", "code", "12")
	wrong.shows(t, `id="wrong-code"`, found[1]) // the same secret, to try again
	now := time.Now()
	clerk.post("/second-factor/confirm", "code", program(t, found[1], now)).shows(t, "Đã bật xác thực hai bước")
	clerk.post("/sign-out")
	if got := clerk.post("/sign-in", "name", "van.thu", "password", chosenPassword); got.status != http.StatusUnprocessableEntity {
		t.Errorf("the password alone: %d at %s", got.status, got.path)
	} else {
		got.shows(t, "mật khẩu hoặc mã xác thực không đúng")
	}
	next := nextProgram(t, found[1], now)
	if got := clerk.post("/sign-in", "name", "van.thu", "password", chosenPassword, "code", next); got.path != "/inbox" {
		t.Errorf("password and code: %d at %s", got.status, got.path)
	}
	other := h.somebody(t)
	if got := other.post("/sign-in", "name", "van.thu", "password", chosenPassword, "code", next); got.path == "/inbox" {
		t.Error("a code was taken twice")
	}
	list, err := h.client(t, h.operatorKey(t)).Accounts(t.Context())
	if err != nil || len(list) != 1 || !list[0].TwoStep || list[0].SecondFactor != nil {
		t.Errorf("%+v, %v", list, err)
	}

	clerk.post("/second-factor/end", "current", "falsch").shows(t, `id="wrong-current"`)
	clerk.post("/second-factor/end", "current", chosenPassword).shows(t, "Bật xác thực hai bước")
}

// TestSecondStepInABrowser: the secret is shown, a wrong code is told, the right one turns
// the second step on, which signing in asks for until it is ended.
func TestSecondStepInABrowser(t *testing.T) {
	t.Parallel()
	h := start(t, configIn(t.TempDir()))
	h.enroll(t)
	h.signIn(t, "van.thu", member(sender, hub.RoleClerk))
	b := newBrowser(t, h.URL())
	for _, screen := range everyScreen {
		b.signInOn(screen, "van.thu", "inbox")
		b.open("/second-factor", "second")
		b.look("second-off")
		b.fill("button.main")
		b.sees("svg.square")
		b.look("second-secret")
		b.fill("button.main", "#code", "12")
		b.sees("#wrong-code")
		if told := value[string](b, `document.querySelector("#wrong-code").innerText`); !strings.Contains(told, "6 ") {
			b.Errorf("%s: a wrong code says %q", b.label, told)
		}
		b.look("second-wrong")
		secret, now := value[string](b, `document.querySelector("code").innerText`), time.Now()
		b.fill("button.main", "#code", program(t, secret, now))
		b.sees(".alert.good")
		b.look("second-on")
		b.signOut()
		b.fill("button.main", "#name", "van.thu", "#password", chosenPassword)
		b.sees("#wrong-password")
		b.fill("button.main", "#password", chosenPassword, "#code", nextProgram(t, secret, now))
		b.at("inbox")
		b.open("/second-factor", "second")
		b.fill("form.card button", "#current", chosenPassword)
		b.step("see it off", chromedp.WaitNotPresent("#current"))
		b.at("second")
		b.signOut()
	}
}
