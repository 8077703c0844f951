package app_test

import (
	"bytes"
	"fmt"
	"html"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/hub"
)

const filingPath = "/procedures/1.001193/file"

// handIn sends the form of the portal; a value that begins with @ is a file.
func (h *testHub) handIn(t *testing.T, pairs ...string) (status int, page string) {
	t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for i := 0; i < len(pairs); i += 2 {
		content, file := strings.CutPrefix(pairs[i+1], "@")
		var w io.Writer
		var err error
		if file {
			w, err = form.CreateFormFile(pairs[i], pairs[i]+".pdf")
		} else {
			w, err = form.CreateFormField(pairs[i])
		}
		if err == nil {
			_, err = io.WriteString(w, content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := form.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, h.PortalURL()+filingPath, &body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", form.FormDataContentType())
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	raw, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, html.UnescapeString(string(raw))
}

// takeOnline has the unit of the procedure take it on the portal.
func (h *testHub) takeOnline(t *testing.T) *hubclient.Client {
	t.Helper()
	key, _ := h.enroll(t)
	unit := h.client(t, key)
	on, err := unit.SetDossiersOnline(t.Context(), sender, []string{"1.001193"})
	if err != nil || len(on.Procedures) != 1 {
		t.Fatalf("%+v %v", on, err)
	}
	return unit
}

// TestFilingOnPortal: what somebody hands in on the portal waits at the unit with its signed
// file, once however often it is sent; with a file that is none, or when the unit takes it no
// more, nothing comes, and other addresses of the hub are where they were: nowhere.
func TestFilingOnPortal(t *testing.T) {
	h, clerk, _ := portalHub(t)
	if status, _ := h.ask(t, filingPath); status != http.StatusNotFound {
		t.Errorf("before the unit takes it: %d", status)
	}
	unit := h.takeOnline(t)
	status, page := h.ask(t, filingPath)
	found := regexp.MustCompile(`name="form" value="([0-9a-f]{32})"`).FindStringSubmatch(page)
	if status != http.StatusOK || found == nil || !strings.Contains(page, "Giấy chứng sinh") {
		t.Fatalf("the form: %d %s", status, page)
	}
	signed := "@" + string(signedPDF(t))
	whole := []string{"form", found[1], "unit", sender, "name", "Khổng Sa", "contact", "0900 111 222", "consent", "yes", "paper-0", signed, "paper-1", signed}
	if status, page = h.handIn(t, append(whole[:len(whole)-1:len(whole)-1], "@nguyên văn")...); status != http.StatusUnprocessableEntity || !strings.Contains(page, "không phải PDF") || !strings.Contains(page, "Khổng Sa") || !strings.Contains(page, "Đã nhận tệp: paper-0.pdf") {
		t.Errorf("with a text: %d %s", status, page)
	}
	status, page = h.handIn(t, whole...)
	told := regexp.MustCompile(`<strong>([^<]+)</strong>.*<strong class="secret">([^<]+)</strong>`).FindStringSubmatch(page)
	if status != http.StatusOK || told == nil {
		t.Fatalf("%d %s", status, page)
	}
	if status, again := h.handIn(t, whole...); status != http.StatusOK || !strings.Contains(again, told[1]) || !strings.Contains(again, told[2]) {
		t.Errorf("pressed twice: %d %s", status, again)
	}
	v, err := unit.Dossier(t.Context(), told[1])
	if err != nil || v.Status != hub.DossierNew || v.Channel != hub.ChannelOnline || v.Owner.Name != "Khổng Sa" || len(v.Events) != 3 || !v.Events[0].Consent {
		t.Fatalf("%+v %v", v, err)
	}
	if e := v.Events[2]; e.Text != "Giấy chứng sinh" || e.Paper == nil || e.Paper.Report == nil || len(e.Paper.Report.Signatures) == 0 || e.Paper.Kind != hub.DossierFiled {
		t.Errorf("%+v", e)
	}
	if status, body := h.ask(t, "/dossiers", "number", told[1], "secret", told[2]); status != http.StatusOK || !strings.Contains(body, "Mới đăng ký") {
		t.Errorf("progress: %d %s", status, body)
	}
	clerk.get("/dossiers/"+string(v.ID)).shows(t, "Khổng Sa", "paper-1.pdf")
	if _, err := unit.SetDossiersOnline(t.Context(), sender, nil); err != nil {
		t.Fatal(err)
	}
	if status, page = h.handIn(t, whole...); status != http.StatusNotFound {
		t.Errorf("when the unit takes it no more: %d %s", status, page)
	}
}

// TestFilingInABrowser hands in on a desk and on a phone, in both languages: what is wrong
// stands beside its field with everything else there still, and the receipt has its code.
func TestFilingInABrowser(t *testing.T) {
	h, _, _ := portalHub(t)
	h.takeOnline(t)
	dir := t.TempDir()
	good, bad := filepath.Join(dir, "to-khai.pdf"), filepath.Join(dir, "ghi-chu.txt")
	for path, content := range map[string][]byte{good: signedPDF(t), bad: []byte("nguyên văn")} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	b := newBrowser(t, h.PortalURL())
	for _, screen := range everyScreen {
		b.label = fmt.Sprintf("%s-%d", screen.language, screen.width)
		b.screen(screen.width, screen.height)
		at := ""
		if screen.language == "en" {
			at = "/en"
		}
		b.open(at+"/procedures/1.001193", "procedure")
		b.leave("open the form", chromedp.Click("a.button"))
		b.at("file")
		b.look("portal-file")
		b.step("choose files", chromedp.SetUploadFiles("#paper-0", []string{good}), chromedp.SetUploadFiles("#paper-1", []string{bad}))
		b.step("agree", chromedp.Click("#consent"))
		b.fill("form button.main", "#name", "Khổng Sa", "#contact", "0900 111 222")
		b.sees("#wrong-paper-1")
		b.until("what was typed is there", `document.getElementById("name").value === "Khổng Sa" && document.getElementById("consent").checked && document.querySelector("input[name=kept-paper-0]") !== null`)
		b.look("portal-file-wrong")
		b.step("choose another file", chromedp.SetUploadFiles("#paper-1", []string{good}))
		b.fill("form button.main")
		b.at("filed")
		b.sees("svg.square", ".secret")
		b.look("portal-filed")
	}
}
