package app_test

import (
	"archive/zip"
	"bytes"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/reports"
)

var reportPaths = regexp.MustCompile(`href="(/reports/[0-9a-f-]{36})"`)

// TestReportsOnThePages: a leader makes a report, opens a number, downloads it in each
// format and by a document of the office; what is no plain document is refused beside its
// field, and who has no part in the agency finds nothing.
func TestReportsOnThePages(t *testing.T) {
	h, _ := deciding(t)
	leader := h.signIn(t, "lanh.dao", member(sender, hub.RoleLeader))
	leader.get("/reports").shows(t, "Chưa lập báo cáo nào", "Tệp Word lập theo mẫu chung")
	leader.post("/reports", "period", "2099", "scope", "own").shows(t, `id="wrong-period"`, "Kỳ này chưa bắt đầu")
	leader.post("/reports", "period", "hôm qua", "scope", "own").shows(t, `id="wrong-period"`, "2026-Q1")
	made := leader.post("/reports", "period", "2026", "scope", "tree")
	made.shows(t, "kỳ 2026", "Tổng hợp cả các cơ quan trực thuộc", "Kiểm tra đột xuất", "Cơ quan chưa được đánh giá cho kỳ này")
	for _, key := range reports.Keys() {
		if strings.Contains(made.text, "reform.key."+string(key)) {
			t.Errorf("%s has no words", key)
		}
	}
	found := reportPaths.FindStringSubmatch(leader.get("/reports").text)
	if found == nil {
		t.Fatal("the list leads nowhere")
	}
	path := found[1]
	files := map[string]page{}
	for format, begin := range map[string]string{"docx": "PK", "xlsx": "PK", "pdf": "%PDF-"} {
		files[format] = leader.get(path + "/files/" + format)
		if got := files[format]; got.status != http.StatusOK || !strings.HasPrefix(got.text, begin) {
			t.Errorf("%s: %d %.8q", format, got.status, got.text)
		}
	}
	for _, at := range []string{path + "/files/odt", "/reports/x"} {
		if got := leader.get(at); got.status < 400 || got.status >= 500 {
			t.Errorf("%s: %d", at, got.status)
		}
	}

	// A document of the office.
	leader.template("mau.docx", "không phải tệp Word").shows(t, `id="wrong-file"`, "không phải tệp Word")
	wrong, err := withPlaceholder([]byte(files["docx"].text), "{documents.lost}")
	if err != nil {
		t.Fatal(err)
	}
	leader.template("mau.docx", string(wrong)).shows(t, `id="wrong-file"`, "documents.lost")
	right, err := withPlaceholder([]byte(files["docx"].text), "{period} có {inspections.surprise}")
	if err != nil {
		t.Fatal(err)
	}
	leader.template("mau <riêng>.docx", string(right)).shows(t, "mau &lt;riêng&gt;.docx", "2 chỗ điền")
	leader.post("/reports", "period", "2026-Q1", "scope", "own").shows(t, "kỳ 2026-Q1")
	second := reportPaths.FindStringSubmatch(leader.get("/reports").text)[1]
	if second == path {
		t.Fatal("the report that was made last does not come first")
	}
	if got := leader.get(second + "/files/docx"); !strings.Contains(documentText(t, got.text), "quý I năm 2026 có 0") {
		t.Error("the document of the office was not filled")
	}
	leader.template("", "").shows(t, "Tệp Word lập theo mẫu chung")

	stranger := h.signIn(t, "nguoi.la", member("000.00.13.H47", hub.RoleLeader))
	if got := stranger.get(path); got.status != http.StatusNotFound {
		t.Errorf("a stranger gets %d", got.status)
	}
	clerk := h.signIn(t, "van.thu", member(sender, hub.RoleClerk))
	if got := clerk.get("/reports"); got.status != http.StatusForbidden {
		t.Errorf("who may see no figures gets %d", got.status)
	}
	leader.send("/language", url.Values{"form": {leader.token()}, "language": {"en"}, "next": {path}})
	leader.get(path).shows(t, "With all that stand under it", "Surprise inspections", "The agency was not evaluated for the period")

	if err := h.stop(); err != nil {
		t.Fatal(err)
	}
	if notes := notesOf(t, h.config.DataDir, hub.LogNoteReport); len(notes) != 2 || !strings.Contains(notes[0], "report_sha256") {
		t.Errorf("%d reports are noted: %v", len(notes), notes)
	}
}

// template gives the template of the office a document.
func (p *person) template(name, content string) page {
	p.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	_ = form.WriteField("form", p.token())
	file, err := form.CreateFormFile("file", name)
	if err != nil {
		p.Fatal(err)
	}
	_, _ = io.WriteString(file, content)
	_ = form.Close()
	r, err := http.NewRequestWithContext(p.Context(), http.MethodPost, p.base+"/reports/template", &body)
	if err != nil {
		p.Fatal(err)
	}
	r.Header.Set("Content-Type", form.FormDataContentType())
	return p.do(r)
}

// documentText is the text part of a document.
func documentText(t *testing.T, file string) string {
	t.Helper()
	z, err := zip.NewReader(strings.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	f, err := z.Open("word/document.xml")
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// TestReportsInABrowser walks over the pages in both languages, on a desk and on a phone.
func TestReportsInABrowser(t *testing.T) {
	h, _ := deciding(t)
	leader := h.signIn(t, "lanh.dao", member(sender, hub.RoleLeader))
	leader.post("/reports", "period", "2026", "scope", "tree").shows(t, "kỳ 2026")
	path := reportPaths.FindStringSubmatch(leader.get("/reports").text)[1]
	b := newBrowser(t, h.URL())
	for _, screen := range everyScreen {
		b.signInOn(screen, "lanh.dao", "inbox")
		b.open("/reports", "reports")
		b.look("reports")
		b.do(chromedp.SetValue("#period", "2099"))
		b.fill("form.card button.main")
		b.sees("#wrong-period")
		b.look("reports-wrong")
		b.open(path, "report")
		b.look("report")
		b.signOut()
	}
}
