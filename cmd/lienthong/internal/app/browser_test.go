package app_test

import (
	"bytes"
	"cmp"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/adapters/web"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/hubtest/server"
)

// browser is Chromium without a window.
type browser struct {
	*testing.T
	ctx   context.Context //nolint:containedctx // that of the browser
	base  string
	axe   string // the script that looks for barriers
	label string // of pictures: language and width
}

// needed returns a tool, or skips the test where it is not CI that lacks it.
func needed(t *testing.T, tool string, err error) {
	t.Helper()
	if err == nil {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s: %v", tool, err)
	}
	t.Skipf("%s is not here: %v", tool, err)
}

// axeFile is where .ci/setup puts the script.
func axeFile() string {
	home, _ := os.UserHomeDir()
	return filepath.Join(cmp.Or(os.Getenv("XDG_CACHE_HOME"), filepath.Join(home, ".cache")), "lienthong/tools/axe-core-4.14.1/axe.min.js")
}

func newBrowser(t *testing.T, base string) *browser {
	t.Helper()
	path, err := exec.LookPath("chromium")
	needed(t, "chromium", err)
	axe, err := os.ReadFile(axeFile())
	needed(t, "axe-core", err)
	options := append([]chromedp.ExecAllocatorOption{}, chromedp.DefaultExecAllocatorOptions[:]...)
	options = append(options, chromedp.ExecPath(path), chromedp.WSURLReadTimeout(patience), chromedp.CombinedOutput(t.Output()), chromedp.DisableGPU)
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // Chromium refuses to be root in its sandbox
	}
	allocated, release := chromedp.NewExecAllocator(t.Context(), options...)
	ctx, cancel := chromedp.NewContext(allocated)
	t.Cleanup(func() {
		_ = chromedp.Cancel(ctx) // waits for the end of the browser
		cancel()
		release()
	})
	if err := chromedp.Do(ctx); err != nil { // starts it for the whole test: steps have contexts of their own
		t.Fatal("start Chromium: ", err)
	}
	return &browser{T: t, ctx: ctx, base: base, axe: string(axe)}
}

// patience is how long one step on a page may take.
const patience = server.Patience

// within takes one step, which is what the failure says was waited for, and where.
func (b *browser) within(step string, take func(context.Context) error) {
	b.Helper()
	ctx, stop := context.WithTimeout(b.ctx, patience)
	defer stop()
	if err := take(ctx); err != nil {
		b.Fatalf("%s: %s: %v, %s", b.label, step, err, b.place())
	}
}

// place is the address and the title of the page, for messages.
func (b *browser) place() string {
	ctx, stop := context.WithTimeout(b.ctx, 10*time.Second)
	defer stop()
	place, err := chromedp.Run(ctx, chromedp.Evaluate[string](`"at " + location.href + " (" + document.title + ", " + document.readyState + ")"`))
	if err != nil {
		return "at a page that does not answer: " + err.Error()
	}
	return place
}

// step does one thing and says which, where it fails.
func (b *browser) step(what string, actions ...chromedp.Action[chromedp.Void]) {
	b.Helper()
	b.within(what, func(ctx context.Context) error { return chromedp.Do(ctx, actions...) })
}

// do is a step that the line of the test says enough about.
func (b *browser) do(actions ...chromedp.Action[chromedp.Void]) {
	b.Helper()
	b.step("here", actions...)
}

// value is what a script says of the page.
func value[T any](b *browser, script string) T {
	b.Helper()
	var got T
	b.within(script, func(ctx context.Context) (err error) {
		got, err = chromedp.Run(ctx, chromedp.Evaluate[T](script))
		return err
	})
	return got
}

// screen changes the size of the window.
func (b *browser) screen(width, height int64) {
	b.Helper()
	b.step("change the size", chromedp.EmulateViewport(width, height))
}

// shownOn is a screen, and the language in which pages are shown on it.
type shownOn struct {
	language      string
	width, height int64
}

// everyScreen is each language on each kind of screen.
var everyScreen = []shownOn{{"vi", 1366, 768}, {"en", 390, 844}, {"vi", 390, 844}, {"en", 1366, 768}}

// signInOn lets somebody in on a screen, to the page that comes first.
func (b *browser) signInOn(screen shownOn, name, first string) {
	b.Helper()
	b.label = fmt.Sprintf("%s-%d", screen.language, screen.width)
	b.screen(screen.width, screen.height)
	b.open("/sign-in", "signin")
	if value[string](b, `document.documentElement.lang`) != screen.language {
		b.fill(".top form button[name=language]")
		b.sees("html[lang=" + screen.language + "] body.page-signin footer")
	}
	b.fill("button.main", "#name", name, "#password", chosenPassword)
	b.at(first)
}

// sees waits until each of the elements is on the page.
func (b *browser) sees(selectors ...string) {
	b.Helper()
	for _, s := range selectors {
		b.step("wait for "+s, chromedp.WaitReady(s))
	}
}

// click presses what stays on the page; for what leads to another one, see fill.
func (b *browser) click(selectors ...string) {
	b.Helper()
	for _, s := range selectors {
		b.step("click "+s, chromedp.Click(s))
	}
}

// at waits for a page.
func (b *browser) at(page string) {
	b.Helper()
	b.sees("body.page-" + page + " footer")
}

func (b *browser) open(path, page string) {
	b.Helper()
	b.step("open "+path, chromedp.Navigate(b.base+path))
	b.at(page)
	if page == "document" {
		b.reads()
	}
}

// leave does what leads to another page and waits until that has loaded with its scripts:
// what is looked for after it may stand on the page of before, too.
func (b *browser) leave(step string, actions ...chromedp.Action[chromedp.Void]) {
	b.Helper()
	b.step("mark the page", chromedp.Evaluate[chromedp.Void]("window.before = true"))
	b.step(step, actions...)
	b.within("wait for the page after "+step, func(ctx context.Context) error {
		for {
			// Between two pages there is none that could answer.
			loaded, err := chromedp.Run(ctx, chromedp.Evaluate[bool](`!window.before && document.readyState === "complete"`))
			switch {
			case err == nil && loaded:
				return nil
			case ctx.Err() != nil:
				return cmp.Or(err, ctx.Err())
			}
			time.Sleep(10 * time.Millisecond)
		}
	})
}

// fill types into fields, presses a button or a link and waits for the page that answers.
func (b *browser) fill(button string, pairs ...string) {
	b.Helper()
	for i := 0; i < len(pairs); i += 2 {
		b.step("type into "+pairs[i], chromedp.SetValue(pairs[i], pairs[i+1]))
	}
	b.leave("click "+button, chromedp.Click(button))
}

// reads waits until the first page of the PDF is drawn, with something on it: nothing on
// the page or in its policy stops the reader.
func (b *browser) reads() {
	b.Helper()
	const ink = `(canvas => canvas !== null && new Uint32Array(canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.buffer).some(p => p !== 0xffffffff && p !== 0))(
		document.querySelector(".pdf-page[data-drawn] canvas"))`
	b.until("the PDF is shown", ink)
}

// until waits for what an expression says of the page.
func (b *browser) until(what, expression string) {
	b.Helper()
	b.within("wait until "+what, func(ctx context.Context) error {
		for {
			is, err := chromedp.Run(ctx, chromedp.Evaluate[bool](expression))
			if err != nil || is {
				return err // also when the time is over
			}
			time.Sleep(20 * time.Millisecond)
		}
	})
}

// pictured reports whether somebody wants to see pictures (go test -artifacts).
func pictured() bool {
	f := flag.Lookup("test.artifacts")
	return f != nil && f.Value.String() == "true"
}

// look takes a picture where somebody wants to see it, and looks for barriers (WCAG 2.2
// AA) and for what is wider than the screen.
func (b *browser) look(name string) {
	b.Helper()
	b.within("look at "+name, func(ctx context.Context) error {
		if pictured() {
			picture, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
			if err != nil {
				return err
			}
			if err := os.WriteFile(filepath.Join(b.ArtifactDir(), b.label+"-"+name+".png"), picture, 0o600); err != nil {
				return err
			}
		}
		if err := chromedp.Do(ctx, chromedp.Evaluate[chromedp.Void](b.axe)); err != nil {
			return err
		}
		found, err := chromedp.Run(ctx, chromedp.Evaluate[string](`axe.run({runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]})
			.then(r => r.violations.map(v => v.id + " " + v.nodes.map(n => n.target.join(" ") + " (" + n.failureSummary + ")").join("; ")).join("\n"))`, chromedp.EvalAwaitPromise))
		if found != "" {
			b.Errorf("%s %s: %s", b.label, name, found)
		}
		return err
	})
	if words := value[string](b, `document.documentElement.lang !== "vi" ? "" : (main => { main.querySelectorAll("code, pre, .code, .digest, textarea, option, details.technical").forEach(e => e.remove()); return main.textContent })(document.querySelector("main").cloneNode(true))`); words != "" {
		if english := inEnglish.FindAllString(words, -1); english != nil {
			b.Errorf("%s %s: English on a page in Vietnamese: %q in %s", b.label, name, english, words)
		}
	}
	if wide := value[int](b, `document.documentElement.scrollWidth - document.documentElement.clientWidth`); wide > 0 {
		b.Errorf("%s %s: %d pixels wider than the screen", b.label, name, wide)
	}
}

// TestPagesInABrowser walks through the pages in both languages, on a desk and on a phone.
func TestPagesInABrowser(t *testing.T) {
	t.Parallel()
	config := configIn(t.TempDir())
	config.Shown = []web.Setting{
		{Name: "time-to-live", Value: "720h0m0s,urgent=72h0m0s,very_urgent=48h0m0s,express=24h0m0s", From: "/etc/lienthong/lienthong.json"},
		{Name: "secrets-key-file", From: "default"},
		{Name: "database-password-file", Value: "/run/credentials/lienthong.service/database-password-of-this-hub", From: "LIENTHONG_DATABASE_PASSWORD_FILE"},
	}
	config.LGSPPath = "/"
	h := start(t, config)
	senderKey, _ := h.enroll(t)
	b := newBrowser(t, h.URL())
	h.signIn(t, "van.thu", member("000.00.12.H47", hub.RoleClerk))
	h.signIn(t, "tac.gia", member("000.00.00.H47", hub.RoleClerk))
	h.signIn(t, "van.hanh", member("", hub.RoleOperator))
	h.signIn(t, "kiem.toan", member("", hub.RoleAuditor))
	pdf := signedPDF(t)
	for i, screen := range []struct {
		language      string
		width, height int64
	}{{"vi", 1366, 768}, {"en", 1366, 768}, {"vi", 390, 844}, {"en", 390, 844}} {
		sub := submission(fmt.Sprint("browser", i))
		sub.Document.Priority, sub.Document.DueDate = hub.Priority(i), "2026-03-31"
		sub.Document.Subject = "V/v đẩy mạnh cải cách thủ tục hành chính, nâng cao chất lượng phục vụ người dân và doanh nghiệp trên địa bàn các xã, phường, thị trấn miền núi"
		sent, err := h.client(t, senderKey).Submit(t.Context(), sub, []hubclient.File{{
			Part: hub.Part{ID: "p1", Role: hub.RoleOriginal, Name: "Công văn 173.pdf", MediaType: "application/pdf", Size: int64(len(pdf))},
			Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(pdf)), nil },
		}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		b.label = fmt.Sprintf("%s-%d", screen.language, screen.width)
		b.screen(screen.width, screen.height)
		b.open("/sign-in", "signin")
		if i%2 == 0 && i > 0 || i%2 == 1 {
			b.fill(".top form button[name=language]") // one language, then the other
			b.sees("html[lang=" + screen.language + "] body.page-signin footer")
		}
		b.walk(&sent, fmt.Sprint(i+1))
		b.sendOne(fmt.Sprint(i + 1))
	}
}

// walk goes through the pages of a clerk on each side, and of an operator.
func (b *browser) walk(sent *hub.Accepted, number string) {
	b.Helper()
	b.look("signin")
	b.fill("button.main", "#name", "van.thu", "#password", "wrong")
	b.sees("#wrong-password")
	b.look("signin-wrong")
	b.fill("button.main", "#name", "van.thu", "#password", chosenPassword)
	b.at("inbox")
	b.look("inbox")
	b.filters()
	b.open("/inbox?show=refused", "inbox")
	b.look("inbox-empty")
	delivery := "/inbox/" + string(sent.Deliveries[0].ID)
	b.open(delivery, "document")
	b.look("document")
	b.click("details.act summary") // refusing is folded away until it is wanted
	b.fill("button.danger", "#detail", " ")
	b.sees("#wrong-detail")
	b.reads()
	b.look("document-wrong")
	b.open(delivery, "document")
	if proposed := value[string](b, `document.querySelector("#number").value`); proposed != number {
		b.Errorf("%s: the number %q is proposed", b.label, proposed)
	}
	b.fill(".act button.main", "#unit", "Phòng Hành chính")
	b.sees("#status")
	b.reads()
	b.look("document-registered")
	b.fill(`form[action$="/report"] button`, "#description", "Gấp")
	b.sees(`[id="wrong-staff.name"]`)
	b.reads()
	b.look("document-unassigned")
	b.fill(`form[action$="/report"] button`, `[id="staff.department"]`, "Phòng Cải cách hành chính")
	b.sees("#reports")
	b.fill(`form[action$="/report"] button`, `[id="staff.name"]`, "Nguyễn Thị Phương Thảo")
	b.sees(".undo form")
	b.look("document-assigned")
	b.open("/examine", "examine")
	b.look("examine")
	b.open("/password", "password")
	b.look("password")
	b.signOut()
	b.fill("button.main", "#name", "tac.gia", "#password", chosenPassword)
	b.at("inbox")
	b.open("/sent", "sent")
	b.look("sent")
	b.open("/sent/"+string(sent.Dispatch.ID), "board")
	b.look("board")
	b.open("/registers", "registers")
	b.look("registers")
	b.open("/registers/print?book=out&from=2026-03-02&to=2026-03-01", "registers")
	b.sees("#wrong-to")
	b.look("registers-wrong")
	b.open("/nowhere", "problem")
	b.look("problem")
	b.signOut()
	b.fill("button.main", "#name", "van.hanh", "#password", chosenPassword)
	b.at("health")
	b.look("health")
	b.open("/stuck", "stuck")
	b.look("stuck")
	b.open("/settings", "settings")
	b.look("settings")
	b.open("/agencies", "agencies")
	b.look("agencies")
	b.open("/agencies/h47", "agency")
	b.look("agency")
	b.open("/agencies/acts", "acts")
	b.look("acts")
	b.keys()
	b.open("/accounts", "accounts")
	b.look("accounts")
	b.signOut()
	b.audit(sent)
}

// filters keeps a filter by keyboard alone, looks, and removes it again.
func (b *browser) filters() {
	b.Helper()
	b.open("/inbox?show=all&q=cai+cach", "inbox")
	b.step("unfold the filters", chromedp.Focus(".filters summary"), chromedp.KeyEvent("\r"), chromedp.WaitVisible("#filter-"))
	b.leave("keep a filter", chromedp.Focus("#filter-"), chromedp.KeyEvent("Cải cách thủ tục hành chính của các xã, phường miền núi\r"))
	b.sees(".filters form[aria-label]")
	b.click(".filters summary")
	b.look("inbox-filters")
	b.fill(".filters form:first-of-type button", "#filter-", "cai cach thu tuc hanh chinh cua cac xa, phuong mien nui")
	b.sees("#wrong-filter-")
	b.look("inbox-filters-wrong")
	b.fill(".filters form[aria-label] button.danger")
	b.sees(".undo")
	b.look("inbox-filter-removed")
}

// audit goes through the pages of an auditor.
func (b *browser) audit(sent *hub.Accepted) {
	b.Helper()
	file := filepath.Join(b.TempDir(), "công văn.pdf")
	if err := os.WriteFile(file, signedPDF(b.T), 0o600); err != nil {
		b.Fatal(err)
	}
	b.fill("button.main", "#name", "kiem.toan", "#password", chosenPassword)
	b.at("trail")
	b.look("trail")
	b.fill("form[role=search] button.main", "#agency", "000.00.00.H47")
	b.sees("#found")
	b.look("trail-found")
	b.fill("form[action='/trail/compare'] button", "#kept", "?")
	b.sees("#wrong-kept")
	b.look("trail-wrong")
	b.open("/trail/dispatch/"+string(sent.Dispatch.ID), "course")
	b.fill(".acts button")
	b.sees("#result")
	b.look("course")
	b.open("/trail/evidence/"+string(sent.Receipt.Evidence.ID), "entry")
	b.look("entry")
	b.open("/examine", "examine")
	b.step("choose a file", chromedp.SetUploadFiles("#file", []string{file}))
	b.fill("form.drop button.main")
	b.sees("form[action='/examine/report'] button")
	b.look("examined")
	b.signOut()
}

func (b *browser) signOut() {
	b.Helper()
	b.click(".menu summary")
	b.fill(".menu form[action='/sign-out'] button")
	b.at("signin")
}
