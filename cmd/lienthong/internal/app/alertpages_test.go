package app_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/app"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/hubtest/server"
)

// mirrorOf writes a folder with a revocation list that was to be replaced at an instant.
func mirrorOf(t *testing.T, name string, until time.Time) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	issuer := &x509.Certificate{Subject: pkix.Name{CommonName: name}, SubjectKeyId: []byte{1}, KeyUsage: x509.KeyUsageCRLSign}
	for _, at := range []time.Time{until.Add(-48 * time.Hour), until} { // the newest one counts
		list, err := x509.CreateRevocationList(rand.Reader, &x509.RevocationList{Number: big.NewInt(at.Unix()), ThisUpdate: at.Add(-24 * time.Hour), NextUpdate: at}, issuer, key)
		if err != nil {
			t.Fatal(err)
		}
		dir := filepath.Join(t.TempDir(), "mirror")
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, at.Format("20060102")+".crl"), list, 0o600); err != nil {
			t.Fatal(err)
		}
		if at.Equal(until) {
			return dir
		}
	}
	return ""
}

// TestAlertsPage: operators see what is wrong, in words, say what they do about it and
// mute it; others see and do nothing.
func TestAlertsPage(t *testing.T) {
	t.Parallel()
	config := configAtAxis(t)
	config.AlertExpiry, config.AlertRecipient, config.AlertDisk = 100*365*24*time.Hour, time.Nanosecond, 1<<40
	config.Mirror = mirrorOf(t, "Tổ chức chứng thực (hư cấu)", time.Now().Add(-time.Hour))
	h := start(t, config)
	senderKey, _ := h.enroll(t)
	behind := "id,code,name,level,kind,parent_code,valid_from,valid_to,registers,email,telephone,aliases,successors,channel\n" +
		"xa,000.07.15.H41,UBND xã Nơi Khác (hư cấu),commune,,,,,true,,,,,axis\n"
	operatorKey := h.client(t, h.operatorKey(t))
	if _, err := operatorKey.ImportAgencies(t.Context(), strings.NewReader(behind), false); err != nil {
		t.Fatal(err)
	}
	operator := h.signIn(t, "van.hanh", member("", hub.RoleOperator))
	operator.get("/alerts").shows(t, "Chưa có địa chỉ thư nào nhận cảnh báo", "Chưa có cảnh báo nào đã hết.")
	sub := submission("alerts")
	sub.Recipients = []string{"000.07.15.H41"}
	if _, err := h.client(t, senderKey).Submit(t.Context(), sub, original(string(signedPDF(t))), nil); err != nil {
		t.Fatal(err)
	}
	var board hub.AlertBoard
	for deadline := time.Now().Add(server.Patience); len(board.Open) < 4; time.Sleep(20 * time.Millisecond) {
		var err error
		if board, err = operatorKey.Alerts(t.Context()); err != nil || time.Now().After(deadline) {
			t.Fatalf("%+v, %v", board, err)
		}
	}
	shown := operator.get("/alerts")
	shown.shows(t, "Không chuyển được đến UBND xã Nơi Khác (hư cấu) từ", "Chứng thư test hết hạn lúc", "Chứng thư của khóa ký bằng chứng", "Danh sách thu hồi của Tổ chức chứng thực (hư cấu) đã quá hạn từ", "Đĩa sắp đầy, còn")
	if strings.Contains(shown.text, sub.Document.Subject) {
		t.Error("the operator sees what the document is about")
	}
	id := board.Open[0].ID
	operator.get("/settings").shows(t, fmt.Sprintf(`aria-hidden="true">%d</span><span class="unseen"> (%[1]d cảnh báo đang mở)`, len(board.Open)))
	operator.post("/alerts/"+id, "do", "acknowledge", "reason", " ").shows(t, `id="wrong-reason"`)
	operator.post("/alerts/"+id, "do", "mute", "reason", "x", "days", "nhiều").shows(t, "Số ngày từ 1 đến 365.", `value="nhiều"`)
	if got := operator.post("/alerts/none", "do", "acknowledge", "reason", "x"); got.status != http.StatusNotFound {
		t.Errorf("an alert that is not there: %d", got.status)
	}
	operator.post("/alerts/"+id, "do", "acknowledge", "reason", "đã gọi xã").shows(t, "van.hanh, ", ": đã gọi xã")
	operator.post("/alerts/"+id, "do", "mute", "reason", "xã đang nâng cấp", "days", "3").shows(t, "bởi van.hanh: xã đang nâng cấp", "Bật báo lại", fmt.Sprintf("(%d cảnh báo đang mở)", len(board.Open)-1))
	for name, role := range map[string]hub.Membership{"kiem.tra": member("", hub.RoleAuditor), "quan.tri": member(sender, hub.RoleAdministrator), "van.thu": member(sender, hub.RoleClerk)} {
		person := h.signIn(t, name, role)
		for _, got := range []page{person.get("/alerts"), person.post("/alerts/"+id, "do", "unmute")} {
			if got.status == http.StatusOK || strings.Contains(got.text, "xã") && strings.Contains(got.text, id) {
				t.Errorf("%s gets %d", name, got.status)
			}
		}
	}

	b := newBrowser(t, h.URL())
	b.open("/sign-in", "signin")
	b.fill("button.main", "#name", "van.hanh", "#password", chosenPassword)
	b.at("health")
	for _, screen := range []struct {
		label         string
		width, height int64
	}{{"vi-1366", 1366, 768}, {"vi-390", 390, 844}, {"en-390", 390, 844}, {"en-1366", 1366, 768}} {
		b.label = screen.label
		b.screen(screen.width, screen.height)
		b.open("/alerts", "alerts")
		if lang := screen.label[:2]; lang == "en" && screen.width == 390 {
			b.click(".menu summary")
			b.fill("button[name=language]")
			b.sees("html[lang=en] body.page-alerts footer")
		}
		b.click("details.act summary")
		b.look("alerts")
		b.open("/health", "health")
		b.look("health-certificates")
	}
	operator.post("/alerts/"+id, "do", "unmute")
	if board, err := operatorKey.Alerts(t.Context()); err != nil || board.Open[0].Muted != nil || board.Open[0].Seen == nil {
		t.Errorf("%+v, %v", board.Open, err)
	}
}

// TestAlertSettings: what is wrong with them is told by the flag and the rule.
func TestAlertSettings(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*app.Config){
		"alert-mail mail_address": func(c *app.Config) {
			c.MailServer, c.MailFrom, c.AlertMail = "smtp://x.example:587", "a@x.example", []string{"van thu"}
		},
		"alert-mail required": func(c *app.Config) { c.AlertMail = []string{"a@x.example"} },
		"alert-mail max_items": func(c *app.Config) {
			c.MailServer, c.MailFrom, c.AlertMail = "smtp://x.example:587", "a@x.example", strings.Fields(strings.Repeat("a@x.example ", 21))
		},
		"alert-quiet hours":    func(c *app.Config) { c.AlertQuiet = "22-6" },
		"alert-zone zone":      func(c *app.Config) { c.AlertZone = "Asia/Nowhere" },
		"alert-gather minimum": func(c *app.Config) { c.AlertGather = -1 },
		"alert-disk minimum":   func(c *app.Config) { c.AlertDisk = -1 },
	} {
		config := configIn(t.TempDir())
		change(&config)
		if v := hub.ViolationsOf(config.Check()); len(v) != 1 || v[0].Field+" "+v[0].Rule != want {
			t.Errorf("%s: %v", want, v)
		}
	}
}
