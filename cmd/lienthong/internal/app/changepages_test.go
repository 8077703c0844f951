package app_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/lienthong/lienthong/hub"
)

// sentLetter sends a document from the page and returns its board.
func (p *person) sentLetter(form page, pairs ...string) page {
	p.Helper()
	checked := p.press("check", form.carries(pairs...).with("original", "công văn.pdf", signedPDF(p.T)))
	checked.shows(p.T, "Kiểm tra trước khi gửi")
	sent := p.press("send", checked.carries())
	if !strings.HasPrefix(sent.path, "/sent/") {
		p.Fatalf("%d at %s: %s", sent.status, sent.path, sent.text)
	}
	return sent
}

// registers enters a document into the register.
func (p *person) registers(delivery, number string) {
	p.Helper()
	act := []string{"number", number, "date", "2026-11-28"}
	for _, part := range hiddenParts.FindAllStringSubmatch(p.get(delivery).text, -1) {
		act = append(act, part[1], part[2])
	}
	p.post(delivery+"/register", act...).shows(p.T, "Số đến "+number)
}

var inboxLinks = regexp.MustCompile(`href="(/inbox/[^"?]+)"`)

// newest is the page of the document that came last, among those of one urgency.
func (p *person) newest() string {
	p.Helper()
	found := inboxLinks.FindAllStringSubmatch(p.get("/inbox?show=all").text, -1)
	if len(found) == 0 {
		p.Fatal("the inbox is empty")
	}
	return found[len(found)-1][1]
}

// TestRecallOnThePages: before the hand-over at once; after it the recipient refuses,
// is asked again and agrees. Both sides see each step, and nobody else can take it.
func TestRecallOnThePages(t *testing.T) {
	t.Parallel()
	h, author := author(t)
	reader := h.signIn(t, "van.thu", member(recipient, hub.RoleClerk))
	board := author.sentLetter(author.get("/send"), append(typedLetter(), "to", recipient, "to", "000.00.13.H47")...)
	dispatch := strings.TrimPrefix(board.path, "/sent/")
	delivery := reader.newest()
	reader.registers(delivery, "1")

	author.post(board.path+"/recall", "whom", "all", "reason", " ").shows(t, `id="wrong-reason"`)
	author.post(board.path+"/recall", "whom", "some", "reason", "Nhầm số liệu").shows(t, `id="wrong-to"`, "Nhầm số liệu")
	author.post(board.path+"/recall", "whom", "all", "reason", "Nhầm số liệu").shows(t, "Đã thu hồi", "Yêu cầu trả lại: Nhầm số liệu – chờ trả lời")

	reader.get("/inbox").shows(t, "đang chờ cơ quan trả lời")
	reader.get("/inbox?show=asked").shows(t, delivery, "Yêu cầu trả lại")
	reader.get(delivery).shows(t, "Nơi gửi yêu cầu trả lại văn bản", "Nhầm số liệu")
	reader.post(delivery+"/answer", "answer", "99").shows(t, `id="wrong-answer"`)
	reader.post(delivery+"/answer", "answer", "16").shows(t, `id="wrong-answer_reason"`)
	reader.post(delivery+"/answer", "answer", "16", "answer_reason", "Đã triển khai").shows(t, "Từ chối lấy lại hoặc cập nhật: Đã triển khai")
	author.get(board.path).shows(t, "Từ chối lấy lại hoặc cập nhật: Đã triển khai")

	author.post(board.path+"/recall", "whom", "some", "to", "snv", "reason", "Sai căn cứ").shows(t, "Sai căn cứ – chờ trả lời")
	agreed := reader.post(delivery+"/answer", "answer", "15")
	agreed.shows(t, "Đồng ý lấy lại hoặc cập nhật")
	if strings.Contains(agreed.text, "V/v &lt;gửi&gt; từ trang") {
		t.Error("the recipient still sees what the document said")
	}
	if got := reader.get("/documents/" + dispatch + "/parts/p1"); got.status != http.StatusNotFound {
		t.Errorf("the content is still there: %d", got.status)
	}
	done := author.get(board.path)
	done.shows(t, "Đồng ý lấy lại hoặc cập nhật", "Gửi văn bản thay thế")
	if strings.Contains(done.text, "Gửi bản cập nhật") || strings.Contains(done.text, `/recall"`) {
		t.Error("a document that was taken back everywhere can be changed as if it were there")
	}
	if got := author.get("/inbox/" + strings.TrimPrefix(delivery, "/inbox/")); got.status != http.StatusNotFound {
		t.Errorf("the sender reads the recipient's page: %d", got.status)
	}
	reader.post(delivery+"/answer", "answer", "16", "answer_reason", "x").shows(t, "Không còn yêu cầu nào chờ trả lời")
}

// TestUpdateAndReplaceOnThePages: the form begins like the document that is changed, says
// before it is sent what it will do at whom, and both sides find one from the other.
func TestUpdateAndReplaceOnThePages(t *testing.T) {
	t.Parallel()
	h, author := author(t)
	const third = "000.00.13.H47"
	reader := h.signIn(t, "van.thu", member(recipient, hub.RoleClerk))
	first := author.sentLetter(author.get("/send"), append(typedLetter(), "to", recipient)...)
	dispatch := strings.TrimPrefix(first.path, "/sent/")
	delivery := reader.newest()
	reader.registers(delivery, "1")

	form := author.get("/send?change=update&of=" + dispatch)
	form.shows(t, "Cập nhật văn bản 174/UBND-KSTTHC", `value="174"`, "V/v &lt;gửi&gt; từ trang", "Sở Nội vụ", "công văn.pdf")
	author.press("check", form.carries(append(typedLetter(), "reason", "")...)).shows(t, `id="wrong-reason"`)
	author.press("check", form.carries(append(typedLetter(), "reason", "Sửa số liệu", "only", "1")...)).shows(t, `id="wrong-to"`, "phải thêm ít nhất một nơi")
	checked := author.press("check", form.carries(append(typedLetter(), "to", third, "reason", "Sửa số liệu")...))
	checked.shows(t, "Cập nhật văn bản 174/UBND-KSTTHC", "Sửa số liệu", "đã nhận – được yêu cầu dùng bản cập nhật", "Gửi tới 2 nơi nhận")
	if strings.Contains(checked.text, "đã dùng cho một văn bản") {
		t.Error("an update is warned that its number is in use")
	}
	updated := author.press("send", checked.carries())
	updated.shows(t, "Văn bản liên quan", "Cập nhật", first.path)
	author.get(first.path).shows(t, "Được cập nhật bởi", updated.path, "Yêu cầu dùng bản cập nhật: Sửa số liệu")

	second := reader.newest()
	reader.get(delivery).shows(t, "Nơi gửi yêu cầu dùng bản cập nhật", second)
	reader.get(second).shows(t, "Nơi gửi yêu cầu dùng bản cập nhật", delivery)         // what asks can be answered too
	reader.post(second+"/answer", "answer", "15").shows(t, delivery)                   // it is about the earlier one
	reader.get(delivery).shows(t, "Đồng ý lấy lại hoặc cập nhật", "Được cập nhật bởi") // which knows

	form = author.get("/send?change=replace&of=" + strings.TrimPrefix(updated.path, "/sent/"))
	form.shows(t, "Thay thế văn bản 174/UBND-KSTTHC", "Sở Nội vụ")
	replaced := author.sentLetter(form, append(typedLetter(), "number", "175", "reason", "Ban hành lại")...)
	replaced.shows(t, "Thay thế", updated.path)
	author.get(updated.path).shows(t, "Bị thay thế bởi", replaced.path, "Đã thu hồi") // nobody had collected it there
	stranger := h.signIn(t, "nguoi.la", member(third, hub.RoleClerk))
	if got := stranger.get("/send?change=replace&of=" + dispatch); got.status != http.StatusNotFound {
		t.Errorf("another agency changes what it did not send: %d", got.status)
	}
}

// TestResponseOnThePages: from what came, or by a search for it, to the link on both sides.
func TestResponseOnThePages(t *testing.T) {
	t.Parallel()
	h, author := author(t)
	reader := h.signIn(t, "van.thu", member(recipient, hub.RoleClerk))
	asked := author.sentLetter(author.get("/send"), append(typedLetter(), "to", recipient)...)
	delivery := reader.newest()
	reader.get(delivery).shows(t, "/send?answer="+strings.TrimPrefix(delivery, "/inbox/"))

	form := reader.get("/send?answer=" + strings.TrimPrefix(delivery, "/inbox/"))
	form.shows(t, "Trả lời văn bản", "174/UBND-KSTTHC", "Đã chọn 1 nơi nhận")
	found := reader.press("find", reader.get("/send").carries(append(typedLetter(), "findin", "gui tu trang")...))
	found.shows(t, "174/UBND-KSTTHC", `name="answer"`)
	reader.press("find", found.carries("findin", "khong co gi")).shows(t, `id="wrong-findin"`)

	response := reader.sentLetter(form, append(typedLetter(), "number", "9", "notation", "SNV-VP")...)
	response.shows(t, "Văn bản liên quan", "Trả lời", delivery)
	author.get(asked.path).shows(t, "Được trả lời bởi", "9/SNV-VP")
	stranger := h.signIn(t, "nguoi.la", member("000.00.13.H47", hub.RoleClerk))
	if got := stranger.get("/send?answer=" + strings.TrimPrefix(delivery, "/inbox/")); got.status != http.StatusNotFound {
		t.Errorf("another agency answers what it did not get: %d", got.status)
	}
}

// TestForwardOnThePages: what was received goes on inside the house from its page, once for
// two presses; what is wrong stands beside the fields with what was typed; who gets it sees
// whose document it is, and its author nothing but that it was forwarded.
func TestForwardOnThePages(t *testing.T) {
	t.Parallel()
	h, author := author(t)
	reader := h.signIn(t, "van.thu", member(recipient, hub.RoleClerk))
	leader := h.signIn(t, "lanh.dao", member(recipient, hub.RoleLeader))
	third := h.signIn(t, "van.thu.2", member("000.00.13.H47", hub.RoleClerk))
	board := author.sentLetter(author.get("/send"), append(typedLetter(), "to", recipient)...)
	delivery := reader.newest()
	if strings.Contains(reader.get(delivery).text, delivery+"/forward") {
		t.Error("what was not received can be forwarded")
	}
	reader.registers(delivery, "1")
	if strings.Contains(leader.get(delivery).text, delivery+"/forward") {
		t.Error("who may not send can forward")
	}
	if got := leader.post(delivery+"/forward", "key", "k", "unit", "000.00.13.H47"); got.status != http.StatusForbidden {
		t.Errorf("a leader forwards: %d", got.status)
	}
	form := reader.get(delivery)
	form.shows(t, delivery+"/forward", `name="unit" value="000.00.13.H47"`)
	if strings.Contains(form.text, `name="unit" value="`+recipient+`"`) {
		t.Error("the form offers the agency itself")
	}
	reader.post(delivery+"/forward", "key", "k1").shows(t, `id="wrong-to"`)
	wrong := reader.post(delivery+"/forward", "key", "k1", "to", "000.00.99.H47, "+recipient, "forward_note", "Đề nghị tham mưu")
	wrong.shows(t, `id="wrong-to"`, "000.00.99.H47: ", recipient+": ", "Đề nghị tham mưu", `<details class="card act" open>`)
	key := regexp.MustCompile(`name="key" value="([^"]+)"`).FindStringSubmatch(form.text)[1]
	var paths []string
	for range 2 {
		sent := reader.post(delivery+"/forward", "key", key, "unit", "000.00.13.H47", "forward_note", "Đề nghị tham mưu")
		sent.shows(t, "Nơi chuyển tiếp", "Đề nghị tham mưu", "Chuyển tiếp từ")
		if paths = append(paths, sent.path); strings.Contains(sent.text, "Gửi bản cập nhật") || !strings.Contains(sent.text, "/recall") {
			t.Error("the board of what was forwarded offers to update it, or not to take it back")
		}
	}
	if paths[0] != paths[1] || !strings.HasPrefix(paths[0], "/sent/") {
		t.Errorf("two presses led to %v", paths)
	}
	reader.get(delivery).shows(t, "Được chuyển tiếp bởi", paths[0])
	reader.get("/sent").shows(t, "Chuyển tiếp văn bản của UBND tỉnh Quảng Nam")

	third.get("/inbox").shows(t, "UBND tỉnh Quảng Nam", "Nơi chuyển tiếp: Sở Nội vụ")
	got := third.get(third.newest())
	got.shows(t, "Cơ quan ban hành", "Đề nghị tham mưu", "V/v &lt;gửi&gt; từ trang")
	if strings.Contains(got.text, board.path) {
		t.Error("who got it sees the first dispatch")
	}
	seen := author.get(board.path)
	seen.shows(t, "Chuyển tiếp – Sở Nội vụ")
	if strings.Contains(seen.text, "tham mưu") || strings.Contains(seen.text, paths[0]) {
		t.Error("the author sees to whom, or what was said")
	}
	if got := author.get(paths[0]); got.status != http.StatusNotFound {
		t.Errorf("the author reads the board of the forward: %d", got.status)
	}
}

// TestForInformationOnThePages: the mark is chosen beside the recipient, is there before it
// is sent and on both sides afterwards, and asks nothing of who gets it.
func TestForInformationOnThePages(t *testing.T) {
	t.Parallel()
	h, author := author(t)
	reader := h.signIn(t, "van.thu", member(recipient, hub.RoleClerk))
	third := h.signIn(t, "van.thu.2", member("000.00.13.H47", hub.RoleClerk))
	typed := append(typedLetter(), "to", recipient, "to", "000.00.13.H47", "info", recipient, "info", "000.00.99.H47")
	chosen := author.press("add", author.get("/send").carries(typed...))
	chosen.shows(t, `name="info" value="000.00.12.H47" checked`, `name="info" value="000.00.13.H47">`)
	checked := author.press("check", author.get("/send").carries(typed...).with("original", "công văn.pdf", signedPDF(t)))
	checked.shows(t, `000.00.12.H47</span> <span class="badge">Để biết</span>`)
	if strings.Count(checked.text, ">Để biết<") != 1 {
		t.Error("more than one recipient is for information")
	}
	sent := author.press("send", checked.carries())
	sent.shows(t, `<span class="badge">Để biết</span>`)
	reader.get("/inbox").shows(t, "Để biết")
	copied, asked := reader.get(reader.newest()), third.get(third.newest())
	copied.shows(t, "Để biết")
	asked.shows(t, "29/11/2026", "/send?answer=")
	if strings.Contains(copied.text, "29/11/2026") || strings.Contains(copied.text, "/send?answer=") || strings.Contains(asked.text, "Để biết") {
		t.Error("a copy for information asks for an answer, or another is said to be one")
	}
}

// TestReceivingForOthersOnThePages: the clerk of an office opens the box of an agency that it
// receives for, registers there in the register of that agency, and nobody else can.
func TestReceivingForOthersOnThePages(t *testing.T) {
	t.Parallel()
	h, author := author(t)
	helper := h.signIn(t, "van.phong", member("000.00.13.H47", hub.RoleClerk))
	reader := h.signIn(t, "van.thu", member(recipient, hub.RoleClerk))
	board := author.sentLetter(author.get("/send"), append(typedLetter(), "to", recipient)...)
	delivery := reader.newest()
	if page := helper.get("/inbox?for=snv"); strings.Contains(page.text, delivery) || strings.Contains(page.text, "Nhận thay") {
		t.Error("before the directory says so the box is open")
	}
	if got := helper.get(delivery); got.status != http.StatusNotFound {
		t.Errorf("before the directory says so the document is there: %d", got.status)
	}
	h.receivedBy(t, "000.00.13.H47")
	helper.get("/inbox").shows(t, `href="/inbox?for=snv"`, "Nhận thay Sở Nội vụ")
	if page := helper.get("/inbox"); strings.Contains(page.text, delivery) {
		t.Error("it lies in the own box")
	}
	helper.get("/inbox?for=snv").shows(t, delivery, `name="for" value="snv"`)
	helper.get(delivery).shows(t, "bạn tiếp nhận thay", `href="/inbox?for=snv"`)
	helper.registers(delivery, "1")
	page := helper.get(delivery)
	page.shows(t, "Sở Giáo dục", "nhận thay")
	if strings.Contains(page.text, delivery+"/forward") || strings.Contains(page.text, "/send?answer=") {
		t.Error("who receives for others can forward or answer in their place")
	}
	if got := helper.post(delivery+"/forward", "key", "k", "unit", "000.00.13.H47"); got.status != http.StatusForbidden {
		t.Errorf("it forwards: %d", got.status)
	}
	reader.get(delivery).shows(t, "Số đến 1", "Sở Giáo dục")
	author.get(board.path).shows(t, "nhận thay")
	author.post(board.path+"/recall", "whom", "all", "reason", "Nhầm").shows(t, "chờ trả lời")
	if asked := helper.get(delivery); strings.Contains(asked.text, delivery+"/answer") {
		t.Error("it is offered to answer for the agency")
	}
	if got := helper.post(delivery+"/answer", "answer", "15"); got.status != http.StatusForbidden {
		t.Errorf("it answers for the agency: %d", got.status)
	}
	h.receivedBy(t, "none")
	if got := helper.get(delivery); got.status != http.StatusNotFound {
		t.Errorf("when it has ended the document is there: %d", got.status)
	}
}

// receivedBy has the directory say who receives for the recipient.
func (h *testHub) receivedBy(t *testing.T, by string) {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(agencies), "\n")
	list := lines[0] + ",received_by\n"
	for _, line := range lines[1:] {
		if strings.Contains(line, recipient) {
			list += line + "," + by + "\n"
		}
	}
	if _, err := h.client(t, h.operatorKey(t)).ImportAgencies(t.Context(), strings.NewReader(list), false); err != nil {
		t.Fatal(err)
	}
}
