package httpapi

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/lienthong/lienthong/hub"
)

func TestPartHeaders(t *testing.T) {
	s := newTestServer(t)
	a := s.call(t, http.MethodGet, "/v1/dispatches/d1/parts/p1", "")
	sum := sha256.Sum256([]byte(theContent))
	for name, want := range map[string]string{
		"ETag":                   `"` + hub.Digest(sum).String() + `"`,
		"Repr-Digest":            "sha-256=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":",
		"Content-Type":           "application/pdf",
		"Accept-Ranges":          "bytes",
		"X-Content-Type-Options": "nosniff",
	} {
		if got := a.Header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if string(a.body) != theContent {
		t.Errorf("%q", a.body)
	}
	kind, params, err := mime.ParseMediaType(a.Header.Get("Content-Disposition"))
	if err != nil || kind != "attachment" || params["filename"] != `Chỉ thị "173".pdf` {
		t.Errorf("%q: %v", a.Header.Get("Content-Disposition"), err)
	}
}

// Names are data: no name breaks out of its header, and none is a path.
func TestAttachmentNames(t *testing.T) {
	for _, name := range []string{
		"a.pdf", "Công văn số 173.pdf", `a"b.pdf`, `a\b.pdf`, "a\r\nSet-Cookie: x.pdf", "a;b.pdf", "100%.pdf", "", "a+b c.pdf", "\u202efdp.exe", "\xff.pdf", "'*'.pdf",
	} {
		header := attachment(name)
		if strings.ContainsAny(header, "\r\n") {
			t.Errorf("%q breaks the header: %q", name, header)
		}
		kind, params, err := mime.ParseMediaType(header)
		if err != nil || kind != "attachment" {
			t.Errorf("%q: %q: %v", name, header, err)
			continue
		}
		if name != "" && params["filename"] != name {
			t.Errorf("%q became %q (%s)", name, params["filename"], header)
		}
	}
}

func TestRanges(t *testing.T) {
	s := newTestServer(t)
	size := len(theContent)
	etag := s.call(t, http.MethodGet, "/v1/dispatches/d1/parts/p1", "").Header.Get("ETag")
	for _, row := range []struct {
		header, condition string
		status            int
		want              string
	}{
		{"bytes=0-3", "", 206, theContent[:4]},
		{"bytes=5-", "", 206, theContent[5:]},
		{"bytes=-3", "", 206, theContent[size-3:]},
		{"bytes=0-99999", "", 206, theContent},
		{"bytes=-99999", "", 206, theContent},
		{"bytes=5-", etag, 206, theContent[5:]},
		{"bytes=5-", `"other"`, 200, theContent},
		{"bytes=5-", "W/" + etag, 200, theContent},
		{"bytes=0-1,3-4", "", 200, theContent},
		{"bytes=3-1", "", 200, theContent},
		{"bytes=+1-2", "", 200, theContent},
		{"bytes=x", "", 200, theContent},
		{"bytes=-", "", 200, theContent},
		{"lines=1-2", "", 200, theContent},
		{"bytes=99999-", "", 416, ""},
		{"bytes=-0", "", 416, ""},
	} {
		a := s.call(t, http.MethodGet, "/v1/dispatches/d1/parts/p1", "", "Range", row.header, "If-Range", row.condition)
		if a.StatusCode != row.status || row.status != 416 && string(a.body) != row.want {
			t.Errorf("%s %s: %d %q", row.header, row.condition, a.StatusCode, a.body)
		}
		switch row.status {
		case 416:
			if a.problem(t); !strings.HasPrefix(a.Header.Get("Content-Range"), "bytes */") {
				t.Errorf("%s: Content-Range %q", row.header, a.Header.Get("Content-Range"))
			}
		case 206:
			if !strings.HasSuffix(a.Header.Get("Content-Range"), "/"+strconv.Itoa(size)) {
				t.Errorf("%s: Content-Range %q", row.header, a.Header.Get("Content-Range"))
			}
		}
	}
	if a := s.call(t, http.MethodGet, "/v1/dispatches/d1/parts/p1", "", "If-None-Match", etag); a.StatusCode != http.StatusNotModified || len(a.body) != 0 {
		t.Errorf("If-None-Match: %d", a.StatusCode)
	}
	if a := s.call(t, http.MethodHead, "/v1/dispatches/d1/parts/p1", ""); a.StatusCode != http.StatusOK || a.ContentLength != int64(size) || len(a.body) != 0 {
		t.Errorf("HEAD: %d, %d bytes", a.StatusCode, a.ContentLength)
	}
}

// Damaged content never ends as if all were well, however long it is.
func TestDamagedContentBreaksOff(t *testing.T) {
	for _, size := range []int{1, 100, copyBuffer - 1, copyBuffer, copyBuffer + 1, 2 * copyBuffer, 3*copyBuffer + 7} {
		s := newTestServer(t)
		s.hub.damaged = true
		d := theDispatch()
		s.hub.blobs[d.Parts[0].Digest] = bytes.Repeat([]byte("x"), size)
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/v1/dispatches/d1/parts/p1", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer lt_all_x")
		resp, err := s.Client().Do(req)
		if err != nil {
			continue // broken off before the head: no clean end either
		}
		got, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err == nil && resp.StatusCode == http.StatusOK || bytes.Contains(got, []byte("/secret/")) {
			t.Errorf("%d bytes: %d with a clean end after %d bytes", size, resp.StatusCode, len(got))
		}
		if size > copyBuffer && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%d bytes: %v after %d bytes", size, err, len(got))
		}
		if !strings.Contains(s.log.String(), "damaged") {
			t.Errorf("%d bytes: the log does not tell", size)
		}
	}
}

// Every length goes out whole when it is sound.
func TestContentOfEveryLength(t *testing.T) {
	for _, size := range []int{0, 1, copyBuffer - 1, copyBuffer, copyBuffer + 1, 2 * copyBuffer, 3*copyBuffer + 7} {
		s := newTestServer(t)
		d := theDispatch()
		content := bytes.Repeat([]byte("0123456789"), size/10+1)[:size]
		s.hub.blobs[d.Parts[0].Digest] = content
		if a := s.call(t, http.MethodGet, "/v1/dispatches/d1/parts/p1", ""); !bytes.Equal(a.body, content) || a.ContentLength != int64(size) {
			t.Errorf("%d bytes: got %d, announced %d", size, len(a.body), a.ContentLength)
		}
	}
}

// Content is data: a type that a browser would run goes out as bytes.
func TestDangerousMediaTypes(t *testing.T) {
	for said, want := range map[string]string{
		"application/pdf": "application/pdf", "text/plain; charset=utf-8": "text/plain; charset=utf-8",
		"text/html": "application/octet-stream", "image/svg+xml": "application/octet-stream",
		"application/xhtml+xml": "application/octet-stream", "text/javascript": "application/octet-stream",
		"": "application/octet-stream", "a\r\nb": "application/octet-stream",
	} {
		if got := mediaType(said); got != want {
			t.Errorf("%q goes out as %q", said, got)
		}
	}
}

func TestEncodedPackage(t *testing.T) {
	s := newTestServer(t)
	a := s.call(t, http.MethodGet, "/v1/dispatches/d1/package", "")
	if a.StatusCode != http.StatusOK || string(a.body) != "<edXML>"+theContent+"</edXML>" || a.Header.Get("Content-Type") != "application/xml" {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	if a := s.call(t, http.MethodGet, "/v1/dispatches/other/package", ""); a.problem(t).Status != http.StatusNotFound {
		t.Errorf("%d", a.StatusCode)
	}
	if a := s.call(t, http.MethodGet, "/v1/dispatches/taken/package", ""); a.problem(t).Status != http.StatusNotFound {
		t.Errorf("of a document that was taken back: %d %s", a.StatusCode, a.body)
	}
	s.hub.damaged = true
	d := theDispatch()
	s.hub.blobs[d.Parts[0].Digest] = bytes.Repeat([]byte("x"), 1<<20)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/v1/dispatches/d1/package", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer lt_all_x")
	resp, err := s.Client().Do(req)
	if err != nil {
		return
	}
	defer resp.Body.Close()
	if got, err := io.ReadAll(resp.Body); err == nil {
		t.Errorf("damaged content ended cleanly after %d bytes", len(got))
	}
}
