package app_test

import (
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/app"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/signing/pki"
)

// deciding is a hub that trusts the signatures of its decisions, and one of those.
func deciding(t *testing.T, change ...func(*app.Config)) (*testHub, hub.DispatchID) {
	t.Helper()
	authority, err := pki.New(time.Now().Add(-time.Hour), pki.P256)
	if err != nil {
		t.Fatal(err)
	}
	config := configIn(t.TempDir())
	config.Anchors = filepath.Join(t.TempDir(), "anchors.pem")
	if err := os.WriteFile(config.Anchors, authority.AnchorsPEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range change {
		c(&config)
	}
	h := start(t, config)
	key, _ := h.enroll(t)
	h.thirdAgency(t)
	pdf := signedUnder(t, authority)
	sent, err := h.client(t, key).Submit(t.Context(), submission("decision"), []hubclient.File{{
		Part: hub.Part{ID: "p1", Role: hub.RoleOriginal, Name: "quyet-dinh.pdf", MediaType: "application/pdf", Size: int64(len(pdf))},
		Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(pdf)), nil },
	}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return h, sent.Dispatch.ID
}

// importList presses the button of the form for lists; pairs stand before the file.
func (p *person) importList(list string, pairs ...string) page {
	p.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	_ = form.WriteField("form", p.token())
	for i := 0; i < len(pairs); i += 2 {
		_ = form.WriteField(pairs[i], pairs[i+1])
	}
	file, err := form.CreateFormFile("list", "list.csv")
	if err != nil {
		p.Fatal(err)
	}
	_, _ = io.WriteString(file, list)
	_ = form.Close()
	r, err := http.NewRequestWithContext(p.Context(), http.MethodPost, p.base+"/procedures/import", &body)
	if err != nil {
		p.Fatal(err)
	}
	r.Header.Set("Content-Type", form.FormDataContentType())
	return p.do(r)
}

// TestProceduresOnThePages: a clerk sees what a list would change, records it by a signed
// decision, and abolishes; whoever signs in finds what is in force, up to the minute at
// which it lapses, by the clock of the hub.
func TestProceduresOnThePages(t *testing.T) {
	t.Parallel()
	var behind atomic.Int64
	start := time.Now().Truncate(time.Minute).Add(-20 * time.Minute)
	lapse := start.Add(10 * time.Minute)
	moveTo := func(at time.Time) { behind.Store(int64(time.Since(at))) }
	moveTo(start)
	h, decision := deciding(t, func(c *app.Config) { c.Behind = func() time.Duration { return time.Duration(behind.Load()) } })
	clerk := h.signIn(t, "van.thu", member(sender, hub.RoleClerk))
	clerk.get("/procedures").shows(t, "Không có thủ tục nào có hiệu lực", `href="/procedures/import"`)
	clerk.get("/procedures/import").shows(t, `value="`+string(decision)+`"`, "173/UBND-KSTTHC")

	list := "Mã TTHC;Tên thủ tục;Lĩnh vực;Cấp thực hiện;Mã cơ quan;Thời hạn giải quyết;Mức độ;Lệ phí;Ngày hết hiệu lực;Ghi chú\n" +
		"1.001193;Đăng ký <khai> sinh;Hộ tịch;Cấp Xã;" + sender + ";1 ngày làm việc;Toàn trình;8.000 đồng bản sao;;\n" +
		"1.004873;Xác nhận tình trạng hôn nhân;Hộ tịch;Cấp Xã;" + sender + ";8 giờ;Một phần;;" + string(hub.MinuteOf(lapse)) + ";\n"
	wrong := strings.Replace(list, "1 ngày làm việc", "nhanh", 1)
	clerk.importList(wrong, "decision", string(decision), "record", "yes").shows(t, "chưa có gì thay đổi", "limit", "Thời hạn ghi như", "checked")
	clerk.importList(list, "decision", "d-unknown").shows(t, `id="wrong-decision"`, "Không tìm thấy trong hệ thống")
	clerk.importList(list, "decision", string(decision), "from", "hôm nay").shows(t, `id="wrong-from"`)
	clerk.importList(list, "decision", string(decision)).shows(t, "Các thay đổi nếu ghi", "Công bố 2, sửa đổi 0", "Cột không dùng: Ghi chú")
	clerk.get("/procedures").shows(t, "Không có thủ tục nào có hiệu lực")
	long := "code,name,field,levels,agency,limit\n"
	for i := range 501 {
		long += fmt.Sprintf("2.%03d,Thủ tục,Hộ tịch,xã,%s,1 ngày\n", i, sender)
	}
	clerk.importList(long, "decision", string(decision)).shows(t, "Công bố 501", "2.499", "Còn 1 dòng nữa không hiện ở đây")
	clerk.importList(list, "decision", string(decision), "record", "yes").shows(t, "Đã ghi vào danh mục", "Công bố 2, sửa đổi 0", "1.001193")

	reader := h.signIn(t, "nguoi.doc", member("000.00.13.H47", hub.RoleLeader))
	shown := reader.get("/procedures")
	shown.shows(t, "Đăng ký &lt;khai&gt; sinh", "1.004873", "1 ngày làm việc", "Toàn trình", "UBND tỉnh Quảng Nam")
	reader.get("/procedures?q=dang+ky+%3Ckhai%3E+SINH").shows(t, "1.001193")
	if got := reader.get("/procedures?q=hon+nhan"); strings.Contains(got.text, "1.001193") || !strings.Contains(got.text, "1.004873") {
		t.Error("the search does not choose")
	}
	if got := reader.get("/procedures?day=2020-01-01"); strings.Contains(got.text, "1.001193") {
		t.Error("in force before it was published")
	}
	reader.get("/procedures?day=x").shows(t, `id="wrong-day"`)
	foreign := reader.get("/procedures/1.004873")
	foreign.shows(t, "đang có hiệu lực", "8 giờ", "173/UBND-KSTTHC")
	if strings.Contains(foreign.text, `href="/sent/`) {
		t.Error("a decision of another agency is a link to a page that is not there")
	}
	clerk.get("/procedures/1.004873").shows(t, `href="/sent/`+string(decision)+`"`)

	moveTo(lapse)
	if got := reader.get("/procedures"); strings.Contains(got.text, "1.004873") || !strings.Contains(got.text, "1.001193") {
		t.Error("what has lapsed is shown as in force")
	}
	reader.get("/procedures/1.004873").shows(t, "đã hết hiệu lực")

	for _, path := range []string{"/procedures/import", "/procedures/1.001193/abolish"} {
		if got := reader.post(path, "decision", string(decision)); got.status != http.StatusForbidden {
			t.Errorf("who does not send gets %d at %s", got.status, path)
		}
	}
	clerk.importList("code,name\n"+strings.Repeat("1,"+strings.Repeat("x", 1<<20)+"\n", 36), "decision", string(decision)).shows(t, "32 MiB")
	stranger := h.signIn(t, "nguoi.la", member("000.00.13.H47", hub.RoleClerk))
	stranger.importList(list, "decision", string(decision), "record", "yes").shows(t, "Không tìm thấy trong hệ thống")
	stranger.post("/procedures/1.001193/abolish", "decision", string(decision), "from", "").shows(t, "Không tìm thấy trong hệ thống")
	clerk.post("/procedures/1.001193/abolish", "decision", string(decision), "from", "2020-01-01").shows(t, `id="wrong-from"`)
	clerk.post("/procedures/1.001193/abolish", "decision", string(decision), "from", "").shows(t, "Đã ghi việc bãi bỏ", "đã hết hiệu lực", "Bãi bỏ")
	reader.get("/procedures").shows(t, "Không có thủ tục nào có hiệu lực")
	if got := reader.get("/procedures/9.9"); got.status != http.StatusNotFound {
		t.Errorf("a procedure that is none: %d", got.status)
	}
	reader.send("/language", url.Values{"form": {reader.token()}, "language": {"en"}, "next": {"/procedures"}})
	reader.get("/procedures").shows(t, "No procedure is in force")

	if err := h.stop(); err != nil {
		t.Fatal(err)
	}
	acts := 0
	for _, note := range notesOf(t, h.config.DataDir, hub.LogNoteOperator) {
		if strings.Contains(note, "procedures.change") {
			acts++
		}
	}
	if acts != 2 {
		t.Errorf("%d acts on procedures are noted, want 2", acts)
	}
}

// TestPublisherByRight: an agency that does not stand over the responsible one publishes for
// it where the settings name it.
func TestPublisherByRight(t *testing.T) {
	t.Parallel()
	const elsewhere = "000.00.00.H48"
	list := "code,name,field,levels,agency,limit\n1.001193,Khai sinh,Hộ tịch,xã," + elsewhere + ",1 ngày\n"
	for name, publishers := range map[string][]string{"Không nhận danh mục": nil, "Công bố 1, sửa đổi 0": {sender}} {
		h, decision := deciding(t, func(c *app.Config) { c.ProcedurePublishers = publishers })
		other := agencies + "khac," + elsewhere + ",UBND tỉnh Khác (hư cấu),province,,,,,true,,,,\n"
		if _, err := h.client(t, h.operatorKey(t)).ImportAgencies(t.Context(), strings.NewReader(other), false); err != nil {
			t.Fatal(err)
		}
		clerk := h.signIn(t, "van.thu", member(sender, hub.RoleClerk))
		clerk.importList(list, "decision", string(decision)).shows(t, name)
	}
}

// TestProceduresInABrowser walks over the catalogue in both languages, on a desk and on a
// phone.
func TestProceduresInABrowser(t *testing.T) {
	t.Parallel()
	h, decision := deciding(t)
	clerk := h.signIn(t, "van.thu", member(sender, hub.RoleClerk))
	file := filepath.Join(t.TempDir(), "list.json")
	list := fmt.Sprintf(`[{"code": "1.001193", "name": "Đăng ký khai sinh có yếu tố nước ngoài", "field": "Hộ tịch", "levels": "xã", "agency": %q, "limit": "15 ngày làm việc", "online": 4, "fees": ["8000 bản sao"], "papers": ["Tờ khai", "Giấy chứng sinh"], "basis": ["Luật Hộ tịch 2014"]}]`, sender)
	if err := os.WriteFile(file, []byte(list), 0o600); err != nil {
		t.Fatal(err)
	}
	clerk.importList(list, "decision", string(decision), "record", "yes").shows(t, "Đã ghi vào danh mục")
	b := newBrowser(t, h.URL())
	for _, screen := range everyScreen {
		b.signInOn(screen, "van.thu", "inbox")
		b.open("/procedures", "procedures")
		b.look("procedures")
		b.open("/procedures?day=x", "procedures")
		b.look("procedures-wrong")
		b.open("/procedures/1.001193", "procedure")
		b.do(chromedp.Click("main details summary"))
		b.look("procedure")
		b.open("/procedures/import", "procedureimport")
		b.do(chromedp.SetValue("#decision", string(decision)), chromedp.SetUploadFiles("#list", []string{file}))
		b.fill("form.card button.main")
		b.sees("#result")
		b.look("procedureimport")
		b.signOut()
	}
}
