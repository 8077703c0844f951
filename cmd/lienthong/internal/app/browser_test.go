package app_test

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"image"
	"image/png"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/hub"
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
	options = append(options, chromedp.ExecPath(path), chromedp.UserDataDir(t.TempDir()), chromedp.CombinedOutput(t.Output()), chromedp.DisableGPU)
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // Chromium refuses to be root in its sandbox
	}
	limited, stop := context.WithTimeout(t.Context(), 6*time.Minute)
	allocated, release := chromedp.NewExecAllocator(limited, options...)
	ctx, cancel := chromedp.NewContext(allocated)
	t.Cleanup(func() {
		_ = chromedp.Cancel(ctx) // waits for the end of the browser
		cancel()
		release()
		stop()
	})
	return &browser{T: t, ctx: ctx, base: base, axe: string(axe)}
}

func (b *browser) do(actions ...chromedp.Action[chromedp.Void]) {
	b.Helper()
	if err := chromedp.Do(b.ctx, actions...); err != nil {
		b.Fatal(b.label, err)
	}
}

// at waits for a page.
func (b *browser) at(page string) {
	b.Helper()
	b.do(chromedp.WaitReady("body.page-" + page + " footer"))
}

func (b *browser) open(path, page string) {
	b.Helper()
	b.do(chromedp.Navigate(b.base + path))
	b.at(page)
	if page == "document" {
		b.reads()
	}
}

// reads waits until the viewer shows paper in the place of the PDF: nothing on the page
// or in its policy stops it. To leave a page before its viewer has come kills Chromium
// now and then: the navigation of the viewer outlives the page.
func (b *browser) reads() {
	b.Helper()
	const place = `(r => [r.left + scrollX, r.top + scrollY, r.right + scrollX, r.bottom + scrollY].map(Math.round))(
		document.querySelector("object.pdf").getBoundingClientRect())`
	for {
		at, err := chromedp.Run(b.ctx, chromedp.Evaluate[[]int](place))
		var picture []byte
		if err == nil {
			picture, err = chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
		}
		if err != nil {
			b.Fatalf("%s: the PDF is not shown: %v", b.label, err) // also when the time is over
		}
		shown, err := png.Decode(bytes.NewReader(picture))
		if err != nil {
			b.Fatal(err)
		}
		if paper(shown, image.Rect(at[0], at[1], at[2], at[3]).Intersect(shown.Bounds())) {
			return
		}
	}
}

// paper reports whether a tenth of a place is white, which the empty viewer is not.
func paper(p image.Image, size image.Rectangle) bool {
	white := 0
	for x := size.Min.X; x < size.Max.X; x++ {
		for y := size.Min.Y; y < size.Max.Y; y++ {
			if r, g, b, _ := p.At(x, y).RGBA(); min(r, g, b) > 0xf000 {
				white++
			}
		}
	}
	return white > 0 && white*10 > size.Dx()*size.Dy()
}

// fill types into fields and presses a button.
func (b *browser) fill(button string, pairs ...string) {
	b.Helper()
	for i := 0; i < len(pairs); i += 2 {
		b.do(chromedp.SetValue(pairs[i], pairs[i+1]))
	}
	b.do(chromedp.Click(button))
}

// look takes a picture, and looks for barriers (WCAG 2.2 AA) and for what is wider than
// the screen.
func (b *browser) look(name string) {
	b.Helper()
	picture, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	if err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(b.ArtifactDir(), b.label+"-"+name+".png"), picture, 0o600); err != nil {
		b.Fatal(err)
	}
	b.do(chromedp.Evaluate[chromedp.Void](b.axe))
	found, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](`axe.run({runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]})
		.then(r => r.violations.map(v => v.id + " " + v.nodes.map(n => n.target.join(" ") + " (" + n.failureSummary + ")").join("; ")).join("\n"))`, chromedp.EvalAwaitPromise))
	if err != nil || found != "" {
		b.Errorf("%s %s: %s %v", b.label, name, found, err)
	}
	wide, err := chromedp.Run(b.ctx, chromedp.Evaluate[int](`document.documentElement.scrollWidth - document.documentElement.clientWidth`))
	if err != nil || wide > 0 {
		b.Errorf("%s %s: %d pixels wider than the screen, %v", b.label, name, wide, err)
	}
}

// TestPagesInABrowser walks through the pages in both languages, on a desk and on a phone.
func TestPagesInABrowser(t *testing.T) {
	h := start(t, configIn(t.TempDir()))
	senderKey, _ := h.enroll(t)
	b := newBrowser(t, h.URL())
	h.signIn(t, "van.thu", member("000.00.12.H47", hub.RoleClerk))
	h.signIn(t, "tac.gia", member("000.00.00.H47", hub.RoleClerk))
	h.signIn(t, "van.hanh", member("", hub.RoleOperator))
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
		b.do(chromedp.EmulateViewport(screen.width, screen.height))
		b.open("/sign-in", "signin")
		if i%2 == 0 && i > 0 || i%2 == 1 {
			b.fill(".top form button[name=language]") // one language, then the other
			b.do(chromedp.WaitReady("html[lang=" + screen.language + "] body.page-signin footer"))
		}
		b.walk(&sent, fmt.Sprint(i+1))
		if i == 0 || i == 3 { // each language and each screen once
			b.sendOne(fmt.Sprint(i + 1))
		}
	}
}

// walk goes through the pages of a clerk on each side, and of an operator.
func (b *browser) walk(sent *hub.Accepted, number string) {
	b.Helper()
	b.look("signin")
	b.fill("button.main", "#name", "van.thu", "#password", "wrong")
	b.do(chromedp.WaitReady("#wrong-password"))
	b.look("signin-wrong")
	b.fill("button.main", "#name", "van.thu", "#password", chosenPassword)
	b.at("inbox")
	b.look("inbox")
	b.open("/inbox?show=refused", "inbox")
	b.look("inbox-empty")
	delivery := "/inbox/" + string(sent.Deliveries[0].ID)
	b.open(delivery, "document")
	b.look("document")
	b.do(chromedp.Click("details.act summary")) // refusing is folded away until it is wanted
	b.fill("button.danger", "#detail", " ")
	b.do(chromedp.WaitReady("#wrong-detail"))
	b.reads()
	b.look("document-wrong")
	b.open(delivery, "document")
	if proposed, err := chromedp.Run(b.ctx, chromedp.Value("#number")); err != nil || proposed != number {
		b.Errorf("%s: the number %q is proposed, %v", b.label, proposed, err)
	}
	b.fill(".act button.main", "#unit", "Phòng Hành chính")
	b.do(chromedp.WaitReady("#status"))
	b.reads()
	b.look("document-registered")
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
	b.open("/nowhere", "problem")
	b.look("problem")
	b.signOut()
	b.fill("button.main", "#name", "van.hanh", "#password", chosenPassword)
	b.at("health")
	b.look("health")
	b.open("/agencies", "agencies")
	b.look("agencies")
	b.open("/accounts", "accounts")
	b.look("accounts")
	b.signOut()
}

func (b *browser) signOut() {
	b.Helper()
	b.do(chromedp.Click(".menu summary"), chromedp.Click(".menu form[action='/sign-out'] button"))
	b.at("signin")
}
