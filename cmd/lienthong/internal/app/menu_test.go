package app_test

import (
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/lienthong/lienthong/hub"
)

// TestMenuInABrowser: the menu of everybody stands beside the name on one line of a small
// desk screen, in both languages; what is folded away is reached by keyboard, and stays on
// the screen of a phone.
func TestMenuInABrowser(t *testing.T) {
	t.Parallel()
	h := start(t, configIn(t.TempDir()))
	h.enroll(t)
	people := []struct{ name, first string }{{"van.thu", "inbox"}, {"lanh.dao", "inbox"}, {"kiem.nhiem", "inbox"}, {"kiem.toan", "trail"}, {"van.hanh", "health"}, {"quan.tri", "accounts"}}
	h.signIn(t, "van.thu", member(sender, hub.RoleClerk))
	h.signIn(t, "lanh.dao", member(sender, hub.RoleLeader))
	h.signIn(t, "kiem.nhiem", member(sender, hub.RoleClerk), member(sender, hub.RoleLeader), member(sender, hub.RoleAdministrator))
	h.signIn(t, "kiem.toan", member("", hub.RoleAuditor))
	h.signIn(t, "van.hanh", member("", hub.RoleOperator))
	h.signIn(t, "quan.tri", member(sender, hub.RoleAdministrator))
	b := newBrowser(t, h.URL())
	for _, screen := range everyScreen {
		for i, who := range people {
			if i > 0 && screen.width < 1366 {
				break
			}
			b.signInOn(screen, who.name, who.first)
			if lines := value[bool](b, `((nav, who) => nav.height < 60 && nav.bottom > who.top && who.bottom > nav.top)(
				document.querySelector(".top nav").getBoundingClientRect(), document.querySelector(".who").getBoundingClientRect())`); screen.width == 1366 && !lines {
				b.Errorf("%s: the menu of %s is not on one line", b.label, who.name)
			}
			if i == 0 {
				b.step("unfold the menu by keyboard", chromedp.Focus(".more summary"), chromedp.KeyEvent("\r"), chromedp.WaitVisible(`.more a[href="/examine"]`))
				b.look("menu-more")
				b.leave("follow an entry by keyboard", chromedp.Focus(`.more a[href="/examine"]`), chromedp.KeyEvent("\r"))
				b.at("examine")
				b.sees(`.more summary.within`, `.more a[href="/examine"][aria-current=page]`)
			}
			b.look("menu-" + who.name)
			b.signOut()
		}
	}
}
