package app_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/lienthong/lienthong/hub"
)

// closing is a hub in which the recipient has closed today with a document and a draft on
// their way, and the third agency took over.
func closing(t *testing.T) (h *testHub, clerk, heir, operator *person, delivery hub.Delivery) {
	t.Helper()
	h = start(t, configIn(t.TempDir()))
	senderKey, _ := h.enroll(t)
	h.thirdAgency(t)
	clerk = h.signIn(t, "van.thu", member(recipient, hub.RoleClerk))
	heir = h.signIn(t, "van.thu.moi", member("000.00.13.H47", hub.RoleClerk))
	operator = h.signIn(t, "van.hanh", member("", hub.RoleOperator))
	client := h.client(t, senderKey)
	first, err := client.Submit(t.Context(), submission("a"), original("Nội dung."), nil)
	if err != nil {
		t.Fatal(err)
	}
	clerk.registers("/inbox/"+string(first.Deliveries[0].ID), "1")
	open := submission("b")
	open.Document.CodeNumber = "900"
	open.Tasks = []hub.TaskWish{{Content: "Báo cáo kết quả rà soát", Lead: recipient, TaskTerm: hub.TaskTerm{WorkingDays: 10}}}
	second, err := client.Submit(t.Context(), open, original("Nội dung khác."), nil)
	if err != nil {
		t.Fatal(err)
	}
	clerk.press("find", clerk.get("/send").carries(append(typedLetter(), "find", "khong co")...)) // keeps a draft
	_, err = h.client(t, h.operatorKey(t)).Reorganise(t.Context(), hub.AgencyChange{
		Kind: hub.ActMerge, Day: time.Now().In(hub.Vietnam()).Format(time.DateOnly), From: []string{recipient}, To: []string{"000.00.13.H47"}, Basis: "NQ 1",
	}, false)
	if err != nil {
		t.Fatal(err)
	}
	return h, clerk, heir, operator, second.Deliveries[0]
}

// tasksGoOn: the successor and the assigner find in their inbox that a task was handed over,
// until they take note of it; the task is in the list of the successor, who acts on it, and
// the closed agency reads it and acts no more.
func (h *testHub) tasksGoOn(t *testing.T, clerk, heir *person) {
	t.Helper()
	assigner := h.signIn(t, "tac.gia", member(sender, hub.RoleClerk))
	stranger := h.signIn(t, "nguoi.la", member("", hub.RoleAuditor))
	if got := stranger.get("/tasks"); got.status != http.StatusForbidden {
		t.Errorf("an auditor lists tasks: %d", got.status)
	}
	const notice = "Bàn giao cho cơ quan kế thừa"
	heir.get("/inbox").shows(t, "1 thông báo về nhiệm vụ", notice, "Báo cáo kết quả rà soát", `data-row="`)
	list := heir.get("/tasks?noticed=1")
	list.shows(t, "Báo cáo kết quả rà soát", "Nay thuộc Sở Giáo dục (hư cấu)")
	_, rest, _ := strings.Cut(list.text, `href="/tasks/`)
	task, _, _ := strings.Cut(rest, `?`)
	for who, act := range map[*person]string{heir: "note", assigner: "see"} {
		who.get("/inbox").shows(t, notice)
		if got := who.post("/tasks/"+task+"/acts", "act", act, "at", "snv", "back", "/inbox?"); got.path != "/inbox" || strings.Contains(got.text, notice) {
			t.Errorf("%s leads to %d at %s", act, got.status, got.path)
		}
	}
	assigner.get("/tasks/"+task+"?at=snv").shows(t, "Nay thuộc Sở Giáo dục (hư cấu)", "Cơ quan thực hiện đã xem thông báo", `value="cancel"`)
	clerk.get("/tasks/"+task).hides(t, `value="start"`, `value="note"`)
	clerk.get("/tasks").shows(t, "Không có nhiệm vụ nào.")
	heir.get("/inbox?for=snv").hides(t, "thông báo về nhiệm vụ")
}

// TestHandOver: an operator hands a closed agency over on the pages; its successor registers
// what is open in a register of its own, its people go on there with their drafts, and the
// old register stays as it was.
func TestHandOver(t *testing.T) {
	t.Parallel()
	h, clerk, heir, operator, d := closing(t)
	operator.get("/agencies/snv").shows(t, "Bàn giao cho cơ quan kế thừa")
	if got := operator.get("/agencies/h47"); strings.Contains(got.text, "Bàn giao cho cơ quan kế thừa") {
		t.Error("an agency that lives can be handed over")
	}
	operator.post("/agencies/h47/hand-over", "do", "check").shows(t, `id="wrong-hand_to"`, "Cơ quan chưa đóng")
	operator.post("/agencies/snv/hand-over", "do", "check", "hand_to", sender).shows(t, "Nơi này không phải cơ quan kế thừa")
	if got := heir.get("/inbox/" + string(d.ID)); got.status != http.StatusNotFound {
		t.Errorf("the successor sees the delivery before: %d", got.status)
	}
	operator.post("/agencies/snv/hand-over", "do", "check").shows(t, "Sẽ bàn giao cho", "<dd>1</dd>", "van.thu", `value="record"`)
	for name, p := range map[string]*person{"a clerk": clerk, "the successor": heir} {
		if got := p.post("/agencies/snv/hand-over", "do", "record"); got.status != http.StatusForbidden {
			t.Errorf("%s hands over: %d", name, got.status)
		}
	}
	_, draft, _ := strings.Cut(clerk.get("/send").text, `/send?draft=`)
	draft, _, _ = strings.Cut(draft, `"`)
	lies := clerk.get("/send?draft=" + draft).carries()
	operator.post("/agencies/snv/hand-over", "do", "record", "hand_basis", "QĐ 1").shows(t, "Đã bàn giao cho")
	operator.post("/agencies/snv/hand-over", "do", "record").shows(t, "Đã bàn giao cho", " lúc ")
	h.tasksGoOn(t, clerk, heir)

	// The successor begins its own register; that of the closed agency stays as it is.
	heir.registers("/inbox/"+string(d.ID), "1")
	const book = "/registers/print?book=in&as=xlsx&from=2020-01-01&to=2099-12-31"
	for who, register := range map[*person][2]string{heir: {"900/UBND-KSTTHC", "173/UBND-KSTTHC"}, clerk: {"173/UBND-KSTTHC", "900/UBND-KSTTHC"}} {
		text := sheetText(t, who.get(book))
		contains(t, text, register[0])
		if strings.Contains(text, register[1]) {
			t.Errorf("%s stands in the wrong register", register[1])
		}
	}
	// Who worked in the closed agency goes on in the successor, with what was begun, and with
	// what lay open meanwhile.
	typed := []string{"office", lies.first("office"), "key", lies.first("key"), "number", "175", "notation", "UBND-KSTTHC", "subject", "Thư dở"}
	if got := clerk.post("/send/draft", typed...); got.status != http.StatusNoContent {
		t.Errorf("a letter that lay open is kept with %d", got.status)
	}
	clerk.get("/send").shows(t, "Chưa chọn nơi nhận")
	clerk.post("/office", "office", "sgd")
	clerk.get("/send").shows(t, "175/UBND-KSTTHC")
	if err := h.stop(); err != nil {
		t.Fatal(err)
	}
	var notes []string
	for _, note := range notesOf(t, h.config.DataDir, hub.LogNoteOperator) {
		if strings.Contains(note, "directory.hand_over") {
			notes = append(notes, note)
		}
	}
	if len(notes) != 1 || !strings.Contains(notes[0], `"deliveries":1`) || !strings.Contains(notes[0], `"accounts":1`) || !strings.Contains(notes[0], `"drafts":1`) || !strings.Contains(notes[0], `"tasks":1`) || strings.Contains(notes[0], "van.thu") {
		t.Errorf("the log says %q", notes)
	}
}

// TestHandOverInABrowser walks over the act in both languages, on a desk and on a phone,
// each time with an agency of its own.
func TestHandOverInABrowser(t *testing.T) {
	t.Parallel()
	h := start(t, configIn(t.TempDir()))
	senderKey, _ := h.enroll(t)
	list, closed := agencies+"sgd,000.00.13.H47,Sở Giáo dục (hư cấu),department,,000.00.00.H47,,,true,,,H47.13,\n", []string{}
	for i := range everyScreen {
		code := fmt.Sprintf("000.00.2%d.H47", i)
		list += fmt.Sprintf("ban%d,%s,Ban Quản lý dự án đầu tư xây dựng các công trình dân dụng số %d (hư cấu),department,,000.00.00.H47,,,true,,,H47.2%d,\n", i, code, i, i)
		closed = append(closed, code)
	}
	operator := h.client(t, h.operatorKey(t))
	if _, err := operator.ImportAgencies(t.Context(), strings.NewReader(list), false); err != nil {
		t.Fatal(err)
	}
	h.signIn(t, "van.thu.moi", member("000.00.13.H47", hub.RoleClerk))
	h.signIn(t, "van.hanh", member("", hub.RoleOperator))
	open := submission("open")
	open.Recipients = closed
	open.Tasks = []hub.TaskWish{{Content: "Báo cáo kết quả rà soát", Each: closed, TaskTerm: hub.TaskTerm{WorkingDays: 10}}}
	if _, err := h.client(t, senderKey).Submit(t.Context(), open, original("Nội dung."), nil); err != nil {
		t.Fatal(err)
	}
	if _, err := operator.Reorganise(t.Context(), hub.AgencyChange{
		Kind: hub.ActMerge, Day: time.Now().In(hub.Vietnam()).Format(time.DateOnly), From: closed, To: []string{"000.00.13.H47"}, Basis: "NQ 1",
	}, false); err != nil {
		t.Fatal(err)
	}
	b := newBrowser(t, h.URL())
	for i, screen := range everyScreen {
		b.signInOn(screen, "van.hanh", "health")
		b.open(fmt.Sprint("/agencies/ban", i), "agency")
		b.click("#hand-over summary")
		b.fill("#hand-over button[value=check]")
		b.sees("#hand-over [role=status]")
		b.look("handover-checked")
		b.fill("#hand-over button[value=record]")
		b.sees("#hand-over[open] [role=status]")
		b.look("handover-done")
		b.signOut()
		b.fill("button.main", "#name", "van.thu.moi", "#password", chosenPassword)
		b.at("inbox")
		b.sees(".notices")
		b.look("inbox-notices")
		b.leave("take note", chromedp.Focus(".notices button"), chromedp.KeyEvent("\r")) // by keyboard alone
		b.step("see the notice gone", chromedp.WaitNotPresent(".notices"))
		b.at("inbox")
		b.signOut()
	}
}
