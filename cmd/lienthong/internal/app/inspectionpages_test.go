package app_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/hub"
)

var inspectionPaths = regexp.MustCompile(`href="(/inspections/[0-9a-f-]{36})"`)

// visiting has an agency register an inspection of another and returns its address.
func visiting(t *testing.T, clerk *person) string {
	t.Helper()
	form := []string{"subject", recipient, "kind", "surprise", "day", "2026-03-02", "title", "Kỷ luật <hành chính>", "key", "k1"}
	clerk.post("/inspections", form...).shows(t, "Đã ghi.", "Kỷ luật &lt;hành chính&gt;", "Kiểm tra đột xuất", "Đang kiểm tra")
	clerk.post("/inspections", form...).shows(t, "Kỷ luật &lt;hành chính&gt;")
	found := inspectionPaths.FindAllStringSubmatch(clerk.get("/inspections").text, -1)
	if len(found) != 1 {
		t.Fatalf("the list leads to %d inspections", len(found))
	}
	return found[0][1]
}

// TestInspectionsOnThePages: a clerk registers the inspection of an agency, says what is
// wrong and recommends by a document; who was inspected sees it from then on alone, and
// explains itself; a number opens to what is behind it.
func TestInspectionsOnThePages(t *testing.T) {
	h, decision := deciding(t)
	clerk := h.signIn(t, "van.thu", member(sender, hub.RoleClerk))
	clerk.get("/inspections").shows(t, "Không có trường hợp nào như vậy", `href="/inspections/new"`)
	clerk.get("/inspections/new").shows(t, "Kiểm tra theo kế hoạch", `name="title"`)
	clerk.post("/inspections", "subject", "cơ quan nào", "kind", "surprise", "day", "2026-03-02", "title", "x").shows(t, `id="wrong-subject"`)
	clerk.post("/inspections", "subject", recipient, "kind", "surprise", "day", "2099-03-02", "title", "").shows(t, `id="wrong-day"`, `id="wrong-title"`)
	path := visiting(t, clerk)

	helper := h.signIn(t, "duoc.kiem", member(recipient, hub.RoleClerk))
	stranger := h.signIn(t, "nguoi.la", member("000.00.13.H47", hub.RoleClerk))
	for _, p := range []*person{helper, stranger} {
		if got := p.get(path); got.status != http.StatusNotFound {
			t.Errorf("an inspection without a recommendation is shown: %d", got.status)
		}
		if got := p.post(path+"/events", "act", "find", "finding", "shortcoming", "text", "x"); got.status != http.StatusNotFound {
			t.Errorf("a stranger acts: %d", got.status)
		}
	}
	clerk.post(path+"/events", "act", "find", "finding", "shortcoming").shows(t, `id="wrong-text"`)
	clerk.post(path+"/events", "act", "find", "finding", "shortcoming", "text", "Chưa <niêm yết>").shows(t, "Đã ghi.", "Tồn tại, hạn chế", "Chưa &lt;niêm yết&gt;")
	clerk.post(path+"/events", "act", "recommend", "dispatch", string(decision)).shows(t, `id="wrong-dispatch"`, "không giao nhiệm vụ")
	sub := submission("recommendation")
	sub.Tasks = []hub.TaskWish{{Content: "Khắc phục", Each: []string{recipient}, TaskTerm: hub.TaskTerm{Due: "2099-03-20"}}}
	issued, err := h.client(t, h.operatorKey(t)).IssueKey(t.Context(), hubclient.NewKey{Name: "inspector", Kind: hub.ActorSystem, Agencies: []string{sender}, Scopes: []hub.Scope{hub.ScopeSubmit}})
	if err != nil {
		t.Fatal(err)
	}
	sent, err := h.client(t, issued.Secret).Submit(t.Context(), sub, original("Kiến nghị."), nil)
	if err != nil {
		t.Fatal(err)
	}
	clerk.post(path+"/events", "act", "recommend", "dispatch", string(sent.Dispatch.ID)).shows(t, "Chờ trả lời kiến nghị", "20/03/2099", "/tasks/"+string(sent.Dispatch.Tasks[0].ID))

	helper.get("/inspections").shows(t, "Kỷ luật &lt;hành chính&gt;", "Chờ trả lời kiến nghị")
	seen := helper.get(path)
	seen.shows(t, "Chưa &lt;niêm yết&gt;", `value="explain"`)
	if strings.Contains(seen.text, `value="conclude"`) {
		t.Error("an act is offered that is not the agency's")
	}
	if got := helper.post(path+"/events", "act", "conclude", "outcome", "clean"); got.status != http.StatusForbidden {
		t.Errorf("who was inspected concludes: %d", got.status)
	}
	helper.post(path+"/events", "act", "explain", "text", "Đang sửa").shows(t, "Đã ghi.", "Giải trình", "Đang sửa")
	if got := stranger.get(path); got.status != http.StatusNotFound {
		t.Errorf("a stranger gets %d", got.status)
	}
	clerk.post(path+"/events", "act", "receive", "number", "9/SNV", "day", "2020-01-01").shows(t, `id="wrong-day"`)
	clerk.post(path+"/events", "act", "conclude", "outcome", "remedied", "number", "bỏ qua", "text", "Đã niêm yết").shows(t, "Đã kết thúc", "Đã khắc phục", `value="reopen"`)
	clerk.get("/inspections?year=2026&measure=shortcoming").shows(t, "Kỷ luật &lt;hành chính&gt;", "Đang xem các trường hợp của số liệu")
	clerk.get("/inspections?year=2026&measure=documents").shows(t, "Không có trường hợp nào như vậy")
	clerk.get("/inspections?state=open").shows(t, "Không có trường hợp nào như vậy")
	leader := h.signIn(t, "lanh.dao", member(sender, hub.RoleLeader))
	if got := leader.get(path); got.status != http.StatusOK || strings.Contains(got.text, `action="`+path) {
		t.Errorf("a leader gets %d, or a form", got.status)
	}
	leader.send("/language", url.Values{"form": {leader.token()}, "language": {"en"}, "next": {path}})
	leader.get(path).shows(t, "Surprise inspection", "Remedied")
}

// TestInspectionsInABrowser walks over the pages in both languages, on a desk and on a phone.
func TestInspectionsInABrowser(t *testing.T) {
	h, _ := deciding(t)
	path := visiting(t, h.signIn(t, "van.thu", member(sender, hub.RoleClerk)))
	b := newBrowser(t, h.URL())
	for _, screen := range everyScreen {
		b.signInOn(screen, "van.thu", "inbox")
		b.open("/inspections", "inspections")
		b.look("inspections")
		b.open(path, "inspection")
		b.look("inspection")
		b.open("/inspections/new", "inspectionnew")
		b.do(chromedp.SetValue("#subject", "cơ quan nào"), chromedp.SetValue("#title", "Kỷ luật"))
		b.fill("form.card button.main")
		b.sees("#wrong-subject")
		b.look("inspectionnew-wrong")
		b.signOut()
	}
}
