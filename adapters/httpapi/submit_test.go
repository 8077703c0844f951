package httpapi

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/lienthong/lienthong/hub"
)

func submissionWith(parts string) string {
	return `{"sender":"000.00.00.H47","recipients":["000.00.12.H47"],"external_id":"173",
		"document":{"code_number":"173","code_notation":"UBND","subject":"V/v"},"parts":[` + parts + `]}`
}

const onePart = `{"id":"p1","name":"a.pdf","media_type":"application/pdf"}`

// What comes in the form reaches the intake, measured.
func TestFormBecomesSubmission(t *testing.T) {
	s := newTestServer(t)
	body := formOf("submission", submissionWith(onePart+`,{"id":"p2","name":"b.xlsx","media_type":"application/vnd.ms-excel","size":3}`), "p2", "xyz", "p1", "abc")
	a := s.call(t, http.MethodPost, "/v1/dispatches", body, "Content-Type", formType, "Idempotency-Key", "k-1", "X-Request-Id", "r-9")
	if a.StatusCode != http.StatusCreated || a.Header.Get("Location") != "/v1/dispatches/d1" {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	sub := s.hub.submitted
	if sub.Key != "k-1" || sub.TraceID != "r-9" || sub.Format != hub.FormatREST || sub.Operation != hub.OperationNew || !sub.ReceivedAt.Equal(testTime) {
		t.Errorf("%+v", sub)
	}
	if len(sub.Parts) != 2 || sub.Parts[0].Role != hub.RoleOriginal || sub.Parts[1].Role != hub.RoleAttachment {
		t.Fatalf("%+v", sub.Parts)
	}
	for i, want := range []string{"abc", "xyz"} {
		if p := sub.Parts[i]; p.Size != 3 || string(s.hub.blobs[p.Digest]) != want {
			t.Errorf("part %d is %+v with %q", i, p, s.hub.blobs[p.Digest])
		}
	}
	if again := s.call(t, http.MethodPost, "/v1/dispatches", body, "Content-Type", formType, "Idempotency-Key", "k-1"); again.StatusCode != http.StatusOK {
		t.Errorf("a duplicate answers %d", again.StatusCode)
	}
}

// Without a list of parts the files say what they are.
func TestFormWithoutPartList(t *testing.T) {
	s := newTestServer(t)
	a := s.call(t, http.MethodPost, "/v1/dispatches", formOf("submission", submissionWith(""), "main", "abc", "annex", "defg"), "Content-Type", formType)
	if a.StatusCode != http.StatusCreated {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	got := fmt.Sprintf("%+v", s.hub.submitted.Parts)
	for _, want := range []string{"ID:main Role:original Name:main.pdf", "ID:annex Role:attachment Name:annex.pdf", "MediaType:application/pdf Size:4"} {
		if !strings.Contains(got, want) {
			t.Errorf("%s lacks %s", got, want)
		}
	}
}

// Whatever is wrong with a form, the answer says what, and no blob stays open.
func TestBadForms(t *testing.T) {
	good := formOf("submission", submissionWith(onePart), "p1", "abc")
	for _, row := range []struct {
		name, body, contentType string
		status                  int
		field, rule             string
	}{
		{"not a form", good, "text/plain", 415, "Content-Type", "content_type"},
		{"no content type", good, "", 415, "Content-Type", "content_type"},
		{"no boundary", good, "multipart/form-data", 400, "", "multipart"},
		{"other boundary", good, "multipart/form-data; boundary=YY", 400, "", "multipart"},
		{"empty", "", formType, 400, "", "multipart"},
		{"nothing in it", "--XX--\r\n", formType, 422, "submission", "required"},
		{"file first", formOf("p1", "abc", "submission", submissionWith(onePart)), formType, 422, "submission", "required"},
		{"not JSON", formOf("submission", "{"), formType, 400, "", "json"},
		{"unknown member", formOf("submission", `{"from":"x"}`), formType, 422, "from", "unknown_member"},
		{"envelope from outside", formOf("submission", `{"envelope":{"id":"x"}}`), formType, 422, "envelope", "unknown_member"},
		{"submission too large", formOf("submission", `{"sender":"`+strings.Repeat("x", 1<<20)+`"}`), formType, 413, "submission", "max_size"},
		{"file missing", formOf("submission", submissionWith(onePart)), formType, 422, "parts[0]", "required"},
		{"file unknown", formOf("submission", submissionWith(onePart), "p1", "abc", "p2", "abc"), formType, 422, "parts", "unknown_part"},
		{"file twice", formOf("submission", submissionWith(onePart), "p1", "abc", "p1", "abd"), formType, 422, "parts", "unique"},
		{"submission twice", formOf("submission", submissionWith(onePart), "submission", "{}"), formType, 422, "parts", "unknown_part"},
		{"too many files", formOf(append([]string{"submission", submissionWith("")}, manyFiles(4)...)...), formType, 413, "parts", "max_items"},
		{"wrong size", formOf("submission", submissionWith(`{"id":"p1","name":"a","media_type":"x/y","size":4}`), "p1", "abc"), formType, 422, "parts[0].size", "digest"},
		{"wrong digest", formOf("submission", submissionWith(`{"id":"p1","name":"a","media_type":"x/y","sha256":`+hashOfContent+`}`), "p1", "abc"), formType, 422, "parts[0].sha256", "digest"},
		{"cut in a file", strings.TrimSuffix(good, "\r\n--XX--\r\n"), formType, 400, "", "multipart"},
		{"cut in a header", strings.TrimSuffix(good, "\r\n\r\nabc\r\n--XX--\r\n"), formType, 400, "", "multipart"},
		{"cut in a header, no list", strings.TrimSuffix(formOf("submission", submissionWith(""), "p1", "abc"), "\r\n\r\nabc\r\n--XX--\r\n"), formType, 400, "", "multipart"},
		{"cut after a file, no list", strings.TrimSuffix(formOf("submission", submissionWith(""), "p1", "abc"), "--XX--\r\n"), formType, 400, "", "multipart"},
		{"text after the end", good + "epilogue", formType, 400, "", "multipart"},
		{"endless header", "--XX\r\nA: " + strings.Repeat("x", 11<<20), formType, 400, "", "multipart"},
		{"no headers", "--XX\r\n\r\nabc\r\n--XX--\r\n", formType, 422, "submission", "required"},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := newTestServer(t, func(o *Options) { o.Limits.Parts = 3 })
			a := s.call(t, http.MethodPost, "/v1/dispatches", row.body, "Content-Type", row.contentType)
			if p := a.problem(t); p.Status != row.status || !p.has(row.field, row.rule) {
				t.Errorf("%d %+v, want %d %s %s", p.Status, p.Errors, row.status, row.field, row.rule)
			}
			if n := s.hub.open(); n != 0 {
				t.Errorf("%d blob writers were left open", n)
			}
			if s.hub.submitted.Sender != "" {
				t.Error("it was submitted all the same")
			}
		})
	}
}

func manyFiles(n int) []string {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf("f%d", i), "x")
	}
	return list
}

// A sender that goes away in the middle leaves nothing behind.
func TestBrokenUploadDiscards(t *testing.T) {
	s := newTestServer(t)
	body, feed := io.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL+"/v1/dispatches", body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer lt_all_x")
	req.Header.Set("Content-Type", formType)
	done := make(chan error, 1)
	go func() {
		resp, err := s.Client().Do(req)
		if err == nil {
			resp.Body.Close()
		}
		done <- err
	}()
	head, _, _ := strings.Cut(formOf("submission", submissionWith(onePart), "p1", strings.Repeat("x", 1<<20)), "xxxx")
	if _, err := io.WriteString(feed, head+strings.Repeat("x", 600<<10)); err != nil {
		t.Fatal(err)
	}
	<-s.hub.began
	cancel()
	feed.CloseWithError(context.Canceled)
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Fatalf("the client ended with %v", err)
	}
	s.Close() // waits until the handler has ended
	if n := len(s.hub.writers); n != 1 {
		t.Errorf("%d blobs were begun, want 1", n)
	}
	if s.hub.open() != 0 || s.hub.submitted.Sender != "" {
		t.Error("half a submission was left behind")
	}
}

func zipped(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := io.WriteString(z, text); err != nil {
		t.Fatal(err)
	}
	z.Close()
	return b.String()
}

func TestCompressedBodies(t *testing.T) {
	s := newTestServer(t, func(o *Options) { o.Limits.Package, o.Limits.Form = 10_000, 10_000 })
	form := formOf("submission", submissionWith(onePart), "p1", "abc")
	for _, row := range []struct {
		name, path, contentType, body, coding string
		status                                int
		rule                                  string
	}{
		{"package", "/v1/packages", "application/xml", zipped(t, "<edXML/>"), "gzip", 201, ""},
		{"form", "/v1/dispatches", formType, zipped(t, form), "GZip", 201, ""},
		{"identity", "/v1/packages", "application/xml", "<edXML/>", "identity", 201, ""},
		{"bomb", "/v1/packages", "application/xml", zipped(t, strings.Repeat("x", 1_000_000)), "gzip", 413, "max_size"},
		{"bomb in a form", "/v1/dispatches", formType, zipped(t, formOf("submission", submissionWith(onePart), "p1", strings.Repeat("x", 1_000_000))), "gzip", 413, "max_size"},
		{"not gzip", "/v1/packages", "application/xml", "<edXML/>", "gzip", 400, "gzip"},
		{"cut", "/v1/packages", "application/xml", zipped(t, strings.Repeat("<edXML/>", 99))[:30], "gzip", 400, "gzip"},
		{"unknown", "/v1/packages", "application/xml", "x", "br", 415, "content_encoding"},
		{"chunk", "/v1/verify", "", zipped(t, "x"), "gzip", 415, "content_encoding"},
		{"plain and too large", "/v1/packages", "application/xml", strings.Repeat("x", 10_001), "", 413, "max_size"},
	} {
		a := s.call(t, http.MethodPost, row.path, row.body, "Content-Type", row.contentType, "Content-Encoding", row.coding)
		if a.StatusCode != row.status {
			t.Errorf("%s: %d %s", row.name, a.StatusCode, a.body)
			continue
		}
		if row.rule != "" && !slices.ContainsFunc(a.problem(t).Errors, func(f fault) bool { return f.Rule == row.rule }) {
			t.Errorf("%s: %s", row.name, a.body)
		}
	}
	if n := s.hub.open(); n != 0 {
		t.Errorf("%d blob writers were left open", n)
	}
}

// A body of unknown length is bounded while it comes.
func TestChunkedBodyIsBounded(t *testing.T) {
	s := newTestServer(t, func(o *Options) { o.Limits.Package = 10_000 })
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	request := "POST /v1/packages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer lt_all_x\r\nTransfer-Encoding: chunked\r\n\r\n"
	chunk := fmt.Sprintf("%x\r\n%s\r\n", 10_001, strings.Repeat("x", 10_001))
	if _, err := io.WriteString(conn, request+chunk); err != nil { // and no end
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("%d", resp.StatusCode)
	}
}

func TestPackages(t *testing.T) {
	s := newTestServer(t)
	spec := readSpec(t)
	a := s.call(t, http.MethodPost, "/v1/packages?to=000.00.12.H47&to=000.00.13.H47", "<edXML/>", "Content-Type", "text/xml", "Idempotency-Key", "k")
	if a.StatusCode != http.StatusCreated || !slices.Equal(s.hub.submitted.Recipients, []string{"000.00.12.H47", "000.00.13.H47"}) || s.hub.submitted.Key != "k" || s.hub.submitted.Format != hub.FormatEdXML {
		t.Errorf("%d %+v", a.StatusCode, s.hub.submitted)
	}
	s.call(t, http.MethodPost, "/v1/packages", "<edXML/>", "Content-Type", "application/octet-stream")
	if !slices.Equal(s.hub.submitted.Recipients, []string{"in package"}) {
		t.Errorf("%v", s.hub.submitted.Recipients)
	}
	a = s.call(t, http.MethodPost, "/v1/packages", "status 03", "Content-Type", "application/xml")
	spec.check(t, http.MethodPost, "/v1/packages", a)
	if a.StatusCode != http.StatusCreated || s.hub.status.Code != "03" || bytes.Contains(a.body, []byte("dispatch")) {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	if p := s.call(t, http.MethodPost, "/v1/packages", "broken", "Content-Type", "application/xml").problem(t); p.Status != http.StatusBadRequest || !p.has("package", "well_formed") {
		t.Errorf("%+v", p)
	}
	if p := s.call(t, http.MethodPost, "/v1/packages", "{}", "Content-Type", "application/json").problem(t); p.Status != http.StatusUnsupportedMediaType {
		t.Errorf("%+v", p)
	}
}

func TestUploadChunks(t *testing.T) {
	s := newTestServer(t)
	a := s.call(t, http.MethodPatch, "/v1/uploads/u1/parts/p1", "abcd", "Upload-Offset", "10", "Content-Type", "application/octet-stream")
	if a.StatusCode != http.StatusNoContent || a.Header.Get("Upload-Offset") != "14" || string(s.hub.appended) != "abcd" {
		t.Errorf("%d %v", a.StatusCode, a.Header)
	}
	for _, offset := range []string{"", "-1", "x", "1.5"} {
		if p := s.call(t, http.MethodPatch, "/v1/uploads/u1/parts/p1", "abcd", "Upload-Offset", offset).problem(t); !p.has("Upload-Offset", "required") {
			t.Errorf("%q: %+v", offset, p)
		}
	}
}

func TestVerifyKeepsNothing(t *testing.T) {
	s := newTestServer(t)
	a := s.call(t, http.MethodPost, "/v1/verify?name=a.pdf", "%PDF-1.7 x")
	if a.StatusCode != http.StatusOK || !bytes.Contains(a.body, []byte("a.pdf %PDF")) || len(s.hub.writers) != 0 {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	if p := s.call(t, http.MethodPost, "/v1/verify", "--b\r\n\r\n%PDF-1.7\r\n--b--", "Content-Type", "multipart/form-data; boundary=b").problem(t); p.Status != http.StatusUnsupportedMediaType || !p.has("Content-Type", "content_type") {
		t.Errorf("a form around a file: %+v", p)
	}
	if p := s.call(t, http.MethodPost, "/v1/verify", "").problem(t); p.Status != http.StatusUnprocessableEntity || !p.has("", "required") {
		t.Errorf("%+v", p)
	}
}

func TestSeal(t *testing.T) {
	temp := t.TempDir()
	s := newTestServer(t, func(o *Options) { o.Limits.Seal, o.TempDir = 20, temp })
	a := s.call(t, http.MethodPost, "/v1/seal?agency=000.00.00.H47", "%PDF-1.7 x", "Content-Type", "application/pdf")
	sum := sha256.Sum256([]byte("%PDF-1.7 x sealed"))
	if a.StatusCode != http.StatusOK || string(a.body) != "%PDF-1.7 x sealed" || a.Header.Get("Content-Type") != "application/pdf" ||
		a.Header.Get("Repr-Digest") != "sha-256=:"+base64.StdEncoding.EncodeToString(sum[:])+":" || s.hub.sealed.Role != hub.SealIssued {
		t.Errorf("%d %v %s", a.StatusCode, a.Header, a.body)
	}
	for _, tt := range []struct {
		query, body, field, rule string
		status                   int
	}{
		{"", "", "", "required", 422},
		{"", strings.Repeat("x", 21), "", "max_size", 413},
		{"?agency=nobody", "x", "agency", "unknown_agency", 422},
		{"?agncy=a1", "x", "agncy", "unknown_parameter", 422},
	} {
		if p := s.call(t, http.MethodPost, "/v1/seal"+tt.query, tt.body).problem(t); p.Status != tt.status || !p.has(tt.field, tt.rule) {
			t.Errorf("%s %q: %+v", tt.query, tt.body, p)
		}
	}
	// What was written before a failure is not given out.
	s.hub.err = hub.Errorf(hub.KindUnavailable, "agency", "token", "away")
	a = s.call(t, http.MethodPost, "/v1/seal", "%PDF-1.7 x")
	if p := a.problem(t); p.Status != http.StatusServiceUnavailable || !p.has("agency", "token") || a.Header.Get("Retry-After") == "" || a.Header.Get("Repr-Digest") != "" {
		t.Errorf("%+v", p)
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) != 0 {
		t.Errorf("files were left: %v, %v", left, err)
	}
}

// A client gets the form that it prefers, and JSON where it names none that is there.
func TestReportForms(t *testing.T) {
	s := newTestServer(t)
	for _, tt := range []struct{ accept, language, query, mediaType, body string }{
		{"", "", "", "application/json", `"kind":"pdf"`},
		{"*/*", "", "", "application/json", ""},
		{"image/png", "", "", "application/json", ""},
		{"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "en-GB,en", "", "text/html; charset=utf-8", "page en-GB,en NO_SIGNATURE_FOUND"},
		{"text/html", "en", "&lang=vi", "text/html; charset=utf-8", "page vi NO_SIGNATURE_FOUND"},
		{"text/html;q=0.1, application/xml", "", "", "application/xml", "xml  NO_SIGNATURE_FOUND"},
		{"text/html;q=0, application/json", "", "", "application/json", ""},
		{"text/html;q=much, ;;", "", "", "application/json", ""},
	} {
		a := s.call(t, http.MethodPost, "/v1/verify?name=a.pdf"+tt.query, "%PDF-1.7 x", "Accept", tt.accept, "Accept-Language", tt.language)
		if a.StatusCode != http.StatusOK || a.Header.Get("Content-Type") != tt.mediaType || !strings.Contains(string(a.body), tt.body) {
			t.Errorf("%q: %d %s %s", tt.accept, a.StatusCode, a.Header.Get("Content-Type"), a.body)
		}
		if !slices.Contains(a.Header.Values("Vary"), "Accept") {
			t.Errorf("%q: Vary is %q", tt.accept, a.Header.Values("Vary"))
		}
		if page := strings.HasPrefix(tt.mediaType, "text/html"); page != strings.Contains(a.Header.Get("Content-Security-Policy"), "style-src") {
			t.Errorf("%q: policy %q", tt.accept, a.Header.Get("Content-Security-Policy"))
		}
	}
	a := s.call(t, http.MethodGet, "/v1/dispatches/d1/signatures", "", "Accept", "application/xml")
	if a.StatusCode != http.StatusOK || string(a.body) != "xml  NO_SIGNATURE_FOUND" {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
}

// TestReceiptsAreWrittenAsTheyAre: an answer with a receipt is what an encoder makes of all
// of it.
func TestReceiptsAreWrittenAsTheyAre(t *testing.T) {
	s := newTestServer(t)
	encoded := func(v any) string {
		text, err := encodeJSON(v)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	for _, duplicate := range []bool{false, true} {
		want := encoded(hub.Accepted{Dispatch: theDispatch(), Deliveries: []hub.Delivery{theDelivery()}, Receipt: sealed(), Duplicate: duplicate})
		body := formOf("submission", submissionWith(onePart), "p1", "abc")
		if got := s.call(t, http.MethodPost, "/v1/dispatches", body, "Content-Type", formType, "Idempotency-Key", "k-1"); string(got.body) != want {
			t.Errorf("%s, want %s", got.body, want)
		}
	}
	want := encoded(map[string]any{"receipt": sealed()})
	if got := s.call(t, http.MethodPost, "/v1/deliveries/v1/acknowledgement", `{"fence":7,"parts":{"p1":`+hashOfContent+`}}`, "Content-Type", "application/json"); string(got.body) != want {
		t.Errorf("%s, want %s", got.body, want)
	}
}
