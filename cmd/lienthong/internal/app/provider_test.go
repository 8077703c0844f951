package app_test

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/hubtest/server"
)

// providerWorld is a hub where people may sign in by an identity provider, which is a
// process of its own.
type providerWorld struct {
	*testHub
	*server.IdentityProvider
}

func startWithProvider(t *testing.T) *providerWorld {
	t.Helper()
	config := configIn(t.TempDir())
	port := server.FreePort(t)
	config.Listen, config.PagesURL = fmt.Sprintf("127.0.0.1:%d", port), fmt.Sprintf("http://127.0.0.1:%d", port)
	p := server.OIDC(t, config.PagesURL+"/sign-in/provider/back")
	config.OIDCIssuer, config.OIDCClientID, config.OIDCName = p.Issuer, p.ClientID, "Cổng đăng nhập tỉnh"
	config.OIDCClientSecretFile = filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(config.OIDCClientSecretFile, []byte(p.Secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := config.Check(); err != nil {
		t.Fatal(err)
	}
	w := &providerWorld{testHub: start(t, config), IdentityProvider: p}
	w.enroll(t)
	_, err := w.client(t, w.operatorKey(t)).CreateAccount(t.Context(), hubclient.NewAccount{
		Name: "van.thu", FullName: "Trần Thị Mẫu (hư cấu)", Login: p.People[0].Subject, Memberships: []hub.Membership{member(recipient, hub.RoleClerk)},
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

var attempts = regexp.MustCompile(`name="id" value="([^"]+)"`)

// visitor is somebody whose browser stops before it takes an answer of the provider back.
type visitor struct {
	*person
	back *url.URL // where the answer would go
}

func (w *providerWorld) visitor(t *testing.T) *visitor {
	t.Helper()
	v := &visitor{person: w.somebody(t)}
	v.client.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if r.URL.Path == "/sign-in/provider/back" {
			v.back = r.URL
			return http.ErrUseLastResponse
		}
		return nil
	}
	return v
}

// proves has a person prove who it is at the provider, where address leads, and returns
// the way back to the hub.
func (w *providerWorld) proves(v *visitor, address string, who server.Identity) string {
	v.Helper()
	r, err := http.NewRequestWithContext(v.Context(), http.MethodGet, address, nil)
	if err != nil {
		v.Fatal(err)
	}
	form := v.do(r)
	id := attempts.FindStringSubmatch(form.text)
	if id == nil {
		v.Fatalf("%d at %s: %s", form.status, form.path, form.text)
	}
	v.back = nil
	r, err = http.NewRequestWithContext(v.Context(), http.MethodPost, w.Issuer+"login/username",
		strings.NewReader(url.Values{"username": {who.Name}, "password": {who.Password}, "id": {id[1]}}.Encode()))
	if err != nil {
		v.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if got := v.do(r); v.back == nil {
		v.Fatalf("%d at %s: %s", got.status, got.path, got.text)
	}
	return v.back.RequestURI()
}

// asks begins a sign-in and returns the address at the provider.
func (v *visitor) asks(next string) string {
	v.Helper()
	stop := *v.client
	stop.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	r, err := http.NewRequestWithContext(v.Context(), http.MethodGet, v.base+"/sign-in/provider?"+url.Values{"next": {next}}.Encode(), nil)
	if err != nil {
		v.Fatal(err)
	}
	answer, err := stop.Do(r)
	if err != nil {
		v.Fatal(err)
	}
	defer answer.Body.Close()
	return answer.Header.Get("Location")
}

// signedIn reports whether the browser has a session.
func (p *person) signedIn() bool { return p.get("/inbox").path == "/inbox" }

// TestSignInByProvider: a person whom the operator linked signs in at a real provider and
// works as one with a password; nobody else gets in, whatever is brought back.
func TestSignInByProvider(t *testing.T) {
	t.Parallel()
	w := startWithProvider(t)
	clerk, stranger := w.People[0], w.People[1]
	w.somebody(t).get("/sign-in").shows(t, "Đăng nhập bằng Cổng đăng nhập tỉnh", `href="/sign-in/provider?next=`, `name="password"`)

	v := w.visitor(t)
	back := w.proves(v, v.asks("/inbox?show=all"), clerk)
	if v.signedIn() {
		t.Fatal("there is a session before the answer of the provider")
	}
	if got := v.get(back); got.path != "/inbox" || !strings.Contains(got.text, "Trần Thị Mẫu") {
		t.Fatalf("%d at %s: %s", got.status, got.path, got.text)
	}
	v.get("/password").shows(t, "Bạn đăng nhập bằng Cổng đăng nhập tỉnh")
	v.get("/second-factor").shows(t, "xác thực hai bước đặt ở đó")
	if got := v.get("/agencies"); got.status != http.StatusForbidden {
		t.Errorf("roles stay with the hub: %d", got.status)
	}
	found := v.press("find", v.get("/send").carries(typedLetter()...).with("original", "công văn 174.pdf", signedPDF(t)))
	kept := v.press("check", found.carries(append(typedLetter(), "to", sender)...)) // the file came with the step before
	if kept.status != http.StatusOK || !strings.Contains(kept.text, "công văn 174.pdf") || strings.Contains(kept.text, `id="wrong-original"`) {
		t.Errorf("a person without a password sends no file: %d %s", kept.status, kept.text)
	}
	left := v.post("/sign-out")
	left.shows(t, "Đã đăng xuất", "Đăng xuất khỏi Cổng đăng nhập tỉnh")
	if refresh := left.header.Get("Refresh"); refresh != "0; url="+w.Issuer+"end_session?client_id=web" || v.signedIn() {
		t.Errorf("after signing out: %q", refresh)
	}

	t.Run("answers of others", func(t *testing.T) { w.answersOfOthers(t, clerk) })
	t.Run("open redirect", func(t *testing.T) {
		for _, next := range []string{"//elsewhere.example/", "https://elsewhere.example/", `/\elsewhere.example`, "/" + strings.Repeat("x", 5000)} {
			v := w.visitor(t)
			if got := v.get(w.proves(v, v.asks(next), clerk)); got.path != "/inbox" {
				t.Errorf("%.40q leads to %s", next, got.path)
			}
		}
	})
	t.Run("unknown", func(t *testing.T) {
		v := w.visitor(t)
		got := v.get(w.proves(v, v.asks("/"), stranger))
		got.shows(t, "Không có tài khoản nào mở", "<code>"+stranger.Subject+"</code>", `name="password"`)
		if got.status != http.StatusUnprocessableEntity || v.signedIn() {
			t.Errorf("%d at %s", got.status, got.path)
		}
		v.post("/language", "language", "en", "next", "/sign-in").shows(t, "Sign in with")
	})
	t.Run("locked", func(t *testing.T) {
		operator := w.client(t, w.operatorKey(t))
		in := w.visitor(t)
		in.get(w.proves(in, in.asks("/"), clerk))
		if _, err := operator.LockAccount(t.Context(), "van.thu", true); err != nil {
			t.Fatal(err)
		}
		v := w.visitor(t)
		if got := v.get(w.proves(v, v.asks("/"), clerk)); got.status != http.StatusUnprocessableEntity || v.signedIn() || in.signedIn() {
			t.Errorf("a locked account is in: %d at %s", got.status, got.path)
		}
		if _, err := operator.LockAccount(t.Context(), "van.thu", false); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("typed", func(t *testing.T) {
		typist := w.signIn(t, "danh.may", member(recipient, hub.RoleClerk))
		typist.post("/sign-out")
		typist.from(w.URL(), "/inbox/x/refuse", url.Values{"detail": {"Gửi nhầm"}}).shows(t, `name="typed"`, "Nếu đăng nhập bằng Cổng đăng nhập tỉnh thì nội dung đã nhập không được mang theo")
	})
	t.Run("links", func(t *testing.T) { w.links(t, stranger) })
	t.Run("away", func(t *testing.T) {
		v := w.visitor(t)
		back := w.proves(v, v.asks("/"), clerk)
		w.Kill()
		got := v.get(back)
		got.shows(t, "Nơi đăng nhập không trả lời", `name="password"`)
		if got.status != http.StatusServiceUnavailable || v.signedIn() {
			t.Errorf("%d at %s", got.status, got.path)
		}
		w.signIn(t, "mat.khau", member(recipient, hub.RoleClerk)).get("/inbox").shows(t, "Văn bản đến")
	})
}

// answersOfOthers: what another browser asked for, what was used and what was made for
// another client lets nobody in.
func (w *providerWorld) answersOfOthers(t *testing.T, clerk server.Identity) {
	attacker := w.visitor(t)
	stolen := w.proves(attacker, attacker.asks("/"), clerk)
	for name, victim := range map[string]*visitor{"without an attempt": w.visitor(t), "with an attempt of its own": w.visitor(t)} {
		if name != "without an attempt" {
			victim.asks("/")
		}
		got := victim.get(stolen)
		if got.status != http.StatusUnprocessableEntity || !strings.Contains(got.text, "không bắt đầu từ trình duyệt này") || victim.signedIn() {
			t.Errorf("%s, the answer of another browser: %d at %s", name, got.status, got.path)
		}
	}

	v := w.visitor(t)
	address := v.asks("/")
	hubURL, err := url.Parse(v.base)
	if err != nil {
		t.Fatal(err)
	}
	attempt := v.client.Jar.Cookies(hubURL)
	back := w.proves(v, address, clerk)
	forged, err := url.Parse(back)
	if err != nil {
		t.Fatal(err)
	}
	q := forged.Query()
	q.Set("state", "x"+q.Get("state"))
	if got := v.get("/sign-in/provider/back?" + q.Encode()); got.status != http.StatusUnprocessableEntity || v.signedIn() {
		t.Errorf("a wrong state: %d at %s", got.status, got.path)
	}
	if got := v.get(back); got.status != http.StatusUnprocessableEntity || v.signedIn() { // the attempt was over with the wrong one
		t.Errorf("the attempt goes on: %d at %s", got.status, got.path)
	}
	v.client.Jar.SetCookies(hubURL, attempt)
	if got := v.get(back); got.path != "/inbox" {
		t.Fatalf("the right answer: %d at %s: %s", got.status, got.path, got.text)
	}
	again := w.visitor(t)
	again.client.Jar, _ = cookiejar.New(nil)
	again.client.Jar.SetCookies(hubURL, attempt)
	if got := again.get(back); !strings.Contains(got.text, "không dùng được hoặc đã dùng") || again.signedIn() {
		t.Errorf("a code used again: %d at %s", got.status, got.path)
	}

	v = w.visitor(t)
	address = strings.Replace(v.asks("/"), "client_id="+w.ClientID, "client_id="+w.Other, 1)
	if got := v.get(w.proves(v, address, clerk)); got.status != http.StatusUnprocessableEntity || v.signedIn() {
		t.Errorf("a code for another client: %d at %s", got.status, got.path)
	}
	v = w.visitor(t)
	v.asks("/")
	if got := v.get("/sign-in/provider/back?state=x&error=%3Cscript%3E&error_description=%3Cb%3E"); strings.Contains(got.text, "<script>") || v.signedIn() {
		t.Errorf("an error of nobody: %d %s", got.status, got.text)
	}
}

// links: the operator links an account on the page and with the command's request; nobody
// else does.
func (w *providerWorld) links(t *testing.T, who server.Identity) {
	operator := w.signIn(t, "van.hanh", member("", hub.RoleOperator))
	operator.get("/accounts").shows(t, "Mã của người dùng ở Cổng đăng nhập tỉnh", "Chỉ đăng nhập ngoài", w.People[0].Subject)
	admin := w.signIn(t, "quan.tri", member(recipient, hub.RoleAdministrator))
	if got := admin.post("/accounts/van.thu/login", "login", who.Subject); got.status != http.StatusForbidden {
		t.Errorf("an administrator links: %d", got.status)
	}
	if got := admin.post("/accounts", "name", "tu.lap", "full_name", "Mẫu", "role", "clerk", "login", who.Subject); got.status != http.StatusForbidden {
		t.Errorf("an administrator creates: %d", got.status)
	}
	admin.get("/accounts").shows(t, "van.thu")
	if strings.Contains(admin.get("/accounts").text, `name="login"`) {
		t.Error("an administrator is offered links")
	}
	w.signIn(t, "lanh.dao", member(recipient, hub.RoleLeader))
	operator.post("/accounts/lanh.dao/login", "login", w.People[0].Subject).shows(t, "Tài khoản khác đã có mã đăng nhập này")
	operator.post("/accounts/van.thu/login", "login", "").shows(t, "đặt lại mật khẩu trước khi bỏ liên kết")
	operator.post("/accounts/lanh.dao/login", "login", who.Subject).shows(t, who.Subject)
	v := w.visitor(t)
	if got := v.get(w.proves(v, v.asks("/"), who)); got.path != "/inbox" {
		t.Errorf("the linked person: %d at %s", got.status, got.path)
	}
	if _, err := w.client(t, w.operatorKey(t)).LinkAccount(t.Context(), "lanh.dao", ""); err != nil {
		t.Fatal(err)
	}
	if v.signedIn() {
		t.Error("the session outlives the link")
	}
	operator.post("/accounts", "name", "moi.den", "full_name", "Mẫu", "role", "clerk", "agency", recipient, "login", w.People[0].Subject).shows(t, `id="wrong-login"`)
	operator.post("/accounts", "name", "moi.den", "full_name", "Mẫu", "role", "clerk", "agency", recipient, "login", who.Subject).shows(t, "Đã tạo tài khoản moi.den")
}

// TestProviderSettings: what is wrong with them is said by their names.
func TestProviderSettings(t *testing.T) {
	t.Parallel()
	config := configIn(t.TempDir())
	config.OIDCIssuer, config.OIDCClaim, config.OIDCScope = "http://id.example.vn", "a b", []string{"x y"}
	config.PagesURL, config.OIDCClientSecretFile, config.OIDCCA = "https://hub.example.vn/pages", filepath.Join(t.TempDir(), "none"), "none"
	found := map[string]bool{}
	for _, v := range hub.ViolationsOf(config.Check()) {
		found[v.Field] = true
	}
	for _, name := range []string{"oidc-issuer", "oidc-client-id", "oidc-claim", "oidc-scope", "pages-url", "oidc-client-secret-file", "oidc-ca"} {
		if !found[name] {
			t.Errorf("nothing is said of %s", name)
		}
	}
}

// TestSignInByProviderInABrowser: with the policy of the pages and the cookies of a real
// browser, in both languages, on a desk and on a phone.
func TestSignInByProviderInABrowser(t *testing.T) {
	t.Parallel()
	w := startWithProvider(t)
	w.signIn(t, "van.hanh", member("", hub.RoleOperator))
	b := newBrowser(t, w.config.PagesURL)
	atProvider := func(who server.Identity) {
		b.Helper()
		b.fill(`a[href^="/sign-in/provider"]`)
		b.sees(`input[name=username]`)
		b.fill(`button[type=submit]`, `input[name=username]`, who.Name, `input[name=password]`, who.Password)
	}
	b.open("/sign-in", "signin")
	whole := b.ctx
	for i, screen := range []struct {
		language      string
		width, height int64
	}{{"vi", 1366, 768}, {"en", 1366, 768}, {"vi", 390, 844}, {"en", 390, 844}} {
		tab, end := chromedp.NewContext(whole) // the last one ends at the provider
		t.Cleanup(end)
		if err := chromedp.Do(tab); err != nil { // opens it for all of its steps
			t.Fatal("open a tab: ", err)
		}
		b.ctx, b.label = tab, fmt.Sprintf("%s-%d", screen.language, screen.width)
		b.screen(screen.width, screen.height)
		b.open("/sign-in", "signin")
		if i > 0 {
			b.fill(".top form button[name=language]")
			b.sees("html[lang=" + screen.language + "] body.page-signin footer")
		}
		b.look("provider-signin")
		b.fill("button.main", "#name", "van.hanh", "#password", chosenPassword)
		b.at("health")
		b.open("/accounts", "accounts")
		b.click("td.acts details summary")
		b.look("provider-accounts")
		b.signOut()
		atProvider(w.People[1])
		b.sees("body.page-signin .alert.open code")
		b.look("provider-unknown")
		b.open("/inbox", "signin")
		atProvider(w.People[0])
		b.at("inbox")
		b.open("/password", "password")
		b.look("provider-password")
		b.click(".menu summary", ".menu form[action='/sign-out'] button")
		b.within("wait for the page of the provider", func(ctx context.Context) error {
			for {
				// Between two pages there is none that could answer.
				at, err := chromedp.Run(ctx, chromedp.Location())
				switch {
				case err == nil && at == w.Issuer+"logged-out":
					return nil
				case ctx.Err() != nil:
					return cmp.Or(err, ctx.Err())
				}
				time.Sleep(20 * time.Millisecond)
			}
		})
	}
}
