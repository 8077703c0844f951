package hubclient

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/lienthong/lienthong/hub"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// script answers each request with the next step; the last one repeats.
type script struct {
	*httptest.Server
	mu       sync.Mutex
	steps    []http.HandlerFunc
	requests []*http.Request
	bodies   []string
	waits    []time.Duration // between attempts, as the client asked for them
}

func newScript(t *testing.T, steps ...http.HandlerFunc) (*script, *Client) {
	t.Helper()
	s := &script{steps: steps}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	c, err := New(Options{URL: s.URL + "/prefix/", Key: "lt_k1_secret", Retry: Retry{Wait: s.wait}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.CloseIdle)
	return s, c
}

func (s *script) wait(ctx context.Context, d time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waits = append(s.waits, d)
	return ctx.Err()
}

func (s *script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	step := s.steps[min(len(s.requests), len(s.steps)-1)]
	s.requests = append(s.requests, r)
	s.mu.Unlock()
	body, err := io.ReadAll(r.Body)
	s.mu.Lock()
	s.bodies = append(s.bodies, string(body))
	s.mu.Unlock()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	step(w, r)
}

func say(status int, body string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func refuse(status int, kind hub.ErrorKind, header ...string) http.HandlerFunc {
	body := fmt.Sprintf(`{"type":"urn:lienthong:problem:%s","status":%d,"kind":%q,"detail":"no","errors":[{"field":"f","rule":"r","message":"m"}]}`, kind, status, kind)
	return say(status, body, append([]string{"Content-Type", "application/problem+json", "X-Request-Id", "req-7"}, header...)...)
}

func hangUp(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

func TestNewRefusesBadAddresses(t *testing.T) {
	for _, address := range []string{"", "hub.example", "ftp://hub", "https://u:p@hub", "https://hub?x=1", "https://hub#x", "http://", "://"} {
		if _, err := New(Options{URL: address}); hub.KindOf(errOr(err)) != hub.KindInvalid {
			t.Errorf("%q: %v", address, err)
		}
	}
}

func errOr(err error) error {
	if err == nil {
		return errors.New("no error")
	}
	return err
}

// Idempotent calls come again after a temporary failure, not before Retry-After,
// and with growing bounds; others and final errors do not.
func TestRetries(t *testing.T) {
	s, c := newScript(t, refuse(503, hub.KindUnavailable, "Retry-After", "7"), say(502, "<html>proxy</html>"), refuse(429, hub.KindBusy), say(200, `{"name":"k1"}`))
	me, err := c.Me(t.Context())
	if err != nil || me.Name != "k1" || len(s.requests) != 4 {
		t.Fatalf("%+v %v after %d requests", me, err, len(s.requests))
	}
	if s.waits[0] < 7*time.Second || s.waits[1] > 400*time.Millisecond || s.waits[2] > 800*time.Millisecond {
		t.Errorf("waited %v", s.waits)
	}

	s, c = newScript(t, refuse(429, hub.KindBusy))
	if _, err := c.Me(t.Context()); hub.KindOf(err) != hub.KindBusy || len(s.requests) != 5 {
		t.Errorf("%v after %d requests", err, len(s.requests))
	}
	s, c = newScript(t, refuse(404, hub.KindNotFound))
	if _, err := c.Dispatch(t.Context(), "d"); hub.KindOf(err) != hub.KindNotFound || len(s.requests) != 1 {
		t.Errorf("%v after %d requests", err, len(s.requests))
	}
}

func TestNoRetryOfActsThatCount(t *testing.T) {
	for name, act := range map[string]func(*Client) error{
		"lease":   func(c *Client) error { _, err := c.Lease(t.Context(), LeaseRequest{Max: 1}); return err },
		"issue":   func(c *Client) error { _, err := c.IssueKey(t.Context(), NewKey{}); return err },
		"release": func(c *Client) error { return c.Release(t.Context(), "v1", 1) },
		"import": func(c *Client) error {
			_, err := c.ImportAgencies(t.Context(), strings.NewReader("x"), false)
			return err
		},
		"chunk": func(c *Client) error {
			_, err := c.Append(t.Context(), "u", "p", 0, strings.NewReader("x"), 1)
			return err
		},
		"export": func(c *Client) error { return c.ExportAgencies(t.Context(), io.Discard, time.Time{}) },
	} {
		s, c := newScript(t, refuse(503, hub.KindUnavailable))
		if err := act(c); hub.KindOf(errOr(err)) != hub.KindUnavailable || len(s.requests) != 1 {
			t.Errorf("%s: %v after %d requests", name, err, len(s.requests))
		}
	}
}

func TestCancelledCallsEnd(t *testing.T) {
	s, c := newScript(t, hangUp)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Me(ctx); !errors.Is(err, context.Canceled) || len(s.waits) != 0 {
		t.Errorf("%v, waited %v", err, s.waits)
	}
}

// A hub that says nothing for too long is given up.
func TestStall(t *testing.T) {
	release := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "{")
		_ = http.NewResponseController(w).Flush()
		<-release
	}))
	defer s.Close()
	defer close(release)
	c, err := New(Options{URL: s.URL, Stall: 30 * time.Millisecond, Retry: Retry{Attempts: 1}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseIdle()
	if _, err := c.Version(t.Context()); hub.KindOf(errOr(err)) != hub.KindUnavailable || !errors.Is(err, errStalled) {
		t.Errorf("%v", err)
	}
}

// Requests carry the key to the configured host only, and errors never do.
func TestKeyStaysHome(t *testing.T) {
	elsewhere, _ := newScript(t, say(200, `{}`))
	s, c := newScript(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere.URL, http.StatusFound) })
	_, err := c.Me(t.Context())
	if err == nil || len(elsewhere.requests) != 0 {
		t.Errorf("followed a redirect: %v", err)
	}
	if s.requests[0].Header.Get("Authorization") != "Bearer lt_k1_secret" || s.requests[0].URL.Path != "/prefix/v1/me" {
		t.Errorf("%v %v", s.requests[0].URL, s.requests[0].Header)
	}
	s.Close()
	_, again := c.Me(t.Context())
	for _, err := range []error{err, again} {
		if strings.Contains(fmt.Sprintf("%v %+v", err, err), "secret") {
			t.Errorf("the error tells the key: %v", err)
		}
	}
}

func testReceipt() hub.SealedEvidence {
	e := hub.Evidence{Version: "1", Profile: "p", ID: "e1", Event: hub.EventSubmissionRejection, Time: time.Unix(0, 0).UTC(), Issuer: hub.Party{ID: "hub", Name: "A < B"}}
	var canonical bytes.Buffer
	encoder := json.NewEncoder(&canonical)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(e)
	raw := bytes.TrimSpace(canonical.Bytes())
	return hub.SealedEvidence{Evidence: e, Canonical: raw, JWS: "aGVhZA..c2ln", Digest: sha256.Sum256(raw)}
}

// Errors are those of the hub again: kind, field, rule, receipt.
func TestProblems(t *testing.T) {
	_, c := newScript(t, refuse(409, hub.KindConflict))
	_, err := c.Dispatch(t.Context(), "d")
	var one *hub.Error
	var answer *AnswerError
	if !errors.As(err, &one) || one.Kind != hub.KindConflict || one.Field != "f" || one.Rule != "r" || one.Message != "m" {
		t.Errorf("%v", err)
	}
	if !errors.As(err, &answer) || answer.Status != 409 || answer.RequestID != "req-7" {
		t.Errorf("%v", err)
	}

	receipt := testReceipt()
	body := fmt.Sprintf(`{"kind":"invalid","errors":[{"kind":"unknown_agency","field":"recipients[0]","rule":"unknown_agency"},{"field":"parts","rule":"required"}],"receipt":%s}`, hub.MarshalReceipt(receipt))
	_, c = newScript(t, say(422, body, "Content-Type", "application/problem+json"))
	_, err = c.Submit(t.Context(), hub.Submission{}, nil, nil)
	var rejection *hub.Rejection
	if !errors.As(err, &rejection) || !bytes.Equal(rejection.Receipt.Canonical, receipt.Canonical) || len(rejection.Violations) != 2 {
		t.Fatalf("%v", err)
	}
	if v := rejection.Violations; v[0].Kind != hub.KindUnknownAgency || v[1].Kind != hub.KindInvalid || v[1].Field != "parts" {
		t.Errorf("%v", v)
	}
}

func TestAnswersWithoutProblem(t *testing.T) {
	for status, kind := range map[int]hub.ErrorKind{
		400: hub.KindInvalid, 401: hub.KindUntrusted, 403: hub.KindDenied, 404: hub.KindNotFound, 409: hub.KindConflict,
		413: hub.KindTooLarge, 415: hub.KindUnsupported, 429: hub.KindBusy, 500: hub.KindInternal, 502: hub.KindUnavailable,
		503: hub.KindUnavailable, 504: hub.KindUnavailable, 302: hub.KindUnsupported, 418: hub.KindUnsupported,
	} {
		_, c := newScript(t, say(status, "<html>", "Content-Type", "text/html"))
		if err := c.Health(t.Context()); hub.KindOf(errOr(err)) != kind {
			t.Errorf("%d: %v, want %s", status, err, kind)
		}
	}
	_, c := newScript(t, say(200, "<html>hello"))
	if _, err := c.Me(t.Context()); hub.KindOf(errOr(err)) != hub.KindUnsupported {
		t.Errorf("a page instead of JSON: %v", err)
	}
}

func textFile(id, name, text string) File {
	return File{
		Part: hub.Part{ID: id, Role: hub.RoleOriginal, Name: name, MediaType: "application/pdf", Size: int64(len(text))},
		Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil },
	}
}

const acceptedJSON = `{"dispatch":{"id":"d1"},"deliveries":[{"id":"v1"}],"receipt":null,"duplicate":false}`

// A submission arrives as a sound form with its length known, the same on every
// attempt and under one key.
func TestSubmit(t *testing.T) {
	s, c := newScript(t, hangUp, say(201, acceptedJSON))
	var progress []int64
	large := strings.Repeat("x", 300_000)
	accepted, err := c.Submit(t.Context(), hub.Submission{
		Sender: "000.00.00.H47", Recipients: []string{"000.00.12.H47"}, ExternalID: "173", Operation: hub.OperationNew,
		Document: hub.Document{CodeNumber: "173", Subject: "<Cải cách>"},
	}, []File{textFile("p1", `Công "văn".pdf`, large), textFile("p2", "b.pdf", "")}, func(done, total int64) {
		progress = append(progress, done)
		if total <= int64(len(large)) && total != -1 {
			t.Errorf("total %d", total)
		}
	})
	if err != nil || accepted.Dispatch.ID != "d1" || accepted.Deliveries[0].ID != "v1" {
		t.Fatalf("%+v %v", accepted, err)
	}
	if len(progress) == 0 || progress[len(progress)-1] < int64(len(large)) {
		t.Errorf("progress %v", progress)
	}
	first, second := s.requests[0], s.requests[1]
	if first.Header.Get("Idempotency-Key") == "" || first.Header.Get("Idempotency-Key") != second.Header.Get("Idempotency-Key") || s.bodies[0] != s.bodies[1] {
		t.Error("the second attempt is another act")
	}
	_, params, err := mime.ParseMediaType(second.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	form := multipart.NewReader(strings.NewReader(s.bodies[1]), params["boundary"])
	var got []string
	for {
		p, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(p)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, p.FormName(), p.FileName(), string(content))
	}
	if len(got) != 9 || got[0] != "submission" || got[4] != `Công "văn".pdf` || got[5] != large || got[6] != "p2" || got[8] != "" {
		t.Errorf("%.300q", got)
	}
	for _, want := range []string{`"sender":"000.00.00.H47"`, `"subject":"<Cải cách>"`, `"size":300000`} {
		if !strings.Contains(got[2], want) {
			t.Errorf("%s lacks %s", got[2], want)
		}
	}
	for _, forbidden := range []string{"sha256", "envelope", "trace", "format"} {
		if strings.Contains(got[2], forbidden) {
			t.Errorf("%s has %s", got[2], forbidden)
		}
	}
}

func TestSubmitKeepsTheCallersKey(t *testing.T) {
	s, c := newScript(t, say(201, acceptedJSON))
	if _, err := c.Submit(t.Context(), hub.Submission{Key: "mine"}, nil, nil); err != nil || s.requests[0].Header.Get("Idempotency-Key") != "mine" {
		t.Errorf("%v %v", err, s.requests[0].Header)
	}
}

// A file that cannot be read is the caller's trouble and not retried.
func TestUnreadableFile(t *testing.T) {
	s, c := newScript(t, say(201, acceptedJSON))
	broken := File{Part: hub.Part{ID: "p1"}, Open: func() (io.ReadCloser, error) { return nil, os.ErrPermission }}
	if _, err := c.Submit(t.Context(), hub.Submission{}, []File{broken}, nil); !errors.Is(err, os.ErrPermission) || len(s.waits) != 0 {
		t.Errorf("%v, waited %v", err, s.waits)
	}
	if _, err := FileAt(filepath.Join(t.TempDir(), "absent")); !errors.Is(err, os.ErrNotExist) || hub.KindOf(err) != hub.KindNotFound {
		t.Errorf("%v", err)
	}
	if _, err := FileAt(t.TempDir()); hub.KindOf(errOr(err)) != hub.KindInvalid {
		t.Errorf("%v", err)
	}
}

func TestSubmitPackage(t *testing.T) {
	receipt := hub.MarshalReceipt(testReceipt())
	s, c := newScript(t, say(201, strings.Replace(acceptedJSON, "null", string(receipt), 1)), say(201, `{"receipt":`+string(receipt)+`}`))
	p := Package{Open: textFile("", "", "<edXML/>").Open, Size: 8, To: []string{"A", "B"}}
	document, err := c.SubmitPackage(t.Context(), p, nil)
	if err != nil || document.Accepted == nil || document.Accepted.Receipt.Evidence.ID != "e1" {
		t.Fatalf("%+v %v", document, err)
	}
	if s.bodies[0] != "<edXML/>" || !slices.Equal(s.requests[0].URL.Query()["to"], []string{"A", "B"}) || s.requests[0].ContentLength != 8 {
		t.Errorf("%q %v", s.bodies[0], s.requests[0].URL)
	}
	status, err := c.SubmitPackage(t.Context(), p, nil)
	if err != nil || status.Accepted != nil || status.Receipt.Evidence.ID != "e1" {
		t.Errorf("%+v %v", status, err)
	}
}

// content serves text with what the hub says about it.
type content struct {
	mu     sync.Mutex
	text   string
	etag   string
	digest string
	cuts   []int // the n-th answer breaks off after so many bytes
	ranges []string
}

func (c *content) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock() // the next attempt may come before this one has quite ended
	defer c.mu.Unlock()
	c.ranges = append(c.ranges, r.Header.Get("Range"))
	text, status := c.text, http.StatusOK
	if c.etag != "" {
		w.Header().Set("ETag", c.etag)
	}
	if c.digest != "" {
		w.Header().Set("Repr-Digest", c.digest)
	}
	var start int
	if n, _ := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &start); n == 1 && r.Header.Get("If-Range") == c.etag {
		text, status = text[start:], http.StatusPartialContent
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", start, len(c.text)-1, len(c.text)))
	}
	w.Header().Set("Content-Length", fmt.Sprint(len(text)))
	w.WriteHeader(status)
	if len(c.cuts) > 0 {
		cut := c.cuts[0]
		c.cuts = c.cuts[1:]
		_, _ = io.WriteString(w, text[:cut])
		panic(http.ErrAbortHandler)
	}
	_, _ = io.WriteString(w, text)
}

func digestOf(text string) (hub.Digest, string) {
	sum := sha256.Sum256([]byte(text))
	return sum, "sha-256=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":"
}

func serve(t *testing.T, h http.Handler) *Client {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	c, err := New(Options{URL: s.URL, Retry: Retry{Attempts: 3, Wait: func(context.Context, time.Duration) error { return nil }}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.CloseIdle)
	return c
}

// A download that breaks off goes on where it was, as often as it gets further.
func TestDownloadResumes(t *testing.T) {
	text := strings.Repeat("0123456789", 50_000)
	digest, announced := digestOf(text)
	h := &content{text: text, etag: `"v1"`, digest: announced, cuts: []int{100_000, 0, 0, 50_000, 1, 200_000}}
	c := serve(t, h)
	var out bytes.Buffer
	got, err := c.Part(t.Context(), "d1", hub.Part{ID: "p1", Digest: digest}, &out, func(done, total int64) {
		if done > total && total >= 0 {
			t.Errorf("%d of %d", done, total)
		}
	})
	if err != nil || got != digest || out.String() != text {
		t.Fatalf("%v after %d bytes, asked for %v", err, out.Len(), h.ranges)
	}
	if !slices.ContainsFunc(h.ranges, func(r string) bool { return r != "" && r != "bytes=0-" }) {
		t.Errorf("nothing was resumed: %v", h.ranges)
	}
}

func TestDownloadGivesUp(t *testing.T) {
	text := strings.Repeat("x", 1000)
	cuts := make([]int, 20)
	c := serve(t, &content{text: text, etag: `"v1"`, cuts: cuts})
	if err := c.Package(t.Context(), "d1", io.Discard, nil); hub.KindOf(errOr(err)) != hub.KindUnavailable {
		t.Errorf("%v", err)
	}
	c = serve(t, &content{text: strings.Repeat("x", 100_000), cuts: []int{50_000, 0}})
	if err := c.Package(t.Context(), "d1", io.Discard, nil); hub.KindOf(errOr(err)) != hub.KindInternal {
		t.Errorf("resumed without a tag: %v", err)
	}
}

// Bytes that are not what was announced or expected are never a clean end.
func TestDownloadChecksDigests(t *testing.T) {
	right, announced := digestOf("right")
	for name, h := range map[string]*content{
		"announced": {text: "wrong", digest: announced},
		"expected":  {text: "wrong"},
	} {
		c := serve(t, h)
		part := hub.Part{ID: "p1"}
		if name == "expected" {
			part.Digest = right
		}
		if _, err := c.Part(t.Context(), "d1", part, io.Discard, nil); hub.KindOf(errOr(err)) != hub.KindUntrusted {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Content that changed between two attempts is not glued together.
func TestDownloadNoticesChange(t *testing.T) {
	h := &content{text: strings.Repeat("x", 100_000), etag: `"v1"`, cuts: []int{50_000}}
	c := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(h.ranges) == 1 {
			h.etag = `"v2"`
		}
		h.ServeHTTP(w, r)
	}))
	if err := c.Package(t.Context(), "d1", io.Discard, nil); hub.KindOf(errOr(err)) != hub.KindConflict {
		t.Errorf("%v", err)
	}
}

func TestWriterErrorsAreFinal(t *testing.T) {
	h := &content{text: strings.Repeat("x", 100_000), etag: `"v1"`}
	c := serve(t, h)
	if err := c.Package(t.Context(), "d1", failing{}, nil); !errors.Is(err, os.ErrClosed) || len(h.ranges) != 1 {
		t.Errorf("%v after %v", err, h.ranges)
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, os.ErrClosed }

// uploads plays the upload part of a hub whose connections break.
type uploads struct {
	mu       sync.Mutex
	parts    map[string]*bytes.Buffer
	sizes    map[string]int64
	breakOff int // chunks that break off in the middle, after the bytes were kept
	refuse   int // chunks that are refused as busy
}

func (u *uploads) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Method == http.MethodPost && r.URL.Path == "/v1/uploads":
		var s submission
		if err := json.NewDecoder(r.Body).Decode(&s); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		for _, p := range s.Parts {
			u.parts[p.ID], u.sizes[p.ID] = &bytes.Buffer{}, p.Size
		}
		u.status(w, http.StatusCreated)
	case r.Method == http.MethodPatch:
		u.chunk(w, r)
	case r.Method == http.MethodGet:
		u.status(w, http.StatusOK)
	default:
		say(http.StatusCreated, acceptedJSON)(w, r)
	}
}

func (u *uploads) status(w http.ResponseWriter, status int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	upload := hub.Upload{ID: "u1"}
	for _, id := range []string{"p1", "p2"} {
		if b, ok := u.parts[id]; ok {
			upload.Parts = append(upload.Parts, hub.UploadPart{ID: id, Size: u.sizes[id], Offset: int64(b.Len())})
		}
	}
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(upload)
}

func (u *uploads) chunk(w http.ResponseWriter, r *http.Request) {
	u.mu.Lock()
	defer u.mu.Unlock()
	b := u.parts[r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]]
	if u.refuse > 0 {
		u.refuse--
		refuse(http.StatusTooManyRequests, hub.KindBusy)(w, r)
		return
	}
	if r.Header.Get("Upload-Offset") != fmt.Sprint(b.Len()) {
		refuse(http.StatusConflict, hub.KindConflict)(w, r)
		return
	}
	if u.breakOff > 0 {
		u.breakOff--
		_, _ = io.CopyN(b, r.Body, r.ContentLength/2)
		panic(http.ErrAbortHandler)
	}
	_, _ = io.Copy(b, r.Body)
	w.Header().Set("Upload-Offset", fmt.Sprint(b.Len()))
	w.WriteHeader(http.StatusNoContent)
}

// An upload survives broken connections and a busy hub, and sends every byte once.
func TestUploadResumes(t *testing.T) {
	h := &uploads{parts: map[string]*bytes.Buffer{}, sizes: map[string]int64{}, breakOff: 7, refuse: 2}
	c := serve(t, h)
	large := strings.Repeat("0123456789abcdef", (DefaultChunk+DefaultChunk/2)/16)
	path := filepath.Join(t.TempDir(), "large.pdf")
	if err := os.WriteFile(path, []byte(large), 0o600); err != nil {
		t.Fatal(err)
	}
	onDisk, err := FileAt(path)
	if err != nil {
		t.Fatal(err)
	}
	onDisk.Part.ID = "p1"
	var last, total int64
	_, accepted, err := c.Upload(t.Context(), hub.Submission{}, []File{onDisk, textFile("p2", "b.pdf", "short")}, func(d, n int64) { last, total = d, n })
	if err != nil || accepted.Dispatch.ID != "d1" {
		t.Fatalf("%+v %v", accepted, err)
	}
	if h.parts["p1"].String() != large || h.parts["p2"].String() != "short" {
		t.Errorf("%d and %d bytes arrived", h.parts["p1"].Len(), h.parts["p2"].Len())
	}
	if want := int64(len(large) + 5); last != want || total != want {
		t.Errorf("progress ended at %d of %d", last, total)
	}
}

func TestUploadGivesUp(t *testing.T) {
	h := &uploads{parts: map[string]*bytes.Buffer{}, sizes: map[string]int64{}, refuse: 99}
	c := serve(t, h)
	registered, _, err := c.Upload(t.Context(), hub.Submission{}, []File{textFile("p1", "a.pdf", "text")}, nil)
	if hub.KindOf(errOr(err)) != hub.KindBusy || registered.ID != "u1" {
		t.Fatalf("%v", err)
	}
	h.refuse = 0
	if accepted, err := c.Resume(t.Context(), registered.ID, []File{textFile("p1", "a.pdf", "text")}, nil); err != nil || accepted.Dispatch.ID != "d1" {
		t.Errorf("resumed later: %v", err)
	}
	if err := (&sending{client: c}).file(t.Context(), &File{}); hub.KindOf(errOr(err)) != hub.KindInvalid {
		t.Errorf("an unknown part: %v", err)
	}
}

func TestPaging(t *testing.T) {
	s, c := newScript(t, say(200, `{"items":[{"dispatch":{"id":"d1"}},{"dispatch":{"id":"d2"}}],"next":"n1"}`), say(200, `{"items":[{"dispatch":{"id":"d3"}}]}`))
	var got []string
	for item, err := range All(func(p hub.Page) (hub.List[hub.SentItem], error) {
		return c.Sent(t.Context(), SentQuery{Agency: "A", Text: "x", States: []hub.DeliveryState{hub.StateAccepted}, Page: p})
	}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, string(item.Dispatch.ID))
	}
	if !slices.Equal(got, []string{"d1", "d2", "d3"}) || s.requests[1].URL.Query().Get("after") != "n1" || s.requests[0].URL.RawQuery != "agency=A&q=x&state=accepted" {
		t.Errorf("%v %v", got, s.requests[0].URL)
	}
	_, c = newScript(t, refuse(403, hub.KindDenied))
	for _, err := range All(func(p hub.Page) (hub.List[hub.SealedEvidence], error) { return c.Rejections(t.Context(), "", p) }) {
		if hub.KindOf(errOr(err)) != hub.KindDenied {
			t.Errorf("%v", err)
		}
	}
}

// Arrivals come again over a new connection after a broken one.
func TestArrivals(t *testing.T) {
	const event = ": listening\n\nevent: arrival\ndata: {\"agency\":\"a1\",\"at\":\"2026-01-05T01:00:00Z\"}\n\n"
	stream := func(text string) http.HandlerFunc { return say(200, text, "Content-Type", "text/event-stream") }
	s, c := newScript(t, stream(event), hangUp, stream("event: other\ndata: {}\n\nevent: arrival\ndata: broken\n\n"), stream(event+event))
	enough := errors.New("enough")
	n := 0
	err := c.Arrivals(t.Context(), "000.00.00.H47", func(a Arrival) error {
		if a.Agency != "a1" || a.At.IsZero() {
			t.Errorf("%+v", a)
		}
		if n++; n == 3 {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) || n != 3 || len(s.requests) != 4 {
		t.Errorf("%v after %d events and %d connections", err, n, len(s.requests))
	}
	_, c = newScript(t, refuse(401, hub.KindUntrusted))
	if err := c.Arrivals(t.Context(), "", func(Arrival) error { return nil }); hub.KindOf(errOr(err)) != hub.KindUntrusted {
		t.Errorf("a revoked key: %v", err)
	}
}

// An agency that changes while the changes are read comes with a later page again.
func TestAgencyChangesWhileTheyAreRead(t *testing.T) {
	s, c := newScript(t,
		say(200, `{"items":[{"id":"a","registers":false},{"id":"b"}],"position":"2,b","more":true}`),
		say(200, `{"items":[{"id":"c"},{"id":"a","registers":true}],"position":"5,a","more":false}`))
	all, err := c.AgencyChanges(t.Context(), "")
	if err != nil || len(all.Items) != 3 || all.Items[0].ID != "a" || !all.Items[0].Registers || all.Items[2].ID != "c" || all.Position != "5,a" {
		t.Errorf("%+v, %v", all, err)
	}
	if len(s.requests) != 2 || s.requests[1].URL.RawQuery != "since=2%2Cb" {
		t.Errorf("asked %d times", len(s.requests))
	}
}

// Every method asks for the address and with the body that the API describes.
func TestRequests(t *testing.T) {
	at := time.Date(2026, 1, 5, 8, 0, 0, 0, hub.Vietnam())
	digest, _ := digestOf("x")
	for want, act := range map[string]func(*Client) error{
		"GET /healthz":         func(c *Client) error { return c.Health(t.Context()) },
		"GET /v1/version":      func(c *Client) error { _, err := c.Version(t.Context()); return err },
		"GET /v1/openapi.yaml": func(c *Client) error { return c.Specification(t.Context(), io.Discard) },
		"GET /v1/agencies?at=2026-01-05T01%3A00%3A00Z&limit=3&q=x": func(c *Client) error {
			_, err := c.Agencies(t.Context(), AgencyQuery{Text: "x", At: at, Page: hub.Page{Limit: 3}})
			return err
		},
		"GET /v1/agencies/a%2Fb":      func(c *Client) error { _, err := c.Agency(t.Context(), "a/b", time.Time{}); return err },
		"GET /v1/agencies/a/children": func(c *Client) error { _, err := c.Children(t.Context(), "a", time.Time{}); return err },
		"GET /v1/agencies.csv":        func(c *Client) error { return c.ExportAgencies(t.Context(), io.Discard, time.Time{}) },
		"GET /v1/lists?agency=a":      func(c *Client) error { _, err := c.Lists(t.Context(), "a"); return err },
		`PUT /v1/lists {"name":"n","recipients":["a"]}`: func(c *Client) error {
			_, err := c.SaveList(t.Context(), ListWish{Name: "n", Recipients: []string{"a"}})
			return err
		},
		"GET /v1/tasks/totals?agency=a&as=assigner&with=b": func(c *Client) error {
			_, err := c.TaskTotals(t.Context(), TaskQuery{Agency: "a", Assigned: true, With: "b"})
			return err
		},
		"GET /v1/tasks?agency=a&as=assigner&limit=2&noticed=true&q=x&state=done&state=awaiting&timeliness=overdue&with=b": func(c *Client) error {
			_, err := c.Tasks(t.Context(), TaskQuery{
				Agency: "a", Assigned: true, States: []hub.TaskState{hub.TaskDone, hub.TaskAwaiting}, Timeliness: []hub.Timeliness{hub.Overdue}, With: "b", Text: "x", Noticed: true, Page: hub.Page{Limit: 2},
			})
			return err
		},
		"GET /v1/tasks/t":                  func(c *Client) error { _, err := c.Task(t.Context(), "t"); return err },
		"GET /v1/tasks/t/history?agency=a": func(c *Client) error { _, err := c.TaskHistory(t.Context(), "t", "a"); return err },
		`POST /v1/tasks/t/acts {"act":"ask_extension","text":"x","before":"2026-03-10","agency":"a"}`: func(c *Client) error {
			_, err := c.ActOnTask(t.Context(), "t", "a", hub.TaskOrder{Act: hub.ActAsk, Text: "x", TaskTerm: hub.TaskTerm{Before: "2026-03-10"}})
			return err
		},
		"GET /v1/calendar?year=2027": func(c *Client) error { _, err := c.Calendar(t.Context(), 2027); return err },
		`POST /v1/calendar {"source":"s","days":[{"date":"2027-02-05","kind":"off"}],"dry_run":true}`: func(c *Client) error {
			_, err := c.ImportCalendar(t.Context(), "s", []hub.CalendarDay{{Date: "2027-02-05", Kind: hub.DayOff}}, true)
			return err
		},
		"GET /v1/procedures?agency=a&at=2026-01-05T08%3A00%3A00Z&limit=5&q=x": func(c *Client) error {
			_, err := c.Procedures(t.Context(), "x", "a", time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC), hub.Page{Limit: 5})
			return err
		},
		"GET /v1/procedures/1.2":                     func(c *Client) error { _, err := c.ProcedureVersions(t.Context(), "1.2"); return err },
		"GET /v1/procedures/changes?after=7&limit=9": func(c *Client) error { _, _, err := c.ProcedureChanges(t.Context(), 7, 9); return err },
		"POST /v1/procedures/import?column=x%3Dcode&decision=d&dry_run=true&from=2026-07-01T07%3A30 list": func(c *Client) error {
			from, _ := hub.ParseProcedureMinute("2026-07-01T07:30")
			_, err := c.ImportProcedures(t.Context(), hub.ProcedureWish{Decision: "d", From: from, DryRun: true, Columns: map[string]string{"x": "code"}}, strings.NewReader("list"))
			return err
		},
		`POST /v1/procedures/abolitions {"decision":"d","codes":["1.2"],"dry_run":true}`: func(c *Client) error {
			_, err := c.AbolishProcedures(t.Context(), hub.ProcedureWish{Decision: "d", DryRun: true}, "1.2")
			return err
		},
		`POST /v1/numbers {"agency":"a","kind":"k","notation":"n","key":"x"}`: func(c *Client) error {
			_, err := c.TakeNumber(t.Context(), NumberWish{Agency: "a", Kind: "k", Notation: "n", Key: "x"})
			return err
		},
		"GET /v1/numbers/next?agency=a&kind=k&year=2026": func(c *Client) error { _, err := c.NextNumber(t.Context(), "a", 2026, "k"); return err },
		`POST /v1/numbers/cancellations {"number":7,"notation":"n","reason":"r"}`: func(c *Client) error {
			_, err := c.CancelNumber(t.Context(), "", 0, 7, "n", "r")
			return err
		},
		"GET /v1/numbers?agency=a&limit=5&state=reserved": func(c *Client) error {
			_, err := c.Numbers(t.Context(), "a", 0, hub.NumberReserved, hub.Page{Limit: 5})
			return err
		},
		"GET /v1/register-years?agency=a": func(c *Client) error { _, err := c.ClosedYears(t.Context(), "a"); return err },
		`POST /v1/register-years {"agency":"a","year":2025}`: func(c *Client) error {
			_, err := c.CloseYear(t.Context(), "a", 2025)
			return err
		},
		"GET /v1/legal-terms": func(c *Client) error { _, err := c.LegalTerms(t.Context()); return err },
		`POST /v1/legal-terms {"source":"s","terms":[{"id":"a","duty":"send","from":"2020-03-05","source":"x"}],"dry_run":true}`: func(c *Client) error {
			_, err := c.ImportLegalTerms(t.Context(), "s", []hub.LegalTerm{{ID: "a", Duty: hub.DutySend, From: "2020-03-05", Source: "x"}}, true)
			return err
		},
		"DELETE /v1/lists?agency=a&name=n": func(c *Client) error { return c.RemoveList(t.Context(), "a", "n") },
		`POST /v1/agencies/a/hand-over?dry_run=true {"to":"b"}`: func(c *Client) error {
			_, err := c.HandOver(t.Context(), hub.HandOverOrder{Agency: "a", To: "b"}, true)
			return err
		},
		"GET /v1/routing-rules?agency=a&version=2": func(c *Client) error {
			_, err := c.RoutingRules(t.Context(), "a", 2)
			return err
		},
		`PUT /v1/routing-rules {"agency":"a","version":0,"rules":[]}`: func(c *Client) error {
			_, err := c.SetRoutingRules(t.Context(), hub.RoutingRules{Agency: "a", Rules: []hub.RoutingRule{}})
			return err
		},
		`POST /v1/routing-rules/trials {"days":30,"after":"x"}`: func(c *Client) error {
			_, err := c.TryRoutingRules(t.Context(), RoutingTrial{Days: 30, After: "x"})
			return err
		},
		"GET /v1/routing-rules/failures?agency=a": func(c *Client) error { _, err := c.RoutingFailures(t.Context(), "a"); return err },
		"GET /v1/agencies/changes?since=3%2Ca":    func(c *Client) error { _, err := c.AgencyChanges(t.Context(), "3,a"); return err },
		"GET /v1/agencies.json":                   func(c *Client) error { return c.ExportHistory(t.Context(), io.Discard) },
		"GET /v1/agencies/acts?limit=3": func(c *Client) error {
			_, err := c.AgencyActs(t.Context(), hub.Page{Limit: 3})
			return err
		},
		"GET /v1/agencies/a/history": func(c *Client) error { _, err := c.AgencyHistory(t.Context(), "a"); return err },
		`POST /v1/agencies/acts?dry_run=true {"kind":"move","day":"2025-07-01","from":["a"],"to":["b"]}`: func(c *Client) error {
			_, err := c.Reorganise(t.Context(), hub.AgencyChange{Kind: hub.ActMove, Day: "2025-07-01", From: []string{"a"}, To: []string{"b"}}, true)
			return err
		},
		"POST /v1/agencies/import?basis=NQ+202&dry_run=false&from=2026-01-05 {}": func(c *Client) error {
			_, err := c.ImportList(t.Context(), strings.NewReader("{}"), hub.ImportOptions{Format: hub.ListJSON, Basis: "NQ 202", From: at})
			return err
		},
		"POST /v1/agencies/import?dry_run=true x": func(c *Client) error {
			_, err := c.ImportAgencies(t.Context(), strings.NewReader("x"), true)
			return err
		},
		"GET /v1/keys": func(c *Client) error { _, err := c.Keys(t.Context()); return err },
		`POST /v1/keys {"name":"n","kind":"system","agencies":["A"],"scopes":["read"]}`: func(c *Client) error {
			_, err := c.IssueKey(t.Context(), NewKey{Name: "n", Kind: hub.ActorSystem, Agencies: []string{"A"}, Scopes: []hub.Scope{hub.ScopeRead}})
			return err
		},
		"POST /v1/agencies/H47/queue":   func(c *Client) error { _, err := c.GrantQueue(t.Context(), "H47"); return err },
		"DELETE /v1/agencies/H47/queue": func(c *Client) error { return c.RevokeQueue(t.Context(), "H47") },
		"DELETE /v1/keys/k1":            func(c *Client) error { return c.RevokeKey(t.Context(), "k1") },
		"GET /v1/mailbox?free=true&q=x&state=consigned&state=accepted&timeliness=overdue&timeliness=due_soon&wait=2": func(c *Client) error {
			_, err := c.Mailbox(t.Context(), MailboxQuery{Free: true, Text: "x", States: []hub.DeliveryState{hub.StateConsigned, hub.StateAccepted}, Timeliness: []hub.Timeliness{hub.Overdue, hub.DueSoon}, Wait: 2 * time.Second})
			return err
		},
		`POST /v1/mailbox/leases {"agency":"A","max":2,"seconds":60,"deliveries":["v1"]}`: func(c *Client) error {
			_, err := c.Lease(t.Context(), LeaseRequest{Agency: "A", Max: 2, For: time.Minute, Deliveries: []hub.DeliveryID{"v1"}})
			return err
		},
		"GET /v1/deliveries/v1":                                func(c *Client) error { _, err := c.Delivery(t.Context(), "v1"); return err },
		`PUT /v1/deliveries/v1/lease {"fence":7,"seconds":60}`: func(c *Client) error { _, err := c.Renew(t.Context(), "v1", 7, time.Minute); return err },
		"DELETE /v1/deliveries/v1/lease?fence=7":               func(c *Client) error { return c.Release(t.Context(), "v1", 7) },
		`POST /v1/deliveries/v1/acknowledgement {"fence":7,"parts":{"p1":"` + digest.String() + `"}}`: func(c *Client) error {
			_, err := c.Acknowledge(t.Context(), "v1", 7, map[string]hub.Digest{"p1": digest})
			return err
		},
		`POST /v1/deliveries/v1/acceptance {"number":"5","date":"2026-01-05"}`: func(c *Client) error {
			_, err := c.Accept(t.Context(), "v1", hub.Registration{Number: "5", Date: "2026-01-05"})
			return err
		},
		`POST /v1/deliveries/v1/refusal {"code":"other","detail":"d"}`: func(c *Client) error {
			_, err := c.Refuse(t.Context(), "v1", 0, hub.Reason{Code: hub.ReasonOther, Detail: "d"})
			return err
		},
		`POST /v1/deliveries/v1/status {"code":"04"}`: func(c *Client) error {
			_, err := c.ReportStatus(t.Context(), "v1", Status{Code: hub.StatusAssigned})
			return err
		},
		"GET /v1/dispatches/d1":            func(c *Client) error { _, err := c.Dispatch(t.Context(), "d1"); return err },
		"GET /v1/dispatches/d1/evidence":   func(c *Client) error { _, err := c.DispatchEvidence(t.Context(), "d1", hub.Page{}); return err },
		"GET /v1/dispatches/d1/signatures": func(c *Client) error { _, err := c.SignatureReports(t.Context(), "d1"); return err },
		"GET /v1/dispatches/d1/validation": func(c *Client) error { _, err := c.Validation(t.Context(), "d1"); return err },
		"GET /v1/dispatches/d1/reports":    func(c *Client) error { _, err := c.StatusReports(t.Context(), "d1"); return err },
		"GET /v1/rejections?agency=A":      func(c *Client) error { _, err := c.Rejections(t.Context(), "A", hub.Page{}); return err },
		"GET /v1/signatures/rules":         func(c *Client) error { _, err := c.SignatureRules(t.Context()); return err },
		`PUT /v1/signatures/rules {"version":3,"rules":[]}`: func(c *Client) error {
			_, err := c.SetSignatureRules(t.Context(), hub.SignatureRules{Version: 3})
			return err
		},
		"GET /v1/agencies/H47/certificates": func(c *Client) error { _, err := c.CertificateBindings(t.Context(), "H47"); return err },
		`POST /v1/agencies/H47/certificates {"issuer":"CA","subject":["O=x"]}`: func(c *Client) error {
			_, err := c.BindCertificate(t.Context(), "H47", BindingRequest{Issuer: "CA", Subject: []string{"O=x"}})
			return err
		},
		"DELETE /v1/agencies/H47/certificates/b1": func(c *Client) error { _, err := c.UnbindCertificate(t.Context(), "H47", "b1"); return err },
		"POST /v1/seal?agency=H47&role=copy x": func(c *Client) error {
			_, err := c.Seal(t.Context(), textFile("", "a.pdf", "x"), "H47", hub.SealCopied, io.Discard, nil)
			if hub.KindOf(errOr(err)) != hub.KindUntrusted { // the answer names no digest
				return fmt.Errorf("an answer without its digest: %w", err)
			}
			return nil
		},
		"POST /v1/dossiers/d1/files?key=f1&kind=result&name=a.pdf x": func(c *Client) error {
			_, err := c.AttachToDossier(t.Context(), "d1", "", hub.DossierResult, hub.DossierOrder{Key: "f1"}, textFile("", "a.pdf", "x"), nil)
			return err
		},
		"GET /v1/dossiers/d1/files/3": func(c *Client) error {
			_, err := c.DossierFile(t.Context(), "d1", &hub.DossierEvent{Seq: 3}, io.Discard, nil)
			return err
		},
		"POST /v1/verify?name=a.pdf x": func(c *Client) error {
			_, err := c.VerifyFile(t.Context(), textFile("", "a.pdf", "x"), nil)
			return err
		},
	} {
		s, c := newScript(t, say(200, `{}`))
		if err := act(c); err != nil {
			t.Errorf("%s: %v", want, err)
			continue
		}
		got := strings.TrimSpace(s.requests[0].Method + " " + strings.TrimPrefix(s.requests[0].URL.RequestURI(), "/prefix") + " " + s.bodies[0])
		if got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

func TestEvidenceKeepsItsBytes(t *testing.T) {
	want := testReceipt()
	_, c := newScript(t, say(200, string(hub.MarshalReceipt(want))))
	got, err := c.Evidence(t.Context(), "e1")
	if err != nil || !bytes.Equal(got.Canonical, want.Canonical) || got.Digest != want.Digest {
		t.Errorf("%s %v", got.Canonical, err)
	}
	_, c = newScript(t, say(200, `{"items":[`+string(hub.MarshalReceipt(want))+`]}`))
	list, err := c.DispatchEvidence(t.Context(), "d1", hub.Page{})
	if err != nil || !bytes.Equal(list.Items[0].Canonical, want.Canonical) {
		t.Errorf("%v", err)
	}
}

// FuzzProblem: whatever a hub or a proxy answers, an error comes of it.
func FuzzProblem(f *testing.F) {
	f.Add([]byte(`{"kind":"invalid","errors":[{"field":"f","rule":"r"}]}`), 422)
	f.Add(append(append([]byte(`{"kind":"invalid","receipt":`), hub.MarshalReceipt(testReceipt())...), '}'), 422)
	f.Add([]byte(`<html>`), 502)
	f.Add([]byte(`{"errors":[{}]}`), 200)
	f.Fuzz(func(t *testing.T, body []byte, status int) {
		err := parseProblem(body, &AnswerError{Status: status}, 0)
		if err == nil || err.Error() == "" {
			t.Fatal("no error")
		}
		v := hub.ViolationsOf(err)
		if len(v) == 0 || !known(v[0].Kind) {
			t.Fatalf("%v", err)
		}
	})
}

// FuzzEvents: whatever comes on a stream, only whole arrivals are handed on.
func FuzzEvents(f *testing.F) {
	f.Add("event: arrival\ndata: {\"agency\":\"a\"}\n\n")
	f.Add(": x\r\n\r\ndata: 1\n\n")
	f.Fuzz(func(t *testing.T, text string) {
		resp := &http.Response{Body: io.NopCloser(strings.NewReader(text))}
		n := 0
		if err := readEvents(resp, func(Arrival) error { n++; return nil }); err != nil {
			t.Fatal(err)
		}
		if n > strings.Count(text, "arrival") {
			t.Fatalf("%d arrivals", n)
		}
	})
}

// A hub with a certificate of its own is trusted when the caller says so.
func TestOwnCertificate(t *testing.T) {
	s := httptest.NewUnstartedServer(say(200, `{"name":"lienthong"}`))
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // it tells of the refused handshake
	s.StartTLS()
	defer s.Close()
	stranger, err := New(Options{URL: s.URL, Retry: Retry{Attempts: 1}})
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.CloseIdle()
	if _, err := stranger.Version(t.Context()); hub.KindOf(errOr(err)) != hub.KindUnavailable {
		t.Errorf("a certificate that nobody vouches for: %v", err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	friend, err := New(Options{URL: s.URL, TLS: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}})
	if err != nil {
		t.Fatal(err)
	}
	defer friend.CloseIdle()
	if v, err := friend.Version(t.Context()); err != nil || v.Name != "lienthong" {
		t.Errorf("%+v %v", v, err)
	}
}
