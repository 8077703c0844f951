package app_test

import (
	"os"
	"path/filepath"

	"github.com/chromedp/chromedp"
)

// sendOne sends a document from the form: with what is wrong first, then to one recipient.
func (b *browser) sendOne(number string) {
	b.Helper()
	pdf := filepath.Join(b.TempDir(), "Công văn về cải cách thủ tục hành chính.pdf")
	if err := os.WriteFile(pdf, signedPDF(b.T), 0o600); err != nil {
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
	b.do(chromedp.SetUploadFiles("#original", []string{program}))
	b.fill("button[value=check]", "#number", "17"+number)
	b.do(chromedp.WaitReady("#wrong-original"))
	b.do(chromedp.Click("button[value=check]"), chromedp.WaitReady("#wrong-to"))
	b.look("send-wrong")
	b.do(chromedp.SetUploadFiles("#original", []string{pdf}))
	b.fill("button[value=find]", "#number", "17"+number, "#notation", "UBND-KSTTHC", "#find", "so noi vu",
		"#subject", "V/v đẩy mạnh cải cách thủ tục hành chính, nâng cao chất lượng phục vụ người dân và doanh nghiệp")
	b.do(chromedp.Click("input[name=to]"), chromedp.Click("button[value=add]"), chromedp.WaitReady("input[name=to][checked]"))
	b.look("send-filled")
	b.fill("button[value=check]")
	b.at("confirm")
	b.look("confirm")
	b.fill("button[value=send]")
	b.at("board")
	b.look("board-sent")
	b.signOut()
}
