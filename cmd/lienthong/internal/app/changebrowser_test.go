package app_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/lienthong/lienthong/hub"
)

// TestChangesInABrowser: a recall on the pages of both sides, in both languages, on a desk
// and on a phone.
func TestChangesInABrowser(t *testing.T) {
	t.Parallel()
	h, author := author(t)
	reader := h.signIn(t, "van.thu", member(recipient, hub.RoleClerk))
	b := newBrowser(t, h.URL())
	for i, screen := range everyScreen {
		number := fmt.Sprint(i + 1)
		sent := author.sentLetter(author.get("/send"), append(typedLetter(), "number", number, "to", recipient)...)
		reader.registers(reader.newest(), number)
		b.signInOn(screen, "tac.gia", "inbox")
		b.changeOne(sent.path)
	}
}

// changeOne recalls a document that its recipient has, and looks at what both sides see.
func (b *browser) changeOne(board string) {
	b.Helper()
	b.open("/send?change=update&of="+strings.TrimPrefix(board, "/sent/"), "send")
	b.look("send-update")
	b.open(board, "board")
	b.click(".changes summary")
	b.fill("button.danger", "#reason", " ")
	b.sees("#wrong-reason")
	b.look("board-recall")
	b.fill("button.danger", "#reason", "Ban hành nhầm thẩm quyền, đề nghị trả lại văn bản")
	b.step("wait until no recall is offered", chromedp.WaitNotPresent("form[action$=recall]"))
	b.at("board")
	b.look("board-recalled")
	b.signOut()
	b.fill("button.main", "#name", "van.thu", "#password", chosenPassword)
	b.at("inbox")
	b.open("/inbox?show=asked", "inbox")
	b.look("inbox-asked")
	b.fill(".list tbody tr a")
	b.at("document")
	b.reads()
	b.look("document-asked")
	b.fill("button[name=answer][value='15']")
	b.step("wait until nothing is asked", chromedp.WaitNotPresent("#asked"))
	b.at("document")
	b.look("document-given-back")
	b.signOut()
}
