package blobdir_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/blobdir"
	"github.com/lienthong/lienthong/storage/storagetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestConformance runs what every store of content promises.
func TestConformance(t *testing.T) {
	storagetest.RunBlobs(t, storagetest.BlobBackend{
		Open: func(t *testing.T) storagetest.Blobs { return open(t, t.TempDir()) },
		Reopen: func(t *testing.T, s storagetest.Blobs) storagetest.Blobs {
			return open(t, s.(*blobdir.Dir).Dir)
		},
		Damage: func(t *testing.T, s storagetest.Blobs, digest hub.Digest, change func([]byte) []byte) {
			damage(t, s.(*blobdir.Dir).Dir, digest, change)
		},
		Count: func(t *testing.T, s storagetest.Blobs) int { return len(files(t, s.(*blobdir.Dir).Dir)) },
		Age: func(t *testing.T, s storagetest.Blobs, digest hub.Digest, written time.Time) {
			if err := os.Chtimes(objectPath(t, s.(*blobdir.Dir).Dir, digest), written, written); err != nil {
				t.Fatal(err)
			}
		},
	})
}

func open(t *testing.T, dir string) *blobdir.Dir {
	t.Helper()
	d, err := blobdir.Open(blobdir.Options{Dir: dir, Fatal: func(err error) { t.Error(err) }})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// objectPath finds the file of a content, whatever the layout.
func objectPath(t *testing.T, dir string, digest hub.Digest) string {
	t.Helper()
	for _, path := range files(t, dir) {
		if filepath.Base(path) == digest.String() {
			return path
		}
	}
	t.Fatalf("no file of %s", digest)
	return ""
}

func damage(t *testing.T, dir string, digest hub.Digest, change func([]byte) []byte) {
	t.Helper()
	path := objectPath(t, dir, digest)
	body, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, change(body), 0o600); err != nil {
		t.Fatal(err)
	}
	// A clock that is too coarse must not hide the change from the test.
	later := time.Now().Add(time.Second)
	if err := os.Chtimes(path, later, later); err != nil {
		t.Fatal(err)
	}
}

// files lists all files below dir.
func files(t *testing.T, dir string) (found []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			found = append(found, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func commit(t *testing.T, d *blobdir.Dir, text string) hub.Digest {
	t.Helper()
	w, err := d.CreateBlob(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer w.Discard()
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	digest, _, err := w.Commit()
	if err != nil {
		t.Fatal(err)
	}
	return digest
}

// TestPermissions: content is for the hub's own account alone.
func TestPermissions(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "blobs")
	d := open(t, dir)
	commit(t, d, "abc")
	if _, err := d.AppendStaged(t.Context(), "u", 0, strings.NewReader("x")); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has the permissions %s", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestSweep: old unfinished files go at the next start, young ones may be in use.
func TestSweep(t *testing.T) {
	dir := t.TempDir()
	d := open(t, dir)
	for range 2 {
		w, err := d.CreateBlob(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte("unfinished")); err != nil {
			t.Fatal(err)
		}
	}
	left := files(t, dir)
	old := time.Now().Add(-25 * time.Hour)
	if err := os.Chtimes(left[0], old, old); err != nil {
		t.Fatal(err)
	}
	open(t, dir)
	if now := files(t, dir); len(now) != 1 || now[0] != left[1] {
		t.Errorf("left after the sweep: %v, want %s", now, left[1])
	}
}

// TestDamagedIsKept: what was found damaged stays as the proof.
func TestDamagedIsKept(t *testing.T) {
	dir := t.TempDir()
	d := open(t, dir)
	digest := commit(t, d, "abc")
	damage(t, dir, digest, func([]byte) []byte { return []byte("abd") })
	commit(t, d, "abc")
	kept, err := os.ReadFile(objectPath(t, dir, digest) + ".damaged")
	if err != nil || string(kept) != "abd" {
		t.Errorf("the damaged content: %q, %v", kept, err)
	}
}

// TestSilentDamage: damage that leaves no trace in the file's times is found by
// reading from the start, which trusts no memory.
func TestSilentDamage(t *testing.T) {
	dir := t.TempDir()
	d := open(t, dir)
	digest := commit(t, d, "abc")
	info, err := os.Stat(objectPath(t, dir, digest))
	if err != nil {
		t.Fatal(err)
	}
	damage(t, dir, digest, func([]byte) []byte { return []byte("abd") })
	if err := os.Chtimes(objectPath(t, dir, digest), info.ModTime(), info.ModTime()); err != nil {
		t.Fatal(err)
	}
	b, err := d.OpenBlob(t.Context(), digest)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if n, err := b.Read(make([]byte, 10)); err == nil || n != 0 {
		t.Errorf("%d damaged bytes were passed on: %v", n, err)
	}
}

// TestFailedSync: a synchronisation that fails ends the process, whoever asked.
func TestFailedSync(t *testing.T) {
	dir := t.TempDir()
	const stopped = "stopped"
	d, err := blobdir.Open(blobdir.Options{Dir: dir, Fatal: func(error) { panic(stopped) }})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(dir, "staged")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(t.TempDir(), filepath.Join(dir, "staged")); err != nil {
		t.Fatal(err)
	}
	r := &removing{Reader: strings.NewReader("x"), path: filepath.Join(dir, "staged")}
	defer func() {
		if recover() != stopped {
			t.Error("a synchronisation failed and the process went on")
		}
	}()
	_, _ = d.AppendStaged(t.Context(), "u", 0, r)
}

// removing takes the folder away while bytes come in.
type removing struct {
	*strings.Reader
	path string
}

func (r *removing) Read(p []byte) (int, error) {
	_ = os.Remove(r.path)
	return r.Reader.Read(p)
}
