package app_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/lienthong/lienthong/hub"
)

var filterIDs = regexp.MustCompile(`name="id" value="([^"]+)"`)

// TestSavedFilters: kept under a name, opened by itself, renamed, removed and brought back;
// the person's own, in one office.
func TestSavedFilters(t *testing.T) {
	t.Parallel()
	h := start(t, configIn(t.TempDir()))
	senderKey, _ := h.enroll(t)
	h.thirdAgency(t)
	if _, err := h.client(t, senderKey).Submit(t.Context(), submission("a"), original("Nội dung."), nil); err != nil {
		t.Fatal(err)
	}
	clerk := h.signIn(t, "van.thu", member(recipient, hub.RoleClerk), member("000.00.13.H47", hub.RoleClerk))
	kept := clerk.post("/filters?list=inbox&show=all&q=cai+cach", "do", "keep", "name", "Việc cải cách", "default", "1")
	kept.shows(t, "Việc cải cách", `href="/inbox?q=cai&#43;cach&amp;show=all" aria-current="true"`, "173/UBND")
	id := filterIDs.FindStringSubmatch(kept.text)[1]
	clerk.get("/inbox").shows(t, `value="cai cach"`, `aria-current="true">Việc cải cách`)
	if got := clerk.get("/inbox?show=refused"); strings.Contains(got.text, `aria-current="true">Việc cải cách`) {
		t.Error("the filter seems to be on where it is not")
	}
	twice := clerk.post("/filters?list=inbox&show=refused", "do", "keep", "name", "viec CAI cach")
	if twice.status != http.StatusConflict {
		t.Errorf("a second filter of the name gets %d", twice.status)
	}
	twice.shows(t, "Đã có bộ lọc khác mang tên này", `value="viec CAI cach"`, `id="wrong-filter-"`)
	clerk.post("/filters?list=inbox&show=all", "do", "rename", "id", id, "name", "Việc dở dang").shows(t, ">Việc dở dang")
	clerk.post("/filters?list=sent", "do", "keep", "name", "Đã gửi").shows(t, ">Đã gửi")

	colleague := h.signIn(t, "van.thu.2", member(recipient, hub.RoleClerk))
	if got := colleague.post("/filters?list=inbox", "do", "remove", "id", id); got.status != http.StatusNotFound {
		t.Errorf("somebody else removes the filter: %d", got.status)
	}
	if got := colleague.get("/inbox"); strings.Contains(got.text, "Việc dở dang") {
		t.Error("somebody else sees the filter")
	}
	if got := h.signIn(t, "kiem.toan", member("", hub.RoleAuditor)).post("/filters?list=inbox", "do", "keep", "name", "x"); got.status != http.StatusForbidden {
		t.Errorf("an auditor keeps a filter of an inbox: %d", got.status)
	}

	removed := clerk.post("/filters?list=inbox&show=all", "do", "remove", "id", id)
	removed.shows(t, "Đã xóa bộ lọc “Việc dở dang”", "Hoàn tác")
	if got := clerk.get("/inbox"); strings.Contains(got.text, "Việc dở dang") {
		t.Error("the removed filter is shown")
	}
	clerk.post("/filters?list=inbox&show=all", "do", "restore", "id", id).shows(t, ">Việc dở dang")

	for _, a := range regexp.MustCompile(`<option value="([^"]+)">`).FindAllStringSubmatch(clerk.get("/inbox").text, -1) {
		clerk.post("/office", "office", a[1])
		break
	}
	if got := clerk.get("/inbox"); strings.Contains(got.text, "Việc dở dang") {
		t.Error("the filter is there in another office")
	}
	if got := clerk.post("/filters?list=inbox", "do", "remove", "id", id); got.status != http.StatusNotFound {
		t.Errorf("the filter is removed in another office: %d", got.status)
	}
}

// TestUndoing: where there is a true way back, the line that says what was done leads there.
func TestUndoing(t *testing.T) {
	t.Parallel()
	h := start(t, configIn(t.TempDir()))
	senderKey, _ := h.enroll(t)
	sent, err := h.client(t, senderKey).Submit(t.Context(), submission("a"), original("Nội dung."), nil)
	if err != nil {
		t.Fatal(err)
	}
	clerk := h.signIn(t, "van.thu", member(recipient, hub.RoleClerk))
	path := "/inbox/" + string(sent.Deliveries[0].ID)
	form := []string{"number", "1", "date", "2026-01-01"}
	for _, part := range hiddenParts.FindAllStringSubmatch(clerk.get(path).text, -1) {
		form = append(form, part[1], part[2])
	}
	clerk.get(path).shows(t, "Không hoàn tác được việc này")
	registered := clerk.post(path+"/register", form...)
	registered.shows(t, "Đã tiếp nhận; bên gửi có biên nhận")
	first := clerk.post(path+"/report", "status", "04", "staff.name", "Bà An")
	first.shows(t, "Đã phân công")
	if strings.Contains(registered.text+first.text, "Hoàn tác") {
		t.Error("an undo is offered where there is none")
	}
	second := clerk.post(path+"/report", "status", "04", "staff.name", "Ông Bình", "staff.department", "Phòng Một")
	second.shows(t, "Hoàn tác", "giao lại cho Bà An", `name="staff.name" value="Bà An"`)
	clerk.post(path+"/report", "status", "04", "staff.name", "Bà An").shows(t, "giao lại cho Ông Bình")
	if got := clerk.post(path+"/report", "status", "06"); strings.Contains(got.text, "Hoàn tác") {
		t.Error("an undo is offered for what is completed")
	} else {
		got.shows(t, "Đã báo trạng thái", "đã báo thì không rút lại được")
	}
	if got := clerk.get(path + "?done=<b>"); strings.Contains(got.text, `class="alert good undo"`) {
		t.Error("an address makes the page say what was not done")
	}

	author := h.signIn(t, "tac.gia", member(sender, hub.RoleClerk))
	board := author.get("/sent/" + string(sent.Dispatch.ID) + "?done=sent")
	board.shows(t, "Đã gửi tới 1 nơi nhận", "?undo=1#change")
	author.get("/sent/"+string(sent.Dispatch.ID)+"?undo=1").shows(t, `<details class="card act" open><summary>`)
	if got := author.get("/sent/" + string(sent.Dispatch.ID)); strings.Contains(got.text, `<details class="card act" open>`) {
		t.Error("the form for a recall is open at once")
	}

	author.post("/send/draft", "office", officeOf(t, author), "key", "d-1", "subject", "Bản nháp một")
	author.get("/send").shows(t, "Bản nháp một")
	author.post("/send/draft/remove", "draft", "d-1").shows(t, "Đã xóa bản nháp “Bản nháp một”", "Hoàn tác")
	if got := author.get("/send?draft=d-1"); got.status != http.StatusNotFound || strings.Contains(author.get("/send").text, "Bản nháp một") {
		t.Errorf("the removed draft is still there: %d", got.status)
	}
	if got := clerk.post("/send/draft/restore", "draft", "d-1"); got.status != http.StatusNotFound {
		t.Errorf("somebody else brings the draft back: %d", got.status)
	}
	author.post("/send/draft/restore", "draft", "d-1").shows(t, "Bản nháp một</textarea>")
	author.get("/send").shows(t, "Bản nháp một")
}

func officeOf(t *testing.T, p *person) string {
	t.Helper()
	found := regexp.MustCompile(`name="office" value="([^"]*)"`).FindStringSubmatch(p.get("/send").text)
	if found == nil {
		t.Fatal("the form names no office")
	}
	return found[1]
}
