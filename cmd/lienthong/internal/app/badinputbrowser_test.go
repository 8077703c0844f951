package app_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// said is a piece of a text in each language.
type said map[string]string

// TestBadInputInABrowser: a file that cannot be sent, a name that hides something and a
// session that ends while somebody types are each told beside their field, in the language
// of the person, and nothing typed is lost.
func TestBadInputInABrowser(t *testing.T) {
	t.Parallel()
	h, _ := author(t)
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	huge := file("bản quét.pdf", "%PDF-1.7\n")
	if err := os.Truncate(huge, 2<<30); err != nil { // with a hole: nothing of it is to be read
		t.Fatal(err)
	}
	refused := []struct {
		field, path string
		says        said
	}{
		{"original", file("ghi chú.pdf", "văn bản thường"), said{"vi": "ghi chú.pdf: Tệp không phải PDF", "en": "ghi chú.pdf: This is not a PDF"}},
		{"original", file("hợp đồng.pdf", "MZ\x90\x00"), said{"vi": "hợp đồng.pdf: Đây là tệp chương trình", "en": "hợp đồng.pdf: This is a program"}},
		{"original", file("mật khẩu.pdf", string(unsignedPDF(t, true))), said{"vi": "mật khẩu.pdf: PDF bị mã hóa", "en": "mật khẩu.pdf: The PDF is encrypted"}},
		{"original", file("fdp.\u202ecông\avăn.pdf", "%PDF-1.7\n"), said{"vi": "fdp.\ufffdcông\ufffdvăn.pdf: Tên tệp có ký tự điều khiển", "en": "fdp.\ufffdcông\ufffdvăn.pdf: The name of the file holds control characters"}},
		{"annex", huge, said{"vi": "bản quét.pdf: Tệp quá lớn", "en": "bản quét.pdf: The file is too large"}},
		{"original", huge, said{"vi": "bản quét.pdf: Tệp quá lớn", "en": "bản quét.pdf: The file is too large"}},
	}
	b := newBrowser(t, h.URL())
	for _, screen := range everyScreen {
		b.signInOn(screen, "tac.gia", "inbox")
		b.open("/send", "send")
		typed := []string{"number", "174", "notation", "UBND-KSTTHC", "type", "Công văn", "subject", "V/v <gửi> từ trang " + b.label, "signer", "Nguyễn Văn Ví Dụ", "place", "Quảng Nam", "due", "2030-11-29"}
		for i := 0; i < len(typed); i += 2 {
			b.step("type "+typed[i], chromedp.SetValue("#"+typed[i], typed[i+1]))
		}
		for _, c := range refused {
			b.step("choose "+c.path, chromedp.SetUploadFiles("#"+c.field, []string{c.path}))
			b.toldBeside(c.field, c.says[screen.language])
			b.until("nothing is on its way", `document.querySelector(".coming li") === null`)
			b.keeps(typed)
		}
		b.look("send-refused")

		hides := "Nguyễn \u2066Văn\u2069 Ví Dụ"
		b.fill("button[value=check]", "#signer", hides)
		b.toldBeside("signer", said{"vi": "ký tự điều khiển", "en": "control characters"}[screen.language])
		b.keeps(append(typed, "signer", hides))
		b.step("mend the name", chromedp.SetValue("#signer", "Nguyễn Văn Ví Dụ"))
		b.sessionEnds(screen.language, typed)
		b.signOut()
	}
}

// toldBeside waits until a field is marked as wrong and described by what stands right
// beside it, which says something.
func (b *browser) toldBeside(field, says string) {
	b.Helper()
	b.until(fmt.Sprintf("%s says %q beside it", field, says), fmt.Sprintf(`((field, wrong) => wrong !== null && wrong.innerText.includes(%q) && wrong.checkVisibility()
		&& field.nextElementSibling === wrong && field.getAttribute("aria-invalid") === "true"
		&& field.getAttribute("aria-describedby").split(" ").includes(wrong.id))(document.querySelector("#%s"), document.querySelector("#wrong-%s"))`, says, field, field))
}

// keeps compares what stands in fields with what was typed.
func (b *browser) keeps(typed []string) {
	b.Helper()
	want := map[string]string{}
	for i := 0; i < len(typed); i += 2 {
		want[typed[i]] = typed[i+1]
	}
	for field, typed := range want {
		if got := value[string](b, `document.querySelector("#`+field+`").value`); got != typed {
			b.Errorf("%s: %s holds %q, and %q was typed", b.label, field, got, typed)
		}
	}
}

// inAnotherWindow sends a form as another window of the browser does.
func (b *browser) inAnotherWindow(path, pairs string) {
	b.Helper()
	b.within("send "+path+" in another window", func(ctx context.Context) error {
		return chromedp.Do(ctx, chromedp.Evaluate[chromedp.Void](`fetch("`+path+`", {method: "POST", redirect: "manual", body: new URLSearchParams({form: document.querySelector("input[name=form]").value, `+pairs+`})})`, chromedp.EvalAwaitPromise))
	})
}

// sessionEnds types on when the session is over: the page says so where one is, signing in
// leads back to what was typed, and so it does for who signed in elsewhere meanwhile.
func (b *browser) sessionEnds(language string, typed []string) {
	b.Helper()
	pdf := filepath.Join(b.TempDir(), "công văn.pdf")
	if err := os.WriteFile(pdf, signedPDF(b.T), 0o600); err != nil {
		b.Fatal(err)
	}
	ended := said{"vi": "Phiên làm việc đã kết thúc", "en": "Your session has ended"}[language]
	b.step("choose a document", chromedp.SetUploadFiles("#original", []string{pdf}))
	b.sees(".came input[name=file]")
	b.inAnotherWindow("/sign-out", "")
	b.step("type on", chromedp.SendKeys("#answers", "12/SNV-VP"))
	b.until("the page says that the session is over", fmt.Sprintf(`document.querySelector("[data-saved]").innerText.includes(%q)`, ended))
	b.step("choose another file", chromedp.SetUploadFiles("#annex", []string{pdf}))
	b.until("the file says so too", fmt.Sprintf(`(document.querySelector(".coming .wrong") || {innerText: ""}).innerText.includes(%q)`, ended))
	b.look("send-ended")
	b.keeps(typed)
	b.fill("button[value=find]")
	b.sees("body.page-signin .alert.open")
	if said := value[string](b, `document.querySelector(".alert.open").innerText`); !strings.Contains(said, ended) {
		b.Errorf("%s: the page for signing in says %q", b.label, said)
	}
	b.look("signin-ended")
	b.fill("button.main", "#name", "tac.gia", "#password", chosenPassword)
	b.at("send")
	b.sees(".came input[name=file]")
	b.keeps(typed)

	b.inAnotherWindow("/sign-out", "")
	b.inAnotherWindow("/sign-in", fmt.Sprintf("name: %q, password: %q", "tac.gia", chosenPassword))
	b.fill("button[value=find]")
	b.at("send")
	b.sees(".alert.bad", ".came input[name=file]")
	b.keeps(typed)
	b.fill("button[value=find]")
	b.at("send")
	b.step("see it taken", chromedp.WaitNotPresent(".alert.bad"))
	b.keeps(typed)
}
