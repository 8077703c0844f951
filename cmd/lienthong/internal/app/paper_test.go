package app_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/hub"
)

// submitPDF hands in a document with these bytes as its PDF, and returns the page of its
// recipient.
func (h *testHub) submitPDF(t *testing.T, key, id string, pdf []byte) string {
	t.Helper()
	sent, err := h.client(t, key).Submit(t.Context(), submission(id), []hubclient.File{{
		Part: hub.Part{ID: "p1", Role: hub.RoleOriginal, Name: "Công văn.pdf", MediaType: "application/pdf", Size: int64(len(pdf))},
		Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(pdf)), nil },
	}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return "/inbox/" + string(sent.Deliveries[0].ID)
}

// printed is a PDF of many pages in Vietnamese, as a browser prints it.
func (b *browser) printed() []byte {
	b.Helper()
	const text = `document.body.innerHTML = Array.from({length: 120}, (_, i) => "<p>Điều " + (i + 1) +
		". Các sở, ban, ngành, Ủy ban nhân dân các xã, phường, thị trấn chịu trách nhiệm thi hành Quyết định này; đẩy mạnh cải cách thủ tục hành chính.</p>").join("")`
	b.open("/sign-in", "signin")
	b.step("write a long page", chromedp.Evaluate[chromedp.Void](text))
	var pdf []byte
	b.within("print it", func(ctx context.Context) (err error) {
		pdf, err = chromedp.Run(ctx, chromedp.PrintToPDF())
		return err
	})
	return pdf
}

// ofPages is a PDF that has one page again and again.
func ofPages(n int) []byte {
	return pdfOf("<</Type/Catalog/Pages 2 0 R>>", fmt.Sprintf("<</Type/Pages/Count %d/Kids[%s]>>", n, strings.Repeat("3 0 R ", n)),
		"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>")
}

// pdfOf is a PDF of these objects, of which the first is its catalogue.
func pdfOf(objects ...string) []byte {
	var pdf bytes.Buffer
	pdf.WriteString("%PDF-1.7\n")
	var at []int
	for i, object := range objects {
		at = append(at, pdf.Len())
		fmt.Fprintf(&pdf, "%d 0 obj\n%s\nendobj\n", i+1, object)
	}
	table := pdf.Len()
	fmt.Fprintf(&pdf, "xref\n0 %d\n0000000000 65535 f \n", len(at)+1)
	for _, offset := range at {
		fmt.Fprintf(&pdf, "%010d 00000 n \n", offset)
	}
	fmt.Fprintf(&pdf, "trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n", len(at)+1, table)
	return pdf.Bytes()
}

// TestPaperInABrowser: a document is read beside its data by mouse and by keyboard, on a
// desk and on a telephone, and one that cannot be shown says so.
func TestPaperInABrowser(t *testing.T) {
	t.Parallel()
	h := start(t, configIn(t.TempDir()))
	key, _ := h.enroll(t)
	h.signIn(t, "van.thu", member(recipient, hub.RoleClerk))
	b := newBrowser(t, h.URL())
	long := h.submitPDF(t, key, "long", b.printed())
	broken := h.submitPDF(t, key, "broken", []byte("%PDF-1.7\nno object at all"))
	half := h.submitPDF(t, key, "half", b.printed()[:9000])
	endless := h.submitPDF(t, key, "endless", ofPages(20_000))
	locked := h.submitPDF(t, key, "locked", paperFile(t, "locked.pdf"))
	large := h.submitPDF(t, key, "large", append(bytes.Repeat([]byte(" "), 32<<20), b.printed()...))
	for _, screen := range everyScreen {
		b.signInOn(screen, "van.thu", "inbox")
		b.open(long, "document")
		b.paper()
		b.look("paper")
		says := map[string][3]string{"vi": {"bị hỏng", "có mật khẩu", "quá nhiều trang"}, "en": {"is damaged", "has a password", "too many pages"}}[screen.language]
		b.shut(broken, "broken", says[0])
		b.shut(half, "half", says[0])
		b.shut(locked, "locked", says[1])
		b.shut(endless, "endless", says[2])
		b.step("open a large one", chromedp.Navigate(b.base+large), chromedp.WaitVisible("[data-large]"))
		b.look("paper-large")
		b.click("[data-large]")
		b.reads()
		b.open("/inbox", "inbox")
		b.signOut()
	}
}

// paperFile is one of those in testdata/paper, whose README says how they were made.
func paperFile(t *testing.T, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("testdata/paper", name))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// scanned is a PDF of one page that is one picture, as scanners make them.
func scanned(picture []byte, width, height, bits int, filter string) []byte {
	const show = "q 200 0 0 200 0 0 cm /I Do Q"
	return pdfOf(
		"<</Type/Catalog/Pages 2 0 R>>",
		"<</Type/Pages/Kids[3 0 R]/Count 1>>",
		"<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]/Contents 4 0 R/Resources<</XObject<</I 5 0 R>>>>>>",
		fmt.Sprintf("<</Length %d>>\nstream\n%s\nendstream", len(show), show),
		fmt.Sprintf("<</Type/XObject/Subtype/Image/Width %d/Height %d/BitsPerComponent %d/ColorSpace/DeviceGray/Filter/%s/Length %d>>\nstream\n%s\nendstream",
			width, height, bits, filter, len(picture), picture),
	)
}

// TestScansInABrowser: scanned paper in the formats that PDF.js reads by WebAssembly
// elsewhere, which the policy of the pages does not allow.
func TestScansInABrowser(t *testing.T) {
	t.Parallel()
	h := start(t, configIn(t.TempDir()))
	key, _ := h.enroll(t)
	h.signIn(t, "van.thu", member(recipient, hub.RoleClerk))
	b := newBrowser(t, h.URL())
	scans := map[string]string{
		"jbig2":     h.submitPDF(t, key, "jbig2", scanned(paperFile(t, "scan.jb2"), 136, 64, 1, "JBIG2Decode")),
		"jpeg-2000": h.submitPDF(t, key, "jpeg2000", scanned(paperFile(t, "scan.jp2"), 64, 64, 8, "JPXDecode")),
	}
	b.signInOn(everyScreen[0], "van.thu", "inbox")
	for name, path := range scans {
		b.open(path, "document") // and waits until something is drawn
		b.look("paper-" + name)
		// A black bar on white; two ramps from black to white.
		shades := value[int](b, `(canvas => new Set([...new Uint32Array(canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.buffer)].map(p => p & 0xff)).size)(
			document.querySelector(".pdf-page[data-drawn] canvas"))`)
		if least := map[string]int{"jbig2": 2, "jpeg-2000": 32}[name]; shades < least {
			t.Errorf("%s is drawn in %d shades", name, shades)
		}
	}
}

// TestSentPaperInABrowser: who sent a document reads it beside its data as its recipients
// do, and that is on record.
func TestSentPaperInABrowser(t *testing.T) {
	t.Parallel()
	h, author := author(t)
	board := author.sentLetter(author.get("/send"), append(typedLetter(), "to", recipient)...).path
	b := newBrowser(t, h.URL())
	for _, screen := range everyScreen {
		b.signInOn(screen, "tac.gia", "inbox")
		b.open(board, "board")
		b.reads()
		b.look("board-paper")
		if wide, right := screen.width > 1000, value[bool](b, `document.querySelector("[data-paper]").getBoundingClientRect().right <= document.querySelector("#facts").getBoundingClientRect().left`); wide && !right {
			t.Errorf("%s: the PDF is not beside its data", b.label)
		}
		b.signOut()
	}
	if err := h.stop(); err != nil {
		t.Fatal(err)
	}
	read := 0
	for _, note := range notesOf(t, h.config.DataDir, hub.LogNoteReading) {
		if strings.Contains(note, `"actor":"tac.gia"`) && strings.Contains(note, strings.TrimPrefix(board, "/sent/")) && strings.Contains(note, `"part":"p1"`) {
			read++
		}
	}
	if read != len(everyScreen) {
		t.Errorf("%d readings are on record, want %d", read, len(everyScreen))
	}
}

// TestWithoutScripts: a document is opened and acknowledged in a browser that runs no
// script.
func TestWithoutScripts(t *testing.T) {
	t.Parallel()
	h := start(t, configIn(t.TempDir()))
	key, _ := h.enroll(t)
	h.signIn(t, "van.thu", member(recipient, hub.RoleClerk))
	b := newBrowser(t, h.URL())
	b.step("run no script", chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		return err
	}))
	for i, screen := range everyScreen {
		path := h.submitPDF(t, key, fmt.Sprint("plain", i), signedPDF(t))
		b.signInOn(screen, "van.thu", "inbox")
		b.fill(".list tbody tr a")
		b.at("document")
		if at := value[string](b, "location.pathname"); at != path {
			t.Fatalf("%s: the first document is %s, want %s", b.label, at, path)
		}
		if said := value[string](b, `document.querySelector("[data-said]").innerText`); !strings.Contains(said, "JavaScript") {
			t.Errorf("%s: where no script runs, the place of the PDF says %q", b.label, said)
		}
		b.fill(".pdf-file a:not([download])")
		if got := value[string](b, "document.contentType + ' ' + location.search"); got != "application/pdf ?show=1" {
			t.Errorf("%s: opened, it is %s", b.label, got)
		}
		b.step("go back", chromedp.Navigate(b.base+path))
		b.at("document")
		b.fill(".act button.main")
		b.sees("#status")
		b.signOut()
	}
}

// paper turns the pages of a long document.
func (b *browser) paper() {
	b.Helper()
	const (
		at    = `document.querySelector("[data-tools] input").value === "%d"`
		drawn = `document.querySelector(".pdf-page[data-n='%d'][data-drawn] canvas") !== null`
	)
	text := value[string](b, `(t => (getSelection().selectAllChildren(t), getSelection().toString()))(document.querySelector(".pdf-page[data-n='1'] .pdf-text"))`)
	if !strings.Contains(text, "Ủy ban nhân dân các xã, phường, thị trấn") {
		b.Errorf("%s: the text that can be copied is %.200q", b.label, text)
	}
	b.until("no page is before the first", `document.querySelector("[data-do=previous]").disabled`)
	b.click("[data-do=next]")
	b.until("the second page is the one", fmt.Sprintf(at, 2))
	b.until("the second page is drawn", fmt.Sprintf(drawn, 2))
	b.do(chromedp.Focus("[data-paper]"), chromedp.KeyEvent(kb.ArrowRight))
	b.until("the third page is drawn", fmt.Sprintf(drawn, 3))
	b.do(chromedp.KeyEvent(kb.ArrowLeft))
	b.until("the second page is the one again", fmt.Sprintf(at, 2))
	b.do(chromedp.KeyEvent("+"), chromedp.Click("[data-do=in]"))
	b.until("it is wider than its place", `(p => p.scrollWidth > p.clientWidth)(document.querySelector("[data-paper]"))`)
	b.until("it is drawn larger", fmt.Sprintf(drawn, 2))
	b.look("paper-larger")
	b.do(chromedp.Focus("[data-paper]"), chromedp.KeyEvent("0"))
	b.until("its width fits", `(p => p.scrollWidth <= p.clientWidth)(document.querySelector("[data-paper]"))`)
	b.step("type a number", chromedp.SetValue("[data-tools] input", "1"), chromedp.Focus("[data-tools] input"), chromedp.KeyEvent(kb.ArrowUp+kb.ArrowUp+"\r"))
	b.until("the number that is typed leads to its page", fmt.Sprintf(at+" && "+drawn, 3, 3))
	outside := value[string](b, `performance.getEntriesByType("resource").map(e => e.name).filter(n => !n.startsWith(location.origin)).join(" ")`)
	if outside != "" {
		b.Errorf("%s: the page asks %s", b.label, outside)
	}
}

// shut opens a document whose PDF cannot be shown, and which says why.
func (b *browser) shut(path, name, says string) {
	b.Helper()
	b.step("open "+path, chromedp.Navigate(b.base+path), chromedp.WaitReady("[data-state=failed]"))
	if said := value[string](b, `document.querySelector("[data-said]").innerText`); !strings.Contains(said, says) {
		b.Errorf("%s: the PDF %s says %q, want %q", b.label, name, said, says)
	}
	b.look("paper-" + name)
}
