package app_test

import (
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/hub"
)

// TestPagesShowClocksOfTheLaw: sender and recipient see on their pages by when the law wants
// what, and what was done in time, in both languages.
func TestPagesShowClocksOfTheLaw(t *testing.T) {
	t.Parallel()
	h, author := author(t)
	reader := h.signIn(t, "van.thu", member(recipient, hub.RoleClerk))
	board := author.sentLetter(author.get("/send"), append(typedLetter(), "to", recipient)...)
	delivery := reader.newest()

	reader.get(delivery).shows(t, `id="clocks"`, "Thông báo đã nhận", "Đăng ký văn bản đến", "NĐ 30/2020/NĐ-CP, điều 4 khoản 2 điểm c")
	author.get(board.path).shows(t, `id="clocks"`, "Gửi văn bản", "điều 18 khoản 1", "thực hiện lúc")
	reader.registers(delivery, "1")
	reader.get(delivery).shows(t, "Đúng hạn", "thực hiện lúc")
	reader.post("/language", "language", "en", "next", delivery)
	reader.get(delivery).shows(t, "Time that the law gives", "Notice of receipt", "Done in time")
}

// TestPressingOnThePages: what is overdue and what is due soon is a choice of the inbox on the
// pages and over the API, by the clocks of the law and by the deadlines of tasks as they stand
// at the moment; it can be kept, and what was done leaves it.
func TestPressingOnThePages(t *testing.T) {
	t.Parallel()
	var behind atomic.Int64
	behind.Store(int64(6 * 24 * time.Hour))
	config := configIn(t.TempDir())
	config.TimeToLive = hub.NewTerms(30 * 24 * time.Hour) // nothing ends while six days pass at once
	config.Behind = func() time.Duration { return time.Duration(behind.Load()) }
	h := start(t, config)
	senderKey, recipientKey := h.enroll(t)
	h.thirdAgency(t)
	submit := func(id string) hub.Accepted {
		t.Helper()
		sent, err := h.client(t, senderKey).Submit(t.Context(), submission(id), original("Nội dung "+id), nil)
		if err != nil {
			t.Fatal(err)
		}
		return sent
	}
	old, oldTask := submit("a"), h.tasked(t, senderKey, "b")
	list := func(timeliness ...hub.Timeliness) []hub.DeliveryID {
		t.Helper()
		found, err := h.client(t, recipientKey).Mailbox(t.Context(), hubclient.MailboxQuery{Timeliness: timeliness})
		if err != nil {
			t.Fatal(err)
		}
		var ids []hub.DeliveryID
		for i := range found.Items {
			ids = append(ids, found.Items[i].Delivery.ID)
			if !slices.Contains(timeliness, found.Items[i].Timeliness) {
				t.Errorf("%s is %q", ids[i], found.Items[i].Timeliness)
			}
		}
		return ids
	}
	if got := list(hub.Overdue); len(got) != 0 {
		t.Errorf("at first %v is overdue", got)
	}
	behind.Store(0)
	newTask := h.tasked(t, senderKey, "d")
	late := []hub.DeliveryID{oldTask.Deliveries[0].ID, old.Deliveries[0].ID}
	if got := list(hub.Overdue); !slices.Equal(got, late) {
		t.Errorf("overdue is %v, want %v", got, late)
	}
	if got, want := list(hub.DueSoon), []hub.DeliveryID{newTask.Deliveries[0].ID}; !slices.Equal(got, want) {
		t.Errorf("due soon is %v, want %v", got, want)
	}
	if got := list(hub.Overdue, hub.DueSoon); len(got) != 3 {
		t.Errorf("%v press", got)
	}
	for query, rule := range map[string]string{"timeliness=in_time": "code_list", "timeliness=overdue&asked=true": "either"} {
		status, body := h.look(t, recipientKey, "/v1/mailbox?"+query)
		if status != http.StatusUnprocessableEntity || !strings.Contains(body, `"timeliness"`) || !strings.Contains(body, rule) {
			t.Errorf("%s: %d %s", query, status, body)
		}
	}

	clerk := h.signIn(t, "van.thu", member(recipient, hub.RoleClerk))
	shown := clerk.get("/inbox?show=overdue")
	shown.shows(t, `aria-current="true">Quá hạn`, "/inbox/"+string(late[0]), "/inbox/"+string(late[1]), `name="delivery"`)
	shown.hides(t, string(newTask.Deliveries[0].ID))
	clerk.get("/inbox?show=overdue&q=khong+co").shows(t, "Không tìm thấy")
	clerk.get("/inbox?show=due_soon").shows(t, string(newTask.Deliveries[0].ID))
	clerk.post("/filters?list=inbox&show=overdue", "do", "keep", "name", "Trễ", "default", "1").shows(t, `href="/inbox?show=overdue" aria-current="true"`)
	clerk.get("/inbox").shows(t, `aria-current="true">Trễ`, string(late[1]))
	clerk.registers("/inbox/"+string(late[1]), "1")
	clerk.registers("/inbox/"+string(late[0]), "2")
	if got := list(hub.Overdue); !slices.Equal(got, late[:1]) { // its task is still to be done
		t.Errorf("behind the registration %v is overdue", got)
	}
	clerk.post("/language", "language", "en", "next", "/inbox")
	clerk.get("/inbox?show=due_soon").shows(t, "Due soon")
	other := h.signIn(t, "nguoi.la", member("000.00.13.H47", hub.RoleClerk))
	other.get("/inbox?show=overdue").hides(t, string(late[0]), string(late[1]))
}
