package app_test

import (
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/hub"
)

// receiver is a webhook that keeps the topics that it was told.
type receiver struct {
	*httptest.Server
	topics chan string
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{topics: make(chan string, 100)}
	r.Server = httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, request *http.Request) {
		var message struct{ Type string }
		if err := json.NewDecoder(request.Body).Decode(&message); err != nil {
			t.Error(err)
		}
		r.topics <- message.Type
	}))
	t.Cleanup(r.Close)
	return r
}

// certificate is a file with that of the receiver.
func (r *receiver) certificate(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "receiver.pem")
	if err := os.WriteFile(name, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: r.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// startConnected is a hub whose agency snv is connected by everything that needs no other
// server.
func startConnected(t *testing.T) (h *testHub, told *receiver, key, senderKey string) {
	t.Helper()
	told = newReceiver(t)
	config := configIn(t.TempDir())
	config.VXPPath, config.LGSPPath = "/vxp", "/"
	config.WebhookNetworks, config.WebhookCA = []string{"127.0.0.0/8"}, told.certificate(t)
	h = start(t, config)
	senderKey, key = h.enroll(t)
	operator := h.client(t, h.operatorKey(t))
	for _, k := range []hubclient.NewKey{{System: "qlvb-snv"}, {Client: "ungdung-snv"}} {
		k.Name, k.Kind, k.Agencies, k.Scopes = "snv", hub.ActorSystem, []string{recipient}, []hub.Scope{hub.ScopeSubmit, hub.ScopeCollect}
		if _, err := operator.IssueKey(t.Context(), k); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := h.client(t, key).Subscribe(t.Context(), hubclient.NewSubscription{Kind: hub.SubscriptionWebhook, Target: told.URL + "/secret-path"}); err != nil {
		t.Fatal(err)
	}
	return h, told, key, senderKey
}

// hopsOf lists way/hop of a test, and marks what failed with "!".
func hopsOf(test *hub.ConnectionTest) string {
	var all []string
	for _, way := range test.Ways {
		for _, hop := range way.Hops {
			text := string(way.Way) + "/" + string(hop.Hop)
			if !hop.Passed {
				text += "!"
			}
			all = append(all, text)
		}
	}
	return strings.Join(all, " ")
}

const soundHops = "hub/health hub/agency hub/store hub/rules hub/package hub/box " +
	"lgsp/key lgsp/sign_in lgsp/answer rest/key rest/name rest/connect rest/answer vxp/key vxp/name vxp/connect vxp/answer " +
	"webhook/in_use webhook/name webhook/connect webhook/tls webhook/answer"

// TestConnectionTest: an agency has all its ways walked with its own key, hop by hop, and
// nothing is recorded of it that a register, a figure or a sequence would count.
func TestConnectionTest(t *testing.T) {
	t.Parallel()
	h, told, key, senderKey := startConnected(t)
	before := h.counts(t, key)
	test, err := h.client(t, key).TestConnection(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	if got := hopsOf(&test); got != soundHops || !test.Passed || test.Code != recipient || test.TookMS <= 0 {
		raw, _ := json.MarshalIndent(test, "", " ")
		t.Errorf("got %s, want %s\n%s", got, soundHops, raw)
	}
	raw, err := json.Marshal(test)
	if err != nil || strings.Contains(string(raw), "secret-path") {
		t.Errorf("the path of a webhook may be a secret: %s %v", raw, err)
	}
	if topic := <-told.topics; topic != string(hub.TopicTest) || len(told.topics) > 0 {
		t.Errorf("the webhook was told %q and %d more", topic, len(told.topics))
	}
	if after := h.counts(t, key); after != before {
		t.Errorf("something was counted:\n%s\nbefore:\n%s", after, before)
	}
	h.accepted(t, senderKey, "counted") // what is counted is seen
	if after := h.counts(t, key); after == before {
		t.Errorf("a document was not counted: %s", after)
	}
	if _, err := h.client(t, h.operatorKey(t)).TestConnection(t.Context(), recipient); err == nil || hub.KindOf(err) != hub.KindBusy {
		t.Errorf("at once again: %v", err)
	}
	if _, err := h.client(t, key).TestConnection(t.Context(), sender); err == nil || hub.KindOf(err) != hub.KindDenied {
		t.Errorf("of another agency: %v", err)
	}
}

var counted = regexp.MustCompile(`(?m)^lienthong_(submissions_total|delivery_steps_total|handover_seconds_count|consignment_seconds_count|backlog_deliveries).*$`)

// counts is all that counts documents: lists, the sequence of the agency, figures.
func (h *testHub) counts(t *testing.T, key string) string {
	t.Helper()
	c := h.client(t, key)
	sent, err := c.Sent(t.Context(), hubclient.SentQuery{})
	if err != nil {
		t.Fatal(err)
	}
	box, err := c.Mailbox(t.Context(), hubclient.MailboxQuery{States: hub.DeliveryStates()})
	if err != nil {
		t.Fatal(err)
	}
	sequence, err := c.Sequence(t.Context(), "", time.Now().UTC().Year(), 0)
	if err != nil {
		t.Fatal(err)
	}
	sequence.Size = 0 // the log still takes in the notes of the start
	raw, err := json.Marshal([]any{sent, box, sequence})
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, h.URL()+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+h.operatorKey(t))
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	metrics, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw) + "\n" + strings.Join(counted.FindAllString(string(metrics), -1), "\n")
}

// expiredKey issues a key of an agency and waits until it has ended.
func (h *testHub) expiredKey(t *testing.T, agency string) {
	t.Helper()
	for lives := time.Second; ; lives *= 2 { // a busy machine may ask only when it is over
		ends := time.Now().Add(lives)
		_, err := h.client(t, h.operatorKey(t)).IssueKey(t.Context(), hubclient.NewKey{
			Name: "short", Kind: hub.ActorSystem, Agencies: []string{agency}, Scopes: []hub.Scope{hub.ScopeSubmit}, Expires: ends,
		})
		if err != nil && hub.KindOf(err) == hub.KindInvalid && lives < patience {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Until(ends) + 10*time.Millisecond)
		return
	}
}

// TestConnectionTestFinds what is wrong, at the hop where it is, and goes on elsewhere.
func TestConnectionTestFinds(t *testing.T) {
	t.Parallel()
	h, told, _, _ := startConnected(t)
	told.Close()
	operator := h.client(t, h.operatorKey(t))
	list, err := operator.Keys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i := range list {
		if list[i].Client != "" || list[i].Name == recipient {
			if err := operator.RevokeKey(t.Context(), list[i].ID); err != nil {
				t.Fatal(err)
			}
		}
	}
	h.expiredKey(t, recipient)
	subs, err := operator.Subscriptions(t.Context(), recipient)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := operator.PauseSubscription(t.Context(), subs[0].ID, true); err != nil {
		t.Fatal(err)
	}
	test, err := operator.TestConnection(t.Context(), recipient)
	if err != nil {
		t.Fatal(err)
	}
	want := "hub/health hub/agency hub/store hub/rules hub/package hub/box rest/key! " +
		"vxp/key vxp/name vxp/connect vxp/answer webhook/in_use! webhook/name webhook/connect!"
	if got := hopsOf(&test); got != want || test.Passed {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestConnectionPage: an administrator tests the own agency and no other, an operator any;
// nobody else gets the page.
func TestConnectionPage(t *testing.T) {
	t.Parallel()
	h, told, _, _ := startConnected(t)
	h.thirdAgency(t)
	administrator := h.signIn(t, "quan.tri", member(recipient, hub.RoleAdministrator))
	form := administrator.get("/connection")
	form.shows(t, "Sở Nội vụ", `<a href="/connection" aria-current="page">`, "không vào sổ nào")
	if strings.Contains(form.text, `name="agency"`) {
		t.Error("an administrator chooses an agency")
	}
	own := administrator.post("/connection", "agency", sender) // what nobody asks for counts for nothing
	own.shows(t, "Mọi chặng đều đạt", recipient, "Giao diện LGSP của tỉnh", "Thông báo qua webhook", "https://127.0.0.1", " ms")
	if strings.Contains(own.text, "secret-path") || strings.Contains(own.text, sender) {
		t.Errorf("the page shows what it must not: %s", own.text)
	}
	if again := administrator.post("/connection"); again.status != http.StatusServiceUnavailable || again.header.Get("Retry-After") == "" {
		t.Errorf("at once again: %d %v", again.status, again.header)
	} else {
		again.shows(t, "vừa kiểm tra xong")
	}
	told.Close()
	operator := h.signIn(t, "van.hanh", member("", hub.RoleOperator))
	operator.get("/agencies/snv").shows(t, `href="/connection?agency=`+recipient+`"`)
	operator.get("/connection?agency="+recipient).shows(t, `value="`+recipient+`"`)
	operator.post("/connection", "agency", "000.00.99.H47").shows(t, `id="wrong-agency"`, "Không có cơ quan với mã này")
	operator.post("/connection", "agency", sender).shows(t, "Mọi chặng đều đạt", "UBND tỉnh Quảng Nam")
	for name, role := range map[string]hub.Membership{
		"kiem.tra": member("", hub.RoleAuditor), "van.thu": member(recipient, hub.RoleClerk), "lanh.dao": member(recipient, hub.RoleLeader),
	} {
		p := h.signIn(t, name, role)
		if got := p.get("/connection"); got.status != http.StatusForbidden {
			t.Errorf("%s gets %d", name, got.status)
		}
		if got := p.post("/connection", "agency", recipient); got.status != http.StatusForbidden {
			t.Errorf("%s tests: %d", name, got.status)
		}
	}
}

// TestConnectionInABrowser walks over the page with sound and failing hops in both
// languages, on a desk and on a phone; each time another agency than before, for there is a
// pause behind each test of one.
func TestConnectionInABrowser(t *testing.T) {
	t.Parallel()
	h, told, _, _ := startConnected(t)
	h.thirdAgency(t)
	for _, agency := range []string{sender, "000.00.13.H47"} {
		h.subscribe(t, agency, told.URL)
	}
	told.Close()
	agencies := []hub.AgencyID{recipient, sender, "000.00.13.H47", recipient}
	for i, agency := range agencies[:3] {
		h.signIn(t, fmt.Sprint("quan.tri.", i), member(agency, hub.RoleAdministrator))
	}
	b := newBrowser(t, h.URL())
	for i, screen := range everyScreen {
		b.signInOn(screen, fmt.Sprint("quan.tri.", slices.Index(agencies, agencies[i])), "accounts")
		b.open("/connection", "connection")
		b.look("connection")
		for done := false; !done; { // the pause may not be over
			b.fill("form[action='/connection'] button.main")
			b.sees(".alert")
			if done = value[bool](b, `document.querySelector("#way-0") !== null`); !done {
				b.look("connection-busy")
				time.Sleep(time.Second)
				b.open("/connection", "connection")
			}
		}
		if failed := value[int](b, `document.querySelectorAll("table .badge.bad").length`); failed != 1 {
			b.Errorf("%s: %d hops failed", b.label, failed)
		}
		b.look("connection-tested")
		b.signOut()
	}
}
