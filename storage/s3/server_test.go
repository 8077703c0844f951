package s3_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/hubtest/server"
	"github.com/lienthong/lienthong/storage/s3"
)

// random is n bytes that are the same every time.
func random(n int64) io.Reader {
	return io.LimitReader(rand.NewChaCha8([32]byte{byte(n)}), n)
}

func put(t testing.TB, b *bucket, r io.Reader) (hub.Digest, int64) {
	t.Helper()
	w, err := b.CreateBlob(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer w.Discard()
	if _, err := io.Copy(w, r); err != nil {
		t.Fatal(err)
	}
	digest, size, err := w.Commit()
	if err != nil {
		t.Fatal(err)
	}
	return digest, size
}

func wantKind(t *testing.T, kind hub.ErrorKind, err error) {
	t.Helper()
	if err == nil || hub.KindOf(err) != kind {
		t.Errorf("want an error of kind %s, got %v", kind, err)
	}
}

// TestLargeContent goes through without ever being in memory as a whole, leaves nothing
// behind but itself, and is verified when it is read.
func TestLargeContent(t *testing.T) {
	srv := server.S3(t)
	b := open(t, srv, srv.Bucket(t)+"/some/prefix")
	const size = 64 << 20
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	digest, n := put(t, b, random(size))
	sum := sha256.New()
	content, err := b.OpenBlob(t.Context(), digest)
	if err != nil {
		t.Fatal(err)
	}
	defer content.Close()
	if m, err := io.Copy(sum, struct{ io.Reader }{content}); err != nil || m != size || n != size || hub.Digest(sum.Sum(nil)) != digest {
		t.Fatalf("%d bytes came back of %d, %v", m, n, err)
	}
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; took > 48<<20 {
		t.Errorf("%d MiB were allocated for %d MiB", took>>20, size>>20)
	}
	var part [100]byte
	if _, err := content.ReadAt(part[:], size/2); err != nil {
		t.Error(err)
	}
	if again, _ := put(t, b, random(size)); again != digest {
		t.Error("another digest")
	}
	if files := b.files(t); len(files) != 1 || !strings.Contains(files[0], "/some/prefix/objects/") {
		t.Errorf("the bucket has %v", files)
	}
	path := b.file(t, digest)
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt([]byte("!"), size/3); err != nil {
		t.Fatal(err)
	}
	damaged, err := open(t, srv, b.url).OpenBlob(t.Context(), digest)
	if err != nil {
		t.Fatal(err)
	}
	defer damaged.Close()
	_, err = damaged.ReadAt(part[:], 0)
	wantKind(t, hub.KindInternal, err)
}

// TestCutOff: a server that closes the connection instead of answering that something is
// there already is as good as one that says so.
func TestCutOff(t *testing.T) {
	srv := server.S3(t)
	b := open(t, srv, srv.Bucket(t))
	u, err := url.Parse(b.url)
	if err != nil {
		t.Fatal(err)
	}
	cuts, proxy := 0, httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: u.Host})
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := os.Stat(filepath.Join(srv.Root, filepath.Clean(r.URL.Path)))
		if r.Method != http.MethodPut || r.Header.Get("If-None-Match") == "" || r.ContentLength < 64<<10 || err != nil {
			proxy.ServeHTTP(w, r)
			return
		}
		cuts++
		c, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_ = c.(*net.TCPConn).SetLinger(0) // what is not yet read makes the end a reset anyway
		_ = c.Close()
	}))
	defer front.Close()
	behind := open(t, srv, front.URL+u.Path)
	first, _ := put(t, behind, random(700_000))
	second, _ := put(t, behind, random(700_000))
	if first != second || cuts == 0 {
		t.Errorf("%v and %v after %d cuts", first, second, cuts)
	}
	if err := os.WriteFile(b.file(t, first), []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	put(t, open(t, srv, front.URL+u.Path), random(700_000)) // it has not seen the sound one
	content, err := b.OpenBlob(t.Context(), first)
	if err != nil {
		t.Fatal(err)
	}
	defer content.Close()
	if n, err := io.Copy(io.Discard, content); err != nil || n != 700_000 {
		t.Errorf("%d bytes, %v", n, err)
	}
}

// TestServerGone: a store that is away is unavailable, nothing half-written can be read,
// and it works again when the server is back.
func TestServerGone(t *testing.T) {
	srv := server.S3(t)
	b := open(t, srv, srv.Bucket(t))
	const size = 40 << 20
	w, err := b.CreateBlob(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(w, random(size), size/2); err != nil {
		t.Fatal(err)
	}
	srv.Kill()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	wantKind(t, hub.KindUnavailable, b.Ping(ctx))
	_, err = io.Copy(w, random(size/2))
	if err == nil {
		_, _, err = w.Commit()
	}
	wantKind(t, hub.KindUnavailable, err)
	w.Discard()
	if err := srv.Start(); err != nil {
		t.Fatal(err)
	}
	if err := b.Ping(t.Context()); err != nil {
		t.Error(err)
	}
	for _, file := range b.files(t) {
		if strings.Contains(file, "/objects/") {
			t.Errorf("half of a content has a name: %s", file)
		}
	}
	if digest, _ := put(t, b, strings.NewReader("again")); digest != sha256.Sum256([]byte("again")) {
		t.Error("another digest")
	}
}

// TestKeeping: listing in order, removing only what is old, and a renewal that saves.
func TestKeeping(t *testing.T) {
	srv := server.S3(t)
	b := open(t, srv, srv.Bucket(t))
	digests := map[hub.Digest]bool{}
	for i := range 25 {
		d, _ := put(t, b, random(int64(i)))
		digests[d] = true
	}
	var after hub.Digest
	var last hub.Digest
	for found := 0; found < len(digests); {
		list, err := b.BlobInfos(t.Context(), after, 10)
		if err != nil || len(list) == 0 {
			t.Fatalf("%d of %d listed, %v", found, len(digests), err)
		}
		for _, info := range list {
			if !digests[info.Digest] || bytes.Compare(info.Digest[:], last[:]) <= 0 && found > 0 || info.Written.IsZero() {
				t.Errorf("listed %+v after %s", info, last)
			}
			last = info.Digest
			found++
		}
		after = last
	}
	if list, err := b.BlobInfos(t.Context(), after, 10); err != nil || len(list) != 0 {
		t.Errorf("more: %v, %v", list, err)
	}
	wantKind(t, hub.KindConflict, b.RemoveBlob(t.Context(), last, time.Now().Add(-time.Hour)))
	if err := b.RemoveBlob(t.Context(), last, time.Now().Add(time.Hour)); err != nil {
		t.Error(err)
	}
	_, err := b.OpenBlob(t.Context(), last)
	wantKind(t, hub.KindNotFound, err)
	wantKind(t, hub.KindNotFound, b.RemoveBlob(t.Context(), last, time.Now().Add(time.Hour)))
}

// TestOldContentIsRenewed: what comes in again counts as new, so that a sweep which
// looked at it before does not take it.
func TestOldContentIsRenewed(t *testing.T) {
	srv := server.S3(t)
	b := open(t, srv, srv.Bucket(t))
	b.RenewAfter = time.Nanosecond
	for _, size := range []int64{100, 3 << 20} {
		digest, _ := put(t, b, random(size))
		old := time.Now().Add(-48 * time.Hour)
		if err := os.Chtimes(b.file(t, digest), old, old); err != nil {
			t.Fatal(err)
		}
		put(t, b, random(size))
		wantKind(t, hub.KindConflict, b.RemoveBlob(t.Context(), digest, time.Now().Add(-time.Hour)))
	}
}

// TestLeftovers of crashes are swept when they are old.
func TestLeftovers(t *testing.T) {
	srv := server.S3(t)
	b := open(t, srv, srv.Bucket(t))
	if _, err := b.AppendStaged(t.Context(), "u", 0, random(10<<20)); err != nil {
		t.Fatal(err)
	}
	if n, err := b.SweepStaging(t.Context(), time.Now().Add(-time.Hour)); n != 0 || err != nil {
		t.Errorf("%d young things were swept, %v", n, err)
	}
	if size, err := b.StagedSize(t.Context(), "u"); size != 10<<20 || err != nil {
		t.Errorf("%d bytes are staged, %v", size, err)
	}
	if n, err := b.SweepStaging(t.Context(), time.Now().Add(time.Hour)); n != 3 || err != nil {
		t.Errorf("%d things were swept, %v", n, err)
	}
	if files := b.files(t); len(files) != 0 {
		t.Errorf("left: %v", files)
	}
}

// TestTwoNodesOneUpload: of two nodes that go on at the same place one wins.
func TestTwoNodesOneUpload(t *testing.T) {
	srv := server.S3(t)
	address := srv.Bucket(t)
	nodes := []*bucket{open(t, srv, address), open(t, srv, address)}
	for round := range 10 {
		id := string(rune('a' + round))
		results := make(chan error, 2)
		for _, n := range nodes {
			go func() {
				_, err := n.AppendStaged(t.Context(), id, 0, strings.NewReader("abc"))
				results <- err
			}()
		}
		first, second := <-results, <-results
		if (first == nil) == (second == nil) {
			t.Fatalf("both or neither: %v, %v", first, second)
		}
		wantKind(t, hub.KindConflict, errors.Join(first, second))
	}
}

// TestOpenRefuses what would only fail later.
func TestOpenRefuses(t *testing.T) {
	srv := server.S3(t)
	good := srv.Bucket(t)
	right := func() (string, string, error) { return srv.AccessKey, srv.SecretKey, nil }
	for name, o := range map[string]struct {
		options s3.Options
		field   string
	}{
		"no address":     {s3.Options{URL: "bucket", Keys: right}, "objects"},
		"no bucket":      {s3.Options{URL: "http://" + srv.Address(), Keys: right}, "objects"},
		"absent bucket":  {s3.Options{URL: "http://" + srv.Address() + "/absent", Keys: right}, "objects"},
		"wrong keys":     {s3.Options{URL: good, Keys: func() (string, string, error) { return srv.AccessKey, "wrong-secret", nil }}, "objects-key-file"},
		"no object lock": {s3.Options{URL: good, Keys: right, LockDays: 10}, "objects-lock-days"},
	} {
		_, err := s3.Open(t.Context(), o.options)
		if v := hub.ViolationsOf(err); len(v) != 1 || v[0].Field != o.field {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func BenchmarkPut(b *testing.B) {
	srv := server.S3(b)
	s := open(b, srv, srv.Bucket(b))
	body := make([]byte, 200<<10)
	source := rand.NewChaCha8([32]byte{1})
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		_, _ = source.Read(body)
		put(b, s, bytes.NewReader(body))
	}
}
