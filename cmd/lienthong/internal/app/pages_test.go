package app_test

import (
	"bytes"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/adapters/web"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/sqlite"
)

// person is somebody at a browser without a script.
type person struct {
	*testing.T
	client *http.Client
	base   string
}

// page is what the browser shows.
type page struct {
	status int
	path   string
	text   string
	header http.Header
}

const chosenPassword = "con trâu đứng cạnh sông"

// signIn creates an account, signs in and chooses a password.
func (h *testHub) signIn(t *testing.T, name string, memberships ...hub.Membership) *person {
	t.Helper()
	given, err := h.client(t, h.operatorKey(t)).CreateAccount(t.Context(), hubclient.NewAccount{Name: name, FullName: "Trần Thị Mẫu (hư cấu)", Memberships: memberships})
	if err != nil {
		t.Fatal(err)
	}
	p := h.somebody(t)
	if got := p.post("/sign-in", "name", name, "password", given.Password); got.path != "/password" {
		t.Fatalf("%d at %s after signing in: %s", got.status, got.path, got.text)
	}
	if got := p.post("/password", "current", given.Password, "password", chosenPassword, "again", chosenPassword); got.path == "/password" {
		t.Fatal(got.text)
	}
	return p
}

// somebody is nobody yet.
func (h *testHub) somebody(t *testing.T) *person {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &person{T: t, client: &http.Client{Jar: jar, Transport: transport}, base: h.URL()}
}

func (p *person) do(r *http.Request) page {
	p.Helper()
	answer, err := p.client.Do(r)
	if err != nil {
		p.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		p.Fatal(err)
	}
	got := page{answer.StatusCode, answer.Request.URL.Path, string(text), answer.Header}
	if strings.HasPrefix(got.header.Get("Content-Type"), "text/html") && got.header.Get("Content-Language") == "vi" {
		got.isVietnamese(p.T)
	}
	return got
}

func (p *person) get(path string) page {
	p.Helper()
	r, err := http.NewRequestWithContext(p.Context(), http.MethodGet, p.base+path, nil)
	if err != nil {
		p.Fatal(err)
	}
	return p.do(r)
}

var formTokens = regexp.MustCompile(`name="form" value="([^"]+)"`)

// token is the one of the forms of this session.
func (p *person) token() string {
	p.Helper()
	if found := formTokens.FindStringSubmatch(p.get("/password").text); found != nil {
		return found[1]
	}
	return ""
}

func (p *person) post(path string, pairs ...string) page {
	p.Helper()
	form := url.Values{"form": {p.token()}}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return p.send(path, form)
}

func (p *person) send(path string, form url.Values) page {
	p.Helper()
	r, err := http.NewRequestWithContext(p.Context(), http.MethodPost, p.base+path, strings.NewReader(form.Encode()))
	if err != nil {
		p.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return p.do(r)
}

func (p page) shows(t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(p.text, text) {
			t.Errorf("%d at %s does not show %q", p.status, p.path, text)
		}
	}
}

func member(agency hub.AgencyID, role hub.Role) hub.Membership {
	return hub.Membership{Agency: agency, Role: role}
}

var hiddenParts = regexp.MustCompile(`name="(part\.[^"]+)" value="([^"]+)"`)

// TestAClerksDay: from the inbox to the register and to a report, as the pages offer it.
func TestAClerksDay(t *testing.T) {
	t.Parallel()
	h := start(t, configIn(t.TempDir()))
	senderKey, _ := h.enroll(t)
	sent, err := h.client(t, senderKey).Submit(t.Context(), submission("a"), original("Nội dung."), nil)
	if err != nil {
		t.Fatal(err)
	}
	delivery := "/inbox/" + string(sent.Deliveries[0].ID)
	clerk := h.signIn(t, "van.thu", member("000.00.12.H47", hub.RoleClerk))

	inbox := clerk.get("/")
	inbox.shows(t, "173/UBND-KSTTHC", "V/v cải cách hành chính", delivery, "Chờ tiếp nhận")
	clerk.get("/inbox?q=CAI+CACH").shows(t, delivery)
	clerk.get("/inbox?q=khong+co").shows(t, "Không tìm thấy gì")
	document := clerk.get(delivery)
	document.shows(t, "173.txt", `name="number" value="1"`, "Không có chữ ký số")
	if got := clerk.get("/documents/" + string(sent.Dispatch.ID) + "/parts/p1"); got.text != "Nội dung." || got.header.Get("Content-Disposition") == "" {
		t.Errorf("the file is %q, %v", got.text, got.header)
	}

	act := []string{"number", "", "date", "2026-11-28", "unit", "Phòng <Một>"}
	for _, part := range hiddenParts.FindAllStringSubmatch(document.text, -1) {
		act = append(act, part[1], part[2])
	}
	wrong := clerk.post(delivery+"/register", act...)
	wrong.shows(t, `id="wrong-number"`, "Cần điền mục này", "Phòng &lt;Một&gt;") // nothing typed is lost
	act[1] = "7"
	clerk.post(delivery+"/register", act...).shows(t, "Đã vào sổ", "Số đến 7", "Nơi nhận đã vào sổ")
	clerk.post(delivery+"/report", "status", "04", "description", "gấp <nay>").shows(t, `id="wrong-staff.name"`, "Ghi người hoặc đơn vị được giao xử lý", "gấp &lt;nay&gt;")
	clerk.post(delivery+"/report", "status", "04", "staff.name", "a\u202e", "description", "gấp").shows(t, `id="wrong-staff.name"`, "gấp")
	for _, unit := range []string{"Phòng Một", "Phòng Hai"} { // to another unit: no repetition of the first
		clerk.post(delivery+"/report", "status", "04", "staff.name", "Lê Văn Mẫu", "staff.department", unit, "description", "gấp").
			shows(t, "Giao Lê Văn Mẫu, "+unit+" xử lý. gấp", "(Lê Văn Mẫu, "+unit+")")
	}
	clerk.post(delivery+"/report", "status", "04", "staff.department", "Phòng Ba").shows(t, "Giao Phòng Ba xử lý.", "(Phòng Ba)")
	clerk.post(delivery+"/report", "status", "05", "description", "đang làm").shows(t, "Đang xử lý", "đang làm")
	clerk.get("/inbox?show=registered").shows(t, delivery, "Số đến 7")
	clerk.post("/language", "language", "en", "next", "/inbox")
	clerk.get("/inbox").shows(t, "Incoming documents", "No document is waiting")

	author := h.signIn(t, "tac.gia", member("000.00.00.H47", hub.RoleClerk))
	author.get("/sent").shows(t, "173/UBND-KSTTHC", "1 đã vào sổ")
	board := author.get("/sent/" + string(sent.Dispatch.ID))
	board.shows(t, "Sở Nội vụ", "7 (28/11/2026)", "Đang xử lý", "Giao Lê Văn Mẫu, Phòng Hai xử lý. gấp", "(Phòng Ba)")
	receipts := regexp.MustCompile(`href="(/evidence/[^"]+)"`).FindAllStringSubmatch(board.text, -1)
	if len(receipts) < 5 {
		t.Errorf("%d receipts on the board", len(receipts))
	}
	for _, link := range receipts {
		if _, err := hub.ParseReceipt([]byte(author.get(link[1]).text)); err != nil {
			t.Error(link[1], err)
		}
	}
	link := regexp.MustCompile(`href="(/documents/[^"]+/bundle[^"]+)"`).FindStringSubmatch(board.text)
	if link == nil {
		t.Fatal("no bundle on the board")
	}
	for _, who := range []*person{author, clerk} {
		got := who.get(link[1])
		for got.status == http.StatusServiceUnavailable { // until the log has published it
			got = who.get(link[1])
		}
		if got.status != http.StatusOK || !strings.HasPrefix(got.text, "PK") || !strings.Contains(got.text, "ConsignmentAcceptance.tlog-proof") {
			t.Errorf("the bundle is %d, %.100q", got.status, got.text)
		}
	}
	operator := h.client(t, h.operatorKey(t))
	accounts, err := operator.Accounts(t.Context())
	if err != nil || len(accounts) != 2 || accounts[1].Temporary {
		t.Errorf("accounts %+v, %v", accounts, err)
	}
	if _, err := operator.LockAccount(t.Context(), "van.thu", true); err != nil {
		t.Fatal(err)
	}
	if got := clerk.get("/inbox"); got.path != "/sign-in" {
		t.Errorf("a locked account is at %s", got.path)
	}
}

// TestWhatWasTakenBack: its recipient still has a page, with the record of the act and
// nothing of what the document said.
func TestWhatWasTakenBack(t *testing.T) {
	t.Parallel()
	h := start(t, configIn(t.TempDir()))
	senderKey, _ := h.enroll(t)
	sender := h.client(t, senderKey)
	sent, err := sender.Submit(t.Context(), submission("a"), original("Nội dung."), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sender.Recall(t.Context(), sent.Dispatch.ID, nil, "Ban hành nhầm"); err != nil {
		t.Fatal(err)
	}
	clerk := h.signIn(t, "van.thu", member("000.00.12.H47", hub.RoleClerk))
	got := clerk.get("/inbox/" + string(sent.Deliveries[0].ID))
	got.shows(t, "<h1>173/UBND-KSTTHC</h1>", "Ban hành nhầm")
	if got.status != http.StatusOK || strings.Contains(got.text, "cải cách hành chính") || strings.Contains(got.text, `id="signatures"`) {
		t.Errorf("%d %s", got.status, got.text)
	}
}

// TestABoxWithWhatWasTakenBack: the rest of the list is shown, and nothing of what the
// sender took back.
func TestABoxWithWhatWasTakenBack(t *testing.T) {
	t.Parallel()
	h := start(t, configIn(t.TempDir()))
	senderKey, _ := h.enroll(t)
	sender := h.client(t, senderKey)
	var links []string
	for _, key := range []string{"a", "b"} {
		sent, err := sender.Submit(t.Context(), submission(key), original(key), nil)
		if err != nil {
			t.Fatal(err)
		}
		links = append(links, "/inbox/"+string(sent.Deliveries[0].ID))
		if key == "b" {
			if _, err := sender.Recall(t.Context(), sent.Dispatch.ID, nil, "gửi nhầm"); err != nil {
				t.Fatal(err)
			}
		}
	}
	clerk := h.signIn(t, "van.thu", member("000.00.12.H47", hub.RoleClerk))
	clerk.get("/inbox?show=all").shows(t, links[0], links[1], "Không có chữ ký số")
	if got := clerk.get("/inbox?show=ended"); got.status != http.StatusOK || strings.Contains(got.text, "chữ ký số") {
		t.Errorf("%d: %s", got.status, got.text)
	}
}

// TestContentIsNoPage: whatever a sender calls its file, it is only for saving and in a
// sandbox; its name cannot write a header.
func TestContentIsNoPage(t *testing.T) {
	t.Parallel()
	h := start(t, configIn(t.TempDir()))
	senderKey, _ := h.enroll(t)
	const page = "<script>alert(1)</script>"
	sent, err := h.client(t, senderKey).Submit(t.Context(), submission("a"), []hubclient.File{{
		Part: hub.Part{ID: "p1", Role: hub.RoleOriginal, Name: `a"; filename=b.html; x=".html`, MediaType: "text/html", Size: int64(len(page))},
		Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(page)), nil },
	}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	clerk := h.signIn(t, "van.thu", member("000.00.12.H47", hub.RoleClerk))
	got := clerk.get("/documents/" + string(sent.Dispatch.ID) + "/parts/p1?show=1")
	want := map[string]string{
		"Content-Type": "application/octet-stream", "X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'; sandbox",
		"Content-Disposition": "attachment; filename*=UTF-8''a%22%3B%20filename%3Db.html%3B%20x%3D%22.html",
	}
	for name, value := range want {
		if got.header.Get(name) != value {
			t.Errorf("%s: %s, want %s", name, got.header.Get(name), value)
		}
	}
	if got.text != page {
		t.Errorf("%d: %s", got.status, got.text)
	}
}

// TestReadingIsRecorded: in the log of the hub, before it is shown.
func TestReadingIsRecorded(t *testing.T) {
	t.Parallel()
	h := start(t, configIn(t.TempDir()))
	senderKey, _ := h.enroll(t)
	sent, err := h.client(t, senderKey).Submit(t.Context(), submission("a"), original("x"), nil)
	if err != nil {
		t.Fatal(err)
	}
	clerk := h.signIn(t, "van.thu", member("000.00.12.H47", hub.RoleClerk))
	clerk.get("/inbox/" + string(sent.Deliveries[0].ID))
	clerk.get("/documents/" + string(sent.Dispatch.ID) + "/parts/p1")
	if err := h.stop(); err != nil {
		t.Fatal(err)
	}
	notes := notesOf(t, h.config.DataDir, hub.LogNoteReading)
	want := `{"actor":"van.thu","agencies":["snv"],"dispatch":"` + string(sent.Dispatch.ID) + `"`
	if len(notes) != 2 || notes[0] != want+`,"part":"p1"}` || notes[1] != want+"}" {
		t.Errorf("the log has %q", notes)
	}
}

var patterns = regexp.MustCompile(`http\.Method(Get|Post), pattern: "([^"]+)", (?:(public|anybody)|scopes: (\w+))`)

// TestNobodySeesAnothersPages goes to every address that there is: as nobody, as the
// clerk of another agency, and with each role at what is not for it.
func TestNobodySeesAnothersPages(t *testing.T) {
	t.Parallel()
	h := start(t, configIn(t.TempDir()))
	senderKey, _ := h.enroll(t)
	h.thirdAgency(t)
	sub := submission("a")
	sub.Tasks = []hub.TaskWish{{Content: "Nâng cấp Cổng", Lead: recipient}}
	sent, err := h.client(t, senderKey).Submit(t.Context(), sub, original("Nội dung."), nil)
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("../../../../adapters/web/routes.go")
	if err != nil {
		t.Fatal(err)
	}
	addresses := patterns.FindAllStringSubmatch(string(source), -1)
	if len(addresses) != strings.Count(string(source), "{method: http.Method") || len(addresses) < 20 {
		t.Fatalf("%d addresses found", len(addresses))
	}
	fill := strings.NewReplacer("{$}", "", "{delivery}", string(sent.Deliveries[0].ID), "{dispatch}", string(sent.Dispatch.ID),
		"{part}", "p1", "{task}", string(sent.Dispatch.Tasks[0].ID), "{evidence}", string(sent.Receipt.Evidence.ID), "{name}", "van.thu", "{upload}", "x",
		"{subscription}", h.subscribe(t, recipient, "https://example.com/van.thu").ID)
	h.signIn(t, "van.thu", member("000.00.12.H47", hub.RoleClerk))
	people := map[string]*person{
		"nobody":        h.somebody(t),
		"stranger":      h.signIn(t, "nguoi.la", member("000.00.13.H47", hub.RoleClerk)),
		"leader":        h.signIn(t, "lanh.dao", member("000.00.13.H47", hub.RoleLeader)),
		"administrator": h.signIn(t, "quan.tri", member("000.00.13.H47", hub.RoleAdministrator)),
		"auditor":       h.signIn(t, "kiem.tra", member("", hub.RoleAuditor)),
	}
	for name, p := range people {
		for _, a := range addresses {
			path, open := fill.Replace(a[2]), a[3] != ""
			if open && a[1] == "Post" {
				continue // those change the session of the person alone
			}
			if path == "/live/inbox" && (name == "stranger" || name == "leader") {
				continue // their own box, told without end
			}
			var got page
			if a[1] == "Get" {
				got = p.get(path)
			} else {
				got = p.post(path, "number", "1", "date", "2026-01-01", "code", "other", "detail", "x", "status", "05", "act", "start", "at", string(sent.Deliveries[0].Recipient))
			}
			audits := name == "auditor" && (a[4] == "audit" || a[4] == "proof") // evidence is for auditors, content is not
			for _, secret := range []string{"V/v cải cách hành chính", "173/UBND", "Nội dung.", "van.thu", "Nâng cấp Cổng"} {
				if strings.Contains(got.text, secret) && (!audits || secret == "Nội dung.") {
					t.Errorf("%s sees %q at %s", name, secret, path)
				}
			}
			switch {
			case name == "nobody" && path == "/enrol":
				// the form alone: who has a code needs no account
			case name == "nobody" && got.path != "/sign-in":
				t.Errorf("nobody gets %d at %s", got.status, path)
			case audits && got.status == http.StatusForbidden:
				t.Errorf("the auditor gets %d at %s", got.status, path)
			case name != "nobody" && !open && !audits && strings.Contains(a[2], "{") && got.status != http.StatusNotFound && got.status != http.StatusForbidden:
				t.Errorf("%s gets %d at %s", name, got.status, path)
			}
		}
	}
	item, err := h.client(t, senderKey).Dispatch(t.Context(), sent.Dispatch.ID)
	if err != nil || item.Deliveries[0].State != hub.StateConsigned {
		t.Errorf("somebody acted for another agency: %+v, %v", item.Deliveries, err)
	}
}

// TestFormsOfOthers: a request of another site, and a form of another session, change nothing.
func TestFormsOfOthers(t *testing.T) {
	t.Parallel()
	h := start(t, configIn(t.TempDir()))
	h.enroll(t)
	clerk := h.signIn(t, "van.thu", member("000.00.12.H47", hub.RoleClerk))
	token := clerk.token()
	if got := clerk.send("/sign-out", url.Values{"form": {"x" + token}}); got.status != http.StatusForbidden {
		t.Errorf("a wrong token gets %d", got.status)
	}
	for header, value := range map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://elsewhere.example"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, clerk.base+"/sign-out", strings.NewReader(url.Values{"form": {token}}.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set(header, value)
		if got := clerk.do(r); got.status != http.StatusForbidden {
			t.Errorf("%s: %s gets %d", header, value, got.status)
		}
	}
	got := clerk.get("/inbox")
	if got.path != "/inbox" {
		t.Error("somebody else signed the clerk out")
	}
	policy := got.header.Get("Content-Security-Policy")
	if !strings.HasPrefix(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") || !strings.Contains(policy, "script-src 'self';") {
		t.Errorf("the policy is %q", policy)
	}
	if got := clerk.post("/sign-in", "name", "van.thu", "password", chosenPassword, "next", "//elsewhere.example/"); got.path != "/inbox" {
		t.Errorf("after signing in at %s", got.path)
	}
}

// upload has a file examined.
func (p *person) upload(name string, content []byte) page {
	p.Helper()
	return p.uploadAs(p.token(), name, content)
}

func (p *person) uploadAs(token, name string, content []byte) page {
	p.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	_ = form.WriteField("form", token)
	if name != "" {
		file, err := form.CreateFormFile("file", name)
		if err != nil {
			p.Fatal(err)
		}
		_, _ = file.Write(content)
	}
	_ = form.Close()
	r, err := http.NewRequestWithContext(p.Context(), http.MethodPost, p.base+"/examine", &body)
	if err != nil {
		p.Fatal(err)
	}
	r.Header.Set("Content-Type", form.FormDataContentType())
	return p.do(r)
}

// TestExaminingAFile: the verdict on a file, and what is said of one that is none.
func TestExaminingAFile(t *testing.T) {
	t.Parallel()
	h := start(t, configIn(t.TempDir()))
	h.enroll(t)
	auditor := h.signIn(t, "kiem.tra", member("", hub.RoleAuditor))
	auditor.get("/examine").shows(t, "Với vai trò kiểm tra")
	if got := h.signIn(t, "van.thu", member("000.00.12.H47", hub.RoleClerk)).get("/examine"); strings.Contains(got.text, "Với vai trò kiểm tra") {
		t.Error("a clerk is told what an auditor cannot see")
	}
	auditor.upload("công văn.pdf", signedPDF(t)).shows(t, "công văn.pdf", "Nguyễn Văn Ví Dụ", "bước đã kiểm tra")
	savedReports(t, auditor, auditor.upload("công văn.pdf", signedPDF(t)))
	auditor.upload("x.pdf", []byte("MZ no pdf")).shows(t, "Không có chữ ký số")
	auditor.upload("x.pdf", nil).shows(t, "Tệp rỗng")
	auditor.upload("", nil).shows(t, "Chọn một tệp")
	if got := auditor.uploadAs("x", "x.pdf", []byte("x")); got.status != http.StatusForbidden {
		t.Errorf("a form of another session gets %d", got.status)
	}
}

// TestKeepingAccounts: an administrator makes an account, whose owner signs in.
func TestKeepingAccounts(t *testing.T) {
	t.Parallel()
	h := start(t, configIn(t.TempDir()))
	h.enroll(t)
	admin := h.signIn(t, "quan.tri", member("000.00.12.H47", hub.RoleAdministrator))
	admin.post("/accounts", "name", "x", "full_name", "Nguyễn Văn Mẫu", "role", "clerk").shows(t, `id="wrong-name"`, `value="Nguyễn Văn Mẫu"`)
	made := admin.post("/accounts", "name", "moi.den", "full_name", "Nguyễn Văn Mẫu", "role", "clerk")
	secret := regexp.MustCompile(`class="secret">([^<]+)<`).FindStringSubmatch(made.text)
	if secret == nil {
		t.Fatal(made.text)
	}
	if got := h.somebody(t).post("/sign-in", "name", "moi.den", "password", secret[1]); got.path != "/password" {
		t.Errorf("at %s", got.path)
	}
	if got := admin.post("/accounts", "name", "lon.hon", "full_name", "X", "role", "operator"); got.status == http.StatusOK {
		t.Error("an administrator made an operator")
	}
	operator := h.signIn(t, "van.hanh", member("", hub.RoleOperator))
	operator.get("/").shows(t, "Hệ thống đang phục vụ", "Cơ sở dữ liệu")
	operator.get("/agencies?q=noi+vu").shows(t, "000.00.12.H47")
	operator.get("/agencies").shows(t, `href="/enrol"`)
	tree := operator.get("/agencies?day=2024-01-01")
	tree.shows(t, `href="/agencies/h47?day=2024-01-01"`)
	if strings.Contains(tree.text, "000.00.12.H47") {
		t.Error("the top of the tree shows what is below")
	}
	operator.get("/agencies/h47").shows(t, "000.00.12.H47", "Mã định danh")
	operator.get("/agencies?day=2024-02-30").shows(t, `id="wrong-day"`)
	if got := operator.get("/agencies/nobody"); got.status != http.StatusNotFound {
		t.Errorf("an agency that there is not answers %d", got.status)
	}
	operator.get("/agencies/acts").shows(t, "Chưa ghi nhận thay đổi nào")
	rename := []string{"kind", "rename", "on", "2030-07-01", "name", "Sở Nội vụ mới (hư cấu)", "basis", "QĐ 5/QĐ-UBND"}
	operator.post("/agencies/snv/acts", append(rename, "do", "check")...).shows(t, "Sở Nội vụ (hư cấu) → Sở Nội vụ mới (hư cấu)", `value="record"`)
	operator.get("/agencies/acts").shows(t, "Chưa ghi nhận thay đổi nào")
	operator.post("/agencies/snv/acts", "kind", "merge", "on", "2030-07-01", "to", "000.00.12.H47", "do", "check").shows(t, `id="wrong-on"`, "kế thừa hoặc trực thuộc chính mình")
	operator.post("/agencies/snv/acts", "kind", "split", "on", "x", "do", "record").shows(t, `id="wrong-on"`, `id="wrong-to"`)
	operator.post("/agencies/snv/acts", append(rename, "do", "record")...).shows(t, "Sở Nội vụ mới (hư cấu)", "từ 01/07/2030", "QĐ 5/QĐ-UBND")
	operator.get("/agencies/acts").shows(t, "01/07/2030", "Đổi tên")
	if got := admin.post("/agencies/snv/acts", append(rename, "do", "check")...); got.status == http.StatusOK {
		t.Error("an administrator of an agency changes the directory")
	}
	operator.post("/accounts", "name", "van.thu", "full_name", "X", "role", "clerk", "agency", "000.00.99.H47").shows(t, `id="wrong-agency"`)
	operator.post("/accounts/moi.den/lock", "locked", "true").shows(t, "Đã khóa")
}

// TestSettingsPage: an operator sees what is in force and where it comes from, and nobody
// else sees the page.
func TestSettingsPage(t *testing.T) {
	t.Parallel()
	config := configIn(t.TempDir())
	config.Shown = []web.Setting{{Name: "max-recipients", Value: "5", From: "LIENTHONG_MAX_RECIPIENTS"}, {Name: "tsa", From: "default"}}
	h := start(t, config)
	h.enroll(t)
	operator := h.signIn(t, "van.hanh", member("", hub.RoleOperator))
	operator.get("/settings").shows(t, "max-recipients", "<code>5</code>", "LIENTHONG_MAX_RECIPIENTS", "Số nơi nhận tối đa của một văn bản.", "mặc định", `<a href="/settings" aria-current="page">`)
	for name, role := range map[string]hub.Membership{
		"kiem.tra": member("", hub.RoleAuditor), "quan.tri": member("000.00.12.H47", hub.RoleAdministrator), "van.thu": member("000.00.12.H47", hub.RoleClerk),
	} {
		if got := h.signIn(t, name, role).get("/settings"); got.status == http.StatusOK || strings.Contains(got.text, "max-recipients") {
			t.Errorf("%s gets %d", name, got.status)
		}
	}
}

func TestWithoutPages(t *testing.T) {
	t.Parallel()
	config := configIn(t.TempDir())
	config.NoPages = true
	h := start(t, config)
	if got := h.somebody(t).get("/sign-in"); got.status != http.StatusNotFound || strings.Contains(got.text, "<html") {
		t.Errorf("got %d: %s", got.status, got.text)
	}
}

// thirdAgency adds one that has nothing to do with the others.
func (h *testHub) thirdAgency(t *testing.T) {
	t.Helper()
	third := agencies + "sgd,000.00.13.H47,Sở Giáo dục (hư cấu),department,,000.00.00.H47,,,true,,,H47.13,\n"
	if _, err := h.client(t, h.operatorKey(t)).ImportAgencies(t.Context(), strings.NewReader(third), false); err != nil {
		t.Fatal(err)
	}
}

// notesOf reads the notes of a kind in the database of a hub that has stopped, newest first.
func notesOf(t *testing.T, dir string, kind hub.LogNoteKind) []string {
	t.Helper()
	store, err := sqlite.Open(t.Context(), sqlite.Options{Path: filepath.Join(dir, "hub.db"), Log: slog.New(slog.DiscardHandler), Fatal: func(err error) { panic(err) }})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	notes, err := store.LogNotes(t.Context(), kind, 100)
	if err != nil {
		t.Fatal(err)
	}
	var bodies []string
	for _, n := range notes {
		bodies = append(bodies, string(n.Body))
	}
	return bodies
}
