package app_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/lienthong/lienthong/hub"
)

var (
	keptTyped = regexp.MustCompile(`name="typed" value="([^"]+)"`)
	keptOf    = regexp.MustCompile(`name="of" value="([^"]+)"`)
)

// TestASessionEndsInAnyForm: what was typed into a form comes back after signing in, and
// nothing is done before it is sent anew. Somebody else who signs in there gets nothing of it.
func TestASessionEndsInAnyForm(t *testing.T) {
	t.Parallel()
	h := start(t, configIn(t.TempDir()))
	senderKey, _ := h.enroll(t)
	sent, err := h.client(t, senderKey).Submit(t.Context(), submission("a"), original("Nội dung."), nil)
	if err != nil {
		t.Fatal(err)
	}
	delivery := "/inbox/" + string(sent.Deliveries[0].ID)
	clerk := h.signIn(t, "van.thu", member(recipient, hub.RoleClerk))
	refusal := url.Values{"form": {clerk.token()}, "code": {"wrong_addressee"}, "detail": {"Gửi <nhầm>\nnơi nhận"}}
	clerk.post("/sign-out") // as in another window

	if got := clerk.send(delivery+"/refuse", refusal); got.path != "/sign-in" || keptTyped.MatchString(got.text) {
		t.Errorf("a form of which nobody says where it comes from is kept, at %s", got.path)
	}
	secret := url.Values{"current": {chosenPassword}, "password": {"một mật khẩu khác"}, "detail": {"abc"}}
	if got := clerk.from(h.URL(), "/password", secret); keptTyped.MatchString(got.text) {
		t.Error("a form with a password is kept")
	}
	if got := clerk.from(h.URL(), "/second-factor/confirm", url.Values{"code": {"123456"}}); keptTyped.MatchString(got.text) {
		t.Error("a form with a code of the second factor is kept")
	}
	if got := h.somebody(t).from(h.URL(), delivery+"/refuse", refusal); got.path != "/sign-in" || keptTyped.MatchString(got.text) {
		t.Errorf("what came from a browser where nobody signed in is kept, at %s", got.path)
	}
	long := url.Values{"detail": {strings.Repeat("a", 100<<10)}}
	if got := clerk.from(h.URL(), delivery+"/refuse", long); got.path != "/sign-in" || keptTyped.MatchString(got.text) {
		t.Errorf("a form that is too long to come back is kept, at %s", got.path)
	}
	ended := clerk.from(h.URL(), delivery+"/refuse", refusal)
	ended.shows(t, "Phiên làm việc đã kết thúc", "Những gì bạn đã nhập vẫn còn")
	kept, of := keptTyped.FindStringSubmatch(ended.text), keptOf.FindStringSubmatch(ended.text)
	if kept == nil || of == nil {
		t.Fatal(ended.text)
	}
	signIn := func(name, password, typed string) url.Values {
		return url.Values{"name": {name}, "password": {password}, "typed": {typed}, "of": {of[1]}}
	}
	wrong := clerk.send("/sign-in", signIn("van.thu", "sai", kept[1]))
	wrong.shows(t, `id="wrong-password"`, kept[1], of[1])
	h.signIn(t, "nguoi.khac", member(recipient, hub.RoleClerk))
	other := clerk.send("/sign-in", signIn("nguoi.khac", chosenPassword, kept[1])) // at the same screen
	if other.path != "/inbox" || strings.Contains(other.text, "nhầm") {
		t.Errorf("somebody else is at %s: %s", other.path, other.text)
	}
	clerk.post("/sign-out")
	back := clerk.send("/sign-in", signIn("van.thu", chosenPassword, kept[1]))
	back.shows(t, "Chưa gửi", `action="`+delivery+`/refuse"`, `<textarea id="typed-1" name="detail" rows="4">Gửi &lt;nhầm&gt;`, `type="hidden" name="code" value="wrong_addressee"`)
	clerk.get(delivery).shows(t, "Chờ tiếp nhận")
	clerk.post(delivery+"/refuse", "code", refusal.Get("code"), "detail", refusal.Get("detail")).shows(t, "Gửi &lt;nhầm&gt;")

	clerk.post("/sign-out")
	for _, broken := range []string{"!", "e30", "eyJhY3Rpb24iOiJodHRwczovL2V2aWwuZXhhbXBsZS8ifQ"} { // no base64, no action, {"action":"https://evil.example/"}
		got := h.somebody(t).send("/sign-in", signIn("van.thu", chosenPassword, broken))
		if got.status != http.StatusBadRequest && got.status != http.StatusUnprocessableEntity || strings.Contains(got.text, "evil.example") {
			t.Errorf("%s: %d, %s", broken, got.status, got.text)
		}
	}
}

// from sends a form as a browser does, which says where it comes from.
func (p *person) from(origin, path string, form url.Values) page {
	p.Helper()
	r, err := http.NewRequestWithContext(p.Context(), http.MethodPost, p.base+path, strings.NewReader(form.Encode()))
	if err != nil {
		p.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", origin)
	return p.do(r)
}
