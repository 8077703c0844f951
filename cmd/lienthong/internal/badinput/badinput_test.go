package badinput

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// row is one bad input. Exactly one of Submission, EdXML, Body says what is sent.
type row struct {
	Name string `json:"name"`
	Why  string `json:"why"` // what a real system does to cause it

	// Submission is merged over the good submission (JSON merge patch, RFC 7396)
	// and sent as multipart with Files (default: one signed PDF as p1).
	Submission json.RawMessage   `json:"submission"`
	Files      map[string]string `json:"files"` // part name -> file of the generator, see files_test.go
	// EdXML replaces text in the good package: pairs of old and new.
	EdXML []string `json:"edxml"`
	// Seal says whose seal then signs the envelope: agency, unknown-ca. Forged replaces
	// text behind its back.
	Seal   string   `json:"seal"`
	Forged []string `json:"forged"`
	// Body is sent as it is.
	Body        *string           `json:"body"`
	Path        string            `json:"path"`
	Method      string            `json:"method"`
	ContentType string            `json:"content_type"`
	Header      map[string]string `json:"header"`
	Key         string            `json:"key"` // whose key: sender (default), recipient, operator, none, wrong

	// Rules are in force while the row is sent (rules of PUT /v1/signatures/rules).
	Rules json.RawMessage `json:"rules"`

	Want want `json:"want"`
}

type want struct {
	Status   int    `json:"status"`
	Kind     string `json:"kind"`
	Field    string `json:"field"`
	Rule     string `json:"rule"`
	Rejected bool   `json:"rejected"` // a sealed SubmissionRejection comes back and is kept
}

func TestBadInput(t *testing.T) {
	h := newHub(t)
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no rows: %v", err)
	}
	count := 0
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		decoder := json.NewDecoder(bytes.NewReader(raw))
		decoder.DisallowUnknownFields()
		var rows []row
		if err := decoder.Decode(&rows); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for _, r := range rows {
			count++
			name := strings.TrimSuffix(filepath.Base(file), ".json") + "/" + r.Name
			t.Run(name, func(t *testing.T) { h.checkRow(t, r) })
		}
	}
	if count < 60 {
		t.Errorf("the table has %d rows, it must have at least 60", count)
	}
}

// problem is the answer to bad input (RFC 9457).
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Kind   string `json:"kind"`
	Detail string `json:"detail"`
	Errors []struct {
		Field   string `json:"field"`
		Rule    string `json:"rule"`
		Message string `json:"message"`
	} `json:"errors"`
	Receipt json.RawMessage `json:"receipt"`
}

func (h *testHub) checkRow(t *testing.T, r row) {
	if r.Rules != nil {
		h.setRules(t, r.Rules)
		defer h.setRules(t, json.RawMessage("[]"))
	}
	before := h.state(t)
	status, contentType, body := h.send(t, r)
	if !strings.HasPrefix(contentType, "application/problem+json") {
		t.Fatalf("answer is %d %q, want application/problem+json: %s", status, contentType, body)
	}
	var p problem
	if err := json.Unmarshal(body, &p); err != nil {
		t.Fatalf("the problem is not JSON: %v: %s", err, body)
	}
	if status != r.Want.Status || p.Status != status || p.Kind != r.Want.Kind || !p.names(r.Want.Field, r.Want.Rule) {
		t.Errorf("got  %d %s %+v\nwant %+v\n%s", status, p.Kind, p.Errors, r.Want, body)
	}
	if p.Detail == "" && len(p.Errors) == 0 {
		t.Error("the answer tells a person nothing")
	}
	if got := len(p.Receipt) > 0; got != r.Want.Rejected {
		t.Errorf("signed rejection in the answer: %v, want %v\n%s", got, r.Want.Rejected, body)
	}
	after := h.state(t)
	rejections := after.rejections - before.rejections
	if want := map[bool]int{true: 1}[r.Want.Rejected]; rejections != want {
		t.Errorf("%d rejections were recorded, want %d", rejections, want)
	}
	after.rejections = before.rejections
	if !before.equal(after) {
		t.Errorf("the store changed:\nbefore %+v\nafter  %+v", before, after)
	}
}

func (h *testHub) setRules(t *testing.T, rules json.RawMessage) {
	t.Helper()
	body := append(append([]byte(`{"rules":`), rules...), '}')
	if status, _, answer := h.request(t, http.MethodPut, "/v1/signatures/rules", h.keys["operator"], "application/json", body, nil); status != http.StatusOK {
		t.Fatalf("set rules: %d %s", status, answer)
	}
}

func (p *problem) names(field, rule string) bool {
	if field == "" && rule == "" {
		return true
	}
	for _, e := range p.Errors {
		if e.Field == field && e.Rule == rule {
			return true
		}
	}
	return false
}

// state is what the parties can see of the store.
type state struct {
	sent       []string
	waiting    map[string][]string
	rejections int
}

func (s state) equal(o state) bool {
	return slices.Equal(s.sent, o.sent) && maps.EqualFunc(s.waiting, o.waiting, slices.Equal[[]string])
}

func (h *testHub) state(t *testing.T) state {
	t.Helper()
	s := state{
		sent:    h.list(t, h.keys["sender"], "/v1/sent?limit=200"),
		waiting: map[string][]string{"recipient": h.list(t, h.keys["recipient"], "/v1/mailbox?limit=200")},
	}
	s.rejections = len(h.list(t, h.keys["sender"], "/v1/rejections?limit=200"))
	return s
}

func (h *testHub) list(t *testing.T, key, path string) []string {
	t.Helper()
	var all []string
	for after := ""; ; {
		var page struct {
			Items []json.RawMessage `json:"items"`
			Next  string            `json:"next"`
		}
		status, _, body := h.request(t, http.MethodGet, path+after, key, "", nil, nil)
		if status != http.StatusOK {
			t.Fatalf("GET %s: %d %s", path, status, body)
		}
		if err := json.Unmarshal(body, &page); err != nil {
			t.Fatal(err)
		}
		for _, item := range page.Items {
			all = append(all, string(item))
		}
		if page.Next == "" {
			return all
		}
		after = "&after=" + page.Next
	}
}

func (h *testHub) send(t *testing.T, r row) (status int, contentType string, body []byte) {
	t.Helper()
	method, path, kind := r.Method, r.Path, r.ContentType
	var payload []byte
	switch {
	case r.Submission != nil:
		payload, kind = h.multipart(t, r, kind)
		path = cmpOr(path, "/v1/dispatches")
	case r.EdXML != nil:
		payload = h.packageOf(t, &r)
		path, kind = cmpOr(path, "/v1/packages"), cmpOr(kind, "application/xml")
	default:
		if r.Body != nil {
			payload = []byte(*r.Body)
		}
	}
	return h.request(t, cmpOr(method, http.MethodPost), path, h.key(t, r.Key), kind, payload, r.Header)
}

func cmpOr(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func (h *testHub) key(t *testing.T, who string) string {
	t.Helper()
	key, ok := h.keys[cmpOr(who, "sender")]
	if !ok {
		t.Fatalf("row wants the key of %q", who)
	}
	return key
}

func (h *testHub) request(t *testing.T, method, path, key, kind string, payload []byte, header map[string]string) (int, string, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), method, h.url+path, bytes.NewReader(payload))
	if err != nil {
		t.Fatal(err)
	}
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	for name, value := range header {
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header.Get("Content-Type"), body
}

func (h *testHub) multipart(t *testing.T, r row, kind string) ([]byte, string) {
	t.Helper()
	files := r.Files
	if files == nil {
		files = map[string]string{"p1": "signed.pdf"}
	}
	submission := mergePatch(t, h.goodSubmission(), []byte(h.expand(t, string(r.Submission))))
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	w, err := form.CreatePart(textproto.MIMEHeader{
		"Content-Disposition": {`form-data; name="submission"`}, "Content-Type": {"application/json"},
	})
	if err != nil {
		t.Fatal(err)
	}
	w.Write(submission)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		w, err := form.CreateFormFile(name, "file.pdf")
		if err != nil {
			t.Fatal(err)
		}
		w.Write(h.file(t, files[name]))
	}
	form.Close()
	return body.Bytes(), cmpOr(kind, form.FormDataContentType())
}

// mergePatch applies RFC 7396.
func mergePatch(t *testing.T, target, patch []byte) []byte {
	t.Helper()
	var a, b any
	for _, v := range []struct {
		raw []byte
		out *any
	}{{target, &a}, {patch, &b}} {
		if err := json.Unmarshal(v.raw, v.out); err != nil {
			t.Fatal(err)
		}
	}
	merged, err := json.Marshal(merge(a, b))
	if err != nil {
		t.Fatal(err)
	}
	return merged
}

func merge(target, patch any) any {
	p, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	out, ok := target.(map[string]any)
	if !ok {
		out = map[string]any{}
	}
	for k, v := range p {
		if v == nil {
			delete(out, k)
			continue
		}
		out[k] = merge(out[k], v)
	}
	return out
}

// packageOf is the good package as the row wants it.
func (h *testHub) packageOf(t *testing.T, r *row) []byte {
	t.Helper()
	text := h.edited(t, h.goodPackage(t), r.EdXML)
	if r.Seal == "" {
		return []byte(text)
	}
	sealed, err := h.seals[r.Seal].SignEnvelope(t.Context(), []byte(text), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return []byte(h.edited(t, string(sealed), r.Forged))
}

// edited is a package with every old text replaced by the new one. A text that does not
// occur is an error of the row. In new texts, "{{@name}}" is the Base64 of a file,
// "{{x*N}}" is N letters; the old text "CONTENT" is the content of the attachment.
func (h *testHub) edited(t *testing.T, text string, edits []string) string {
	t.Helper()
	if len(edits)%2 != 0 {
		t.Fatal("edxml takes pairs of old and new text")
	}
	for i := 0; i < len(edits); i += 2 {
		old, replacement := edits[i], h.expand(t, edits[i+1])
		if old == "CONTENT" {
			begin, end := contentOf(text)
			text = text[:begin] + replacement + text[end:]
			continue
		}
		if !strings.Contains(text, old) {
			t.Fatalf("the package has no %q", old)
		}
		text = strings.ReplaceAll(text, old, replacement)
	}
	return text
}

func (h *testHub) expand(t *testing.T, text string) string {
	t.Helper()
	before, directive, found := strings.Cut(text, "{{")
	if !found {
		return text
	}
	directive, after, _ := strings.Cut(directive, "}}")
	if name, ok := strings.CutPrefix(directive, "@"); ok {
		return before + h.base64File(t, name) + after
	}
	count, err := strconv.Atoi(strings.TrimPrefix(directive, "x*"))
	if err != nil {
		t.Fatalf("unknown directive %q", directive)
	}
	return before + strings.Repeat("x", count) + after
}
