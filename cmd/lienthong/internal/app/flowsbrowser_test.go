package app_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/lienthong/lienthong/hub"
)

// TestFlowsInABrowser walks through what people do besides reading, registering and
// sending one document, in both languages, on a desk and on a phone.
func TestFlowsInABrowser(t *testing.T) {
	t.Parallel()
	h, author := author(t)
	h.signIn(t, "van.thu", member(recipient, hub.RoleClerk), member("000.00.13.H47", hub.RoleLeader))
	h.signIn(t, "van.hanh", member("", hub.RoleOperator))
	h.signIn(t, "kiem.toan", member("", hub.RoleAuditor))
	b := newBrowser(t, h.URL())
	for i, screen := range everyScreen {
		number := func(n int) string { return fmt.Sprint(10*i + n) }
		for n := range 4 {
			author.sentLetter(author.get("/send"), append(typedLetter(), "number", number(n+1), "to", recipient)...)
		}
		dispatch := strings.TrimPrefix(author.sentLetter(author.get("/send"), append(typedLetter(), "number", number(5), "to", recipient)...).path, "/sent/")
		b.signInOn(screen, "tac.gia", "inbox")
		b.remind(dispatch)
		b.signInOn(screen, "van.thu", "inbox")
		b.receiveMany()
		b.forwardOne()
		b.refuseOne()
		b.workElsewhere()
		b.signInOn(screen, "van.hanh", "health")
		b.keepAccounts(fmt.Sprint("nguyen.van.", i))
		b.reorganise(fmt.Sprintf("2030-01-0%d", i+1))
		b.signInOn(screen, "kiem.toan", "trail")
		b.compare(dispatch)
	}
}

func (b *browser) remind(dispatch string) {
	b.Helper()
	b.open("/sent/"+dispatch, "board")
	b.look("board-waiting")
	b.fill(`form[action$="/remind"] button`)
	b.at("board")
	b.do(chromedp.WaitNotPresent(`form[action$="/remind"]`))
	b.look("board-reminded")
	b.signOut()
}

// receiveMany takes two documents in by the keyboard.
func (b *browser) receiveMany() {
	b.Helper()
	b.do(chromedp.Click(".list tbody tr:nth-last-child(1) input[type=checkbox]"), chromedp.Click(".list tbody tr:nth-last-child(2) input[type=checkbox]"))
	b.do(chromedp.SendKeys("#bulk button:not([data-all])", "\r"), chromedp.WaitReady(".alert.good li:nth-child(2)"))
	b.at("inbox")
	b.look("inbox-received-many")
}

// forwardOne hands on what was received, without a recipient first.
func (b *browser) forwardOne() {
	b.Helper()
	b.do(chromedp.Click(".alert.good li a"))
	b.at("document")
	b.reads()
	b.do(chromedp.Click("details:has(#forward_note) summary"))
	b.fill(`form[action$="/forward"] button.main`, "#forward_note", "Đề nghị phòng chuyên môn nghiên cứu, tham mưu trả lời trước ngày 15")
	b.do(chromedp.WaitReady("#wrong-to"))
	b.reads()
	b.look("document-forward-wrong")
	b.fill(`form[action$="/forward"] button.main`, "#to", "000.00.13.H47")
	b.at("board")
	b.look("board-forwarded")
}

func (b *browser) refuseOne() {
	b.Helper()
	b.open("/inbox", "inbox")
	b.do(chromedp.Click(".list tbody tr a"))
	b.at("document")
	b.do(chromedp.Click("details:has(#detail) summary"))
	b.fill("button.danger", "#detail", "Văn bản không thuộc thẩm quyền giải quyết của cơ quan")
	b.do(chromedp.WaitReady(".alert.good"))
	b.reads()
	b.look("document-refused")
}

// workElsewhere enters another office, in which the person is a leader.
func (b *browser) workElsewhere() {
	b.Helper()
	b.open("/inbox", "inbox")
	b.do(chromedp.Click(".menu summary"), chromedp.WaitVisible("#office"))
	b.look("menu")
	b.do(chromedp.Evaluate[chromedp.Void](`document.querySelector("#office").selectedIndex = 1`))
	b.fill("form[action='/office'] button")
	b.at("inbox")
	b.look("inbox-leader")
	b.signOut()
}

func (b *browser) keepAccounts(name string) {
	b.Helper()
	b.open("/accounts", "accounts")
	b.fill("button.main", "#name", "van.thu", "#full_name", "Nguyễn Thị Phương Thảo Nguyên, Văn phòng Hội đồng nhân dân và Ủy ban nhân dân", "#agency", "000.00.12.H47")
	b.do(chromedp.WaitReady("#wrong-name"))
	b.look("accounts-wrong")
	b.fill("button.main", "#name", name)
	b.do(chromedp.WaitReady(".alert.good .secret"))
	b.look("accounts-created")
	b.fill(`form[action="/accounts/` + name + `/lock"] button`)
	b.do(chromedp.WaitReady(`form[action="/accounts/` + name + `/lock"]:not(:has([name=locked]))`))
	b.fill(`form[action="/accounts/` + name + `/reset"] button`)
	b.do(chromedp.WaitReady(".alert.good .secret"))
	b.look("accounts-reset")
}

func (b *browser) reorganise(day string) {
	b.Helper()
	b.open("/agencies/sgd", "agency")
	b.do(chromedp.Click("details:has(#newname) summary"))
	b.fill("button[name=do][value=check]", "#kind", "rename", "#on", day)
	b.do(chromedp.WaitReady("details [id^=wrong-]"))
	b.look("agency-wrong")
	b.fill("button[name=do][value=check]", "#newname", "Sở Giáo dục và Đào tạo tỉnh, thành phố trực thuộc Trung ương (hư cấu) "+b.label, "#basis", "Nghị quyết 1")
	b.do(chromedp.WaitReady("button[value=record]"))
	if would := value[string](b, `document.querySelector("details [role=status] li").innerText`); strings.HasPrefix(would, "name:") {
		b.Errorf("%s: what would change is %q", b.label, would)
	}
	b.look("agency-checked")
	b.fill("button[value=record]")
	b.do(chromedp.WaitReady("body.page-agency footer"))
	b.look("agency-told")
	b.open("/enrol", "enrol")
	b.look("enrol")
	b.fill("button.main", "#code", "AAAA-BBBB")
	b.do(chromedp.WaitReady("#wrong-code"))
	b.look("enrol-wrong")
	b.open("/inbox", "problem") // not for operators
	b.look("problem-denied")
	b.signOut()
}

// compare holds the log against a checkpoint kept before, and asks for a case that is not.
func (b *browser) compare(dispatch string) {
	b.Helper()
	b.do(chromedp.Evaluate[chromedp.Void](`document.querySelector("#kept").value = document.querySelector("details pre").textContent`))
	b.fill("form[action='/trail/compare'] button")
	b.do(chromedp.WaitReady("#compare ~ .alert.good"))
	b.look("trail-compared")
	b.fill("form[action='/trail/case'] button", "#case", "không có")
	b.do(chromedp.WaitReady("#wrong-case"))
	b.look("trail-case-wrong")
	b.open("/trail/dispatch/"+dispatch, "course")
	b.look("course-open")
	b.signOut()
}
