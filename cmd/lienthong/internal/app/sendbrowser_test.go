package app_test

import (
	"os"
	"path/filepath"

	"github.com/chromedp/chromedp"
)

// sendOne sends a document from the form: with what is wrong first, then to one recipient.
func (b *browser) sendOne(n string) {
	b.Helper()
	pdf := filepath.Join(b.TempDir(), "Công văn về cải cách thủ tục hành chính.pdf")
	if err := os.WriteFile(pdf, letterPDF(b.T), 0o600); err != nil {
		b.Fatal(err)
	}
	program := filepath.Join(b.TempDir(), "chương trình.pdf")
	if err := os.WriteFile(program, []byte("MZ"), 0o600); err != nil {
		b.Fatal(err)
	}
	b.fill("button.main", "#name", "tac.gia", "#password", chosenPassword)
	b.at("inbox")
	b.open("/send", "send")
	b.look("send")
	b.step("choose a program", chromedp.SetUploadFiles("#original", []string{program}))
	b.sees("#wrong-original")
	b.look("send-program")
	b.fill("button[value=check]", "#number", "17"+n)
	b.sees("#wrong-original", "#wrong-to")
	b.look("send-wrong")
	b.step("choose a document", chromedp.SetUploadFiles("#original", []string{pdf}))
	b.sees(".came input[name=file]")
	for field, want := range map[string]string{"#signer": "Nguyễn Văn Ví Dụ", "#number": "17" + n} { // out of the document, and typed before
		if got := value[string](b, `document.querySelector("`+field+`").value`); got != want {
			b.Errorf("with the document %s holds %q, want %q", field, got, want)
		}
	}
	b.look("send-said")
	b.fill("button[value=find]", "#number", "17"+n, "#notation", "UBND-KSTTHC", "#find", "so noi vu",
		"#subject", "V/v đẩy mạnh cải cách thủ tục hành chính, nâng cao chất lượng phục vụ người dân và doanh nghiệp")
	b.click("input[name=to]")
	b.fill("button[value=add]")
	b.sees("input[name=to][checked]")
	b.look("send-filled")
	b.fill("button[value=check]")
	b.at("confirm")
	b.look("confirm")
	b.fill("button[value=send]")
	b.at("board")
	b.look("board-sent")
	b.signOut()
}
