package app_test

import (
	"bytes"
	"html"
	"mime/multipart"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"codeberg.org/go-pdf/fpdf"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/hub"
)

// chosen is a file that a person chose in a form.
type chosen struct {
	field, name string
	content     []byte
}

// letter is the form for sending as a browser sends it.
type letter struct {
	values [][2]string
	files  []chosen
}

var carriedInputs = regexp.MustCompile(`<input type="(hidden|checkbox)" name="(form|office|key|to|file|[a-z0-9.]+)" value="([^"]*)"( checked)?`)

// carries makes the form that follows a page: what the page holds itself, and what is
// typed now.
func (p page) carries(pairs ...string) *letter {
	l := &letter{}
	_, form, _ := strings.Cut(p.text, `action="/send"`)
	form, _, _ = strings.Cut(form, "</form>")
	for _, m := range carriedInputs.FindAllStringSubmatch(form, -1) {
		if m[1] == "hidden" || m[4] != "" {
			l.values = append(l.values, [2]string{m[2], html.UnescapeString(m[3])})
		}
	}
	for i := 0; i < len(pairs); i += 2 {
		l.values = append(l.values, [2]string{pairs[i], pairs[i+1]})
	}
	return l
}

func (l *letter) with(field, name string, content []byte) *letter {
	l.files = append(l.files, chosen{field, name, content})
	return l
}

// first is the value of a field.
func (l *letter) first(field string) string {
	for _, v := range l.values {
		if v[0] == field {
			return v[1]
		}
	}
	return ""
}

// press sends the form by a button.
func (p *person) press(button string, l *letter) page {
	p.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for _, v := range l.values {
		_ = form.WriteField(v[0], v[1])
	}
	for _, f := range l.files {
		file, err := form.CreateFormFile(f.field, f.name)
		if err != nil {
			p.Fatal(err)
		}
		_, _ = file.Write(f.content)
	}
	_ = form.WriteField("do", button)
	_ = form.Close()
	r, err := http.NewRequestWithContext(p.Context(), http.MethodPost, p.base+"/send", &body)
	if err != nil {
		p.Fatal(err)
	}
	r.Header.Set("Content-Type", form.FormDataContentType())
	return p.do(r)
}

// typedLetter is what a clerk types.
func typedLetter() []string {
	return []string{
		"number", "174", "notation", "UBND-KSTTHC", "type", "Công văn", "subject", "V/v <gửi> từ trang", "position", "Chủ tịch",
		"signer", "Nguyễn Văn Ví Dụ", "place", "Quảng Nam", "date", "2026-11-28", "due", "2026-11-29", "priority", "1", "secrecy", "",
	}
}

// author signs in the clerk of the sender, in a hub with three agencies.
func author(t *testing.T) (*testHub, *person) {
	t.Helper()
	h := start(t, configIn(t.TempDir()))
	h.enroll(t)
	h.thirdAgency(t)
	return h, h.signIn(t, "tac.gia", member(sender, hub.RoleClerk))
}

// TestSendingFromThePage: search without diacritics, choose, upload, mend, check,
// confirm, and find the document on the board and in the box of the recipient.
func TestSendingFromThePage(t *testing.T) {
	t.Parallel()
	h, clerk := author(t)
	pdf := signedPDF(t)
	shown := clerk.get("/send")
	found := clerk.press("find", shown.carries(append(typedLetter(), "find", "so noi vu")...).with("original", "công văn 174.pdf", pdf).with("annex", "phụ lục.txt", []byte("Phụ lục.")))
	found.shows(t, "Sở Nội vụ", `value="174"`, "V/v &lt;gửi&gt; từ trang", `value="2026-11-29"`, "công văn 174.pdf", "phụ lục.txt")
	added := clerk.press("add", found.carries(append(typedLetter(), "to", recipient, "find", "giao duc")...))
	added.shows(t, "Đã chọn 1 nơi nhận", "Sở Giáo dục", "công văn 174.pdf")

	nothing := added.carries("number", " ", "date", "x")
	nothing.values = slices.DeleteFunc(nothing.values, func(v [2]string) bool { return v[0] == "to" })
	clerk.press("check", nothing).shows(t, `id="wrong-number"`, `id="wrong-notation"`, `id="wrong-subject"`, `id="wrong-date"`, `id="wrong-to"`, "phụ lục.txt")

	checked := clerk.press("check", added.carries(append(typedLetter(), "to", "000.00.13.H47")...))
	checked.shows(t, "Kiểm tra trước khi gửi", "gửi tới 2 nơi nhận", "Sở Nội vụ", "Sở Giáo dục", "Gửi tới 2 nơi nhận", "Nguyễn Văn Ví Dụ")
	if strings.Contains(checked.text, "chưa có chữ ký số") || strings.Contains(checked.text, "đã dùng cho một văn bản") {
		t.Error("warned of what is not so")
	}
	edited := clerk.press("edit", checked.carries())
	edited.shows(t, `value="174"`, "công văn 174.pdf", "Đã chọn 2 nơi nhận")

	sent := make([]page, 4) // pressed four times at once
	var all sync.WaitGroup
	for i := range sent {
		all.Go(func() { sent[i] = clerk.press("send", checked.carries()) })
	}
	all.Wait()
	for _, s := range sent {
		if !strings.HasPrefix(s.path, "/sent/") || s.path != sent[0].path {
			t.Fatalf("%d at %s, the first at %s", s.status, s.path, sent[0].path)
		}
	}
	sent[0].shows(t, "Tình hình nhận tại 2 nơi", "Sở Nội vụ", "Sở Giáo dục", "phụ lục.txt", "174/UBND-KSTTHC", "Tệp công văn 174.pdf")
	if list := clerk.get("/sent").text; strings.Count(list, `href="/sent/`) != 1 {
		t.Errorf("the sent list has %d documents", strings.Count(list, `href="/sent/`))
	}
	dispatch := strings.TrimPrefix(sent[0].path, "/sent/")
	reader := h.signIn(t, "van.thu", member(recipient, hub.RoleClerk))
	reader.get("/inbox").shows(t, "174/UBND-KSTTHC", "Khẩn")
	if got := reader.get("/documents/" + dispatch + "/parts/p1"); got.text != string(pdf) {
		t.Errorf("%d: the recipient gets %d bytes of %d", got.status, len(got.text), len(pdf))
	}
	if got := clerk.press("send", checked.carries("subject", "khác")); got.status != http.StatusConflict {
		t.Errorf("other content under the same form gets %d", got.status)
	} else {
		got.shows(t, "đã được gửi với nội dung khác", "khác")
	}
	again := clerk.press("check", clerk.get("/send").carries(append(typedLetter(), "to", recipient)...).with("original", "174.pdf", []byte("%PDF-1.4\nkhông ký\n%%EOF")))
	again.shows(t, "Bản chính chưa có chữ ký số", "Điều 13", "đã dùng cho một văn bản gửi đi trong năm", "Điều 15", sent[0].path)
}

// quotingPDF is a PDF whose text names the key of encrypted ones.
func quotingPDF(t *testing.T) []byte {
	t.Helper()
	doc := fpdf.New("P", "mm", "A4", "")
	doc.SetCompression(false)
	doc.AddPage()
	doc.SetFont("Helvetica", "", 12)
	doc.Cell(40, 10, "The trailer holds /Encrypt 5 0 R")
	var out bytes.Buffer
	if err := doc.Output(&out); err != nil || !bytes.Contains(out.Bytes(), []byte("/Encrypt 5 0 R")) {
		t.Fatalf("the text is not there: %v", err)
	}
	return out.Bytes()
}

// TestWhatCannotBeSent: each with its reason beside the field, and the rest kept.
func TestWhatCannotBeSent(t *testing.T) {
	t.Parallel()
	h, clerk := author(t)
	shown := clerk.get("/send")
	good := []byte("%PDF-1.4\nx\n%%EOF")
	for _, c := range []struct {
		field, name, content, says string
	}{
		{"original", "a.pdf", "văn bản thường", "không phải PDF"},
		{"original", "a.pdf", "", "Tệp rỗng"},
		{"original", "a.pdf", "MZ\x90\x00 program", "tệp chương trình"},
		{"annex", "b.docx", "MZ\x90\x00 program", "tệp chương trình"},
		{"annex", "b.exe", "text", "tệp chương trình"},
		{"original", "a.pdf", "%PDF-1.7\ntrailer\n<< /Root 1 0 R /Encrypt 5 0 R >>\n%%EOF", "PDF bị mã hóa"},
		{"original", "a.pdf", string(unsignedPDF(t, true)), "PDF bị mã hóa"},
		{"original", "a\u202efdp.pdf", "%PDF-1.4", "ký tự ẩn"},
	} {
		got := clerk.press("check", shown.carries(append(typedLetter(), "to", recipient)...).with("annex", "giữ.txt", []byte("x")).with(c.field, c.name, []byte(c.content)))
		got.shows(t, `id="wrong-`+c.field+`"`, c.says, `value="174"`, "Đã chọn 1 nơi nhận", "giữ.txt")
		if got.status != http.StatusUnprocessableEntity {
			t.Errorf("%s gets %d", c.says, got.status)
		}
	}
	quoted := clerk.press("keep", shown.carries(typedLetter()...).with("original", "mật mã.pdf", quotingPDF(t)))
	if quoted.shows(t, "mật mã.pdf", `value="174"`); strings.Contains(quoted.text, "PDF bị mã hóa") {
		t.Error("a PDF that speaks of encryption is taken for one that is encrypted")
	}
	check := func(pairs ...string) page {
		l := shown.carries(pairs...)
		for i := 0; i < len(typedLetter()); i += 2 {
			if !slices.Contains(pairs, typedLetter()[i]) {
				l.values = append(l.values, [2]string{typedLetter()[i], typedLetter()[i+1]})
			}
		}
		return clerk.press("check", l.with("original", "174.pdf", good))
	}
	check("to", recipient, "secrecy", "Mật").shows(t, `id="wrong-secrecy"`, "QĐ 28/2018/QĐ-TTg", "174.pdf")
	check("to", recipient, "subject", "TỐI MẬT").shows(t, `id="wrong-subject"`, "QĐ 28/2018/QĐ-TTg")
	check("to", recipient, "number", "17\u20284").shows(t, `id="wrong-number"`, "ký tự điều khiển")
	check("to", recipient, "subject", strings.Repeat("dài ", 200)).shows(t, `id="wrong-subject"`, "Dài quá giới hạn")
	check("to", "000.00.77.H47").shows(t, `id="wrong-to"`, "000.00.77.H47: Không có cơ quan với mã này")
	if got := check("to", recipient, "subject", strings.Repeat("x", 130<<10)); got.status != http.StatusRequestEntityTooLarge {
		t.Errorf("a form too large gets %d", got.status)
	}
	if got := clerk.get("/sent"); strings.Contains(got.text, `href="/sent/`) {
		t.Error("something was sent")
	}

	closed := agencies + "sgd,000.00.13.H47,Sở Giáo dục (hư cấu),department,,000.00.00.H47,2020-01-01,2026-06-30,true,,,H47.13,\n"
	if _, err := h.client(t, h.operatorKey(t)).ImportAgencies(t.Context(), strings.NewReader(closed), false); err != nil {
		t.Fatal(err)
	}
	check("to", recipient, "to", "000.00.13.H47").shows(t, `id="wrong-to"`, "ngừng hoạt động", "Đã chọn 2 nơi nhận")
	clerk.press("find", shown.carries("find", "000.00.13.H47")).shows(t, `id="wrong-find"`, "ngừng hoạt động")
}

// TestASessionEndsWhileTyping: nothing typed is lost, nor a file that came before, and somebody
// else who signs in there gets nothing of it.
func TestASessionEndsWhileTyping(t *testing.T) {
	t.Parallel()
	h, clerk := author(t)
	found := clerk.press("find", clerk.get("/send").carries(append(typedLetter(), "find", "noi vu")...).with("original", "174.pdf", signedPDF(t)))
	typed := found.carries(append(typedLetter(), "to", recipient)...)
	clerk.post("/sign-out") // as in another window
	ended := clerk.press("check", typed)
	ended.shows(t, "Phiên làm việc đã kết thúc", "vẫn còn", `name="kept"`)
	kept, of := regexp.MustCompile(`name="kept" value="([^"]+)"`).FindStringSubmatch(ended.text), keptOf.FindStringSubmatch(ended.text)
	if kept == nil || of == nil {
		t.Fatal(ended.text)
	}
	signIn := func(name, password, kept string) url.Values {
		return url.Values{"name": {name}, "password": {password}, "kept": {kept}, "of": {of[1]}}
	}
	wrong := clerk.send("/sign-in", signIn("tac.gia", "sai", kept[1]))
	wrong.shows(t, `id="wrong-password"`, kept[1], of[1])
	back := clerk.send("/sign-in", signIn("tac.gia", chosenPassword, kept[1]))
	back.shows(t, `value="174"`, "V/v &lt;gửi&gt; từ trang", "174.pdf", "Đã chọn 1 nơi nhận")
	clerk.press("check", back.carries(typedLetter()...)).shows(t, "Kiểm tra trước khi gửi", "gửi tới 1 nơi nhận")

	h.signIn(t, "nguoi.la", member("000.00.13.H47", hub.RoleClerk))
	theirs := h.somebody(t).send("/sign-in", signIn("nguoi.la", chosenPassword, kept[1]))
	if theirs.path != "/inbox" || strings.Contains(theirs.text, "174") {
		t.Errorf("another person is at %s: %s", theirs.path, theirs.text)
	}
	if got := h.somebody(t).send("/sign-in", signIn("tac.gia", chosenPassword, "!")); got.path != "/inbox" {
		t.Errorf("broken, at %s", got.path)
	}
}

// TestFilesOfOthers: what one person sent in is nobody else's to send on, and who may not
// send gets no form.
func TestFilesOfOthers(t *testing.T) {
	t.Parallel()
	h, clerk := author(t)
	secret := []byte("%PDF-1.4\nNội dung riêng.\n%%EOF")
	found := clerk.press("find", clerk.get("/send").carries(typedLetter()...).with("original", "riêng.pdf", secret))
	claim := found.carries().first("file")
	if claim == "" {
		t.Fatal(found.text)
	}
	stranger := h.signIn(t, "nguoi.la", member("000.00.13.H47", hub.RoleClerk))
	colleague := h.signIn(t, "dong.nghiep", member(sender, hub.RoleClerk))
	for name, p := range map[string]*person{"stranger": stranger, "colleague": colleague} {
		got := p.press("check", p.get("/send").carries(append(typedLetter(), "to", recipient, "file", claim)...))
		got.shows(t, `id="wrong-original"`, "Không dùng lại được")
		if strings.Contains(got.text, "riêng.pdf") {
			t.Errorf("%s sees the file", name)
		}
	}
	body, proof, _ := strings.Cut(claim, ".")
	for _, forged := range []string{body, body + ".", body + "." + proof[1:], "x" + claim, strings.ToUpper(body) + "." + proof} {
		clerk.press("check", clerk.get("/send").carries(append(typedLetter(), "to", recipient, "file", forged)...)).shows(t, "Không dùng lại được")
	}
	two := h.signIn(t, "hai.noi", member(sender, hub.RoleClerk), member("000.00.13.H47", hub.RoleClerk))
	mine := two.press("find", two.get("/send").carries(typedLetter()...).with("original", "riêng.pdf", secret))
	two.post("/office", "office", "sgd")
	moved := two.press("send", mine.carries(append(typedLetter(), "to", recipient)...))
	moved.shows(t, "chuyển sang cơ quan khác", `value="174"`)
	if moved.status != http.StatusConflict {
		t.Errorf("a form of another office gets %d", moved.status)
	}

	leader := h.signIn(t, "lanh.dao", member(sender, hub.RoleLeader))
	if got := leader.get("/send"); got.status != http.StatusForbidden {
		t.Errorf("a leader gets %d", got.status)
	}
	if got := leader.press("send", found.carries(append(typedLetter(), "to", recipient)...)); got.status != http.StatusForbidden {
		t.Errorf("a leader sends: %d", got.status)
	}
	foreign := clerk.get("/send").carries(append(typedLetter(), "to", recipient)...)
	foreign.values[0] = [2]string{"form", "x"}
	if got := clerk.press("send", foreign); got.status != http.StatusForbidden {
		t.Errorf("a form of another session gets %d", got.status)
	}
	key, err := h.client(t, h.operatorKey(t)).IssueKey(t.Context(), hubclient.NewKey{Name: "look", Kind: hub.ActorSystem, Agencies: []string{recipient}, Scopes: []hub.Scope{hub.ScopeCollect}})
	if err != nil {
		t.Fatal(err)
	}
	if box, err := h.client(t, key.Secret).Mailbox(t.Context(), hubclient.MailboxQuery{}); err != nil || len(box.Items) != 0 {
		t.Errorf("%d documents arrived, %v", len(box.Items), err)
	}
}
