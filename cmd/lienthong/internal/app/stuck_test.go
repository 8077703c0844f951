package app_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/hubtest/server"
)

// TestStuckPage: an operator sees why a document does not come on, has it tried again, and
// gives it up; the sender reads why, and nobody else sees the page.
func TestStuckPage(t *testing.T) {
	t.Parallel()
	h := start(t, configAtAxis(t))
	senderKey, _ := h.enroll(t)
	behind := "id,code,name,level,kind,parent_code,valid_from,valid_to,registers,email,telephone,aliases,successors,channel\n" +
		"xa,000.07.15.H41,UBND xã Nơi Khác (hư cấu),commune,,,,,true,,,,,axis\n"
	if _, err := h.client(t, h.operatorKey(t)).ImportAgencies(t.Context(), strings.NewReader(behind), false); err != nil {
		t.Fatal(err)
	}
	sub := submission("stuck")
	sub.Recipients = []string{"000.07.15.H41"}
	sent, err := h.client(t, senderKey).Submit(t.Context(), sub, original(string(signedPDF(t))), nil)
	if err != nil {
		t.Fatal(err)
	}
	id := string(sent.Deliveries[0].ID)
	operator := h.signIn(t, "van.hanh", member("", hub.RoleOperator))
	h.failing(t)

	shown := operator.get("/stuck")
	shown.shows(t, "UBND xã Nơi Khác (hư cấu)", "UBND tỉnh Quảng Nam", "Trục liên thông không trả lời.", "unavailable", `value="`+id+`"`, "Không có văn bản nào sắp hết hạn.")
	if strings.Contains(shown.text, sub.Document.Subject) {
		t.Error("the operator sees what the document is about")
	}
	operator.post("/stuck", "do", "giveup", "reason", "x").shows(t, "Chưa chọn mục nào.", `value="x"`)
	operator.post("/stuck", "do", "giveup", "delivery", id, "reason", " ").shows(t, `id="wrong-reason"`, "checked")
	if got := operator.post("/stuck", "do", "retry", "delivery", "none"); got.status != http.StatusNotFound {
		t.Errorf("a delivery that is not there: %d", got.status)
	}
	operator.post("/stuck", "do", "all").shows(t, "Đang thử lại 1 văn bản.")
	h.failing(t)
	for name, role := range map[string]hub.Membership{"kiem.tra": member("", hub.RoleAuditor), "quan.tri": member(sender, hub.RoleAdministrator), "van.thu": member(sender, hub.RoleClerk)} {
		person := h.signIn(t, name, role)
		for _, got := range []page{person.get("/stuck"), person.post("/stuck", "do", "all")} {
			if got.status == http.StatusOK || strings.Contains(got.text, id) {
				t.Errorf("%s gets %d", name, got.status)
			}
		}
	}

	b := newBrowser(t, h.URL())
	for i, screen := range everyScreen {
		if i > 0 {
			again := sub
			again.Key, again.ExternalID = fmt.Sprint("stuck", i), fmt.Sprint("stuck", i)
			again.Document.CodeNumber = fmt.Sprint(i)
			if _, err := h.client(t, senderKey).Submit(t.Context(), again, original(string(signedPDF(t))), nil); err != nil {
				t.Fatal(err)
			}
			h.failing(t)
		}
		b.signInOn(screen, "van.hanh", "health")
		b.open("/stuck", "stuck")
		b.click("input[name=delivery]")
		b.look("stuck-one")
		b.fill("button[value=giveup]", "#reason", "Cơ quan đã giải thể, đề nghị gửi nơi kế thừa.")
		b.sees("div.alert.good")
		b.look("stuck-given-up")
		b.signOut()
	}

	clerk := h.signIn(t, "tac.gia", member(sender, hub.RoleClerk))
	clerk.get("/sent/"+string(sent.Dispatch.ID)).shows(t, "Không chuyển được", "Cơ quan đã giải thể, đề nghị gửi nơi kế thừa.")
	operator.get("/stuck").shows(t, "Không có văn bản nào bị ách tắc.")
}

// failing waits until an attempt has failed.
func (h *testHub) failing(t *testing.T) {
	t.Helper()
	client := h.client(t, h.operatorKey(t))
	for deadline := time.Now().Add(server.Patience); ; time.Sleep(20 * time.Millisecond) {
		stuck, err := client.Stuck(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(stuck.Failing) == 1 && stuck.Failing[0].LastError != "" && stuck.Failing[0].NextAttempt.After(time.Now()) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("no attempt has failed: %+v", stuck)
		}
	}
}
