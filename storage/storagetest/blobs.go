package storagetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// BlobBackend says how to come by a store of content. The hooks that are nil
// leave out what cannot be tested without them.
type BlobBackend struct {
	// Open returns an empty store and sees to its closing.
	Open func(t *testing.T) Blobs
	// Reopen opens what a store of Open left behind, as a restart of the hub does.
	Reopen func(t *testing.T, blobs Blobs) Blobs
	// Damage changes stored bytes behind the store's back.
	Damage func(t *testing.T, blobs Blobs, digest hub.Digest, change func([]byte) []byte)
	// Count returns how many things of any kind are stored: content, unfinished
	// content, staged bytes.
	Count func(t *testing.T, blobs Blobs) int
	// Age makes content look as if it was last written at the instant.
	Age func(t *testing.T, blobs Blobs, digest hub.Digest, written time.Time)
}

// RunBlobs tests one back end of content.
func RunBlobs(t *testing.T, b BlobBackend) {
	for name, test := range map[string]func(*testing.T, BlobBackend){
		"commit and read":           testCommit,
		"seek and read at":          testSeek,
		"discard":                   testDiscard,
		"same content in parallel":  testCommitInParallel,
		"damage is found":           testDamage,
		"damage is healed":          testHealing,
		"staged bytes":              testStaging,
		"staged offsets":            testStagedOffsets,
		"staged bytes, broken off":  testStagedBrokenOff,
		"staged bytes, taken over":  testStagedTakeOver,
		"staged content is content": testStagedSameContent,
		"staged ids":                testStagedIDs,
		"reopen":                    testBlobsReopen,
		"list":                      testBlobInfos,
		"remove":                    testRemoveBlob,
		"renew":                     testRenewBlob,
		"remove against writers":    testRemoveAgainstWriters,
		"sweep staged bytes":        testSweepStaging,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, b)
		})
	}
}

// sizes of content: nothing, little, around the buffers of readers, much.
func sizes() []int {
	return []int{0, 1, 511, 4096, 32 << 10, 256<<10 - 1, 256 << 10, 256<<10 + 1, 1<<20 + 17, 5 << 20, 5<<20 + 1}
}

// content returns n bytes that look random and are the same every time.
func content(n int) []byte {
	body := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{byte(n), byte(n >> 8)}).Read(body) // never fails
	return body
}

func put(t *testing.T, s Blobs, body []byte) hub.Digest {
	t.Helper()
	w, err := s.CreateBlob(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer w.Discard()
	if _, err := io.Copy(w, iotest.HalfReader(bytes.NewReader(body))); err != nil {
		t.Fatal(err)
	}
	digest, size, err := w.Commit()
	if err != nil {
		t.Fatal(err)
	}
	if digest != sha256.Sum256(body) || size != int64(len(body)) {
		t.Fatalf("%d bytes were committed as %d bytes of %s", len(body), size, digest)
	}
	return digest
}

func openBlob(t *testing.T, s Blobs, digest hub.Digest) hub.Blob {
	t.Helper()
	b, err := s.OpenBlob(t.Context(), digest)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

func get(t *testing.T, s Blobs, digest hub.Digest) []byte {
	t.Helper()
	body, err := io.ReadAll(openBlob(t, s, digest))
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func testCommit(t *testing.T, back BlobBackend) {
	s := back.Open(t)
	for _, n := range sizes() {
		body := content(n)
		digest := put(t, s, body)
		if !bytes.Equal(get(t, s, digest), body) {
			t.Errorf("%d bytes came back changed", n)
		}
		if again := put(t, s, body); again != digest {
			t.Errorf("the same content has the digest %s, then %s", digest, again)
		}
		b := openBlob(t, s, digest)
		if b.Size() != int64(n) {
			t.Errorf("size %d, want %d", b.Size(), n)
		}
		if err := iotest.TestReader(b, body); err != nil {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
	_, err := s.OpenBlob(t.Context(), sha256.Sum256([]byte("never put in")))
	wantKind(t, hub.KindNotFound, err)
	if back.Count != nil && back.Count(t, s) != len(sizes()) {
		t.Errorf("%d things are stored, want %d", back.Count(t, s), len(sizes()))
	}
}

func testSeek(t *testing.T, back BlobBackend) {
	s := back.Open(t)
	body := content(100_000)
	b := openBlob(t, s, put(t, s, body))
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		from, length := random.IntN(len(body)+10), 1+random.IntN(5000)
		want := body[min(from, len(body)):min(from+length, len(body))]
		got := make([]byte, length)
		n, err := b.ReadAt(got, int64(from))
		if !bytes.Equal(got[:n], want) || n < length && !errors.Is(err, io.EOF) || err != nil && !errors.Is(err, io.EOF) {
			t.Fatalf("ReadAt(%d, %d): %d bytes, %v", from, length, n, err)
		}
		if at, err := b.Seek(int64(from), io.SeekStart); at != int64(from) || err != nil {
			t.Fatalf("Seek(%d): %d, %v", from, at, err)
		}
		n, err = io.ReadFull(b, got)
		if !bytes.Equal(got[:n], want) || n == length && err != nil {
			t.Fatalf("Read at %d: %d bytes, %v", from, n, err)
		}
	}
	// To the end and back, as servers do who ask for the size.
	if size, err := b.Seek(0, io.SeekEnd); size != int64(len(body)) || err != nil {
		t.Fatal(size, err)
	}
	if n, err := b.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %d bytes, %v", n, err)
	}
	if _, err := b.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	if all, err := io.ReadAll(b); err != nil || !bytes.Equal(all, body) {
		t.Errorf("from the start again: %d bytes, %v", len(all), err)
	}
	if _, err := b.Seek(-1, io.SeekStart); err == nil {
		t.Error("a seek before the start")
	}
	if _, err := b.Seek(0, 9); err == nil {
		t.Error("a seek from nowhere")
	}
}

func testDiscard(t *testing.T, back BlobBackend) {
	s := back.Open(t)
	w, err := s.CreateBlob(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	body := content(300_000)
	if _, err := w.Write(body); err != nil {
		t.Fatal(err)
	}
	w.Discard()
	w.Discard()
	if _, _, err := w.Commit(); err == nil {
		t.Error("a discarded writer was committed")
	}
	_, err = s.OpenBlob(t.Context(), sha256.Sum256(body))
	wantKind(t, hub.KindNotFound, err)

	ctx, cancel := context.WithCancel(t.Context())
	w, err = s.CreateBlob(ctx)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := w.Write(body); err == nil {
		t.Error("bytes were written for a caller that had gone")
	}
	w.Discard()
	if back.Count != nil && back.Count(t, s) != 0 {
		t.Errorf("a discard leaves %d things", back.Count(t, s))
	}
	digest := put(t, s, body) // whose deferred Discard must do nothing
	if !bytes.Equal(get(t, s, digest), body) {
		t.Error("a discard after the commit removed the content")
	}
}

func testCommitInParallel(t *testing.T, back BlobBackend) {
	s := back.Open(t)
	const callers = 24
	var group sync.WaitGroup
	for i := range callers {
		body := content(50_000 + i%3) // three contents
		staged := i%2 == 0
		group.Go(func() {
			var digest hub.Digest
			var err error
			if staged {
				digest, err = stageAll(t.Context(), s, fmt.Sprint("upload-", i), body)
			} else {
				digest, err = commitAll(t.Context(), s, body)
			}
			if err != nil {
				t.Error(err)
				return
			}
			// Whoever has committed can read at once.
			b, err := s.OpenBlob(t.Context(), digest)
			if err != nil {
				t.Error(err)
				return
			}
			defer b.Close()
			if got, err := io.ReadAll(b); err != nil || !bytes.Equal(got, body) {
				t.Errorf("%d bytes came back: %v", len(got), err)
			}
		})
	}
	group.Wait()
	if back.Count != nil && back.Count(t, s) != 3 {
		t.Errorf("%d things are stored, want 3", back.Count(t, s))
	}
}

func commitAll(ctx context.Context, s Blobs, body []byte) (hub.Digest, error) {
	w, err := s.CreateBlob(ctx)
	if err != nil {
		return hub.Digest{}, err
	}
	defer w.Discard()
	if _, err := w.Write(body); err != nil {
		return hub.Digest{}, err
	}
	digest, _, err := w.Commit()
	return digest, err
}

func stageAll(ctx context.Context, s Blobs, id string, body []byte) (hub.Digest, error) {
	if _, err := s.AppendStaged(ctx, id, 0, bytes.NewReader(body)); err != nil {
		return hub.Digest{}, err
	}
	digest, _, err := s.CommitStaged(ctx, id)
	return digest, err
}

// damages are what a bad disk does to content.
func damages() map[string]func([]byte) []byte {
	flip := func(at func(int) int) func([]byte) []byte {
		return func(body []byte) []byte {
			body[at(len(body))] ^= 1
			return body
		}
	}
	return map[string]func([]byte) []byte{
		"first byte":  flip(func(int) int { return 0 }),
		"middle byte": flip(func(n int) int { return n / 2 }),
		"last byte":   flip(func(n int) int { return n - 1 }),
		"cut short":   func(body []byte) []byte { return body[:len(body)-1] },
		"empty":       func([]byte) []byte { return nil },
		"longer":      func(body []byte) []byte { return append(body, 'x') },
	}
}

func testDamage(t *testing.T, back BlobBackend) {
	if back.Damage == nil {
		t.Skip("this back end cannot be damaged from here")
	}
	for name, change := range damages() {
		s := back.Open(t)
		body := content(700_000)
		digest := put(t, s, body)
		back.Damage(t, s, digest, change)

		got, err := io.ReadAll(openBlob(t, s, digest))
		wantDamaged(t, err)
		if len(got) >= len(body) && name != "longer" {
			t.Errorf("%s: all %d bytes were passed on before the damage was told", name, len(got))
		}
		_, err = openBlob(t, s, digest).ReadAt(make([]byte, 10), 5)
		wantDamaged(t, err)

		b := openBlob(t, s, digest)
		if _, err := b.Seek(100, io.SeekStart); err == nil {
			_, err = b.Read(make([]byte, 10))
			wantDamaged(t, err)
		}
	}
}

func wantDamaged(t *testing.T, err error) {
	t.Helper()
	wantKind(t, hub.KindInternal, err)
	if !errors.Is(err, hub.ErrDamaged) {
		t.Errorf("%v does not say that the content is damaged", err)
	}
}

// testHealing: the same content coming in again takes the place of the damaged
// one, because whoever commits is promised that it can be read.
func testHealing(t *testing.T, back BlobBackend) {
	if back.Damage == nil {
		t.Skip("this back end cannot be damaged from here")
	}
	for name, change := range damages() {
		s := back.Open(t)
		body := content(700_000)
		digest := put(t, s, body)
		back.Damage(t, s, digest, change)
		if again := put(t, s, body); again != digest {
			t.Fatalf("%s: another digest", name)
		}
		if !bytes.Equal(get(t, s, digest), body) {
			t.Errorf("%s: still damaged after the same content came in again", name)
		}
	}
}

func testStaging(t *testing.T, back BlobBackend) {
	s := back.Open(t)
	for _, n := range sizes() {
		body, id := content(n), fmt.Sprint("u-", n)
		var end int64
		for rest := body; len(rest) > 0; {
			chunk := rest[:min(len(rest), 100_000)]
			next, err := s.AppendStaged(t.Context(), id, end, iotest.OneByteReader(bytes.NewReader(chunk)))
			if err != nil || next != end+int64(len(chunk)) {
				t.Fatalf("append at %d: %d, %v", end, next, err)
			}
			end, rest = next, rest[len(chunk):]
			if size, err := s.StagedSize(t.Context(), id); err != nil || size != end {
				t.Fatalf("staged size %d, want %d (%v)", size, end, err)
			}
		}
		digest, size, err := s.CommitStaged(t.Context(), id)
		if err != nil || digest != sha256.Sum256(body) || size != int64(n) {
			t.Fatalf("%d staged bytes were committed as %d bytes of %s: %v", n, size, digest, err)
		}
		if !bytes.Equal(get(t, s, digest), body) {
			t.Errorf("%d staged bytes came back changed", n)
		}
		if size, err := s.StagedSize(t.Context(), id); err != nil || size != 0 {
			t.Errorf("%d bytes are staged after the commit (%v)", size, err)
		}
	}
	if back.Count != nil && back.Count(t, s) != len(sizes()) {
		t.Errorf("%d things are stored, want %d", back.Count(t, s), len(sizes()))
	}
}

func testStagedOffsets(t *testing.T, back BlobBackend) {
	s := back.Open(t)
	add := func(offset int64, text string) (int64, error) {
		return s.AppendStaged(t.Context(), "u", offset, strings.NewReader(text))
	}
	if size, err := s.StagedSize(t.Context(), "u"); size != 0 || err != nil {
		t.Fatal(size, err)
	}
	_, err := add(1, "x")
	wantKind(t, hub.KindConflict, err)
	if end, err := add(0, "abc"); end != 3 || err != nil {
		t.Fatal(end, err)
	}
	for _, offset := range []int64{0, 2, 4, -1} {
		end, err := add(offset, "x")
		wantKind(t, hub.KindConflict, err)
		if end != 3 {
			t.Errorf("a wrong offset is answered with %d, the end is 3", end)
		}
	}
	if end, err := add(3, ""); end != 3 || err != nil {
		t.Error(end, err)
	}
	if err := s.DiscardStaged(t.Context(), "u"); err != nil {
		t.Fatal(err)
	}
	if err := s.DiscardStaged(t.Context(), "u"); err != nil {
		t.Errorf("a second discard: %v", err)
	}
	if size, err := s.StagedSize(t.Context(), "u"); size != 0 || err != nil {
		t.Error(size, err)
	}
	if back.Count != nil && back.Count(t, s) != 0 {
		t.Errorf("a discard leaves %d things", back.Count(t, s))
	}
}

// testStagedBrokenOff: bytes that came before a connection broke count, and the
// offset in the answer says how many.
func testStagedBrokenOff(t *testing.T, back BlobBackend) {
	s := back.Open(t)
	body := content(600_000)
	broken := errors.New("the connection broke")
	for _, failure := range []error{broken, io.ErrUnexpectedEOF} {
		id := fmt.Sprintf("u-%d", len(failure.Error()))
		r := io.MultiReader(bytes.NewReader(body[:400_000]), iotest.ErrReader(failure))
		end, err := s.AppendStaged(t.Context(), id, 0, r)
		if !errors.Is(err, failure) || end != 400_000 {
			t.Fatalf("broken off with %d bytes: %v", end, err)
		}
		if end, err = s.AppendStaged(t.Context(), id, end, bytes.NewReader(body[end:])); err != nil || end != int64(len(body)) {
			t.Fatal(end, err)
		}
		if digest, _, err := s.CommitStaged(t.Context(), id); err != nil || digest != sha256.Sum256(body) {
			t.Errorf("resumed bytes: %s, %v", digest, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.AppendStaged(ctx, "gone", 0, bytes.NewReader(body)); err == nil {
		t.Error("bytes were staged for a caller that had gone")
	}
}

// testStagedTakeOver: a client that comes back need not wait until the hub has
// given up its broken connection; what that one still brings is refused.
func testStagedTakeOver(t *testing.T, back BlobBackend) {
	s := back.Open(t)
	body := content(500_000)
	old, feed := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		_, err := s.AppendStaged(t.Context(), "u", 0, old)
		ended <- err
		_ = old.Close()
	}()
	if _, err := feed.Write(body[:300_000]); err != nil { // returns when all of it was read
		t.Fatal(err)
	}
	size, err := s.StagedSize(t.Context(), "u")
	if err != nil {
		t.Fatal(err)
	}
	end, err := s.AppendStaged(t.Context(), "u", size, bytes.NewReader(body[size:]))
	if err != nil || end != int64(len(body)) {
		t.Fatalf("going on at %d: %d, %v", size, end, err)
	}
	_, _ = feed.Write(bytes.Repeat([]byte("late"), 100_000)) // fails when the old call has ended
	_ = feed.Close()
	wantKind(t, hub.KindConflict, <-ended)
	digest, _, err := s.CommitStaged(t.Context(), "u")
	if err != nil || digest != sha256.Sum256(body) {
		t.Errorf("after the take-over: %s, %v", digest, err)
	}
}

// testStagedSameContent: content that is there already is not stored twice.
func testStagedSameContent(t *testing.T, back BlobBackend) {
	s := back.Open(t)
	body := content(1000)
	digest := put(t, s, body)
	for _, id := range []string{"u-1", "u-2"} {
		if got, err := stageAll(t.Context(), s, id, body); err != nil || got != digest {
			t.Fatal(got, err)
		}
	}
	if !bytes.Equal(get(t, s, digest), body) {
		t.Error("the content changed")
	}
	if back.Count != nil && back.Count(t, s) != 1 {
		t.Errorf("%d things are stored, want 1", back.Count(t, s))
	}
}

// testStagedIDs: an id is a name and never a way to another file.
func testStagedIDs(t *testing.T, back BlobBackend) {
	s := back.Open(t)
	for _, id := range []string{"", ".", "..", "../x", "a/b", `a\b`, "a\x00b", "a b", "ă", strings.Repeat("a", 201), "a.b", "~"} {
		_, err := s.AppendStaged(t.Context(), id, 0, strings.NewReader("x"))
		wantKind(t, hub.KindInvalid, err)
		_, err = s.StagedSize(t.Context(), id)
		wantKind(t, hub.KindInvalid, err)
		_, _, err = s.CommitStaged(t.Context(), id)
		wantKind(t, hub.KindInvalid, err)
		wantKind(t, hub.KindInvalid, s.DiscardStaged(t.Context(), id))
	}
	if back.Count != nil && back.Count(t, s) != 0 {
		t.Errorf("impossible ids left %d things", back.Count(t, s))
	}
}

func testBlobsReopen(t *testing.T, back BlobBackend) {
	s := back.Open(t)
	body := content(123_456)
	digest := put(t, s, body)
	if _, err := s.AppendStaged(t.Context(), "u", 0, bytes.NewReader(body[:1000])); err != nil {
		t.Fatal(err)
	}
	s = back.Reopen(t, s)
	if !bytes.Equal(get(t, s, digest), body) {
		t.Error("content changed over a restart")
	}
	if end, err := s.AppendStaged(t.Context(), "u", 1000, bytes.NewReader(body[1000:])); err != nil || end != int64(len(body)) {
		t.Fatalf("staged bytes over a restart: %d, %v", end, err)
	}
	if again, _, err := s.CommitStaged(t.Context(), "u"); err != nil || again != digest {
		t.Error(again, err)
	}
}
