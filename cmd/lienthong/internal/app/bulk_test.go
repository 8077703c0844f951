package app_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/lienthong/lienthong/hub"
)

// receives presses the button below the inbox.
func (p *person) receives(token string, links ...string) page {
	form := url.Values{"form": {token}}
	for _, link := range links {
		form.Add("delivery", strings.TrimPrefix(link, "/inbox/"))
	}
	return p.send("/inbox/receive", form)
}

// TestReceivingMany: two clerks receive at once, each document once and no number twice;
// what cannot be received is named and stops nothing.
func TestReceivingMany(t *testing.T) {
	t.Parallel()
	h, author := author(t)
	const third = "000.00.13.H47"
	clerks := []*person{h.signIn(t, "van.thu", member(recipient, hub.RoleClerk)), h.signIn(t, "van.thu.hai", member(recipient, hub.RoleClerk))}
	stranger := h.signIn(t, "nguoi.la", member(third, hub.RoleClerk))
	for n := range 8 {
		author.sentLetter(author.get("/send"), append(typedLetter(), "number", fmt.Sprint(n+1), "to", map[bool]string{false: recipient, true: third}[n == 7])...)
	}
	var links []string
	for _, m := range inboxLinks.FindAllStringSubmatch(clerks[0].get("/inbox").text, -1) {
		links = append(links, m[1])
	}
	if len(links) != 7 {
		t.Fatal(links)
	}
	clerks[0].receives(clerks[0].token()).shows(t, `id="wrong-delivery"`)
	theirs := stranger.newest()
	var both sync.WaitGroup
	for i, c := range clerks {
		token := c.token()
		both.Go(func() {
			c.receives(token, append(slices.Clone(links[3*i:3*i+3]), theirs)...).shows(t, "Đã tiếp nhận 3 văn bản", "Không có trang")
		})
	}
	both.Wait()
	token := clerks[0].token()
	for range 2 { // one document twice at once
		both.Go(func() {
			clerks[0].receives(token, links[6]).shows(t, "Đã tiếp nhận 1 văn bản", "Số đến 7")
		})
	}
	both.Wait()
	list := clerks[0].get("/inbox?show=registered").text
	for n := range 7 {
		if strings.Count(list, fmt.Sprintf("Số đến %d<", n+1)) != 1 {
			t.Errorf("the number %d was not given once", n+1)
		}
	}
	again := clerks[0].receives(clerks[0].token(), links...)
	again.shows(t, "Đã tiếp nhận 7 văn bản", "Số đến 7")
	stranger.get("/inbox").shows(t, theirs) // nobody else received it
}

// TestReceivingManyInABrowser: marked by one button, with the keyboard alone, in both
// languages, on a desk and on a phone.
func TestReceivingManyInABrowser(t *testing.T) {
	t.Parallel()
	h, author := author(t)
	h.signIn(t, "van.thu", member(recipient, hub.RoleClerk))
	b := newBrowser(t, h.URL())
	for i, screen := range everyScreen {
		for n := range 2 {
			author.sentLetter(author.get("/send"), append(typedLetter(), "number", fmt.Sprint(2*i+n+1), "to", recipient)...)
		}
		b.signInOn(screen, "van.thu", "inbox")
		b.step("mark all", chromedp.Focus("[data-all]"), chromedp.SendKeys("[data-all]", "\r"))
		b.look("inbox-marked")
		b.leave("receive them", chromedp.SendKeys("#bulk button:not([data-all])", "\r"))
		b.sees(".alert.good li:nth-child(2)")
		b.at("inbox")
		b.look("inbox-received")
		b.signOut()
	}
}
