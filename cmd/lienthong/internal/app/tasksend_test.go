package app_test

import (
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/lienthong/lienthong/hub"
)

// TestSettingTasksOnThePage: a clerk adds tasks to a letter, mends what is wrong beside its
// field, finds them in the draft, checks and sends; the agency that leads answers one by a
// document from the page of the task.
func TestSettingTasksOnThePage(t *testing.T) {
	t.Parallel()
	h, author := author(t)
	clerk := h.signIn(t, "van.thu", member(recipient, hub.RoleClerk))
	due := string(hub.DateOf(time.Now()).Plus(30))
	typed := append(typedLetter(), "to", recipient, "to", "000.00.13.H47")
	added := author.press("task-add", author.get("/send").carries(typed...))
	added.shows(t, `name="task.0.content"`, "Nhiệm vụ 1", "Chủ trì: Sở Nội vụ (hư cấu)")
	added = author.press("task-agency-0", added.carries(append(typed, "task.0.content", "Nâng cấp Cổng")...))
	added.shows(t, `name="task.0.0.agency"`, ">Nâng cấp Cổng</textarea>")
	wrong := author.press("check", added.carries(append(typed,
		"task.0.content", " ", "task.0.who", recipient, "task.0.day", "2020-01-01", "task.0.0.agency", recipient,
		"task.1.content", "Trả lời kiến nghị", "task.1.who", "each", "task.1.0.agency", "000.00.13.H47", "task.1.0.day", due)...))
	wrong.shows(t, `id="wrong-task.1.0.day"`, "Hạn riêng chỉ dùng cho cơ quan phối hợp")
	wrong = author.press("check", wrong.carries(append(typed,
		"task.0.content", " ", "task.0.who", recipient, "task.0.day", "2020-01-01", "task.0.0.agency", recipient,
		"task.1.content", "Trả lời kiến nghị", "task.1.who", "each")...))
	wrong.shows(t, `id="wrong-task.0.content"`, `id="wrong-task.0.day"`, "Hạn đã qua", `id="wrong-task.0.0.agency"`, "Cơ quan này đã có trong nhiệm vụ.")
	wrong.hides(t, `id="wrong-task.1.content"`)
	less := author.press("task-remove-1", wrong.carries(append(typed, "task.0.content", "Nâng cấp Cổng", "task.1.content", "Trả lời kiến nghị")...))
	less.hides(t, "Trả lời kiến nghị")

	tasks := []string{
		"task.0.content", "Nâng cấp Cổng", "task.0.section", "mục 3", "task.0.answer", "document", "task.0.who", recipient, "task.0.kind", "before", "task.0.day", due, "task.0.0.agency", "000.00.13.H47", "task.0.0.day", due,
		"task.1.content", "Báo cáo kết quả", "task.1.answer", "report", "task.1.who", "each",
	}
	key := less.carries().first("key")
	author.press("find", less.carries(append(append(typed, "find", "so"), tasks...)...))
	author.get("/send?draft="+key).shows(t, ">Nâng cấp Cổng</textarea>", "mục 3", due, "Báo cáo kết quả")
	checked := author.press("check", less.carries(append(typed, tasks...)...).with("original", "công văn.pdf", signedPDF(t)))
	checked.shows(t, "Kiểm tra trước khi gửi", "Giao nhiệm vụ", "Chủ trì: Sở Nội vụ (hư cấu)", "Từng nơi nhận tự thực hiện", "trước ngày ")
	sent := author.press("send", checked.carries())
	sent.shows(t, "Nâng cấp Cổng", "Báo cáo kết quả", "2 chưa thực hiện")

	list := clerk.get("/tasks?q=nang+cap")
	list.shows(t, "Nâng cấp Cổng", "mục 3", "Chủ trì")
	_, rest, _ := strings.Cut(list.text, `href="/tasks/`)
	task, _, _ := strings.Cut(rest, `?`)
	clerk.registers(clerk.newest(), "1")
	page := clerk.get("/tasks/" + task)
	_, rest, _ = strings.Cut(page.text, `href="/send?answer=`)
	delivery, _, _ := strings.Cut(rest, "&")
	form := clerk.get("/send?answer=" + delivery + "&task=" + task)
	form.shows(t, "Trả lời nhiệm vụ", "Nâng cấp Cổng")
	answer := clerk.sentLetter(form, append(typedLetter(), "number", "55")...)
	clerk.get("/tasks/"+task).shows(t, "Chờ xác nhận", "Văn bản trả lời", answer.path)
	author.get("/tasks/"+task+"?at=snv").shows(t, "Chờ xác nhận", `value="confirm"`, "55/UBND-KSTTHC")
}

// TestSettingTasksInABrowser adds a task by keyboard alone, in both languages and widths.
func TestSettingTasksInABrowser(t *testing.T) {
	t.Parallel()
	h, _ := author(t)
	b := newBrowser(t, h.URL())
	for _, screen := range everyScreen {
		b.signInOn(screen, "tac.gia", "inbox")
		b.open("/send", "send")
		b.fill("button[value=find]", "#find", "so noi vu")
		b.do(chromedp.Click("input[name=to]"))
		b.fill("button[value=add]")
		b.do(chromedp.Focus("button[value=task-add]"), chromedp.KeyEvent("\r"), chromedp.WaitReady(`[id="task.0.content"]`), chromedp.WaitReady("body.page-send footer"))
		b.fill("button[value=task-agency-0]", `[id="task.0.content"]`, "Nâng cấp Cổng dịch vụ công và hệ thống thông tin một cửa điện tử của tỉnh", `[id="task.0.day"]`, "2020-01-01")
		b.do(chromedp.WaitReady(`[id="task.0.0.agency"]`))
		b.look("send-task")
		b.fill("button[value=check]")
		b.do(chromedp.WaitReady(`[id="wrong-task.0.day"]`))
		b.look("send-task-wrong")
		b.signOut()
	}
}
