package app_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/lienthong/lienthong/hub"
)

// TestDrafts: what is typed is kept on the hub for its person in its office alone, goes
// on in another browser and in another language, and goes when it was sent.
func TestDrafts(t *testing.T) {
	t.Parallel()
	h, clerk := author(t)
	shown := clerk.get("/send").carries()
	typed := []string{"office", shown.first("office"), "key", shown.first("key"), "number", "174", "subject", "Thư <dở>", "to", recipient}
	if got := clerk.post("/send/draft", typed...); got.status != http.StatusNoContent {
		t.Fatalf("%d: %s", got.status, got.text)
	}
	page := "/send?draft=" + shown.first("key")
	clerk.get("/send").shows(t, "Bản nháp của bạn (1)", "174 Thư &lt;dở&gt;", page)
	again := clerk.get(page)
	again.shows(t, `value="174"`, "Thư &lt;dở&gt;", "Đã chọn 1 nơi nhận")
	if strings.Contains(again.text, "Bản nháp của bạn") {
		t.Error("the draft on the screen is among the others")
	}

	colleague := h.signIn(t, "dong.nghiep", member(sender, hub.RoleClerk))
	if got := colleague.get(page); got.status != http.StatusNotFound || strings.Contains(colleague.get("/send").text, "dở") {
		t.Errorf("a colleague gets %d", got.status)
	}
	two := h.signIn(t, "hai.noi", member(sender, hub.RoleClerk), member("000.00.13.H47", hub.RoleClerk))
	two.post("/send/draft", typed...)
	two.post("/office", "office", "sgd")
	if got := two.get(page); got.status != http.StatusNotFound || strings.Contains(two.get("/send").text, "dở") {
		t.Errorf("in another office: %d", got.status)
	}
	if got := two.post("/send/draft", typed...); got.status != http.StatusConflict {
		t.Errorf("a page of another office keeps a draft: %d", got.status)
	}

	english := clerk.press("language-en", again.carries(typedLetter()...).with("original", "công văn.pdf", signedPDF(t)))
	english.shows(t, `lang="en"`, `value="174"`, "Recipients", "công văn.pdf")
	clerk.get(page).shows(t, "công văn.pdf", "V/v &lt;gửi&gt; từ trang") // in another browser
	checked := clerk.press("check", clerk.press("language-vi", english.carries(typedLetter()...)).carries(typedLetter()...))
	checked.shows(t, "Kiểm tra trước khi gửi", page)
	if sent := clerk.press("send", checked.carries()); !strings.HasPrefix(sent.path, "/sent/") {
		t.Fatalf("%d: %s", sent.status, sent.text)
	}
	if got := clerk.get(page); got.status != http.StatusNotFound {
		t.Errorf("what was sent is still a draft: %d", got.status)
	}
	clerk.post("/send/draft", typed...)
	clerk.post("/send/draft/remove", "draft", shown.first("key"))
	if strings.Contains(clerk.get("/send").text, "dở") {
		t.Error("a draft that was removed is there")
	}
}

// pieces is what the script of the page gets.
type pieces struct {
	Upload, Claim, Problem string
	Offset                 int64
	Said                   map[string]string
}

func (p *person) piece(path, body, kind string) (int, pieces) {
	p.Helper()
	r, err := http.NewRequestWithContext(p.Context(), http.MethodPost, p.base+path, strings.NewReader(body))
	if err != nil {
		p.Fatal(err)
	}
	r.Header.Set("Content-Type", kind)
	r.Header.Set("X-Form", p.token())
	got := p.do(r)
	var told pieces
	if strings.HasPrefix(got.header.Get("Content-Type"), "application/json") {
		if err := json.Unmarshal([]byte(got.text), &told); err != nil {
			p.Fatal(got.text)
		}
	}
	return got.status, told
}

// values sends a small form as the script does.
func (p *person) values(path string, pairs ...string) (int, pieces) {
	p.Helper()
	form := url.Values{"form": {p.token()}}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return p.piece(path, form.Encode(), "application/x-www-form-urlencoded")
}

// TestFilesInPieces: a file goes on at the offset that the hub has, is looked at as one of
// the form, and is nobody else's.
func TestFilesInPieces(t *testing.T) {
	t.Parallel()
	h, clerk := author(t)
	pdf := string(signedPDF(t))
	const bytes = "application/octet-stream"
	status, begun := clerk.values("/send/files", "name", "công văn.pdf", "size", fmt.Sprint(len(pdf)))
	if status != http.StatusCreated {
		t.Fatal(status, begun)
	}
	path := "/send/files/" + begun.Upload
	half := len(pdf) / 2
	if status, told := clerk.piece(path+"?offset=0", pdf[:half], bytes); status != http.StatusOK || told.Offset != int64(half) {
		t.Fatal(status, told)
	}
	if status, _ := clerk.piece(path+"?offset=0", pdf, bytes); status != http.StatusConflict {
		t.Errorf("bytes at a place of before: %d", status)
	}
	if status, told := clerk.values(path+"/finish", "name", "công văn.pdf", "role", "original"); status != http.StatusConflict || told.Problem != "Tệp chưa đến đủ." {
		t.Errorf("half a file: %d, %+v", status, told)
	}
	stranger := h.signIn(t, "dong.nghiep", member(sender, hub.RoleClerk))
	for _, p := range []string{path + "?offset=" + fmt.Sprint(half), path + "/finish"} {
		if status, _ := stranger.values(p, "name", "x.pdf"); status != http.StatusNotFound {
			t.Errorf("a colleague gets %d at %s", status, p)
		}
	}
	if got := stranger.get(path); got.status != http.StatusNotFound {
		t.Errorf("a colleague sees how far it came: %d", got.status)
	}
	if got := clerk.get(path); !strings.Contains(got.text, fmt.Sprintf(`"offset":%d`, half)) {
		t.Error(got.text)
	}
	clerk.piece(path+"?offset="+fmt.Sprint(half), pdf[half:], bytes)
	status, done := clerk.values(path+"/finish", "name", "công văn.pdf", "role", "original")
	if status != http.StatusOK || done.Claim == "" {
		t.Fatal(status, done)
	}
	checked := clerk.press("check", clerk.get("/send").carries(append(typedLetter(), "to", recipient, "file", done.Claim)...))
	checked.shows(t, "Kiểm tra trước khi gửi", "công văn.pdf")
	sent := clerk.press("send", checked.carries())
	if got := clerk.get("/documents/" + strings.TrimPrefix(sent.path, "/sent/") + "/parts/p1"); got.text != pdf {
		t.Errorf("%d bytes of %d were sent", len(got.text), len(pdf))
	}

	for name, content := range map[string]string{"program.pdf": "MZ", "text.pdf": "x", "encrypted.pdf": string(unsignedPDF(t, true))} {
		_, begun := clerk.values("/send/files", "name", name, "size", fmt.Sprint(len(content)))
		clerk.piece("/send/files/"+begun.Upload+"?offset=0", content, bytes)
		if status, told := clerk.values("/send/files/"+begun.Upload+"/finish", "name", name, "role", "original"); status != http.StatusUnprocessableEntity || told.Problem == "" {
			t.Errorf("%s: %d, %+v", name, status, told)
		}
	}
	for want, pairs := range map[int][]string{
		http.StatusRequestEntityTooLarge: {"name", "a.pdf", "size", "999999999999"}, http.StatusUnprocessableEntity: {"name", "a\u202eb.pdf", "size", "1"},
	} {
		if status, told := clerk.values("/send/files", pairs...); status != want || told.Problem == "" {
			t.Errorf("%q: %d, %+v", pairs, status, told)
		}
	}
}

// TestDraftInABrowser: what is typed is kept without a button, a file comes in pieces with
// a pause, and both are there after the page was left.
func TestDraftInABrowser(t *testing.T) {
	t.Parallel()
	h, _ := author(t)
	b := newBrowser(t, h.URL())
	big := filepath.Join(t.TempDir(), "công văn lớn.pdf")
	if err := os.WriteFile(big, append(signedPDF(t), make([]byte, 3<<20)...), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, screen := range everyScreen {
		b.signInOn(screen, "tac.gia", "inbox")
		b.open("/send", "send")
		b.step("type a subject", chromedp.SendKeys("#subject", "Thư dở"))
		b.step("wait until it is kept", chromedp.WaitVisible("[data-saved]:not(:empty)"))
		const pause = `new MutationObserver((_, o) => {
			const button = document.querySelector(".coming button");
			if (button) { o.disconnect(); button.click(); }
		}).observe(document.querySelector(".coming"), {childList: true, subtree: true})` // before the first piece
		b.step("choose a file", chromedp.Evaluate[chromedp.Void](pause), chromedp.SetUploadFiles("#original", []string{big}))
		b.step("wait for the pause", chromedp.WaitVisible(".coming .note:not(:empty)"))
		b.look("send-paused")
		b.click(".coming button")
		b.sees(".came input[name=file]")
		b.step("wait for the end of the upload", chromedp.WaitNotPresent(".coming li"))
		b.look("send-uploaded")
		other := map[string]string{"vi": "en", "en": "vi"}[screen.language]
		b.fill("button[value=language-" + other + "]")
		b.sees("html[lang=" + other + "] .came input[name=file]")
		if subject := value[string](b, `document.querySelector("#subject").value`); subject != "Thư dở" {
			t.Errorf("%s: the subject is %q", b.label, subject)
		}
		b.open("/send", "send")
		b.click("details summary:has(~ ul a[href^='/send?draft'])")
		b.look("send-drafts")
		b.signOut()
	}
}
