package app_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/sqlite"
)

// TestPackagesOutsideOnThePages: a clerk sees which packages of the office can't be put into
// their dossiers and why, and settles one; the system that sent it is told.
func TestPackagesOutsideOnThePages(t *testing.T) {
	h, decision := deciding(t)
	clerk, stranger := h.signIn(t, "van.thu", member(sender, hub.RoleClerk)), h.signIn(t, "nguoi.la", member("000.00.13.H47", hub.RoleClerk))
	key, err := h.client(t, h.operatorKey(t)).IssueKey(t.Context(), hubclient.NewKey{Name: "desk", Kind: hub.ActorSystem, Agencies: []string{sender}, Scopes: []hub.Scope{hub.ScopeSubmit, hub.ScopeRead}})
	must(t, err)
	system := h.client(t, key.Secret)
	sent, err := system.Dispatch(t.Context(), decision)
	must(t, err)
	h.refusePackage(t, decision, sent.Dispatch.Sender)

	clerk.get("/dossiers").shows(t, "Gói tin chưa vào được hồ sơ", "000.00.00.H47-260302-0001", "HoSo/MaHoSo")
	if strings.Contains(stranger.get("/dossiers").text, "260302-0001") {
		t.Error("shown to another agency")
	}
	path := "/dossiers/packages/" + string(decision) + "/settlement"
	if got := stranger.post(path, "reason", "x"); got.status != http.StatusNotFound {
		t.Errorf("settled by another agency: %d", got.status)
	}
	if got := clerk.post(path, "reason", " "); got.status != http.StatusUnprocessableEntity {
		t.Errorf("settled without a reason: %d", got.status)
	}
	if got := clerk.post(path, "reason", "Đã gửi lại"); strings.Contains(got.text, "260302-0001") || !strings.Contains(got.text, "Hồ sơ một cửa") {
		t.Error("shown though it is settled")
	}
	settled, err := system.DossierPackages(t.Context(), "", true)
	if err != nil || len(settled) != 1 || settled[0].Settled == nil || settled[0].Settled.Reason != "Đã gửi lại" || len(settled[0].Refused) != 1 {
		t.Errorf("the system is told %+v, %v", settled, err)
	}
	if notes := notesOf(t, h.config.DataDir, hub.LogNoteTaking); len(notes) != 1 || !strings.Contains(notes[0], string(decision)) {
		t.Errorf("the log has %v", notes)
	}
}

// refusePackage makes a dispatch a package that can't be put into its dossier any more, as
// one is whose dossier was changed between its check and its acceptance.
func (h *testHub) refusePackage(t *testing.T, dispatch hub.DispatchID, sender hub.AgencyID) {
	t.Helper()
	store, err := sqlite.Open(t.Context(), sqlite.Options{Path: filepath.Join(h.config.DataDir, "hub.db"), Log: slog.New(slog.DiscardHandler), Fatal: func(err error) { panic(err) }})
	must(t, err)
	defer store.Close()
	body, err := json.Marshal(hub.DossierTaking{
		Dispatch: dispatch, Sender: sender, Number: "000.00.00.H47-260302-0001", At: time.Now().UTC(), By: "desk",
		Refused: []hub.DossierFault{{Field: "HoSo/MaHoSo", Rule: "erased", Message: "the time of the dossier is over"}},
	})
	must(t, err)
	must(t, store.SaveNotes(t.Context(), hub.RetentionNote{Name: "dossier-package/" + string(dispatch), Body: body}))
}

var dossierPaths = regexp.MustCompile(`href="(/dossiers/[0-9a-f-]{36})"`)

// TestDossiersOnThePages: a clerk registers a dossier, reports what happens to it and hands
// it over; the page says how its time came about, in both languages; who has no part in it
// finds nothing, and that a person read it is noted.
func TestDossiersOnThePages(t *testing.T) {
	h, decision := deciding(t)
	clerk := h.signIn(t, "van.thu", member(sender, hub.RoleClerk))
	clerk.importList("code,name,field,levels,agency,limit\n1.001193,Đăng ký <khai> sinh,Hộ tịch,xã,"+sender+",3 ngày làm việc\n", "decision", string(decision), "from", "2025-01-01", "record", "yes").shows(t, "Đã ghi vào danh mục")
	clerk.get("/dossiers").shows(t, "Không có hồ sơ nào như vậy", `href="/dossiers/new"`)
	clerk.get("/dossiers/new").shows(t, `name="procedure"`, "Bưu chính công ích")
	clerk.post("/dossiers", "procedure", "9.9", "owner", "Trần Thị Mẫu", "channel", "online").shows(t, `id="wrong-procedure"`, "không có hiệu lực", `value="Trần Thị Mẫu"`)
	clerk.post("/dossiers", "procedure", "1.001193", "owner", "", "channel", "online", "due", "2020-01-01T08:00").shows(t, `id="wrong-owner"`, `id="wrong-due"`)
	form := []string{"procedure", "1.001193", "owner", "Khổng <Sa>", "contact", "0900", "channel", "online", "received", "2026-03-02T08:00", "key", "k1"}
	clerk.post("/dossiers", form...).shows(t, "260302-0001", "Được tiếp nhận", "Đăng ký &lt;khai&gt; sinh", "Khổng &lt;Sa&gt;, 0900", "Hạn theo thời hạn của thủ tục", "Trễ hạn mà chưa xin lỗi")
	clerk.post("/dossiers", form...).shows(t, "260302-0001")
	list := clerk.get("/dossiers?finding=no_letter")
	list.shows(t, "260302-0001", "Quá hạn", "Trễ hạn mà chưa xin lỗi")
	if strings.Contains(list.text, "260302-0002") || strings.Contains(list.text, "Khổng") {
		t.Error("the list shows a second dossier, or an owner")
	}
	found := dossierPaths.FindStringSubmatch(list.text)
	if found == nil {
		t.Fatal("the list leads nowhere")
	}
	path := found[1]

	// What happens, with what is wrong beside its field.
	clerk.post(path+"/events", "act", "request_supplement", "at", "2026-03-02T14:30").shows(t, `id="wrong-text"`)
	clerk.post(path+"/events", "act", "process", "at", "2026-03-01T14:30").shows(t, `id="wrong-at"`, "Trước khi nhận hồ sơ")
	clerk.post(path+"/events", "act", "hand_over", "to", "cơ quan nào").shows(t, `id="wrong-to"`)
	clerk.post(path+"/events", "act", "request_supplement", "at", "2026-03-02T14:30", "text", "Thiếu giấy chứng sinh").shows(t, "Đã ghi.", "Yêu cầu bổ sung giấy tờ", "Thiếu giấy chứng sinh", "Tính đến khi yêu cầu bổ sung")
	clerk.post(path+"/events", "act", "supplement", "at", "2026-03-04T09:30").shows(t, "Không tính: chờ bổ sung", "13 giờ 0 phút làm việc")
	clerk.post(path+"/events", "act", "hand_over", "to", recipient, "role", "co", "at", "2026-03-04T10:00", "due", "2026-03-05T10:00").shows(t, "Đã ghi.", "phối hợp")
	clerk.post(path+"/events", "act", "apologise", "text", "Chờ xác minh", "due", time.Now().AddDate(0, 1, 0).Format("2006-01-02")+"T10:00").shows(t, "hẹn lại")

	// The agency that it was handed over to gives its share back, and no more; others find nothing.
	helper := h.signIn(t, "phoi.hop", member(recipient, hub.RoleClerk))
	shown := helper.get(path)
	shown.shows(t, "260302-0001", `value="hand_back"`)
	if strings.Contains(shown.text, `value="return"`) {
		t.Error("an act is offered that is not the agency's")
	}
	if got := helper.post(path+"/events", "act", "result"); got.status != http.StatusForbidden {
		t.Errorf("an act that is not the agency's: %d", got.status)
	}
	stranger := h.signIn(t, "nguoi.la", member("000.00.13.H47", hub.RoleClerk))
	for _, at := range []string{path, "/dossiers/" + "000.00.00.H47-260302-0001"} {
		if got := stranger.get(at); got.status != http.StatusNotFound || strings.Contains(got.text, "Khổng") {
			t.Errorf("a stranger gets %d at %s", got.status, at)
		}
	}
	if got := stranger.post(path+"/events", "act", "process"); got.status != http.StatusNotFound {
		t.Errorf("a stranger acts: %d", got.status)
	}
	stranger.get("/dossiers?all=1").shows(t, "Không có hồ sơ nào như vậy")
	leader := h.signIn(t, "lanh.dao", member(sender, hub.RoleLeader))
	if got := leader.get(path); got.status != http.StatusOK || strings.Contains(got.text, `action="`+path) {
		t.Errorf("a leader gets %d, or a form", got.status)
	}
	// Files: for the agencies of the dossier alone, with the verdict on their signatures.
	if got := stranger.attach(path, "filed", "a.pdf", "x"); got.status != http.StatusNotFound {
		t.Errorf("a stranger adds a file: %d", got.status)
	}
	clerk.attach(path, "filed", "", "").shows(t, `id="wrong-file"`, "Hãy chọn một tệp.")
	clerk.attach(path, "filed", "Giấy <chứng> sinh.txt", "nguyên văn").shows(t, "Đã ghi.", "Giấy &lt;chứng&gt; sinh.txt", "Thành phần hồ sơ", "Không có chữ ký")
	files := regexp.MustCompile(`href="(/dossiers/[0-9a-f-]{36}/files/[0-9]+)"`).FindAllStringSubmatch(helper.get(path).text, -1)
	if len(files) != 2 { // the letter of apology, too
		t.Fatalf("the page leads to %d files", len(files))
	}
	if got := helper.get(files[0][1]); got.status != http.StatusOK || !strings.HasPrefix(got.text, "%PDF-") {
		t.Errorf("the letter: %d %.9q", got.status, got.text)
	}
	at := files[1]
	if got := helper.get(at[1]); got.status != http.StatusOK || got.text != "nguyên văn" {
		t.Errorf("the file: %d %q", got.status, got.text)
	}
	if got := stranger.get(at[1]); got.status != http.StatusNotFound {
		t.Errorf("a stranger gets a file: %d", got.status)
	}
	clerk.post(path+"/events", "act", "result").shows(t, "Đã xử lý xong")
	clerk.get("/dossiers").shows(t, "Không có hồ sơ nào như vậy")
	clerk.get("/dossiers?all=1").shows(t, "260302-0001", "Đã xử lý xong")
	leader.send("/language", url.Values{"form": {leader.token()}, "language": {"en"}, "next": {path}})
	leader.get(path).shows(t, "Clock and what it follows from", "Not counted: supplement", "13 h 0 min of work")

	if err := h.stop(); err != nil {
		t.Fatal(err)
	}
	id := strings.TrimPrefix(path, "/dossiers/")
	if notes := notesOf(t, h.config.DataDir, hub.LogNoteDossier); len(notes) != 8 {
		t.Errorf("%d events are noted, want 8", len(notes))
	} else if strings.Contains(strings.Join(notes, ""), "Khổng") || strings.Contains(strings.Join(notes, ""), "chứng sinh") {
		t.Error("the log names a person, or what was said")
	}
	read := map[string]bool{}
	for _, note := range notesOf(t, h.config.DataDir, hub.LogNoteReading) {
		for _, who := range []string{"van.thu", "phoi.hop", "lanh.dao", "nguoi.la"} {
			read[who] = read[who] || strings.Contains(note, id) && strings.Contains(note, who)
		}
	}
	if !read["van.thu"] || !read["phoi.hop"] || !read["lanh.dao"] || read["nguoi.la"] {
		t.Errorf("read by %v", read)
	}
}

// attach adds a file to a dossier by its page.
func (p *person) attach(path, kind, name, content string) page {
	p.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	_ = form.WriteField("form", p.token())
	_ = form.WriteField("kind", kind)
	file, err := form.CreateFormFile("file", name)
	if err != nil {
		p.Fatal(err)
	}
	_, _ = io.WriteString(file, content)
	_ = form.Close()
	r, err := http.NewRequestWithContext(p.Context(), http.MethodPost, p.base+path+"/files", &body)
	if err != nil {
		p.Fatal(err)
	}
	r.Header.Set("Content-Type", form.FormDataContentType())
	return p.do(r)
}

// TestDossiersInABrowser walks over the pages in both languages, on a desk and on a phone.
func TestDossiersInABrowser(t *testing.T) {
	h, decision := deciding(t)
	clerk := h.signIn(t, "van.thu", member(sender, hub.RoleClerk))
	clerk.importList("code,name,field,levels,agency,limit\n1.001193,Đăng ký khai sinh có yếu tố nước ngoài,Hộ tịch,xã,"+sender+",3 ngày làm việc\n", "decision", string(decision), "from", "2025-01-01", "record", "yes").shows(t, "Đã ghi vào danh mục")
	clerk.post("/dossiers", "procedure", "1.001193", "owner", "Trần Thị Mẫu", "channel", "post", "received", "2026-03-02T08:00", "key", "k1").shows(t, "260302-0001")
	path := dossierPaths.FindStringSubmatch(clerk.get("/dossiers").text)[1]
	clerk.post(path+"/events", "act", "hand_over", "to", recipient, "role", "co").shows(t, "Đã ghi.", "phối hợp")
	b := newBrowser(t, h.URL())
	for _, screen := range everyScreen {
		b.signInOn(screen, "van.thu", "inbox")
		b.open("/dossiers", "dossiers")
		b.look("dossiers")
		b.open(path, "dossier")
		b.look("dossier")
		b.open("/dossiers/new", "dossiernew")
		b.do(chromedp.SetValue("#procedure", "9.9"), chromedp.SetValue("#owner", "Trần Thị Mẫu"))
		b.fill("form.card button.main")
		b.sees("#wrong-procedure")
		b.look("dossiernew-wrong")
		b.signOut()
	}
}
