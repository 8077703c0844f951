package app_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/app"
	"github.com/lienthong/lienthong/hub"
)

// portalHub is a hub with a portal, a procedure and a dossier of an owner.
func portalHub(t *testing.T) (h *testHub, clerk *person, view hub.DossierView) {
	t.Helper()
	h, decision := deciding(t, func(c *app.Config) { c.PortalListen, c.PortalURL = "127.0.0.1:0", "https://dvc.example.vn" })
	clerk = h.signIn(t, "van.thu", member(sender, hub.RoleClerk))
	clerk.importList("code,name,field,levels,agency,limit,online,papers,fees\n1.001193,Đăng ký khai sinh có yếu tố nước ngoài,Hộ tịch,xã,"+sender+",3 ngày làm việc,full,Tờ khai|Giấy chứng sinh,8.000 đ bản sao\n", "decision", string(decision), "from", "2025-01-01", "record", "yes").shows(t, "Đã ghi vào danh mục")
	key, _ := h.enroll(t)
	view, err := h.client(t, key).RegisterDossier(t.Context(), sender, hub.DossierWish{
		Procedure: "1.001193", Owner: hub.DossierOwner{Name: "Trần Thị Mẫu", Contact: "0900"}, Channel: hub.ChannelOnline, Received: "2026-03-02T08:00",
	})
	if err != nil || view.Secret == "" {
		t.Fatalf("%q %v", view.Secret, err)
	}
	return h, clerk, view
}

// ask sends a form to the portal, or gets a page of it.
func (h *testHub) ask(t *testing.T, path string, pairs ...string) (status int, body string) {
	t.Helper()
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	method := http.MethodGet
	if len(pairs) > 0 {
		method = http.MethodPost
	}
	r, err := http.NewRequestWithContext(t.Context(), method, h.PortalURL()+path, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	raw, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(raw)
}

// TestPortal: the portal shows what is in force and a dossier to its owner; the clerk gives
// out secrets on the page; nothing of the hub is at the portal, and nothing of it at the hub;
// downloads are noted without a name, and looks are counted.
func TestPortal(t *testing.T) {
	h, clerk, view := portalHub(t)
	secret := view.Secret.String()
	if status, body := h.ask(t, "/procedures?q=khai+sinh"); status != http.StatusOK || !strings.Contains(body, "Đăng ký khai sinh có yếu tố nước ngoài") {
		t.Errorf("the list: %d %s", status, body)
	}
	if status, body := h.ask(t, "/dossiers", "number", view.Number, "secret", secret); status != http.StatusOK || !strings.Contains(body, "Được tiếp nhận") || !strings.Contains(body, "Trễ hạn") || strings.Contains(body, "Mẫu") {
		t.Errorf("progress: %d %s", status, body)
	}
	for _, path := range []string{"/v1/dossiers", "/v1/version", "/sign-in", "/inbox", "/metrics", "/healthz", "/log/checkpoint", "/dossiers/" + string(view.ID), "/token"} {
		if status, body := h.ask(t, path); status != http.StatusNotFound || strings.Contains(body, view.Number) {
			t.Errorf("the portal answers %d at %s", status, path)
		}
	}
	if got := h.somebody(t).get("/api/procedures"); got.status == http.StatusOK && strings.Contains(got.text, "Đăng ký") {
		t.Error("the hub answers for the portal")
	}

	// On the page of the clerk: a secret is shown once, and another one takes its place.
	path := "/dossiers/" + string(view.ID)
	clerk.get(path).shows(t, "Cấp mã tra cứu mới")
	renewed := clerk.post(path + "/secret")
	renewed.shows(t, "Mã tra cứu của người nộp", "Mã chỉ hiện lần này")
	_, after, _ := strings.Cut(renewed.text, `<strong class="secret">`)
	now, _, _ := strings.Cut(after, "<")
	if status, _ := h.ask(t, "/dossiers", "number", view.Number, "secret", secret); status != http.StatusNotFound {
		t.Errorf("the secret before: %d", status)
	}
	if status, _ := h.ask(t, "/dossiers", "number", view.Number, "secret", now); status != http.StatusOK {
		t.Errorf("the new secret %q: %d", now, status)
	}
	if strings.Contains(clerk.get(path).text, now) {
		t.Error("the secret is shown again")
	}
	clerk.post("/dossiers", "procedure", "1.001193", "owner", "Khổng Sa", "channel", "counter", "key", "k9").shows(t, "Mã tra cứu của người nộp")
	if again := clerk.post("/dossiers", "procedure", "1.001193", "owner", "Khổng Sa", "channel", "counter", "key", "k9"); strings.Contains(again.text, "Mã tra cứu của người nộp") {
		t.Error("the same form again shows a secret")
	}
	helper := h.signIn(t, "phoi.hop", member(recipient, hub.RoleClerk))
	clerk.post(path+"/events", "act", "hand_over", "to", recipient, "role", "co").shows(t, "phối hợp")
	if got := helper.get(path); strings.Contains(got.text, path+"/secret") {
		t.Error("an agency that handles with others is offered a secret")
	}
	if got := helper.post(path + "/secret"); got.status != http.StatusForbidden {
		t.Errorf("and gets one: %d", got.status)
	}
	if got := h.signIn(t, "nguoi.la", member("000.00.13.H47", hub.RoleClerk)).post(path + "/secret"); got.status != http.StatusNotFound {
		t.Errorf("a stranger gets %d", got.status)
	}

	// The result.
	clerk.attach(path, "result", "kết quả.txt", "nguyên văn").shows(t, "Đã ghi.")
	clerk.post(path+"/events", "act", "result").shows(t, "Đã xử lý xong")
	_, page := h.ask(t, "/dossiers", "number", view.Number, "secret", now)
	_, after, _ = strings.Cut(page, `name="event" value="`)
	event, _, _ := strings.Cut(after, `"`)
	if status, body := h.ask(t, "/dossiers/file", "number", view.Number, "secret", now, "event", event); status != http.StatusOK || body != "nguyên văn" {
		t.Errorf("the result, event %q: %d %s", event, status, body)
	}
	metrics := h.metrics(t)
	for _, want := range []string{`lienthong_portal_request_seconds_count{route="/dossiers/file",status="2xx"} 1`, `lienthong_portal_wrong_secrets_total{route="/dossiers"} 1`} {
		if !strings.Contains(metrics, want) {
			t.Errorf("the metrics do not have %s", want)
		}
	}
	if err := h.stop(); err != nil {
		t.Fatal(err)
	}
	downloads := 0
	for _, note := range notesOf(t, h.config.DataDir, hub.LogNoteReading) {
		var of struct{ Actor, Dossier string }
		if err := json.Unmarshal([]byte(note), &of); err == nil && of.Actor == "portal" {
			downloads++
			if of.Dossier != string(view.ID) || strings.Contains(note, "Mẫu") || strings.Contains(note, "kết quả") {
				t.Errorf("noted: %s", note)
			}
		}
	}
	if downloads != 1 {
		t.Errorf("%d downloads are noted", downloads)
	}
}

// TestPortalOverTLS: with a certificate of its own the portal speaks HTTPS alone, also where
// the hub does not.
func TestPortalOverTLS(t *testing.T) {
	t.Parallel()
	config := configIn(t.TempDir())
	config.Listen = "0.0.0.0:0" // so that it makes a certificate
	if err := start(t, config).stop(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(config.DataDir, "tls.pem")
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(raw)
	config = configIn(t.TempDir())
	config.PortalListen, config.PortalTLSCert, config.PortalTLSKey = "0.0.0.0:0", file, file
	h := start(t, config)
	client := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}}
	defer client.CloseIdleConnections()
	for address, want := range map[string]int{h.PortalURL(): http.StatusOK, strings.Replace(h.PortalURL(), "https:", "http:", 1): http.StatusBadRequest} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address+"/procedures", nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		if answer.StatusCode != want || want == http.StatusOK && answer.Header.Get("Strict-Transport-Security") == "" {
			t.Errorf("%s: %d %v", address, answer.StatusCode, answer.Header)
		}
	}
}

// metrics are those of the hub, as its operator gets them.
func (h *testHub) metrics(t *testing.T) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, h.URL()+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+h.operatorKey(t))
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	raw, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// TestPortalInABrowser walks over the portal in both languages, on a desk and on a phone; the
// code on a receipt fills in the secret, which leaves the address.
func TestPortalInABrowser(t *testing.T) {
	h, clerk, view := portalHub(t)
	path := "/dossiers/" + string(view.ID)
	clerk.post(path+"/events", "act", "apologise", "text", "Chờ xác minh", "due", "2036-03-10T10:00").shows(t, "hẹn lại")
	clerk.attach(path, "result", "kết quả.txt", "nguyên văn").shows(t, "Đã ghi.")
	clerk.post(path+"/events", "act", "result").shows(t, "Đã xử lý xong")
	b := newBrowser(t, h.PortalURL())
	for _, screen := range everyScreen {
		b.label = fmt.Sprintf("%s-%d", screen.language, screen.width)
		b.screen(screen.width, screen.height)
		at := ""
		if screen.language == "en" {
			at = "/en"
		}
		b.open(at+"/", "home")
		b.look("portal-home")
		b.fill("form button", "#q", "khai sinh")
		b.at("procedures")
		b.look("portal-procedures")
		b.leave("open the procedure", chromedp.Click("ul.plain a"))
		b.at("procedure")
		b.look("portal-procedure")
		b.open(at+"/dossiers?number="+view.Number+"#"+string(view.Secret), "ask")
		b.until("the secret is filled in", `document.getElementById("secret").value !== "" && location.hash === ""`)
		b.look("portal-ask")
		b.fill("form button", "#secret", "0000-0000-0000-0000")
		b.sees("#wrong")
		b.look("portal-wrong")
		b.fill("form button", "#secret", view.Secret.String())
		b.at("progress")
		b.look("portal-progress")
		b.leave("the other language", chromedp.Click("a.other"))
		b.at("ask")
	}
}
