package portal_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lienthong/lienthong/adapters/portal"
	"github.com/lienthong/lienthong/hub"
)

// filings takes what is handed in.
type filings struct {
	mu    sync.Mutex
	off   bool
	err   error
	taken []hub.DossierFiling
}

func (f *filings) Units(context.Context, string) ([]hub.FilingUnit, error) {
	if f.off {
		return nil, nil
	}
	return []hub.FilingUnit{{Code: "H47.12", Name: "UBND xã <Mẫu>"}, {Code: "H47.13", Name: "UBND xã Khác"}}, nil
}

func (f *filings) CreateBlob(context.Context) (hub.BlobWriter, error) { return &blob{}, nil }

// blob is content that comes in.
type blob struct{ bytes.Buffer }

func (b *blob) Commit() (hub.Digest, int64, error) {
	return sha256.Sum256(b.Bytes()), int64(b.Len()), nil
}

func (*blob) Discard() {}

func (f *filings) File(_ context.Context, said hub.DossierFiling) (hub.FilingReceipt, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return hub.FilingReceipt{}, f.err
	}
	f.taken = append(f.taken, said)
	return hub.FilingReceipt{
		Number: number, Secret: "7K3MQ9XD2VBTH5RW", Unit: "UBND xã Mẫu", Procedure: "Đăng ký <khai sinh>", Received: time.Date(2026, 3, 2, 1, 0, 0, 0, time.UTC), Papers: []string{"tờ khai.pdf"},
		Progress: "https://p.example/dossiers?number=" + number + "#7K3MQ9XD2VBTH5RW",
	}, nil
}

const (
	formPath = "/procedures/1.001193/file"
	pdf      = "%PDF-1.7 tờ khai"
)

// field is one of a form; with a file name it is a file.
type field struct{ name, value, file string }

func typed(more ...field) []field {
	return append([]field{{"form", strings.Repeat("ab", 16), ""}, {"unit", "H47.12", ""}, {"name", "Trần Thị <Mẫu>", ""}, {"contact", "0900 000 000", ""}, {"consent", "yes", ""}}, more...)
}

func paper() field { return field{"paper-0", pdf, "tờ khai.pdf"} }

// without is a form without some fields.
func without(fields []field, names ...string) []field {
	return slices.DeleteFunc(fields, func(f field) bool { return slices.Contains(names, f.name) })
}

func (w *world) handIn(t *testing.T, from string, fields []field, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for _, f := range fields {
		h := textproto.MIMEHeader{"Content-Disposition": {fmt.Sprintf("form-data; name=%q", f.name)}}
		if f.file != "" {
			h.Set("Content-Disposition", "form-data; name=\""+f.name+"\"; filename=\""+f.file+"\"")
		}
		part, err := form.CreatePart(h)
		if err == nil {
			_, err = io.WriteString(part, f.value)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := form.Close(); err != nil {
		t.Fatal(err)
	}
	return w.ask(from, http.MethodPost, formPath, body.String(), append([]string{"Content-Type", form.FormDataContentType()}, headers...)...)
}

// TestHandingIn: the page of a procedure leads to a form where an agency takes it; what is
// handed in there comes to that with its files by their bytes, and the answer is a receipt.
func TestHandingIn(t *testing.T) {
	w := newWorld(t)
	has(t, "the procedure", w.get("/procedures/1.001193"), 200, `href="/procedures/1.001193/file"`, "Nộp hồ sơ")
	has(t, "the form", w.get(formPath), 200, "UBND xã &lt;Mẫu&gt;", `name="paper-0"`, "Tờ khai", `enctype="multipart/form-data"`, `href="/en`+formPath+`"`)
	key := regexp.MustCompile(`name="form" value="([0-9a-f]{32})"`)
	first, second := key.FindStringSubmatch(w.get(formPath).Body.String()), key.FindStringSubmatch(w.get(formPath).Body.String())
	if first == nil || second == nil || first[1] == second[1] {
		t.Errorf("two forms have the numbers %q and %q", first, second)
	}
	answer := w.handIn(t, here, typed(paper(), field{"other", "\x89PNG\r\n\x1a\n…", "ảnh\u202e.exe"}, field{"other", "", ""}, field{"who", "me", ""}, field{"elsewhere", "MZ", "x.exe"}), "Sec-Fetch-Site", "same-origin")
	has(t, "the receipt", answer, 200, number, secret, "UBND xã Mẫu", "tờ khai.pdf", "<svg", "Đăng ký &lt;khai sinh&gt;")
	if h := answer.Header(); h.Get("Cache-Control") != "no-store" || h.Get("Set-Cookie") != "" || h.Get("Referrer-Policy") != "same-origin" {
		t.Errorf("the receipt comes with %v", h)
	}
	if len(w.filings.taken) != 1 {
		t.Fatalf("taken: %+v", w.filings.taken)
	}
	got := w.filings.taken[0]
	if got.Form != strings.Repeat("ab", 16) || got.Procedure != "1.001193" || got.Unit != "H47.12" || got.Owner != (hub.DossierOwner{Name: "Trần Thị <Mẫu>", Contact: "0900 000 000"}) || !got.Consent || len(got.Papers) != 2 {
		t.Fatalf("%+v", got)
	}
	if p := got.Papers[0]; p.For != "Tờ khai" || p.Name != "tờ khai.pdf" || p.MediaType != "application/pdf" || p.Size != int64(len(pdf)) || p.Digest != sha256.Sum256([]byte(pdf)) {
		t.Errorf("%+v", p)
	}
	if p := got.Papers[1]; p.For != "" || p.Name != "ảnh_.exe" || p.MediaType != "image/png" {
		t.Errorf("%+v", p)
	}
	if log := w.log.String(); strings.Contains(log, "Mẫu") || strings.Contains(log, "7K3M") {
		t.Errorf("the log: %s", log)
	}
}

// TestNobodyTakesIt: where no agency takes a procedure, and where it lapsed meanwhile, there is
// no form and nothing is taken.
func TestNobodyTakesIt(t *testing.T) {
	for name, change := range map[string]func(*world){"no agency": func(w *world) { w.filings.off = true }, "lapsed": func(w *world) { w.lapsed = true }} {
		w := newWorld(t)
		change(w)
		has(t, name, w.get(formPath), 404)
		has(t, name, w.handIn(t, here, typed(paper())), 404)
		if body := w.get("/procedures/1.001193").Body.String(); strings.Contains(body, formPath) || len(w.filings.taken) > 0 {
			t.Errorf("%s: %s %v", name, body, w.filings.taken)
		}
	}
}

// TestWrongForms: what is wrong stands beside its field, and what was typed and the files that
// came are there again.
func TestWrongForms(t *testing.T) {
	limit := func(o *portal.Options) { o.Limits.File, o.Limits.Files = 100, 150; o.Limits.Filings = 1000 }
	for name, c := range map[string]struct {
		fields []field
		wrong  string // field
		text   string
	}{
		"no unit":       {without(typed(paper()), "unit"), "unit", "chọn cơ quan tiếp nhận"},
		"no name":       {without(typed(paper()), "name"), "name", "nhập hoặc chọn"},
		"no contact":    {without(typed(paper()), "contact"), "contact", "nhập hoặc chọn"},
		"a bad contact": {append(without(typed(paper()), "contact"), field{"contact", "nhà tôi", ""}), "contact", "số điện thoại hoặc địa chỉ"},
		"no consent":    {without(typed(paper()), "consent"), "consent", "Cần có sự đồng ý"},
		"no paper":      {typed(), "paper-0", "nhập hoặc chọn"},
		"a program":     {typed(field{"paper-0", "MZ %PDF-", "a.pdf"}), "paper-0", "không phải PDF"},
		"another kind":  {typed(field{"paper-0", "PK\x03\x04", "a.pdf"}), "paper-0", "không phải PDF"},
		"an empty file": {typed(field{"paper-0", "", "a.pdf"}), "paper-0", "Tệp rỗng"},
		"too large":     {typed(field{"paper-0", pdf + strings.Repeat("x", 100), "a.pdf"}), "paper-0", "Tệp lớn hơn 100 B"},
		"too much":      {typed(field{"paper-0", pdf + strings.Repeat("x", 80), "a.pdf"}, field{"other", pdf + strings.Repeat("x", 80), "b.pdf"}), "other", "cộng lại lớn hơn 150 B"},
		"a false claim": {typed(field{"kept-paper-0", "e30.AAAA", ""}), "paper-0", "chọn lại tệp này"},
	} {
		w := newWorld(t, limit)
		answer := w.handIn(t, here, c.fields)
		has(t, name, answer, 422, `aria-describedby="wrong-`+c.wrong+`"`, c.text, strings.Repeat("ab", 16))
		body := answer.Body.String()
		if c.wrong != "name" && !strings.Contains(body, "Trần Thị &lt;Mẫu&gt;") || c.wrong != "unit" && !strings.Contains(body, `value="H47.12" selected`) || c.wrong != "consent" && !strings.Contains(body, `value="yes" required checked`) {
			t.Errorf("%s: what was typed is gone: %s", name, body)
		}
		if len(w.filings.taken) > 0 {
			t.Errorf("%s: taken", name)
		}
	}

	w := newWorld(t)
	body := w.handIn(t, here, without(typed(paper(), field{"other", pdf + "2", "khác.pdf"}), "name")).Body.String()
	var again []field
	for _, found := range regexp.MustCompile(`name="(kept-[^"]+)" value="([^"]+)"`).FindAllStringSubmatch(body, -1) {
		again = append(again, field{found[1], found[2], ""})
	}
	if len(again) != 2 || !strings.Contains(body, "Đã nhận tệp: tờ khai.pdf") {
		t.Fatalf("the files that came: %v in %s", again, body)
	}
	has(t, "the form mended", w.handIn(t, here, typed(again...)), 200, number)
	if got := w.filings.taken[0].Papers; len(got) != 2 || got[0].Name != "tờ khai.pdf" || got[0].For != "Tờ khai" || got[1].Name != "khác.pdf" || got[1].Digest != sha256.Sum256([]byte(pdf+"2")) {
		t.Errorf("%+v", got)
	}
	has(t, "in another form", w.handIn(t, here, append(without(typed(again...), "form"), field{"form", strings.Repeat("cd", 16), ""})), 422) // the number comes behind the claims
	w.pass(13 * time.Hour)
	has(t, "a day later", w.handIn(t, here, typed(again...)), 422, "chọn lại tệp này")
}

// TestRefusedFilings: what the hub refuses gives the form back, with what was typed, and tells
// nothing of the hub.
func TestRefusedFilings(t *testing.T) {
	for _, c := range []struct {
		err    error
		status int
		text   string
	}{
		{hub.Invalid("unit", "offline", "x"), 422, `id="wrong-unit">Cơ quan này không còn nhận`},
		{hub.Invalid("procedure", "in_force", "x"), 422, "Thủ tục không còn hiệu lực: hồ sơ chưa được nộp"},
		{hub.Errorf(hub.KindConflict, "form", "taken", "H47.12-260302-0007"), 409, "đã được nộp với nội dung khác"},
		{&hub.Error{Kind: hub.KindUnavailable, Message: "nội bộ"}, 503, "Hệ thống đang bận"},
		{hub.Internal("nội bộ", errors.New("nội bộ")), 500, "Hệ thống gặp lỗi"},
	} {
		w := newWorld(t)
		w.filings.err = c.err
		answer := w.handIn(t, here, typed(paper()))
		has(t, c.err.Error(), answer, c.status, c.text, "Trần Thị &lt;Mẫu&gt;", "Đã nhận tệp: tờ khai.pdf")
		if body := answer.Body.String(); strings.Contains(body, "nội bộ") || strings.Contains(body, "0007") {
			t.Errorf("%v: %s", c.err, body)
		}
		if same := strings.Contains(answer.Body.String(), strings.Repeat("ab", 16)); same == (c.status == 409) {
			t.Errorf("%v: the form keeps its number: %v", c.err, same)
		}
	}
}

// TestBoundsOfFilings: an address, and a procedure, hand in no more than they may; a form of
// another site, one that is too large and what is no such form are refused.
func TestBoundsOfFilings(t *testing.T) {
	w := newWorld(t, func(o *portal.Options) { o.Limits.Filings, o.Limits.Dossiers, o.Limits.DossierRate = 2, 3, 0.01 })
	for range 2 {
		has(t, "at once", w.handIn(t, here, typed(paper())), 200)
	}
	answer := w.handIn(t, here, typed(paper()))
	has(t, "one more of the address", answer, 429)
	if answer.Header().Get("Retry-After") == "" {
		t.Error("it is not told when to come again")
	}
	has(t, "another address", w.handIn(t, "192.0.2.2:1", typed(paper())), 200)
	answer = w.handIn(t, "192.0.2.3:1", typed(paper()))
	has(t, "one more of the procedure", answer, 429, "Trần Thị &lt;Mẫu&gt;", "quá nhiều yêu cầu")
	if answer.Header().Get("Retry-After") == "" {
		t.Error("it is not told when to come again")
	}
	w.pass(time.Minute)
	has(t, "a minute later", w.get(formPath), 200)

	w = newWorld(t, func(o *portal.Options) { o.Limits.Files = 1000 })
	has(t, "of another site", w.handIn(t, here, typed(paper()), "Sec-Fetch-Site", "cross-site"), 422)
	has(t, "no form", w.ask(here, http.MethodPost, formPath, "form=x"), 415)
	has(t, "far too large", w.handIn(t, here, typed(field{"paper-0", strings.Repeat("x", 3<<20), "a.pdf"})), 413)
	has(t, "cut off", w.ask(here, http.MethodPost, formPath, "--b\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\nx", "Content-Type", "multipart/form-data; boundary=b"), 422)
	if len(w.filings.taken) > 0 {
		t.Errorf("taken: %+v", w.filings.taken)
	}
}
