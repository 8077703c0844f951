package app_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/lienthong/lienthong/hub"
)

// tasked is a document to both agencies that sets tasks: the recipient leads, the third works
// with it; and each answers.
func (h *testHub) tasked(t *testing.T, senderKey, id string) hub.Accepted {
	t.Helper()
	sub := submission(id)
	sub.Recipients = []string{recipient, "000.00.13.H47"}
	sub.Tasks = []hub.TaskWish{
		{Content: "Nâng cấp Cổng dịch vụ công", Section: "mục 3", Lead: recipient, Co: []hub.CoWish{{Agency: "000.00.13.H47"}}, TaskTerm: hub.TaskTerm{WorkingDays: 30}},
		{Content: "Trả lời kiến nghị tại mục V", Each: []string{recipient, "000.00.13.H47"}, TaskTerm: hub.TaskTerm{WorkingDays: 2}},
	}
	sent, err := h.client(t, senderKey).Submit(t.Context(), sub, original("Nội dung."), nil)
	if err != nil {
		t.Fatal(err)
	}
	return sent
}

// hides fails where a page shows a text.
func (p page) hides(t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if strings.Contains(p.text, text) {
			t.Errorf("%d at %s shows %q", p.status, p.path, text)
		}
	}
}

// TestTasksOnThePages: both sides follow a task from its setting to its confirmation, find it
// by state, deadline, agency and words, and are told on the pages of its document.
func TestTasksOnThePages(t *testing.T) {
	t.Parallel()
	h := start(t, configIn(t.TempDir()))
	senderKey, _ := h.enroll(t)
	h.thirdAgency(t)
	clerk := h.signIn(t, "van.thu", member(recipient, hub.RoleClerk))
	other := h.signIn(t, "nguoi.la", member("000.00.13.H47", hub.RoleClerk))
	author := h.signIn(t, "tac.gia", member(sender, hub.RoleClerk))
	leader := h.signIn(t, "lanh.dao", member(sender, hub.RoleLeader))
	sent := h.tasked(t, senderKey, "a")
	portal := "/tasks/" + string(sent.Dispatch.Tasks[0].ID)
	at := string(sent.Deliveries[0].Recipient)
	inbox := "/inbox/" + string(sent.Deliveries[0].ID)

	clerk.get("/tasks").shows(t, "Nâng cấp Cổng dịch vụ công", "Trả lời kiến nghị tại mục V", "Chủ trì", "Sắp đến hạn")
	clerk.get("/inbox").shows(t, "Có nhiệm vụ", "Sắp đến hạn")
	clerk.get(inbox).shows(t, portal, "Chủ trì · Chưa thực hiện")
	author.get("/sent/"+string(sent.Dispatch.ID)).shows(t, portal, "2 chưa thực hiện")
	if got := clerk.post(portal+"/acts", "act", "start", "at", at); got.status != http.StatusConflict {
		t.Errorf("a task of a document that was not received: %d", got.status)
	}
	clerk.get(portal).hides(t, `value="start"`)
	clerk.registers(inbox, "1")
	clerk.get(portal).shows(t, `value="start"`, `value="ask_extension"`, "/send?answer="+string(sent.Deliveries[0].ID))

	// What the agency does.
	clerk.post(portal+"/acts", "act", "start", "at", at).shows(t, "Đã ghi nhận bắt đầu thực hiện.", "Đang thực hiện")
	clerk.post(portal+"/acts", "act", "progress", "at", at, "percent", "101", "text", "Đã chọn nhà thầu").shows(t, `id="wrong-progress-percent"`, "Đã chọn nhà thầu")
	clerk.post(portal+"/acts", "act", "progress", "at", at, "percent", "40", "text", "Đã chọn nhà thầu").shows(t, "Báo cáo tiến độ 40 %: Đã chọn nhà thầu", "/evidence/")
	clerk.post(portal+"/acts", "act", "ask_extension", "at", at, "day", "2020-01-01", "text", "Chờ vốn").shows(t, `id="wrong-ask_extension-due"`, "Hạn đã qua.")
	clerk.post(portal+"/acts", "act", "ask_extension", "at", at, "day", "2099-12-31", "kind", "before", "text", "Chờ vốn").shows(t, "Xin gia hạn đến", "30/12/2099")
	clerk.post(portal+"/acts", "act", "confirm", "at", at).shows(t, "Chỉ cơ quan giao được làm việc này.")

	// What the assigner does: it sees both agencies and chooses one. Its leader does, too.
	author.get(portal).shows(t, "2 cơ quan", "Xin gia hạn đến 30/12/2099", "Phối hợp")
	author.get(portal+"?at="+at).shows(t, "Chờ vốn", `value="extend"`, `value="deny"`, `value="cancel"`)
	leader.post(portal+"/acts", "act", "extend", "at", at, "text", "Đồng ý").shows(t, "Đã gia hạn.", "30/12/2099", "gia hạn 1 lần")
	author.post(portal+"/acts", "act", "suspend", "at", at).shows(t, `id="wrong-suspend-text"`)
	author.post(portal+"/acts", "act", "suspend", "at", at, "text", "Chờ").shows(t, "Tạm dừng")
	clerk.get(portal).hides(t, `value="progress"`)
	author.post(portal+"/acts", "act", "resume", "at", at)
	clerk.post(portal+"/acts", "act", "finish", "at", at, "text", "Đã xong").shows(t, "Chờ xác nhận")
	author.post(portal+"/acts", "act", "redo", "at", at, "text", "Còn thiếu")
	clerk.post(portal+"/acts", "act", "finish", "at", at, "text", "Đã bổ sung")
	author.post(portal+"/acts", "act", "confirm", "at", at).shows(t, "Đã xác nhận hoàn thành.")
	other.registers("/inbox/"+string(sent.Deliveries[1].ID), "1")
	other.post(portal+"/acts", "act", "give_back", "text", "Không đúng thẩm quyền").shows(t, "Đã trả lại nhiệm vụ.")
	other.get("/tasks").shows(t, `state=returned">Đã trả lại, chờ xử lý</a></dt><dd>1</dd>`)
	author.get("/tasks?as=set").shows(t, `>Đã trả lại, chờ xử lý</a></dt><dd>1</dd>`)
	author.get("/tasks?as=set&state=returned").shows(t, "Nâng cấp Cổng dịch vụ công")
	author.post(portal+"/acts", "act", "cancel", "at", string(sent.Deliveries[1].Recipient), "text", "Thôi").shows(t, "Đã hủy nhiệm vụ.")

	// The lists.
	author.get("/tasks?as=set&state=done").shows(t, "Nâng cấp Cổng dịch vụ công", "Hoàn thành")
	author.get("/tasks?as=set&state=done&when=overdue").shows(t, "Không có nhiệm vụ nào.")
	author.get("/tasks?as=set&state=open&when=timely").shows(t, "Trả lời kiến nghị")
	author.get("/tasks?as=set&state=open&when=timely").hides(t, ">Nâng cấp Cổng dịch vụ công<")
	author.get("/tasks?as=set&q=cong+dich+vu").shows(t, "Nâng cấp Cổng dịch vụ công")
	author.get("/tasks?as=set&q=khong+co").shows(t, "Không có nhiệm vụ nào.")
	author.get("/tasks?as=set&with=H47.13&state=cancelled").shows(t, "Nâng cấp Cổng dịch vụ công", "Sở Giáo dục (hư cấu)")
	author.get("/tasks?as=set&with=so+giao+duc").shows(t, "Trả lời kiến nghị")
	author.get("/tasks?as=set&with=khong+co").shows(t, `id="wrong-with"`)
	clerk.get("/tasks?with="+sender).shows(t, "Trả lời kiến nghị")
	for i := range 14 {
		h.tasked(t, senderKey, fmt.Sprint("more", i))
	}
	first := clerk.get("/tasks?q=kien+nghi")
	first.shows(t, `rel="next"`, "<dd>29</dd>")
	if n := strings.Count(first.text, `<th scope="row"`); n != 25 {
		t.Errorf("%d tasks on a page", n)
	}

	// Others see nothing of it, an agency nothing of another's part.
	other.get(portal).hides(t, "Chờ vốn", "Đã bổ sung", "2 cơ quan")
	if got := other.post(portal+"/acts", "act", "finish", "at", at); got.status != http.StatusNotFound {
		t.Errorf("another acts: %d", got.status)
	}
}

// TestTasksInABrowser walks over the pages of tasks in both languages, on a desk and on a
// phone, and does an act by keyboard alone.
func TestTasksInABrowser(t *testing.T) {
	t.Parallel()
	h := start(t, configIn(t.TempDir()))
	senderKey, _ := h.enroll(t)
	h.thirdAgency(t)
	clerk := h.signIn(t, "van.thu", member(recipient, hub.RoleClerk))
	h.signIn(t, "tac.gia", member(sender, hub.RoleClerk))
	b := newBrowser(t, h.URL())
	for i, screen := range everyScreen {
		sent := h.tasked(t, senderKey, fmt.Sprint("browser", i))
		clerk.registers("/inbox/"+string(sent.Deliveries[0].ID), fmt.Sprint(i+1))
		portal := "/tasks/" + string(sent.Dispatch.Tasks[0].ID)
		b.signInOn(screen, "van.thu", "inbox")
		b.open("/tasks", "tasks")
		b.look("tasks")
		b.open("/tasks?state=cancelled", "tasks")
		b.look("tasks-none")
		b.open(portal, "task")
		b.look("task")
		b.do(chromedp.Focus(`details:has(button[value=progress]) summary`), chromedp.KeyEvent("\r"), chromedp.WaitVisible("#progress-percent"),
			chromedp.Focus("#progress-percent"), chromedp.KeyEvent("40\t"), chromedp.KeyEvent("Đã chọn nhà thầu\t"), chromedp.KeyEvent("\r"), chromedp.WaitReady(".alert.good"))
		b.look("task-progress")
		b.do(chromedp.Click(`details:has(button[value=ask_extension]) summary`))
		b.fill("button[value=ask_extension]", "#ask_extension-day", "2020-01-01", "#ask_extension-text", "Chờ vốn")
		b.do(chromedp.WaitReady("#wrong-ask_extension-due"))
		b.look("task-wrong")
		b.fill("button[value=ask_extension]", "#ask_extension-day", "2099-12-30", "#ask_extension-text", "Chờ vốn")
		b.do(chromedp.WaitReady(".alert.good"))
		b.signOut()
		b.fill("button.main", "#name", "tac.gia", "#password", chosenPassword)
		b.at("inbox")
		b.open("/tasks?as=set", "tasks")
		b.look("tasks-set")
		b.open(portal+"?at="+string(sent.Deliveries[0].Recipient), "task")
		b.look("task-set")
		b.open("/sent/"+string(sent.Dispatch.ID), "board")
		b.look("tasks-board")
		b.signOut()
	}
}
