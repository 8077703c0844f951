package app_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/hubtest/server"
)

// listen opens the stream of a page and returns what it is told; the channel is closed
// at the end of the stream.
func (p *person) listen(page page) <-chan string {
	p.Helper()
	found := regexp.MustCompile(`data-live="([^"]+)"`).FindStringSubmatch(page.text)
	if found == nil {
		p.Fatal("the page is not live", page.path)
	}
	ctx, cancel := context.WithCancel(p.Context())
	p.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, p.base+html.UnescapeString(found[1]), nil)
	if err != nil {
		p.Fatal(err)
	}
	answer, err := p.client.Do(r)
	if err != nil || answer.Header.Get("Content-Type") != "text/event-stream; charset=utf-8" {
		p.Fatal(answer, err)
	}
	told := make(chan string, 100)
	go func() {
		defer close(told)
		defer answer.Body.Close()
		lines := bufio.NewScanner(answer.Body)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				var piece string
				_ = json.Unmarshal([]byte(data), &piece) // the sign to rest is none
				told <- piece
			}
		}
	}()
	return told
}

// TestLivePages: what comes is told to the open inbox, and what its recipient does to the
// open board; an ended session is told nothing more, and a fourth page lets the first rest.
func TestLivePages(t *testing.T) {
	t.Parallel()
	h, author := author(t)
	reader := h.signIn(t, "van.thu", member(recipient, hub.RoleClerk))
	arrivals := reader.listen(reader.get("/inbox"))
	board := author.sentLetter(author.get("/send"), append(typedLetter(), "to", recipient)...)
	if got := <-arrivals; !strings.Contains(got, "174/UBND-KSTTHC") || strings.Contains(got, "<html") {
		t.Fatalf("the inbox is told %q", got)
	}
	progress := author.listen(author.get(board.path))
	reader.registers(reader.newest(), "1")
	for got := range progress { // collected first, then registered
		if strings.Contains(got, "Đã vào sổ") {
			break
		}
	}
	author.sentLetter(author.get("/send"), append(typedLetter(), "number", "175", "to", recipient)...)
	if got := <-arrivals; !strings.Contains(got, "175/UBND-KSTTHC") || strings.Contains(got, "174/UBND-KSTTHC") {
		t.Errorf("the inbox is told %q", got)
	}
	dispatch := strings.TrimPrefix(board.path, "/sent/")
	stranger := h.signIn(t, "nguoi.la", member("000.00.13.H47", hub.RoleClerk))
	for _, who := range []*person{stranger, reader} {
		if got := who.get("/live/sent/" + dispatch); got.status != http.StatusNotFound {
			t.Errorf("somebody else watches a board: %d", got.status)
		}
	}
	others := []<-chan string{reader.listen(reader.get("/inbox")), reader.listen(reader.get("/inbox")), reader.listen(reader.get("/inbox"))}
	for range arrivals { // until it ends
	}
	reader.post("/sign-out")
	author.sentLetter(author.get("/send"), append(typedLetter(), "number", "176", "to", recipient)...)
	for _, other := range others {
		for got := range other {
			t.Errorf("a session that ended is told %q", got)
		}
	}
}

// TestRemind: who has not collected is reminded, on record, and not again the same day.
func TestRemind(t *testing.T) {
	t.Parallel()
	h, author := author(t)
	reader := h.signIn(t, "van.thu", member(recipient, hub.RoleClerk))
	board := author.sentLetter(author.get("/send"), append(typedLetter(), "to", recipient, "to", "000.00.13.H47")...)
	reader.registers(reader.newest(), "1")
	author.get(board.path).shows(t, "Nhắc 1 nơi chưa nhận")
	reminded := author.post(board.path + "/remind")
	reminded.shows(t, "Nơi gửi nhắc lúc", "Đã báo nơi nhận")
	if strings.Contains(reminded.text, "Nhắc 1 nơi") || strings.Count(author.post(board.path+"/remind").text, "Nơi gửi nhắc lúc") != 1 {
		t.Error("it can be reminded again at once")
	}
	other := h.signIn(t, "van.thu.sgd", member("000.00.13.H47", hub.RoleClerk))
	other.get("/inbox").shows(t, "Nơi gửi nhắc lúc")
	if got := other.post(board.path + "/remind"); got.status != http.StatusNotFound {
		t.Errorf("a recipient reminds: %d", got.status)
	}
	other.registers(other.newest(), "1") // the chain goes on
}

// TestLiveInABrowser: a new document stands in the open page, is counted in its title
// and said aloud, and what was marked stays.
func TestLiveInABrowser(t *testing.T) {
	t.Parallel()
	h, author := author(t)
	h.signIn(t, "van.thu", member(recipient, hub.RoleClerk))
	b := newBrowser(t, h.URL())
	for i, screen := range everyScreen {
		b.signInOn(screen, "van.thu", "inbox")
		name := map[string]string{"vi": "Văn bản đến", "en": "Incoming documents"}[screen.language]
		for n := range 2 {
			author.sentLetter(author.get("/send"), append(typedLetter(), "number", fmt.Sprint(10*i+n+1), "to", recipient)...)
			b.until("the arrival is counted in the title", fmt.Sprintf("document.title.startsWith('(%d) %s')", n+1, name))
			b.sees(fmt.Sprintf(".list tbody tr:nth-child(%d)", 2*i+n+1))
		}
		b.look("inbox-live")
		b.step("type", chromedp.SendKeys("#q", "x"))
		b.until("the title counts nothing, for it was seen", fmt.Sprintf("document.title.startsWith('%s')", name))
		b.signOut()
	}
}

// TestNotTold: that a recipient could not be told shows to the sender, with the reason on
// record, and that the document waits all the same.
func TestNotTold(t *testing.T) {
	t.Parallel()
	gone := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusGone) }))
	t.Cleanup(gone.Close)
	config := configIn(t.TempDir())
	config.WebhookNetworks, config.WebhookPlainHTTP = []string{"127.0.0.0/8"}, true
	h := start(t, config)
	h.enroll(t)
	wish := hubclient.NewSubscription{Agency: recipient, Kind: hub.SubscriptionWebhook, Target: gone.URL}
	if _, err := h.client(t, h.operatorKey(t)).Subscribe(t.Context(), wish); err != nil {
		t.Fatal(err)
	}
	author := h.signIn(t, "tac.gia", member(sender, hub.RoleClerk))
	reader := h.signIn(t, "van.thu", member(recipient, hub.RoleClerk))
	board := author.sentLetter(author.get("/send"), append(typedLetter(), "to", recipient)...)
	for end := time.Now().Add(server.Patience); time.Now().Before(end) && !strings.Contains(author.get(board.path).text, "Không báo được cho nơi nhận"); {
		<-time.After(50 * time.Millisecond)
	}
	author.get(board.path).shows(t, "Không báo được cho nơi nhận", "Thông báo không tới được nơi nhận")
	reader.registers(reader.newest(), "1") // the chain goes on
	if strings.Contains(author.get(board.path).text, "Không báo được cho nơi nhận") {
		t.Error("the board goes on saying that it waits")
	}
}
