package app_test

import (
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/lienthong/lienthong/hub"
)

// maxWeight is what a page and all that it loads may weigh, but for documents, in bytes,
// even where nothing between hub and browser compresses it.
const maxWeight = 200_000

var loaded = regexp.MustCompile(`(?:src|href)="(/static/[^"]+)"`)

// TestWeightOfPages: full lists of long subjects, and the pages of a document.
func TestWeightOfPages(t *testing.T) {
	t.Parallel()
	h := start(t, configIn(t.TempDir()))
	senderKey, _ := h.enroll(t)
	var delivery, dispatch string
	for i := range 27 {
		sub := submission(fmt.Sprint("w", i))
		sub.Document.Subject = strings.Repeat("đẩy mạnh cải cách thủ tục hành chính trên địa bàn ", 8)
		sent, err := h.client(t, senderKey).Submit(t.Context(), sub, original("Nội dung."), nil)
		if err != nil {
			t.Fatal(err)
		}
		delivery, dispatch = string(sent.Deliveries[0].ID), string(sent.Dispatch.ID)
	}
	reader, author := h.signIn(t, "van.thu", member(recipient, hub.RoleClerk)), h.signIn(t, "tac.gia", member(sender, hub.RoleClerk))
	for i := range hub.MaxFilters {
		reader.post("/filters?list=inbox&show=all", "do", "keep", "name", fmt.Sprint(strings.Repeat("Bộ lọc ", 7), i))
	}
	static := map[string]int{}
	for _, look := range []struct {
		who  *person
		path string
		has  string
	}{
		{reader, "/inbox", `rel="next"`}, {reader, "/inbox?show=all&q=cai+cach", `rel="next"`}, {reader, "/inbox/" + delivery, "173/UBND"},
		{author, "/sent", `rel="next"`}, {author, "/sent/" + dispatch, "173/UBND"}, {author, "/send", "letter.js"},
	} {
		got := look.who.get(look.path)
		got.shows(t, look.has)
		weight := len(got.text)
		for _, file := range loaded.FindAllStringSubmatch(got.text, -1) {
			if static[file[1]] == 0 {
				static[file[1]] = len(look.who.get(file[1]).text)
			}
			weight += static[file[1]]
		}
		if t.Logf("%s weighs %d bytes", look.path, weight); weight > maxWeight {
			t.Errorf("%s weighs %d bytes, at most %d", look.path, weight, maxWeight)
		}
	}
	if len(static) < 4 {
		t.Errorf("only %v are loaded", static)
	}
}

// TestCompressionOfPages: what a person or a page of the hub asks for comes compressed, but
// nothing that another site made the browser ask for, and no answer to a form.
func TestCompressionOfPages(t *testing.T) {
	t.Parallel()
	h := start(t, configIn(t.TempDir()))
	h.enroll(t)
	p := h.signIn(t, "van.thu", member(recipient, hub.RoleClerk))
	form := url.Values{"form": {p.token()}, "list": {"inbox"}, "show": {"all"}, "do": {"keep"}, "name": {""}}
	for _, c := range []struct{ method, site, accept, coding string }{
		{http.MethodGet, "same-origin", "gzip, br", "gzip"},
		{http.MethodGet, "none", "gzip", "gzip"},
		{http.MethodGet, "none", "br", ""},
		{http.MethodGet, "none", "gzip;q=0", ""},
		{http.MethodGet, "cross-site", "gzip", ""},
		{http.MethodGet, "same-site", "gzip", ""},
		{http.MethodGet, "", "gzip", ""},
		{http.MethodPost, "same-origin", "gzip", ""},
	} {
		path, body := "/send", ""
		if c.method == http.MethodPost {
			path, body = "/filters", form.Encode()
		}
		r, err := http.NewRequestWithContext(t.Context(), c.method, h.URL()+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Accept-Encoding", c.accept)
		if c.site != "" {
			r.Header.Set("Sec-Fetch-Site", c.site)
		}
		got := p.do(r)
		if coding := got.header.Get("Content-Encoding"); coding != c.coding {
			t.Errorf("%v: comes with coding %q, status %d", c, coding, got.status)
			continue
		}
		if vary := got.header.Get("Vary"); !strings.Contains(vary, "Accept-Encoding") || !strings.Contains(vary, "Sec-Fetch-Site") {
			t.Errorf("%v: varies by %q", c, vary)
		}
		text := got.text
		if c.coding != "" {
			z, err := gzip.NewReader(strings.NewReader(text))
			if err != nil {
				t.Fatal(err)
			}
			plain, err := io.ReadAll(z)
			if err != nil || len(plain) < 2*len(text) {
				t.Errorf("%v: %d bytes instead of %d, %v", c, len(text), len(plain), err)
			}
			text = string(plain)
		}
		if !strings.HasSuffix(strings.TrimSpace(text), "</html>") {
			t.Errorf("%v: the page does not end", c)
		}
	}
}
