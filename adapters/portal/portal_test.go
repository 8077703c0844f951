package portal_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"github.com/lienthong/lienthong/adapters/portal"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/hubtest/server"
	"github.com/lienthong/lienthong/schemas"
)

const (
	number  = "H47.12-260302-0001"
	unknown = "H47.12-260302-0009"
	secret  = "7K3M-Q9XD-2VBT-H5RW"
	wrong   = "0000-0000-0000-0000"
)

// world is a portal with what it shows.
type world struct {
	mu       sync.Mutex
	now      time.Time
	changes  int
	lapsed   bool
	made     int           // lists that were asked for
	looks    []string      // for dossiers
	hold     chan struct{} // of a look, until it is closed
	arrived  chan struct{} // a look that is held
	taken    chan struct{} // a file that is held
	taking   chan struct{} // of a file, until it is closed; nil for at once
	observed []portal.Observation
	log      bytes.Buffer
	handler  http.Handler
	filings  filings
}

func newWorld(t *testing.T, change ...func(*portal.Options)) *world {
	t.Helper()
	w := &world{now: time.Date(2026, 3, 2, 1, 0, 0, 0, time.UTC), arrived: make(chan struct{}, 1000)}
	o := portal.Options{
		Procedures: w, Dossiers: dossiers{w}, Filings: &w.filings, Random: rand.Reader, Now: w.clock, Log: slog.New(slog.NewTextHandler(&w.log, nil)), Name: "hub",
		Observe: func(o portal.Observation) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.observed = append(w.observed, o)
		},
	}
	for _, c := range change {
		c(&o)
	}
	var err error
	if w.handler, err = portal.New(o); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func procedure() hub.PublicProcedure {
	return hub.PublicProcedure{
		Code: "1.001193", Version: 2, Name: "Đăng ký <khai sinh>", Field: "Hộ tịch", Levels: []hub.Level{hub.LevelCommune}, Agency: "UBND xã Mẫu", AgencyCode: "H47.12",
		Limit: hub.ProcedureLimit{Amount: 3, Unit: hub.LimitWorkingDays}, Online: hub.OnlineFull, Fees: []hub.ProcedureFee{{Amount: 8000, Note: "bản sao"}}, Papers: []string{"Tờ khai"}, Basis: []string{"Luật Hộ tịch"},
		Valid: hub.Interval{From: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), To: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)}, Decision: "7/QĐ-UBND", Decided: "2025-12-30",
	}
}

func (w *world) Mark(context.Context) (string, error) {
	return fmt.Sprint(w.changes, w.clock().Truncate(time.Minute)), nil
}

func (w *world) List(_ context.Context, text string, _ hub.Page) (hub.List[hub.PublicProcedure], error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.made++
	if w.lapsed || text == "không có" {
		return hub.List[hub.PublicProcedure]{Items: []hub.PublicProcedure{}}, nil
	}
	return hub.List[hub.PublicProcedure]{Items: []hub.PublicProcedure{procedure()}, Next: "c"}, nil
}

func (w *world) Show(_ context.Context, code string) (hub.PublicProcedure, error) {
	if w.lapsed || code != "1.001193" {
		return hub.PublicProcedure{}, hub.Errorf(hub.KindNotFound, "code", "", "none")
	}
	return procedure(), nil
}

type dossiers struct{ w *world }

func (d dossiers) find(typed, key string) error {
	d.w.mu.Lock()
	d.w.looks = append(d.w.looks, typed)
	hold := d.w.hold
	d.w.mu.Unlock()
	if hold != nil {
		d.w.arrived <- struct{}{}
		<-hold
	}
	if typed != number || key != secret {
		return hub.Errorf(hub.KindNotFound, "dossier", "", "there is no such dossier")
	}
	return nil
}

const content = "%PDF-1.7 kết quả"

func (d dossiers) Progress(_ context.Context, typed, key string) (hub.DossierProgress, error) {
	at := d.w.clock()
	return hub.DossierProgress{
		Number: number, Procedure: "1.001193", ProcedureName: "Đăng ký <khai sinh>", Unit: "UBND xã Mẫu", Channel: hub.ChannelOnline, Received: at, Status: hub.DossierDone, Due: at, Late: true, Ended: at, Apologised: at, Anew: at,
		Steps: []hub.DossierStep{{At: at, Act: hub.DossierAccept, Status: hub.DossierAccepted, Agency: "UBND xã Mẫu"}, {At: at, Act: hub.DossierHandOver, Agency: "UBND xã Mẫu", To: "Sở Mẫu"}},
		Files: []hub.DossierOffer{{Event: 5, Kind: hub.DossierResult, At: at, Name: "kết quả.pdf", MediaType: "application/pdf", Size: int64(len(content)), Digest: sha256.Sum256([]byte(content))}},
	}, d.find(typed, key)
}

func (d dossiers) File(_ context.Context, typed, key string, event int64) (hub.Part, hub.Blob, error) {
	err := d.find(typed, key)
	if err == nil && event != 5 {
		err = hub.Errorf(hub.KindNotFound, "dossier", "", "there is no such dossier")
	}
	return hub.Part{Name: "kết quả.pdf", MediaType: "application/pdf", Digest: sha256.Sum256([]byte(content))}, &slowBlob{hub.BlobOf([]byte(content)), d.w}, err
}

// slowBlob is content that is taken when it may be.
type slowBlob struct {
	hub.Blob
	w *world
}

func (b *slowBlob) Read(p []byte) (int, error) {
	if b.w.taking != nil {
		select {
		case b.w.taken <- struct{}{}:
		default:
		}
		<-b.w.taking
	}
	return b.Blob.Read(p)
}

// ask sends a request from an address.
func (w *world) ask(from, method, path, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.RemoteAddr = from
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if strings.HasPrefix(path, "/api/") {
			r.Header.Set("Content-Type", "application/json")
		}
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	answer := httptest.NewRecorder()
	w.handler.ServeHTTP(answer, r)
	return answer
}

const here = "192.0.2.1:1000"

func (w *world) get(path string, headers ...string) *httptest.ResponseRecorder {
	return w.ask(here, http.MethodGet, path, "", headers...)
}

func form(pairs ...string) string {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return v.Encode()
}

func (w *world) look(typed, key string) *httptest.ResponseRecorder {
	return w.ask(here, http.MethodPost, "/dossiers", form("number", typed, "secret", key))
}

func has(t *testing.T, what string, answer *httptest.ResponseRecorder, status int, words ...string) {
	t.Helper()
	for _, word := range words {
		if !strings.Contains(answer.Body.String(), word) {
			t.Errorf("%s: %q is not in %s", what, word, answer.Body)
		}
	}
	if answer.Code != status {
		t.Errorf("%s: %d, want %d", what, answer.Code, status)
	}
}

// TestPages: the pages say what there is, in both languages, without a session, a cookie or
// anything from elsewhere.
func TestPages(t *testing.T) {
	w := newWorld(t, func(o *portal.Options) { o.Secure = true })
	for _, c := range []struct {
		answer *httptest.ResponseRecorder
		status int
		words  []string
	}{
		{w.get("/"), 200, []string{`<html lang="vi">`, "Cổng dịch vụ công", `href="/en/"`}},
		{w.get("/en/"), 200, []string{`<html lang="en">`, "Public service portal", `href="/"`}},
		{w.get("/procedures?q=khai+sinh"), 200, []string{"Đăng ký &lt;khai sinh&gt;", `value="khai sinh"`, `href="/procedures?after=c&amp;q=khai&#43;sinh"`, `href="/en/procedures?q=khai&#43;sinh"`, "3 ngày làm việc"}},
		{w.get("/en/procedures?q=" + url.QueryEscape("không có")), 200, []string{"No procedure in force has the words “không có”"}},
		{w.get("/procedures/1.001193"), 200, []string{"UBND xã Mẫu", "8.000 đồng bản sao", "Tờ khai", "Luật Hộ tịch", "7/QĐ-UBND ngày 30/12/2025", "toàn trình", "01/01/2027 07:00", "Xã, phường"}},
		{w.get("/procedures/9.9"), 404, []string{"không còn hiệu lực"}},
		{w.get("/nothing"), 404, []string{"Không có trang này"}},
		{w.get("/en/nothing"), 404, []string{"There is no such page"}},
		{w.get("/dossiers"), 200, []string{`name="secret"`, "Không cần tài khoản"}},
		{w.get("/dossiers?number=" + number), 200, []string{`value="` + number + `"`}},
		{w.look(" "+strings.ToLower(number)+" ", secret), 200, []string{"Đã xử lý xong", "Trễ hạn", "xin lỗi về sự chậm trễ", "Chuyển cơ quan xử lý: Sở Mẫu", "kết quả.pdf", "Đăng ký &lt;khai sinh&gt;"}},
		{w.ask(here, http.MethodPost, "/en/dossiers", form("number", number, "secret", secret)), 200, []string{"Done", "Late", `href="/dossiers"`, "Online"}},
		{w.ask(here, http.MethodPost, "/dossiers/file", form("number", number, "secret", secret, "event", "5")), 200, []string{content}},
		{w.ask(here, http.MethodPost, "/dossiers/file", form("number", number, "secret", secret, "event", "6")), 404, []string{"Mã hồ sơ hoặc mã tra cứu không đúng"}},
		{w.ask(here, http.MethodPost, "/dossiers", strings.Repeat("x", 20_000)), 413, []string{"quá lớn"}},
	} {
		has(t, fmt.Sprint(c.words), c.answer, c.status, c.words...)
		h := c.answer.Header()
		if h.Get("Set-Cookie") != "" || !strings.Contains(h.Get("Content-Security-Policy"), "default-src 'none'") || h.Get("Referrer-Policy") != "no-referrer" || h.Get("Strict-Transport-Security") == "" {
			t.Errorf("%q: %v", c.words, h)
		}
		if body := c.answer.Body.String(); h.Get("Content-Type") != "application/pdf" && (strings.Contains(body, "http://") || strings.Contains(body, "https://") || strings.Contains(body, " style=") || strings.Contains(body, "ZgotmplZ")) {
			t.Errorf("%q: something comes from elsewhere: %s", c.words, body)
		}
	}
	if got := w.ask(here, http.MethodPost, "/dossiers/file", form("number", number, "secret", secret, "event", "5")).Header(); !strings.HasPrefix(got.Get("Content-Disposition"), "attachment;") || got.Get("Cache-Control") != "no-store" || got.Get("Content-Security-Policy") != "default-src 'none'; sandbox" {
		t.Errorf("a file comes with %v", got)
	}
	page := w.get("/").Body.String()
	for _, file := range regexp.MustCompile(`"(/static/[^"]+)"`).FindAllStringSubmatch(page+w.get("/dossiers").Body.String(), -1) {
		if got := w.get(file[1]); got.Code != http.StatusOK || !strings.Contains(got.Header().Get("Cache-Control"), "immutable") {
			t.Errorf("%s: %d %v", file[1], got.Code, got.Header())
		}
	}
	if got := w.get("/static/older/style.css"); got.Code != http.StatusOK || got.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("a file of another version: %d %v", got.Code, got.Header())
	}
}

// TestEqualAnswers: a wrong number and a wrong secret get the same answer, byte for byte but
// for the number that was typed, and secrets are in no address, log or header.
func TestEqualAnswers(t *testing.T) {
	w := newWorld(t)
	plain := func(answer *httptest.ResponseRecorder) string {
		head := fmt.Sprint(answer.Code, answer.Header())
		return strings.NewReplacer(unknown, number).Replace(head + answer.Body.String())
	}
	for path, body := range map[string]func(number, secret string) string{
		"/dossiers":      func(n, s string) string { return form("number", n, "secret", s) },
		"/dossiers/file": func(n, s string) string { return form("number", n, "secret", s, "event", "5") },
		"/api/progress":  func(n, s string) string { return fmt.Sprintf(`{"number": %q, "secret": %q}`, n, s) },
		"/api/file":      func(n, s string) string { return fmt.Sprintf(`{"number": %q, "secret": %q, "event": 5}`, n, s) },
	} {
		first := w.ask(here, http.MethodPost, path, body(unknown, secret))
		second := w.ask(here, http.MethodPost, path, body(number, wrong))
		if first.Code != http.StatusNotFound || plain(first) != plain(second) {
			t.Errorf("%s: %s\nand %s", path, plain(first), plain(second))
		}
		if strings.Contains(first.Body.String(), secret) {
			t.Errorf("%s says the secret again", path)
		}
	}
	w.look(number, secret)
	if strings.Contains(w.log.String(), "7K3M") || strings.Contains(w.log.String(), number) {
		t.Errorf("the log says %s", w.log.String())
	}
	guessed := 0
	for _, o := range w.observed {
		if strings.Contains(o.Route, "7K3M") || strings.Contains(o.Route, number) {
			t.Errorf("observed: %+v", o)
		}
		if o.Guessed {
			guessed++
		}
	}
	if guessed != 8 || len(w.observed) != 9 {
		t.Errorf("%d of %d requests are counted as wrong", guessed, len(w.observed))
	}
}

// TestGuessing: wrong secrets are counted for the address and for the number, whether there
// is such a dossier or not; right ones are not counted, and what was used up comes back.
func TestGuessing(t *testing.T) {
	few := func(o *portal.Options) { o.Limits.Tries, o.Limits.TryRate = 3, 1.0/30 }
	for what, typed := range map[string]string{"a dossier": number, "none": unknown} {
		w := newWorld(t, few)
		for range 10 {
			w.look(number, secret) // costs nothing
		}
		for range 3 {
			has(t, what, w.look(typed, wrong), http.StatusNotFound)
		}
		looks := len(w.looks)
		refused := w.look(number, secret)
		has(t, "from an address that guesses", refused, http.StatusTooManyRequests, "quá nhiều yêu cầu")
		if retry := refused.Header().Get("Retry-After"); retry != "30" || len(w.looks) != looks {
			t.Errorf("%s: Retry-After %q, %d looks", what, retry, len(w.looks)-looks)
		}
		// Others may go on, but not with that number.
		other := func(typed, key string) *httptest.ResponseRecorder {
			return w.ask("198.51.100.7:1", http.MethodPost, "/api/progress", fmt.Sprintf(`{"number": %q, "secret": %q}`, typed, key))
		}
		has(t, "another number from elsewhere", other("H47.12-260302-0077", wrong), http.StatusNotFound)
		has(t, "the same number from elsewhere", other(strings.ToLower(typed), wrong), http.StatusTooManyRequests, `"status":429`)
		w.pass(30 * time.Second)
		has(t, "later", w.look(typed, wrong), http.StatusNotFound)
		has(t, "and again", w.look(typed, wrong), http.StatusTooManyRequests)
	}
}

// TestFlood: one address has its share, and many are counted without end of memory; who is
// trusted says for whom it asks, and nobody else.
func TestFlood(t *testing.T) {
	proxy := netip.MustParsePrefix("10.0.0.0/8")
	w := newWorld(t, func(o *portal.Options) {
		o.Limits.Burst, o.Limits.Rate, o.Limits.Addresses, o.Proxies = 5, 1, 50, []netip.Prefix{proxy}
	})
	status := func(from string, headers ...string) int {
		return w.ask(from, http.MethodGet, "/", "", headers...).Code
	}
	spend := func(want int, from string, headers ...string) {
		t.Helper()
		for range 5 {
			if got := status(from, headers...); got != http.StatusOK {
				t.Fatalf("%s %q: %d", from, headers, got)
			}
		}
		if got := status(from, headers...); got != want {
			t.Errorf("%s %q beyond its share: %d, want %d", from, headers, got, want)
		}
	}
	spend(429, "192.0.2.1:1")
	if got := status("192.0.2.1:2", "X-Forwarded-For", "203.0.113.9"); got != 429 {
		t.Errorf("an address says that it is another: %d", got)
	}
	spend(429, "10.0.0.1:1", "X-Forwarded-For", "203.0.113.9")
	spend(429, "10.0.0.1:1", "X-Forwarded-For", "203.0.113.9, 203.0.113.8, 10.0.0.2") // the last that no proxy has
	spend(429, "[2001:db8:0:1::1]:1")
	if got := status("[2001:db8:0:1:ffff::2]:1"); got != 429 {
		t.Errorf("another address of one household: %d", got)
	}
	spend(429, "[2001:db8:0:2::1]:1")
	spend(429, "[::ffff:192.0.2.44]:1")
	if got := status("192.0.2.44:9"); got != 429 {
		t.Errorf("the same address in its other form: %d", got)
	}
	w.pass(time.Second)
	if first, second := status("192.0.2.1:1"), status("192.0.2.1:1"); first != 200 || second != 429 {
		t.Errorf("a second later: %d, %d", first, second)
	}
	refused := 0
	for i := range 200 { // beyond what is counted one by one
		if status(fmt.Sprintf("198.51.100.%d:1", i)) == 429 {
			refused++
		}
	}
	if refused < 100 {
		t.Errorf("of 200 new addresses %d are refused where 50 are counted", refused)
	}
	w.pass(time.Hour)
	spend(429, "198.51.100.201:1")
}

// TestCrowd: as many requests are worked on as may be; the others are told to come again.
func TestCrowd(t *testing.T) {
	w := newWorld(t, func(o *portal.Options) { o.Limits.Requests = 2 })
	w.hold = make(chan struct{})
	var all sync.WaitGroup
	for range 2 {
		all.Go(func() { w.look(number, secret) })
	}
	for range 2 {
		select {
		case <-w.arrived:
		case <-time.After(server.Patience):
			t.Fatal("a request is not worked on")
		}
	}
	got := w.get("/")
	has(t, "one more", got, http.StatusServiceUnavailable, "Hệ thống đang bận")
	if got.Header().Get("Retry-After") != "1" {
		t.Errorf("%v", got.Header())
	}
	close(w.hold)
	all.Wait()
	has(t, "afterwards", w.get("/"), http.StatusOK)
}

// slowBody is a body that comes when it may.
type slowBody struct {
	arrived, hold chan struct{}
	io.Reader
}

func (b *slowBody) Read(p []byte) (int, error) {
	select {
	case b.arrived <- struct{}{}:
	default:
	}
	<-b.hold
	return b.Reader.Read(p)
}

// TestSlowClients: who sends or takes slowly keeps nobody else from being answered, and has
// a share of the downloads alone.
func TestSlowClients(t *testing.T) {
	w := newWorld(t, func(o *portal.Options) { o.Limits.Requests, o.Limits.Fetches = 1, 1 })
	arrives := func(what string, arrived chan struct{}) {
		t.Helper()
		select {
		case <-arrived:
		case <-time.After(server.Patience):
			t.Fatal(what + " does not begin")
		}
	}
	var all sync.WaitGroup
	body := &slowBody{make(chan struct{}, 1), make(chan struct{}), strings.NewReader(form("number", number, "secret", secret))}
	all.Go(func() {
		r := httptest.NewRequest(http.MethodPost, "/dossiers", body)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		answer := httptest.NewRecorder()
		w.handler.ServeHTTP(answer, r)
		has(t, "who sent slowly", answer, http.StatusOK, number)
	})
	arrives("a body", body.arrived)
	has(t, "while a body comes slowly", w.get("/"), http.StatusOK)
	close(body.hold)
	all.Wait()

	w.taken, w.taking = make(chan struct{}, 10), make(chan struct{})
	fetch := func(from string) *httptest.ResponseRecorder {
		return w.ask(from, http.MethodPost, "/dossiers/file", form("number", number, "secret", secret, "event", "5"))
	}
	for _, from := range []string{here, "198.51.100.7:1"} {
		all.Go(func() { has(t, "who took slowly", fetch(from), http.StatusOK, content) })
		arrives("a download", w.taken)
	}
	has(t, "while files are taken slowly", w.get("/"), http.StatusOK)
	has(t, "one more of an address", fetch(here), http.StatusTooManyRequests)
	close(w.taking)
	all.Wait()
	has(t, "afterwards", fetch(here), http.StatusOK, content)
}

// TestCaches: an answer is made once until the catalogue may be another, and caches must ask
// before they use it; what has lapsed is in none of them.
func TestCaches(t *testing.T) {
	w := newWorld(t)
	for range 5 {
		first := w.get("/procedures")
		if got := first.Header().Get("Cache-Control"); got != "public, no-cache" {
			t.Errorf("caches are told %q", got)
		}
		same := w.get("/procedures", "If-None-Match", first.Header().Get("ETag"))
		if same.Code != http.StatusNotModified || same.Body.Len() != 0 {
			t.Errorf("the same again: %d", same.Code)
		}
	}
	if w.made != 1 {
		t.Errorf("the list was made %d times", w.made)
	}
	packed := w.get("/api/procedures", "Accept-Encoding", "gzip")
	if packed.Header().Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(packed.Body)
		if err != nil {
			t.Fatal(err)
		}
		if raw, err := io.ReadAll(z); err != nil || string(raw) != w.get("/api/procedures").Body.String() {
			t.Errorf("compressed it is another: %v", err)
		}
	}
	etag := w.get("/procedures").Header().Get("ETag")
	w.lapsed = true
	w.pass(time.Minute)
	for _, path := range []string{"/procedures", "/en/procedures", "/api/procedures", "/procedures/1.001193", "/api/procedures/1.001193"} {
		got := w.get(path, "If-None-Match", etag)
		if got.Code == http.StatusNotModified || strings.Contains(got.Body.String(), "khai sinh") {
			t.Errorf("%s shows what has lapsed: %d %s", path, got.Code, got.Body)
		}
	}
	made := w.made
	for i := range 1000 { // searches without end
		w.pass(time.Nanosecond)
		w.ask(fmt.Sprintf("192.0.2.%d:1", i%250), http.MethodGet, fmt.Sprint("/procedures?q=", i), "")
	}
	if w.made != made+1000 {
		t.Errorf("%d lists for 1000 searches", w.made-made)
	}
}

// TestPrograms: what programs ask is answered as the description says, and what they ask
// wrongly is refused.
func TestPrograms(t *testing.T) {
	w := newWorld(t)
	spec := readSpec(t)
	ok := fmt.Sprintf(`{"number": %q, "secret": %q`, number, secret)
	for _, c := range []struct {
		method, pattern, path, body string
		status                      int
		want                        string
	}{
		{"get", "/api/procedures", "/api/procedures?q=khai&limit=5", "", 200, `"next":"c"`},
		{"get", "/api/procedures/{code}", "/api/procedures/1.001193", "", 200, `"agency":"UBND xã Mẫu"`},
		{"get", "/api/procedures/{code}", "/api/procedures/9.9", "", 404, `"status":404`},
		{"post", "/api/progress", "/api/progress", ok + "}", 200, `"late":true`},
		{"post", "/api/progress", "/api/progress", ok, 422, `"status":422`},
		{"post", "/api/progress", "/api/progress", ok + `, "x": 1}`, 422, `"status":422`},
		{"post", "/api/progress", "/api/progress", `{"number": "` + strings.Repeat("1", 20_000) + `"}`, 413, `"status":413`},
		{"post", "/api/file", "/api/file", ok + `, "event": 5}`, 200, content},
		{"post", "/api/file", "/api/file", ok + `, "event": 6}`, 404, `"status":404`},
		{"get", "/api/openapi.yaml", "/api/openapi.yaml", "", 200, "operationId: showProgress"},
	} {
		got := w.ask(here, strings.ToUpper(c.method), c.path, c.body)
		has(t, c.path+" "+c.body[:min(60, len(c.body))], got, c.status, c.want)
		spec.check(t, c.method, c.pattern, got)
	}
	has(t, "a form", w.ask(here, http.MethodPost, "/api/progress", ok+"}", "Content-Type", "text/plain"), http.StatusUnsupportedMediaType)
}

// TestPortsArePublic: nothing that the ports of the portal can answer holds what agencies keep
// to themselves: the portal has no way to it.
func TestPortsArePublic(t *testing.T) {
	allowed := []reflect.Type{
		reflect.TypeFor[hub.PublicProcedure](), reflect.TypeFor[hub.DossierProgress](), reflect.TypeFor[hub.DossierStep](), reflect.TypeFor[hub.DossierOffer](),
		reflect.TypeFor[hub.List[hub.PublicProcedure]](), reflect.TypeFor[hub.Page](), reflect.TypeFor[hub.Part](), reflect.TypeFor[hub.Interval](), reflect.TypeFor[hub.ProcedureLimit](), reflect.TypeFor[hub.ProcedureFee](),
		reflect.TypeFor[time.Time](), reflect.TypeFor[hub.FilingUnit](), reflect.TypeFor[hub.DossierFiling](), reflect.TypeFor[hub.DossierOwner](), reflect.TypeFor[hub.FiledPaper](), reflect.TypeFor[hub.FilingReceipt](),
	}
	var look func(where string, of reflect.Type)
	look = func(where string, of reflect.Type) {
		switch of.Kind() {
		case reflect.Slice, reflect.Array, reflect.Pointer, reflect.Map:
			look(where, of.Elem())
		case reflect.Struct:
			if !slices.Contains(allowed, of) {
				t.Errorf("%s has %s, which is not for everybody", where, of)
				return
			}
			if of == reflect.TypeFor[time.Time]() {
				return
			}
			for _, field := range reflect.VisibleFields(of) {
				look(where+"."+field.Name, field.Type)
			}
		case reflect.Interface:
			if of != reflect.TypeFor[hub.Blob]() && of != reflect.TypeFor[hub.BlobWriter]() && of != reflect.TypeFor[error]() && of != reflect.TypeFor[context.Context]() {
				t.Errorf("%s has %s", where, of)
			}
		}
	}
	for _, port := range []reflect.Type{reflect.TypeFor[portal.Procedures](), reflect.TypeFor[portal.Dossiers](), reflect.TypeFor[portal.Filings]()} {
		for i := range port.NumMethod() {
			m := port.Method(i)
			for n := range m.Type.NumIn() {
				look(m.Name, m.Type.In(n))
			}
			for n := range m.Type.NumOut() {
				look(m.Name, m.Type.Out(n))
			}
		}
	}
	wired := reflect.TypeFor[portal.Options]()
	for i := range wired.NumField() {
		if f := wired.Field(i); f.Type.Kind() == reflect.Interface && !slices.Contains([]string{"Procedures", "Dossiers", "Filings", "Random"}, f.Name) {
			t.Errorf("the portal is given %s, which is a way into the hub", f.Name)
		}
	}
}

// description is that of the portal, as JSON schemas.
type description struct {
	compiler *jsonschema.Compiler
	doc      map[string]any
}

const specURL = "https://lienthong.test/portal.json"

func readSpec(t *testing.T) *description {
	t.Helper()
	var doc map[string]any
	if err := yaml.Unmarshal(schemas.Portal(), &doc); err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	s := &description{jsonschema.NewCompiler(), doc}
	s.compiler.AssertFormat()
	if err := s.compiler.AddResource(specURL, parsed); err != nil {
		t.Fatal(err)
	}
	return s
}

// check validates an answer in JSON against the description.
func (s *description) check(t *testing.T, method, pattern string, answer *httptest.ResponseRecorder) {
	t.Helper()
	path := strings.ReplaceAll(pattern, "/", "~1")
	pointer := fmt.Sprintf("#/paths/%s/%s/responses/%d/content/application~1json/schema", path, method, answer.Code)
	switch kind := answer.Header().Get("Content-Type"); {
	case answer.Code >= 400 && kind == "application/problem+json":
		pointer = "#/components/responses/Problem/content/application~1problem+json/schema"
	case kind != "application/json":
		return
	}
	schema, err := s.compiler.Compile(specURL + pointer)
	if err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(answer.Body.Bytes()))
	if err == nil {
		err = schema.Validate(value)
	}
	if err != nil {
		t.Errorf("%s %s: %v\n%s", method, pattern, err, answer.Body)
	}
}
