package app_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/lienthong/lienthong/hub"
)

// TestBooksInABrowser walks over the clocks of the law and the closing of a year in both
// languages, on a desk and on a phone.
func TestBooksInABrowser(t *testing.T) {
	t.Parallel()
	h, author := author(t)
	author.sentLetter(author.get("/send"), append(typedLetter(), "to", recipient)...)
	reader := h.signIn(t, "van.thu", member(recipient, hub.RoleClerk), member(recipient, hub.RoleAdministrator))
	for range everyScreen {
		reader.press("number", reader.get("/send").carries(append(typedLetter(), "to", sender, "number", "", "notation", "QĐ-SNV", "type", "Quyết định", "date", time.Now().In(hub.Vietnam()).Format(time.DateOnly))...))
	}
	b := newBrowser(t, h.URL())
	for i, screen := range everyScreen {
		year := fmt.Sprint(2025 - i) // each closes one of its own
		b.signInOn(screen, "van.thu", "inbox")
		b.look("books-inbox")
		b.do(chromedp.Click("table.list th a"))
		b.at("document")
		b.reads()
		b.do(chromedp.WaitReady("#clocks"))
		b.look("books-document")
		b.open("/registers", "registers")
		b.look("books-registers")
		b.do(chromedp.SetValue("#year", year), chromedp.Click("input[name=sure]"))
		b.fill(`form[action="/registers/years"] button`)
		b.do(chromedp.WaitReady("section[aria-labelledby=years] table.list"))
		b.look("books-closed")
		b.open("/numbers", "numbers")
		b.do(chromedp.Click("td details summary"))
		b.look("books-numbers")
		b.fill("td details[open] button", "td details[open] input[name=reason]", "Soạn sai thể thức, đã thay bằng quyết định khác")
		b.at("numbers")
		b.look("books-cancelled")
		b.open("/send", "send")
		b.look("books-send")
		b.signOut()
	}
}
