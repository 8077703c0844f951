package app_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/hubtest"
)

// TestClosedYear: the administrator of an agency closes a year on the page; nothing comes
// into its register any more by whatever door, what stood there is printed still, and the
// log has the digest of it.
func TestClosedYear(t *testing.T) {
	t.Parallel()
	h := start(t, configIn(t.TempDir()))
	senderKey, recipientKey := h.enroll(t)
	sends, takes := h.client(t, senderKey), h.client(t, recipientKey)
	clerk := h.signIn(t, "van.thu", member(recipient, hub.RoleClerk))
	keeper := h.signIn(t, "quan.tri", member(recipient, hub.RoleAdministrator))
	send := func(id string) hub.DeliveryID {
		t.Helper()
		sent, err := sends.Submit(t.Context(), submission(id), original("Nội dung "+id), nil)
		if err != nil {
			t.Fatal(err)
		}
		return sent.Deliveries[0].ID
	}
	acknowledge := func(id hub.DeliveryID) {
		t.Helper()
		item, err := takes.Delivery(t.Context(), id)
		if err == nil {
			_, err = takes.Acknowledge(t.Context(), id, 0, hubtest.Digests(&item.Dispatch))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	before := send("before")
	acknowledge(before)
	if _, err := takes.Accept(t.Context(), before, hub.Registration{Number: "7", Date: "2025-12-30"}); err != nil {
		t.Fatal(err)
	}

	clerk.get("/registers").shows(t, "Chưa khóa sổ năm nào")
	if got := clerk.post("/registers/years", "year", "2025", "sure", "yes"); got.status != http.StatusForbidden {
		t.Errorf("a clerk closes a year: %d", got.status)
	}
	keeper.get("/registers").shows(t, `action="/registers/years"`)
	keeper.post("/registers/years", "year", "2025").shows(t, `id="wrong-sure"`)
	keeper.post("/registers/years", "year", time.Now().In(hub.Vietnam()).Format("2006"), "sure", "yes").shows(t, `id="wrong-year"`, "Chỉ khóa sổ của năm đã kết thúc")
	keeper.post("/registers/years", "year", "1066", "sure", "yes").shows(t, `id="wrong-year"`, "Năm không hợp lệ")
	keeper.post("/registers/years", "year", "2025", "sure", "yes").shows(t, `data-label="Năm">2025`, "1 văn bản", "quan.tri")
	keeper.post("/registers/years", "year", "2025", "sure", "yes").shows(t, `data-label="Năm">2025`)
	closed, err := takes.ClosedYears(t.Context(), "")
	if err != nil || len(closed) != 1 || closed[0].Incoming == nil || closed[0].Incoming.Entries != 1 || closed[0].Outgoing.Entries != 0 {
		t.Fatalf("%+v %v", closed, err)
	}

	refused := func(door string, err error) {
		t.Helper()
		if v := hub.ViolationsOf(err); err == nil || hub.KindOf(err) != hub.KindConflict || v[0].Rule != hub.RuleYearClosed {
			t.Errorf("%s: %v", door, err)
		}
	}
	late := send("late")
	acknowledge(late)
	_, err = takes.Accept(t.Context(), late, hub.Registration{Number: "8", Date: "2025-12-31"})
	refused("the API", err)
	_, err = takes.ReportStatus(t.Context(), late, hubclient.Status{Code: hub.StatusAccepted, StatedAt: time.Date(2025, 12, 31, 3, 0, 0, 0, time.UTC)})
	refused("a report", err)
	page := clerk.get("/inbox/" + string(late))
	act := []string{"number", "8", "date", "2025-12-31"}
	for _, part := range hiddenParts.FindAllStringSubmatch(page.text, -1) {
		act = append(act, part[1], part[2])
	}
	clerk.post("/inbox/"+string(late)+"/register", act...).shows(t, `id="wrong-date"`, "Sổ của năm này đã khóa")
	if item, err := takes.Delivery(t.Context(), late); err != nil || item.Delivery.State != hub.StateHandedOver {
		t.Errorf("%+v %v", item.Delivery, err)
	}
	// What was said of the old year before the hand-over is entered on the day of it.
	early := send("early")
	if _, err := takes.ReportStatus(t.Context(), early, hubclient.Status{Code: hub.StatusAccepted, StatedAt: time.Date(2025, 12, 31, 3, 0, 0, 0, time.UTC)}); err != nil {
		t.Fatal(err)
	}
	acknowledge(early)
	if item, err := takes.Delivery(t.Context(), early); err != nil || item.Delivery.State != hub.StateAccepted || item.Delivery.Registration.Date < "2026" {
		t.Errorf("%+v %v", item.Delivery, err)
	}
	if _, err := takes.Accept(t.Context(), late, hub.Registration{Number: "8", Date: "2026-01-02"}); err != nil {
		t.Error(err)
	}

	if got := printed(t, clerk.get("/registers/print?book=in&as=pdf&from=2025-01-01&to=2025-12-31")); !strings.Contains(got, "173/UBND") {
		t.Errorf("the closed register is not printed: %s", got)
	}
	if _, err := sends.ClosedYears(t.Context(), recipient); hub.KindOf(err) != hub.KindDenied {
		t.Errorf("another agency reads closed years: %v", err)
	}
	if _, err := takes.CloseYear(t.Context(), "", 2024); hub.KindOf(err) != hub.KindDenied {
		t.Errorf("a document system closes a year: %v", err)
	}
	if err := h.stop(); err != nil {
		t.Fatal(err)
	}
	noted := 0
	for _, note := range notesOf(t, h.config.DataDir, hub.LogNoteOperator) {
		if strings.Contains(note, `"action":"register.close"`) {
			noted++
			contains(t, note, `"actor":"quan.tri"`, `"about":"snv 2025"`, closed[0].Incoming.SHA256.String())
		}
	}
	if noted != 1 {
		t.Errorf("%d notes of the closing", noted)
	}
}
