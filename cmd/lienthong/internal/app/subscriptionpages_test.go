package app_test

import (
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/hub"
)

// bell is a webhook that answers as the test says and keeps the ids of what it took.
type bell struct {
	*httptest.Server
	status atomic.Int64
	rung   chan string
}

// startBell is a hub that may call a bell.
func startBell(t *testing.T) (*testHub, *bell) {
	t.Helper()
	b := &bell{rung: make(chan string, 100)}
	b.status.Store(http.StatusOK)
	b.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status := int(b.status.Load())
		w.WriteHeader(status)
		if status == http.StatusOK {
			b.rung <- r.Header.Get("Webhook-Id")
		}
	}))
	t.Cleanup(b.Close)
	config := configIn(t.TempDir())
	config.WebhookNetworks, config.WebhookCA = []string{"127.0.0.0/8"}, filepath.Join(t.TempDir(), "bell.pem")
	if err := os.WriteFile(config.WebhookCA, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: b.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return start(t, config), b
}

// next is the id of what the bell takes next.
func (b *bell) next(t *testing.T) string {
	t.Helper()
	select {
	case id := <-b.rung:
		return id
	case <-time.After(patience):
		t.Fatal("the bell does not ring")
		return ""
	}
}

func (h *testHub) subscribe(t *testing.T, agency, target string) hub.Subscription {
	t.Helper()
	made, err := h.client(t, h.operatorKey(t)).Subscribe(t.Context(), hubclient.NewSubscription{
		Agency: agency, Kind: hub.SubscriptionWebhook, Target: target, Topics: []hub.Topic{hub.TopicWaiting},
	})
	if err != nil {
		t.Fatal(err)
	}
	return made.Subscription
}

// awaitSubscription waits until a subscription fares as the test wants.
func (h *testHub) awaitSubscription(t *testing.T, id string, is func(*hub.Subscription) bool) {
	t.Helper()
	c := h.client(t, h.operatorKey(t))
	var sub hub.Subscription
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		var err error
		if sub, err = c.Subscription(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		if is(&sub) {
			return
		}
	}
	t.Fatalf("the subscription is %+v", sub)
}

func paused(sub *hub.Subscription) bool  { return sub.Paused != nil }
func failing(sub *hub.Subscription) bool { return sub.Health.Failures > 0 && sub.Paused == nil }

// TestSubscriptionPages: the administrator of an agency finds on the page why its
// subscription rests, lets it go on, has it ring again and ends it; nobody else does.
func TestSubscriptionPages(t *testing.T) {
	t.Parallel()
	h, b := startBell(t)
	senderKey, _ := h.enroll(t)
	h.thirdAgency(t)
	admin := h.signIn(t, "quan.tri", member(recipient, hub.RoleAdministrator))
	admin.get("/subscriptions").shows(t, "Chưa có đăng ký nào", `<a href="/subscriptions" aria-current="page">`)
	sub := h.subscribe(t, recipient, b.URL+"/chuong")
	mine := "/subscriptions/" + sub.ID

	h.accepted(t, senderKey, "first")
	first := b.next(t)
	b.status.Store(http.StatusGone)
	h.accepted(t, senderKey, "second")
	h.awaitSubscription(t, sub.ID, paused)
	admin.get("/subscriptions").shows(t, b.URL+"/chuong", "Tạm dừng", "nơi nhận không còn tồn tại", "410", "văn bản chờ nhận", `href="`+mine+`"`)
	admin.get(mine).shows(t, "Cho báo tin tiếp", "410", "đang chờ", "Lần thành công gần nhất")

	t.Run("nobody else", func(t *testing.T) {
		for name, role := range map[string]hub.Membership{
			"quan.tri.khac": member("000.00.13.H47", hub.RoleAdministrator), "van.thu": member(recipient, hub.RoleClerk), "kiem.tra": member("", hub.RoleAuditor),
		} {
			p := h.signIn(t, name, role)
			for _, got := range []page{
				p.get("/subscriptions"), p.get(mine), p.post(mine+"/pause", "paused", "false"), p.post(mine+"/replay", "which", "set_aside"), p.post(mine+"/remove", "sure", "yes"),
			} {
				if strings.Contains(got.text, "chuong") || got.path != "/subscriptions" && got.status != http.StatusNotFound && got.status != http.StatusForbidden {
					t.Errorf("%s gets %d at %s", name, got.status, got.path)
				}
			}
		}
		h.awaitSubscription(t, sub.ID, paused)
	})

	b.status.Store(http.StatusOK)
	if got := admin.post(mine+"/pause", "paused", "false"); got.path != mine || !strings.Contains(got.text, "Đang dùng") {
		t.Errorf("after resuming %d at %s: %s", got.status, got.path, got.text)
	}
	second := b.next(t)

	for _, since := range []string{"", "yesterday", "2999-01-01T00:00"} {
		if got := admin.post(mine+"/replay", "since", since); got.status != http.StatusUnprocessableEntity || !strings.Contains(got.text, `id="wrong-since"`) {
			t.Errorf("again since %q: %d", since, got.status)
		}
	}
	admin.post(mine+"/pause", "paused", "true").shows(t, "Cho báo tin tiếp", "theo yêu cầu", "quan.tri")
	offered := regexp.MustCompile(`name="since" type="datetime-local" value="([^"]+)"`).FindStringSubmatch(admin.get(mine).text)
	if offered == nil {
		t.Fatal("the page offers no time to tell again from")
	}
	admin.post(mine+"/replay", "since", offered[1]).shows(t, "Số tin sẽ báo lại: 2.", "Chúng chờ đến khi")
	if len(b.rung) > 0 {
		t.Error("a subscription that rests rings")
	}
	admin.post(mine+"/pause", "paused", "false")
	if again := []string{b.next(t), b.next(t)}; again[0] != first || again[1] != second {
		t.Errorf("rung again: %v, before: %s %s", again, first, second)
	}

	operator := h.signIn(t, "van.hanh", member("", hub.RoleOperator))
	operator.get("/subscriptions").shows(t, "Sở Nội vụ", b.URL+"/chuong")
	if got := admin.post(mine + "/remove"); got.status != http.StatusUnprocessableEntity || !strings.Contains(got.text, `id="wrong-sure"`) {
		t.Errorf("removed without being sure: %d", got.status)
	}
	operator.get(mine).shows(t, "Đang dùng")
	admin.post(mine+"/remove", "sure", "yes").shows(t, "Đã xóa đăng ký", "Chưa có đăng ký nào")
	if got := operator.get(mine); got.status != http.StatusNotFound {
		t.Errorf("the operator still sees it: %d", got.status)
	}
}

// TestSubscriptionsInABrowser looks at the pages with what is paused, fails and works, in
// both languages, on a desk and on a phone.
func TestSubscriptionsInABrowser(t *testing.T) {
	t.Parallel()
	h, rings := startBell(t)
	senderKey, _ := h.enroll(t)
	h.signIn(t, "quan.tri", member(recipient, hub.RoleAdministrator))
	h.signIn(t, "van.hanh", member("", hub.RoleOperator))
	b := newBrowser(t, h.URL())
	var works, fails []hub.Subscription
	for i := range everyScreen {
		works = append(works, h.subscribe(t, recipient, fmt.Sprint(rings.URL, "/dang-dung/", i)))
	}
	h.accepted(t, senderKey, "heard")
	for i := range everyScreen {
		rings.next(t)
		fails = append(fails, h.subscribe(t, recipient, fmt.Sprint(rings.URL, "/he-thong-quan-ly-van-ban-va-dieu-hanh/bao-tin-van-ban-den/loi/", i)))
	}
	rings.status.Store(http.StatusServiceUnavailable)
	h.accepted(t, senderKey, "unheard")
	for i := range everyScreen {
		h.awaitSubscription(t, works[i].ID, failing)
		h.awaitSubscription(t, fails[i].ID, failing)
	}
	for i, screen := range everyScreen {
		b.signInOn(screen, "van.hanh", "health")
		b.open("/subscriptions", "subscriptions")
		b.look("subscriptions-all")
		b.signOut()
		b.fill("button.main", "#name", "quan.tri", "#password", chosenPassword)
		b.at("accounts")
		b.open("/subscriptions/"+fails[i].ID, "subscription")
		b.look("subscription-failing")
		b.fill("form[action$=pause] button")
		b.sees("form[action$=pause] button.main")
		b.look("subscription-paused")
		b.fill("form[action$=replay] button")
		b.sees("#told")
		b.click("details.act summary")
		b.fill("button.danger")
		b.sees("#wrong-sure")
		b.look("subscription-unsure")
		b.open("/subscriptions", "subscriptions")
		b.look("subscriptions")
		b.open("/subscriptions/"+works[i].ID, "subscription")
		b.click("details.act summary", "#sure")
		b.fill("button.danger")
		b.at("subscriptions")
		b.look("subscription-removed")
		b.open("/subscriptions/"+fails[i].ID, "subscription")
		b.fill("form[action$=pause] button.main")
		b.at("subscription")
		b.signOut()
	}
}
