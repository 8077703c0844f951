package app_test

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/adapters/lgsp"
	"github.com/lienthong/lienthong/adapters/vxp"
	"github.com/lienthong/lienthong/hub"
)

const keysPath = "/agencies/snv/keys"

var (
	seenMarks   = regexp.MustCompile(`name="seen" value="([^"]+)"`)
	secretTexts = regexp.MustCompile(`<code class="secret">([^<]+)</code>`)
	keyIDs      = regexp.MustCompile(`<dt>Mã của khóa</dt><dd><code>([a-z2-7]+)</code>`)
)

// keyForm is a form of a page about keys as the page offers it, with what is typed.
func (p *person) keyForm(path string, pairs ...string) url.Values {
	p.Helper()
	text := p.get(path).text
	form := url.Values{"form": {p.token()}}
	if seen := seenMarks.FindStringSubmatch(text); seen != nil {
		form.Set("seen", seen[1])
	}
	for i := 0; i < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	return form
}

// given reads the secrets that a page shows, and the id of their key.
func (p page) given(t *testing.T) (id string, secrets []string) {
	t.Helper()
	for _, found := range secretTexts.FindAllStringSubmatch(p.text, -1) {
		secrets = append(secrets, html.UnescapeString(found[1]))
	}
	ids := keyIDs.FindStringSubmatch(p.text)
	if p.status != http.StatusOK || ids == nil || len(secrets) == 0 {
		t.Fatalf("%d at %s gives no key: %s", p.status, p.path, p.text)
	}
	if p.header.Get("Cache-Control") != "no-store" {
		t.Errorf("a page with a secret may be kept: %q", p.header.Get("Cache-Control"))
	}
	return ids[1], secrets
}

// opens reports whether a secret opens the API.
func (h *testHub) opens(t *testing.T, secret string) bool {
	t.Helper()
	_, err := h.client(t, secret).Sent(t.Context(), hubclient.SentQuery{})
	return err == nil
}

// TestKeyPages: an operator makes, rotates and revokes the keys of an agency on the pages;
// a secret is shown once, whatever is loaded again, and each act leaves its note.
func TestKeyPages(t *testing.T) {
	t.Parallel()
	config := configIn(t.TempDir())
	config.VXPPath, config.LGSPPath = "/vxp", "/"
	h := start(t, config)
	h.enroll(t)
	p := h.signIn(t, "van.hanh", member("", hub.RoleOperator))
	p.get("/agencies/snv").shows(t, `href="`+keysPath+`"`)
	p.get(keysPath).shows(t, "Khóa kết nối", "000.00.12.H47", "Đang dùng được", "gửi văn bản")

	form := p.keyForm(keysPath, "use", "api", "name", "Phần mềm <Một>", "scope", "submit", "scope", "read", "expires", "2099-12-31")
	made := p.send(keysPath, form)
	id, secrets := made.given(t)
	made.shows(t, "Đã tạo khóa “Phần mềm &lt;Một&gt;”", "31/12/2099", "gửi văn bản, xem văn bản đã gửi")
	if !h.opens(t, secrets[0]) {
		t.Error("the key does not work")
	}
	today := time.Now().In(hub.Vietnam()).Format("02/01/2006")
	p.get(keysPath).shows(t, `data-label="Dùng lần cuối">`+today, `data-label="Dùng lần cuối">chưa dùng`)
	p.get(keysPath+"/"+id).shows(t, "<dt>Dùng lần cuối</dt><dd>"+today)
	t.Run("loaded again", func(t *testing.T) {
		again := p.send(keysPath, form)
		if again.status != http.StatusConflict || strings.Contains(again.text, secrets[0]) || strings.Count(again.text, "Phần mềm &lt;Một&gt;</a>") != 1 {
			t.Errorf("%d at %s: %s", again.status, again.path, again.text)
		}
		again.shows(t, "đã thay đổi từ khi mở trang này")
		for _, path := range []string{keysPath, keysPath + "/" + id} {
			if got := p.get(path); got.status != http.StatusOK || strings.Contains(got.text, secrets[0]) {
				t.Errorf("%s shows %d", path, got.status)
			}
		}
	})
	t.Run("pressed twice", func(t *testing.T) { pressedTwice(t, h, p) })
	t.Run("wrong", func(t *testing.T) { wrongKeyForms(t, p, id) })

	rotation := p.keyForm(keysPath+"/"+id, "overlap", "7")
	rotated := p.send(keysPath+"/"+id+"/rotate", rotation)
	next, fresh := rotated.given(t)
	rotated.shows(t, "Khóa cũ "+id+" còn dùng được đến "+time.Now().AddDate(0, 0, 7).In(hub.Vietnam()).Format("02/01/2006"), "Sắp kết thúc")
	if !h.opens(t, secrets[0]) || !h.opens(t, fresh[0]) {
		t.Error("both keys work while one takes the place of the other")
	}
	for _, again := range []url.Values{rotation, p.keyForm(keysPath+"/"+next, "overlap", "7")} { // of the same page, and of another one
		if got := p.send(keysPath+"/"+id+"/rotate", again); got.status != http.StatusConflict || strings.Contains(got.text, `class="secret"`) {
			t.Errorf("rotated again: %d at %s", got.status, got.path)
		}
	}
	p.send(keysPath+"/"+next+"/revoke", p.keyForm(keysPath+"/"+next)).shows(t, `id="wrong-sure"`)
	if !h.opens(t, fresh[0]) {
		t.Error("a key was revoked without a confirmation")
	}
	p.send(keysPath+"/"+next+"/revoke", p.keyForm(keysPath+"/"+next, "sure", "yes")).shows(t, "Đã thu hồi khóa.")
	if h.opens(t, fresh[0]) {
		t.Error("a revoked key works")
	}
	p.get(keysPath+"/"+next).shows(t, "Đã thu hồi")
	atOnce, last := p.send(keysPath, p.keyForm(keysPath, "use", "api", "name", "Hai", "scope", "read")).given(t)
	p.send(keysPath+"/"+atOnce+"/rotate", p.keyForm(keysPath+"/"+atOnce, "overlap", "0")).shows(t, "Khóa cũ "+atOnce+" không còn dùng được")
	if h.opens(t, last[0]) {
		t.Error("a key that was to end at once works")
	}

	t.Run("holders", func(t *testing.T) { keysOfHolders(t, h, p) })
	t.Run("nobody else", func(t *testing.T) { nobodyElseKeepsKeys(t, h, atOnce) })
	if err := h.stop(); err != nil {
		t.Fatal(err)
	}
	notes := strings.Join(notesOf(t, config.DataDir, hub.LogNoteOperator), "\n")
	for _, want := range []string{
		`{"action":"key.issue","actor":"van.hanh","about":"Phần mềm \u003cMột\u003e"`, `{"action":"key.revoke","actor":"van.hanh","about":"` + next + `"`,
		`{"action":"key.revoke","actor":"van.hanh","about":"` + id + `","what":{"at":`,
	} {
		if !strings.Contains(notes, want) {
			t.Errorf("no note %s in %s", want, notes)
		}
	}
	if strings.Contains(notes, fresh[0]) || strings.Contains(notes, `"actor":"quan.tri"`) {
		t.Error("the log has a secret, or an act of somebody who may not")
	}
}

// pressedTwice: a button that is pressed again before the answer has come makes one key.
func pressedTwice(t *testing.T, h *testHub, p *person) {
	count := func() int {
		keys, err := h.client(t, h.operatorKey(t)).Keys(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return len(keys)
	}
	before := count()
	form := p.keyForm(keysPath, "use", "api", "name", "Hai lần", "scope", "read")
	var pressed sync.WaitGroup
	answers := make([]page, 6)
	for i := range answers {
		pressed.Go(func() { answers[i] = p.send(keysPath, form) })
	}
	pressed.Wait()
	made := 0
	for _, answer := range answers {
		switch {
		case answer.status == http.StatusOK && secretTexts.MatchString(answer.text):
			made++
		case answer.status != http.StatusConflict:
			t.Errorf("%d at %s", answer.status, answer.path)
		}
	}
	if now := count(); made != 1 || now != before+1 {
		t.Errorf("%d keys were shown, and there are %d more", made, now-before)
	}
}

// wrongKeyForms: what is wrong is said beside its field, and nothing typed is lost.
func wrongKeyForms(t *testing.T, p *person, id string) {
	rotate, before := keysPath+"/"+id+"/rotate", p.get(keysPath).text
	for _, wrong := range []struct {
		path, field, says string
		pairs             []string
	}{
		{keysPath, "name", "Cần điền mục này", []string{"use", "api", "scope", "read", "expires", "2099-01-01"}},
		{keysPath, "scopes", "Chọn ít nhất một việc", []string{"use", "api", "name", "x"}},
		{keysPath, "scopes", "không được làm việc này", []string{"use", "api", "name", "x", "scope", "operate"}},
		{keysPath, "scopes", "không được làm thêm việc nào khác", []string{"use", "api", "name", "x", "scope", "portal", "scope", "read"}},
		{keysPath, "use", "Chọn một giá trị", []string{"use", "operator", "name", "x", "scope", "read"}},
		{keysPath, "holder", "không có dấu cách", []string{"use", "system", "name", "x", "holder", "a b"}},
		{keysPath, "holder", "không có dấu cách", []string{"use", "client", "name", "x", "holder", strings.Repeat("x", 101)}},
		{keysPath, "expires", "đã qua", []string{"use", "api", "name", "x", "scope", "read", "expires", "2020-01-01"}},
		{keysPath, "expires", "Ngày không hợp lệ", []string{"use", "api", "name", "x", "scope", "read", "expires", "31/12/2099"}},
		{rotate, "overlap", "Chọn một giá trị", []string{"overlap", "100000"}},
		{rotate, "expires", "đã qua", []string{"overlap", "7", "expires", "2020-01-01"}},
	} {
		got := p.send(wrong.path, p.keyForm(keysPath, wrong.pairs...))
		if got.status != http.StatusUnprocessableEntity || strings.Contains(got.text, `class="secret"`) {
			t.Errorf("%v: %d at %s", wrong.pairs, got.status, got.path)
		}
		got.shows(t, `id="wrong-`+wrong.field+`"`, wrong.says)
		if i := slices.Index(wrong.pairs, "expires"); i >= 0 {
			got.shows(t, `value="`+wrong.pairs[i+1]+`"`)
		}
	}
	for _, path := range []string{keysPath + "/none", keysPath + "/none/rotate", "/agencies/h47/keys/" + id, "/agencies/none/keys"} {
		if got := p.get(path); got.status != http.StatusNotFound && got.status != http.StatusMethodNotAllowed {
			t.Errorf("%s: %d", path, got.status)
		}
	}
	if got := p.send("/agencies/h47/keys/"+id+"/revoke", p.keyForm("/agencies/h47/keys", "sure", "yes")); got.status != http.StatusNotFound {
		t.Errorf("the key of another agency: %d", got.status)
	}
	if marks := seenMarks.FindStringSubmatch(before); !strings.Contains(p.get(keysPath).text, marks[1]) {
		t.Error("a wrong form changed the keys")
	}
}

// keysOfHolders: the secrets of systems of the axis and of clients of the provincial API.
func keysOfHolders(t *testing.T, h *testHub, p *person) {
	plain := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	system := func(secret string) error {
		c := &vxp.Client{HTTP: plain, Endpoint: h.URL() + "/vxp", System: "000.00.12.H47", Secret: secret, Now: time.Now}
		_, err := c.Received(t.Context(), "edoc")
		return err
	}
	id, secrets := p.send(keysPath, p.keyForm(keysPath, "use", "system", "name", "Trục")).given(t)
	if err := system(secrets[0]); err != nil {
		t.Error(err)
	}
	p.send(keysPath, p.keyForm(keysPath, "use", "system", "name", "Trục")).shows(t, `id="wrong-holder"`, "đã có khóa đang dùng")
	_, fresh := p.send(keysPath+"/"+id+"/rotate", p.keyForm(keysPath+"/"+id, "overlap", "0")).given(t)
	if system(secrets[0]) == nil || system(fresh[0]) != nil {
		t.Error("the secret of the system did not change")
	}

	made := p.send(keysPath, p.keyForm(keysPath, "use", "client", "name", "Nền tảng", "holder", "qlvb-snv"))
	id, secrets = made.given(t)
	made.shows(t, "Consumer key", "qlvb-snv")
	if len(secrets) != 2 {
		t.Fatalf("%d secrets of a client with one agency", len(secrets))
	}
	client := &lgsp.Client{HTTP: plain, URL: h.URL(), Now: time.Now, ID: "qlvb-snv", Secret: secrets[0], UnitSecret: secrets[1]}
	if _, err := client.Received(t.Context()); err != nil {
		t.Error(err)
	}
	p.send(keysPath+"/"+id+"/revoke", p.keyForm(keysPath, "sure", "yes")).shows(t, "Đã thu hồi khóa.")
	if _, err := client.Received(t.Context()); err == nil {
		t.Error("a revoked client is let in")
	}
}

// nobodyElseKeepsKeys: not the administrator of the agency, not its clerk, no auditor.
func nobodyElseKeepsKeys(t *testing.T, h *testHub, id string) {
	before, err := h.client(t, h.operatorKey(t)).Keys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for name, role := range map[string]hub.Membership{
		"quan.tri": member(recipient, hub.RoleAdministrator), "van.thu": member(recipient, hub.RoleClerk), "kiem.tra": member("", hub.RoleAuditor),
	} {
		other := h.signIn(t, name, role)
		for _, got := range []page{
			other.get(keysPath), other.get(keysPath + "/" + id), other.post(keysPath, "use", "api", "name", name, "scope", "read"),
			other.post(keysPath+"/"+id+"/rotate", "overlap", "0"), other.post(keysPath+"/"+id+"/revoke", "sure", "yes"),
		} {
			if got.status != http.StatusForbidden || strings.Contains(got.text, "Phần mềm") || strings.Contains(got.text, "Hai</") {
				t.Errorf("%s gets %d at %s", name, got.status, got.path)
			}
		}
	}
	after, err := h.client(t, h.operatorKey(t)).Keys(t.Context())
	if err != nil || len(after) != len(before) {
		t.Errorf("%d keys, %d before, %v", len(after), len(before), err)
	}
}

// keys goes through the pages about keys.
func (b *browser) keys() {
	b.Helper()
	b.open("/agencies/snv", "agency")
	b.fill(`a[href="` + keysPath + `"]`)
	b.at("keys")
	b.look("keys")
	b.fill("section form button.main", "#use", "client", "#name", "Nền tảng tích hợp của tỉnh "+b.label, "#holder", "qlvb-"+b.label)
	b.sees("#fresh")
	b.look("keys-given")
	b.fill(`.list a[href^="` + keysPath + `/"]`)
	b.at("key")
	b.look("key")
	b.click("details.act summary")
	b.fill("button.danger")
	b.sees("#wrong-sure")
	b.look("key-unsure")
	b.fill("section form button.main")
	b.sees("#fresh")
	b.look("keys-rotated")
	b.fill(`.list a[href^="` + keysPath + `/"]`)
	b.at("key")
	b.click("details.act summary", "#sure")
	b.fill("button.danger")
	b.at("keys")
	b.look("keys-revoked")
}
