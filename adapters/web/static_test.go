package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"testing"
)

// TestPDFJSIsWhatWasTaken: the files of others that the program carries are those whose
// digests .ci/pdfjs wrote down, all of them and no other, each with a licence beside it.
func TestPDFJSIsWhatWasTaken(t *testing.T) {
	const dir = "static/pdfjs"
	list, err := fs.ReadFile(static, dir+"/SHA256SUMS")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for line := range strings.Lines(string(list)) {
		sum, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		want[name] = sum
	}
	entries, err := fs.ReadDir(static, dir)
	if err != nil || len(entries) != len(want)+1 || len(want) < 10 {
		t.Fatalf("%d files, %d digests, %v", len(entries), len(want), err)
	}
	for _, e := range entries {
		raw, err := fs.ReadFile(static, path.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if sum := fmt.Sprintf("%x", sha256.Sum256(raw)); e.Name() != "SHA256SUMS" && sum != want[e.Name()] {
			t.Errorf("%s has the digest %s, %q is written down", e.Name(), sum, want[e.Name()])
		}
		if bytes.Contains(raw, []byte("new Function(")) {
			t.Errorf("%s makes scripts from text, which the policy of the pages forbids", e.Name())
		}
	}
	for _, name := range []string{"LICENSE", "LICENSE_FOXIT", "LICENSE_JBIG2", "LICENSE_OPENJPEG", "pdf.min.mjs", "pdf.worker.min.mjs"} {
		if want[name] == "" {
			t.Errorf("%s is not there", name)
		}
	}
}

// TestFilesOfPages: a browser keeps a file under the address that its page names, gets it
// compressed where it takes that, and keeps nothing under an address of another version.
func TestFilesOfPages(t *testing.T) {
	files, err := readStatics()
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /static/{mark}/{name...}", &files)
	ask := func(address, coding string) *http.Response {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
		r.Header.Set("Accept-Encoding", coding)
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		return w.Result()
	}
	for name, kind := range map[string]string{
		"style.css": "text/css", "paper.mjs": "text/javascript", "live.js": "text/javascript", "icon.svg": "image/svg+xml",
		"pdfjs/pdf.worker.min.mjs": "text/javascript", "pdfjs/openjpeg_nowasm_fallback.js": "text/javascript",
	} {
		raw, err := fs.ReadFile(static, "static/"+name)
		if err != nil {
			t.Fatal(err)
		}
		for _, coding := range []string{"", "gzip, br"} {
			got := ask(files.address(name), coding)
			var body io.Reader = got.Body
			if coding != "" && len(raw) > 2000 {
				if got.Header.Get("Content-Encoding") != "gzip" {
					t.Fatalf("%s is not compressed", name)
				}
				if body, err = gzip.NewReader(body); err != nil {
					t.Fatal(err)
				}
			} else if got.Header.Get("Content-Encoding") != "" {
				t.Errorf("%s is compressed for who takes %q", name, coding)
			}
			whole, err := io.ReadAll(body)
			if err != nil || !bytes.Equal(whole, raw) {
				t.Errorf("%s comes with %d bytes of %d, %v", name, len(whole), len(raw), err)
			}
			if h := got.Header; got.StatusCode != http.StatusOK || !strings.HasPrefix(h.Get("Content-Type"), kind) ||
				!strings.Contains(h.Get("Cache-Control"), "immutable") || h.Get("Vary") != "Accept-Encoding" {
				t.Errorf("%s comes with %d %v", name, got.StatusCode, h)
			}
		}
	}
	if got := ask("/static/0123456789abcdef/style.css", ""); got.StatusCode != http.StatusOK || got.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("a file of another version comes with %d %v", got.StatusCode, got.Header)
	}
	for _, name := range []string{"nothing.js", "", "../web.go", "pdfjs"} {
		if got := ask("/static/"+files.mark+"/"+name, ""); got.StatusCode == http.StatusOK {
			t.Errorf("%q comes with %d", name, got.StatusCode)
		}
	}
}
