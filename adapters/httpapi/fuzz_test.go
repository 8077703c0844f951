package httpapi

import (
	"bufio"
	"context"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/lienthong/lienthong/adapters/internal/strictjson"
	"github.com/lienthong/lienthong/hub"
)

// FuzzDecodeJSON: whatever comes, it is taken or refused with a rule, and what is
// taken says the same when it is read again.
func FuzzDecodeJSON(f *testing.F) {
	for _, seed := range []string{submissionOK, submissionWith(onePart), `{}`, `null`, `{"parts":[{"sha256":` + hashOfContent + `}]}`, `{"a":{"a":[1]}}`, `{"sender":"\ud800"}`, "\ufeff{}"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var s submission
		err := strictjson.Decode([]byte(text), &s)
		if err != nil {
			if v := hub.ViolationsOf(err)[0]; v.Kind != hub.KindInvalid || v.Rule == "" {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		again, err := encodeJSON(s)
		if err != nil {
			t.Fatal(err)
		}
		var second submission
		if err := strictjson.Decode(again, &second); err != nil || written(t, s) != written(t, second) {
			t.Fatalf("%q was read as %s, and that as %+v: %v", text, again, second, err)
		}
	})
}

func written(t *testing.T, s submission) string {
	t.Helper()
	text, err := encodeJSON(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// FuzzForm: whatever comes as a form, no blob is left open, and a submission has
// exactly the bytes of its files.
func FuzzForm(f *testing.F) {
	f.Add(formOf("submission", submissionWith(onePart), "p1", "abc"), "XX")
	f.Add(formOf("submission", submissionWith(""), "a", "abc", "b", ""), "XX")
	f.Add("--XX\r\n\r\n--XX--", "XX")
	f.Add(strings.Repeat("--XX\r\n", 50), "XX")
	f.Fuzz(func(t *testing.T, body, boundary string) {
		fake := newFakeHub()
		limits := Limits{JSON: 4 << 10, Parts: 3}.withDefaults()
		end := &ending{inner: strings.NewReader(body), boundary: "--" + boundary + "--"}
		form := &form{multipart.NewReader(end, boundary), end, bufio.NewWriter(nil), fake, limits}
		s, err := form.submission()
		if err == nil {
			err = form.files(context.Background(), &s)
		}
		if fake.open() != 0 {
			t.Fatal("a blob was left open")
		}
		if err != nil {
			if v := hub.ViolationsOf(err)[0]; v.Kind == hub.KindInternal {
				t.Fatalf("%v", err)
			}
			return
		}
		for _, p := range s.Parts {
			if content, ok := fake.blobs[p.Digest]; !ok || int64(len(content)) != p.Size {
				t.Fatalf("part %+v has no content", p)
			}
		}
	})
}

// FuzzRange: a range lies inside the content, always.
func FuzzRange(f *testing.F) {
	for _, seed := range []string{"bytes=0-3", "bytes=-5", "bytes=5-", "bytes=0-1,2-3", "bytes=9223372036854775807-", "bytes= 1-2 "} {
		f.Add(seed, int64(10))
	}
	f.Fuzz(func(t *testing.T, header string, size int64) {
		if size < 0 {
			return
		}
		r, ok := parseRange(header, size)
		if !ok {
			return
		}
		if r.length < 0 || r.length > 0 && (r.start < 0 || r.start+r.length > size) {
			t.Fatalf("%q of %d: %+v", header, size, r)
		}
	})
}

// FuzzQuery: cursors and other parameters are read or refused; a cursor that is
// read is the one that was written.
func FuzzQuery(f *testing.F) {
	for _, seed := range []string{"after=cm93", "limit=5&state=accepted,queued", "q=%zz", "at=2026-01-05T00:00:00Z", "after=a=b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.URL.RawQuery = raw
		q := (&exchange{r: r}).query()
		page, at := q.page(), q.at(testTime)
		q.states()
		if q.done() != nil {
			return
		}
		if page.Limit < 1 || page.Limit > maxPage {
			t.Fatalf("limit %d", page.Limit)
		}
		if back, err := parseCursor(nextCursor(page.After)); err != nil || back != page.After {
			t.Fatalf("cursor %q: %v", page.After, err)
		}
		_ = at.UTC()
	})
}

// FuzzAttachment: no name breaks out of its header.
func FuzzAttachment(f *testing.F) {
	f.Add("Công văn.pdf")
	f.Add("a\"\r\nX: y")
	f.Fuzz(func(t *testing.T, name string) {
		if header := attachment(name); strings.ContainsAny(header, "\r\n\x00") || strings.Count(header, `"`) != 2 {
			t.Fatalf("%q: %q", name, header)
		}
	})
}

// FuzzInflate: a compressed body never yields more than its limit.
func FuzzInflate(f *testing.F) {
	f.Add("\x1f\x8b")
	f.Fuzz(func(t *testing.T, body string) {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
		r.Header.Set("Content-Encoding", "gzip")
		x := &exchange{r: r}
		plain, err := x.decoded(1000)
		if err != nil {
			return
		}
		if got, _ := io.ReadAll(plain); len(got) > 1000 { // the error does not matter here
			t.Fatalf("%d bytes", len(got))
		}
	})
}
