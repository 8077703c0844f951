package web

import (
	"bytes"
	"context"
	"crypto/sha256"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// contents counts what is kept.
type contents struct{ committed, discarded int }

// CreateBlob implements Content.
func (c *contents) CreateBlob(context.Context) (hub.BlobWriter, error) {
	return &content{of: c}, nil
}

// OpenBlob implements Content.
func (*contents) OpenBlob(context.Context, hub.Digest) (hub.Blob, error) {
	return nil, hub.Errorf(hub.KindNotFound, "", "", "nothing is kept here")
}

type content struct {
	bytes.Buffer
	of   *contents
	done bool
}

// Commit implements hub.BlobWriter.
func (c *content) Commit() (hub.Digest, int64, error) {
	c.of.committed, c.done = c.of.committed+1, true
	return sha256.Sum256(c.Bytes()), int64(c.Len()), nil
}

// Discard implements hub.BlobWriter.
func (c *content) Discard() {
	if !c.done {
		c.of.discarded++
	}
}

// reading is the exchange of somebody who sends a form of files of at most 100 bytes.
func reading(t testing.TB, body []byte, kind string) (*exchange, *contents) {
	t.Helper()
	all, err := readCatalogues()
	if err != nil {
		t.Fatal(err)
	}
	kept := &contents{}
	r := httptest.NewRequest(http.MethodPost, "/send", bytes.NewReader(body))
	r.Header.Set("Content-Type", kind)
	s := &site{Options: Options{MaxFile: 100, Content: kept, Now: time.Now}, texts: all, receiving: make(chan struct{}, 1)}
	s.Overloaded, s.Log = func() error { return nil }, slog.New(slog.DiscardHandler)
	visit := &hub.Visit{Account: hub.Account{Name: "van.thu", Password: "hash"}}
	return &exchange{site: s, w: httptest.NewRecorder(), r: r, lang: vietnamese, token: "token", visit: visit}, kept
}

// form is one with a subject, an original of size bytes behind its head, and an annex.
func form(t *testing.T, size int) ([]byte, string) {
	t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	_ = w.WriteField("form", (&exchange{token: "token"}).formToken())
	_ = w.WriteField("subject", "giữ lại")
	for _, f := range []struct {
		field   string
		content string
	}{{"original", "%PDF-" + strings.Repeat("x", size)}, {"annex", "nhỏ"}} {
		file, err := w.CreateFormFile(f.field, f.field+".pdf")
		if err != nil {
			t.Fatal(err)
		}
		_, _ = file.Write([]byte(f.content))
	}
	_ = w.WriteField("do", "check")
	_ = w.Close()
	return body.Bytes(), w.FormDataContentType()
}

// TestFilesThatAreTooLarge: one that is, is thrown away while the rest of the form is
// kept; a form that goes on without end is not read on.
func TestFilesThatAreTooLarge(t *testing.T) {
	body, kind := form(t, 96)
	x, kept := reading(t, body, kind)
	f, err := x.readLetter()
	if err != nil || f.problems["original"] == "" || !strings.Contains(f.problems["original"], "quá lớn") || f.Get("subject") != "giữ lại" {
		t.Errorf("%+v, %v", f, err)
	}
	if len(f.Files) != 1 || f.Files[0].Name != "annex.pdf" || kept.committed != 1 || kept.discarded != 1 {
		t.Errorf("%+v, %+v", f.Files, kept)
	}
	body, kind = form(t, 95)
	x, kept = reading(t, body, kind)
	if f, err := x.readLetter(); err != nil || len(f.problems) != 0 || kept.committed != 2 || f.Original() == nil || f.Original().Size != 100 {
		t.Errorf("100 bytes: %+v, %v", f, err)
	}
	body, kind = form(t, roomForFiles*100+maxForm)
	x, _ = reading(t, body, kind)
	if f, err := x.readLetter(); err == nil || hub.KindOf(err) != hub.KindTooLarge || f.Get("subject") != "giữ lại" {
		t.Errorf("without end: %v", err)
	}
	body, kind = form(t, 10)
	x, kept = reading(t, body[:len(body)-200], kind)
	if f, err := x.readLetter(); err == nil || f.Get("subject") != "giữ lại" || kept.committed > 2 {
		t.Errorf("cut off: %v", err)
	}
}

// TestEncryptedPDFs are found wherever a piece ends.
func TestEncryptedPDFs(t *testing.T) {
	for text, want := range map[string]bool{
		"%PDF-1.7 trailer << /Encrypt 5 0 R >>": true, "%PDF-1.7 << /Encrypt<</V 4>> >>": true,
		"%PDF-1.7 << /EncryptMetadata true >>": false, "%PDF-1.7 << /Root 1 0 R >>": false, "/Encrypt": false,
	} {
		for size := 1; size <= len(text); size++ {
			l := &looker{}
			for rest := text; rest != ""; rest = rest[min(size, len(rest)):] {
				if _, err := l.Write([]byte(rest[:min(size, len(rest))])); err != nil {
					t.Fatal(err)
				}
			}
			if l.encrypted != want {
				t.Errorf("%q in pieces of %d: %v", text, size, l.encrypted)
			}
		}
	}
}

// FuzzLetter reads forms: nothing breaks, the bounds hold, and what was not sent in by
// this person is no file.
func FuzzLetter(f *testing.F) {
	token := (&exchange{token: "token"}).formToken()
	head := "--b\r\nContent-Disposition: form-data; name=\"form\"\r\n\r\n" + token + "\r\n"
	f.Add([]byte(head + "--b\r\nContent-Disposition: form-data; name=\"to\"\r\n\r\nH47\r\n--b\r\nContent-Disposition: form-data; name=\"do\"\r\n\r\nsend\r\n--b--\r\n"))
	f.Add([]byte(head + "--b\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\ne30.e30\r\n--b--\r\n"))
	f.Add([]byte(head + "--b\r\nContent-Disposition: form-data; name=\"original\"; filename=\"a.pdf\"\r\n\r\n%PDF-1\r\n--b--\r\n"))
	f.Fuzz(func(t *testing.T, body []byte) {
		x, kept := reading(t, body, "multipart/form-data; boundary=b")
		l, err := x.readLetter()
		if l == nil {
			if err == nil {
				t.Fatal("neither a letter nor an error")
			}
			return
		}
		if err == nil && l.do == "" {
			t.Fatal("a form without its button is whole")
		}
		if len(l.Files) > kept.committed || l.typed > maxTyped && err == nil || len(l.To) > maxItems {
			t.Fatalf("%d files of %d, %d bytes, %d recipients", len(l.Files), kept.committed, l.typed, len(l.To))
		}
	})
}

// TestClaimsEnd: content that no document names is swept a day later, so a letter may name
// it for half a day only.
func TestClaimsEnd(t *testing.T) {
	x, _ := reading(t, nil, "")
	began := time.Date(2026, 11, 28, 3, 0, 0, 0, time.UTC)
	x.Now = func() time.Time { return began }
	want := hub.Part{Role: hub.RoleOriginal, Name: "a.pdf", MediaType: "application/pdf", Size: 5, Digest: hub.Digest{1}}
	claim, err := x.claim(want)
	if err != nil {
		t.Fatal(err)
	}
	for after, holds := range map[time.Duration]bool{0: true, claimLife - time.Second: true, claimLife: false, 48 * time.Hour: false} {
		x.Now = func() time.Time { return began.Add(after) }
		if got, ok := x.redeem(claim); ok != holds || ok && got.Part != want {
			t.Errorf("after %v the claim gives %+v, %v", after, got, ok)
		}
	}
}

// TestProofsNeedASecret: who has no password claims files by the seed of the account, and
// where there is neither nothing is proved, since anybody could have made that proof.
func TestProofsNeedASecret(t *testing.T) {
	for account, holds := range map[string]bool{"hash": true, "": false} {
		x, _ := reading(t, nil, "")
		x.visit.Account.Password, x.visit.Account.Seed = "", account
		claim, err := x.claim(hub.Part{Name: "a.pdf"})
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := x.redeem(claim); ok != holds {
			t.Errorf("with the seed %q a file is claimed: %v", account, ok)
		}
		raw := []byte("packed")
		if got := x.proves(x.proof(examinationPurpose, raw), examinationPurpose, raw); got != holds {
			t.Errorf("with the seed %q a report is proved: %v", account, got)
		}
	}
}
