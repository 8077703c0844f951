package app_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/lienthong/lienthong/hub"
)

// normativeSubmission is a normative document of the sender.
func normativeSubmission(id string) hub.Submission {
	sub := submission(id)
	sub.Document.TypeName, sub.Document.CodeNumber, sub.Document.CodeNotation = "Quyết định", "04", "2026/QĐ-UBND"
	return sub
}

// TestRulesPage: the administrator of an agency tries, adds and removes its rules, the
// board shows what came of them, and nobody else gets the page or sees those rules.
func TestRulesPage(t *testing.T) {
	t.Parallel()
	h := start(t, configIn(t.TempDir()))
	senderKey, _ := h.enroll(t)
	h.thirdAgency(t)
	client := h.client(t, senderKey)
	if _, err := client.Submit(t.Context(), normativeSubmission("a"), original("Nội dung."), nil); err != nil {
		t.Fatal(err)
	}
	p := h.signIn(t, "quan.tri", member(sender, hub.RoleAdministrator))
	p.get("/rules").shows(t, "Cơ quan chưa có quy tắc nào", `<a href="/rules" aria-current="page">`)
	p.get("/rules?example=1").shows(t, `value="Gửi Sở Tư pháp kiểm tra văn bản quy phạm pháp luật"`, `value="*/19??/*; */20??/*"`)

	const third = "000.00.13.H47"
	typed := []string{"version", "0", "name", "Gửi kiểm tra", "action", "copy", "types", "quyet dinh; Nghị quyết", "numbers", "*/20??/*", "recipients", third, "priority", "0", "for_information", "1", "days", "30"}
	post := func(do string, changed ...string) page {
		t.Helper()
		return p.post("/rules", append(append(append([]string{}, typed...), changed...), "do", do)...)
	}
	post("try").shows(t, "Đã xem 1 văn bản, quy tắc áp dụng 1 lần. Chưa thay đổi gì", "04/2026/QĐ-UBND", "Sẽ sao gửi thêm")
	p.get("/rules").shows(t, "Cơ quan chưa có quy tắc nào")
	wrong := p.post("/rules", "version", "0", "name", "", "action", "copy", "recipients", "000.00.99.H47", "priority", "x", "senders", "H47", "valid_from", "2026-13-01", "do", "save")
	wrong.shows(t, `id="wrong-name"`, `id="wrong-priority"`, `id="wrong-senders"`, `id="wrong-valid_from"`)
	if wrong.status != http.StatusUnprocessableEntity {
		t.Errorf("what is wrong is answered by %d", wrong.status)
	}
	post("save").shows(t, "quy tắc đang áp dụng là bản 1", "Gửi kiểm tra", "Loại: quyet dinh, Nghị quyết", third)
	if old := post("save", "name", "Hai"); old.status != http.StatusConflict {
		t.Errorf("a change of an older version is answered by %d", old.status)
	}

	sent, err := client.Submit(t.Context(), normativeSubmission("b"), original("Nội dung."), nil)
	if err != nil || len(sent.Deliveries) != 2 {
		t.Fatalf("%d deliveries, %v", len(sent.Deliveries), err)
	}
	clerk := h.signIn(t, "van.thu", member(sender, hub.RoleClerk))
	clerk.get("/sent/"+string(sent.Dispatch.ID)).shows(t, "theo quy tắc “Gửi kiểm tra”")
	for name, role := range map[string]hub.Membership{
		"van.hanh": member("", hub.RoleOperator), "kiem.tra": member("", hub.RoleAuditor), "lanh.dao": member(sender, hub.RoleLeader),
	} {
		other := h.signIn(t, name, role)
		if got := other.get("/rules"); got.status != http.StatusForbidden {
			t.Errorf("%s gets %d", name, got.status)
		}
		if got := other.post("/rules", append(typed, "do", "save")...); got.status != http.StatusForbidden {
			t.Errorf("%s sets rules: %d", name, got.status)
		}
	}
	if got := clerk.post("/rules/remove", "version", "1", "name", "Gửi kiểm tra"); got.status != http.StatusForbidden {
		t.Errorf("a clerk removes a rule: %d", got.status)
	}
	stranger := h.signIn(t, "quan.tri.snv", member(recipient, hub.RoleAdministrator))
	if got := stranger.get("/rules"); strings.Contains(got.text, "Gửi kiểm tra") || got.status != http.StatusOK {
		t.Errorf("the administrator of another agency gets %d", got.status)
	}
	if got := stranger.post("/rules/remove", "version", "0", "name", "Gửi kiểm tra"); got.status != http.StatusOK {
		t.Errorf("removing what is not there: %d", got.status)
	}
	if set, err := client.RoutingRules(t.Context(), "", 0); err != nil || set.Version != 1 {
		t.Errorf("another changed the rules: %+v %v", set, err)
	}
	p.post("/rules/remove", "version", "1", "name", "Gửi kiểm tra").shows(t, "Cơ quan chưa có quy tắc nào")
}

// TestRequiredRecipientOnThePages: who sends without a recipient that a rule requires is
// told which rule and whom, before anything is sent.
func TestRequiredRecipientOnThePages(t *testing.T) {
	t.Parallel()
	h, clerk := author(t)
	admin := h.client(t, h.administratorKey(t))
	if _, err := admin.SetRoutingRules(t.Context(), hub.RoutingRules{Rules: []hub.RoutingRule{{Name: "Báo cáo Chi cục", Action: hub.RouteRequire, Recipients: []string{"000.00.13.H47"}}}}); err != nil {
		t.Fatal(err)
	}
	letter := clerk.get("/send").carries(append(typedLetter(), "to", recipient)...).with("original", "174.pdf", signedPDF(t))
	clerk.press("check", letter).shows(t, "Quy tắc “Báo cáo Chi cục” của cơ quan gửi yêu cầu có nơi nhận")
	rules := []hub.RoutingRule{{Name: "Sao Chi cục", Action: hub.RouteCopy, Recipients: []string{"000.00.13.H47"}}}
	if _, err := admin.SetRoutingRules(t.Context(), hub.RoutingRules{Rules: rules}); err != nil {
		t.Fatal(err)
	}
	clerk.press("check", letter).shows(t, "theo quy tắc “Sao Chi cục”")
}

// TestRulesInABrowser walks over the page in both languages, on a desk and on a phone.
func TestRulesInABrowser(t *testing.T) {
	t.Parallel()
	h := start(t, configIn(t.TempDir()))
	senderKey, _ := h.enroll(t)
	h.thirdAgency(t)
	if _, err := h.client(t, senderKey).Submit(t.Context(), normativeSubmission("a"), original("Nội dung."), nil); err != nil {
		t.Fatal(err)
	}
	h.signIn(t, "quan.tri", member(sender, hub.RoleAdministrator))
	b := newBrowser(t, h.URL())
	for _, screen := range everyScreen {
		b.signInOn(screen, "quan.tri", "accounts")
		b.open("/rules?example=1", "rules")
		b.fill("button[value=try]", "#recipients", "000.00.13.H47")
		b.sees("#trial td")
		b.look("rules-tried")
		b.fill("button.main", "#name", "Gửi cơ quan tư pháp kiểm tra văn bản quy phạm pháp luật, "+b.label)
		b.sees(".alert.good")
		b.look("rules")
		b.signOut()
	}
}
